"""Sets that grow and sets that are mended: linkage, parishes, wishes, limits."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_candidates import sets_in
from worlds import random_country, row_of, services_at, study, tables_of, travel_of, villages_at

from geoklynge.growing import linked_sets, parish_unions, sets_around, sets_around_hubs, whole_parishes
from geoklynge.limits import Limits
from geoklynge.mending import mend
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel
from geoklynge.village_sets import sets_of
from geoklynge.wishes import Wishes

INF = np.inf


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


def test_sets_are_rounded_to_whole_parishes():
    table = villages_at(
        [(0, 0)] * 9,
        parish_id=["p", "p", "p", "q", "q", "r", "r", None, "p"],
        municipality_id=["m"] * 8 + ["n"],  # the last: a parish that lies in two municipalities counts as two
    )
    eligible = np.array([True] * 6 + [False] + [True] * 2)
    given_sets = [[0, 1, 3], [0], [5, 7], [0, 3, 8], [7]]
    found = whole_parishes(sets_of([np.array(rows) for rows in given_sets], 9), table, eligible)
    # of p a third is less than half; of q one of two is half; r has one eligible village; 7 is in no parish
    assert sets_in(found) == [[0, 1, 2, 3, 4], [5], [3, 4, 8]]


def test_without_parishes_nothing_is_rounded():
    assert len(whole_parishes(sets_of([np.array([0, 1])], 3), villages_at([(0, 0)] * 3), np.ones(3, dtype=bool))) == 0


def test_sets_grow_around_the_villages_with_most_services():
    tables = tables_of(
        villages_at([(0, 0)] * 6),
        services_at(
            [("school", 0, 0, "v01"), ("grocery", 0, 0, "v01"), ("church", 0, 0, "v02"), ("church", 0, 0, "v05")]
        ),
    )
    minutes = row_of(0, 1, 2, 30, 31, 32)
    ties = tie_villages(tables, travel_of(tables, np.where(minutes > 20, np.inf, minutes), np.ones((6, 4))), study())
    eligible = np.array([True] * 5 + [True])
    found = sets_in(sets_around_hubs(ties, eligible, Limits(max_villages=3)))
    # 2 has less than 1 beside it; 5 is alone with its church among its own
    assert {rows[0] if len(rows) == 1 else tuple(rows) for rows in found} >= {1, 5, (0, 1, 2), (3, 4, 5)}
    assert [2] not in found
    assert [0] not in found
    without = sets_in(sets_around_hubs(ties, np.array([True, False, True, True, True, True]), Limits(max_villages=3)))
    assert [2] in without  # a town next door is no hub, and takes the place of none


def test_without_services_there_are_no_hubs():
    tables = tables_of(villages_at([(0, 0)] * 3))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 1, 2)), study())
    assert len(sets_around_hubs(ties, np.ones(3, dtype=bool), Limits())) == 0
