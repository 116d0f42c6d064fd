"""The tie network as files says the same as the writers of GDAL and networkx would, however odd the names."""

import json
from itertools import pairwise

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geoklynge import network_files
from geoklynge.network_files import tie_layer, write_graphml, write_tie_geojson

NUMBERS = ("minutes", "weight")
HOSTILE = [
    "Ærø <script>alert('&')</script>",
    'say "hello" & <b>',
    "]]> &amp; <!-- \\ /",
    "two\nlines,\ttabs\rand all",
    "no-break\N{NO-BREAK SPACE}\N{LINE SEPARATOR}",
    "\N{OLD ITALIC LETTER A} \N{RAINBOW}",
]
NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
DEGREES = st.integers(-89_000_000, 89_000_000).map(lambda k: k / 1e6)  # GDAL cuts a line at the antimeridian in two


@pytest.fixture(autouse=True)
def _few_rows_at_once(monkeypatch):
    monkeypatch.setattr(network_files, "ROWS_AT_ONCE", 3)  # so that a small network has several batches


def network_of(names, pairs, lon_lat=None, numbers=None):
    """Villages v0, v1, ... with these names, and ties between pairs of their numbers."""
    ids = [f"v{k}" for k in range(len(names))]
    lon_lat = lon_lat or [(10 + k / 8, 56 + k / 1000) for k in range(len(names))]
    nodes = pd.DataFrame(
        {
            "village_id": ids,
            "name": names,
            "cluster_id": ["cluster-v0" if k % 2 else "" for k in range(len(names))],
            "lon": [lon for lon, _ in lon_lat],
            "lat": [lat for _, lat in lon_lat],
        }
    )
    numbers = numbers or [(k + 0.125, k / 10_000) for k in range(len(pairs))]
    ends = {end: [ids[pair[side]] for pair in pairs] for side, end in enumerate(("village_a", "village_b"))}
    values = {name: [row[k] for row in numbers] for k, name in enumerate(NUMBERS)}
    return nodes, pd.DataFrame({**ends, **values})


def ring(names):
    """All villages, each tied to the next."""
    return network_of(names, [(k, k + 1) for k in range(len(names) - 1)])


@st.composite
def networks(draw):
    names = draw(st.lists(NAME, min_size=1, max_size=8))
    every = [(a, b) for a in range(len(names)) for b in range(a + 1, len(names))]
    pairs = draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    value = st.one_of(st.integers(0, 10**7).map(lambda k: k / 1e4), st.just(np.nan))
    numbers = [(draw(value), draw(value)) for _ in pairs]
    places = st.lists(st.tuples(DEGREES, DEGREES), min_size=len(names), max_size=len(names))
    return network_of(names, pairs, draw(places), numbers)


def test_graphml_keeps_every_name_that_xml_can_hold(tmp_path):
    nodes, ties = ring(HOSTILE)
    write_graphml(nodes, ties, tmp_path / "ties.graphml")
    graph = nx.read_graphml(tmp_path / "ties.graphml")
    assert [graph.nodes[each]["name"] for each in nodes["village_id"]] == HOSTILE


def test_graphml_replaces_what_xml_cannot_hold(tmp_path):
    nodes, ties = ring(["a\x00b\x08\x1f", "\ufffe\uffff"])
    write_graphml(nodes, ties, tmp_path / "ties.graphml")
    graph = nx.read_graphml(tmp_path / "ties.graphml")
    assert [graph.nodes[each]["name"] for each in nodes["village_id"]] == ["a\ufffdb\ufffd\ufffd", "\ufffd\ufffd"]


def test_hostile_ids_still_name_the_ends(tmp_path):
    nodes, ties = ring(HOSTILE)
    id_of = dict(zip(nodes["village_id"], HOSTILE, strict=True))
    nodes["village_id"] = nodes["village_id"].map(id_of)
    ties = ties.assign(village_a=ties["village_a"].map(id_of), village_b=ties["village_b"].map(id_of))
    write_graphml(nodes, ties, tmp_path / "ties.graphml")
    graph = nx.read_graphml(tmp_path / "ties.graphml")
    assert list(graph.nodes) == HOSTILE
    assert [set(edge) for edge in graph.edges] == list(map(set, pairwise(HOSTILE)))
    write_tie_geojson(nodes, ties, tmp_path / "ties.geojson")
    features = json.loads((tmp_path / "ties.geojson").read_text(encoding="utf-8"))["features"]
    assert [feature["properties"]["village_a"] for feature in features] == HOSTILE[:-1]


@settings(max_examples=60, deadline=None)
@given(networks())
def test_graphml_reads_as_the_graph_it_was_made_of(tmp_path_factory, network):
    nodes, ties = network
    path = tmp_path_factory.mktemp("network") / "ties.graphml"
    write_graphml(nodes, ties, path)
    graph = nx.read_graphml(path)
    assert not graph.is_directed()
    assert list(graph.nodes) == nodes["village_id"].tolist()
    for row in nodes.to_dict("records"):
        found = graph.nodes[row["village_id"]]
        assert (found["lon"], found["lat"], found["cluster_id"]) == (row["lon"], row["lat"], row["cluster_id"])
    expected = {
        (row.pop("village_a"), row.pop("village_b")): {name: value for name, value in row.items() if pd.notna(value)}
        for row in ties.to_dict("records")
    }  # a number that is missing is no attribute
    assert {edge: graph.edges[edge] for edge in expected} == expected
    assert graph.number_of_edges() == len(expected)
    assert all(isinstance(value, float) for edge in expected for value in graph.edges[edge].values())


def lines_of(nodes, ties):
    at = dict(zip(nodes["village_id"], zip(nodes["lon"], nodes["lat"], strict=True), strict=True))
    lines = [shapely.LineString([at[a], at[b]]) for a, b in zip(ties["village_a"], ties["village_b"], strict=True)]
    return gpd.GeoDataFrame(ties, geometry=lines, crs=4326)


@settings(max_examples=60, deadline=None)
@given(networks())
def test_geojson_is_what_gdal_would_write_byte_for_byte(tmp_path_factory, network):
    nodes, ties = network
    folder = tmp_path_factory.mktemp("network")
    write_tie_geojson(nodes, ties, folder / "ours.geojson")
    options = {"RFC7946": "YES", "COORDINATE_PRECISION": 6, "WRITE_NAME": "NO"}
    if ties["minutes"].notna().any() and ties["weight"].notna().any():  # else GDAL does not know what its columns are
        pyogrio.write_dataframe(lines_of(nodes, ties), folder / "gdal.geojson", driver="GeoJSON", **options)
        assert (folder / "ours.geojson").read_bytes() == (folder / "gdal.geojson").read_bytes()
    assert len(json.loads((folder / "ours.geojson").read_text(encoding="utf-8"))["features"]) == len(ties)


def test_whole_numbers_stay_decimals(tmp_path):
    nodes, ties = network_of(["a", "b"], [(0, 1)], [(10.0, -0.0), (9.0, 1e-6)], [(3.0, -0.0)])
    write_tie_geojson(nodes, ties, tmp_path / "ties.geojson")
    text = (tmp_path / "ties.geojson").read_text(encoding="utf-8")
    assert '"minutes": 3.0, "weight": 0.0 }' in text
    assert '"coordinates": [ [ 10.0, 0.0 ], [ 9.0, 0.000001 ] ]' in text
    assert pyogrio.read_dataframe(tmp_path / "ties.geojson").dtypes["minutes"] == np.float64


def test_the_layer_holds_lines_between_the_villages(tmp_path):
    nodes, ties = ring(["a", "b", "c", "d", "e"])
    points = np.array([(500_000.0 + 10 * k, 6_200_000.125 + k) for k in range(5)])
    found = gpd.GeoDataFrame.from_arrow(tie_layer_as_table(points, nodes, ties))
    assert [list(line.coords) for line in found.geometry] == [
        [tuple(points[k]), tuple(points[k + 1])] for k in range(4)
    ]
    assert found["village_b"].tolist() == ["v1", "v2", "v3", "v4"]
    assert found["minutes"].tolist() == [0.125, 1.125, 2.125, 3.125]


def test_a_table_put_together_of_pieces_is_written_like_any_other(tmp_path):
    nodes, ties = ring(["a", "b", "c", "d", "e", "f"])
    points = np.array([(float(k), 0.0) for k in range(6)])
    pieces = pd.concat([ties.iloc[:2], ties.iloc[2:]], ignore_index=True)
    assert tie_layer(points, nodes, pieces).read_all().equals(tie_layer(points, nodes, ties).read_all())
    for write, name in ((write_tie_geojson, "ties.geojson"), (write_graphml, "ties.graphml")):
        write(nodes, ties, tmp_path / "whole")
        write(nodes, pieces, tmp_path / name)
        assert (tmp_path / name).read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_missing_number_is_none_in_every_format(tmp_path):
    nodes, ties = network_of(["a", "b", "c"], [(0, 1), (1, 2)], numbers=[(1.0, np.nan), (2.0, 0.5)])
    write_tie_geojson(nodes, ties, tmp_path / "ties.geojson")
    features = json.loads((tmp_path / "ties.geojson").read_text(encoding="utf-8"))["features"]
    assert [feature["properties"]["weight"] for feature in features] == [None, 0.5]
    write_graphml(nodes, ties, tmp_path / "ties.graphml")
    edges = nx.read_graphml(tmp_path / "ties.graphml").edges
    assert (edges["v0", "v1"], edges["v1", "v2"]) == ({"minutes": 1.0}, {"minutes": 2.0, "weight": 0.5})
    assert tie_layer(np.zeros((3, 2)), nodes, ties).read_all()["weight"].to_pylist() == [None, 0.5]


def tie_layer_as_table(points, nodes, ties):
    """Read a layer as geopandas takes it: with the geometry declared as such."""
    table = tie_layer(points, nodes, ties).read_all()
    field = table.schema.field("geometry").with_metadata({"ARROW:extension:name": "geoarrow.wkb"})
    return table.set_column(table.schema.get_field_index("geometry"), field, table["geometry"])


def test_a_network_without_a_tie_is_a_file_all_the_same(tmp_path):
    nodes, ties = network_of(["a", "b", "c", "d"], [])
    write_graphml(nodes, ties, tmp_path / "ties.graphml")
    assert nx.read_graphml(tmp_path / "ties.graphml").number_of_nodes() == 4
    write_tie_geojson(nodes, ties, tmp_path / "ties.geojson")
    assert json.loads((tmp_path / "ties.geojson").read_text(encoding="utf-8"))["features"] == []
    pyogrio.write_arrow(
        tie_layer(np.zeros((4, 2)), nodes, ties), tmp_path / "ties.gpkg", driver="GPKG", layer="ties",
        geometry_name="geometry", geometry_type="LineString", crs="EPSG:25832",
    )  # fmt: skip
    assert pyogrio.read_info(tmp_path / "ties.gpkg")["features"] == 0
