"""The pool: every set in it keeps every limit and every wish, and what cannot be is refused with the reason."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_village_sets import facts_by_hand
from worlds import pool_of, random_country, roads_of, study, tables_of, travel_of, villages_at

from geoklynge.candidates import Pool, propose
from geoklynge.errors import InputError, NoPlanError
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel
from geoklynge.wishes import Wishes

INF = np.inf
FEW_RUNS = {"members": 8}
WAYS = {"hubs", "leiden", "linkage", "municipalities", "parishes", "whole_parishes", "wishes"}


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
    assert {name for names in pool.proposed_by for name in names} <= WAYS
    assert all(names and list(names) == sorted(names) for names in pool.proposed_by)


def test_every_way_of_proposing_adds_to_the_pool():
    wanted = study(planner={"must_link": [["v05", "v06"]]}, ensemble=FEW_RUNS)
    pool = pool_of(random_country(5, side_m=9_000), wanted)[2]
    assert {name for names in pool.proposed_by for name in names} == WAYS


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
