"""From a name to a study that is ready to run: what geoklynge fetch writes, keeps, says and leaves alone."""

import json
import socket

import geopandas as gpd
import pytest
import shapely
from fetched import SMALL, call, files_in, records_in
from replay import KEY, Reply, html_page

from geoklynge.fetching import osm_asking
from geoklynge.fetching.asking import JSON, Request
from geoklynge.fetching.catalogue import FETCHERS, GROUPS
from geoklynge.fetching.place import Asked, placed
from geoklynge.open_data import open_source, open_sources
from geoklynge.sources import read_tables
from geoklynge.study import read_study

ELSEWHERE = {"gisco_lau", "overture_places", "overture_divisions", "overture_roads"}
AREA = (10.38, 56.10, 10.75, 56.32)  # Syddjurs, as the recordings draw it


def test_a_name_becomes_a_map_and_everything_on_it_is_attributed(replay, tmp_path, monkeypatch):
    done = call("fetch", "Syddjurs", "--into", tmp_path / "syddjurs")
    assert done.exit_code == 0, done.stderr
    entries = records_in(tmp_path / "syddjurs")
    asked = {key for group in GROUPS if group.where in {"denmark", "anywhere"} for key in group.keys[:1]}
    assert {entry["source"] for entry in entries.values()} == {*asked & FETCHERS.keys(), "dagi_municipalities"}

    def nobody(*_):
        raise AssertionError("a run asks no network")

    with monkeypatch.context() as offline:
        offline.setattr(socket.socket, "connect", nobody)
        offline.delenv("GEOKLYNGE_OPEN_DATA")
        ran = call("run", tmp_path / "syddjurs/study.toml", "--out", tmp_path / "map")
    assert ran.exit_code == 0, ran.stderr
    written = json.loads((tmp_path / "map/run.json").read_text(encoding="utf-8"))
    assert {source["path"] for source in written["sources"]} == set(entries)
    page, report = ((tmp_path / "map" / name).read_text(encoding="utf-8") for name in ("map.html", "report.html"))
    for source in written["sources"]:
        entry, described = entries[source["path"]], open_source(entries[source["path"]]["source"])
        said = (source["licence"], source["attribution"])
        assert said == (entry["licence"], entry["attribution"]) == (described.licence, described.attribution)
        assert source["sha256"] == entry["sha256"]
        assert source["dated"]
        for word in (*said, source["path"]):
            assert word in page
            assert word.replace("&", "&amp;") in report


def test_what_was_fetched_is_told_to_the_last_question(fetched):
    for entry in records_in(fetched / "syddjurs").values():
        assert entry["rows"] > 0
        assert entry["questions"]
        for question in entry["questions"]:
            assert question["address"].startswith("http")
            assert question["size"] > 0
            assert len(question["sha256"]) == 64
        assert entry["size"] == (fetched / "syddjurs" / entry["file"]).stat().st_size


def test_a_key_is_written_nowhere(fetched):
    files = [path for path in fetched.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_the_tables_know_what_each_source_knows(fetched):
    tables = read_tables(read_study(fetched / "syddjurs/study.toml"))
    villages = tables.villages.set_index("name")
    assert villages.loc["Knebel", ["population", "population_year", "parish"]].tolist() == [640, 2026, "Knebel"]
    assert "Trustrup" not in villages.index  # across the border
    assert set(villages["municipality_id"]) == {"0706"}
    services = tables.services.set_index("service_id")
    assert services["category"].value_counts().to_dict() == {
        "school": 4,
        "community_hall": 3,
        "church": 3,
        "grocery": 3,
        "bus": 4,
        "sports_hall": 1,
        "playground": 1,
        "pharmacy": 1,
        "doctor": 1,
        "elderly_home": 1,
        "sports_club": 1,
    }
    knebel = services[services["category"].eq("bus") & services["name"].str.startswith("Knebel")]
    assert knebel["capacity"].tolist() == [3.0]  # t1, t2 and t3, from both sides of the road
    assert services.loc["school-706001", "name"] == "Molsskolen"


def test_the_same_answers_give_the_same_files(fetched, replay, tmp_path):
    assert call("fetch", "706", "--into", tmp_path / "again").exit_code == 0
    first, again = files_in(fetched / "syddjurs"), files_in(tmp_path / "again")
    assert again.keys() == first.keys()
    different = {name for name in first if first[name] != again[name]}
    assert different <= {"sources.json", "study.toml", "osm_roads.gpkg"}  # times, the words asked for, GDAL's own clock


def test_several_municipalities_and_codes_are_one_study(replay, tmp_path):
    done = call("fetch", "Syddjurs", "0707", "--into", tmp_path / "djurs", "--only", SMALL)
    assert done.exit_code == 0, done.stderr
    study = read_study(tmp_path / "djurs/study.toml")
    assert study.name == "Syddjurs og Norddjurs"
    assert study.municipalities == ("0706", "0707")


def test_a_box_and_a_polygon_are_cut_out(replay, tmp_path):
    box = "10.46,56.19,10.56,56.26"
    assert call("fetch", box, "--into", tmp_path / "box", "--only", SMALL).exit_code == 0
    tables = read_tables(read_study(tmp_path / "box/study.toml"))
    west, south, east, north = map(float, box.split(","))
    cut = gpd.read_file(tmp_path / "box/dagi_kommuner.geojson")
    assert cut.total_bounds == pytest.approx([west, south, east, north], abs=1e-6)
    inside = tables.villages.to_crs(4326)
    # Tved and Strands lie within the kilometre that every study allows outside its borders
    assert set(inside["name"]) == {"Knebel", "Vistoft", "Agri", "Basballe", "Vrinners", "Grønfeld", "Tved", "Strands"}
    shape = shapely.box(west, south, east, north)
    gpd.GeoDataFrame(geometry=[shape], crs=4326).to_crs(25832).to_file(tmp_path / "mols.gpkg")
    assert call("fetch", tmp_path / "mols.gpkg", "--into", tmp_path / "file", "--only", SMALL).exit_code == 0
    assert read_study(tmp_path / "file/study.toml").name == "mols"
    again = read_tables(read_study(tmp_path / "file/study.toml"))
    assert set(again.villages["name"]) == set(inside["name"])


def test_a_country_comes_from_its_extract(replay, tmp_path):
    done = call("fetch", "Danmark", "--into", tmp_path / "dk")
    assert done.exit_code == 0, done.stderr
    assert not replay.of("overpass")
    study = read_study(tmp_path / "dk/study.toml")
    assert study.sources.osm == ("osm.osm.pbf",)
    assert study.sources.villages == ("stednavne_bebyggelse.geojson", "osm", "geonames.zip")
    assert study.municipalities == ()
    assert len(gpd.read_file(tmp_path / "dk/dagi_kommuner.geojson")) == 5


def test_without_a_key_the_border_comes_from_openstreetmap(replay, tmp_path, monkeypatch):
    monkeypatch.delenv("DATAFORDELER_API_KEY")
    done = call("fetch", "Syddjurs", "--into", tmp_path / "keyless")
    assert done.exit_code == 0, done.stderr
    said = "left out: dagi_municipalities, dagi_parishes, place_names: needs a free key: get one at https://datafordeler.dk"
    assert said in done.output
    assert not replay.of("datafordeler")
    assert read_study(tmp_path / "keyless/study.toml").sources.municipalities == ("osm_kommuner.geojson",)


def test_a_key_may_lie_in_the_keyring(replay, tmp_path, monkeypatch):
    class Keyring:
        class errors:  # noqa: N801 - as the package calls it
            KeyringError = RuntimeError

        @staticmethod
        def get_password(service, name):
            return KEY if (service, name) == ("geoklynge", "DATAFORDELER_API_KEY") else None

    monkeypatch.delenv("DATAFORDELER_API_KEY")
    monkeypatch.setitem(__import__("sys").modules, "keyring", Keyring)
    assert call("fetch", "Syddjurs", "--into", tmp_path / "x", "--only", SMALL).exit_code == 0
    assert replay.of("datafordeler")


def test_a_dry_run_tells_and_asks_nothing(copy, replay):
    replay.asked.clear()
    done = call("fetch", "Syddjurs", "--dry-run", "--json")
    plan = json.loads(done.output)
    assert not replay.asked
    assert {entry["key"] for entry in plan} == {*FETCHERS, "municipality_index"} - ELSEWHERE
    states = {entry["key"]: entry["asked"] for entry in plan}
    assert states["dagi_municipalities"] == "copy is young enough"
    assert states["geofabrik"] == "asked"
    assert KEY not in done.output
    assert "asked" in call("fetch", "Syddjurs", "--dry-run").output


def test_the_list_tells_how_it_stands(copy, replay, monkeypatch):
    listed = {entry["key"]: entry for entry in json.loads(call("fetch", "--list", "--into", copy, "--json").output)}
    assert set(listed) == set(open_sources())
    assert listed["dagi_parishes"]["key_state"] == "key found"
    assert listed["dagi_parishes"]["rows"] == 11
    assert listed["geofabrik"]["rows"] is None
    monkeypatch.delenv("DATAFORDELER_API_KEY")
    assert "key missing" in call("fetch", "--list").output


def test_instructions_tell_of_every_file_and_its_licence():
    text = call("fetch", "--instructions").output
    for key, source in open_sources().items():
        if key != "municipality_index":
            assert source.file in text
            assert source.attribution in text
            assert source.homepage in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Sydjurs"], "no municipality 'Sydjurs': did you mean 'Syddjurs'"),
        (["0999"], "no municipality '0999'"),
        (["10.9,56.1,10.3,56.4"], "is no box"),
        ([], "no place"),
        (["Syddjurs", "--only", "dagi"], "no source 'dagi'"),
    ],
)
def test_what_is_not_understood_is_one_line_and_exit_2(replay, tmp_path, words, said):
    done = call("fetch", *words, "--into", tmp_path / "x")
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_source_that_moved_is_one_line_in_one_file(replay, tmp_path):
    changes = (tmp_path / "open_data.toml").read_text(encoding="utf-8")
    moved = changes.replace("/geofa.geodanmark.dk/ows/fkg/fkg", "/geofa.geodanmark.dk/ows/elsewhere")
    assert moved != changes
    (tmp_path / "open_data.toml").write_text(moved, encoding="utf-8")
    assert call("fetch", "Syddjurs", "--into", tmp_path / "x", "--only", f"{SMALL},geofa_facilities").exit_code == 0
    assert {one.path for one in replay.of(r"geofa\.")} == {"/ows/elsewhere"}


def test_municipalities_are_known_by_number_where_their_list_does_not_come(replay, tmp_path):
    replay.breaks("FOLK1A", html_page)
    done = call("fetch", "0706", "--into", tmp_path / "x", "--only", SMALL)
    assert done.exit_code == 1  # the list is missing, the study is there
    assert "not fetched: municipality_index: an HTML page" in done.stderr
    assert read_study(tmp_path / "x/study.toml").municipalities == ("0706",)


def test_the_halo_is_as_wide_as_it_is_asked_for():
    area = shapely.box(*AREA)
    asked = Asked("x", ("0706",), ("Syddjurs",))
    metres = gpd.GeoSeries([area, placed(asked, area, 10).reach, placed(asked, area, 2).reach], crs=4326).to_crs(25832)
    wide, narrow = (metres[k].exterior.hausdorff_distance(metres[0].exterior) for k in (1, 2))
    assert wide == pytest.approx(10_000, abs=1_500)
    assert narrow == pytest.approx(2_000, abs=500)
    assert metres[1].contains(metres[0])


def test_osmnx_is_left_as_it_was(copy, replay):
    import osmnx

    before = {name: getattr(osmnx.settings, name) for name in ("overpass_url", "cache_folder", "requests_kwargs")}
    resolve = socket.getaddrinfo
    assert call("fetch", "Syddjurs", "--into", copy, "--only", "overpass", "--refresh").exit_code == 0
    assert {name: getattr(osmnx.settings, name) for name in before} == before
    assert socket.getaddrinfo is resolve


def test_overpass_that_ran_out_of_time_with_status_200_is_asked_again(copy, replay):
    timeout = {"elements": [], "remark": 'runtime error: Query timed out in "query" at line 1 after 180 seconds.'}
    replay.breaks("interpreter", lambda _: Reply(json.dumps(timeout).encode()), times=1)
    done = call("fetch", "Syddjurs", "--into", copy, "--only", "overpass", "--refresh", "--quiet")
    assert (done.exit_code, done.stderr) == (0, "")


def test_a_busy_overpass_is_not_waited_for_without_end(copy, replay):
    replay.breaks("interpreter", lambda _: Reply(b"", 429, headers={"Retry-After": "7200"}))
    done = call("fetch", "Syddjurs", "--into", copy, "--only", "overpass", "--refresh")
    assert done.exit_code == 1
    assert "asks to wait 7200 s (HTTP 429)" in done.stderr


def test_roads_from_overpass_keep_limits_directions_and_junctions(fetched):
    roads = gpd.read_file(fetched / "syddjurs/osm_roads.gpkg")
    assert set(roads["highway"]) == {"primary", "secondary", "tertiary", "unclassified", "residential"}
    assert roads.loc[roads["highway"].eq("secondary"), "maxspeed"].eq("80").all()
    assert roads.loc[roads["highway"].eq("residential"), "oneway"].eq("yes").all()
    tables = read_tables(read_study(fetched / "syddjurs/study.toml"))
    assert tables.roads is not None
    knebel = gpd.GeoSeries([shapely.Point(10.4887, 56.2141)], crs=4326).to_crs(25832)[0]
    assert gpd.GeoSeries(gpd.points_from_xy(*tables.roads.xy.T)).distance(knebel).min() < 0.1


def test_questions_to_overpass_are_made_by_osmnx_and_bounded(replay, tmp_path):
    request = Request("overpass", "https://overpass-api.de/api", JSON, at_most_bytes=10)
    with pytest.raises(Exception, match="more than 0 MB"):
        osm_asking._require_answer(b'{"elements": []}', "application/json", request)


@pytest.mark.live
def test_the_real_services_still_answer(tmp_path, monkeypatch):
    """Asks the real services for a small island; for whoever has a network, and a key for DAGI and place names."""
    monkeypatch.setenv("GEOKLYNGE_CACHE", str(tmp_path / "cache"))
    done = call("fetch", "Samsø", "--into", tmp_path / "samsoe")
    assert done.exit_code == 0, done.stderr
    assert call("run", tmp_path / "samsoe/study.toml", "--out", tmp_path / "map").exit_code == 0
