"""What geoklynge fetch does with a folder: what it keeps, takes, removes, and leaves alone."""

import json
import re
import shutil

import pytest
from fetched import SMALL, call, files_in, records_in
from replay import RECORDINGS, Reply, made_pbf, unavailable
from source_files import DENMARK

from geoklynge.open_data import open_source
from geoklynge.sources import read_tables
from geoklynge.study import read_study

REAL_FILES = {
    "dagi_kommuner.geojson": "dagi_kommuner.geojson",
    "dagi_sogne.geojson": "dagi_sogne.geojson",
    "samso.osm.pbf": "osm.osm.pbf",
}


def test_a_second_fetch_asks_nothing(copy, replay):
    replay.asked.clear()
    assert call("fetch", "Syddjurs", "--into", copy).exit_code == 0
    assert not replay.asked


def test_only_asks_only(copy, replay):
    before = files_in(copy)
    replay.asked.clear()
    done = call("fetch", "Syddjurs", "--into", copy, "--only", "geofa_facilities", "--refresh")
    assert done.exit_code == 0
    assert {one.host for one in replay.asked} == {"api.statbank.dk", "geofa.geodanmark.dk"}
    assert not replay.of("v1/data")
    after = files_in(copy)
    assert {name for name in before if before[name] != after[name]} <= {"sources.json"}


def test_a_file_laid_there_by_hand_is_taken_as_it_is(copy, replay, tmp_path):
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    for name in ("dagi_kommuner.geojson", "dagi_sogne.geojson", "osm_places.geojson", "institutionsregister.csv"):
        shutil.copyfile(copy / name, by_hand / name)
    shutil.rmtree(tmp_path / "cache")
    replay.asked.clear()
    done = call("fetch", "Syddjurs", "--into", by_hand, "--only", "geofabrik")
    assert done.exit_code == 0, done.stderr
    assert not replay.of("graphql|instreg")
    entries = records_in(by_hand)
    assert entries["dagi_sogne.geojson"]["fetched"] == "downloaded by hand"
    assert entries["dagi_sogne.geojson"]["attribution"] == open_source("dagi_parishes").attribution
    study = read_study(by_hand / "study.toml")
    assert study.sources.parishes == ("dagi_sogne.geojson",)
    assert study.sources.services == ("institutionsregister.csv",)


def test_offline_nobody_is_asked_and_what_lies_there_is_taken(copy, replay, tmp_path):
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    for name in ("dagi_kommuner.geojson", "dagi_sogne.geojson", "rejseplanen_gtfs.zip", "statbank_by1.csv"):
        shutil.copyfile(copy / name, by_hand / name)
    shutil.copyfile(RECORDINGS / "sor.csv", by_hand / "SorEntity_daily.csv")
    (by_hand / "osm.osm.pbf").write_bytes(made_pbf())
    shutil.rmtree(tmp_path / "cache")
    replay.asked.clear()
    done = call("fetch", "706", "--into", by_hand, "--offline")
    assert done.exit_code == 0, done.stderr
    assert not replay.asked
    assert "place_names" in done.output.partition("left out: ")[2]
    study = read_study(by_hand / "study.toml")
    assert study.municipalities == ("0706",)
    assert study.sources.timetables == ("rejseplanen_gtfs.zip",)
    assert call("run", by_hand / "study.toml", "--out", tmp_path / "map").exit_code == 0
    without = call("fetch", "706", "--into", tmp_path / "empty", "--offline", "--quiet")
    assert (without.exit_code, len(without.stderr.splitlines())) == (1, 1)


def test_offline_a_name_is_known_by_the_borders_that_lie_there(copy, replay, tmp_path):
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    shutil.copyfile(copy / "dagi_kommuner.geojson", by_hand / "dagi_kommuner.geojson")
    (by_hand / "osm.osm.pbf").write_bytes(made_pbf())
    (by_hand / "denmark-latest.osm.pbf").write_bytes(made_pbf())
    shutil.rmtree(tmp_path / "cache")
    done = call("fetch", "Syddjurs", "--into", by_hand, "--offline")
    assert done.exit_code == 0, done.stderr
    study = read_study(by_hand / "study.toml")
    assert (study.name, study.municipalities) == ("Syddjurs", ("0706",))
    assert "lies there, and is not used: denmark-latest.osm.pbf" in done.output
    assert "osm.osm.pbf: 56 rows, downloaded by hand" in done.output


def test_where_nobody_is_reached_one_does_not_wait_long(copy, tmp_path, monkeypatch):
    waits = []
    monkeypatch.setattr("time.sleep", waits.append)
    changes = (tmp_path / "open_data.toml").read_text(encoding="utf-8")
    ports = iter(range(1, 1000))
    nowhere = re.sub(r"http://127\.0\.0\.1:\d+/", lambda _: f"http://127.0.0.1:{next(ports)}/", changes)
    (tmp_path / "open_data.toml").write_text(nowhere, encoding="utf-8")
    monkeypatch.setenv("GEOKLYNGE_INSIDE", ",".join(f"127.0.0.1:{port}" for port in range(1, 1000)))
    done = call("fetch", "Syddjurs", "--into", copy, "--refresh", "--quiet")
    assert done.exit_code == 1
    assert "no connection" in done.stderr
    assert len(waits) < 20  # two hosts are tried five times, the others once


@pytest.mark.denmark
def test_real_files_downloaded_by_hand_make_a_study(replay, tmp_path):
    if not DENMARK.is_dir():
        pytest.skip(f"needs the real data in {DENMARK}")
    for name, called in REAL_FILES.items():
        shutil.copyfile(DENMARK / name, tmp_path / called)
    done = call("fetch", "0741", "--into", tmp_path, "--offline")
    assert done.exit_code == 0, done.stderr
    entries = records_in(tmp_path)
    rows = {name: entries[name]["rows"] for name in REAL_FILES.values()}
    assert rows == {"dagi_kommuner.geojson": 99, "dagi_sogne.geojson": 2149, "osm.osm.pbf": 667}
    tables = read_tables(read_study(tmp_path / "study.toml"))
    assert set(tables.villages["municipality"]) == {"Samsø"}
    assert {record.attribution for record in tables.sources} == {
        open_source(key).attribution for key in ("dagi_municipalities", "dagi_parishes", "geofabrik")
    }


def test_a_folder_holds_one_place(copy, replay):
    before = files_in(copy)
    for words in (["Norddjurs"], ["Norddjurs", "--only", "statbank_places"], ["10.4,56.1,10.6,56.2"], ["Danmark"]):
        done = call("fetch", *words, "--into", copy, "--quiet")
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
        assert "this folder holds Syddjurs" in done.stderr
    narrower = call("fetch", "Syddjurs", "--into", copy, "--halo-km", "3", "--only", "geofa_facilities")
    assert narrower.exit_code == 2
    assert "was fetched with --halo-km 10" in narrower.stderr
    assert files_in(copy) == before
    assert call("fetch", "Syddjurs", "--into", copy, "--halo-km", "3").exit_code == 0


def test_a_correction_of_a_fetched_file_stays_and_is_told(copy, replay):
    places = copy / "osm_places.geojson"
    places.write_text(places.read_text(encoding="utf-8").replace('"population": 628', '"population": 631'), "utf-8")
    mine = places.read_bytes()
    replay.asked.clear()
    done = call("fetch", "Syddjurs", "--into", copy, "--refresh")
    assert done.exit_code == 0, done.stderr
    assert places.read_bytes() == mine
    assert "osm_places.geojson: 19 rows, of " in done.output
    assert "kept: changed by hand since it was fetched" in done.output
    assert not replay.of("interpreter")
    study = read_study(copy / "study.toml")
    assert study.sources.villages == ("stednavne_bebyggelse.geojson", "osm_places.geojson", "geonames.zip")
    assert study.sources.roads == ("osm_roads.gpkg",)
    assert call("fetch", "Syddjurs", "--into", copy).exit_code == 0  # and stays his
    assert places.read_bytes() == mine
    assert "changed by hand since it was fetched" in records_in(copy)["osm_places.geojson"]["notes"]


def test_a_fetched_file_that_broke_is_told_and_fetched_anew_once_it_is_gone(copy, replay):
    parishes = copy / "dagi_sogne.geojson"
    whole = parishes.read_bytes()
    parishes.write_bytes(whole[:500])
    done = call("fetch", "Syddjurs", "--into", copy, "--quiet")
    assert done.exit_code == 1
    assert "not fetched: dagi_parishes: dagi_sogne.geojson" in done.stderr
    assert "or remove the file to have it fetched" in done.stderr
    parishes.unlink()
    assert call("fetch", "Syddjurs", "--into", copy).exit_code == 0
    assert parishes.read_bytes() == whole


def test_a_damaged_record_is_refused_before_anything_is_asked(copy, replay):
    before = files_in(copy)
    for text in ("{", '{"files": [], "study": "", "place": {}}', '{"files": [{"file": 5}], "study": ""}'):
        (copy / "sources.json").write_text(text, encoding="utf-8")
        replay.asked.clear()
        done = call("fetch", "Syddjurs", "--into", copy, "--quiet")
        assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
        assert "not a record of a fetch" in done.stderr
        assert not replay.asked
    assert {**files_in(copy), "sources.json": b""} == {**before, "sources.json": b""}


def test_a_file_by_hand_of_any_source_of_a_group_is_taken(copy, replay):
    export = "Institutionsnummer;Institutionsnavn;Institutionstype, navn;Geokode: Breddegrad;Geokode: Længdegrad\n"
    (copy / "institutionsregister_udtraek.csv").write_text(f"{export}706001;Molsskolen;Folkeskoler;56,2149;10,4871\n")
    assert call("fetch", "Syddjurs", "--into", copy).exit_code == 0
    services = read_study(copy / "study.toml").sources.services
    assert "institutionsregister_udtraek.csv" in services
    assert "institutionsregister.csv" not in services
    assert not (copy / "institutionsregister.csv").exists()  # ours, and no longer of use


def test_what_a_source_no_longer_has_goes(copy, replay):
    none = Reply(json.dumps({"type": "FeatureCollection", "features": [], "numberMatched": 0}).encode())
    replay.breaks(r"geofa\.", lambda _: none)
    assert call("fetch", "Syddjurs", "--into", copy, "--refresh").exit_code == 0
    assert not (copy / "geofa_faciliteter.geojson").exists()
    assert "geofa_faciliteter.geojson" not in read_study(copy / "study.toml").sources.services


def test_a_shape_bounds_the_study_whatever_borders_came(copy, replay, tmp_path, monkeypatch):
    by_hand = tmp_path / "by-hand"
    by_hand.mkdir()
    for name in ("dagi_kommuner.geojson", "dagi_sogne.geojson"):
        shutil.copyfile(copy / name, by_hand / name)
    (by_hand / "osm.osm.pbf").write_bytes(made_pbf())
    mine = (by_hand / "dagi_kommuner.geojson").read_bytes()
    box = "10.46,56.19,10.56,56.26"
    assert call("fetch", box, "--into", by_hand, "--offline").exit_code == 0
    assert read_study(by_hand / "study.toml").sources.municipalities == ("cut_dagi_kommuner.geojson",)
    assert (by_hand / "dagi_kommuner.geojson").read_bytes() == mine
    inside = {"Knebel", "Vistoft", "Agri", "Vrinners", "Grønfeld", "Tved", "Strands"}
    assert set(read_tables(read_study(by_hand / "study.toml")).villages["name"]) == inside
    monkeypatch.delenv("DATAFORDELER_API_KEY")
    assert call("fetch", box, "--into", tmp_path / "keyless", "--only", "geofabrik").exit_code == 0
    assert read_study(tmp_path / "keyless/study.toml").sources.municipalities == ("area.geojson",)
    assert set(read_tables(read_study(tmp_path / "keyless/study.toml")).villages["name"]) == inside


def test_reasons_are_told_where_nothing_comes(replay, tmp_path):
    replay.breaks(".", unavailable)
    done = call("fetch", "Syddjurs", "--into", tmp_path / "x", "--quiet")
    assert done.exit_code == 1
    assert "names of municipalities are not known (HTTP 503" in done.stderr
    replay.faults.clear()
    replay.breaks("interpreter|geofabrik", unavailable)
    done = call("fetch", "Syddjurs", "--into", tmp_path / "x", "--quiet", "--only", SMALL)
    assert done.exit_code == 1
    assert "geofabrik: HTTP 503" in done.stderr
    done = call("fetch", "Syddjurs", "--into", tmp_path / "x", "--quiet", "--only", "geofabrik")
    assert "no borders of Syddjurs (no source of borders was asked)" in done.stderr
    assert not (tmp_path / "x").exists()


def test_json_tells_what_is_missing_on_the_error_stream(copy, replay):
    replay.breaks(r"geofa\.", unavailable)
    done = call("fetch", "Syddjurs", "--into", copy, "--json", "--only", "geofa_facilities", "--refresh")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["not_fetched"].keys() == {"geofa_facilities"}
    assert done.stderr.startswith("geoklynge: not fetched: geofa_facilities: HTTP 503")


def test_a_study_changed_by_hand_stays(copy, replay):
    mine = (copy / "study.toml").read_text(encoding="utf-8") + "\n[limits]\nmax_minutes = 15\n"
    (copy / "study.toml").write_text(mine, encoding="utf-8")
    done = call("fetch", "Syddjurs", "--into", copy)
    assert done.exit_code == 0
    assert "study.toml was changed by hand and stays" in done.output
    assert (copy / "study.toml").read_text(encoding="utf-8") == mine
    assert read_study(copy / "study.fetched.toml").limits.max_minutes == 20


def test_an_interrupted_fetch_leaves_the_last_one(copy, replay, monkeypatch):
    before = files_in(copy)

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("geoklynge.fetching.folder.write_records", interrupted)
    done = call("fetch", "Syddjurs", "--into", copy, "--refresh")
    assert done.exit_code != 0
    assert files_in(copy) == before
    assert not [path for path in copy.parent.iterdir() if path.name.startswith(".")]


def test_nothing_there_is_no_failure(copy, replay):
    none = Reply(json.dumps({"type": "FeatureCollection", "features": [], "numberMatched": 0}).encode())
    replay.breaks("geofa", lambda _: none)
    done = call("fetch", "Syddjurs", "--into", copy, "--only", "geofa_facilities", "--refresh")
    assert done.exit_code == 0
    assert "nothing there: geofa_facilities: it has none there" in done.output


def test_a_folder_that_is_a_file_is_refused_before_anything_is_asked(replay, tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    done = call("fetch", "Syddjurs", "--into", tmp_path / "file")
    assert (done.exit_code, len(done.stderr.splitlines())) == (2, 1)
    assert not replay.asked
    assert call("fetch", "Syddjurs").exit_code == 2  # no folder at all
