"""How far known clusters are found again, why they are not, and what chance finds."""

import json
import re
from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from conftest import DENMARK, osm_study
from hypothesis import given, settings
from hypothesis import strategies as st
from source_files import write
from test_assessment import pool_by_hand, row_of
from typer.testing import CliRunner
from worlds import pool_of, random_country, study, tables_of, travel_of, villages_at

from geoklynge.assessment import MEASURES, assess
from geoklynge.checker import Verdict
from geoklynge.cli import app
from geoklynge.clusters import describe
from geoklynge.comparison import KnownCluster, read_known, validate
from geoklynge.comparison.baseline import random_sets
from geoklynge.comparison.known import Member
from geoklynge.comparison.validation import Best
from geoklynge.pipeline import Run, run
from geoklynge.selection import Plan, select
from geoklynge.ties import tie_villages
from geoklynge.validation_words import recovery_table, remarks, validation_record
from geoklynge.village_sets import facts_of, pairs_inside, sets_of
from geoklynge.wishes import Wishes

PROJECT = Path(__file__).parents[1]
SAMPLE = PROJECT / "data/syddjurs"
INF = np.inf


def run_of(tables, a_study, travel, ties, pool, chosen=None):
    """A run as far as a validation looks at it; `chosen` candidates take the place of the best choice."""
    assessment = assess(pool, tables, ties, a_study)
    values = (assessment["score"] * assessment["served"]).to_numpy()
    plan = select(pool.sets, values) if chosen is None else Plan(np.array(chosen), 1.0, 1.0, 0.0)
    result = describe(plan, pool, assessment, tables, travel, ties, a_study)
    return Run(a_study, tables, travel, ties, pool, assessment, plan, result, None, Verdict(0, 0, 0.0, ()), ())


def run_by_hand(minutes, candidates, chosen, *, people=None, parish=None, eligible=None, limits=None, **columns):
    """Villages in a row (or by a table of minutes) in parishes of a letter each, with these candidates."""
    between = np.array(minutes, dtype=float) if np.ndim(minutes) == 2 else row_of(*minutes)
    n = len(between)
    points = [(1000.0 * k, 0.0) for k in range(n)]
    parish = list(parish or "a" * n)
    table = villages_at(points, people=people, parish_id=parish, parish=parish, **columns)
    tables, a_study = tables_of(table), study(limits=limits or {})
    travel = travel_of(tables, between)
    pool = pool_by_hand(candidates, n, eligible=eligible)
    return run_of(tables, a_study, travel, tie_villages(tables, travel, a_study), pool, chosen)


def parishes(*names, code="0706", name="K"):
    return KnownCluster(name, tuple(Member(one, "parish", code) for one in names))


def recovery(a_run, *names, draws=5):
    (one,) = validate(a_run, [parishes(*names)], draws=draws).recoveries
    return one


@pytest.mark.parametrize(
    ("villages", "verdict"), [(1.0, "found"), (0.5, "found"), (0.49, "partly"), (0.3, "partly"), (0.29, "missed")]
)
def test_found_from_a_half_and_partly_from_three_tenths(villages, verdict):
    assert Best(villages, 0.0).verdict == verdict


# Eight villages a minute apart; the real cluster is parish r, villages 0-3.
ROW = [0, 1, 2, 3, 4, 5, 6, 7]


def test_the_best_cluster_of_the_plan_is_named_with_what_it_lacks_and_has_too_much():
    people = [100, 100, 100, 700, 100, 100, 100, 100]
    a_run = run_by_hand(ROW, [[0, 1, 2, 4], [3, 5, 6, 7], [0, 1, 2, 3]], [0, 1], parish="rrrrxxxx", people=people)
    one = recovery(a_run, "r")
    assert (one.in_plan.villages, one.in_plan.people) == (0.6, 700 / 1300)  # by people the other cluster agrees better
    assert (one.in_pool.villages, one.in_pool.people) == (1.0, 1.0)
    assert one.cluster is not None
    assert (one.cluster.missing, one.cluster.extra) == (("Village 3",), ("Village 4",))
    written = a_run.result.clusters.set_index("cluster_id").loc[one.cluster.cluster_id]
    assert set(written["villages"].split("; ")) == {f"Village {k}" for k in (0, 1, 2, 4)}
    assert (one.cluster.rank, one.cluster.name) == (written["rank"], written["name"])
    assert one.cluster.score == pytest.approx(written["score"], abs=0.051)
    assert one.reason.code == "found"


def test_the_score_of_a_real_cluster_is_that_of_the_candidate_it_is():
    a_run = run_by_hand(ROW, [[0, 1, 2, 4], [0, 1, 2, 3], [5, 6, 7]], [0, 2], parish="rrrrxxxx")
    one = recovery(a_run, "r")
    assert one.real is not None
    assert one.real.n_villages == 4
    assert one.real.score == pytest.approx(a_run.assessment["score"][1])
    assert one.real.measures == pytest.approx(a_run.assessment.loc[1, list(MEASURES)].to_dict())


# Why not


def test_no_data_no_member():
    one = recovery(run_by_hand(ROW, [[0, 1, 2, 3]], [0]), "Atlantis", "Thule")
    assert (one.reason.code, one.reason.text) == ("no_data", "none of its 2 members is in the study's data")
    assert (one.cluster, one.candidate, one.real, one.in_plan.villages) == (None, None, None, 0.0)
    assert vars(one.chance) == {"found": 0.0, "villages": 0.0, "people": 0.0}


def test_no_data_few_villages():
    a_run = run_by_hand(ROW, [[2, 3, 4, 5, 6, 7]], [0], parish="rrxxxxxx")
    assert recovery(a_run, "r").reason.text == (
        "its members have 2 villages in the study's data, and a cluster needs 3"
    )
    a_run = run_by_hand(ROW, [[3, 4, 5, 6, 7]], [0], parish="rrrxxxxx")
    assert recovery(a_run, "r").reason.code == "not_proposed"  # three are enough
    a_run = run_by_hand(ROW, [[4, 5, 6, 7]], [0], parish="rrrrxxxx")
    assert recovery(a_run, "r", "Thule", "Atlantis").reason.text == "2 of its 3 members are not in the study's data"
    assert recovery(a_run, "r", "Thule").reason.code == "not_proposed"


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"max_villages": 3}, "4 villages, at most 3 allowed"),
        ({"max_people": 700}, "800 people, at most 700 allowed"),
        ({"min_people": 900}, "800 people, at least 900 wanted"),
        ({"max_minutes": 2}, "1 of 6 pairs of its villages are more than 2 minutes apart"),
        ({"max_minutes": 1, "max_villages": 3}, "at most 3 allowed; 3 of 6 pairs of its villages are more than 1 min"),
    ],
)
def test_a_limit_that_the_real_cluster_breaks(limits, says):
    reason = recovery(run_by_hand(ROW, [[4, 5, 6, 7]], [0], parish="rrrrxxxx", limits=limits), "r").reason
    assert reason.code == "limit"
    assert reason.text.startswith("it breaks a limit: ")
    assert says in reason.text


def test_pairs_without_a_road_break_the_limit_of_minutes():
    minutes = row_of(*ROW)
    minutes[:3, 3:] = minutes[3:, :3] = INF
    reason = recovery(run_by_hand(minutes, [[4, 5, 6, 7]], [0], parish="rrrrxxxx"), "r").reason
    assert (reason.code, reason.text) == (
        "limit", "it breaks a limit: 3 of 6 pairs of its villages have no road between them",
    )  # fmt: skip


def test_a_broken_limit_does_not_hide_that_the_pool_has_it():
    a_run = run_by_hand(ROW, [[0, 1, 2], [2, 3, 4, 5]], [1], parish="rrrrxxxx", limits={"max_minutes": 2})
    reason = recovery(a_run, "r").reason
    assert reason.code == "limit"
    assert reason.text.endswith("; yet a candidate agrees by 0.75")


def test_villages_that_may_not_be_members_count_against_it_but_not_in_its_score():
    people = [6000, 100, 9000, 100, 100, 100, 100, 100]
    eligible = [False, True, False, True, True, True, True, True]
    a_run = run_by_hand(ROW, [[1, 3, 4], [5, 6, 7]], [1], parish="rrrrrxxx", people=people, eligible=eligible)
    one = recovery(a_run, "r")
    assert len(one.matched.rows) == 5
    assert one.in_pool.villages == 0.6
    assert one.in_pool.people == pytest.approx(300 / 15_300)
    assert one.real is not None
    assert one.real.n_villages == 3
    assert one.real.score == pytest.approx(a_run.assessment["score"][0])
    assert one.reason.code == "outbid"  # two towns do not stand in the way of the other three
    fewer = [False, False, False, True, True, True, True, True]
    one = recovery(run_by_hand(ROW, [[5, 6, 7]], [0], parish="rrrrrxxx", people=people, eligible=fewer), "r")
    assert one.reason.code == "limit"
    assert one.reason.text == (
        "it breaks a limit: 2 villages, at least 3 wanted; 200 people, at least 300 wanted; 3 of its 5 villages may "
        "not be members (Village 2, 9,000 people; Village 0, 6,000 people; Village 1, 100 people)"
    )


def test_a_cluster_of_which_most_may_not_be_members_cannot_be_found():
    people, eligible = [6000] * 4 + [200] * 4, [False] * 4 + [True] * 4
    a_run = run_by_hand(ROW, [[4, 5, 6], [5, 6, 7]], [1], parish="rrrrrrrx", people=people, eligible=eligible)
    reason = recovery(a_run, "r").reason
    assert reason.code == "limit"
    assert reason.text.startswith(
        "it breaks a limit: 4 of its 7 villages may not be members (Village 0, 6,000 people; "
    )


@pytest.mark.parametrize("members", [0, 1])
def test_a_cluster_of_towns_only(members):
    eligible = [False, False, False, members == 1, True, True, True, True]
    a_run = run_by_hand(ROW, [[4, 5, 6, 7]], [0], parish="rrrrxxxx", people=[6000] * 4 + [100] * 4, eligible=eligible)
    one = recovery(a_run, "r")
    assert one.real is None
    assert one.reason.code == "limit"
    assert f"{4 - members} of its 4 villages may not be members" in one.reason.text


def test_a_border_that_the_study_does_not_let_clusters_cross():
    codes, names = ["0706", "0706", "0707", "0707", *["0706"] * 4], ["Syddjurs"] * 2 + ["Norddjurs"] * 2
    known = KnownCluster("K", (Member("r", "parish", "0706"), Member("r", "parish", "0707")))
    reasons = {}
    for one in (True, False):
        a_run = run_by_hand(
            ROW, [[4, 5, 6, 7]], [0], parish="rrrrxxxx", municipality_id=codes,
            municipality=names + ["Syddjurs"] * 4, limits={"one_municipality": one},
        )  # fmt: skip
        reasons[one] = validate(a_run, [known], draws=2).recoveries[0].reason
    assert reasons[True].code == "border"
    assert reasons[True].text == "it lies in 2 municipalities (Norddjurs; Syddjurs), and the study allows one"
    assert reasons[False].code == "not_proposed"


def test_villages_that_no_strong_tie_connects():
    # parish r is two and two villages, 16 minutes apart: near enough for the limit, but hardly tied
    minutes = [0, 1, 15, 16, 17, 18, 19, 20]
    a_run = run_by_hand(minutes, [[4, 5, 6, 7]], [0], parish="rrrrxxxx", limits={"weakest_tie": 0.9})
    assert recovery(a_run, "r").reason.code == "no_tie"
    assert recovery(a_run, "r").reason.text == "ties of at least 0.9 do not connect it: 2 parts of 2, 2 villages"


def test_nothing_like_it_was_proposed():
    a_run = run_by_hand(ROW, [[3, 4, 5, 6, 7], [2, 3, 4, 5], [4, 5, 6]], [0], parish="rrrrxxxx")
    reason = recovery(a_run, "r").reason
    assert (reason.code, reason.text) == (
        "not_proposed", "no candidate agrees with it by half; the best of 2 that share a village by 0.33",
    )  # fmt: skip
    a_run = run_by_hand(ROW, [[4, 5, 6, 7]], [0], parish="rrrrxxxx")
    assert recovery(a_run, "r").reason.text == "no candidate shares a village with it"


def test_the_plan_holds_others_in_its_place():
    minutes = [*ROW, 8, 9, 10]
    candidates = [[0, 1, 2], [0, 6, 7], [2, 3, 4, 5], [8, 9, 10]]
    a_run = run_by_hand(minutes, candidates, [1, 2, 3], parish="rrrrxxxxxxx")
    one = recovery(a_run, "r")
    assert (one.reason.code, one.in_plan.verdict, one.in_pool.verdict) == ("outbid", "partly", "found")
    worth = (a_run.assessment["score"] * a_run.assessment["served"]).tolist()
    rivals = sorted((1, 2), key=lambda number: -worth[number])
    assert f"agrees by 0.75 and is worth {worth[0]:,.0f} (score x people served)" in one.reason.text
    assert f"in its place the plan holds clusters worth {worth[1] + worth[2]:,.0f}" in one.reason.text
    clusters = a_run.result.clusters
    hub_of = {
        frozenset(villages.split("; ")): name
        for villages, name in zip(clusters["villages"], clusters["name"], strict=True)
    }
    named = [
        f"{hub_of[frozenset(f'Village {row}' for row in candidates[number])]} {worth[number]:,.0f}" for number in rivals
    ]
    assert one.reason.text.endswith(f"({', '.join(named)})")
    assert one.candidate is not None
    better = sum(score > a_run.assessment["score"][0] for score in a_run.assessment["score"][[0, 1, 2]])
    assert (one.candidate.rank, one.candidate.of, one.candidate.n_villages) == (1 + better, 3, 3)


# Everything together, on any country


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**6))
def test_agreement_and_ranks_are_what_one_would_count_by_hand(seed):
    a_study, tables = study(seed=seed % 1000, limits={"min_people": 1}), random_country(seed, villages=24, side_m=9_000)
    tables.villages["parish"] = tables.villages["parish"].where(tables.villages["parish_id"].notna())
    travel, ties, pool = pool_of(tables, a_study)
    a_run = run_of(tables, a_study, travel, ties, pool)
    villages, people = tables.villages, tables.villages["people"].to_numpy()
    known = [
        KnownCluster(f"{parish} {code}", (Member(str(parish), "parish", str(code)),))
        for code, parish in sorted(set(villages[["municipality_id", "parish"]].dropna().itertuples(index=False)))
    ]
    validation = validate(a_run, known, draws=3)
    candidates = [set(pool.sets.rows(k).tolist()) for k in range(len(pool.sets))]

    def jaccard(a, b, weight):
        return sum(weight[k] for k in a & b) / sum(weight[k] for k in a | b)

    for one, cluster in zip(validation.recoveries, known, strict=True):
        real = set(one.matched.rows.tolist())
        assert real == set(np.flatnonzero(
            (villages["parish"].fillna("") == cluster.members[0].name)
            & (villages["municipality_id"] == cluster.members[0].municipality_code)
        ))  # fmt: skip
        by_villages = np.array([jaccard(one, real, np.ones(24)) for one in candidates])
        by_people = np.array([jaccard(one, real, people) for one in candidates])
        chosen = a_run.plan.chosen
        np.testing.assert_allclose(
            [one.in_pool.villages, one.in_pool.people, one.in_plan.villages, one.in_plan.people],
            [by_villages.max(), by_people.max(), by_villages[chosen].max(), by_people[chosen].max()],
        )
        sharing = by_villages > 0
        assert (one.candidate is None) == (not sharing.any())
        if one.candidate is not None:
            scores = a_run.assessment["score"].to_numpy()
            best = [k for k in np.flatnonzero(by_villages == by_villages.max()) if scores[k] == one.candidate.score]
            assert one.candidate.of == sharing.sum()
            assert one.candidate.rank == 1 + (scores[sharing] > scores[best[0]]).sum()
        if one.cluster is not None:
            row = a_run.result.clusters.set_index("cluster_id").loc[one.cluster.cluster_id]
            held = {int(np.flatnonzero(villages["village_id"] == each)[0]) for each in row["village_ids"].split("; ")}
            assert jaccard(held, real, np.ones(24)) == pytest.approx(one.in_plan.villages)
            assert sorted(one.cluster.missing) == sorted(villages["name"].iloc[sorted(real - held)])
            assert sorted(one.cluster.extra) == sorted(villages["name"].iloc[sorted(held - real)])
    verdicts = [one.in_plan.verdict for one in validation.recoveries]
    tally = validation.in_plan
    assert (tally.found, tally.partly, tally.missed) == tuple(map(verdicts.count, ("found", "partly", "missed")))
    assert tally.villages == pytest.approx(np.mean([one.in_plan.villages for one in validation.recoveries]))
    assert validation.in_pool.people == pytest.approx(np.mean([one.in_pool.people for one in validation.recoveries]))
    assert validation.chance.found == pytest.approx(sum(one.chance.found for one in validation.recoveries))
    json.dumps(validation_record(validation), allow_nan=False)


# Chance


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.1, 0.35, 0.6]))
def test_random_sets_are_connected_of_the_right_size_and_of_members_of_one_group(seed, size, weakest):
    tables = random_country(seed, villages=30)
    a_study = study()
    travel = travel_of_roads(tables, a_study)
    ties = tie_villages(tables, travel, a_study)
    rng = np.random.default_rng(seed)
    group = rng.integers(-1, 2, 30)
    group[rng.integers(30)] = 0
    starts = np.flatnonzero(group >= 0).astype(np.int32)
    sets = random_sets(ties, group, starts, size=size, weakest_tie=weakest, draws=rng.random((20, 1 + size)))
    assert len(sets) == 20
    network = nx.Graph()
    network.add_nodes_from(range(30))
    network.add_edges_from(
        (a, b) for a, b, w in zip(ties.a, ties.b, ties.weight, strict=True) if w >= weakest and group[a] == group[b]
    )
    for number in range(20):
        rows = sets.rows(number).tolist()
        assert rows == sorted(set(rows))
        assert len({group[row] for row in rows}) == 1
        assert group[rows[0]] >= 0
        assert nx.is_connected(network.subgraph(rows))
        assert len(rows) == min(size, len(nx.node_connected_component(network, rows[0])))


def travel_of_roads(tables, a_study):
    from geoklynge.travel import measure_travel

    return measure_travel(tables, a_study.travel)


def test_every_neighbour_of_the_set_is_as_likely_as_the_other():
    # a star with a tail: 0 is tied to 1, 2 and 3, and 3 to 4
    minutes = np.full((5, 5), INF)
    for a, b in ((0, 1), (0, 2), (0, 3), (3, 4)):
        minutes[a, b] = minutes[b, a] = 1.0
    tables = tables_of(villages_at([(1000.0 * k, 0.0) for k in range(5)]))
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    draws = np.random.default_rng(7).random((60_000, 4))
    alike = np.zeros(5, dtype=np.int64)
    sets = random_sets(ties, alike, np.array([0], dtype=np.int32), size=3, weakest_tie=0.1, draws=draws)
    drawn, counts = np.unique(sets.member.reshape(-1, 3), axis=0, return_counts=True)
    share = {tuple(rows): count / 60_000 for rows, count in zip(drawn.tolist(), counts.tolist(), strict=True)}
    # first one of three; after 1 or 2 one of two, after 3 one of three
    expected = {(0, 1, 2): 1 / 3, (0, 1, 3): 1 / 6 + 1 / 9, (0, 2, 3): 1 / 6 + 1 / 9, (0, 3, 4): 1 / 9}
    assert share == pytest.approx(expected, abs=0.01)
    starts = random_sets(ties, alike, np.array([1, 4], dtype=np.int32), size=1, weakest_tie=0.1, draws=draws)
    assert np.mean(starts.member == 4) == pytest.approx(0.5, abs=0.01)


def test_chance_is_the_mean_over_draws_and_hangs_on_seed_and_name_alone():
    # four villages in a row, the real cluster the first two; a random pair is it, half of it, or not at all
    minutes = np.full((4, 4), INF)
    for a in range(3):
        minutes[a, a + 1] = minutes[a + 1, a] = 1.0
    people = [300, 100, 100, 100]
    a_run = run_by_hand(minutes, [[0, 1, 2]], [0], parish="rrxy", people=people, limits={"min_villages": 2})
    (one,) = validate(a_run, [parishes("r")], draws=20_000).recoveries
    # from each end the one neighbour, from the middle either: {0,1} 3/8, {1,2} 2/8, {2,3} 3/8
    assert one.chance.found == pytest.approx(3 / 8, abs=0.02)
    assert one.chance.villages == pytest.approx(3 / 8 + 2 / 8 / 3, abs=0.02)
    assert one.chance.people == pytest.approx(3 / 8 + 2 / 8 / 5, abs=0.02)
    alone = validate(a_run, [parishes("r")]).recoveries[0].chance
    beside = validate(a_run, [parishes("x", name="other"), parishes("r")]).recoveries[1].chance
    assert alone == beside
    namesake = validate(a_run, [parishes("r", name="K2")]).recoveries[0].chance
    assert namesake != alone
    again = replace(a_run, study=a_run.study.model_copy(update={"seed": 2}))
    assert validate(again, [parishes("r")]).recoveries[0].chance != alone


def test_random_sets_hold_no_town():
    a_run = run_by_hand(
        [0, 1, 2, 3], [[0, 1, 2]], [0], parish="rrrr", people=[100, 100, 100, 6000], eligible=[True, True, True, False]
    )
    chance = recovery(a_run, "r", draws=50).chance
    assert (chance.villages, chance.found) == (0.75, 1.0)  # the three others each time, for there is nobody else
    assert chance.people == pytest.approx(300 / 6300)


def test_random_sets_keep_to_one_municipality_where_clusters_must():
    codes = ["0706"] * 4 + ["0707"] * 4
    names = ["Syddjurs"] * 4 + ["Norddjurs"] * 4
    chances = {}
    for one in (True, False):
        a_run = run_by_hand(
            ROW, [[0, 1, 2, 3]], [0], parish="rrrrxxxx", municipality_id=codes, municipality=names,
            limits={"one_municipality": one},
        )  # fmt: skip
        chances[one] = validate(a_run, [parishes("r")]).recoveries[0].chance
    assert chances[True].villages == 1.0  # four villages, and no other way to take four
    assert chances[False].villages < 1.0


# Words


def test_remarks_name_who_was_not_matched_and_who_is_left_out():
    a_run = run_by_hand(ROW, [[0, 1, 2, 3]], [0], parish="rrrrxxxx")
    known = [parishes("r", "[Thule]"), parishes("r", code="0999", name="Far")]
    validation = validate(a_run, known, draws=2)
    lines = list(remarks(validation))
    assert "K: [Thule] not matched: no parish of this name with a village in 0706" in lines
    assert "left out, in no municipality of the study: 1 (Far)" in lines
    assert recovery_table(validation).row_count == 1
    assert validation_record(validation)["left_out"] == [{"name": "Far", "municipality": "0999"}]


# Command line

HEAD = "cluster,municipality_code,municipality,member,member_kind\n"
KNOWN = HEAD + "".join(f"Mols,0706,Syddjurs,{one},parish\n" for one in ("Knebel", "Vistoft", "Agri", "Tved"))


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("validate") / "out"
    assert call("run", SAMPLE / "study.toml", "--out", out, "--quiet").exit_code == 0
    return out


def test_validate_prints_a_row_a_cluster_and_what_plan_pool_and_chance_find(written, sample_run, tmp_path):
    far = KNOWN + "Rebild Øst,0840,Rebild,Bælum,town\n"
    result = call("validate", written, "--known", tmp_path / write(tmp_path, "known.csv", far))
    assert result.exit_code == 0, result.output
    (one,) = validate(sample_run, read_known(tmp_path / "known.csv")).recoveries
    assert one.cluster is not None
    row = next(line for line in result.stdout.splitlines() if "Mols" in line)
    best = [f"{best.villages:.2f}; {best.people:.2f}" for best in (one.in_plan, one.in_pool)]
    assert re.split(r"\s{2,}", row.strip()) == [
        "Mols", "Syddjurs", str(len(one.matched.rows)), *best, one.in_plan.verdict,
        f"cluster {one.cluster.rank} of the plan, {one.cluster.name}",
    ]  # fmt: skip
    assert [line.split()[0] for line in result.stdout.splitlines() if re.match(r"  (plan|pool|by chance)", line)] == [
        "plan", "pool", "by",
    ]  # fmt: skip
    assert "left out, in no municipality of the study: 1 (Rebild Øst)" in result.stdout
    assert "the clusters are others" not in result.stdout
    assert result.stderr.splitlines()[-1].startswith("validation: ")


def test_validate_as_json_is_one_document_with_everything(written, tmp_path):
    known = tmp_path / write(tmp_path, "known.csv", KNOWN)
    result = call("validate", written, "--known", known, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    record = json.loads(result.stdout)
    assert (record["study"], record["as_written"]) == ("Syddjurs", True)
    (one,) = record["clusters"]
    assert one["verdict"] == "found"
    assert one["reason"]["code"] == "found"
    assert len(one["villages"]) == one["n_villages"]
    assert set(one["real"]["measures"]) == set(MEASURES)
    assert record["summary"]["plan"]["found"] == 1
    assert record["baseline"]["draws"] == 200
    assert call("validate", written, "--known", known, "--json").stdout == result.stdout


def test_what_other_methods_find_stands_beside_it(written, tmp_path):
    known = tmp_path / write(tmp_path, "known.csv", KNOWN)
    result = call("validate", written, "--known", known, "--rivals", "parishes, k-means", "--json")
    assert result.exit_code == 0
    rows = {row["method"]: row for row in json.loads(result.stdout)["rivals"]}
    assert set(rows) == {"parishes", "k-means"}
    assert rows["parishes"]["found"] == 0  # Mols is several parishes
    assert 0 < rows["parishes"]["villages"] < 0.5
    words = call("validate", written, "--known", known, "--rivals", "parishes", "--quiet").stdout
    assert re.search(r"^  parishes +0 +0\.\d\d", words, re.MULTILINE)
    wrong = call("validate", written, "--known", known, "--rivals", "magic")
    assert wrong.exit_code == 2
    assert "magic" in wrong.stderr


def test_quiet_shows_no_progress(written, tmp_path):
    known = tmp_path / write(tmp_path, "known.csv", KNOWN)
    result = call("validate", written, "--known", known, "--quiet")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Mols" in result.stdout


def test_clusters_that_differ_from_the_written_ones_are_said_so(tmp_path):
    import shutil

    copy = shutil.copytree(SAMPLE, tmp_path / "study")
    assert call("run", copy / "study.toml", "--out", tmp_path / "out", "--quiet").exit_code == 0
    villages = (copy / "villages.csv").read_text(encoding="utf-8")
    kept = [line for line in villages.splitlines() if not line.startswith("vistoft,")]
    (copy / "villages.csv").write_text("\n".join(kept), encoding="utf-8")
    for name in ("links.csv", "services.csv"):
        rows = (copy / name).read_text(encoding="utf-8").splitlines()
        (copy / name).write_text("\n".join(row for row in rows if "vistoft" not in row), encoding="utf-8")
    known = tmp_path / write(tmp_path, "known.csv", KNOWN)
    result = call("validate", tmp_path / "out", "--known", known)
    assert result.exit_code == 0, result.output
    assert f"note: the clusters are others than those in {tmp_path / 'out'}: run the study again" in result.stdout
    assert json.loads(call("validate", tmp_path / "out", "--known", known, "--json").stdout)["as_written"] is False


MISTAKES = {
    "missing column": (KNOWN.replace("member_kind", "kind"), "no column 'member_kind'"),
    "unknown kind": (
        KNOWN.replace("Agri,parish", "Agri,hamlet"),
        "row 3, column 'member_kind': 'hamlet' is not one of",
    ),
    "empty member": (KNOWN.replace("Agri", ""), "row 3, column 'member' is empty"),
    "elsewhere": (KNOWN.replace("0706,Syddjurs", "0840,Rebild"), "none of the 1 known clusters lies in a municipality"),
}


@pytest.mark.parametrize(("text", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(written, tmp_path, text, says):
    result = call("validate", written, "--known", tmp_path / write(tmp_path, "known.csv", text), "--quiet")
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr
    assert re.fullmatch(r"geoklynge: .*\n", result.stderr)


def test_missing_files_are_one_line_and_exit_code_2(written, tmp_path):
    result = call("validate", written, "--known", tmp_path / "none.csv")
    assert result.exit_code == 2
    assert re.fullmatch(r"geoklynge: .*none\.csv: no such file .*\n", result.stderr)
    result = call("validate", tmp_path, "--known", tmp_path / write(tmp_path, "known.csv", KNOWN))
    assert result.exit_code == 2
    assert "give the folder of a finished run" in result.stderr


@pytest.mark.denmark
@pytest.mark.skipif(not DENMARK.is_dir(), reason="the real data in ../shared/data/denmark is not here")
def test_mols_is_matched_and_explained_on_real_data():
    a_run = run(osm_study("syddjurs.osm.pbf", municipalities=("0706",)))
    validation = validate(a_run, read_known(PROJECT / "data/known_clusters.csv"))
    (one,) = validation.recoveries
    assert one.matched.known.name == "Mols i Udvikling"
    assert {"Knebel", "Vistoft"} <= set(one.matched.names)
    assert set(a_run.tables.villages["parish"].iloc[one.matched.rows]) <= {m.name for m in one.matched.known.members}
    facts = facts_of(
        sets := sets_of([one.matched.rows], len(a_run.tables.villages)), pairs_inside(sets, a_run.ties), a_run.ties,
        a_run.tables.villages, a_run.study.limits, Wishes(),
    )  # fmt: skip
    assert a_run.study.limits.kept_by(facts).all()
    assert len(validation.left_out) == 9
    assert 0 < one.chance.villages < one.in_pool.villages
