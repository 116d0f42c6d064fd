"""What speaks for a candidate: eight measures from 0 to 1, and one score from 0 to 100."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .candidates import Pool
from .compiled import compiled
from .study import ScoreWeights, Study
from .tables import Tables
from .ties import LAYERS, Ties
from .village_sets import PairsInside, VillageSets, max_by, pairs_inside, sum_by_set

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

MEASURES = (
    "cohesion",
    "overlap",
    "complementarity",
    "identity",
    "compactness",
    "viability",
    "balance",
    "stability",
)
COUNTED_PEOPLE_A_PLACE = 2_000.0  # in people served: a town must not pull the plan
NEEDS_LAYER = ("overlap", "complementarity", "identity")  # measures of a tie layer, by the layer's name
BEYOND_ALL_MINUTES = 1e6
FAIR_SHARE = 1 / 3  # of the people that the largest place may hold before balance falls


def assess(pool: Pool, tables: Tables, ties: Ties, study: Study) -> pd.DataFrame:
    """
    Measure every candidate.

    Each measure lies in 0..1, and more is better:

    - `cohesion`: share of the members' tie weight that stays inside, ``2 w_in / sum of strengths``;
    - `overlap`: mean over pairs of members, the share of everyday trips that go to the same places;
    - `complementarity`: weighted share of service categories that the whole has, less the mean of its villages;
    - `identity`: mean over pairs of members;
    - `compactness`: of the villages nearest to a member, as many as the set has others, the share that belongs to it;
      it does not fall with size, only with gaps, bulges and left-out neighbours;
    - `viability`: weighted mean over the study's categories of ``min(1, people / (facilities x people needed))``, a
      category that no member has counted as one facility: are there people enough to carry each service?
    - `balance`: 1 while the largest place holds at most a third of the people, falling to 0 as it holds them all;
    - `stability`: mean over pairs of members, the share of the ensemble's runs that keeps them together.

    `score` is 100 times their weighted mean.

    Returns
    -------
    pd.DataFrame
        One row a candidate: the measures, `score`, `n_villages`, `people`, `served` (people, a place with at most
        2,000), `max_minutes`, `mean_minutes`.
    """
    places = _Places(
        people=tables.villages["people"].to_numpy(dtype=np.float64),
        strength=_strengths(ties),
        facilities=facility_counts(tables, ties),
        ranks=_nearness_ranks(ties, pool.eligible),
        communities=np.ascontiguousarray(pool.partitions.T),
    )
    parts = [_assess_some(sets, places, ties, study) for sets in pool.sets.blocks()]
    return pd.concat(parts, ignore_index=True)


@dataclass(frozen=True)
class _Places:
    """
    What the measures need to know of villages and ties, counted once.

    `strength` is the sum of a village's tie weights; `facilities` how many of each category stand in it; `ranks` of
    each tie see `_nearness_ranks`; `communities` of each village in every run of the ensemble, shape (villages, runs).
    """

    people: Floats
    strength: Floats
    facilities: Floats
    ranks: tuple[Floats, Floats]
    communities: Ints


def _assess_some(sets: VillageSets, places: _Places, ties: Ties, study: Study) -> pd.DataFrame:
    """Measure some of the candidates; see `assess`."""
    pairs = pairs_inside(sets, ties)
    n_pairs = np.maximum(np.bincount(pairs.of_set, minlength=len(sets)), 1)

    def mean_of_pairs(values: Floats) -> Floats:
        return np.bincount(pairs.of_set, weights=values, minlength=len(sets)) / n_pairs

    minutes = pairs.values(ties.minutes, absent=np.inf)
    table = pd.DataFrame(
        {
            "cohesion": _cohesion(sets, pairs, ties, places.strength),
            "overlap": mean_of_pairs(pairs.values(ties.overlap, absent=0.0)),
            "complementarity": _gain(sets, ties),
            "identity": mean_of_pairs(pairs.values(ties.identity, absent=0.0)),
            "compactness": _compactness(sets, pairs, places.ranks),
            "viability": _viability(sets, places, ties, study),
            "balance": _balance(sets, places.people),
            "stability": _stability(sets, places.communities, n_pairs),
        }
    ).clip(0.0, 1.0)
    table["score"] = score_of(table, study.score, layers_used=ties.layers_used)
    table["n_villages"] = sets.sizes()
    table["people"] = sum_by_set(sets, places.people)
    table["served"] = sum_by_set(sets, np.minimum(places.people, COUNTED_PEOPLE_A_PLACE))
    table["max_minutes"] = max_by(pairs.of_set, minutes, len(sets))
    table["mean_minutes"] = mean_of_pairs(minutes)
    return table


def score_of(measures: pd.DataFrame, weights: ScoreWeights, *, layers_used: tuple[str, ...] = LAYERS) -> Floats:
    """Weigh the measures into one score, 0..100."""
    proportions = score_proportions(weights, layers_used)
    score: Floats = 100 * (measures[list(MEASURES)].to_numpy() @ np.array([proportions[name] for name in MEASURES]))
    return score


def score_proportions(weights: ScoreWeights, layers_used: tuple[str, ...] = LAYERS) -> dict[str, float]:
    """
    Scale the weights of the measures to sum to 1; a measure without data counts for nothing, not as 0.

    Where no layer with data has a weight, the weights stand as they are.
    """
    blind = {*NEEDS_LAYER} - {*layers_used}
    blind |= {"viability"} if "overlap" not in layers_used else set()
    given = weights.model_dump()
    seen = {name: 0.0 if name in blind else float(given[name]) for name in MEASURES}
    raw = seen if sum(seen.values()) > 0 else {name: float(given[name]) for name in MEASURES}
    return {name: value / sum(raw.values()) for name, value in raw.items()}


def _strengths(ties: Ties) -> Floats:
    n_villages = len(ties.village_ids)
    strength = np.bincount(ties.a, ties.weight, n_villages) + np.bincount(ties.b, ties.weight, n_villages)
    return strength.astype(np.float64)


def _cohesion(sets: VillageSets, pairs: PairsInside, ties: Ties, strength: Floats) -> Floats:
    inside = np.bincount(pairs.of_set, weights=pairs.values(ties.weight, absent=0.0), minlength=len(sets))
    total = sum_by_set(sets, strength)
    return np.divide(2 * inside, total, out=np.zeros(len(sets)), where=total > 0)


def _gain(sets: VillageSets, ties: Ties) -> Floats:
    weights = ties.category_weight
    if weights.sum() <= 0:
        return np.zeros(len(sets))
    weights = weights / weights.sum()
    whole = (sets.matrix() @ ties.has.astype(np.float64) > 0) @ weights
    parts = sum_by_set(sets, ties.has @ weights) / sets.sizes()
    gain: Floats = whole - parts
    return gain


def _viability(sets: VillageSets, places: _Places, ties: Ties, study: Study) -> Floats:
    categories = study.services.all_categories()
    needed = np.array([categories[key].people_needed for key in ties.shares.categories])
    weights = ties.category_weight
    if weights.sum() <= 0:
        return np.zeros(len(sets))
    facilities = np.maximum(sets.matrix() @ places.facilities, 1.0)  # one that is missing would need people too
    people = sum_by_set(sets, places.people)
    carried: Floats = np.minimum(people[:, None] / (facilities * needed), 1.0) @ (weights / weights.sum())
    return carried


def facility_counts(tables: Tables, ties: Ties) -> Floats:
    """How many facilities of each category stand in each village, shape (villages, categories present)."""
    row = pd.Series(np.arange(len(tables.villages)), index=tables.villages["village_id"])
    village = tables.services["village_id"].map(row)
    stands = village.notna().to_numpy()
    counts = np.zeros(ties.has.shape)
    np.add.at(counts, (village[stands].to_numpy(dtype=np.int64), ties.shares.category[stands]), 1.0)
    return counts


def _compactness(sets: VillageSets, pairs: PairsInside, ranks: tuple[Floats, Floats]) -> Floats:
    """Share of ordered pairs in which the one is among the other's nearest, as many as the set has others."""
    of_a, of_b = ranks
    others = (sets.sizes() - 1)[pairs.of_set]
    inside = (pairs.values(of_a, absent=np.inf) < others) * 1.0 + (pairs.values(of_b, absent=np.inf) < others)
    ordered_pairs = np.maximum(sets.sizes() * (sets.sizes() - 1), 1)
    compactness: Floats = np.bincount(pairs.of_set, weights=inside, minlength=len(sets)) / ordered_pairs
    return compactness


def _nearness_ranks(ties: Ties, eligible: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Rank of b among the eligible neighbours of a by minutes (0 is the nearest), and of a among those of b."""
    around = ties.around
    return _rank_around(around.indptr, around.village, around.tie, ties.minutes, ties.a, eligible)


@compiled
def _rank_around(
    indptr: NDArray[np.int64], away: Ints, tie: NDArray[np.int64], minutes: Floats, a: Ints, eligible: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Rank each village's neighbours by minutes; non-members come last, of equally near ones the first named first."""
    of_a, of_b = np.empty(len(a), dtype=np.float64), np.empty(len(a), dtype=np.float64)
    for home in range(len(indptr) - 1):
        start, stop = indptr[home], indptr[home + 1]
        distance = np.empty(stop - start, dtype=np.float64)
        for k in range(start, stop):
            distance[k - start] = minutes[tie[k]] + (0.0 if eligible[away[k]] else BEYOND_ALL_MINUTES)
        order = np.argsort(distance, kind="mergesort")
        for rank in range(len(order)):
            row = tie[start + order[rank]]
            if a[row] == home:
                of_a[row] = rank
            else:
                of_b[row] = rank
    return of_a, of_b


def _balance(sets: VillageSets, people: Floats) -> Floats:
    total = sum_by_set(sets, people)
    largest = max_by(sets.set_of_member(), people[sets.member], len(sets))
    share = np.divide(largest, total, out=np.zeros(len(sets)), where=total > 0)
    return np.clip((1 - share) / (1 - FAIR_SHARE), 0.0, 1.0)


def _stability(sets: VillageSets, communities: Ints, n_pairs: NDArray[np.int64]) -> Floats:
    """Share of runs that keep two members together, mean over pairs."""
    together = _pairs_together(sets.indptr, sets.member, communities)
    stability: Floats = together / (n_pairs * max(communities.shape[1], 1))
    return stability


@compiled
def _pairs_together(indptr: NDArray[np.int64], member: Ints, by_village: Ints) -> Floats:
    """
    Count, over all runs, the pairs of each set that are in one community.

    `by_village` is the community of every village in every run, shape (villages, runs).
    """
    n_runs = by_village.shape[1]
    together = np.zeros(len(indptr) - 1, dtype=np.float64)
    count = np.zeros(by_village.max() + 1 if by_village.size else 1, dtype=np.int64)
    for number in range(len(indptr) - 1):
        for run in range(n_runs):
            for k in range(indptr[number], indptr[number + 1]):
                community = by_village[member[k], run]
                if community >= 0:
                    together[number] += count[community]  # a pair with each one counted before
                    count[community] += 1
            for k in range(indptr[number], indptr[number + 1]):
                if by_village[member[k], run] >= 0:
                    count[by_village[member[k], run]] = 0
    return together
