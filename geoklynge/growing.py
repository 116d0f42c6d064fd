"""Proposals that grow: by complete linkage, parish by parish, and around the planner's must-links."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .compiled import compiled, grown
from .limits import Limits
from .linkage import complete_linkage
from .ties import Ties
from .village_sets import VillageSets, sets_of
from .wishes import Wishes

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

PARISHES_IN_A_UNION = 12  # the largest known clusters have 11


def linked_sets(ties: Ties, eligible: Bools, limits: Limits) -> VillageSets:
    """
    Every set that complete linkage on minutes forms within the limit; see `complete_linkage`.

    No two members of a set are farther apart than the limit, and two sets hold one another or have nobody in common.
    """
    around, n_villages = ties.around, len(eligible)
    near = ((ties.minutes <= limits.max_minutes) & eligible[ties.a] & eligible[ties.b])[around.tie]
    pairs = np.concatenate([[0], np.cumsum(near)]).astype(np.int64)[around.indptr]
    merges, _ = complete_linkage(pairs, around.village[near], ties.minutes[around.tie[near]])
    indptr, member = _sets_of_merges(merges, n_villages)
    return VillageSets(indptr, member, n_villages)


def _both_ways(a: NDArray[np.integer], b: NDArray[np.integer], value: NDArray[np.generic], n: int) -> csr_array:
    """Put pairs into compressed rows, each at both its ends; values of one pair of ends add up."""
    return csr_array(coo_array((np.tile(value, 2), (np.concatenate([a, b]), np.concatenate([b, a]))), shape=(n, n)))


@compiled
def _sets_of_merges(merges: Ints, n_places: int) -> tuple[Longs, Ints]:
    """Members of every merge of a dendrogram, ascending, in compressed rows."""
    n_merges = len(merges)
    indptr = np.zeros(n_merges + 1, dtype=np.int64)
    size = np.ones(n_places + n_merges, dtype=np.int64)
    for step in range(n_merges):
        size[n_places + step] = size[merges[step, 0]] + size[merges[step, 1]]
        indptr[step + 1] = indptr[step] + size[n_places + step]
    member = np.empty(indptr[n_merges], dtype=np.int32)
    for step in range(n_merges):
        free = indptr[step]
        for child in merges[step]:
            if child < n_places:
                member[free] = child
                free += 1
            else:
                first, last = indptr[child - n_places], indptr[child - n_places + 1]
                member[free : free + last - first] = member[first:last]
                free += last - first
        member[indptr[step] : indptr[step + 1]].sort()
    return indptr, member


def parish_unions(villages: pd.DataFrame, ties: Ties, eligible: Bools, limits: Limits) -> VillageSets:
    """From each parish, take in the parish with the strongest mean tie again and again; every stage is a proposal."""
    code, names = pd.factorize(villages["parish_id"], sort=True)
    code = np.where(eligible, code, -1)
    n_parishes = len(names)
    inside = (code[ties.a] >= 0) & (code[ties.b] >= 0)
    strength = _both_ways(code[ties.a][inside], code[ties.b][inside], ties.weight[inside], n_parishes)
    size = np.bincount(code[code >= 0], minlength=n_parishes)
    starts = np.flatnonzero(size > 0)
    by_parish = np.argsort(code, kind="stable")[np.count_nonzero(code < 0) :].astype(np.int32)
    return _stages(starts, np.arange(len(starts) + 1), strength, size, by_parish, len(code), limits)


def whole_parishes(sets: VillageSets, villages: pd.DataFrame, eligible: Bools) -> VillageSets:
    """
    Round every set to whole parishes: a parish of which half or more belongs to it does so wholly, another not at all.

    A parish in two municipalities counts as two; only villages that may be members count. Where no parish is held by
    half, nothing is left.
    """
    names = villages[["municipality_id", "parish_id"]].astype(object)
    code = names.groupby(["municipality_id", "parish_id"], dropna=False, sort=False).ngroup().to_numpy()
    counted = np.flatnonzero(eligible & villages["parish_id"].notna().to_numpy())
    if not len(counted):
        return sets_of([], sets.n_villages)
    parish_of = csr_array(
        (np.ones(len(counted)), (counted, code[counted])), shape=(sets.n_villages, int(code.max()) + 1)
    )
    held = coo_array(sets.matrix() @ parish_of)
    row, parish = held.coords
    size = np.bincount(code[counted], minlength=parish_of.shape[1])
    whole = 2 * held.data >= size[parish]
    chosen = csr_array((np.ones(whole.sum()), (row[whole], parish[whole])), shape=held.shape)
    members = csr_array(chosen @ parish_of.T)
    members.sort_indices()
    some = np.diff(members.indptr) > 0
    indptr = np.concatenate([[0], np.cumsum(np.diff(members.indptr)[some])]).astype(np.int64)
    return VillageSets(indptr, members.indices.astype(np.int32), sets.n_villages)


def sets_around_hubs(ties: Ties, eligible: Bools, limits: Limits) -> VillageSets:
    """
    Grow village by village around each hub by the strongest mean tie; every stage is a proposal.

    A hub is a village that may be a member, has services, and has at least as much of their weight as every other such
    village it is tied to by the weakest tie that holds a cluster together, or more.
    """
    offers = np.where(eligible, ties.has @ ties.category_weight, 0.0)
    strong = ties.weight >= limits.weakest_tie
    most_around = np.zeros(len(eligible))
    np.maximum.at(most_around, ties.a[strong], offers[ties.b[strong]])
    np.maximum.at(most_around, ties.b[strong], offers[ties.a[strong]])
    hubs = np.flatnonzero((offers > 0) & (offers >= most_around))
    return _around(hubs, np.arange(len(hubs) + 1), ties, eligible, limits)


def sets_around(wishes: Wishes, ties: Ties, eligible: Bools, limits: Limits) -> VillageSets:
    """Grow village by village around each together-group, so that the pool has sets that hold it."""
    if not wishes.together:
        return sets_of([], len(eligible))
    starts = np.concatenate([np.array(group) for group in wishes.together])
    return _around(starts, np.cumsum([0, *(len(each) for each in wishes.together)]), ties, eligible, limits)


def _around(
    starts: NDArray[np.integer], group: NDArray[np.integer], ties: Ties, eligible: Bools, limits: Limits
) -> VillageSets:
    """Grow village by village from every group of villages ``starts[group[g]:group[g + 1]]``."""
    n_villages = len(eligible)
    inside = eligible[ties.a] & eligible[ties.b]
    strength = _both_ways(ties.a[inside], ties.b[inside], ties.weight[inside], n_villages)
    members = np.flatnonzero(eligible).astype(np.int32)
    sizes = eligible.astype(np.int64)
    return _stages(starts, group, strength, sizes, members, n_villages, limits, most_units=limits.max_villages)


def _stages(  # noqa: PLR0913, PLR0917
    starts: NDArray[np.integer],
    group: NDArray[np.integer],
    strength: csr_array,
    size: NDArray[np.integer],
    by_unit: Ints,
    n_villages: int,
    limits: Limits,
    *,
    most_units: int = PARISHES_IN_A_UNION,
) -> VillageSets:
    """Grow from every group of units ``starts[group[g]:group[g + 1]]``; see `_grow`."""
    indptr, member = _grow(
        starts.astype(np.int32), group.astype(np.int64), strength.indptr.astype(np.int64),
        strength.indices.astype(np.int32), strength.data.astype(np.float64), size.astype(np.int64), by_unit,
        limits.max_villages, most_units,
    )  # fmt: skip
    return VillageSets(indptr, member, n_villages)


@compiled
def _grow(  # noqa: C901, PLR0912, PLR0913, PLR0917
    starts: Ints,
    group: Longs,
    indptr: Longs,
    neighbour: Ints,
    strength: Floats,
    size: Longs,
    by_unit: Ints,
    max_villages: int,
    most_units: int,
) -> tuple[Longs, Ints]:
    """
    Add unit after unit by the mean weight of its ties to the villages held so far, from every start.

    Unit u has `size[u]` villages, which stand in `by_unit` one unit after the other. Every stage of at most
    `max_villages` villages and `most_units` units is a set; of equally strong units the one named first is taken.

    Returns
    -------
    tuple of two arrays
        The sets in compressed rows, members ascending.
    """
    n_units = len(size)
    first = np.zeros(n_units + 1, dtype=np.int64)
    first[1:] = np.cumsum(size)
    pull = np.zeros(n_units, dtype=np.float64)
    held = np.zeros(n_units, dtype=np.bool_)
    order = np.empty(n_units, dtype=np.int32)
    touched = np.empty(n_units, dtype=np.int32)
    out = np.empty(4096, dtype=np.int32)
    out_indptr = np.zeros(1024, dtype=np.int64)
    n_sets, n_out = 0, 0
    for number in range(len(group) - 1):
        n_held, n_units_held, n_touched = 0, 0, 0
        for k in range(group[number], group[number + 1]):
            order[n_units_held] = starts[k]
            n_units_held += 1
        n_pulled = 0
        while True:
            for k in range(n_pulled, n_units_held):
                unit = order[k]
                held[unit] = True
                n_held += size[unit]
                for arc in range(indptr[unit], indptr[unit + 1]):
                    if strength[arc] <= 0:  # a tie of no weight pulls nobody, and must not be counted twice
                        continue
                    if pull[neighbour[arc]] == 0:
                        touched[n_touched] = neighbour[arc]
                        n_touched += 1
                    pull[neighbour[arc]] += strength[arc]
            n_pulled = n_units_held
            if n_held > max_villages or n_units_held > most_units:
                break
            while n_out + n_held > len(out):
                out = grown(out)
            if n_sets + 1 == len(out_indptr):
                out_indptr = grown(out_indptr)
            for k in range(n_units_held):
                for village in range(first[order[k]], first[order[k] + 1]):
                    out[n_out] = by_unit[village]
                    n_out += 1
            out[out_indptr[n_sets] : n_out].sort()
            n_sets += 1
            out_indptr[n_sets] = n_out
            best, most = -1, 0.0
            for k in range(n_touched):
                unit = touched[k]
                if not held[unit] and size[unit] > 0:
                    mean_tie = pull[unit] / (size[unit] * n_held)
                    if mean_tie > most or (mean_tie == most and mean_tie > 0 and unit < best):
                        best, most = unit, mean_tie
            if best < 0:
                break
            order[n_units_held] = best
            n_units_held += 1
        for k in range(n_units_held):
            held[order[k]] = False
        for k in range(n_touched):
            pull[touched[k]] = 0.0
    return out_indptr[: n_sets + 1].copy(), out[:n_out].copy()
