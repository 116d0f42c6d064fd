"""Exact elimination: nodes that no trip starts or ends at leave the graph, and no time between the others changes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled, grown
from .roads import RoadGraph

Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

ALONG_A_ROAD = 2  # neighbours of a node that is no crossing: eliminating up to here leaves crossings alone
MOST_NEIGHBOURS = 6  # beyond this the arcs that come cost more than the nodes that go (measured on Denmark)
CLOSED = 2**29  # stands for "no way", also in a sum of two times; no trip takes six days


def eliminate(graph: RoadGraph, keep: Ints, *, most_neighbours: int = MOST_NEIGHBOURS) -> tuple[RoadGraph, Ints]:
    """
    Take nodes with few neighbours out of a graph, one by one, the fewest first.

    Where a node goes, each two of its neighbours get an arc as long as the way through it, unless they have a
    shorter one: the elimination of a vertex as in contraction hierarchies (Geisberger et al. 2008), without the
    search for witnesses. Dead ends vanish, roads become one arc, a crossing of three becomes a triangle. A node
    of more than three neighbours stays if more new arcs would come than old ones go.

    Parameters
    ----------
    graph
        Any road graph; of several arcs between the same nodes the fastest counts.
    keep
        Nodes that must stay.
    most_neighbours
        No node with more of them goes.

    Returns
    -------
    tuple of RoadGraph and array
        The smaller graph, in which every time between two of its nodes is the same as before, and for each node
        of the old graph its number in the new one, -1 where it was taken out.

    References
    ----------
    Geisberger, R., Sanders, P., Schultes, D., Delling, D. (2008). Contraction hierarchies: faster and simpler
    hierarchical routing in road networks. WEA 2008, LNCS 5038, 319-333.
    """
    stays = np.zeros(graph.n_nodes, dtype=np.bool_)
    stays[keep] = True
    indptr, targets, ms = _eliminate(graph.indptr, graph.targets, graph.ms, stays, most_neighbours)
    kept = np.flatnonzero(stays)
    node_of = np.full(graph.n_nodes, -1, dtype=np.int32)
    node_of[kept] = np.arange(len(kept), dtype=np.int32)
    return RoadGraph(np.append(indptr[kept], indptr[-1]), node_of[targets], ms), node_of


@compiled
def _join(  # noqa: PLR0913, PLR0917
    arcs: Ints, rows: Longs, n_used: int, a: int, b: int, there: int, back: int
) -> tuple[Ints, int]:
    """
    Note at node a that b is `there` ms away and `back` ms back; of several ways the fastest stays.

    ``arcs[rows[a, 0]: rows[a, 0] + rows[a, 1]]`` are a's neighbours with both times; ``rows[a, 2]`` is how many there
    is room for. A full list moves to the end of the table. Returns the table and how much of it is used.
    """
    start, count, room = rows[a]
    for k in range(start, start + count):
        if arcs[k, 0] == b:
            arcs[k, 1] = min(arcs[k, 1], there)
            arcs[k, 2] = min(arcs[k, 2], back)
            return arcs, n_used
    if count == room:
        while n_used + 2 * room + 2 > len(arcs):
            arcs = grown(arcs)
        arcs[n_used : n_used + count] = arcs[start : start + count]
        rows[a, 0], rows[a, 2] = n_used, 2 * room + 2
        n_used += 2 * room + 2
        start = rows[a, 0]
    arcs[start + count, 0], arcs[start + count, 1], arcs[start + count, 2] = b, there, back
    rows[a, 1] += 1
    return arcs, n_used


@compiled
def _part(arcs: Ints, rows: Longs, a: int, b: int) -> None:
    """Strike b off the neighbours of a."""
    start, count = rows[a, 0], rows[a, 1]
    for k in range(start, start + count):
        if arcs[k, 0] == b:
            arcs[k] = arcs[start + count - 1]
            rows[a, 1] -= 1
            return


@compiled
def _new_pairs(arcs: Ints, rows: Longs, node: int) -> int:
    """Count the pairs of a node's neighbours that are not neighbours yet."""
    start, count = rows[node, 0], rows[node, 1]
    missing = 0
    for i in range(start, start + count):
        for j in range(i + 1, start + count):
            a, b = arcs[i, 0], arcs[j, 0]
            if rows[a, 1] > rows[b, 1]:
                a, b = b, a
            known = False
            for k in range(rows[a, 0], rows[a, 0] + rows[a, 1]):
                known |= arcs[k, 0] == b
            missing += not known
    return missing


@compiled
def _neighbours(indptr: Longs, targets: Ints, ms: Ints) -> tuple[Ints, Longs, int]:
    """List the neighbours of every node as `_join` keeps them: an arc is noted at both its ends."""
    n_nodes = len(indptr) - 1
    rows = np.zeros((n_nodes, 3), dtype=np.int64)
    for node in range(n_nodes):
        rows[node, 2] += indptr[node + 1] - indptr[node]
        for k in range(indptr[node], indptr[node + 1]):
            rows[targets[k], 2] += 1
    n_used = 0
    for node in range(n_nodes):
        rows[node, 0] = n_used
        n_used += rows[node, 2]
    arcs = np.empty((n_used + 1024, 3), dtype=np.int32)
    for node in range(n_nodes):
        for k in range(indptr[node], indptr[node + 1]):
            if targets[k] != node:
                arcs, n_used = _join(arcs, rows, n_used, node, targets[k], ms[k], CLOSED)
                arcs, n_used = _join(arcs, rows, n_used, targets[k], node, CLOSED, ms[k])
    return arcs, rows, n_used


@compiled
def _eliminate(indptr: Longs, targets: Ints, ms: Ints, stays: Bools, most_neighbours: int) -> tuple[Longs, Ints, Ints]:
    """
    Eliminate; see `eliminate`. Turns `stays` from "must stay" into "has stayed".

    Returns the arcs in rows of the old numbers; the rows of nodes that left are empty.
    """
    n_nodes = len(indptr) - 1
    arcs, rows, n_used = _neighbours(indptr, targets, ms)
    must_stay = stays.copy()
    stays[:] = True
    queue = np.empty(n_nodes, dtype=np.int32)
    waits = np.zeros(n_nodes, dtype=np.bool_)
    for most in range(1, most_neighbours + 1):
        n_queued = 0
        for node in range(n_nodes - 1, -1, -1):  # the stack gives the lowest number first
            if stays[node] and not must_stay[node] and rows[node, 1] <= most:
                queue[n_queued], waits[node] = node, True
                n_queued += 1
        while n_queued > 0:
            n_queued -= 1
            node = queue[n_queued]
            waits[node] = False
            start, count = rows[node, 0], rows[node, 1]
            if count > most or (count > 3 and _new_pairs(arcs, rows, node) > count):
                continue
            stays[node] = False
            for i in range(start, start + count):
                _part(arcs, rows, arcs[i, 0], node)
            for i in range(start, start + count):
                for j in range(i + 1, start + count):
                    a, b = arcs[i, 0], arcs[j, 0]
                    there = min(arcs[i, 2] + arcs[j, 1], CLOSED)
                    back = min(arcs[j, 2] + arcs[i, 1], CLOSED)
                    if there < CLOSED or back < CLOSED:
                        arcs, n_used = _join(arcs, rows, n_used, a, b, there, back)
                        arcs, n_used = _join(arcs, rows, n_used, b, a, back, there)
            for i in range(start, start + count):
                other = arcs[i, 0]
                if not must_stay[other] and not waits[other] and rows[other, 1] <= most:
                    queue[n_queued], waits[other] = other, True
                    n_queued += 1
            rows[node, 1] = 0
    return _rows(arcs, rows)


@compiled
def _rows(arcs: Ints, rows: Longs) -> tuple[Longs, Ints, Ints]:
    """Write the arcs that are open into compressed sparse rows, neighbours in ascending order."""
    n_nodes = len(rows)
    indptr = np.zeros(n_nodes + 1, dtype=np.int64)
    for node in range(n_nodes):
        indptr[node + 1] = indptr[node]
        for k in range(rows[node, 0], rows[node, 0] + rows[node, 1]):
            indptr[node + 1] += arcs[k, 1] < CLOSED
    targets = np.empty(indptr[n_nodes], dtype=np.int32)
    ms = np.empty(indptr[n_nodes], dtype=np.int32)
    for node in range(n_nodes):
        free = indptr[node]
        for k in range(rows[node, 0], rows[node, 0] + rows[node, 1]):
            if arcs[k, 1] < CLOSED:
                place = free
                while place > indptr[node] and targets[place - 1] > arcs[k, 0]:
                    targets[place], ms[place] = targets[place - 1], ms[place - 1]
                    place -= 1
                targets[place], ms[place] = arcs[k, 0], arcs[k, 1]
                free += 1
    return indptr, targets, ms
