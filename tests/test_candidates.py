"""The pool: every set in it keeps every limit and every wish, and what cannot be is refused with the reason."""

import dataclasses
import itertools
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_village_sets import facts_by_hand
from worlds import pool_of, random_country, roads_of, study, tables_of, travel_of, villages_at

from geoklynge.candidates import Pool, propose
from geoklynge.ensemble import partition_often
from geoklynge.errors import InputError, NoPlanError
from geoklynge.growing import linked_sets, parish_unions, sets_around
from geoklynge.limits import Limits
from geoklynge.mending import mend
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel
from geoklynge.village_sets import sets_of
from geoklynge.wishes import Wishes

INF = np.inf
FEW_RUNS = {"members": 8}


def sets_in(found):
    """The sets of a pool, or sets as they are, as a list of lists."""
    sets = found.sets if isinstance(found, Pool) else found
    return [sets.rows(k).tolist() for k in range(len(sets))]


@st.composite
def planned_worlds(draw):
    """A country and a study with limits of some kind and wishes."""
    n = draw(st.integers(6, 26))
    tables = random_country(
        draw(st.integers(0, 10**6)), villages=n, side_m=draw(st.sampled_from([7_000.0, 14_000.0])),
        services=draw(st.integers(0, 15)), islands=draw(st.booleans()),
    )  # fmt: skip
    few = draw(st.integers(2, 4))
    limits = {
        "min_villages": few,
        "max_villages": few + draw(st.sampled_from([0, 3, 20])),
        "min_people": draw(st.sampled_from([0, 700])),
        "max_people": draw(st.sampled_from([1500, 15_000])),
        "max_minutes": draw(st.sampled_from([5, 11, 20])),
        "weakest_tie": draw(st.sampled_from([0.0, 0.1, 0.35])),
        "one_municipality": draw(st.booleans()),
    }
    group = st.lists(st.integers(1, n - 1).map("v{:02d}".format), min_size=2, max_size=3, unique=True)
    planner = {"must_link": draw(st.lists(group, max_size=1)), "cannot_link": draw(st.lists(group, max_size=2))}
    seed = draw(st.integers(0, 99))
    return tables, study(limits=limits, planner=planner, seed=seed, ensemble=FEW_RUNS)


@settings(max_examples=50, deadline=None)
@given(planned_worlds())
def test_every_set_of_the_pool_keeps_every_limit_and_wish(world):
    tables, wanted = world
    travel = measure_travel(tables, wanted.travel)
    ties = tie_villages(tables, travel, wanted)
    try:
        pool = propose(tables, travel, ties, wanted)
    except (InputError, NoPlanError):
        return  # what these say is tested below
    rows_of = dict(zip(tables.villages["village_id"], range(len(tables.villages)), strict=True))
    together, apart = (
        tuple(tuple(rows_of[name] for name in group) for group in groups)
        for groups in (wanted.planner.must_link, wanted.planner.cannot_link)
    )
    found = sets_in(pool)
    assert found
    for rows in found:
        facts = facts_by_hand(rows, tables, ties, wanted.limits, Wishes(together, apart))
        assert wanted.limits.broken_by(facts) == ()
    assert found == sorted(found)
    assert len({tuple(rows) for rows in found}) == len(found) == len(pool.proposed_by)
    assert {name for names in pool.proposed_by for name in names} <= {"leiden", "linkage", "parishes", "wishes"}
    assert all(names and list(names) == sorted(names) for names in pool.proposed_by)


def test_every_way_of_proposing_adds_to_the_pool():
    wanted = study(planner={"must_link": [["v05", "v06"]]}, ensemble=FEW_RUNS)
    pool = pool_of(random_country(5, side_m=9_000), wanted)[2]
    assert {name for names in pool.proposed_by for name in names} == {"leiden", "linkage", "parishes", "wishes"}


# The ensemble


def test_the_pool_does_not_depend_on_the_number_of_threads(monkeypatch):
    tables, wanted = random_country(5), study(ensemble=FEW_RUNS)
    pools = []
    for cores in (1, 3):
        monkeypatch.setattr(os, "cpu_count", lambda n=cores: n)
        pools.append(pool_of(tables, wanted)[2])
    np.testing.assert_array_equal(pools[0].partitions, pools[1].partitions)
    assert sets_in(pools[0]) == sets_in(pools[1])
    assert pools[0].proposed_by == pools[1].proposed_by


def test_the_same_seed_gives_the_same_partitions_and_another_seed_others():
    tables = random_country(5)
    once, again, other = (pool_of(tables, study(seed=seed, ensemble=FEW_RUNS))[2] for seed in (3, 3, 4))
    np.testing.assert_array_equal(once.partitions, again.partitions)
    assert sets_in(once) == sets_in(again)
    assert (once.partitions != other.partitions).any()


def test_a_run_does_not_depend_on_how_many_others_there_are():
    tables = random_country(5)
    few, many = (pool_of(tables, study(ensemble={"members": n}))[2].partitions for n in (4, 9))
    np.testing.assert_array_equal(few, many[:4])
    assert len({partition.tobytes() for partition in many}) > 1


def test_each_eligible_village_is_in_one_community_of_each_run():
    tables = random_country(2, villages=20, islands=True)
    _, ties, pool = pool_of(tables, study(ensemble=FEW_RUNS))
    assert pool.partitions.shape == (8, 20)
    assert (pool.eligible == (tables.villages["people"] <= 5000).to_numpy()).all()
    assert ((pool.partitions >= 0) == pool.eligible).all()
    side = tables.villages["municipality_id"].to_numpy()
    for partition in pool.partitions:  # no community reaches over the water
        assert all(len(set(side[partition == k])) == 1 for k in range(partition.max() + 1))
    assert len(ties.a)


def test_a_finer_resolution_gives_smaller_communities():
    tables = random_country(7)
    coarse, fine = (
        pool_of(tables, study(ensemble={"members": 4, "resolutions": [r]}))[2].partitions.max(axis=1)
        for r in (0.05, 0.4)
    )
    assert fine.min() > coarse.max()


def test_resolutions_take_turns():
    tables = random_country(7)
    turns = study(ensemble={"members": 6, "resolutions": [0.05, 0.4]})
    communities = pool_of(tables, turns)[2].partitions.max(axis=1)
    assert communities[1::2].min() > communities[::2].max()


def test_runs_of_one_resolution_differ():
    partitions = pool_of(random_country(7), study(ensemble={"members": 6, "resolutions": [0.2]}))[2].partitions
    assert len({partition.tobytes() for partition in partitions}) > 1


@pytest.mark.parametrize(
    ("noise", "columns", "least", "most"),
    [
        ({"weight_noise": 0, "minutes_noise": 0.1}, {}, 2**-1.21, 2**-0.81),
        # identity 0.5 and proximity 0.5 ** 4 of a tie of 12 minutes; their weights are 0.15 and 0.35
        (
            {"weight_noise": 0.5, "minutes_noise": 0},
            {"former_municipality": ["f", "f"]},
            (1.5 * 0.35 / 16 + 0.5 * 0.15 / 2) / (1.5 * 0.35 + 0.5 * 0.15),
            (0.5 * 0.35 / 16 + 1.5 * 0.15 / 2) / (0.5 * 0.35 + 1.5 * 0.15),
        ),
    ],
    ids=["minutes", "layer weights"],
)
def test_noise_stays_within_its_bounds_and_reaches_for_them(noise, columns, least, most):
    tables = tables_of(villages_at([(0, 0)] * 2, **columns))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 12 if columns else 6)), study())

    def runs_together(resolution):
        """In how many of 60 runs the tie weighs more than this."""
        wanted = study(ensemble={"members": 60, "resolutions": [resolution], **noise})
        partitions = partition_often(ties, np.ones(2, dtype=bool), Wishes(), wanted)
        return int((partitions[:, 0] == partitions[:, 1]).sum())

    spread = most - least
    assert (runs_together(least - 1e-6), runs_together(most + 1e-6)) == (60, 0)
    assert 40 <= runs_together(least + 0.2 * spread) < 60
    assert 0 < runs_together(most - 0.2 * spread) <= 20


def test_villages_tied_to_nobody_are_communities_of_their_own():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, np.full((4, 4), INF)), study())
    partitions = partition_often(ties, np.array([True, False, True, True]), Wishes(), study(ensemble={"members": 2}))
    assert partitions.tolist() == [[0, -1, 1, 2]] * 2
    minutes = np.full((4, 4), INF)
    minutes[1, 2] = minutes[2, 1] = 0.0
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    partitions = partition_often(ties, np.ones(4, dtype=bool), Wishes(), study(ensemble={"members": 3}))
    assert (partitions[:, 1] == partitions[:, 2]).all()
    assert all(len(set(partition.tolist())) == 3 for partition in partitions)


def test_wishes_bind_the_ensemble():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 0, 5, 11)), study())
    strict = study(ensemble={"members": 6, "resolutions": [0.99], "minutes_noise": 0})

    def partitions(wishes):
        return partition_often(ties, np.ones(4, dtype=bool), wishes, strict).tolist()

    assert partitions(Wishes()) == [[0, 0, 1, 2]] * 6
    assert partitions(Wishes(together=((2, 3),))) == [[0, 0, 1, 1]] * 6
    assert partitions(Wishes(apart=((0, 1),))) == [[0, 1, 2, 3]] * 6


# Who may be a member


def test_a_town_is_never_a_member_and_just_below_it_is_one():
    people = [5001, 5000, 200, 200]
    tables = tables_of(villages_at([(0, 0), (100, 0), (200, 0), (300, 0)], people=people))
    pool = pool_of(tables, study(ensemble=FEW_RUNS))[2]
    assert sets_in(pool) == [[1, 2, 3]]
    assert pool.eligible.tolist() == [False, True, True, True]


def test_a_village_without_a_road_is_never_a_member():
    villages = villages_at([(0, 0), (1000, 0), (2000, 0), (3000, 0), (1500, 4000)])
    tables = tables_of(villages, roads=roads_of([[(0, 0), (1000, 0), (2000, 0), (3000, 0)]]))
    wanted = study(ensemble=FEW_RUNS)
    travel, _, pool = pool_of(tables, wanted)
    assert travel.component[4] == -1
    assert pool.eligible.tolist() == [True] * 4 + [False]
    assert 4 not in set(pool.sets.member.tolist())
    assert (pool.partitions[:, 4] == -1).all()


def test_a_set_never_spans_the_water():
    tables = random_country(11, islands=True)
    side = tables.villages["municipality_id"].to_numpy()
    pool = pool_of(tables, study(ensemble=FEW_RUNS))[2]
    assert all(len(set(side[rows])) == 1 for rows in sets_in(pool))


def test_members_may_cross_a_municipal_border_unless_the_study_forbids_it():
    def municipalities(one):
        tables = random_country(11)
        side = tables.villages["municipality_id"].to_numpy()
        pool = pool_of(tables, study(limits={"one_municipality": one}, ensemble=FEW_RUNS))[2]
        return {len(set(side[rows])) for rows in sets_in(pool)}

    assert municipalities(one=False) == {1, 2}
    assert municipalities(one=True) == {1}


# Wishes


def line_of(n, step_minutes, *, people=None, **planner):
    """Villages in a row, so many minutes from one to the next, and what is proposed for them."""
    tables = tables_of(villages_at([(1000.0 * k, 0) for k in range(n)], people=people))
    minutes = step_minutes * np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float)
    minutes[minutes > 30] = INF
    wanted = study(travel={"max_minutes": 30}, planner=planner, ensemble=FEW_RUNS)
    travel = travel_of(tables, minutes)
    return propose(tables, travel, tie_villages(tables, travel, wanted), wanted)


def test_a_must_link_is_whole_or_absent_in_every_set_and_whole_in_some():
    pool = line_of(8, 3.0, must_link=[["v02", "Village 6"]])
    counts = {len({2, 6} & set(rows)) for rows in sets_in(pool)}
    assert counts == {0, 2}


def test_a_cannot_link_is_kept_in_every_set():
    free, bound = line_of(6, 1.0), line_of(6, 1.0, cannot_link=[["v02", "v03", "v05"]])
    assert any(len({2, 3, 5} & set(rows)) > 1 for rows in sets_in(free))
    assert max(len({2, 3, 5} & set(rows)) for rows in sets_in(bound)) == 1


@pytest.mark.parametrize(
    ("planner", "says"),
    [
        (
            {"must_link": [["v00", "v06"]]},
            r"must_link: Village 0 and Village 6 cannot be in one cluster \(24\.0 minutes; limits\.max_minutes is 20\)",
        ),
        ({"must_link": [["v00", "v09"]]}, r"cannot be in one cluster \(over the limit; limits\.max_minutes is 20\)"),
        ({"must_link": [["v00", "v05"], ["v05", "v07"]]}, r"Village 0 and Village 7 cannot be in one cluster \(28\.0"),
        (
            {"must_link": [["v01", "v02"]], "cannot_link": [["v02", "v05", "v01"]]},
            r"^planner: Village 1 and Village 2 are both to be linked and to be kept apart: remove one",
        ),
        (
            {"must_link": [["v01", "v02"], ["v02", "v03"]], "cannot_link": [["v01", "v03"]]},
            "Village 1 and Village 3 are both to be linked and to be kept apart",
        ),
        ({"must_link": [["v01", "Knebel"]]}, r"^planner\.must_link: no village 'Knebel'"),
    ],
    ids=["beyond the limit", "beyond the horizon", "chain", "contradiction", "chain contradiction", "unknown name"],
)
def test_a_wish_that_cannot_be_is_refused_with_the_reason(planner, says):
    with pytest.raises(InputError, match=says) as caught:
        line_of(10, 4.0, **planner)
    assert caught.value.exit_code == 2


def test_a_must_link_of_just_the_most_minutes_is_no_error():
    assert any({0, 5} <= set(rows) for rows in sets_in(line_of(10, 4.0, must_link=[["v00", "v05"]])))


def test_a_must_link_with_a_town_is_refused():
    with pytest.raises(InputError, match=r"Village 3 has 5001 people, more than limits\.town_people 5000") as caught:
        line_of(5, 1.0, people=[200, 200, 200, 5001, 200], must_link=[["v01", "v03"]])
    assert caught.value.exit_code == 2


def test_a_must_link_with_a_place_of_just_the_most_people_is_no_error():
    pool = line_of(5, 1.0, people=[200, 200, 200, 5000, 200], must_link=[["v01", "v03"]])
    assert any({1, 3} <= set(rows) for rows in sets_in(pool))


def test_a_must_link_of_too_many_people_is_refused():
    says = (
        r"Village 0, Village 1, Village 2, Village 3 cannot be in one cluster \(16000 people, at most 15000 allowed\)"
    )
    with pytest.raises(InputError, match=says):
        line_of(5, 1.0, people=[4000] * 5, must_link=[["v00", "v01", "v02", "v03"]])


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"max_villages": 3}, "4 villages, at most 3 allowed"),
        ({"one_municipality": True}, "2 municipalities, one allowed"),
    ],
)
def test_a_must_link_that_alone_is_beyond_a_limit_is_refused(limits, says):
    tables = tables_of(villages_at([(0, 0)] * 6, municipality_id=["0706"] * 3 + ["0707"] * 3))
    wanted = study(limits=limits, planner={"must_link": [["v00", "v01", "v02", "v03"]]})
    with pytest.raises(InputError, match=says) as caught:
        pool_of(tables, wanted)
    assert caught.value.exit_code == 2


def test_a_must_link_across_the_water_or_to_a_place_without_a_road_is_refused():
    tables = random_country(11, islands=True)
    side = tables.villages["municipality_id"].to_numpy()
    west, east = np.flatnonzero(side == "0706")[1], np.flatnonzero(side == "0707")[1]
    with pytest.raises(InputError, match="no road between") as caught:
        pool_of(tables, study(planner={"must_link": [[f"v{west:02d}", f"v{east:02d}"]]}))
    assert caught.value.exit_code == 2
    villages = villages_at([(0, 0), (1000, 0), (2000, 0), (1500, 4000)])
    tables = tables_of(villages, roads=roads_of([[(0, 0), (1000, 0), (2000, 0)]]))
    with pytest.raises(InputError, match="too far from a road") as caught:
        pool_of(tables, study(planner={"must_link": [["v00", "v03"]]}))
    assert caught.value.exit_code == 2


# Nothing to propose


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"min_people": 14_000}, r"\d+ people, at least 14000 wanted"),
        ({"min_villages": 9, "max_villages": 30}, r"[2-8] villages, at least 9 wanted"),
        ({"max_people": 301}, r"\d+ people, at most 301 allowed"),
        ({"weakest_tie": 1.0}, r"not connected by ties of at least 1\b"),
    ],
)
def test_when_no_set_keeps_the_limits_the_one_that_binds_is_named(limits, says):
    villages = villages_at([(150.0 * k, 0) for k in range(8)], people=[170 + k for k in range(8)])
    with pytest.raises(NoPlanError, match=rf"^no set of villages keeps all limits \(for example: {says}\)") as caught:
        pool_of(tables_of(villages), study(limits=limits, ensemble=FEW_RUNS))
    assert caught.value.exit_code == 1


def test_the_limit_that_most_sets_break_is_named():
    points = [(90_000.0 * group, 100.0 * k) for group, n in enumerate((2, 3, 3)) for k in range(n)]
    villages = villages_at(points, people=[400] * 2 + [200] * 6)
    with pytest.raises(NoPlanError, match="600 people, at least 700 wanted"):
        pool_of(tables_of(villages), study(limits={"min_people": 700}, ensemble=FEW_RUNS))


@pytest.mark.parametrize("points", [[(0, 0)], [(0, 0), (90_000, 0), (0, 90_000)]], ids=["one", "far apart"])
def test_villages_tied_to_nobody_have_no_plan(points):
    with pytest.raises(NoPlanError, match="no two villages are tied"):
        pool_of(tables_of(villages_at(points)), study(ensemble=FEW_RUNS))


def test_towns_alone_have_no_plan():
    with pytest.raises(NoPlanError, match="none of the 3 villages may be a member: 3 have more than 5000 people"):
        pool_of(tables_of(villages_at([(0, 0), (9, 0), (0, 9)], people=[6000] * 3)), study(ensemble=FEW_RUNS))


# Growing and mending


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 20), st.sampled_from([4.0, 9.0, 20.0]), st.booleans())
def test_complete_linkage_never_exceeds_the_cut_and_never_crosses_itself(seed, n, cut, islands):
    tables = random_country(seed, villages=n + 4, islands=islands, services=0)
    travel = measure_travel(tables, study().travel)
    ties = tie_villages(tables, travel, study())
    eligible = np.arange(n + 4) != 0
    found = sets_in(linked_sets(ties, eligible, Limits(max_minutes=cut)))
    minutes = {frozenset(pair): t for *pair, t in zip(ties.a.tolist(), ties.b.tolist(), ties.minutes, strict=True)}
    for rows in found:
        assert 0 not in rows
        assert max(minutes.get(frozenset(pair), INF) for pair in itertools.combinations(rows, 2)) <= cut
    for one, other in itertools.combinations(map(set, found), 2):
        assert one <= other or other <= one or not one & other
    within = {pair for pair, t in minutes.items() if t <= cut and 0 not in pair}
    if within:  # the nearest two of all are merged first
        nearest = min(minutes[pair] for pair in within)
        assert any(len(rows) == 2 and minutes[frozenset(rows)] == nearest for rows in found)
    else:
        assert not found


def test_linkage_worked_by_hand():
    tables = tables_of(villages_at([(0, 0)] * 4))
    minutes = np.abs(np.subtract.outer([0, 1, 3, 7], [0, 1, 3, 7])).astype(float)
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    stages = [
        sets_in(linked_sets(ties, np.ones(4, dtype=bool), Limits(max_minutes=cut))) for cut in (0.9, 1, 2.9, 3, 7)
    ]
    one, two, three = [0, 1], [0, 1, 2], [0, 1, 2, 3]
    assert stages == [[], [one], [one], [one, two], [one, two, three]]


def test_linkage_is_complete_and_not_average():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 1, 2.2, 4.1)), study())
    found = linked_sets(ties, np.ones(4, dtype=bool), Limits(max_minutes=5))
    assert sets_in(found) == [[0, 1], [2, 3], [0, 1, 2, 3]]


def test_parishes_unite_with_the_most_strongly_tied_neighbour_first():
    tables = tables_of(villages_at([(0, 0)] * 6, parish_id=["a", "a", "b", "c", None, "c"]))
    minutes = np.abs(np.subtract.outer([0, 1, 4, 9, 2, 10], [0, 1, 4, 9, 2, 10])).astype(float)
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    eligible = np.array([True] * 5 + [False])
    found = sets_in(parish_unions(tables.villages, ties, eligible, Limits()))
    a, b, c = [0, 1], [2], [3]
    assert found == [a, a + b, a + b + c, b, a + b, a + b + c, c, b + c, a + b + c]
    found = sets_in(parish_unions(tables.villages, ties, eligible, Limits(max_villages=3)))
    assert found == [a, a + b, b, a + b, c, b + c]


def unions(places, parishes):
    """Stages of the union that starts at the first parish, for villages in a row."""
    tables = tables_of(villages_at([(0, 0)] * len(places), parish_id=parishes))
    ties = tie_villages(tables, travel_of(tables, row_of(*places)), study(ties={"weights": {"identity": 0}}))
    found = sets_in(parish_unions(tables.villages, ties, np.ones(len(places), dtype=bool), Limits()))
    first = sum(parish == parishes[0] for parish in parishes)
    ends = [stage for stage, rows in enumerate(found) if stage and len(rows) <= len(found[stage - 1])]
    assert len(found[0]) == first
    return found[: ends[0] if ends else None]


def test_the_mean_tie_counts_and_not_how_many_villages_a_parish_has():
    assert unions([0, 5, 5, 5, -4], ["a", "b", "b", "b", "c"])[1] == [0, 4]


def test_the_tie_to_all_villages_held_counts():
    # seen from the first, 6 minutes away is nearer than 9; seen from the first two it is not
    assert unions([0, 4, -6, 9], ["a", "b", "c", "d"])[1:3] == [[0, 1], [0, 1, 3]]


def test_a_union_has_at_most_twelve_parishes():
    assert len(unions([k / 10 for k in range(15)], [f"p{k:02d}" for k in range(15)])[-1]) == 12


def test_without_parishes_there_are_no_unions():
    tables = tables_of(villages_at([(0, 0)] * 3))
    ties = tie_villages(tables, travel_of(tables, np.ones((3, 3))), study())
    assert sets_in(parish_unions(tables.villages, ties, np.ones(3, dtype=bool), Limits())) == []


def test_sets_grow_around_a_must_link_by_the_strongest_mean_tie():
    tables = tables_of(villages_at([(0, 0)] * 5))
    minutes = np.abs(np.subtract.outer([0, 1, 3, 7, 2], [0, 1, 3, 7, 2])).astype(float)
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    eligible = np.array([True] * 4 + [False])
    found = sets_in(sets_around(Wishes(together=((1, 2),)), ties, eligible, Limits()))
    assert found == [[1, 2], [0, 1, 2], [0, 1, 2, 3]]
    assert sets_in(sets_around(Wishes(), ties, eligible, Limits())) == []


@pytest.mark.parametrize("outsiders", [[0], [0, 3], [1, 5]])
def test_sets_around_a_must_link_hold_it_and_no_outsider_wherever_outsiders_stand(outsiders):
    tables = tables_of(villages_at([(0, 0)] * 6))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 1, 2, 3, 4, 5)), study())
    eligible = ~np.isin(np.arange(6), outsiders)
    found = sets_in(sets_around(Wishes(together=((2, 4),)), ties, eligible, Limits()))
    assert len(found) == eligible.sum() - 1
    assert all({2, 4} <= set(rows) and not set(outsiders) & set(rows) for rows in found)


def test_ties_of_no_weight_pull_nobody():
    tables = tables_of(villages_at([(0, 0)] * 6))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 1, 2, 3, 4, 5)), study())
    weight = np.where((ties.a < 2) & (ties.b == ties.a + 1), 0.5, 0.0)
    faint = dataclasses.replace(ties, weight=weight)
    found = sets_around(Wishes(together=((0, 1),)), faint, np.ones(6, dtype=bool), Limits())
    assert sets_in(found) == [[0, 1], [0, 1, 2]]


def mended(minutes, rows, people=None, wishes=None, **limits):
    """How a set of villages is mended."""
    n = len(minutes)
    tables = tables_of(villages_at([(0, 0)] * n))
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    counts = np.array(people or [100.0] * n)
    wanted = Limits(**{"min_villages": 2, "min_people": 0, **limits})
    twice = sets_of([np.array(rows, dtype=np.int32)] * 2, n)
    found, origin = mend(twice, ties, counts, wanted, wishes or Wishes())
    parts = [[rows for rows, number in zip(sets_in(found), origin, strict=True) if number == k] for k in (0, 1)]
    assert parts[0] == parts[1]
    return parts[0]


def row_of(*places):
    return np.abs(np.subtract.outer(places, places)).astype(float)


def test_a_set_too_wide_is_trimmed_and_split():
    # 9 is too far from 0 and 1: it goes; apart from that the two nearest stay together
    assert mended(row_of(0, 1, 2, 9), [0, 1, 2, 3], max_minutes=7.5) == [[0, 1, 2], [0, 1, 2]]
    assert mended(row_of(0, 1, 8, 9), [0, 1, 2, 3], max_minutes=5, min_villages=2)[1:] == [[0, 1], [2, 3]]


def test_a_set_with_too_many_people_is_trimmed_by_the_weakest_ties():
    assert mended(row_of(0, 1, 2, 6), [0, 1, 2, 3], max_people=300)[0] == [0, 1, 2]
    assert mended(row_of(0, 1, 2, 6), [0, 1, 2, 3], max_villages=3)[0] == [0, 1, 2]


def test_what_is_trimmed_hangs_together():
    minutes = row_of(0, 1, 12, 13, 12.5)  # the tie across weighs next to nothing
    assert mended(minutes, [0, 1, 2, 3, 4])[0] == [2, 3, 4]


def test_who_was_trimmed_holds_nobody_together():
    minutes = np.full((5, 5), 12.0)  # ties of 12 minutes weigh less than the weakest allowed
    minutes[0, 1] = minutes[1, 0] = minutes[1, 2] = minutes[2, 1] = 1.0
    minutes[1, 3:] = minutes[3:, 1] = 25.0  # so that 1 has to go, between 0 and 2
    assert mended(minutes, [0, 1, 2, 3, 4])[0] == [0]


def test_a_broken_wish_is_completed_and_taken_out_and_one_of_those_apart_stays():
    near = row_of(0, 1, 2, 3)
    assert [0, 1, 2] in mended(near, [1, 2], wishes=Wishes(together=((0, 1),)))
    assert [2, 3] in mended(near, [1, 2, 3], wishes=Wishes(together=((0, 1),)))
    assert [0, 1, 3] in mended(near, [0, 1, 2, 3], wishes=Wishes(apart=((1, 2),)))
