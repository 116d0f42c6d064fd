"""The two searches behind every travel time: Dijkstra's algorithm over compressed sparse rows, compiled."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Values = TypeVar("Values", bound=NDArray[Any])


@compiled
def _grown(values: Values) -> Values:
    """Copy an array into one twice as long."""
    longer: Any = np.empty(2 * len(values), dtype=values.dtype)
    longer[: len(values)] = values
    return longer  # type: ignore[no-any-return]


@compiled
def _push(keys: Floats, nodes: Ints, size: int, key: float, node: int) -> tuple[Floats, Ints, int]:
    """Add an entry to a binary heap; returns the arrays (grown where they were full) and the new size."""
    if size == len(keys):
        keys, nodes = _grown(keys), _grown(nodes)
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if keys[parent] <= key:
            break
        keys[child], nodes[child] = keys[parent], nodes[parent]
        child = parent
    keys[child], nodes[child] = key, node
    return keys, nodes, size + 1


@compiled
def _pop(keys: Floats, nodes: Ints, size: int) -> tuple[float, int, int]:
    """Take the smallest entry off a binary heap; returns it and the new size."""
    top_key, top_node = keys[0], nodes[0]
    size -= 1
    key, node = keys[size], nodes[size]
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[parent], nodes[parent] = keys[child], nodes[child]
        parent = child
    keys[parent], nodes[parent] = key, node
    return top_key, top_node, size


@compiled
def reach_destinations(  # noqa: C901, PLR0913, PLR0917
    indptr: Longs,
    targets: Ints,
    minutes: Floats,
    homes: Ints,
    home_access: Floats,
    limit: float,
    at_node: Longs,
    by_node: Ints,
    access: Floats,
) -> tuple[Longs, Ints, Floats]:
    """
    Search from each home until the limit, and collect the destinations on the way.

    Parameters
    ----------
    indptr, targets, minutes
        The graph's arcs in compressed sparse rows.
    homes, home_access
        Node of each origin (-1: none) and its minutes to that node.
    limit
        Minutes, itself included.
    at_node, by_node, access
        Destinations at node n are ``by_node[at_node[n]:at_node[n + 1]]``; `access` gives each one's minutes.

    Returns
    -------
    tuple of three arrays
        How many destinations each home reaches; the destinations, home after home; their minutes.
    """
    n_nodes = len(indptr) - 1
    known = np.full(n_nodes, np.inf)
    touched = np.empty(1024, dtype=np.int32)
    keys = np.empty(1024, dtype=np.float64)
    nodes = np.empty(1024, dtype=np.int32)
    counts = np.zeros(len(homes), dtype=np.int64)
    found = np.empty(4096, dtype=np.int32)
    found_minutes = np.empty(4096, dtype=np.float64)
    n_found = 0
    for home in range(len(homes)):
        if homes[home] < 0 or home_access[home] > limit:
            continue
        # distances count from the node, so that they add up as in any other Dijkstra; access is added at the end
        budget = limit - home_access[home]
        n_touched = 1
        touched[0] = homes[home]
        known[homes[home]] = 0.0
        keys, nodes, size = _push(keys, nodes, 0, 0.0, homes[home])
        while size > 0:
            here_minutes, here, size = _pop(keys, nodes, size)
            if here_minutes > known[here]:
                continue
            for k in range(at_node[here], at_node[here + 1]):
                total = home_access[home] + here_minutes + access[by_node[k]]
                if total <= limit:
                    if n_found == len(found):
                        found, found_minutes = _grown(found), _grown(found_minutes)
                    found[n_found], found_minutes[n_found] = by_node[k], total
                    n_found += 1
                    counts[home] += 1
            for arc in range(indptr[here], indptr[here + 1]):
                there = targets[arc]
                there_minutes = here_minutes + minutes[arc]
                if there_minutes <= budget and there_minutes < known[there]:
                    if known[there] == np.inf:
                        if n_touched == len(touched):
                            touched = _grown(touched)
                        touched[n_touched] = there
                        n_touched += 1
                    known[there] = there_minutes
                    keys, nodes, size = _push(keys, nodes, size, there_minutes, there)
        for k in range(n_touched):
            known[touched[k]] = np.inf
    return counts, found[:n_found].copy(), found_minutes[:n_found].copy()


@compiled
def nearest_seed(indptr: Longs, targets: Ints, minutes: Floats, seeds: Ints, seed_access: Floats) -> Floats:
    """
    Minutes from every node to the nearest of several seeds, each with its own minutes to begin with.

    One search from all seeds at once, over the reversed graph where the way leads towards the seeds.

    Returns
    -------
    array
        Minutes, shape (nodes,); infinite where no seed is reached.
    """
    known = np.full(len(indptr) - 1, np.inf)
    keys = np.empty(1024, dtype=np.float64)
    nodes = np.empty(1024, dtype=np.int32)
    size = 0
    for k in range(len(seeds)):
        if seed_access[k] < known[seeds[k]]:
            known[seeds[k]] = seed_access[k]
            keys, nodes, size = _push(keys, nodes, size, seed_access[k], seeds[k])
    while size > 0:
        here_minutes, here, size = _pop(keys, nodes, size)
        if here_minutes > known[here]:
            continue
        for arc in range(indptr[here], indptr[here + 1]):
            there_minutes = here_minutes + minutes[arc]
            if there_minutes < known[targets[arc]]:
                known[targets[arc]] = there_minutes
                keys, nodes, size = _push(keys, nodes, size, there_minutes, targets[arc])
    return known
