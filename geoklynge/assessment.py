"""What speaks for a candidate: nine measures from 0 to 1, and one score from 0 to 100."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .candidates import Pool
from .compiled import compiled
from .study import ScoreWeights, Study
from .tables import Tables
from .ties import LAYERS, Ties
from .village_sets import PairsInside, VillageSets, max_by, pairs_inside, sum_by_set

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

MEASURES = (
    "cohesion",
    "overlap",
    "complementarity",
    "identity",
    "compactness",
    "stretch",
    "viability",
    "balance",
    "stability",
)
COUNTED_PEOPLE_A_PLACE = 2_000.0  # in people served: a town must not pull the plan
NEEDS_LAYER = ("overlap", "complementarity", "identity")  # measures of a tie layer, by the layer's name
BEYOND_ALL_MINUTES = 1e6
FAIR_SHARE = 1 / 3  # of the people that the largest place may hold before balance falls
KNOWN_STRETCH_KM = (4.0, 11.0, 18.0)  # of 20 real clusters: the least, the middle one, the most
SMALL_UNITS = ("parish_id", "pastorate", "former_municipality_1970", "school_district")  # a cluster is made of them
LARGE_UNITS = ("former_municipality", "historic_district", "municipality_id")  # a cluster lies in one of them


def assess(pool: Pool, tables: Tables, ties: Ties, study: Study) -> pd.DataFrame:
    """
    Measure every candidate.

    Each measure lies in 0..1, and more is better:

    - `cohesion`: share of the members' tie weight that stays inside, ``2 w_in / sum of strengths``;
    - `overlap`: mean over pairs of members, the share of everyday trips that go to the same places;
    - `complementarity`: weighted share of service categories that the whole has, less the mean of its villages;
    - `identity`: how well the set follows the borders that people know, the mean of two shares: of the people in its
      parishes (pastorates, school districts), those who live in a member; and of its people, those in one and the
      same municipality (former municipality, historic district), the one with most of them. Units that the data does
      not know are left out, as are villages that may not be members. Real clusters are unions of parishes, and 25 of
      26 lie in one municipality;
    - `compactness`: of the villages nearest to a member, as many as the set has others, the share that belongs to it;
      it does not fall with size, only with gaps, bulges and left-out neighbours;
    - `stretch`: how usual its extent is. Real clusters extend 4 to 18 km in a straight line, the middle one 11; 1 at
      11 km, falling as a log-normal curve whose two standard deviations lie at 4 and 18 km;
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
    return assess_sets(pool.sets, places_of(pool, tables, ties), ties, study)


def assess_sets(sets: VillageSets, places: Places, ties: Ties, study: Study) -> pd.DataFrame:
    """Measure sets that need not be in the pool, as `assess` does those that are; `places` is of the pool."""
    return _by_blocks(sets, lambda some: _assess_some(some, places, ties, study))


def worth(assessment: pd.DataFrame) -> Floats:
    """Worth of each candidate to a plan: its score times the people it serves."""
    value: Floats = (assessment["score"] * assessment["served"]).to_numpy(dtype=np.float64)
    return value


def reassess(assessment: pd.DataFrame, pool: Pool, tables: Tables, ties: Ties, study: Study) -> pd.DataFrame:
    """
    Assess candidates again by ties of which only what services say is another; what does not hang on it is kept.

    Parameters
    ----------
    assessment
        Of the same pool, by ties of the same villages and minutes.
    pool, tables, ties, study
        As for `assess`.
    """
    places = places_of(pool, tables, ties)
    again = _by_blocks(
        pool.sets, lambda sets: pd.DataFrame(_of_services(sets, pairs_inside(sets, ties), places, ties, study))
    )
    table = assessment.copy()
    table[again.columns] = again.clip(0.0, 1.0)
    return table.assign(score=score_of(table, study.score, layers_used=ties.layers_used))


def _by_blocks(sets: VillageSets, measure: Callable[[VillageSets], pd.DataFrame]) -> pd.DataFrame:
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        return pd.concat(list(workers.map(measure, sets.blocks())), ignore_index=True)


def places_of(pool: Pool, tables: Tables, ties: Ties) -> Places:
    """Count once what the measures of any sets need to know of villages, ties and the ensemble."""
    return Places(
        people=tables.villages["people"].to_numpy(dtype=np.float64),
        strength=_strengths(ties),
        facilities=facility_counts(ties),
        ranks=_nearness_ranks(ties, pool.eligible),
        communities=np.ascontiguousarray(pool.partitions.T),
        xy=shapely.get_coordinates(tables.villages.geometry),
        small_units=_unit_codes(tables.villages, SMALL_UNITS),
        large_units=_unit_codes(tables.villages, LARGE_UNITS),
        eligible=pool.eligible,
    )


@dataclass(frozen=True)
class Places:
    """
    What the measures need to know of villages and ties, counted once.

    `strength` is the sum of a village's tie weights; `facilities` how many of each category stand in it; `ranks` of
    each tie see `_nearness_ranks`; `communities` of each village in every run of the ensemble, shape (villages, runs);
    `xy` its position in metres; `small_units` and `large_units` number the unit of each village, -1 where unknown.
    """

    people: Floats
    strength: Floats
    facilities: Floats
    ranks: tuple[Floats, Floats]
    communities: Ints
    xy: Floats
    small_units: tuple[Longs, ...]
    large_units: tuple[Longs, ...]
    eligible: NDArray[np.bool_]


def _assess_some(sets: VillageSets, places: Places, ties: Ties, study: Study) -> pd.DataFrame:
    """Measure some of the candidates; see `assess`."""
    pairs = pairs_inside(sets, ties)
    n_pairs = np.maximum(np.bincount(pairs.of_set, minlength=len(sets)), 1)

    minutes = pairs.values(ties.minutes, absent=np.inf)
    columns = {
        **_of_services(sets, pairs, places, ties, study),
        "identity": _identity(sets, places),
        "compactness": _compactness(sets, pairs, places.ranks),
        "stretch": _stretch(sets, pairs, places.xy),
        "balance": _balance(sets, places.people),
        "stability": _stability(sets, places.communities, n_pairs),
    }
    table = pd.DataFrame({name: columns[name] for name in MEASURES}).clip(0.0, 1.0)
    table["score"] = score_of(table, study.score, layers_used=ties.layers_used)
    table["n_villages"] = sets.sizes()
    table["people"] = sum_by_set(sets, places.people)
    table["served"] = sum_by_set(sets, np.minimum(places.people, COUNTED_PEOPLE_A_PLACE))
    table["max_minutes"] = max_by(pairs.of_set, minutes, len(sets))
    table["mean_minutes"] = np.bincount(pairs.of_set, weights=minutes, minlength=len(sets)) / n_pairs
    return table


def _of_services(sets: VillageSets, pairs: PairsInside, places: Places, ties: Ties, study: Study) -> dict[str, Floats]:
    """Measure what hangs on services and on what they weigh."""
    n_pairs = np.maximum(np.bincount(pairs.of_set, minlength=len(sets)), 1)
    overlap = np.bincount(pairs.of_set, weights=pairs.values(ties.overlap, absent=0.0), minlength=len(sets))
    return {
        "cohesion": _cohesion(sets, pairs, ties, places.strength),
        "overlap": overlap / n_pairs,
        "complementarity": _gain(sets, ties),
        "viability": _viability(sets, places, ties, study),
    }


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


def _unit_codes(villages: pd.DataFrame, names: tuple[str, ...]) -> tuple[Longs, ...]:
    """Give each village the number of its unit, for each kind of unit that the data knows; -1 where it is unknown."""
    codes = (pd.factorize(villages[name])[0].astype(np.int64) for name in names if name in villages)
    return tuple(code for code in codes if (code >= 0).any())


def _identity(sets: VillageSets, places: Places) -> Floats:
    """Mean of the shares that `assess` names, over those that are known; 0 where none is."""
    whole = [_whole(sets, code, places) for code in places.small_units]
    united = [_united(sets, code, places) for code in places.large_units]
    both = _mean_of_known([_mean_of_known(whole, len(sets)), _mean_of_known(united, len(sets))], len(sets))
    identity: Floats = np.nan_to_num(both)
    return identity


def _mean_of_known(shares: list[Floats], n_sets: int) -> Floats:
    """Mean of several shares of each set; missing ones do not count, and none at all is missing again."""
    table = np.array(shares).reshape(len(shares), n_sets)
    known = ~np.isnan(table)
    total, count = np.where(known, table, 0.0).sum(axis=0), known.sum(axis=0)
    mean: Floats = np.divide(total, count, out=np.full(n_sets, np.nan), where=count > 0)
    return mean


def people_by_unit(sets: VillageSets, code: Longs, people: Floats) -> tuple[Longs, Longs, Floats]:
    """Add up the members' people in each unit that a set touches: the sets, the units and the people."""
    unit = code[sets.member]
    known = unit >= 0
    width = int(code.max(initial=0)) + 1
    key, place = np.unique(sets.set_of_member()[known].astype(np.int64) * width + unit[known], return_inverse=True)
    held: Floats = np.bincount(place, weights=people[sets.member[known]], minlength=len(key)).astype(np.float64)
    return key // width, key % width, held


def _whole(sets: VillageSets, code: Longs, places: Places) -> Floats:
    """Share of the people in the units of a set who live in its villages; missing where no unit is known."""
    known = places.eligible & (code >= 0)
    living = np.bincount(code[known], weights=places.people[known], minlength=int(code.max()) + 1)
    of_set, unit, held = people_by_unit(sets, code, places.people)
    inside, there = (np.bincount(of_set, weights=part, minlength=len(sets)) for part in (held, living[unit]))
    whole: Floats = np.divide(inside, there, out=np.full(len(sets), np.nan), where=there > 0)
    return whole


def _united(sets: VillageSets, code: Longs, places: Places) -> Floats:
    """Share of the people whose unit is known who live in the unit with most of them; missing where none is known."""
    of_set, _, held = people_by_unit(sets, code, places.people)
    most = max_by(of_set, held, len(sets))
    known = np.bincount(of_set, weights=held, minlength=len(sets))
    united: Floats = np.divide(most, known, out=np.full(len(sets), np.nan), where=known > 0)
    return united


def _stretch(sets: VillageSets, pairs: PairsInside, xy: Floats) -> Floats:
    """
    Say how usual the largest straight-line distance between two members is among real clusters.

    ``exp(-z ** 2 / 2)`` with ``z = 2 ln(km / middle) / ln(end / middle)``, the end being the least or the most known.
    """
    least, middle, most = KNOWN_STRETCH_KM
    x, y = np.ascontiguousarray(xy[sets.member].T)
    east, north = x[pairs.left] - x[pairs.right], y[pairs.left] - y[pairs.right]
    km = np.maximum(np.sqrt(max_by(pairs.of_set, east * east + north * north, len(sets))) / 1000, 1e-3)
    z = 2 * np.log(km / middle) / np.log(np.where(km < middle, least, most) / middle)
    usual: Floats = np.exp(-(z**2) / 2)
    return usual


def _viability(sets: VillageSets, places: Places, ties: Ties, study: Study) -> Floats:
    categories = study.services.all_categories()
    needed = np.array([categories[key].people_needed for key in ties.shares.categories])
    weights = ties.category_weight
    if weights.sum() <= 0:
        return np.zeros(len(sets))
    facilities = np.maximum(sets.matrix() @ places.facilities, 1.0)  # one that is missing would need people too
    people = sum_by_set(sets, places.people)
    carried: Floats = np.minimum(people[:, None] / (facilities * needed), 1.0) @ (weights / weights.sum())
    return carried


def facility_counts(ties: Ties) -> Floats:
    """How many facilities of each category stand in each village, shape (villages, categories present)."""
    stands = ties.stands_in >= 0
    counts = np.zeros(ties.has.shape)
    np.add.at(counts, (ties.stands_in[stands], ties.shares.category[stands]), 1.0)
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
