"""Many sets of villages at once: who is in which, the pairs inside each, and the facts that limits judge."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from .compiled import compiled
from .limits import Facts, Limits
from .people import people_of_place
from .ties import Ties
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

PAIRS_AT_ONCE = 1 << 17  # their minutes and ties fit into the cache, and memory does not grow with a country's sets
FINGERPRINT_SEED = 1  # fixed: the order of distinct sets must not change from run to run


@dataclass(frozen=True)
class VillageSets:
    """
    Sets of villages in compressed rows: set s holds ``member[indptr[s]:indptr[s + 1]]``, ascending row numbers.

    Row numbers are those of the villages table, of which there are `n_villages`.
    """

    indptr: NDArray[np.int64]
    member: Ints
    n_villages: int

    def __len__(self) -> int:
        """How many sets there are."""
        return len(self.indptr) - 1

    def rows(self, number: int) -> Ints:
        """Members of one set."""
        return self.member[self.indptr[number] : self.indptr[number + 1]]

    def sizes(self) -> NDArray[np.int64]:
        """How many villages each set has."""
        return np.diff(self.indptr)

    def set_of_member(self) -> Ints:
        """Name the set, by number, that each entry of `member` belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.sizes())

    def set_of_village(self) -> Ints:
        """Name the set, by number, that each village belongs to, -1 for none; of several the last."""
        number = np.full(self.n_villages, -1, dtype=np.int32)
        number[self.member] = self.set_of_member()
        return number

    def matrix(self) -> csr_array:
        """Membership as a sparse matrix of ones, shape (sets, villages)."""
        return csr_array((np.ones(len(self.member)), self.member, self.indptr), shape=(len(self), self.n_villages))

    def take(self, numbers: Sequence[int] | NDArray[np.integer] | NDArray[np.bool_]) -> VillageSets:
        """Keep the sets with these numbers, in this order, or those that are marked."""
        chosen = np.asarray(numbers)
        chosen = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen.astype(np.int64)
        sizes = self.sizes()[chosen]
        indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], sizes)
        return VillageSets(indptr, self.member[np.repeat(self.indptr[chosen], sizes) + within], self.n_villages)

    def blocks(self) -> Iterator[VillageSets]:
        """Go through the sets in order, so many at a time that they hold about `PAIRS_AT_ONCE` pairs of members."""
        sizes = self.sizes()
        pairs = np.cumsum(sizes * (sizes - 1) // 2)
        block = pairs // PAIRS_AT_ONCE
        bounds = [0, *(np.flatnonzero(np.diff(block)) + 1).tolist(), len(self)]
        for start, stop in itertools.pairwise(bounds):
            indptr = self.indptr[start : stop + 1]
            yield VillageSets(indptr - indptr[0], self.member[indptr[0] : indptr[-1]], self.n_villages)


def sets_of(members: Iterable[Ints], n_villages: int) -> VillageSets:
    """Pack lists of row numbers into sets; each list is sorted."""
    lists = [np.sort(np.asarray(rows, dtype=np.int32)) for rows in members]
    indptr = np.concatenate([[0], np.cumsum([len(rows) for rows in lists])]).astype(np.int64)
    return VillageSets(indptr, np.concatenate([np.empty(0, dtype=np.int32), *lists]), n_villages)


def sets_by_label(label: NDArray[np.int64], member: Ints, n_villages: int) -> VillageSets:
    """Make a set of the members of each label (0 or more), in the order of labels; members keep their order."""
    order = np.argsort(label, kind="stable")
    starts = np.flatnonzero(np.diff(label[order], prepend=-1))
    return VillageSets(np.append(starts, len(label)).astype(np.int64), member[order], n_villages)


def join_sets(parts: Sequence[VillageSets], n_villages: int) -> VillageSets:
    """Put sets one after the other."""
    sizes = np.concatenate([np.empty(0, dtype=np.int64), *(part.sizes() for part in parts)])
    member = np.concatenate([np.empty(0, dtype=np.int32), *(part.member for part in parts)])
    return VillageSets(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), member, n_villages)


def distinct_sets(sets: VillageSets) -> tuple[VillageSets, NDArray[np.int64]]:
    """
    Keep one of equal sets, in an order of their own.

    Sets are told apart by their size and two sums of random numbers, one number a village, of 63 bits each: for
    different sets to agree in both is less likely than a broken machine.

    Parameters
    ----------
    sets
        None of them empty.

    Returns
    -------
    tuple of VillageSets and array
        The distinct sets, and for each set that was given the number of its equal among them.
    """
    if not len(sets):
        return sets, np.empty(0, dtype=np.int64)
    mark = np.random.default_rng(FINGERPRINT_SEED).integers(0, 2**63, (2, sets.n_villages))
    sums = np.add.reduceat(mark[:, sets.member], sets.indptr[:-1], axis=1)
    keys = np.column_stack([sets.sizes(), *sums])
    order = np.lexsort(keys.T)
    first = np.ones(len(sets), dtype=bool)
    first[1:] = (keys[order][1:] != keys[order][:-1]).any(axis=1)
    same_as = np.empty(len(sets), dtype=np.int64)
    same_as[order] = np.cumsum(first) - 1
    return sets.take(order[first]), same_as


def order_of_members(sets: VillageSets) -> NDArray[np.int64]:
    """Numbers of the sets in the order of their members: by the first, of equal ones by the second, and so on."""
    as_words = sets.member.astype(">i4").tobytes()  # bytes compare like the numbers, high byte first
    words = [as_words[start:stop] for start, stop in itertools.pairwise((4 * sets.indptr).tolist())]
    return np.array(sorted(range(len(sets)), key=words.__getitem__), dtype=np.int64)


@dataclass(frozen=True)
class PairsInside:
    """
    All pairs of members of all sets.

    Pair k lies in set `of_set[k]`, between its entries `left[k]` and `right[k]` of ``VillageSets.member``; `tie[k]`
    is its row in the ties, -1 where the two do not reach each other within the horizon.
    """

    of_set: Ints
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    tie: NDArray[np.int64]

    def values(self, of_tie: Floats, *, absent: float) -> Floats:
        """Look up a value of each pair's tie, `absent` where there is none."""
        if not len(of_tie):
            return np.full(len(self.tie), absent)
        return np.where(self.tie >= 0, of_tie[self.tie], absent)


def pairs_inside(sets: VillageSets, ties: Ties) -> PairsInside:
    """List the pairs of members of every set, each with its tie."""
    sizes = sets.sizes()
    place_in_set = np.arange(len(sets.member)) - np.repeat(sets.indptr[:-1], sizes)
    partners = np.repeat(sizes, sizes) - 1 - place_in_set
    left = np.repeat(np.arange(len(sets.member)), partners)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(partners) - partners, partners)
    return PairsInside(sets.set_of_member()[left], left, right, tie_rows(ties, sets.member[left], sets.member[right]))


def tie_rows(ties: Ties, a: Ints, b: Ints) -> NDArray[np.int64]:
    """Find the row of each pair of villages in the ties, in either order; -1 where there is none."""
    return _find_pairs(ties.first_of, ties.b, np.minimum(a, b), np.maximum(a, b))


@compiled
def _find_pairs(first_of: NDArray[np.int64], other: Ints, low: Ints, high: Ints) -> NDArray[np.int64]:
    """Look each pair up among the ties of its lower village only: the search does not grow with the country."""
    rows = np.full(len(low), -1, dtype=np.int64)
    for k in range(len(low)):
        start, stop = first_of[low[k]], first_of[low[k] + 1]
        while start < stop:
            middle = (start + stop) >> 1
            if other[middle] < high[k]:
                start = middle + 1
            else:
                stop = middle
        if start < first_of[low[k] + 1] and other[start] == high[k]:
            rows[k] = start
    return rows


def sum_by_set(sets: VillageSets, of_village: Floats) -> Floats:
    """Add up a value of the villages in each set."""
    total: Floats = np.bincount(sets.set_of_member(), weights=of_village[sets.member], minlength=len(sets)).astype(
        float
    )
    return total


def max_by(group: NDArray[np.integer], values: Floats, n_groups: int, *, empty: float = 0.0) -> Floats:
    """Largest value of each group, `empty` for a group without any."""
    largest = np.full(n_groups, -np.inf)
    np.maximum.at(largest, group, values)
    return np.where(np.isneginf(largest), empty, largest)


def keeps_wishes(sets: VillageSets, wishes: Wishes) -> NDArray[np.bool_]:
    """Tell which sets hold each together-group wholly or not at all, and at most one of each apart-group."""
    kept = np.ones(len(sets), dtype=bool)
    for group in wishes.together:
        count = np.bincount(sets.set_of_member()[np.isin(sets.member, group)], minlength=len(sets))
        kept &= (count == 0) | (count == len(set(group)))
    for group in wishes.apart:
        count = np.bincount(sets.set_of_member()[np.isin(sets.member, group)], minlength=len(sets))
        kept &= count <= 1
    return kept


def facts_of(
    sets: VillageSets, pairs: PairsInside, ties: Ties, villages: pd.DataFrame, limits: Limits, wishes: Wishes
) -> Facts:
    """Count, for every set, what the limits judge; each fact is an array with one entry a set."""
    people = villages["people"].to_numpy(dtype=np.float64)
    minutes = pairs.values(ties.minutes, absent=np.inf)
    longest = max_by(pairs.of_set, minutes, len(sets))
    largest = max_by(sets.set_of_member(), people_of_place(villages)[sets.member], len(sets))
    parts = _parts(sets, pairs, pairs.values(ties.weight, absent=-np.inf) >= limits.weakest_tie)
    return Facts(
        n_villages=sets.sizes(),
        people=sum_by_set(sets, people),
        max_minutes=longest,
        n_municipalities=_count_distinct(sets, villages["municipality_id"]),
        largest_place=largest,
        connected=parts <= 1,
        links_kept=keeps_wishes(sets, wishes),
    )


def facts_in_blocks(
    sets: VillageSets, ties: Ties, villages: pd.DataFrame, limits: Limits, wishes: Wishes
) -> Iterator[Facts]:
    """Count the facts of `VillageSets.blocks`, block after block."""
    code = pd.Series(pd.factorize(villages["municipality_id"])[0], villages.index)  # once, not block after block
    told = [name for name in ("people", "population", "people_around") if name in villages]
    known = pd.DataFrame(villages[told]).assign(municipality_id=code.where(code >= 0))
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        yield from workers.map(
            lambda part: facts_of(part, pairs_inside(part, ties), ties, known, limits, wishes), sets.blocks()
        )


def keep_limits(
    sets: VillageSets, ties: Ties, villages: pd.DataFrame, limits: Limits, wishes: Wishes
) -> NDArray[np.bool_]:
    """Judge every set; the pairs inside a set of too many villages, which are most pairs, are not even listed."""
    sizes = sets.sizes()
    kept: NDArray[np.bool_] = (sizes >= limits.min_villages) & (sizes <= limits.max_villages)
    facts = facts_in_blocks(sets.take(kept), ties, villages, limits, wishes)
    kept[kept] = np.concatenate([np.empty(0, dtype=bool), *(limits.kept_by(part) for part in facts)])
    return kept


def each_fact(facts: Facts) -> Iterator[Facts]:
    """Go through the facts of many sets one by one."""
    columns = (np.asarray(getattr(facts, field.name)).tolist() for field in fields(facts))
    return (Facts(*row) for row in zip(*columns, strict=True))


def _parts(sets: VillageSets, pairs: PairsInside, linked: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Into how many parts each set falls when only linked pairs hold together."""
    n_entries = len(sets.member)
    arcs = coo_array(
        (np.ones(linked.sum(), dtype=np.int8), (pairs.left[linked], pairs.right[linked])),
        shape=(n_entries, n_entries),
    )
    _, part = connected_components(arcs.tocsr(), directed=False)
    distinct = np.unique(sets.set_of_member().astype(np.int64) * max(n_entries, 1) + part)
    return np.bincount(distinct // max(n_entries, 1), minlength=len(sets))


def _count_distinct(sets: VillageSets, label: pd.Series) -> NDArray[np.int64]:
    """How many different labels the members of each set carry; a missing label counts for nothing."""
    code = pd.factorize(label)[0][sets.member]
    known = code >= 0
    width = int(code.max(initial=0)) + 1
    distinct = np.unique(sets.set_of_member()[known].astype(np.int64) * width + code[known])
    return np.bincount(distinct // width, minlength=len(sets))
