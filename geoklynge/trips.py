"""Trips over a graph: everybody to everywhere within a horizon, and everywhere to the nearest of its kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from .compiled import HAS_NUMBA
from .progress import Tell, counted, told_nobody
from .roads import MS_PER_MINUTE, RoadGraph
from .routing import NEVER, nearest_seed, reach_destinations

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Engine = Literal["numba", "scipy"]

CHUNK = 128  # origins a task


@dataclass(frozen=True)
class Trips:
    """
    Minutes from origins to destinations, only pairs within the horizon.

    Origin i reaches ``destination[indptr[i]:indptr[i + 1]]`` (ascending row numbers) in ``minutes`` of the same
    slice. Zero is a real time; absence is absence.
    """

    indptr: NDArray[np.int64]
    destination: Ints
    minutes: Floats

    def origins(self) -> Ints:
        """Row number of the origin of every pair."""
        return np.repeat(np.arange(len(self.indptr) - 1, dtype=np.int32), np.diff(self.indptr))


@dataclass(frozen=True)
class Places:
    """
    Origins or destinations on a graph.

    `node` is -1 for a place without a road; `access_ms` is the way between the place and its node in milliseconds.
    """

    node: Ints
    access_ms: Ints


def travel_between(
    graph: RoadGraph,
    origins: Places,
    destinations: Places,
    max_minutes: float,
    *,
    engine: Engine | None = None,
    tell: Tell = told_nobody,
) -> Trips:
    """
    Find every destination that an origin reaches within `max_minutes`, access at both ends included.

    Dijkstra's algorithm (1959) from each origin, stopped at the horizon; origins are shared over the machine's
    cores. A pair's time is a sum of whole milliseconds, the same whatever the number of cores and the engine.

    Parameters
    ----------
    graph
        Where to travel.
    origins, destinations
        Places on the graph's nodes; those without a road reach nothing and are reached by nothing.
    max_minutes
        The horizon, itself included.
    engine
        See `measure_travel`.
    tell
        Told how many lots of origins are done.
    """
    engine = engine or ("numba" if HAS_NUMBA else "scipy")
    limit_ms = int(max_minutes * MS_PER_MINUTE + 1e-6)
    on_road = np.flatnonzero(destinations.node >= 0)
    by_node = on_road[np.argsort(destinations.node[on_road], kind="stable")].astype(np.int32)
    at_node = np.searchsorted(destinations.node[by_node], np.arange(graph.n_nodes + 1)).astype(np.int64)

    def work(part: slice) -> tuple[Longs, Ints, Ints]:
        homes = Places(origins.node[part], origins.access_ms[part])
        if engine == "scipy":
            return _reach_with_scipy(graph, homes, destinations, limit_ms)
        return reach_destinations(
            graph.indptr, graph.targets, graph.ms, homes.node, homes.access_ms,
            limit_ms, at_node, by_node, destinations.access_ms,
        )  # fmt: skip

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        slices = list(_slices(len(origins.node)))
        parts = list(counted(workers.map(work, slices), len(slices), tell))
    counts = np.concatenate([np.empty(0, dtype=np.int64), *(part[0] for part in parts)])
    destination = np.concatenate([np.empty(0, dtype=np.int32), *(part[1] for part in parts)])
    ms = np.concatenate([np.empty(0, dtype=np.int32), *(part[2] for part in parts)])
    return Trips(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), destination, ms / MS_PER_MINUTE)


def _slices(n: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK))


def _reach_with_scipy(graph: RoadGraph, homes: Places, destinations: Places, limit_ms: int) -> tuple[Longs, Ints, Ints]:
    """Do the kernel's work with SciPy's Dijkstra: the fallback without numba, and the kernel's oracle."""
    shape = (graph.n_nodes, graph.n_nodes)
    matrix = csr_array((graph.ms.astype(np.float64), graph.targets, graph.indptr), shape=shape)
    counts = np.zeros(len(homes.node), dtype=np.int64)
    found: list[tuple[Ints, Ints]] = []
    there = np.flatnonzero(destinations.node >= 0)
    for row, (node, access) in enumerate(zip(homes.node, homes.access_ms, strict=True)):
        if node < 0 or access > limit_ms:
            continue
        on_road = dijkstra(matrix, indices=[int(node)], limit=float(limit_ms - access))[0]
        total = access + on_road[destinations.node[there]] + destinations.access_ms[there]
        within = total <= limit_ms
        counts[row] = within.sum()
        found.append((there[within].astype(np.int32), total[within].astype(np.int32)))
    reached, ms = (np.concatenate([np.empty(0, dtype=np.int32), *(pair[k] for pair in found)]) for k in (0, 1))
    return counts, reached, ms


def minutes_to_nearest(graph: RoadGraph, facilities: Places, category: NDArray[np.object_]) -> dict[str, Floats]:
    """
    Measure the way from every node of a graph to the nearest facility of each category, however far.

    One search a category, from all its facilities at once, against the direction of the roads.

    Parameters
    ----------
    graph
        Where to travel.
    facilities
        Places on the graph.
    category
        Category of each facility, shape (facilities,).

    Returns
    -------
    dict
        For each category that occurs, in alphabetical order, minutes by node; infinite where no facility is reached.
    """
    backwards = graph.reversed()
    keys = sorted(set(category))

    def search(key: str) -> Floats:
        seeds = np.flatnonzero((category == key) & (facilities.node >= 0))
        ms = nearest_seed(
            backwards.indptr, backwards.targets, backwards.ms, facilities.node[seeds], facilities.access_ms[seeds]
        )
        return np.where(ms < NEVER, ms / MS_PER_MINUTE, np.inf)

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        return dict(zip(keys, workers.map(search, keys), strict=True))
