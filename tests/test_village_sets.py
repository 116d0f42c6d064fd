"""What is counted of many sets at once is what one would count of each by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import random_country, study, tables_of, travel_of, villages_at

from geoklynge import village_sets
from geoklynge.assessment import assess
from geoklynge.candidates import Pool
from geoklynge.errors import InputError
from geoklynge.limits import Facts, Limits
from geoklynge.study import Planner
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel
from geoklynge.village_sets import (
    distinct_sets,
    each_fact,
    facts_in_blocks,
    facts_of,
    join_sets,
    keeps_wishes,
    max_by,
    order_of_members,
    pairs_inside,
    sets_of,
    sum_by_set,
    tie_rows,
)
from geoklynge.wishes import Wishes, read_wishes

INF = np.inf


def groups(n):
    """Two or three villages of n."""
    return st.lists(st.integers(0, n - 1), min_size=2, max_size=3, unique=True).map(sorted).map(tuple)


@st.composite
def set_worlds(draw):
    """A country with its ties, some sets of its villages, and wishes."""
    n = draw(st.integers(3, 14))
    tables = random_country(draw(st.integers(0, 10**6)), villages=n, side_m=14_000, services=5)
    if draw(st.booleans()):
        tables.villages.loc[::3, "municipality_id"] = None
    members = draw(st.lists(st.lists(st.integers(0, n - 1), min_size=1, max_size=n, unique=True), max_size=6))
    ties = tie_villages(tables, measure_travel(tables, study().travel), study())
    wishes = Wishes(tuple(draw(st.lists(groups(n), max_size=2))), tuple(draw(st.lists(groups(n), max_size=2))))
    return tables, ties, [np.array(rows, dtype=np.int32) for rows in members], wishes


def tie_of(ties):
    """Row of the tie of two villages, by the pair."""
    return {frozenset(pair): k for k, pair in enumerate(zip(ties.a.tolist(), ties.b.tolist(), strict=True))}


def connected(rows, linked):
    """Whether one walks from the first to every other over linked pairs."""
    seen, waiting = {rows[0]}, [rows[0]]
    while waiting:
        here = waiting.pop()
        found = {other for other in rows if other not in seen and frozenset((here, other)) in linked}
        seen |= found
        waiting += found
    return len(seen) == len(rows)


def facts_by_hand(rows, tables, ties, limits, wishes):
    rows, tie = sorted(map(int, rows)), tie_of(ties)
    pairs = [frozenset(pair) for pair in itertools.combinations(rows, 2)]
    people = tables.villages["people"].iloc[rows]
    linked = {pair for pair in pairs if pair in tie and ties.weight[tie[pair]] >= limits.weakest_tie}
    return Facts(
        n_villages=len(rows),
        people=float(people.sum()),
        max_minutes=max((float(ties.minutes[tie[pair]]) if pair in tie else INF for pair in pairs), default=0.0),
        n_municipalities=len(set(tables.villages["municipality_id"].iloc[rows].dropna())),
        largest_place=float(people.max()),
        connected=connected(rows, linked),
        links_kept=all(len(set(group) & set(rows)) in {0, len(group)} for group in wishes.together)
        and all(len(set(group) & set(rows)) <= 1 for group in wishes.apart),
    )


@settings(max_examples=50, deadline=None)
@given(set_worlds(), st.sampled_from([0.0, 0.1, 0.3, 0.6]))
def test_facts_are_those_counted_set_by_set(world, weakest_tie):
    tables, ties, members, wishes = world
    limits, sets = Limits(weakest_tie=weakest_tie), sets_of(members, len(tables.villages))
    facts = facts_of(sets, pairs_inside(sets, ties), ties, tables.villages, limits, wishes)
    assert list(each_fact(facts)) == [facts_by_hand(rows, tables, ties, limits, wishes) for rows in members]


@settings(max_examples=50, deadline=None)
@given(set_worlds(), st.integers(1, 60))
def test_facts_and_measures_are_the_same_in_blocks_of_any_size(world, pairs_at_once):
    tables, ties, members, wishes = world
    sets = sets_of(members, len(tables.villages))
    whole = facts_of(sets, pairs_inside(sets, ties), ties, tables.villages, Limits(), wishes)
    pool = Pool(
        sets,
        (("leiden",),) * len(sets),
        np.arange(len(tables.villages), dtype=np.int32)[None] // 3,
        np.ones(len(tables.villages), dtype=bool),
        wishes,
    )
    at_once = assess(pool, tables, ties, study())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(village_sets, "PAIRS_AT_ONCE", pairs_at_once)
        blocks = list(sets.blocks())
        in_blocks = list(facts_in_blocks(sets, ties, tables.villages, Limits(), wishes))
        pd.testing.assert_frame_equal(assess(pool, tables, ties, study()), at_once)
    assert [rows.tolist() for rows in map(join_sets([*blocks], sets.n_villages).rows, range(len(sets)))] == [
        sorted(rows.tolist()) for rows in members
    ]
    for block in blocks:
        sizes = block.sizes()
        assert len(block) <= 1 or (sizes * (sizes - 1) // 2)[1:].sum() <= pairs_at_once
    assert [fact for part in in_blocks for fact in each_fact(part)] == list(each_fact(whole))


@given(st.lists(st.lists(st.integers(0, 70_000), max_size=4, unique=True).map(sorted), max_size=8))
def test_sets_are_ordered_by_their_members(members):
    order = order_of_members(sets_of([np.array(rows, dtype=np.int32) for rows in members], 70_001))
    assert [members[number] for number in order] == sorted(members)


@settings(max_examples=50, deadline=None)
@given(set_worlds())
def test_pairs_inside_are_all_pairs_of_each_set(world):
    tables, ties, members, _ = world
    sets, tie = sets_of(members, len(tables.villages)), tie_of(ties)
    pairs = pairs_inside(sets, ties)
    ends = zip(pairs.of_set.tolist(), sets.member[pairs.left].tolist(), sets.member[pairs.right].tolist(), strict=True)
    expected = [(k, *pair) for k, rows in enumerate(members) for pair in itertools.combinations(sorted(rows), 2)]
    assert list(ends) == expected
    assert pairs.tie.tolist() == [tie.get(frozenset(pair), -1) for _, *pair in expected]
    minutes = pairs.values(ties.minutes, absent=INF)
    assert minutes.tolist() == [ties.minutes[k] if k >= 0 else INF for k in pairs.tie]


@settings(max_examples=50, deadline=None)
@given(set_worlds())
def test_sets_are_packed_and_unpacked(world):
    tables, _, members, _ = world
    n = len(tables.villages)
    sets = sets_of(members, n)
    assert [sets.rows(k).tolist() for k in range(len(sets))] == [sorted(rows.tolist()) for rows in members]
    assert sets.sizes().tolist() == [len(rows) for rows in members]
    assert sets.matrix().toarray().tolist() == [[float(row in rows) for row in range(n)] for rows in members]
    assert sets.set_of_member().tolist() == [k for k, rows in enumerate(members) for _ in rows]
    backwards = sets.take(range(len(members) - 1, -1, -1))
    assert [backwards.rows(k).tolist() for k in range(len(sets))] == [sorted(rows) for rows in members[::-1]]
    people = tables.villages["people"].to_numpy()
    np.testing.assert_allclose(sum_by_set(sets, people), [people[rows].sum() for rows in members])


@settings(max_examples=50, deadline=None)
@given(set_worlds(), st.randoms(use_true_random=False))
def test_of_equal_sets_one_stays_whatever_their_order(world, random):
    tables, _, members, _ = world
    n = len(tables.villages)
    shuffled = [*members, *members[::2]]
    random.shuffle(shuffled)
    sets = join_sets([sets_of(shuffled[:2], n), sets_of(shuffled[2:], n)], n)
    distinct, same_as = distinct_sets(sets)
    found = [tuple(distinct.rows(k).tolist()) for k in range(len(distinct))]
    assert len(set(found)) == len(found)
    assert [found[k] for k in same_as] == [tuple(sorted(rows.tolist())) for rows in shuffled]
    again, _ = distinct_sets(sets.take(range(len(sets) - 1, -1, -1)))
    assert again.member.tolist() == distinct.member.tolist()


def test_a_tie_is_found_in_either_order():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, [[0, 5, INF, 3], [5, 0, INF, 2], [INF] * 4, [3, 2, INF, 0]]), study())
    assert tie_rows(ties, np.array([0, 3, 1, 2, 3, 1]), np.array([1, 0, 3, 0, 2, 0])).tolist() == [0, 1, 2, -1, -1, 0]


def test_without_any_tie_all_are_out_of_reach():
    tables = tables_of(villages_at([(0, 0)] * 3))
    ties = tie_villages(tables, travel_of(tables, np.full((3, 3), INF)), study())
    sets = sets_of([np.array([0, 2]), np.array([1])], 3)
    pairs = pairs_inside(sets, ties)
    assert pairs.tie.tolist() == [-1]
    both, alone = each_fact(facts_of(sets, pairs, ties, tables.villages, Limits(), Wishes()))
    assert (both.max_minutes, both.connected) == (INF, False)
    assert (alone.max_minutes, alone.connected) == (0, True)


def test_a_tie_of_just_the_weakest_weight_connects():
    tables = tables_of(villages_at([(0, 0)] * 2))
    ties = tie_villages(tables, travel_of(tables, [[0, 6], [6, 0]]), study())  # proximity alone: the weight is 0.5
    sets = sets_of([np.array([0, 1])], 2)
    pairs = pairs_inside(sets, ties)
    for weakest_tie, held in ((0.5, True), (0.501, False)):
        limits = Limits(weakest_tie=weakest_tie)
        assert facts_of(sets, pairs, ties, tables.villages, limits, Wishes()).connected.tolist() == [held]


def test_the_largest_of_each_group():
    found = max_by(np.array([0, 2, 2, 0]), np.array([1.0, -5.0, -3.0, 4.0]), 3, empty=9.0)
    assert found.tolist() == [4, 9, -3]


def test_wishes_worked_by_hand():
    sets = sets_of([np.array(rows) for rows in ([0, 1], [0, 1, 2], [2, 3], [1, 3], [4])], 5)
    assert keeps_wishes(sets, Wishes(together=((0, 1),))).tolist() == [True, True, True, False, True]
    assert keeps_wishes(sets, Wishes(apart=((1, 2, 3),))).tolist() == [True, False, False, False, True]
    assert keeps_wishes(sets, Wishes()).all()


NAMED = villages_at([(0, 0)] * 5, name=["Ærø </script>", "Nørre Åby", "Balle", "Balle", "v00"])


def test_a_wish_names_villages_by_id_or_by_name_in_any_case():
    found = read_wishes(Planner(must_link=[["v02", "ærø </SCRIPT>"]], cannot_link=[["NØRRE ÅBY", "v03"]]), NAMED)
    assert found == Wishes(together=((0, 2),), apart=((1, 3),))


def test_an_id_goes_before_a_name():
    assert read_wishes(Planner(must_link=[["v00", "v01"]]), NAMED).together == ((0, 1),)


def test_groups_with_a_common_village_are_one():
    planner = Planner(must_link=[["v03", "v04"], ["v00", "v01"], ["v01", "v02", "v01"], ["v02", "v00"]])
    assert read_wishes(planner, NAMED).together == ((3, 4), (0, 1, 2))


@pytest.mark.parametrize(
    ("planner", "says"),
    [
        ({"must_link": [["v01", "Knebel"]]}, "planner.must_link: no village 'Knebel': give a name or village_id"),
        ({"cannot_link": [["v01", "balle"]]}, r"planner.cannot_link: 'balle' is the name of 2 villages \(v02, v03\)"),
    ],
)
def test_a_name_that_is_not_one_village_is_refused(planner, says):
    with pytest.raises(InputError, match=f"^{says}") as caught:
        read_wishes(Planner(**planner), NAMED)
    assert caught.value.exit_code == 2
