"""What is written can be read by anyone, says what it is, and replaces nothing until it is whole."""

import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

import geopandas as gpd
import networkx as nx
import pandas as pd
import pyogrio
import pytest
import shapely

from geoklynge import table_files
from geoklynge.errors import InputError
from geoklynge.exports import read_run, slug, write_run

PAGES = {"map.html": "<!doctype html><title>map</title>", "report.html": "<!doctype html><title>report</title>"}
CLUSTER_PROPERTIES = [
    "cluster_id",
    "rank",
    "name",
    "villages",
    "village_ids",
    "n_villages",
    "population",
    "parishes",
    "municipalities",
    "score",
    "cohesion",
    "overlap",
    "complementarity",
    "identity",
    "compactness",
    "viability",
    "balance",
    "stability",
    "max_minutes",
    "mean_minutes",
    "services_present",
    "services_missing",
    "hub",
    "name_reason",
    "name_from",
    "name_share",
]


@pytest.fixture(scope="module")
def written(sample_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "syddjurs"
    write_run(sample_run, folder, pages=PAGES)
    return folder


def test_every_output_of_the_contract_is_there(written):
    assert {path.name for path in written.iterdir()} == {
        "map.html", "report.html", "clusters.geojson", "villages.geojson", "services.geojson", "ties.geojson",
        "syddjurs.gpkg", "clusters.csv", "ties.graphml", "run.json",
    }  # fmt: skip
    assert not list(written.parent.glob(".*"))


def test_clusters_geojson_is_rfc_7946(written, sample_run):
    raw = json.loads((written / "clusters.geojson").read_text(encoding="utf-8"))
    assert "crs" not in raw  # WGS84 goes without saying
    assert len(raw["features"]) == len(sample_run.result.clusters)
    for feature in raw["features"]:
        shape = shapely.geometry.shape(feature["geometry"])
        assert shape.is_valid
        for polygon in getattr(shape, "geoms", [shape]):
            assert polygon.exterior.is_ccw
            assert not any(hole.is_ccw for hole in polygon.interiors)
        west, south, east, north = shape.bounds
        assert 10 < west < east < 11
        assert 56 < south < north < 57
        for name in CLUSTER_PROPERTIES:
            assert name in feature["properties"]


@pytest.mark.parametrize("name", ["clusters", "villages", "services", "ties"])
def test_geojson_reads_back_as_written(written, sample_run, name):
    table = gpd.read_file(written / f"{name}.geojson")
    assert table.crs.to_epsg() == 4326
    assert table.is_valid.all()
    expected = {
        "clusters": sample_run.result.clusters,
        "villages": sample_run.result.villages,
        "services": sample_run.tables.services,
        "ties": sample_run.shown_ties(),
    }[name]
    assert len(table) == len(expected)
    key = expected.columns[0]
    assert table[key].tolist() == expected[key].tolist()
    if name != "ties":
        again = table.to_crs(expected.crs).geometry
        assert (again.hausdorff_distance(expected.geometry.reset_index(drop=True)) < 1.0).all()


def test_villages_geojson_says_where_each_village_stands(written, sample_run):
    villages = gpd.read_file(written / "villages.geojson").set_index("name")
    clusters = gpd.read_file(written / "clusters.geojson").set_index("cluster_id")
    own = villages["cluster_id"].dropna()
    assert set(own) == set(clusters.index)
    assert villages.loc["Ebeltoft", ["cluster_id", "standing"]].isna().all()
    assert villages.loc["Ebeltoft", "why_alone"] == "town"
    assert set(villages["standing"].dropna()) <= {"core", "edge", "contested"}
    assert villages.loc["Knebel", "minutes_school"] == 0
    assert (villages["other_share"].dropna() >= 0.3).all()
    assert villages["other_share"].notna().tolist() == villages["other_cluster_id"].notna().tolist()
    assert {f"minutes_{key}" for key in sample_run.tables.services["category"]} <= set(villages.columns)


def test_the_geopackage_opens_with_every_layer_and_its_crs(written, sample_run):
    layers = pyogrio.list_layers(written / "syddjurs.gpkg")
    assert set(layers[:, 0]) >= {"clusters", "villages", "services", "ties"}
    for name in layers[:, 0]:
        info = pyogrio.read_info(written / "syddjurs.gpkg", layer=name)
        assert info["crs"] == "EPSG:25832"
        assert info["features"] > 0
    clusters = pyogrio.read_dataframe(written / "syddjurs.gpkg", layer="clusters")
    assert clusters.geometry.area.sum() == pytest.approx(sample_run.result.clusters.geometry.area.sum())


def test_graphml_and_csv_tell_the_same(written, sample_run):
    graph = nx.read_graphml(written / "ties.graphml")
    assert graph.number_of_nodes() == len(sample_run.tables.villages)
    assert graph.number_of_edges() == len(sample_run.shown_ties())
    row = sample_run.shown_ties().iloc[0]
    assert graph.edges[row["village_a"], row["village_b"]]["weight"] == round(row["weight"], 4)
    assert graph.edges[row["village_a"], row["village_b"]]["together"] == round(row["together"], 4)
    assert gpd.read_file(written / "ties.geojson")["together"][0] == round(row["together"], 4)
    assert graph.nodes["knebel"]["name"] == "Knebel"
    table = pd.read_csv(written / "clusters.csv", encoding="utf-8-sig")
    assert table["population"].tolist() == sample_run.result.clusters["population"].tolist()


def test_run_json_says_what_was_done_with_what(written, sample_run):
    record = json.loads((written / "run.json").read_text(encoding="utf-8"))
    assert record["verdict"]["passed"] is True
    assert record["plan"]["gap"] == 0.0
    assert record["seed"] == sample_run.study.seed
    assert record["counts"]["villages"] == 80
    assert {finding["code"] for finding in record["quality"]} == {f.code for f in sample_run.findings()}
    for source in record["sources"]:
        content = (sample_run.study.folder / source["path"]).read_bytes()
        assert source["sha256"] == hashlib.sha256(content).hexdigest()
        assert source["attribution"]
    for name, digest in record["outputs"].items():
        assert hashlib.sha256((written / name).read_bytes()).hexdigest() == digest


def test_a_run_reads_back(written, sample_run):
    back = read_run(written)
    assert back.study.limits == sample_run.study.limits
    assert back.study.folder.resolve() == sample_run.study.folder.resolve()
    assert back.clusters["cluster_id"].tolist() == sample_run.result.clusters["cluster_id"].tolist()


def test_a_changed_output_is_not_read_back(written, tmp_path):
    copy = shutil.copytree(written, tmp_path / "copy")
    text = (copy / "clusters.geojson").read_text(encoding="utf-8")
    (copy / "clusters.geojson").write_text(text.replace('"rank": 1', '"rank": 2', 1), encoding="utf-8")
    with pytest.raises(InputError, match=r"clusters\.geojson: changed since the run wrote it"):
        read_run(copy)
    (copy / "clusters.geojson").unlink()
    with pytest.raises(InputError, match="the file is gone"):
        read_run(copy)
    (copy / "run.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="not a record of a run"):
        read_run(copy)
    with pytest.raises(InputError, match=r"run\.json: no such file"):
        read_run(tmp_path)


def test_an_interrupted_run_leaves_the_earlier_outputs_whole(sample_run, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    write_run(sample_run, folder, pages=PAGES)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def breaks(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(table_files, "write_graphml", breaks)
    with pytest.raises(KeyboardInterrupt):
        write_run(sample_run, folder, pages={"map.html": "half"})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_interruption_while_moving_brings_the_earlier_outputs_back(sample_run, tmp_path, monkeypatch):
    folder = tmp_path / "out"
    write_run(sample_run, folder, pages=PAGES)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    moves = []
    move = Path.replace

    def interrupted(path, target):
        moves.append(path)
        if len(moves) == 4:
            raise KeyboardInterrupt
        return move(path, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_run(sample_run, folder, pages=dict.fromkeys(PAGES, "new"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("record", [{"sources": 5}, {"sources": []}, {"outputs": {}}, {"outputs": [1]}, {"study": 1}])
def test_a_damaged_record_is_one_clear_error(written, tmp_path, record):
    copy = shutil.copytree(written, tmp_path / "copy")
    whole = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    (copy / "run.json").write_text(json.dumps({**whole, **record}), encoding="utf-8")
    if record == {"sources": []}:
        assert read_run(copy).source_sums == {}
        return
    with pytest.raises(InputError, match=r"run\.json: (not a record of a run|does not list)"):
        read_run(copy)


def test_a_replaced_map_is_noticed(written, tmp_path):
    copy = shutil.copytree(written, tmp_path / "copy")
    (copy / "map.html").write_text("another map", encoding="utf-8")
    with pytest.raises(InputError, match=r"map\.html: changed since the run wrote it"):
        read_run(copy)


def test_ids_that_look_like_dates_read_back_as_they_are(sample_run, tmp_path):
    result = sample_run.result
    clusters = result.clusters.assign(village_ids="2020-01-01")
    write_run(
        dataclasses.replace(sample_run, result=dataclasses.replace(result, clusters=clusters)),
        tmp_path / "out", pages=PAGES,
    )  # fmt: skip
    assert read_run(tmp_path / "out").clusters["village_ids"].tolist() == ["2020-01-01"] * len(clusters)


def test_other_files_in_the_folder_are_left_alone(sample_run, tmp_path):
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    write_run(sample_run, tmp_path, pages=PAGES)
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_cannot_be_written_is_refused(sample_run, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for folder in (tmp_path / "file" / "out", tmp_path / "file"):
        with pytest.raises(InputError, match="cannot write there"):
            write_run(sample_run, folder, pages=PAGES)


def test_names_from_data_survive_every_format(sample_run, tmp_path):
    hostile = 'Ærø </script> "quoted"; \\ & <b>'
    villages = sample_run.result.villages.copy()
    villages.loc[0, "name"] = hostile
    result = dataclasses.replace(sample_run.result, villages=villages)
    write_run(dataclasses.replace(sample_run, result=result), tmp_path / "out", pages=PAGES)
    assert gpd.read_file(tmp_path / "out/villages.geojson")["name"][0] == hostile
    village_id = villages["village_id"].iloc[0]
    assert nx.read_graphml(tmp_path / "out/ties.graphml").nodes[village_id]["name"] == hostile


@pytest.mark.parametrize(
    ("name", "file"), [("Ringkøbing-Skjern", "ringkoebing-skjern"), ("Ærø / Åby", "aeroe-aaby"), ("…", "study")]
)
def test_file_names_are_plain(name, file):
    assert slug(name) == file


@pytest.mark.parametrize("writer", ["write_tie_geojson", "write_graphml"])
def test_what_goes_wrong_beside_is_not_swallowed(sample_run, tmp_path, monkeypatch, writer):
    def full(*_):
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(table_files, writer, full)
    with pytest.raises(InputError, match="no space left on device"):
        write_run(sample_run, tmp_path / "out", pages=PAGES)
    assert not list(tmp_path.iterdir())


def test_areas_in_degrees_still_share_their_borders(written):
    areas = gpd.read_file(written / "clusters.geojson").geometry
    assert shapely.coverage_is_valid(areas.to_numpy())
    corners = shapely.get_coordinates(areas.to_numpy())
    assert (corners == corners.round(6)).all()


def test_an_area_that_rounding_would_spoil_is_kept_valid(tmp_path):
    # 0.03 m between a corner and the side opposite: rounded to 0.1 m, the corner would cross it
    spiky = shapely.Polygon([(0, 0), (1000, 0), (1000, 500), (500.04, 0.03), (0, 500)])
    crs = "+proj=tmerc +lat_0=56 +lon_0=10 +ellps=GRS80"
    table = gpd.GeoDataFrame(
        {"name": ["a"] * 40}, geometry=[shapely.affinity.rotate(spiky, k) for k in range(40)], crs=crs
    )
    table_files._write_geojson(table, tmp_path / "areas.geojson")
    again = gpd.read_file(tmp_path / "areas.geojson")
    assert again.is_valid.all()
    assert (again.to_crs(crs).hausdorff_distance(table.geometry) < 1).all()
