"""The command line: what it prints, what it leaves, and one clear line for every mistake."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import pytest
from conftest import DENMARK
from typer.testing import CliRunner

from geoklynge.cli import app

SAMPLE = Path(__file__).parents[1] / "data/syddjurs"
OUTPUTS = {
    "map.html", "report.html", "clusters.geojson", "villages.geojson", "services.geojson", "ties.geojson",
    "syddjurs.gpkg", "clusters.csv", "ties.graphml", "run.json",
}  # fmt: skip


def call(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "out"
    return call("run", SAMPLE / "study.toml", "--out", out), out


def test_run_leaves_every_output_and_names_map_and_best_clusters(first):
    result, out = first
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.iterdir()} == OUTPUTS
    clusters = gpd.read_file(out / "clusters.geojson")
    for row in clusters.head(5).itertuples():
        assert f"{row.rank:>2}. {row.name}: score {row.score:.1f}, {row.n_villages} villages" in result.stdout
    assert f"map: {out / 'map.html'}" in result.stdout
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    for finding in record["quality"]:
        assert f"note: {finding['text']}\n" in result.stdout


def test_check_agrees_with_the_run(first):
    _, out = first
    result = call("check", out)
    assert result.exit_code == 0
    assert "every limit kept" in result.stdout
    verdict = json.loads(call("check", out, "--json").stdout)
    assert verdict["passed"] is True
    assert verdict["largest_difference_minutes"] <= 0.01


def test_check_finds_a_plan_that_was_tampered_with(first, tmp_path):
    """Someone moves a village into another cluster and mends the sums, but not the limits."""
    import hashlib

    _, out = first
    copy = tmp_path / "deep" / "copy"
    shutil.copytree(out, copy)
    clusters = gpd.read_file(copy / "clusters.geojson")
    far = clusters["village_ids"].str.split("; ").str[0]
    clusters.loc[0, "village_ids"] += f"; {far[1]}"
    clusters.loc[1, "village_ids"] = "; ".join(clusters["village_ids"][1].split("; ")[1:])
    clusters.to_file(copy / "clusters.geojson", driver="GeoJSON")
    record = json.loads((copy / "run.json").read_text(encoding="utf-8"))
    record["outputs"]["clusters.geojson"] = hashlib.sha256((copy / "clusters.geojson").read_bytes()).hexdigest()
    record["study"]["folder"] = str(SAMPLE)
    (copy / "run.json").write_text(json.dumps(record), encoding="utf-8")
    result = call("check", copy)
    assert result.exit_code == 1
    assert "minutes between two members, at most 20 allowed" in result.stderr
    assert json.loads(call("check", copy, "--json").stdout)["passed"] is False


def test_check_notices_a_source_that_changed(tmp_path):
    shutil.copytree(SAMPLE, tmp_path / "study")
    assert call("run", tmp_path / "study/study.toml", "--out", tmp_path / "out").exit_code == 0
    links = tmp_path / "study/links.csv"
    links.write_text(links.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    result = call("check", tmp_path / "out")
    assert result.exit_code == 2
    assert "links.csv: changed since the run" in result.stderr


def test_json_and_quiet(tmp_path):
    result = call("run", SAMPLE / "study.toml", "--out", tmp_path, "--json", "--seed", 5)
    record = json.loads(result.stdout)
    assert record["seed"] == 5
    assert record["verdict"]["passed"] is True
    assert call("run", SAMPLE / "study.toml", "--out", tmp_path, "--quiet").output == ""


@pytest.mark.parametrize(("language", "lang"), [("da", 'lang="da"'), ("en", 'lang="en"')])
def test_the_pages_open_in_the_chosen_language(tmp_path, language, lang):
    assert call("run", SAMPLE / "study.toml", "--out", tmp_path, "--language", language).exit_code == 0
    for name in ("map.html", "report.html"):
        assert lang in (tmp_path / name).read_text(encoding="utf-8")[:2000]


def spoiled(tmp_path: Path, file: str, change) -> Path:
    """A copy of the sample with one file changed."""
    copy = Path(shutil.copytree(SAMPLE, tmp_path / "study"))
    text = (copy / file).read_text(encoding="utf-8")
    (copy / file).write_text(change(text), encoding="utf-8")
    return copy / "study.toml"


def without_links(text: str) -> str:
    """Cut Helgenæs off: its only link goes."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("fuglsoe,kongsgaarde")) + "\n"


MISTAKES = {
    "missing file": ("study.toml", lambda t: t.replace("links.csv", "gone.csv"), "gone.csv"),
    "unreadable study": ("study.toml", lambda t: t + "\n[[[", "not readable as TOML"),
    "unknown key": ("study.toml", lambda t: t + "\n[limits]\nmax_minuts = 3\n", "did you mean 'max_minutes'"),
    "unknown municipality": ("study.toml", lambda t: t.replace("0706", "0999"), "0999"),
    "contradictory limits": ("study.toml", lambda t: t + "\n[limits]\nmin_people = 9e9\n", "min_people"),
    "limit beyond travel": ("study.toml", lambda t: t + "\n[limits]\nmax_minutes = 60\n", "travel.max_minutes"),
    "unknown wish": ("study.toml", lambda t: t + '\n[planner]\nmust_link = [["Knebel", "Atlantis"]]\n', "'Atlantis'"),
    "wish of one village": (
        "study.toml", lambda t: t + '\n[planner]\ncannot_link = [["Knebel", "knebel"]]\n', "one village",
    ),
    "wish beyond the limit": (
        "study.toml", lambda t: t + '\n[planner]\nmust_link = [["Knebel", "Pindstrup"]]\n', "cannot be in one cluster",
    ),
    "unknown category": ("services.csv", lambda t: t.replace(",school,", ",skool,", 1), "school"),
    "duplicate id": ("villages.csv", lambda t: t + t.splitlines()[1] + "\n", "used twice"),
    "negative population": ("villages.csv", lambda t: t.replace(",7167,", ",-7167,", 1), "-7167"),
    "missing column": ("villages.csv", lambda t: t.replace("name,", "nom,", 1), "no column 'name'"),
    "empty table": ("villages.csv", lambda t: t.splitlines()[0] + "\n", "no rows"),
    "link to nowhere": ("links.csv", lambda t: t.replace("\nvrinners,", "\nnowhere,", 1), "nowhere"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "change", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2_and_leaves_nothing(tmp_path, file, change, says):
    result = call("run", spoiled(tmp_path, file, change), "--out", tmp_path / "out")
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    *stages, error = result.stderr.splitlines()
    assert error.startswith("geoklynge: ")
    assert all(re.fullmatch(r"[a-z]+: \d+\.\d s", line) for line in stages)  # those that were over by then
    assert not (tmp_path / "out").exists()


def test_must_link_across_water_is_refused_with_the_reason(tmp_path):
    study_file = spoiled(tmp_path, "links.csv", without_links)
    study_file.write_text(
        study_file.read_text(encoding="utf-8") + '\n[planner]\nmust_link = [["Fuglsø", "Stødov"]]\n', encoding="utf-8"
    )
    result = call("run", study_file, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "Fuglsø and Stødov cannot be in one cluster (no road between" in result.stderr.replace("\n", " ")


def test_an_earlier_run_survives_a_failing_one(first, tmp_path):
    _, out = first
    kept = shutil.copytree(out, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    result = call("run", spoiled(tmp_path, "villages.csv", lambda t: t.replace("name,", "nom,", 1)), "--out", kept)
    assert result.exit_code == 2
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_a_file_where_the_folder_should_be_is_refused(tmp_path):
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    result = call("run", SAMPLE / "study.toml", "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "a file stands there" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_limits_that_nothing_meets_are_exit_code_1_and_name_the_limit(tmp_path):
    study_file = spoiled(tmp_path, "study.toml", lambda t: t + "\n[limits]\nmin_people = 14000\n")
    result = call("run", study_file, "--out", tmp_path / "out")
    assert result.exit_code == 1
    assert "no set of villages keeps all limits" in result.stderr
    assert "at least 14000 wanted" in result.stderr


def test_a_study_without_links_says_that_lines_are_straight(tmp_path):
    study_file = spoiled(tmp_path, "study.toml", lambda t: t.replace('links = "links.csv"', ""))
    assert call("run", study_file, "--out", tmp_path / "out", "--language", "en").exit_code == 0
    record = json.loads((tmp_path / "out/run.json").read_text(encoding="utf-8"))
    assert record["travel_basis"] == "straight lines"
    assert "straight line" in (tmp_path / "out/map.html").read_text(encoding="utf-8").lower()


def test_quiet_says_nothing_but_errors(tmp_path):
    result = call("run", SAMPLE / "study.toml", "--out", tmp_path / "out", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    result = call("run", tmp_path / "none.toml", "--out", tmp_path / "out", "--quiet")
    assert result.stderr.startswith("geoklynge: ")


def test_elsewhere_than_in_a_terminal_every_stage_is_a_plain_line(tmp_path):
    result = call("run", SAMPLE / "study.toml", "--out", tmp_path / "out")
    stages = [
        "sources", "travel", "ties", "candidates", "assessment", "refinement", "selection", "topics",
        "explanation", "check", "outputs",
    ]  # fmt: skip
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == stages


def test_what_runs_have_kept_can_be_cleared(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOKLYNGE_CACHE", str(tmp_path))
    entry = tmp_path / f"{'0' * 40}-points"
    entry.mkdir()
    (entry / "places.parquet").write_bytes(bytes(3_000_000))
    result = call("cache", "clear")
    assert (result.exit_code, result.stdout) == (0, f"3 MB removed from {tmp_path}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.denmark
@pytest.mark.skipif(not DENMARK.is_dir(), reason="the real data in ../shared/data/denmark is not here")
def test_a_run_keeps_what_it_read_unless_told_not_to(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOKLYNGE_CACHE", str(tmp_path / "cache"))
    study_file = tmp_path / "study.toml"
    study_file.write_text(
        f'[study]\nname = "S"\n[sources]\nosm = "{DENMARK / "samso.osm.pbf"}"\n[limits]\nmin_people = 1\n', "utf-8"
    )
    written = []
    for option in ("--no-cache", "--quiet", "--quiet"):
        assert call("run", study_file, "--out", tmp_path / "out", option).exit_code == 0
        assert (tmp_path / "cache").exists() == (option != "--no-cache")
        written.append((tmp_path / "out/clusters.geojson").read_bytes())
    assert written[0] == written[1] == written[2]


def test_the_console_script_is_installed():
    script = Path(sys.executable).with_name("geoklynge")
    shown = subprocess.run([script, "--help"], capture_output=True, text=True, check=True).stdout
    assert "run" in shown
    assert "check" in shown
