"""The two searches behind every travel time: Dijkstra's algorithm over compressed sparse rows, compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled, grown

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

NEVER = 2**31 - 1  # milliseconds at a node that is not reached; a search cannot add up to it (24 days)
NODE_BITS = 32  # an entry of the heap is one number: milliseconds in the upper half, the node in the lower
NODE_MASK = 2**32 - 1


@compiled
def _push(heap: Longs, size: int, ms: int, node: int) -> tuple[Longs, int]:
    """Add an entry to a binary heap; returns the heap (grown where it was full) and the new size."""
    if size == len(heap):
        heap = grown(heap)
    entry = (np.int64(ms) << NODE_BITS) | np.int64(node)
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent] <= entry:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = entry
    return heap, size + 1


@compiled
def _pop(heap: Longs, size: int) -> tuple[int, int, int]:
    """Take the smallest entry off a binary heap: its milliseconds, its node, and the new size."""
    top = heap[0]
    size -= 1
    entry = heap[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if entry <= heap[child]:
            break
        heap[parent] = heap[child]
        parent = child
    heap[parent] = entry
    return top >> NODE_BITS, top & NODE_MASK, size


@compiled
def reach_destinations(  # noqa: C901, PLR0912, PLR0913, PLR0917
    indptr: Longs,
    targets: Ints,
    ms: Ints,
    homes: Ints,
    home_access: Ints,
    limit: int,
    at_node: Longs,
    by_node: Ints,
    access: Ints,
) -> tuple[Longs, Ints, Ints]:
    """
    Search from each home until the limit, and collect the destinations on the way. All times are milliseconds.

    Parameters
    ----------
    indptr, targets, ms
        The graph's arcs in compressed sparse rows.
    homes, home_access
        Node of each origin (-1: none) and its time to that node.
    limit
        The longest trip.
    at_node, by_node, access
        Destinations at node n are ``by_node[at_node[n]:at_node[n + 1]]``; `access` gives each one's time.

    Returns
    -------
    tuple of three arrays
        How many destinations each home reaches; the destinations, home after home, ascending; their times.
    """
    known = np.full(len(indptr) - 1, NEVER, dtype=np.int32)
    touched = np.empty(1024, dtype=np.int32)
    heap = np.empty(1024, dtype=np.int64)
    counts = np.zeros(len(homes), dtype=np.int64)
    found = np.empty(4096, dtype=np.int64)
    n_found = 0
    for home in range(len(homes)):
        budget = limit - home_access[home]
        if homes[home] < 0 or budget < 0:
            continue
        n_touched, first = 1, n_found
        touched[0] = homes[home]
        known[homes[home]] = 0
        heap, size = _push(heap, 0, 0, homes[home])
        while size > 0:
            here_ms, here, size = _pop(heap, size)
            if here_ms > known[here]:
                continue
            for k in range(at_node[here], at_node[here + 1]):
                left = budget - here_ms - access[by_node[k]]
                if left >= 0:
                    if n_found == len(found):
                        found = grown(found)
                    found[n_found] = (np.int64(by_node[k]) << NODE_BITS) | np.int64(limit - left)
                    n_found += 1
            for arc in range(indptr[here], indptr[here + 1]):
                there, there_ms = targets[arc], here_ms + ms[arc]
                if there_ms <= budget and there_ms < known[there]:
                    if known[there] == NEVER:
                        if n_touched == len(touched):
                            touched = grown(touched)
                        touched[n_touched] = there
                        n_touched += 1
                    known[there] = there_ms
                    heap, size = _push(heap, size, there_ms, there)
        for k in range(n_touched):
            known[touched[k]] = NEVER
        found[first:n_found].sort()
        counts[home] = n_found - first
    reached = np.empty(n_found, dtype=np.int32)
    times = np.empty(n_found, dtype=np.int32)
    for k in range(n_found):
        reached[k], times[k] = found[k] >> NODE_BITS, found[k] & NODE_MASK
    return counts, reached, times


@compiled
def nearest_seed(indptr: Longs, targets: Ints, ms: Ints, seeds: Ints, seed_access: Ints) -> Ints:
    """
    Milliseconds from every node to the nearest of several seeds, each with its own time to begin with.

    One search from all seeds at once, over the reversed graph where the way leads towards the seeds.

    Returns
    -------
    array
        Shape (nodes,); `NEVER` where no seed is reached.
    """
    known = np.full(len(indptr) - 1, NEVER, dtype=np.int32)
    heap = np.empty(1024, dtype=np.int64)
    size = 0
    for k in range(len(seeds)):
        if seed_access[k] < known[seeds[k]]:
            known[seeds[k]] = seed_access[k]
            heap, size = _push(heap, size, seed_access[k], seeds[k])
    while size > 0:
        here_ms, here, size = _pop(heap, size)
        if here_ms > known[here]:
            continue
        for arc in range(indptr[here], indptr[here + 1]):
            there_ms = here_ms + ms[arc]
            if there_ms < known[targets[arc]]:
                known[targets[arc]] = there_ms
                heap, size = _push(heap, size, there_ms, targets[arc])
    return known
