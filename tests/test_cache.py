"""What a run keeps is what the source says; whatever goes wrong with the cache, the source is read anew."""

import dataclasses
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from geopandas.testing import assert_geodataframe_equal
from source_files import pbf, study_in

from geoklynge.sources import clear_cache, default_cache, read_tables
from geoklynge.sources import stored_osm as stored
from geoklynge.sources.cache import MADE_BESIDE, MOST_ENTRIES, cache_key, kept


def town(folder: Path, name: str = "town.osm.pbf", shop: str = "Brugsen") -> str:
    """A village, a shop and two roads that meet."""
    nodes = {
        1: (10.50, 56.20, {"place": "village", "name": "Landsby", "population": "mange"}),
        2: (10.51, 56.20, {"shop": "supermarket", "name": shop}),
        3: (10.50, 56.21, {}),
        4: (10.52, 56.21, {}),
        5: (10.52, 56.23, {}),
    }
    ways = {
        7: ([3, 4], {"highway": "primary", "maxspeed": "70"}),
        8: ([4, 5], {"highway": "residential", "oneway": "yes"}),
    }
    return pbf(folder, name, nodes, ways)


def assert_same(one, other):
    """Require the same tables."""
    for name in ("villages", "services"):
        assert_geodataframe_equal(getattr(one, name), getattr(other, name))
    for field in dataclasses.fields(one.roads):
        np.testing.assert_array_equal(getattr(one.roads, field.name), getattr(other.roads, field.name))
    assert (one.sources, one.findings) == (other.sources, other.findings)


def count_readings(monkeypatch) -> list:
    """Note every time an OSM file is really read."""
    readings, read = [], stored.read_osm
    monkeypatch.setattr(stored, "read_osm", lambda *given: (readings.append(given), read(*given))[1])
    return readings


def test_a_second_run_starts_from_the_cache_and_says_the_same(tmp_path, monkeypatch):
    readings = count_readings(monkeypatch)
    study, cache = study_in(tmp_path, osm=town(tmp_path)), tmp_path / "cache"
    plain = read_tables(study)
    first, second = read_tables(study, cache=cache), read_tables(study, cache=cache)
    assert len(readings) == 2  # once without the cache, once for it
    assert {finding.code for finding in plain.findings} >= {"population_unreadable"}
    assert_same(first, plain)
    assert_same(second, plain)


def test_without_a_cache_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOKLYNGE_CACHE", str(tmp_path / "cache"))
    read_tables(study_in(tmp_path, osm=town(tmp_path)))
    assert default_cache() == tmp_path / "cache"
    assert not default_cache().exists()


def test_another_content_under_the_same_name_is_read_anew(tmp_path):
    cache = tmp_path / "cache"
    names = []
    for shop in ("Brugsen", "Spar"):
        (tmp_path / "town.osm.pbf").unlink(missing_ok=True)
        tables = read_tables(study_in(tmp_path, osm=town(tmp_path, shop=shop)), cache=cache)
        names.append(tables.services["name"].tolist())
    assert names == [["Brugsen"], ["Spar"]]


def test_the_same_content_under_another_name_is_known(tmp_path, monkeypatch):
    readings = count_readings(monkeypatch)
    cache = tmp_path / "cache"
    for name in ("a.osm.pbf", "b.osm.pbf"):
        record = read_tables(study_in(tmp_path, osm=town(tmp_path, name)), cache=cache).sources[0]
        assert record.path == name
    assert len(readings) == 1


@pytest.mark.parametrize(
    "change",
    [{"travel": {"mode": "bike"}}, {"services": {"categories": {"bench": {"da": "b", "en": "b", "tags": ["shop=x"]}}}}],
    ids=["mode", "categories"],
)
def test_what_of_the_study_decides_on_the_reading_is_part_of_the_key(tmp_path, monkeypatch, change):
    readings = count_readings(monkeypatch)
    study, cache = study_in(tmp_path, osm=town(tmp_path)), tmp_path / "cache"
    other = study.model_validate({**study.model_dump(), **change})
    read_tables(study, cache=cache)
    assert_same(read_tables(other, cache=cache), read_tables(other))
    assert len(readings) == 3


def test_another_reference_system_gives_other_roads(tmp_path):
    cache = tmp_path / "cache"
    osm = town(tmp_path)
    here, there = (study_in(tmp_path, osm=osm, crs=crs) for crs in ("EPSG:25832", "EPSG:32633"))
    west, east = read_tables(here, cache=cache), read_tables(there, cache=cache)
    assert np.abs(west.roads.xy - east.roads.xy).min() > 1_000
    assert_same(read_tables(there, cache=cache), read_tables(there))


def broken_files(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("*") if path.is_file())


@pytest.mark.parametrize("spoil", ["cut", "empty", "garbage", "gone"])
def test_a_broken_entry_is_made_anew(tmp_path, spoil):
    study, cache = study_in(tmp_path, osm=town(tmp_path)), tmp_path / "cache"
    plain = read_tables(study, cache=cache)
    for path in broken_files(cache):
        whole = path.read_bytes()
        contents = {"cut": whole[: len(whole) // 2], "empty": b"", "garbage": b"PK" + os.urandom(99)}
        if spoil == "gone":
            path.unlink()
        else:
            path.write_bytes(contents[spoil])
        assert_same(read_tables(study, cache=cache), plain)
        assert len(broken_files(cache)) == 4


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "cache").write_text("a file stands there", encoding="utf-8")
    study = study_in(tmp_path, osm=town(tmp_path))
    assert_same(read_tables(study, cache=tmp_path / "cache"), read_tables(study))


def test_a_mistake_in_a_source_is_not_kept(tmp_path):
    from geoklynge.errors import TableError

    (tmp_path / "bad.osm.pbf").write_bytes(b"no OSM file")
    cache = tmp_path / "cache"
    for _ in range(2):
        with pytest.raises(TableError, match="not readable as OSM"):
            read_tables(study_in(tmp_path, osm="bad.osm.pbf"), cache=cache)
    assert not cache.exists()


def test_an_interrupted_run_leaves_no_entry(tmp_path):
    def save(_made, folder):
        (folder / "half").write_text("half", encoding="utf-8")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kept(tmp_path, "key", make=lambda: 1, save=save, load=lambda _: 2)
    assert list(tmp_path.iterdir()) == []


def name_of(number: int) -> str:
    """A name that the cache may give an entry."""
    return f"{number:040x}-points"


def test_of_two_runs_at_the_same_time_each_gets_its_own_and_one_is_kept(tmp_path):
    meet = threading.Barrier(2, timeout=20)

    def make():
        meet.wait()
        return "made"

    def save(made, folder):
        meet.wait()  # both are writing now
        (folder / "text").write_text(made, encoding="utf-8")

    def load(entry):
        return (entry / "text").read_text("utf-8")

    got = []
    runs = [
        threading.Thread(target=lambda: got.append(kept(tmp_path, "key", make=make, save=save, load=load)))
        for _ in range(2)
    ]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert got == ["made", "made"]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
    assert kept(tmp_path, "key", make=pytest.fail, save=pytest.fail, load=lambda _: "loaded") == "loaded"


def test_entries_not_used_for_longest_go_and_nobody_elses_folder(tmp_path):
    def keep(key):
        kept(tmp_path, key, make=lambda: 1, save=lambda _made, folder: (folder / "x").touch(), load=lambda _: 1)

    strangers = {f"{MADE_BESIDE}another-run", "my documents", "0" * 40}
    for name in strangers:
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (0, 0))
    for number in range(MOST_ENTRIES):
        keep(name_of(number))
        os.utime(tmp_path / name_of(number), (number, number))
    keep(name_of(0))  # used again
    keep(name_of(99))
    left = {path.name for path in tmp_path.iterdir()}
    assert strangers | {name_of(0), name_of(99)} <= left
    assert name_of(1) not in left
    assert len(left) == MOST_ENTRIES + len(strangers)


def test_clearing_tells_what_is_free_and_removes_nothing_else(tmp_path):
    assert clear_cache(tmp_path / "none") == 0
    strangers = [f"{MADE_BESIDE}another-run", "my documents"]
    for name in (name_of(1), *strangers):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_bytes(b"12345")
    assert clear_cache(tmp_path) == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(strangers)


def test_a_file_that_changes_while_it_is_read_is_refused_and_not_kept(tmp_path, monkeypatch):
    from geoklynge.errors import TableError

    study, cache = study_in(tmp_path, osm=town(tmp_path)), tmp_path / "cache"
    read = stored.read_osm

    def replaced_meanwhile(*given):
        found = read(*given)
        (tmp_path / "town.osm.pbf").unlink()
        town(tmp_path, shop="Spar")
        return found

    monkeypatch.setattr(stored, "read_osm", replaced_meanwhile)
    with pytest.raises(TableError, match=r"town\.osm\.pbf: the file changed while it was read"):
        read_tables(study, cache=cache)
    monkeypatch.setattr(stored, "read_osm", read)
    assert read_tables(study, cache=cache).services["name"].tolist() == ["Spar"]


@pytest.mark.parametrize("error", [OSError(28, "No space left"), ValueError("not a table")])
def test_what_cannot_be_saved_is_had_all_the_same(tmp_path, error):
    def save(_made, _folder):
        raise error

    assert kept(tmp_path, "key", make=lambda: "made", save=save, load=pytest.fail) == "made"
    assert list(tmp_path.iterdir()) == []


def test_an_entry_that_cannot_be_marked_as_used_stays(tmp_path, monkeypatch):
    (tmp_path / "key").mkdir()

    def forbidden(*_):
        raise PermissionError

    monkeypatch.setattr(os, "utime", forbidden)
    assert kept(tmp_path, "key", make=pytest.fail, save=pytest.fail, load=lambda _: "loaded") == "loaded"
    assert (tmp_path / "key").is_dir()


def test_a_key_is_the_same_in_every_process():
    code = "from geoklynge.sources.cache import cache_key; print(cache_key(b=[1, 'ø'], a={'y': 1, 'x': None}), end='')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said == cache_key(a={"x": None, "y": 1}, b=[1, "ø"])
