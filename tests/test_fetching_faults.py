"""Each fault of each source: asked again, or one clear line; never a part left as if it were whole."""

import json
import shutil
import time

import pytest
from replay import (
    KEY,
    another_kind,
    busy,
    cut,
    empty,
    failing,
    gone,
    html_page,
    open_data_over,
    renamed,
    unavailable,
)
from typer.testing import CliRunner

from geoklynge.cli import app
from geoklynge.fetching.catalogue import FETCHERS, GROUPS
from geoklynge.open_data import open_source

# Where each source is asked, what one of its fields is called, and where that stands.
SOURCES = {
    "dagi_municipalities": (r"graphql\.datafordeler\.dk/DAGI", "kommunekode", r"DAGI"),
    "dagi_parishes": (r"graphql\.datafordeler\.dk/DAGI", "sognekode", r"DAGI"),
    "osm_municipality": (r"nominatim", '"geojson"', r"nominatim"),
    "place_names": (r"graphql\.datafordeler\.dk/DS", "bebyggelsestype", r"DS"),
    "geofa_facilities": (r"geofa\.geodanmark\.dk", "facil_ty_k", r"geofa"),
    "school_register": (r"instreg\.stil\.dk", "institutionNumber", r"instreg"),
    "health_register": (r"sor-filer", "EntityTypeName", r"sor-filer"),
    "gtfs": (r"rejseplanen", "stop_lat", r"rejseplanen"),
    "overpass": (r"overpass-api\.de/api/interpreter", '"elements"', r"interpreter"),
    "geofabrik": (r"download\.geofabrik\.de/.*\.pbf$", "OSMHeader", r"\.pbf$"),
    "statbank_places": (r"api\.statbank\.dk/v1/(data|tableinfo/BY1)", "BYER", r"v1/"),
    "statbank_parishes": (r"api\.statbank\.dk/v1/(data|tableinfo/SOGN1)", "SOGN", r"v1/"),
    "geonames": (r"download\.geonames\.org", "\tPPL\t", r"geonames"),  # it has no header, but codes
    "gisco_lau": (r"gisco-services\.ec\.europa\.eu/.*/lau/", "LAU_NAME", r"/lau/"),
    "eurostat_grid": (r"gisco-services\.ec\.europa\.eu/census/", "GRD_ID", r"/census/"),
    "overture_places": (r"(stac|-us-west-2)\..*/(type=place/|place/|catalog)", "confidence", r"type=place/"),
    "overture_divisions": (r"(stac|-us-west-2)\..*/(type=division/|division/|catalog)", "subtype", r"type=division/"),
    "overture_roads": (r"(stac|-us-west-2)\..*/(type=segment/|segment/|catalog)", "connectors", r"type=segment/"),
}
PASSING = {"busy": busy, "failing": failing, "unavailable": unavailable, "cut": cut}
LASTING = {**PASSING, "another_kind": another_kind, "empty": empty, "html_page": html_page, "gone": gone}
# What is asked for a whole country only, or outside Denmark, and the folder of that fetch.
PLACES = {
    "geofabrik": "Danmark",
    **dict.fromkeys(["gisco_lau", *(key for key in SOURCES if "overture" in key)], "SE_0885"),
}
BESIDES = "gisco_lau,overture_roads,overture_divisions,overture_places,geonames"  # Öland without Overpass


@pytest.fixture(scope="module")
def world(server, tmp_path_factory):
    """Fetch everything once: a folder and a store that every test begins with."""
    home = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        _set_up(patch, server, home)
        for place in ("Syddjurs", "Danmark"):
            done = CliRunner().invoke(app, ["fetch", place, "--into", str(home / place), "--quiet"])
            assert done.exit_code == 0, done.stderr
        words = ["fetch", "SE_0885", "--into", str(home / "SE_0885"), "--only", BESIDES, "--quiet"]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.stderr
        patch.delenv("DATAFORDELER_API_KEY")
        done = CliRunner().invoke(app, ["fetch", "Syddjurs", "--into", str(home / "keyless"), "--quiet"])
        assert done.exit_code == 0, done.stderr
    return home


def _set_up(patch, server, home):
    patch.setenv("GEOKLYNGE_CACHE", str(home / "cache"))
    patch.setenv("GEOKLYNGE_INSIDE", server.host())
    patch.setenv("DATAFORDELER_API_KEY", KEY)
    patch.setenv("GEOKLYNGE_OPEN_DATA", str(open_data_over(server, home / "open_data.toml")))
    patch.setattr(time, "sleep", lambda _seconds: None)


@pytest.fixture
def home(server, world, tmp_path, monkeypatch):
    """Copy the world for one test, without the answers that were kept, and with the server whole again."""
    server.asked.clear()
    server.faults.clear()
    shutil.copytree(world, tmp_path / "home", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.delenv("GEOKLYNGE_OPEN_DATA", raising=False)
    _set_up(monkeypatch, server, tmp_path / "home")
    return tmp_path / "home"


def folder_of(home, key):
    if key == "osm_municipality":
        return home / "keyless"
    return home / PLACES.get(key, "Syddjurs")


def fetch_again(home, key, monkeypatch):
    """Ask one source anew, without any copy."""
    if key == "osm_municipality":
        monkeypatch.delenv("DATAFORDELER_API_KEY", raising=False)
    place = PLACES.get(key, "Syddjurs")
    words = ["fetch", place, "--into", str(folder_of(home, key)), "--only", key, "--quiet"]
    return CliRunner().invoke(app, words)


def content_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "sources.json"}


def test_every_source_has_its_faults_here():
    assert set(SOURCES) == set(FETCHERS)


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("key", SOURCES)
def test_a_passing_fault_is_no_more_than_a_wait(server, home, monkeypatch, key, fault):
    server.breaks(SOURCES[key][0], PASSING[fault], times=1)
    before = content_of(folder_of(home, key))
    done = fetch_again(home, key, monkeypatch)
    assert (done.exit_code, done.stderr) == (0, "")
    assert not server.faults[0][2]  # it was met
    assert content_of(folder_of(home, key)).keys() == before.keys()


@pytest.mark.parametrize("fault", LASTING)
@pytest.mark.parametrize("key", SOURCES)
def test_a_lasting_fault_is_one_line_and_the_last_good_file_stays(server, home, monkeypatch, key, fault):
    server.breaks(SOURCES[key][0], LASTING[fault])
    folder = folder_of(home, key)
    before = content_of(folder)
    done = fetch_again(home, key, monkeypatch)
    _one_line(done, key)
    assert content_of(folder) == before
    _nothing_half_made(home)


@pytest.mark.parametrize("key", SOURCES)
def test_a_renamed_field_is_one_line_and_the_last_good_file_stays(server, home, monkeypatch, key):
    _, field, where = SOURCES[key]
    server.breaks(where, renamed(field, field.replace(field[1:4], "xyz")))
    folder = folder_of(home, key)
    before = content_of(folder)
    done = fetch_again(home, key, monkeypatch)
    _one_line(done, key)
    assert content_of(folder) == before
    server.faults.clear()
    assert fetch_again(home, key, monkeypatch).exit_code == 0  # what was of no use was not kept


@pytest.mark.parametrize(
    "key", [key for key in SOURCES if open_source(key).table not in {"municipalities", "osm", "roads"}]
)
def test_a_source_that_never_came_is_in_no_study(server, home, monkeypatch, key):
    folder, source = folder_of(home, key), open_source(key)
    (folder / source.file).unlink()
    server.breaks(SOURCES[key][0], html_page)
    done = fetch_again(home, key, monkeypatch)
    _one_line(done, key)
    assert not (folder / source.file).exists()
    assert source.file not in (folder / "study.toml").read_text(encoding="utf-8")
    assert key in json.loads((folder / "sources.json").read_text(encoding="utf-8"))["not_fetched"]


def test_without_an_essential_source_nothing_is_written(server, home, tmp_path):
    server.breaks("overpass|geofabrik", html_page)
    done = CliRunner().invoke(app, ["fetch", "Syddjurs", "--into", str(tmp_path / "new"), "--refresh", "--quiet"])
    assert done.exit_code == 1
    assert "overpass: an HTML page" in done.stderr
    assert "geofabrik: an HTML page" in done.stderr
    assert not (tmp_path / "new").exists()
    _nothing_half_made(tmp_path)


def test_every_group_has_a_source_that_is_fetched_or_taken_by_hand():
    for group in GROUPS:
        for key in group.keys:
            assert key in FETCHERS or open_source(key).by_hand


def _one_line(done, key):
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith(f"geoklynge: not fetched: {key}: ")
    assert KEY not in lines[0]
    assert "Traceback" not in done.output


def _nothing_half_made(home):
    assert not [path for path in home.iterdir() if path.name.startswith(".")]
