"""A folder fetched from the local server, for the tests of geoklynge fetch."""

import dataclasses
import json
import shutil
import time

import pytest
from replay import KEY, open_data_over, replaying
from typer.testing import CliRunner

from geoklynge.cli import app
from geoklynge.fetching.client import open_client

SMALL = "dagi_municipalities,dagi_parishes,geofabrik,place_names"  # what needs no OSMnx


@pytest.fixture(scope="module")
def server():
    with replaying() as replay:
        yield replay


@pytest.fixture
def replay(server, tmp_path, monkeypatch):
    server.asked.clear()
    server.faults.clear()
    monkeypatch.delenv("GEOKLYNGE_OPEN_DATA", raising=False)
    monkeypatch.setenv("GEOKLYNGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GEOKLYNGE_INSIDE", server.host())
    monkeypatch.setenv("DATAFORDELER_API_KEY", KEY)
    monkeypatch.setenv("GEOKLYNGE_OPEN_DATA", str(open_data_over(server, tmp_path / "open_data.toml")))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    return server


@pytest.fixture(scope="module")
def fetched(server, tmp_path_factory):
    """Fetch Syddjurs once, for the tests that only look at it or change a copy."""
    home = tmp_path_factory.mktemp("fetched")
    with pytest.MonkeyPatch.context() as patch:
        server.faults.clear()
        patch.setenv("GEOKLYNGE_CACHE", str(home / "cache"))
        patch.setenv("GEOKLYNGE_INSIDE", server.host())
        patch.setenv("DATAFORDELER_API_KEY", KEY)
        patch.setenv("GEOKLYNGE_OPEN_DATA", str(open_data_over(server, home / "open_data.toml")))
        patch.setattr(time, "sleep", lambda _seconds: None)
        done = call("fetch", "Syddjurs", "--into", home / "syddjurs", "--quiet")
        assert done.exit_code == 0, done.stderr
    return home


@pytest.fixture
def copy(fetched, replay, tmp_path):
    """Copy what was fetched, with the answers that were kept."""
    shutil.copytree(fetched / "syddjurs", tmp_path / "syddjurs")
    shutil.copytree(fetched / "cache", tmp_path / "cache")
    return tmp_path / "syddjurs"


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def records_in(folder):
    return {
        entry["file"]: entry for entry in json.loads((folder / "sources.json").read_text(encoding="utf-8"))["files"]
    }


def files_in(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def waits():
    """Note what the client waits, instead of waiting."""
    return []


@pytest.fixture
def client(replay, tmp_path, waits):
    """A client that may ask the local server, with an empty store, and waits for nothing."""
    opened = open_client(tmp_path / "store", inside=frozenset({replay.host()}))
    return dataclasses.replace(opened, sleep=waits.append, gap_s=0.0)
