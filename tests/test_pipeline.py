"""The whole way, on the sample and on real data: facts that must stay true."""

import dataclasses
import json
import subprocess
import sys

import pytest
import shapely
from conftest import DENMARK, osm_study

from geoklynge import pipeline
from geoklynge.checker import Verdict
from geoklynge.errors import CheckFailedError, NoPlanError
from geoklynge.exports import write_run
from geoklynge.limits import Facts
from geoklynge.pipeline import run

MOLS = {"Knebel", "Vistoft", "Tved", "Agri", "Helgenæs", "Rolsø"}


def cluster_of(result, name):
    """Names of the villages in one village's cluster."""
    villages = result.result.villages
    cluster_id = villages.loc[villages["name"] == name, "cluster_id"].iloc[0]
    return villages[villages["cluster_id"] == cluster_id]


@pytest.fixture(scope="module")
def other_seed_run(sample_study):
    return run(sample_study.model_copy(update={"seed": 2}))


def test_knebels_cluster_is_mols(sample_run):
    names = set(cluster_of(sample_run, "Knebel")["name"])
    assert {"Vistoft", "Tved", "Begtrup", "Strands", "Torup"} <= names
    assert not {"Rønde", "Hornslet", "Kolind"} & names


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_mols_does_not_hang_on_the_seed(sample_study, seed):
    result = run(sample_study.model_copy(update={"seed": seed}))
    assert {"Vistoft", "Tved", "Begtrup", "Strands", "Torup"} <= set(cluster_of(result, "Knebel")["name"])


def test_every_village_is_placed_or_has_a_reason(sample_run):
    villages = sample_run.result.villages
    assert (villages["cluster_id"].notna() != villages["why_alone"].notna()).all()
    assert villages.loc[villages["name"] == "Hornslet", "why_alone"].tolist() == ["town"]


def test_ties_say_how_often_their_ends_are_kept_together(sample_run):
    ties, runs = sample_run.shown_ties(), sample_run.pool.partitions
    row = {village: k for k, village in enumerate(sample_run.tables.villages["village_id"])}
    for tie in ties.iloc[::37].itertuples():
        left, right = runs[:, row[tie.village_a]], runs[:, row[tie.village_b]]
        assert tie.together == pytest.approx(((left == right) & (left >= 0)).mean())
    assert (ties["weight"] >= sample_run.study.limits.weakest_tie).all()
    in_town = ties.query("village_a == 'hornslet' or village_b == 'hornslet'")
    assert len(in_town) > 0
    assert (in_town["together"] == 0).all()  # towns are no members


def test_the_same_seed_gives_the_same_bytes(sample_study, sample_run, tmp_path):
    again = run(sample_study)
    write_run(sample_run, tmp_path / "a", pages={})
    write_run(again, tmp_path / "b", pages={})
    for name in (
        "clusters.geojson", "villages.geojson", "ties.geojson", "services.geojson", "clusters.csv", "syddjurs.gpkg",
    ):  # fmt: skip
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_another_process_gives_the_same_bytes(sample_study, sample_run, tmp_path):
    """Hash seeds and thread timing differ from process to process; the result does not."""
    write_run(sample_run, tmp_path / "a", pages={})
    code = (
        "import sys; from pathlib import Path; from geoklynge.study import read_study; "
        "from geoklynge.pipeline import run; from geoklynge.exports import write_run; "
        "write_run(run(read_study(sys.argv[1])), Path(sys.argv[2]), pages={})"
    )
    study_file = sample_study.folder / "study.toml"
    subprocess.run([sys.executable, "-c", code, study_file, tmp_path / "b"], check=True, env={"PYTHONHASHSEED": "7"})
    assert (tmp_path / "a/clusters.geojson").read_bytes() == (tmp_path / "b/clusters.geojson").read_bytes()


def test_another_seed_changes_certainty_and_keeps_the_limits(sample_run, other_seed_run):
    ours, theirs = (one.result.villages["certainty"].dropna() for one in (sample_run, other_seed_run))
    assert not ours.equals(theirs)
    assert other_seed_run.verdict.passed
    assert other_seed_run.study.limits == sample_run.study.limits


def test_the_plan_is_proven_optimal_and_checked(sample_run):
    assert sample_run.plan.gap == 0.0
    assert sample_run.verdict.passed
    assert [timing.stage for timing in sample_run.timings] == [
        "sources", "travel", "ties", "candidates", "assessment", "refinement", "selection", "topics",
        "explanation", "check",
    ]  # fmt: skip


def test_stages_tell_how_far_they_have_come(sample_study):
    told = []
    run(sample_study, report=lambda *news: told.append(news))
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages == [
        "sources", "travel", "ties", "candidates", "assessment", "refinement", "selection", "topics",
        "explanation", "check",
    ]  # fmt: skip
    members = [(done, total) for stage, done, total in told if stage == "candidates" and total]
    assert members == [(done, 100) for done in range(101)]


def test_a_result_that_fails_the_check_is_never_returned(sample_study, monkeypatch):
    lie = Verdict(clusters=1, pairs=1, largest_difference_minutes=0.0, broken=("Knebel: 21 minutes",))
    monkeypatch.setattr(pipeline, "check", lambda *_: lie)
    with pytest.raises(CheckFailedError, match="the checker found Knebel: 21 minutes"):
        run(sample_study)


def test_with_one_municipality_sets_are_cut_at_its_border_and_not_dropped(sample_study, monkeypatch):
    whole = pipeline.read_tables(sample_study)
    villages = whole.villages.assign(
        municipality_id=["west" if point.x < 594_000 else "east" for point in whole.villages.geometry]
    )
    monkeypatch.setattr(pipeline, "read_tables", lambda _study, **_: dataclasses.replace(whole, villages=villages))
    strict = sample_study.model_copy(
        update={"limits": sample_study.limits.model_copy(update={"one_municipality": True})}
    )
    result = run(strict)
    placed = result.result.villages.dropna(subset="cluster_id")
    assert placed.groupby("cluster_id")["municipality_id"].nunique().eq(1).all()
    assert len(placed) >= 65


def test_nobody_to_serve_is_no_plan(sample_study, monkeypatch):
    whole = pipeline.read_tables(sample_study)
    villages = whole.villages.assign(population=0, people=0.0)
    monkeypatch.setattr(pipeline, "read_tables", lambda _study, **_: dataclasses.replace(whole, villages=villages))
    empty = sample_study.model_copy(update={"limits": sample_study.limits.model_copy(update={"min_people": 0.0})})
    with pytest.raises(NoPlanError, match="no candidate is worth choosing"):
        run(empty)


def test_a_must_link_is_kept_in_the_whole_run(sample_study):
    wish = sample_study.model_validate({**sample_study.model_dump(), "planner": {"must_link": [["Knebel", "Stødov"]]}})
    assert "Stødov" in set(cluster_of(run(wish), "Knebel")["name"])


def test_a_cannot_link_is_kept_in_the_whole_run(sample_study):
    wish = sample_study.model_validate({**sample_study.model_dump(), "planner": {"cannot_link": [["Knebel", "Tved"]]}})
    assert "Tved" not in set(cluster_of(run(wish), "Knebel")["name"])


@pytest.mark.denmark
def test_on_real_roads_vistofts_cluster_lies_on_mols(syddjurs_study):
    result = run(syddjurs_study)
    parishes = cluster_of(result, "Vistoft")["parish"]
    assert parishes.isin(MOLS).mean() >= 0.8
    assert result.verdict.passed
    assert {"villages_merged", "places_outside"} <= {finding.code for finding in result.findings()}
    assert "Knebel" in set(result.tables.villages["name"])  # an area in OSM; GeoNames fills it in


@pytest.mark.denmark
def test_all_of_denmark_keeps_every_limit(tmp_path):
    if not DENMARK.is_dir():
        pytest.skip("the real data in ../shared/data/denmark is not here")
    result = run(osm_study("denmark.osm.pbf"))
    write_run(result, tmp_path / "out", pages={})
    clusters, villages = result.result.clusters, result.tables.villages
    assert result.verdict.broken == ()
    assert result.verdict.clusters == len(clusters) > 200
    assert result.plan.gap <= 0.001
    people = villages.set_index("village_id")["people"]
    for row in clusters.itertuples():
        members = row.village_ids.split("; ")
        facts = Facts(len(members), people[members].sum(), row.max_minutes, 1, people[members].max(), connected=True)
        assert not result.study.limits.broken_by(facts)
    everyone = clusters["village_ids"].str.split("; ").explode()
    assert everyone.is_unique
    assert shapely.is_valid(clusters.geometry).all()
    record = json.loads((tmp_path / "out/run.json").read_text(encoding="utf-8"))
    assert record["peak_memory_mb"] < 6000
