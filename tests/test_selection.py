"""The chosen plan is the best there is, and no village is in it twice."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from geoklynge import selection
from geoklynge.errors import NoPlanError
from geoklynge.selection import select
from geoklynge.village_sets import sets_of
from geoklynge.wishes import Wishes


def best_by_enumeration(members, values, groups=()):
    """Worth of the best choice of disjoint sets that holds every group; None where there is none."""
    best = None
    for size in range(len(members) + 1):
        for chosen in itertools.combinations(range(len(members)), size):
            everyone = [row for k in chosen for row in members[k]]
            held = all(any(set(group) <= set(members[k]) for k in chosen) for group in groups)
            if len(everyone) == len(set(everyone)) and held:
                worth = sum(values[k] for k in chosen)
                best = worth if best is None else max(best, worth)
    return best


def random_pool(seed):
    """Ten sets of nine villages with values as the pipeline's: a score times people."""
    rng = np.random.default_rng(seed)
    members = [np.sort(rng.choice(9, rng.integers(2, 5), replace=False)) for _ in range(10)]
    return members, rng.uniform(1, 100, 10) * rng.integers(300, 9000, 10)


@pytest.mark.parametrize("seed", range(30))
def test_the_plan_is_the_best_of_all_choices(seed):
    members, values = random_pool(seed)
    plan = select(sets_of(members, 9), values)
    chosen = [row for k in plan.chosen for row in members[k]]
    assert len(chosen) == len(set(chosen))
    assert plan.objective == pytest.approx(best_by_enumeration(members, values))
    assert plan.objective == pytest.approx(values[plan.chosen].sum())
    assert plan.bound >= plan.objective
    assert plan.gap == 0
    assert plan.chosen.tolist() == sorted(plan.chosen)


@pytest.mark.parametrize("seed", range(30))
def test_a_must_link_is_inside_exactly_one_chosen_set_or_there_is_no_plan(seed):
    members, values = random_pool(seed)
    rng = np.random.default_rng(seed + 1000)
    groups = tuple(tuple(sorted(rng.choice(9, 2, replace=False).tolist())) for _ in range(1 + seed % 2))
    best = best_by_enumeration(members, values, groups)
    sets, wishes = sets_of(members, 9), Wishes(together=groups)
    if best is None:
        with pytest.raises(NoPlanError, match="keeps the planner's villages together") as caught:
            select(sets, values, wishes)
        assert caught.value.exit_code == 1
        return
    plan = select(sets, values, wishes)
    assert plan.objective == pytest.approx(best)
    for group in groups:
        assert [len(set(group) & set(members[k])) for k in plan.chosen if set(group) & set(members[k])] == [len(group)]


def best_by_one_programme(sets, values, groups):
    """Worth of the best choice, found in one go over all sets: nothing is put aside."""
    held = sets.matrix().toarray()
    whole = np.array([held[:, list(group)].all(axis=1) for group in groups]).reshape(-1, len(sets))
    rules = [LinearConstraint(held.T, 0, 1), LinearConstraint(whole, 1, 1)]
    return milp(-values, integrality=np.ones(len(sets)), bounds=Bounds(0, 1), constraints=rules[: 2 if groups else 1])


@pytest.mark.parametrize("slack", [0.0, 2e-4, 0.05])
@pytest.mark.parametrize("seed", range(8))
def test_sets_put_aside_are_in_no_better_plan(seed, slack, monkeypatch):
    monkeypatch.setattr(selection, "FIRST_SLACK", slack)
    rng = np.random.default_rng(seed)
    members = [first + np.flatnonzero(rng.random(8) < 0.7) for first in rng.integers(0, 52, 200)]
    members = [rows for rows in members if len(rows) > 1]
    values = np.array([len(rows) for rows in members]) * rng.uniform(30, 60, len(members))
    groups = (tuple(members[7][:2].tolist()),) if seed % 2 else ()
    wished = [bool(groups) and set(groups[0]) <= set(rows.tolist()) for rows in members]
    values[wished] *= [1.0, 0.1, 0.5, 0.7][seed // 2 % 4]  # a wish may cost a lot
    sets = sets_of(members, 60)
    plan = select(sets, values, Wishes(together=groups))
    assert plan.objective == pytest.approx(-best_by_one_programme(sets, values, groups).fun)
    assert plan.gap == 0


def test_a_set_of_little_worth_is_chosen_where_the_better_ones_only_fit_by_halves():
    rows = ([0, 1, 4, 5], [0, 1, 6, 7], [2, 3, 4, 6], [2, 3, 5, 7], [0, 1])
    plan = select(sets_of(map(np.array, rows), 8), np.array([10.0, 10, 10, 10, 1]), Wishes(((0, 1), (2, 3))))
    assert plan.objective == 11
    assert plan.chosen[-1] == 4


def test_the_random_pools_have_both_outcomes():
    kinds = set()
    for seed in range(30):
        rng = np.random.default_rng(seed + 1000)
        group = tuple(sorted(rng.choice(9, 2, replace=False).tolist()))
        kinds.add(best_by_enumeration(*random_pool(seed), (group,)) is None)
    assert kinds == {True, False}


def test_two_small_sets_may_be_worth_more_than_a_large_one():
    sets = sets_of([np.array(rows) for rows in ([0, 1], [1, 2, 3], [2, 3])], 4)
    assert select(sets, np.array([5.0, 8.0, 4.0])).chosen.tolist() == [0, 2]
    assert select(sets, np.array([5.0, 9.5, 4.0])).chosen.tolist() == [1]


def test_sets_that_nobody_disputes_are_all_chosen():
    sets = sets_of([np.array([0, 1]), np.array([2, 3])], 5)
    assert select(sets, np.array([1.0, 1e-3])).chosen.tolist() == [0, 1]


def test_a_wish_outweighs_any_value():
    sets = sets_of([np.array(rows) for rows in ([0, 1], [1, 2], [3, 4])], 5)
    plan = select(sets, np.array([1.0, 1e6, 7.0]), Wishes(together=((0, 1),)))
    assert plan.chosen.tolist() == [0, 2]
    assert (plan.objective, plan.bound, plan.gap) == (8.0, 8.0, 0.0)


def test_groups_in_one_set_and_a_group_that_no_set_holds():
    sets = sets_of([np.array([0, 1, 2, 3]), np.array([0, 1])], 5)
    assert select(sets, np.array([1.0, 9.0]), Wishes(together=((0, 1), (2, 3)))).chosen.tolist() == [0]
    with pytest.raises(NoPlanError, match="must_link"):
        select(sets, np.array([1.0, 9.0]), Wishes(together=((0, 4),)))


def test_wishes_to_be_apart_are_no_matter_of_the_choice():
    sets = sets_of([np.array([0, 1]), np.array([2, 3])], 4)
    assert select(sets, np.ones(2), Wishes(apart=((0, 2),))).chosen.tolist() == [0, 1]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.permutations(range(10)))
def test_the_order_of_the_pool_does_not_change_the_worth(seed, order):
    members, values = random_pool(seed)
    once = select(sets_of(members, 9), values)
    again = select(sets_of([members[k] for k in order], 9), values[list(order)])
    assert again.objective == pytest.approx(once.objective)


def test_a_candidate_worth_nothing_is_never_chosen():
    sets = sets_of([np.array(rows) for rows in ([0, 1], [2, 3], [3, 4])], 5)
    assert select(sets, np.array([0.0, 0.0, 5.0])).chosen.tolist() == [2]
    with pytest.raises(NoPlanError, match="worth choosing"):
        select(sets, np.zeros(3))
    group = Wishes(together=((0, 1),))
    assert select(sets, np.array([0.0, 0.0, 5.0]), group).chosen.tolist() == [0, 2]  # but for one that a wish asks for
