"""The pool refined: the best candidates improved by local search, as long as their score rises and no limit breaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .assessment import assess_sets, places_of
from .candidates import Pool
from .progress import Tell, told_nobody
from .study import Study
from .tables import Tables
from .ties import Ties
from .variants import surroundings_of, variants_of
from .village_sets import VillageSets, distinct_sets, join_sets, keep_limits, order_of_members

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

ROUNDS = 6  # after which what still improves is left as it is: on Denmark the sixth improves 1 set in 50
MOST_A_VILLAGE = 20  # candidates, on average; Denmark has 4 to 5 of each village
LEAST_GAIN = 1e-6  # of a score of 100: less is rounding


def refine(
    pool: Pool,
    assessment: pd.DataFrame,
    tables: Tables,
    ties: Ties,
    study: Study,
    *,
    tell: Tell = told_nobody,
) -> tuple[Pool, pd.DataFrame]:
    """
    Improve the best candidates by local search, and add what is better than what it came from to the pool.

    Begins with the candidate of the highest score around each village. In every round each of them that was not tried
    before is changed by one move (`variants_of`); of the variants within all limits, those with a higher score than
    their origin become candidates, and the best of them takes its place. It ends when nothing improves, or after six
    rounds: the pool grows by at most so many variants of each. Of more than 20 candidates a village, the weakest go
    before. `tell` is told of the rounds.

    Returns
    -------
    tuple of Pool and DataFrame
        The larger pool, in the order of members as before, and its assessment. What was found here is proposed by
        ``search``.
    """
    limits = study.limits
    parish = pd.factorize(tables.villages["parish_id"])[0].astype(np.int64)
    surroundings = surroundings_of(ties, pool.eligible, parish, limits)
    places = places_of(pool, tables, ties)
    pool, assessment = _bounded(pool, assessment)
    leaders, score = _leaders(pool.sets, assessment["score"].to_numpy())
    found, assessed, moved = [pool.sets], [assessment], np.ones(len(leaders), dtype=bool)
    for done in range(ROUNDS):
        tell(done, ROUNDS)
        partner = _best_set_of(leaders, score)
        variants, parent = variants_of(leaders, moved, partner, surroundings)
        variants, same_as = distinct_sets(variants)
        kept = keep_limits(variants, ties, tables.villages, limits, pool.wishes)
        if not kept.any():
            break
        measured = assess_sets(variants.take(kept), places, ties, study)
        reached = np.full(len(variants), -np.inf)
        reached[kept] = measured["score"]
        better = np.zeros(len(variants), dtype=bool)
        better[same_as[reached[same_as] > score[parent] + LEAST_GAIN]] = True
        if not better.any():
            break
        found.append(variants.take(better))
        assessed.append(measured[better[kept]])
        leaders, score, moved = _replaced(leaders, score, variants, reached, same_as, parent)
    return _joined(pool, found, assessed)


def _bounded(pool: Pool, assessment: pd.DataFrame) -> tuple[Pool, pd.DataFrame]:
    """
    Keep the pool from outgrowing the choice: of too many candidates those with the lowest scores go.

    The best around each village stay, and those that hold a together-group of the planner.
    """
    most = MOST_A_VILLAGE * pool.sets.n_villages
    if len(pool.sets) <= most:
        return pool, assessment
    score = assessment["score"].to_numpy()
    kept = np.zeros(len(pool.sets), dtype=bool)
    kept[np.argsort(-score, kind="stable")[:most]] = True
    best = _best_set_of(pool.sets, score)
    kept[best[best >= 0]] = True
    for group in pool.wishes.together:
        kept[pool.sets.set_of_member()[pool.sets.member == group[0]]] = True
    proposed_by = tuple(way for way, stays in zip(pool.proposed_by, kept, strict=True) if stays)
    bounded = replace(pool, sets=pool.sets.take(kept), proposed_by=proposed_by)
    return bounded, assessment[kept].reset_index(drop=True)


def _leaders(sets: VillageSets, score: Floats) -> tuple[VillageSets, Floats]:
    """Take the candidates that have the highest score of all around at least one of their villages."""
    best = np.unique(_best_set_of(sets, score))
    best = best[best >= 0]
    return sets.take(best), score[best]


def _best_set_of(sets: VillageSets, score: Floats) -> Longs:
    """Find for each village the set with the highest score that it is in, of equals the first; -1 for none."""
    order = np.argsort(-score, kind="stable")
    rank = np.empty(len(sets), dtype=np.int64)
    rank[order] = np.arange(len(sets))
    least = np.full(sets.n_villages, len(sets), dtype=np.int64)
    np.minimum.at(least, sets.member, rank[sets.set_of_member()])
    return np.where(least < len(sets), order[np.minimum(least, len(sets) - 1)], -1)


def _replaced(
    leaders: VillageSets, score: Floats, variants: VillageSets, reached: Floats, same_as: Longs, parent: Longs
) -> tuple[VillageSets, Floats, NDArray[np.bool_]]:
    """Put the best variant of each leader in its place where it is better, and mark it; equal ones become one."""
    order = np.lexsort((same_as, -reached[same_as], parent))
    first = np.ones(len(order), dtype=bool)
    first[1:] = parent[order][1:] != parent[order][:-1]
    best = np.full(len(leaders), -1, dtype=np.int64)
    best[parent[order[first]]] = same_as[order[first]]
    wins = (best >= 0) & (reached[best] > score + LEAST_GAIN)
    both = join_sets([leaders, variants], leaders.n_villages)
    now = np.where(wins, len(leaders) + best, np.arange(len(leaders)))
    distinct, equal = distinct_sets(both.take(now))
    new_score, moved = np.empty(len(distinct)), np.ones(len(distinct), dtype=bool)
    new_score[equal] = np.where(wins, reached[best], score)
    moved[equal[~wins]] = False  # one that was tried before
    return distinct, new_score, moved


def _joined(pool: Pool, found: list[VillageSets], assessed: list[pd.DataFrame]) -> tuple[Pool, pd.DataFrame]:
    """Make one pool of what was there and what was found, each set once and in order."""
    everything, rows = join_sets(found, pool.sets.n_villages), pd.concat(assessed, ignore_index=True)
    distinct, same_as = distinct_sets(everything)
    first = np.full(len(distinct), len(everything), dtype=np.int64)
    np.minimum.at(first, same_as, np.arange(len(everything)))
    first = first[order_of_members(distinct)]
    searched = ("search",)
    proposed_by = tuple(pool.proposed_by[k] if k < len(pool.sets) else searched for k in first.tolist())
    return replace(pool, sets=everything.take(first), proposed_by=proposed_by), rows.iloc[first].reset_index(drop=True)
