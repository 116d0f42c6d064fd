"""Outside Denmark: borders, places, services, roads and people of Öland, fetched, and made into a map."""

import io
import json
import os
import re
import time
import zipfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import replay_europe as europe
from replay import Reply, file_server, html_page, open_data_over, recorded
from shapely import Point, Polygon, box
from typer.testing import CliRunner

from geoklynge.cli import app
from geoklynge.fetching import Wish, instructions, open_client, planned, ranges
from geoklynge.fetching.place import countries_of, needs_index
from geoklynge.sources.delimited import read_delimited

STAC = f"stac.overturemaps.org/{europe.RELEASE}/places/place"
S3_PLACES = r"overturemaps-us-west-2\..*/type=place/part-00001-"
GRID = r"gisco-services\.ec\.europa\.eu/census/"


@pytest.fixture
def replay(server, tmp_path, monkeypatch):
    """A whole server, an empty store, and nobody who waits."""
    answers = dict(server.answers)
    server.asked.clear()
    server.faults.clear()
    monkeypatch.setenv("GEOKLYNGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GEOKLYNGE_INSIDE", server.host())
    monkeypatch.delenv("GEOKLYNGE_OPEN_DATA", raising=False)
    monkeypatch.setenv("GEOKLYNGE_OPEN_DATA", str(open_data_over(server, tmp_path / "open_data.toml")))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    yield server
    server.answers.clear()
    server.answers.update(answers)


def change(key: str, line: str) -> None:
    """Change an entry for this test."""
    path = Path(os.environ["GEOKLYNGE_OPEN_DATA"])
    text = path.read_text(encoding="utf-8").replace(f"[{key}]\n", f"[{key}]\n{line}\n")
    path.write_text(text, encoding="utf-8")


def fetch(into, *words, code=0):
    done = CliRunner().invoke(app, ["fetch", *words, "--into", str(into), "--quiet"])
    assert done.exit_code == code, done.stderr
    assert len(done.stderr.splitlines()) == (1 if code else 0)
    return done.stderr


def record_of(folder, source) -> dict:
    records = json.loads((folder / "sources.json").read_text(encoding="utf-8"))["files"]
    return next(one for one in records if one["source"] == source)


def only(*keys) -> tuple[str, ...]:
    return "--only", ",".join(keys)


# ---- the whole way ------------------------------------------------------------------------------------------------


def test_a_municipality_outside_denmark_becomes_a_map(replay, tmp_path):
    fetch(tmp_path / "oland", "SE_0885")
    study = (tmp_path / "oland" / "study.toml").read_text(encoding="utf-8")
    assert 'municipalities = ["SE_0885"]' in study
    assert 'villages = ["osm_places.geojson", "geonames.zip"]' in study
    assert 'services = ["osm_services.geojson", "overture_places.parquet"]' in study
    assert 'roads = ["osm_roads.gpkg"]' in study
    assert not replay.of("statbank|datafordeler|type=segment|type=division")
    done = CliRunner().invoke(
        app, ["run", str(tmp_path / "oland" / "study.toml"), "--out", str(tmp_path / "out"), "--quiet"]
    )
    assert done.exit_code == 0, done.output
    villages = json.loads((tmp_path / "out" / "villages.geojson").read_text(encoding="utf-8"))["features"]
    assert len(villages) >= 15
    assert {one["properties"]["municipality_id"] for one in villages} == {"SE_0885"}
    assert "EuroGeographics" in (tmp_path / "oland" / "sources.json").read_text(encoding="utf-8")


def test_where_overpass_does_not_come_overture_stands_in(replay, tmp_path):
    replay.breaks("overpass", html_page)
    said = fetch(tmp_path / "oland", "SE_0885", code=1)
    assert said.startswith("geoklynge: not fetched: overpass: an HTML page instead of JSON")
    study = (tmp_path / "oland" / "study.toml").read_text(encoding="utf-8")
    assert 'roads = ["overture_roads.parquet"]' in study
    assert '"overture_divisions.parquet", "geonames.zip"' in study
    done = CliRunner().invoke(
        app, ["run", str(tmp_path / "oland" / "study.toml"), "--out", str(tmp_path / "out"), "--quiet"]
    )
    assert done.exit_code == 0, done.output


def test_the_same_answers_are_the_same_bytes(replay, tmp_path):
    replay.breaks("overpass", html_page)
    for name in ("a", "b"):
        fetch(tmp_path / name, "SE_0885", code=1)
    files = [path.name for path in (tmp_path / "a").iterdir() if path.name != "sources.json"]
    assert len(files) == 7
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_in_denmark_overture_comes_when_it_is_named_and_stays_then(replay, tmp_path):
    folder = tmp_path / "mols"
    fetch(folder, "10.3,56.1,10.9,56.4", *only("overture_places", "overture_divisions"))
    assert not replay.of("type=segment")
    fetch(folder, "10.3,56.1,10.9,56.4", *only("geonames"))
    study = (folder / "study.toml").read_text(encoding="utf-8")
    assert '"overture_divisions.parquet"' in study
    assert 'services = ["overture_places.parquet"]' in study
    assert len(gpd.read_parquet(folder / "overture_places.parquet")) == 5
    fetch(tmp_path / "other", "10.3,56.1,10.9,56.4", *only("geonames", "overpass"))
    assert not list((tmp_path / "other").glob("overture*"))


def test_roads_of_overture_do_not_take_places_and_services_of_overpass_away(replay, tmp_path):
    fetch(tmp_path, "SE_0885")
    fetch(tmp_path, "SE_0885", *only("overture_roads"))
    study = (tmp_path / "study.toml").read_text(encoding="utf-8")
    assert 'roads = ["overture_roads.parquet"]' in study
    assert "osm_places.geojson" in study
    assert "osm_services.geojson" in study


# ---- borders ------------------------------------------------------------------------------------------------------


def test_borders_are_those_near_the_place_and_cut_to_a_shape(replay, tmp_path):
    fetch(tmp_path / "whole", "SE_0885", *only("gisco_lau", "geonames"))
    whole = gpd.read_file(tmp_path / "whole" / "gisco_lau.geojson")
    assert set(whole["GISCO_ID"]) == {"SE_0885", "SE_0840"}  # Kalmar is more than the halo away
    fetch(tmp_path / "wide", "SE_0885", "--halo-km", "25", *only("gisco_lau", "geonames"))
    assert set(gpd.read_file(tmp_path / "wide" / "gisco_lau.geojson")["GISCO_ID"]) == {"SE_0885", "SE_0840", "SE_0880"}
    fetch(tmp_path / "box", "16.6,56.7,16.8,56.9", *only("gisco_lau", "geonames"))
    (part,) = gpd.read_file(tmp_path / "box" / "gisco_lau.geojson").geometry
    assert part.equals(box(16.6, 56.7, 16.8, 56.9))
    assert len(replay.of("/lau/")) == 1  # one large file, kept


def test_a_code_that_there_is_not_is_one_line(replay, tmp_path):
    said = fetch(tmp_path / "x", "SE_9999", code=1)
    assert "gisco_lau: it has no municipality SE_9999: see whether the code is right (GISCO_ID" in said
    done = CliRunner().invoke(app, ["fetch", "Borgholm", "--into", str(tmp_path / "x")])
    assert done.exit_code == 2
    assert "no municipality 'Borgholm': did you mean 'Aalborg'; outside Denmark write the code" in done.stderr


def test_whose_country_a_code_is_of():
    assert countries_of(["SE_0885", "EL_0101", "0706", "SE_0840"]) == ("DK", "EL", "SE")
    assert [needs_index([word]) for word in ("SE_0885", "16,56,17,57", "DK_706", "Syddjurs", "0706")] == [
        False, False, True, True, True,
    ]  # fmt: skip


# ---- GeoNames -----------------------------------------------------------------------------------------------------


def test_places_of_geonames_are_those_of_the_countries_within_the_reach(replay, tmp_path):
    fetch(tmp_path, "SE_0885", *only("gisco_lau", "geonames"))
    rows, _ = read_delimited(tmp_path / "geonames.zip", source="geonames.zip")
    assert rows["name"].tolist() == [name for name, *_ in europe.PLACES]  # no church, nothing far away
    assert [one.path for one in replay.of("geonames")] == ["/export/dump/SE.zip"]
    whole = europe.geonames("SE")
    lines = zipfile.ZipFile(io.BytesIO(whole)).read("SE.txt").decode().splitlines()
    with zipfile.ZipFile(tmp_path / "geonames.zip") as archive:
        (name,) = archive.namelist()
        assert archive.read(name).decode().splitlines() == lines[:5]


def test_a_box_has_the_countries_of_its_municipalities_or_says_what_is_missing(replay, tmp_path):
    fetch(tmp_path / "a", "16.6,56.7,16.8,56.9", *only("gisco_lau", "geonames"))
    assert record_of(tmp_path / "a", "geonames")["questions"][0]["address"].endswith("/SE.zip")
    said = fetch(tmp_path / "b", "16.6,56.7,16.8,56.9", *only("overpass", "geonames"), code=1)
    assert "geonames: it has a file for each country, and the place's country is not known: fetch gisco_lau too" in said


def test_a_file_of_geonames_with_other_columns_is_one_line(replay, tmp_path):
    replay.answers[r"download\.geonames\.org/.*/DK\.zip"] = file_server(
        europe.zipped({"DK.txt": "1\tKnebel\t56.2\t10.4\n"}), "application/zip"
    )
    said = fetch(tmp_path, "10.3,56.1,10.9,56.4", *only("overpass", "geonames"), code=1)
    assert "geonames: DK.zip has other columns than GeoNames describes" in said
    assert "change geonames.settings.columns" in said


def test_greece_has_another_code_in_geonames(replay):
    plan = planned(Wish(("EL_01010101",), Path("none"), only=("geonames",)), open_client(Path("nowhere")))
    assert [one.address.rpartition("/")[2] for one in plan] == ["GR.zip"]


# ---- Eurostat's grid ----------------------------------------------------------------------------------------------


def cells_of(folder) -> pd.DataFrame:
    return pd.read_csv(folder / "ESTAT_Census_2021_V3.csv")


def test_the_grid_is_cut_to_the_reach_and_people_that_are_not_known_stay_so(replay, tmp_path):
    fetch(tmp_path / "mols", "10.3,56.1,10.9,56.4", *only("overpass", "eurostat_grid"))
    cells = cells_of(tmp_path / "mols")
    assert len(cells) == 15
    assert list(cells.columns) == ["GRD_ID", "T"]
    assert sorted(cells["T"].dropna().unique()) == [40, 41, 42]
    assert int(cells["T"].isna().sum()) == 1
    fetch(tmp_path / "small", "10.47,56.20,10.50,56.22", "--halo-km", "0", *only("overpass", "eurostat_grid"))
    assert 0 < len(cells_of(tmp_path / "small")) < 9


def test_of_the_archive_only_the_table_is_asked_for(replay, tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "END_BYTES", 400)
    monkeypatch.setattr(ranges, "AT_LEAST", 100)
    members = zipfile.ZipFile(io.BytesIO(europe.grid()))
    inside = {name: members.read(name) for name in members.namelist()}
    big = europe.zipped({"a.tiff": b"\0" * 500_000, **inside})
    replay.answers[GRID] = file_server(big, "application/zip")
    fetch(tmp_path, "10.3,56.1,10.9,56.4", *only("overpass", "eurostat_grid"))
    assert sum(one["size"] for one in record_of(tmp_path, "eurostat_grid")["questions"]) < 20_000
    assert len(cells_of(tmp_path)) == 15
    assert record_of(tmp_path, "eurostat_grid")["notes"][0].startswith("15 cells, those around the place, out of ESTAT")


def test_where_there_are_no_parts_the_whole_archive_comes(replay, tmp_path):
    replay.answers[GRID] = lambda _asked: Reply(europe.grid(), kind="application/zip")
    fetch(tmp_path, "10.3,56.1,10.9,56.4", *only("overpass", "eurostat_grid"))
    assert len(cells_of(tmp_path)) == 15


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"read.me": "about"}, r"no table in its archive \(found read\.me\)"),
        ({"a.csv": "GRD_ID,T\n" + "x" * 200_000}, r"a\.csv would have 0 MB, or is locked"),
        ({"a.csv": "GRD_ID,T\nnowhere,5\n"}, r"no ids of cells"),
        ({"a.csv": "GRD_ID,T\n1kmN2000E2000,5\n"}, r"it has no cell there"),
        ({"a.csv": "GRD_ID,folk\n1kmN2000E2000,5\n"}, r"a\.csv: no field 'T' \(the people\)"),
    ],
)
def test_an_archive_that_is_not_what_it_should_be_is_one_line(replay, tmp_path, members, said):
    change("eurostat_grid", "settings.at_most_mb_unpacked = 0.1")
    replay.answers[GRID] = file_server(europe.zipped(members), "application/zip")
    done = CliRunner().invoke(
        app, ["fetch", "10.3,56.1,10.9,56.4", "--into", str(tmp_path / "x"), *only("overpass", "eurostat_grid")]
    )
    assert re.search(f"eurostat_grid: .*{said}", done.output + done.stderr)
    assert not (tmp_path / "x" / "ESTAT_Census_2021_V3.csv").exists()


def test_a_name_in_the_archive_leads_nowhere(replay, tmp_path):
    csv = "GRD_ID,T\n" + "".join(f"{cell},{people}\n" for cell, people in [("CRS3035RES1000mN3664000E4322000", 7)])
    where = zipfile.ZipFile(io.BytesIO(europe.grid()))
    table = where.read("Eurostat_Census-GRID_2021_V3/ESTAT_Census_2021_V3.csv").decode()
    replay.answers[GRID] = file_server(europe.zipped({"../../../outside.csv": table + csv[9:]}), "application/zip")
    fetch(tmp_path / "in" / "x", "10.3,56.1,10.9,56.4", *only("overpass", "eurostat_grid"))
    assert not list(tmp_path.rglob("outside.csv"))
    assert (tmp_path / "in" / "x" / "ESTAT_Census_2021_V3.csv").exists()


# ---- Overture Maps ------------------------------------------------------------------------------------------------


def test_what_touches_the_reach_comes_and_of_columns_those_that_are_read(replay, tmp_path):
    fetch(tmp_path, "SE_0885", *only("gisco_lau", "overture_places", "overture_roads", "overture_divisions"))
    for kind, file in (("place", "overture_places"), ("division", "overture_divisions"), ("segment", "overture_roads")):
        (tmp_path / "whole.parquet").write_bytes(europe.overture_file(kind))
        whole = gpd.read_parquet(tmp_path / "whole.parquet", columns=["id", "geometry"])
        found = gpd.read_parquet(tmp_path / f"{file}.parquet", columns=["id", "geometry"])
        near = whole[whole.intersects(box(16.2, 56.4, 17.5, 57.6))]
        assert set(found["id"]) == set(near["id"])
        assert found["id"].is_monotonic_increasing
    columns = pq.read_schema(tmp_path / "overture_places.parquet").names
    assert "basic_category" not in columns
    assert "version" not in columns
    assert pq.read_schema(tmp_path / "overture_places.parquet").field("names").type.num_fields == 1
    assert not replay.of("00000")  # its box is elsewhere
    assert record_of(tmp_path, "overture_places")["dated"] == europe.RELEASE[:10]


def test_of_a_file_only_the_row_groups_and_columns_that_are_wanted_are_asked_for(replay, tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "END_BYTES", 500)
    monkeypatch.setattr(ranges, "AT_LEAST", 16)
    (tmp_path / "f.parquet").write_bytes(europe.overture_file("place"))
    table = pq.read_table(tmp_path / "f.parquet")
    long = pa.array([os.urandom(20_000).hex() for _ in range(table.num_rows)])  # a column that nobody reads
    table = table.set_column(table.column_names.index("basic_category"), "basic_category", long)
    pq.write_table(table, tmp_path / "f.parquet", row_group_size=5, use_dictionary=False)
    body = (tmp_path / "f.parquet").read_bytes()
    replay.answers[S3_PLACES] = file_server(body, "binary/octet-stream")
    group = pq.read_metadata(tmp_path / "f.parquet").row_group(2)
    fetch(tmp_path / "x", "SE_0885", *only("gisco_lau", "overture_places", "geonames"))
    asked = record_of(tmp_path / "x", "overture_places")["questions"]
    spans = [re.search(r"bytes (\d+)-(\d+) of", one["address"]) for one in asked]
    parts = [range(int(one[1]), int(one[2]) + 1) for one in spans if one]
    assert min(part.start for part in parts) >= min(group.column(k).data_page_offset for k in range(group.num_columns))
    assert sum(map(len, parts)) < len(body) // 5
    assert len(gpd.read_parquet(tmp_path / "x" / "overture_places.parquet")) == 5


def test_of_a_place_that_is_no_box_what_lies_beside_it_is_left_out(replay, tmp_path):
    spots = [europe.on_oland(lon + 0.001, lat) for _, lon, lat, _ in europe.PLACES]
    corners = [(16.6, 56.7), (17.0, 56.7), (16.6, 57.0)]
    gpd.GeoDataFrame({"name": ["corner"]}, geometry=[Polygon(corners)], crs=4326).to_file(tmp_path / "corner.geojson")
    inside = [k for k, spot in enumerate(spots) if Polygon(corners).buffer(0.002).contains(Point(spot))]
    assert 0 < len(inside) < len(spots)
    words = [str(tmp_path / "corner.geojson"), "--halo-km", "0", *only("gisco_lau", "overture_places", "geonames")]
    fetch(tmp_path / "x", *words)
    found = gpd.read_parquet(tmp_path / "x" / "overture_places.parquet", columns=["id", "geometry"])
    assert set(found["id"]) == {f"p{10 + k}" for k in inside}


def test_a_file_without_statistics_is_read_whole_and_cut(replay, tmp_path):
    (tmp_path / "f.parquet").write_bytes(europe.overture_file("place"))
    table = pq.read_table(tmp_path / "f.parquet")
    pq.write_table(table, tmp_path / "f.parquet", write_statistics=False, row_group_size=4)
    replay.answers[S3_PLACES] = file_server((tmp_path / "f.parquet").read_bytes(), "binary/octet-stream")
    fetch(tmp_path / "x", "SE_0885", *only("gisco_lau", "overture_places", "geonames"))
    assert len(gpd.read_parquet(tmp_path / "x" / "overture_places.parquet")) == 5


def test_boxes_that_are_not_those_of_the_items_are_not_believed(replay, tmp_path):
    mixed = europe.collection()
    mixed["extent"]["spatial"]["bbox"].reverse()
    _answer_with(replay, f"{STAC}/collection.json", recorded(json.dumps(mixed).encode()))
    fetch(tmp_path, "SE_0885", *only("gisco_lau", "overture_places", "geonames"))
    assert len(replay.of("place/0000[01]/")) == 2
    assert len(gpd.read_parquet(tmp_path / "overture_places.parquet")) == 5


def test_a_box_of_the_whole_may_precede_those_of_the_items(replay, tmp_path):
    more = europe.collection()
    more["extent"]["spatial"]["bbox"].insert(0, [-180, -90, 180, 90])
    _answer_with(replay, f"{STAC}/collection.json", recorded(json.dumps(more).encode()))
    fetch(tmp_path, "SE_0885", *only("gisco_lau", "overture_places", "geonames"))
    assert len(replay.of("place/0000[01]/")) == 1


def _answer_with(replay, where, answer) -> None:
    replay.answers[re.escape(where)] = answer


def _item(**changes) -> bytes:
    return json.dumps({**europe.item("00001", "places", "place"), **changes}).encode()


HREF = europe.item("00001", "places", "place")["assets"]["aws"]["href"]


@pytest.mark.parametrize(
    ("where", "body", "said"),
    [
        ("stac.overturemaps.org/catalog.json", b'{"latest": "../.."}', "its catalogue names no newest release"),
        ("stac.overturemaps.org/catalog.json", b'{"links": []}', "its catalogue names no newest release"),
        (f"{STAC}/collection.json", b'{"links": []}', "its collection lists no items"),
        (f"{STAC}/collection.json", b"[]", "its collection lists no items"),
        (
            f"{STAC}/collection.json",
            json.dumps({**europe.collection(), "links": [{"rel": "item", "href": "https://a.org/"}] * 2}).encode(),
            "its catalogue leads to another site, a.org",
        ),
        (f"{STAC}/00001/00001.json", _item(assets={}), "an item of its catalogue tells no box or file"),
        (f"{STAC}/00001/00001.json", _item(bbox=None), "an item of its catalogue tells no box or file"),
        (
            f"{STAC}/00001/00001.json",
            _item(assets={"aws": {"href": "https://example.org/other/part-1.parquet"}}),
            "its catalogue names a file elsewhere",
        ),
        (
            f"{STAC}/00001/00001.json",
            _item(assets={"aws": {"href": HREF.replace("type=place", "type=place/../type=segment")}}),
            "its catalogue names a file elsewhere",
        ),
        (
            f"{STAC}/00001/00001.json",
            _item(assets={"aws": {"href": HREF.replace(".parquet", ".csv")}}),
            "its catalogue names a file elsewhere",
        ),
    ],
)  # fmt: skip
def test_a_catalogue_of_another_form_is_one_line(replay, tmp_path, where, body, said):
    _answer_with(replay, where, recorded(body))
    line = fetch(tmp_path / "x", "SE_0885", *only("gisco_lau", "overture_places", "geonames"), code=1)
    assert line.startswith(f"geoklynge: not fetched: overture_places: {said}")
    assert not replay.of("type=")


def test_a_catalogue_cannot_lead_to_another_host(replay, tmp_path):
    elsewhere = HREF.replace("https://overturemaps-us-west-2.s3.us-west-2.amazonaws.com", "https://example.org")
    _answer_with(replay, f"{STAC}/00001/00001.json", recorded(_item(assets={"aws": {"href": elsewhere}})))
    fetch(tmp_path, "SE_0885", *only("gisco_lau", "overture_places", "geonames"))
    assert {one.host for one in replay.of("part-")} == {"overturemaps-us-west-2.s3.us-west-2.amazonaws.com"}


def test_more_than_may_come_is_said_before_it_is_asked_for(replay, tmp_path, monkeypatch):
    monkeypatch.setattr(ranges, "END_BYTES", 500)
    change("overture_places", "at_most_mb = 0.011")
    said = fetch(tmp_path, "SE_0885", *only("gisco_lau", "overture_places", "geonames"), code=1)
    assert "overture_places: 0 MB would have to come, more than 0 MB: ask for a smaller place" in said


def test_a_field_by_which_files_are_known_is_missed_in_one_line(replay, tmp_path):
    (tmp_path / "f.parquet").write_bytes(europe.overture_file("place"))
    table = pq.read_table(tmp_path / "f.parquet").drop_columns(["operating_status"])
    pq.write_table(table, tmp_path / "f.parquet")
    replay.answers[S3_PLACES] = file_server((tmp_path / "f.parquet").read_bytes(), "binary/octet-stream")
    said = fetch(tmp_path / "x", "SE_0885", *only("gisco_lau", "overture_places", "geonames"), code=1)
    assert "overture_places: no field 'operating_status' any more; found id, geometry, bbox" in said


def test_where_overture_has_nothing_that_is_said(replay, tmp_path):
    words = ["fetch", "16.9,57.2,16.95,57.25", "--halo-km", "1", "--into", str(tmp_path / "x")]
    done = CliRunner().invoke(app, [*words, *only("overture_places")])
    assert done.exit_code == 1
    assert "no source of villages came (overture_places: it has none there" in done.stderr
    assert "not fetched" not in done.stderr


# ---- told without asking ------------------------------------------------------------------------------------------


def test_a_plan_names_the_addresses_and_what_is_not_known_yet(replay):
    client = open_client(Path("nowhere"))
    plan = {
        (one.key, one.address.partition(f"{replay.address}/")[2])
        for one in planned(Wish(("SE_0885",), Path("none")), client)
    }
    assert ("geonames", "download.geonames.org/export/dump/SE.zip") in plan
    assert ("gisco_lau", "gisco-services.ec.europa.eu/distribution/v2/lau/gpkg/LAU_RG_01M_2024_4326.gpkg") in plan
    assert ("overture_places", "stac.overturemaps.org/<newest release>/places/place/collection.json") in plan
    keys = {key for key, _ in plan}
    assert keys == {
        "gisco_lau", "overpass", "overture_roads", "overture_divisions", "overture_places", "geonames", "eurostat_grid",
    }  # fmt: skip
    danish = planned(Wish(("Syddjurs",), Path("none")), client)
    assert {one.key for one in danish}.isdisjoint({"gisco_lau", "overture_roads", "overture_places"})
    assert [one.address[-6:] for one in danish if one.key == "geonames"] == ["DK.zip"]
    boxed = planned(Wish(("16.6,56.7,16.8,56.9",), Path("none")), client)
    assert [one.address.rpartition("/")[2] for one in boxed if one.key == "geonames"] == ["<country>.zip"]
    assert not any("{" in one.address for one in [*danish, *boxed])
    wished = planned(Wish(("Syddjurs",), Path("none"), only=("overture_places",)), client)
    assert {one.key for one in wished} == {"municipality_index", "overture_places"}
    assert not replay.asked


def test_how_to_get_each_by_hand_names_the_file_that_is_taken(replay):
    text = instructions()
    for name in ("geonames.zip", "gisco_lau.geojson", "ESTAT_Census_2021_V3.csv", "overture_roads.parquet"):
        assert f"\n{name}  (" in text


def test_a_file_of_europe_that_was_laid_there_by_hand_is_taken(replay, tmp_path):
    folder = tmp_path / "x"
    folder.mkdir()
    (folder / "raw.gpkg").write_bytes(europe.municipalities())
    gpd.read_file(folder / "raw.gpkg").to_file(folder / "gisco_lau.geojson")
    (folder / "raw.gpkg").unlink()
    fetch(folder, "SE_0885", *only("overpass", "geonames"))
    assert not replay.of("/lau/")
    assert record_of(folder, "gisco_lau")["fetched"] == "downloaded by hand"
    assert record_of(folder, "geonames")["questions"][0]["address"].endswith("SE.zip")
