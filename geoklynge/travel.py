"""Minutes from every village to every village and service within the horizon, and why the others are absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from .compiled import HAS_NUMBA
from .errors import InputError
from .roads import (
    LONG_SNAP_M,
    RoadGraph,
    RoadNetwork,
    Snapping,
    contract,
    link_network,
    read_network,
    snap,
)
from .routing import nearest_seed, reach_destinations
from .study import TravelOptions
from .tables import Finding, Tables

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Engine = Literal["numba", "scipy"]

CHUNK = 128  # origins a task; bounds the memory of a task's dense rows in SciPy


class Absence(Enum):
    """Why a pair has no minutes."""

    OVER_LIMIT = "over the limit"
    OTHER_COMPONENT = "no road between"
    FAR_FROM_ROAD = "too far from a road"


class Basis(Enum):
    """What the minutes were measured on."""

    ROADS = "roads"
    LINKS = "links"
    STRAIGHT_LINES = "straight lines"


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

    `node` is -1 for a place without a road; `access_minutes` is the way between the place and its node.
    """

    node: Ints
    access_minutes: Floats


@dataclass(frozen=True)
class Travel:
    """
    All travel of a study.

    Attributes
    ----------
    between
        Village to village, directed, without the way from a village to itself.
    to_services
        Village to service.
    nearest
        One row a village (its id is the index), one column a category: minutes to the nearest facility, however far;
        missing where no road leads to one.
    component
        Part of the network each village lies in, -1 without a road.
    basis
        Roads, links or straight lines.
    findings
        Long ways to the nearest road, places without any.
    """

    between: Trips
    to_services: Trips
    nearest: pd.DataFrame
    component: Ints
    basis: Basis
    findings: tuple[Finding, ...]

    def why_absent(self, origin: int, destination: int) -> Absence:
        """Say why village row `origin` has no minutes to village row `destination`."""
        if min(self.component[origin], self.component[destination]) < 0:
            return Absence.FAR_FROM_ROAD
        if self.component[origin] != self.component[destination]:
            return Absence.OTHER_COMPONENT
        return Absence.OVER_LIMIT


def measure_travel(tables: Tables, options: TravelOptions, *, engine: Engine | None = None) -> Travel:
    """
    Measure travel over the study's roads, else over its links, else along straight lines.

    Parameters
    ----------
    tables
        The study's tables.
    options
        Mode, horizon and speeds.
    engine
        The compiled kernel, or SciPy; by default the kernel where numba is installed. Both find the same pairs.
    """
    if tables.roads is not None:
        network = read_network(tables.roads, options)
        villages, services = (_xy(table) for table in (tables.villages, tables.services))
        snapped = snap(villages, network), snap(services, network)
        return _travel_on(network, snapped, Basis.ROADS, tables, options, engine)
    if tables.links is not None:
        network = link_network(tables.links, tables.villages, options)
        return _travel_on(network, _snap_to_links(tables), Basis.LINKS, tables, options, engine)
    return _travel_straight(tables, options)


def _xy(table: gpd.GeoDataFrame) -> Floats:
    points: Floats = shapely.get_coordinates(table.geometry.to_numpy())
    return points


def _snap_to_links(tables: Tables) -> tuple[Snapping, Snapping]:
    """Villages are the vertices themselves; a service meets the network in its village, else in the nearest."""
    villages, services = _xy(tables.villages), _xy(tables.services)
    own = np.arange(len(villages), dtype=np.int32)
    row = pd.Series(own, index=tables.villages["village_id"])
    stands_in = tables.services["village_id"].map(row)
    _, nearest = cKDTree(villages).query(services)
    vertex = np.where(stands_in.isna(), nearest, stands_in.fillna(0)).astype(np.int32)
    return Snapping(own, np.zeros(len(own))), Snapping(vertex, np.hypot(*(services - villages[vertex]).T))


def _travel_on(
    network: RoadNetwork,
    snapped: tuple[Snapping, Snapping],
    basis: Basis,
    tables: Tables,
    options: TravelOptions,
    engine: Engine | None,
) -> Travel:
    villages, services = snapped
    keep = np.concatenate([villages.vertex, services.vertex])
    graph, node_of = contract(network, np.unique(keep[keep >= 0]))
    homes, facilities = (_places(each, node_of, options) for each in snapped)
    everywhere = Places(
        np.concatenate([homes.node, facilities.node]),
        np.concatenate([homes.access_minutes, facilities.access_minutes]),
    )
    trips = travel_between(graph, homes, everywhere, options.max_minutes, engine=engine)
    between, to_services = _split(trips, len(homes.node))
    component = np.where(villages.vertex >= 0, network.component[villages.vertex], -1).astype(np.int32)
    return Travel(
        between,
        to_services,
        _nearest_on(graph, homes, facilities, tables),
        component,
        basis,
        _snap_findings(snapped, tables, basis) + _cut_off_findings(component, tables),
    )


def _places(snapped: Snapping, node_of: Ints, options: TravelOptions) -> Places:
    node = np.where(snapped.vertex >= 0, node_of[snapped.vertex], -1).astype(np.int32)
    return Places(node, snapped.distance_m / 1000 / options.off_road_speed_kmh * 60)


def travel_between(
    graph: RoadGraph,
    origins: Places,
    destinations: Places,
    max_minutes: float,
    *,
    engine: Engine | None = None,
) -> Trips:
    """
    Find every destination that an origin reaches within `max_minutes`, access at both ends included.

    Dijkstra's algorithm (1959) from each origin, stopped at the horizon; origins are shared over the machine's
    cores. A pair's time is the same whatever the number of cores.

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
    """
    engine = engine or ("numba" if HAS_NUMBA else "scipy")
    on_road = np.flatnonzero(destinations.node >= 0)
    by_node = on_road[np.argsort(destinations.node[on_road], kind="stable")].astype(np.int32)
    counts = np.bincount(destinations.node[on_road], minlength=graph.n_nodes)
    at_node = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def work(part: slice) -> tuple[NDArray[np.int64], Ints, Floats]:
        homes = Places(origins.node[part], origins.access_minutes[part])
        if engine == "numba":
            found = reach_destinations(
                graph.indptr, graph.targets, graph.minutes, homes.node, homes.access_minutes,
                float(max_minutes), at_node, by_node, destinations.access_minutes,
            )  # fmt: skip
            counts, destination, minutes = found
        else:
            counts, destination, minutes = _reach_with_scipy(graph, homes, destinations, max_minutes)
        return counts, destination, minutes

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        parts = list(workers.map(work, _slices(len(origins.node))))
    counts_all = np.concatenate([np.empty(0, dtype=np.int64), *(part[0] for part in parts)])
    destination = np.concatenate([np.empty(0, dtype=np.int32), *(part[1] for part in parts)])
    minutes = np.concatenate([np.empty(0), *(part[2] for part in parts)])
    indptr = np.concatenate([[0], np.cumsum(counts_all)]).astype(np.int64)
    order = np.lexsort((destination, np.repeat(np.arange(len(counts_all)), counts_all)))
    return Trips(indptr, destination[order], minutes[order])


def _slices(n: int) -> Iterator[slice]:
    return (slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK))


def _reach_with_scipy(
    graph: RoadGraph, homes: Places, destinations: Places, max_minutes: float
) -> tuple[NDArray[np.int64], Ints, Floats]:
    """Do the kernel's work with SciPy's Dijkstra: the fallback without numba, and the kernel's oracle."""
    matrix = csr_array((graph.minutes, graph.targets, graph.indptr), shape=(graph.n_nodes, graph.n_nodes))
    counts = np.zeros(len(homes.node), dtype=np.int64)
    found: list[tuple[Ints, Floats]] = []
    there = np.flatnonzero(destinations.node >= 0)
    for row, (node, access) in enumerate(zip(homes.node, homes.access_minutes, strict=True)):
        if node < 0 or access > max_minutes:
            continue
        on_road = dijkstra(matrix, indices=[int(node)], limit=float(max_minutes - access))[0]
        total = access + on_road[destinations.node[there]] + destinations.access_minutes[there]
        within = total <= max_minutes
        counts[row] = within.sum()
        found.append((there[within].astype(np.int32), total[within]))
    destination = np.concatenate([np.empty(0, dtype=np.int32), *(pair[0] for pair in found)])
    return counts, destination, np.concatenate([np.empty(0), *(pair[1] for pair in found)])


def _split(trips: Trips, n_villages: int) -> tuple[Trips, Trips]:
    """Part trips to villages (but not to oneself) from trips to services."""
    origin = trips.origins()
    to_village = (trips.destination < n_villages) & (trips.destination != origin)
    to_service = trips.destination >= n_villages
    return (
        _select(trips, origin, to_village, 0),
        _select(trips, origin, to_service, n_villages),
    )


def _select(trips: Trips, origin: Ints, chosen: NDArray[np.bool_], offset: int) -> Trips:
    counts = np.bincount(origin[chosen], minlength=len(trips.indptr) - 1)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Trips(indptr, (trips.destination[chosen] - offset).astype(np.int32), trips.minutes[chosen])


def _nearest_on(graph: RoadGraph, homes: Places, facilities: Places, tables: Tables) -> pd.DataFrame:
    """Minutes to the nearest facility of each category: one search a category, from all its facilities at once."""
    backwards = graph.reversed()
    category = tables.services["category"].to_numpy(dtype=object)
    columns = {}
    for key in sorted(set(category)):
        seeds = np.flatnonzero((category == key) & (facilities.node >= 0))
        minutes = nearest_seed(
            backwards.indptr, backwards.targets, backwards.minutes,
            facilities.node[seeds], facilities.access_minutes[seeds],
        )  # fmt: skip
        reached = np.full(len(homes.node), np.inf)
        on_road = homes.node >= 0
        reached[on_road] = minutes[homes.node[on_road]] + homes.access_minutes[on_road]
        columns[key] = np.where(np.isfinite(reached), reached, np.nan)
    return pd.DataFrame(columns, index=pd.Index(tables.villages["village_id"], name="village_id"))


def _snap_findings(ends: tuple[Snapping, Snapping], tables: Tables, basis: Basis) -> tuple[Finding, ...]:
    findings = []
    there = "their road" if basis is Basis.ROADS else "the village they count at"
    for word, snapped, table in (("villages", ends[0], tables.villages), ("services", ends[1], tables.services)):
        names = table["name"].astype(object).to_numpy()
        none = np.flatnonzero(snapped.vertex < 0)
        if len(none):
            text = f"{word} with no road within 2 km, which reach nothing: {len(none)} of {len(table)}"
            findings.append(Finding(f"{word}_without_road", len(none), text, _some(names[none])))
        long = np.flatnonzero((snapped.vertex >= 0) & (snapped.distance_m > LONG_SNAP_M))
        if len(long):
            farthest = snapped.distance_m[long].max()
            text = (
                f"{word} more than {LONG_SNAP_M:g} m from {there}: {len(long)} of {len(table)}, "
                f"the farthest {farthest:.0f} m"
            )
            findings.append(Finding(f"{word}_far_from_road", len(long), text, _some(names[long])))
    return tuple(findings)


def _cut_off_findings(component: Ints, tables: Tables) -> tuple[Finding, ...]:
    """Villages with a road that leads to no other village: an island, or a gap in the data."""
    on_road = component >= 0
    alone = on_road & (np.bincount(component[on_road], minlength=1)[np.maximum(component, 0)] == 1)
    if not alone.any():
        return ()
    names = tables.villages["name"].astype(object).to_numpy()[alone]
    text = f"villages whose roads lead to no other village: {len(names)} of {len(component)}"
    return (Finding("villages_cut_off", len(names), text, _some(names)),)


def _some(names: NDArray[np.object_]) -> tuple[str, ...]:
    return tuple(str(name) for name in names[:5])


def _travel_straight(tables: Tables, options: TravelOptions) -> Travel:
    """Measure straight lines, lengthened by the detour factor, at the mode's plain speed."""
    minutes_per_m = options.detour / 1000 / options.plain_speed_kmh[options.mode] * 60
    villages, services = _xy(tables.villages), _xy(tables.services)
    if not len(villages):
        raise InputError("no village is left to measure from", where="villages")
    homes = cKDTree(villages)
    radius_m = options.max_minutes / minutes_per_m
    between = _within(homes, villages, radius_m, minutes_per_m, options.max_minutes)
    origin = between.origins()
    category = tables.services["category"].to_numpy(dtype=object)
    columns = {
        key: cKDTree(services[category == key]).query(villages)[0] * minutes_per_m for key in sorted(set(category))
    }
    nearest = pd.DataFrame(columns, index=pd.Index(tables.villages["village_id"], name="village_id"))
    return Travel(
        _select(between, origin, between.destination != origin, 0),
        _within(homes, services, radius_m, minutes_per_m, options.max_minutes),
        nearest,
        np.zeros(len(villages), dtype=np.int32),
        Basis.STRAIGHT_LINES,
        (),
    )


def _within(homes: cKDTree, there: Floats, radius_m: float, minutes_per_m: float, max_minutes: float) -> Trips:
    found = [np.empty(0, dtype=np.int64)] * homes.n
    if len(there):
        reached = cKDTree(there).query_ball_point(homes.data, radius_m * (1 + 1e-9), return_sorted=True)
        found = [np.asarray(rows, dtype=np.int64) for rows in reached]
    counts = np.array([len(rows) for rows in found], dtype=np.int64)
    destination = np.concatenate([np.empty(0, dtype=np.int64), *found]).astype(np.int32)
    origin = np.repeat(np.arange(homes.n), counts)
    minutes = np.hypot(*(there[destination] - homes.data[origin]).T) * minutes_per_m if len(there) else np.empty(0)
    everything = Trips(np.concatenate([[0], np.cumsum(counts)]).astype(np.int64), destination, minutes)
    return _select(everything, everything.origins(), minutes <= max_minutes, 0)
