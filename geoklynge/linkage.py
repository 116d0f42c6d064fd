"""Complete linkage over the pairs that are near enough, compiled: no table of all pairs, however large the country."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@compiled
def complete_linkage(indptr: Longs, other: Ints, minutes: Floats) -> tuple[Ints, Floats]:
    """
    Merge places until no two sets are left of which every pair is known.

    Complete linkage (Sorensen 1948): the distance of two sets is that of their farthest members, so that no two
    members of a set are ever farther apart than its height. Pairs that are not given are infinitely far. The chain of
    nearest neighbours (Benzecri 1982) finds the merges; of equally near sets the earlier one is taken.

    Parameters
    ----------
    indptr, other, minutes
        The pairs in compressed rows, each at both its ends. The arrays are used up.

    Returns
    -------
    tuple of two arrays
        The merges, shape (merges, 2), and their heights. Places are numbered first, then the merges from the number of
        places on; what is merged stands before the merge. They are in no order of height.

    References
    ----------
    Murtagh, F. (1983). A survey of recent advances in hierarchical clustering algorithms. The Computer Journal 26(4).
    """
    n_places = len(indptr) - 1
    count = np.diff(indptr)
    label = np.arange(n_places).astype(np.int32)
    merges = np.empty((max(n_places - 1, 0), 2), dtype=np.int32)
    height = np.empty(max(n_places - 1, 0), dtype=np.float64)
    n_merges = 0
    chain = np.empty(n_places + 1, dtype=np.int32)
    to_second = np.full(n_places, -1.0)
    for start in range(n_places):
        n_chain = 0
        if label[start] >= 0:
            chain[0], n_chain = start, 1
        while n_chain > 0:
            top = chain[n_chain - 1]
            before = chain[n_chain - 2] if n_chain > 1 else -1
            nearest, least = _nearest(indptr, other, minutes, count, top, before)
            if nearest < 0:
                n_chain -= 1
            elif nearest != before:
                chain[n_chain] = nearest
                n_chain += 1
            else:
                n_chain -= 2
                first, second = min(top, before), max(top, before)
                merges[n_merges, 0], merges[n_merges, 1] = label[first], label[second]
                height[n_merges] = least
                _merge(indptr, other, minutes, count, to_second, first, second)
                label[first], label[second] = n_places + n_merges, -1
                n_merges += 1
                if n_chain == 0:  # the merged set goes on looking
                    chain[0], n_chain = first, 1
    return merges[:n_merges], height[:n_merges]


@compiled
def _nearest(indptr: Longs, other: Ints, minutes: Floats, count: Longs, place: int, before: int) -> tuple[int, float]:
    """Find the nearest neighbour of a set; among equals `before`, which keeps the chain from running in circles."""
    nearest, least = -1, np.inf
    for k in range(indptr[place], indptr[place] + count[place]):
        there = other[k]
        if minutes[k] < least or (minutes[k] == least and nearest != before and (there == before or there < nearest)):
            nearest, least = there, minutes[k]
    return nearest, least


@compiled
def _find(indptr: Longs, other: Ints, count: Longs, place: int, there: int) -> int:
    """Find where a neighbour stands in a set's row."""
    for k in range(indptr[place], indptr[place] + count[place]):
        if other[k] == there:
            return k
    return -1


@compiled
def _strike(indptr: Longs, other: Ints, minutes: Floats, count: Longs, place: int, there: int) -> None:
    """Take a neighbour out of a set's row."""
    k = _find(indptr, other, count, place, there)
    last = indptr[place] + count[place] - 1
    other[k], minutes[k] = other[last], minutes[last]
    count[place] -= 1


@compiled
def _merge(  # noqa: PLR0913, PLR0917
    indptr: Longs, other: Ints, minutes: Floats, count: Longs, to_second: Floats, first: int, second: int
) -> None:
    """Put `second` into `first`: neighbours of both stay, at the larger distance; the others are strangers now."""
    for k in range(indptr[second], indptr[second] + count[second]):
        to_second[other[k]] = minutes[k]
    free = indptr[first]
    for k in range(indptr[first], indptr[first] + count[first]):
        there = other[k]
        if there == second:
            continue
        if to_second[there] < 0:
            _strike(indptr, other, minutes, count, there, first)
        else:
            farther = max(minutes[k], to_second[there])
            minutes[_find(indptr, other, count, there, first)] = farther
            other[free], minutes[free] = there, farther
            free += 1
    for k in range(indptr[second], indptr[second] + count[second]):
        to_second[other[k]] = -1.0
        if other[k] != first:
            _strike(indptr, other, minutes, count, other[k], second)
    count[first], count[second] = free - indptr[first], 0


@compiled
def largest_parts(merges: Ints, people: Floats, max_size: int, max_people: float) -> Ints:
    """
    Label each place with the largest set around it that has few enough places and people.

    Sizes and people only grow from merge to merge, so that the sets within the limits lie at the bottom. Labels are
    the lowest number of a place in the set.
    """
    n_places, n_merges = len(people), len(merges)
    size = np.ones(n_places + n_merges, dtype=np.int64)
    total = np.zeros(n_places + n_merges, dtype=np.float64)
    total[:n_places] = people
    lowest = np.arange(n_places + n_merges).astype(np.int32)
    for step in range(n_merges):
        left, right, whole = merges[step, 0], merges[step, 1], n_places + step
        size[whole], total[whole] = size[left] + size[right], total[left] + total[right]
        lowest[whole] = min(lowest[left], lowest[right])
    label = lowest.copy()
    fits = (size <= max_size) & (total <= max_people)
    for step in range(n_merges - 1, -1, -1):
        if fits[n_places + step]:
            label[merges[step, 0]] = label[merges[step, 1]] = label[n_places + step]
            fits[merges[step, 0]] = fits[merges[step, 1]] = True
    return label[:n_places]
