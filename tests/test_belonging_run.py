"""A study that says everything of belonging and mixes modes goes all the way, is checked, and tells all of it."""

import json
from dataclasses import replace

import networkx as nx
import numpy as np
import pandas as pd
import pyogrio
import pytest
from conftest import PROJECT
from typer.testing import CliRunner

from geoklynge.checker import check
from geoklynge.cli import app
from geoklynge.exports import read_run, write_run
from geoklynge.maps import render_map, render_report
from geoklynge.maps.content import content_of
from geoklynge.maps.page import words_of
from geoklynge.pipeline import run
from geoklynge.study import read_study

SAMPLE = PROJECT / "data/syddjurs"
ASKED = {("knebel", "vistoft"): 0.9, ("agri", "knebel"): 0.5}


@pytest.fixture(scope="module")
def whole_study(tmp_path_factory):
    """The sample with a mixture of modes, an association, and two pairs that people were asked about."""
    folder = tmp_path_factory.mktemp("belonging")
    (folder / "associations.csv").write_text("forening,landsby\nMols IF,Knebel\nMols IF,tved\nMols IF,egens\n", "utf-8")
    rows = ["village_a,village_b,share", "vistoft,Knebel,1", "knebel,vistoft,0.8", "agri,knebel,0.5"]
    (folder / "survey.csv").write_text("\n".join(rows), "utf-8")
    names = ("villages", "parishes", "services", "links")
    lines = [f'{name} = "{(SAMPLE / name).as_posix()}.csv"' for name in names]
    lines += ['associations = "associations.csv"', 'survey = "survey.csv"']
    more = (
        "[ties.modes]\ncar = 0.7\nbike = 0.3\n[ties.identity_steps]\nhistoric_district = 0.3\n[ensemble]\nmembers = 20"
    )
    text = '[study]\nname = "Mols"\nmunicipalities = ["0706"]\n[sources]\n' + "\n".join(lines) + f"\n{more}\n"
    (folder / "study.toml").write_text(text, "utf-8")
    return read_study(folder / "study.toml")


@pytest.fixture(scope="module")
def whole_run(whole_study):
    return run(whole_study)


@pytest.fixture(scope="module")
def written(whole_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out") / "mols"
    write_run(whole_run, folder, pages={"report.html": render_report(whole_run)})
    return folder


def number_of(run, pair):
    """Row of the tie between two villages."""
    ends = [run.ties.village_ids.tolist().index(one) for one in sorted(pair)]
    return int(np.flatnonzero((run.ties.a == min(ends)) & (run.ties.b == max(ends)))[0])


def test_everything_that_was_said_reaches_the_ties(whole_run):
    ties = whole_run.ties
    assert ties.layers_used == ("proximity", "overlap", "complementarity", "identity", "survey")
    assert [one.mode for one in ties.by_mode] == ["car", "bike"]
    asked = {number_of(whole_run, pair): mean for pair, mean in ASKED.items()}
    assert {int(k): ties.survey[k] for k in np.flatnonzero(np.isfinite(ties.survey))} == asked
    assert ties.identity[number_of(whole_run, ("egens", "tved"))] == 0.9
    assert ties.identity[number_of(whole_run, ("agri", "vistoft"))] == 0.5
    assert whole_run.verdict.passed


def test_a_written_run_says_it_and_passes_the_check(written, whole_run):
    back = read_run(written)
    assert check(back.clusters, back.ties, whole_run.tables, back.study).passed
    found = back.ties.set_index(["village_a", "village_b"])["survey"].dropna()
    assert {frozenset(pair): share for pair, share in found.items()} == {frozenset(p): s for p, s in ASKED.items()}
    written_numbers = back.ties[[*whole_run.ties.layers, "weight"]].to_numpy()
    np.testing.assert_array_equal(written_numbers, written_numbers.round(4))
    layer = pyogrio.read_dataframe(written / "mols.gpkg", layer="ties")
    assert layer["survey"].notna().sum() == len(ASKED)
    edges = nx.read_graphml(written / "ties.graphml").edges
    assert edges["knebel", "vistoft"]["survey"] == 0.9
    assert sum("survey" in edges[edge] for edge in edges) == len(ASKED)
    record = json.loads((written / "run.json").read_text(encoding="utf-8"))
    assert record["tie_layers"][-1] == "survey"
    assert (record["counts"]["associations"], record["counts"]["survey"]) == (3, 3)
    assert {source["table"] for source in record["sources"]} >= {"associations", "survey"}
    assert record["study"]["ties"]["modes"] == {"car": 0.7, "bike": 0.3}


def test_the_command_line_checks_it_too(written):
    result = CliRunner().invoke(app, ["check", str(written)])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("survey.csv", "agri,knebel,0.5", "agri,knebel,1.2", "survey.csv: row 3, column 'share': 1.2 is above 1"),
        (
            "survey.csv",
            "agri,knebel",
            "agrri,knebel",
            "survey.csv, row 3, column 'village_a': 'agrri' is no village_id",
        ),
        ("survey.csv", "village_b,share", "village_b,part", "survey.csv: no column 'share' (share of the answers in a"),
        (
            "associations.csv",
            "tved",
            "tvvedd",
            "associations.csv, row 2, column 'village_id': 'tvvedd' is no village_id",
        ),
    ],
)
def test_a_mistake_in_a_file_is_one_line_and_exit_code_2(whole_study, tmp_path, name, old, new, says):
    for file in ("study.toml", "survey.csv", "associations.csv"):
        text = (whole_study.folder / file).read_text("utf-8")
        (tmp_path / file).write_text(text.replace(old, new) if file == name else text, "utf-8")
    result = CliRunner().invoke(
        app, ["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out"), "--no-cache"]
    )
    assert result.exit_code == 2
    assert result.stderr.startswith(f"geoklynge: {says}")
    assert result.stderr.count("\n") == 1


def test_map_and_report_tell_what_the_ties_rest_on(whole_run):
    content = content_of(whole_run)
    words = {language: words_of(content, language) for language in ("da", "en")}
    told = [words["en"].tell(sentence) for sentence in content["parameters"]]
    assert "Ways by car count 70% in proximity and shared services; proximity has halved at 6 minutes" in told
    assert "Ways by bike count 30% in proximity and shared services; proximity has halved at 12 minutes" in told
    assert not any(line.startswith("Proximity has halved") for line in told)
    assert "complementing each other, shared belonging and people's answers." in words["en"].tell(content["check"][3])
    assert words["da"].tell(content["check"][3]).endswith("fælles identitet og borgernes svar.")
    assert [key for key, _ in content["method"]][:2] == ["method.ties", "method.survey"]
    report = render_report(whole_run, language="da")
    steps = (
        "samme sogn 1; ellers en fælles forening 0,9; ellers samme skoledistrikt 0,75; ellers samme kommune før 2007 "
    )
    assert f"{steps}0,5; ellers samme herred 0,3" in report
    assert "λ₁ p + λ₂ o + λ₃ m + λ₄ d + λ₅ a" in report
    assert "borgernes svar 0,15" in report
    assert "a er andelen af svar" in report
    assert "people's answers" in render_map(whole_run, language="en").replace("\\u0027", "'")


def test_without_all_that_the_pages_say_what_they_said_before(sample_run):
    content = content_of(sample_run)
    words = words_of(content, "en")
    told = [words.tell(sentence) for sentence in content["parameters"]]
    assert "Proximity has halved at 6 minutes" in told
    report = render_report(sample_run, language="en")
    steps = (
        "same parish 1; else same school district 0.75; else same municipality before 2007 0.5; else same old district"
    )
    assert f"<td>{steps} 0.25</td>" in report
    assert "λ₁ p + λ₂ o + λ₃ m + λ₄ d</code>" in report
    assert words.say("method.where_survey") not in report
    assert words.say("say.layer_survey") not in report
    assert "survey" not in sample_run.shown_ties()
    assert list(sample_run.ties.layers_used) == ["proximity", "overlap", "complementarity", "identity"]


def test_pastorates_are_a_step_that_the_report_names(sample_run):
    villages = sample_run.tables.villages.assign(pastorate=pd.array(["x"] * len(sample_run.tables.villages), "string"))
    told = render_report(replace(sample_run, tables=replace(sample_run.tables, villages=villages)), language="en")
    assert "same parish 1; else same pastorate 0.85; else same school district 0.75" in told
