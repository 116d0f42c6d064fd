"""Local search makes better candidates, keeps every limit and wish, and forgets none that was there."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_village_sets import set_worlds, tie_of
from worlds import pool_of, random_country, study

from geoklynge import refining
from geoklynge.assessment import assess
from geoklynge.candidates import Pool
from geoklynge.limits import Limits
from geoklynge.refining import refine
from geoklynge.variants import LOOSEST_UNITS, surroundings_of, variants_of
from geoklynge.village_sets import keep_limits, order_of_members, sets_of


def refined(seed, **options):
    tables, wanted = random_country(seed), study(ensemble={"members": 5}, **options)
    _, ties, pool = pool_of(tables, wanted)
    before = assess(pool, tables, ties, wanted)
    return tables, wanted, ties, pool, before, refine(pool, before, tables, ties, wanted)


def members_of(sets):
    return [tuple(sets.rows(number).tolist()) for number in range(len(sets))]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_what_is_found_keeps_the_limits_and_is_better_than_all_it_could_come_from(seed):
    tables, wanted, ties, pool, before, (after, assessment) = refined(
        seed, limits={"max_villages": 8}, planner={"cannot_link": [["v05", "v06"]]}
    )
    assert keep_limits(after.sets, ties, tables.villages, wanted.limits, pool.wishes).all()
    members = members_of(after.sets)
    assert len(set(members)) == len(members)
    assert set(members_of(pool.sets)) <= set(members)
    assert order_of_members(after.sets).tolist() == list(range(len(members)))
    pd.testing.assert_frame_equal(assessment, assess(after, tables, ties, wanted))
    was = dict(zip(members_of(pool.sets), before["score"], strict=True))
    ways = dict(zip(members_of(pool.sets), pool.proposed_by, strict=True))
    for one, score, way in zip(members, assessment["score"], after.proposed_by, strict=True):
        assert way == ways.get(one, ("search",))
        if one not in was:
            assert score > min(was.values())


@pytest.mark.parametrize("seed", range(4))
def test_no_village_loses_its_best_candidate_and_some_gain(seed):
    _, _, _, pool, before, (after, assessment) = refined(seed)

    def best(sets, score):
        found = np.full(sets.n_villages, -np.inf)
        np.maximum.at(found, sets.member, np.asarray(score)[sets.set_of_member()])
        return found

    then, now = best(pool.sets, before["score"]), best(after.sets, assessment["score"])
    assert (now >= then).all()
    assert now[np.isfinite(then)].sum() > then[np.isfinite(then)].sum()


def test_the_search_ends_where_no_single_move_helps():
    """Brute force on small sets: taking in or leaving out any one village makes the best candidate no better."""
    tables, wanted, ties, _, _, (after, assessment) = refined(3, limits={"max_villages": 5})
    best = int(assessment["score"].argmax())
    here = set(after.sets.rows(best).tolist())
    changed = [sorted(here ^ {village}) for village in range(len(tables.villages)) if after.eligible[village]]
    sets = sets_of([np.array(rows) for rows in changed], len(tables.villages))
    sets = sets.take(keep_limits(sets, ties, tables.villages, wanted.limits, after.wishes))
    pool = Pool(sets, (), after.partitions, after.eligible, after.wishes)
    assert len(sets)
    assert assess(pool, tables, ties, wanted)["score"].max() <= assessment["score"].max() + 1e-9


@settings(max_examples=40, deadline=None)
@given(set_worlds(), st.integers(0, 3))
def test_variants_differ_from_their_origin_by_one_move(world, seed):
    tables, ties, members, _ = world
    n = len(tables.villages)
    sets = sets_of([rows for rows in members if len(rows) >= 2], n)
    rng = np.random.default_rng(seed)
    parish = rng.integers(-1, 4, n)
    eligible = rng.random(n) < 0.9
    eligible[sets.member] = True
    partner = rng.integers(-1, len(sets), n) if len(sets) else np.full(n, -1)
    wanted = rng.random(len(sets)) < 0.8
    limits = Limits(min_villages=2, max_villages=n - 1) if n > 3 else Limits(min_villages=2, max_villages=2)
    around = surroundings_of(ties, eligible, parish.astype(np.int64), limits)
    variants, parent = variants_of(sets, wanted, partner.astype(np.int64), around)
    assert len(variants) == len(parent)
    assert wanted[parent].all()
    units = [{k} for k in range(n)] + [set(np.flatnonzero((parish == k) & eligible).tolist()) for k in range(4)]
    for made, origin in zip(members_of(variants), parent.tolist(), strict=True):
        here, new = set(sets.rows(origin).tolist()), set(made)
        assert limits.min_villages <= len(new) <= limits.max_villages
        assert eligible[list(new)].all()
        assert len(made) == len(new)
        left, joined = here - new, new - here
        leaves_a_unit = not left or any(left == unit & here for unit in units)
        takes_a_unit = not joined or any(joined == unit - here for unit in units)
        takes_a_set = not left and any(new == here | set(rows) for rows in members_of(sets))
        is_half = not joined and 0 < len(new) < len(here)
        assert new != here
        assert (leaves_a_unit and takes_a_unit) or takes_a_set or is_half


@settings(max_examples=30, deadline=None)
@given(set_worlds())
def test_the_most_loosely_tied_villages_are_each_left_out(world):
    tables, ties, members, _ = world
    n = len(tables.villages)
    sets = sets_of([rows for rows in members if len(rows) >= 3], n)
    nobody = np.full(n, -1, dtype=np.int64)
    around = surroundings_of(ties, np.ones(n, dtype=bool), nobody, Limits(min_villages=2, max_villages=n))
    made, parent = variants_of(sets, np.ones(len(sets), dtype=bool), nobody, around)
    found = {(origin, rows) for rows, origin in zip(members_of(made), parent.tolist(), strict=True)}
    tie = tie_of(ties)
    for number, rows in enumerate(members_of(sets)):
        to_others = {
            one: sum(ties.weight[tie[frozenset((one, other))]] for other in rows if frozenset((one, other)) in tie)
            for one in rows
        }
        most = sorted(to_others.values())[:LOOSEST_UNITS][-1]
        for one in rows:
            if to_others[one] < most - 1e-9:
                assert (number, tuple(other for other in rows if other != one)) in found


@pytest.mark.parametrize("wishes", [{}, {"must_link": [["v08", "v09"]]}])
def test_of_too_many_candidates_the_weakest_go(wishes):
    tables, wanted = random_country(11, side_m=9_000), study(ensemble={"members": 5}, planner=wishes)
    _, ties, pool = pool_of(tables, wanted)
    before = assess(pool, tables, ties, wanted)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(refining, "MOST_A_VILLAGE", 1)
        few, assessment = refining._bounded(pool, before)
        patched.setattr(refining, "MOST_A_VILLAGE", 1_000)
        assert refining._bounded(pool, before) == (pool, before)
    score = dict(zip(members_of(pool.sets), before["score"], strict=True))
    kept = members_of(few.sets)
    assert 0 < len(kept) < len(score)
    pd.testing.assert_frame_equal(assessment, assess(few, tables, ties, wanted))
    held = {tuple(pair) for pair in pool.wishes.together}
    strongest = sorted(score.values())[-len(tables.villages) :]
    for one, value in score.items():
        is_best = any(value == max(score[other] for other in score if village in other) for village in one)
        holds = any(set(pair) <= set(one) for pair in held)
        if one not in kept:
            assert not is_best
            assert not holds
            assert value <= strongest[0]
    assert set(few.proposed_by) <= set(pool.proposed_by)
