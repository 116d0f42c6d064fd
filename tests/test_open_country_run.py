"""A run with a population grid from end to end: files, check, cards and report say the same people."""

import json
import re

import pandas as pd
import pyogrio
import pytest
from typer.testing import CliRunner

from geoklynge.cli import app
from geoklynge.exports import write_run
from geoklynge.maps.content import content_of
from geoklynge.maps.page import words_of
from geoklynge.maps.pages import render_pages
from geoklynge.pipeline import run


@pytest.fixture(scope="module")
def written(grid_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("open country") / "run"
    write_run(grid_run, folder, pages=render_pages(grid_run, language="en"))
    return folder


@pytest.fixture(scope="module")
def content(grid_run):
    return content_of(grid_run)


def test_everybody_of_the_grid_is_in_the_run_or_told(grid_run):
    tables = grid_run.tables
    villages = tables.villages
    known = villages["population"].notna()
    assert (villages["people"] == villages["population"].astype(float) + villages["people_around"])[known].all()
    assert not (known & (villages["people_around"] < 0)).any()
    assert (villages["people_around"] > 0).any()
    codes = {found.code for found in grid_run.findings()}
    assert codes >= {"grid_without_borders", "grid_too_few"}


def test_the_stage_is_timed_where_there_is_a_grid_and_absent_where_there_is_none(grid_run, sample_run):
    assert [timing.stage for timing in grid_run.timings][:3] == ["sources", "travel", "open country"]
    assert "open country" not in [timing.stage for timing in sample_run.timings]
    assert "people_around" not in sample_run.result.villages
    assert "people_around" not in sample_run.result.clusters


def test_files_bear_the_people_around_and_the_checker_counts_them_anew(grid_run, written):
    villages = pyogrio.read_dataframe(written / "villages.geojson")
    clusters = pyogrio.read_dataframe(written / "clusters.geojson")
    assert villages["people_around"].tolist() == grid_run.tables.villages["people_around"].tolist()
    assert "people_around" in pyogrio.read_info(written / "syddjurs.gpkg", layer="villages")["fields"]
    for row in clusters.itertuples():
        members = villages[villages["village_id"].isin(row.village_ids.split("; "))]
        assert row.population == members["people"].sum()
        assert row.people_around == members.loc[members["population"].notna(), "people_around"].sum()
    counts = json.loads((written / "run.json").read_text(encoding="utf-8"))["counts"]
    grid = grid_run.tables.grid
    assert (counts["grid_cells"], counts["grid_people"]) == (len(grid), grid["people"].sum())
    assert counts["people_around"] == villages["people_around"].sum()
    result = CliRunner().invoke(app, ["check", str(written)])
    assert result.exit_code == 0, result.output


def test_a_written_number_that_leaves_the_open_country_out_is_found_by_the_checker(grid_run):
    from geoklynge.checker import check

    table = grid_run.result.clusters
    ties = grid_run.ties.table(at_least=grid_run.study.limits.weakest_tie)
    without = table.assign(population=table["population"] - table["people_around"])
    verdict = check(without, ties, grid_run.tables, grid_run.study)
    assert any("population is" in broken for broken in verdict.broken)
    assert check(table, ties, grid_run.tables, grid_run.study).passed


@pytest.mark.parametrize(
    ("language", "pattern"),
    [
        ("en", r"([\d,]+) people: ([\d,]+) in the village, ([\d,]+) in the open country around it"),
        ("da", r"([\d.]+) indbyggere: ([\d.]+) i landsbyen, ([\d.]+) i det åbne land omkring den"),
    ],
)
def test_a_village_tells_where_its_people_live(grid_run, content, language, pattern):
    words, villages = words_of(content, language), grid_run.tables.villages
    told = 0
    for village, row in zip(content["villages"], villages.to_dict("records"), strict=True):
        if pd.isna(row["population"]):
            assert village["from_grid"] == (row["people_around"] > 0)
            assert village["around"] == 0
        elif row["people_around"]:
            facts = {"n": village["people"], "own": village["people"] - village["around"], "around": village["around"]}
            said = re.search(pattern, words.say("say.village_around", **facts))
            numbers = [int(re.sub(r"\D", "", number)) for number in said.groups()]
            assert numbers == [row["people"], row["population"], row["people_around"]]
            told += 1
    assert told > 5


def test_report_and_map_say_so_too(written, content):
    report = (written / "report.html").read_text(encoding="utf-8")
    told = [sentence for cluster in content["clusters"] for sentence in cluster["open_country"]]
    assert told
    assert all(words_of(content, "en").tell(sentence) in report for sentence in told)
    village = next(one for one in content["villages"] if one["around"])
    facts = {"own": village["people"] - village["around"], "around": village["around"]}
    assert words_of(content, "en").say("report.village_around", **facts) in report
    assert words_of(content, "en").tell(content["head"][2]) in report
    assert "by a population grid" in report


def test_the_open_country_makes_no_town_of_a_village(grid_run, grid_study):
    villages = grid_run.result.villages
    with_land = villages["population"].notna() & (villages["people_around"] > 0)
    members = villages[villages["cluster_id"].notna() & with_land]
    largest = members.loc[members["population"].idxmax()]
    limit = float(largest["population"])
    assert largest["people"] > limit
    limits = grid_study.limits.model_copy(update={"town_people": limit})
    again = run(grid_study.model_copy(update={"limits": limits}))
    row = again.result.villages.set_index("village_id").loc[largest["village_id"]]
    assert pd.notna(row["cluster_id"])
    assert again.verdict.passed


def test_the_same_grid_gives_the_same_plan(grid_run, grid_study):
    again = run(grid_study)
    pd.testing.assert_frame_equal(again.result.clusters, grid_run.result.clusters)
