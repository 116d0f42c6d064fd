"""Tables written by a process of their own are the same, and what goes wrong there is told."""

import os

import pyogrio
import pytest
from typer.testing import CliRunner

from geoklynge import cli, exports
from geoklynge.cli import run as run_commands
from geoklynge.errors import InputError
from geoklynge.exports import write_run
from geoklynge.study import read_study, source_bytes
from geoklynge.table_files import another_process, write_tables_by

PAGES = {"map.html": "<p>map</p>"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "run.json"}


@pytest.fixture
def process():
    with another_process() as started:
        if started is None:
            pytest.skip("one core: no other process")
        yield started


def test_another_process_writes_the_same_bytes(sample_run, tmp_path, process):
    write_run(sample_run, tmp_path / "here", pages=PAGES)
    write_run(sample_run, tmp_path / "there", pages=PAGES, process=process)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")
    assert "syddjurs.gpkg" in contents(tmp_path / "there")
    assert process.wait(timeout=20) == 0


def test_a_process_that_was_stopped_is_done_without(sample_run, tmp_path, process):
    process.kill()
    write_run(sample_run, tmp_path / "here", pages=PAGES)
    write_run(sample_run, tmp_path / "there", pages=PAGES, process=process)
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_what_a_stopped_process_left_is_not_written_twice(sample_run, tmp_path):
    files = exports._table_files(sample_run)
    write_tables_by(None, files, tmp_path)
    write_tables_by(None, files, tmp_path)
    assert len(pyogrio.read_dataframe(tmp_path / files.package, layer="villages")) == len(files.villages)


def test_a_process_that_is_not_asked_ends(process):
    process.stdin.close()
    assert process.wait(timeout=20) == 0


def test_what_goes_wrong_there_is_told(sample_run, tmp_path, process):
    (tmp_path / "ties.geojson").mkdir()
    with pytest.raises(IsADirectoryError):
        write_tables_by(process, exports._table_files(sample_run), tmp_path)
    assert process.wait(timeout=20) == 0  # it was the process that told


def test_a_page_that_fails_leaves_nothing_behind(sample_run, tmp_path, process):
    def pages():
        raise InputError("no such thing", where="page")

    with pytest.raises(InputError, match="no such thing"):
        write_run(sample_run, tmp_path / "out", pages=pages, process=process)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cores", [1, None])
def test_one_core_has_no_other_process(monkeypatch, cores):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    with another_process() as started:
        assert started is None


@pytest.mark.parametrize(("bound", "asked"), [(0, True), (10**12, False)])
def test_the_command_asks_for_it_when_the_sources_are_large(sample_study, tmp_path, monkeypatch, bound, asked):
    seen = []
    write = run_commands.write_run
    monkeypatch.setattr(run_commands, "LARGE_SOURCES", bound)
    monkeypatch.setattr(
        run_commands, "write_run", lambda *args, **options: seen.append(options["process"]) or write(*args, **options)
    )
    study = sample_study.folder / "study.toml"
    result = CliRunner().invoke(cli.app, ["run", str(study), "--out", str(tmp_path / "out"), "--quiet"])
    assert result.exit_code == 0, result.output
    assert (seen[0] is not None) == (asked and (os.cpu_count() or 1) > 1)


def test_source_bytes_are_those_of_all_files(sample_study):
    assert source_bytes(read_study(sample_study.folder / "study.toml")) == sum(
        (sample_study.folder / name).stat().st_size
        for name in {each for part in sample_study.sources.model_dump().values() for each in part}
    )
