"""Countries cut and tiled keep what they had, and osmium reads what was written."""

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from benchmarks.country import METRES, Country, cut, keep, municipality_of, read_country, tile, without_strays
from benchmarks.pbf import PbfWriter, signed_varints, varint, varints
from benchmarks.settings import DENMARK, VILLAGES
from benchmarks.synthetic import SMALL, make_country

# PBF


@given(st.lists(st.integers(0, 2**64 - 1), max_size=30))
def test_many_numbers_are_written_as_one_would_be(numbers):
    encoded = varints(np.array(numbers, dtype=np.uint64))
    assert encoded.data.tobytes() == b"".join(varint(number) for number in numbers)
    assert encoded.start[-1] == len(encoded.data)


def test_negative_numbers_are_folded_between_positive_ones():
    assert signed_varints(np.array([0, -1, 1, -2, 300])).data.tobytes() == b"\x00\x01\x02\x03" + varint(600)


def test_osmium_reads_what_was_written(tmp_path):
    rng = np.random.default_rng(3)
    ids = np.cumsum(rng.integers(1, 10**7, 20_000))  # three blocks
    lon, lat = rng.integers(-1_800_000_000, 1_800_000_000, 20_000), rng.integers(-900_000_000, 900_000_000, 20_000)
    tags = {0: (("place", "hamlet"), ("name", "Ærø")), 7_999: (("a", "b"),), 19_999: (("shop", "x"), ("name", "b"))}
    start = np.array([0, 2, 5])
    refs = ids[[5, 3, 19_999, 0, 7_999]]
    kinds = ((("highway", "primary"), ("maxspeed", "80")), ())
    with PbfWriter(tmp_path / "all.osm.pbf") as writer:
        writer.nodes(ids, lon, lat, tags)
        writer.ways(np.array([4, 9]), start, refs, np.array([1, 0], dtype=np.int32), kinds)
    nodes, found, ways = [], {}, []
    for thing in osmium.FileProcessor(str(tmp_path / "all.osm.pbf")):
        pairs = tuple((tag.k, tag.v) for tag in thing.tags)
        if thing.is_node():
            found |= {len(nodes): pairs} if pairs else {}
            nodes.append((thing.id, thing.location.x, thing.location.y))
        else:
            ways.append((thing.id, [node.ref for node in thing.nodes], pairs))
    np.testing.assert_array_equal(np.array(nodes), np.column_stack([ids, lon, lat]))
    assert found == tags
    assert ways == [(4, refs[:2].tolist(), ()), (9, refs[2:].tolist(), kinds[0])]


# Countries


@pytest.fixture(scope="module")
def made_up() -> Country:
    """A made-up country with 120 villages."""
    return make_country(SMALL)


def road_km(pbf: Path) -> float:
    """Length of all roads of a PBF, in the study's metres."""
    lines = [
        [(node.lon, node.lat) for node in way.nodes]
        for way in osmium.FileProcessor(str(pbf)).with_locations()
        if way.is_way()
    ]
    points = gpd.GeoSeries(gpd.points_from_xy(*np.array([p for line in lines for p in line]).T), crs=4326)
    xy = points.to_crs(METRES).get_coordinates().to_numpy()
    line = np.repeat(np.arange(len(lines)), [len(points) for points in lines])
    return float(np.hypot(*np.diff(xy, axis=0)[line[1:] == line[:-1]].T).sum() / 1000)


def bridges_km(country: Country, folder: Path, copies: int) -> float:
    """Length of the roads that join copies: those with ids past the copies' own."""
    own = copies * (int(country.way_id.max()) + 1)
    at = {}
    total = 0.0
    for way in osmium.FileProcessor(str(folder / "country.osm.pbf")).with_locations():
        if way.is_way() and way.id >= own:
            at[way.id] = [(node.lon, node.lat) for node in way.nodes]
    for line in at.values():
        xy = gpd.GeoSeries(gpd.points_from_xy(*np.array(line).T), crs=4326).to_crs(METRES).get_coordinates().to_numpy()
        total += float(np.hypot(*np.diff(xy, axis=0).T).sum() / 1000)
    return total


def assert_tiles_keep_all(country: Country, folder: Path) -> None:
    """Require three times everything in three copies, every id once, and the same lengths."""
    tile(country, 1, folder / "one")
    counts = tile(country, 3, folder / "three")
    one, three = ({"nodes": set(), "ways": set(), "refs": set(), "places": 0} for _ in range(2))
    for found, name in ((one, "one"), (three, "three")):
        for thing in osmium.FileProcessor(str(folder / name / "country.osm.pbf")):
            kind = "nodes" if thing.is_node() else "ways"
            assert thing.id not in found[kind], f"{kind} {thing.id} stands twice"
            found[kind].add(thing.id)
            found["places"] += thing.is_node() and thing.tags.get("place") in {"village", "hamlet", "town", "city"}
            found["refs"] |= set() if thing.is_node() else {node.ref for node in thing.nodes}
        assert found["refs"] <= found["nodes"], "a road runs over a node that is not there"
    assert counts["bridges"] == 6  # three to the copy beside, three to the copy below
    assert len(three["nodes"]) == 3 * len(one["nodes"]) == counts["nodes"]
    assert len(three["ways"]) == 3 * len(one["ways"]) + counts["bridges"]
    assert three["places"] == 3 * one["places"] > 0
    km = road_km(folder / "three" / "country.osm.pbf") - bridges_km(country, folder / "three", 3)
    assert km == pytest.approx(3 * road_km(folder / "one" / "country.osm.pbf"), rel=1e-4)


def test_copies_of_a_made_up_country_keep_counts_and_lengths(made_up, tmp_path):
    assert_tiles_keep_all(made_up, tmp_path)
    for stem, code in (("parishes", "sognekode"), ("municipalities", "kommunekode")):
        areas = [gpd.read_file(tmp_path / name / f"{stem}.geojson") for name in ("one", "three")]
        assert areas[1][code].nunique() == 3 * areas[0][code].nunique()
        assert areas[1].to_crs(METRES).area.sum() == pytest.approx(3 * areas[0].to_crs(METRES).area.sum(), rel=1e-4)
    villages = [pd.read_csv(tmp_path / name / "villages.csv") for name in ("one", "three")]
    assert len(villages[1]) == 3 * len(villages[0]) > 0
    assert villages[1]["geonameid"].is_unique


@pytest.mark.denmark
@pytest.mark.skipif(not DENMARK.is_dir(), reason="the real data in ../shared/data/denmark is not here")
def test_copies_of_samso_keep_counts_and_lengths(tmp_path):
    areas = (DENMARK / name for name in ("dagi_sogne.geojson", "dagi_kommuner.geojson"))
    samso = without_strays(read_country(DENMARK / "samso.osm.pbf", *areas, VILLAGES))
    assert samso.counts()["municipalities"] < 5  # the others have no road in the extract
    assert_tiles_keep_all(samso, tmp_path)


def test_the_copies_are_joined_and_lie_apart(made_up, tmp_path):
    tile(made_up, 2, tmp_path)
    boxes = gpd.read_file(tmp_path / "municipalities.geojson").to_crs(METRES)
    west = boxes[boxes["kommunekode"].str.endswith("c1")]
    gap = boxes.drop(west.index).total_bounds[0] - west.total_bounds[2]
    assert gap == pytest.approx(460_000 - SMALL.width_m, abs=1)


def middles_of(country):
    return country.municipalities.to_crs(METRES).set_index("kommunekode").representative_point()


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_part_is_whole_municipalities_around_one(made_up, share):
    part = cut(made_up, share)
    counts, whole = part.counts(), made_up.counts()
    in_one_municipality = whole["places"] / 3
    assert share * whole["places"] <= counts["places"] < share * whole["places"] + in_one_municipality
    length = np.diff(part.way_start)
    assert set(length) == {SMALL.nodes_a_road}  # no road is cut
    roads = part.xy[part.way_node[part.way_start[:-1] + length // 2]]
    assert set(municipality_of(roads, made_up)) <= set(part.municipalities["kommunekode"])
    chosen, middle = set(part.municipalities["kommunekode"]), middles_of(made_up)
    inside = middle.index.isin(chosen)
    away = [middle.distance(middle[code]) for code in chosen]
    assert any(from_one[inside].max() <= from_one[~inside].min() for from_one in away)


def test_a_part_is_no_emptier_than_the_country(made_up):
    """Where half of the country is empty, a quarter of its places is neither the empty nor the full half's alone."""

    def neighbours(country):
        places = country.xy[sorted(country.tags)]
        return 2 * len(cKDTree(places).query_pairs(10_000.0)) / len(places)

    middle = np.median(made_up.xy[:, 0])
    is_kept = {row: made_up.xy[row, 0] > middle or row % 5 == 0 for row in made_up.tags}
    uneven = replace(made_up, tags={row: tags for row, tags in made_up.tags.items() if is_kept[row]})
    order = middles_of(uneven).x.sort_values().index
    from_the_west = keep(uneven, set(order[: len(order) // 2]))
    off_by = [abs(neighbours(part) - neighbours(uneven)) for part in (cut(uneven, 0.25), from_the_west)]
    assert off_by[0] < off_by[1]


def test_a_point_far_from_everything_goes(made_up):
    row = next(iter(made_up.tags))
    astray = replace(made_up, xy=np.where(np.arange(len(made_up.xy))[:, None] == row, 0.0, made_up.xy))
    assert len(without_strays(astray).tags) == len(made_up.tags) - 1


def test_a_made_up_country_is_the_same_every_time(made_up):
    again = make_country(SMALL)
    np.testing.assert_array_equal(again.xy, made_up.xy)
    assert again.tags == made_up.tags
