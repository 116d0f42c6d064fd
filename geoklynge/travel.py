"""Minutes from every village to every village and service within the horizon, and why the others are absent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .contraction import eliminate
from .errors import InputError
from .progress import Tell, told_nobody
from .roads import (
    LONG_SNAP_M,
    LONGEST_MS,
    MS_PER_MINUTE,
    RoadGraph,
    RoadNetwork,
    Snapping,
    graph_of,
    link_network,
    read_network,
    snap,
)
from .study import Mode, Study, TravelOptions
from .tables import Finding, Tables
from .trips import Engine, Places, Trips, minutes_to_nearest, travel_between

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


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


def measure_travel(
    tables: Tables, options: TravelOptions, *, engine: Engine | None = None, tell: Tell = told_nobody
) -> Travel:
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
    tell
        Told how far the search for trips has come.
    """
    search = partial(travel_between, max_minutes=options.max_minutes, engine=engine, tell=tell)
    if tables.roads is not None:
        network = read_network(tables.roads, options)
        snapped = _snap_to_roads(_xy(tables.villages), _xy(tables.services), network)
        return _travel_on(network, snapped, Basis.ROADS, tables, options, search)
    if tables.links is not None:
        network = link_network(tables.links, tables.villages, options)
        snapped = _snap_to_links(_xy(tables.villages), _xy(tables.services), _villages_of(tables))
        return _travel_on(network, snapped, Basis.LINKS, tables, options, search)
    return _travel_straight(tables, options)


def measure_other_modes(tables: Tables, study: Study, *, tell: Tell = told_nobody) -> dict[Mode, Travel]:
    """
    Measure travel by the modes that the study's ties mix in beside its own; none where they mix in none.

    Each mode travels on its own roads where the sources gave them, within the same horizon.

    Parameters
    ----------
    tables
        The study's tables.
    study
        For the mixture, and the options that the modes share.
    tell
        Told how far each search has come.
    """
    return {
        mode: measure_travel(tables.by_mode(mode), study.travel.model_copy(update={"mode": mode}), tell=tell)
        for mode in study.mixture()
        if mode != study.travel.mode
    }


def travel_to_villages(
    tables: Tables,
    points: Floats,
    options: TravelOptions,
    *,
    engine: Engine | None = None,
    tell: Tell = told_nobody,
) -> Trips:
    """
    Measure the way from points of the land to the villages that they reach within the horizon.

    A point meets roads, links or straight lines as a service does.

    Parameters
    ----------
    tables
        The study's tables.
    points
        Positions in the tables' reference system (metres), shape (points, 2).
    options
        Mode, horizon and speeds.
    engine, tell
        See `measure_travel`.

    Returns
    -------
    Trips
        By village: origin is the village's row, destination the point's, and the minutes are those from the point to
        the village.
    """
    villages = _xy(tables.villages)
    if tables.roads is not None:
        network = read_network(tables.roads, options)
        snapped = _snap_to_roads(villages, points, network)
    elif tables.links is not None:
        network = link_network(tables.links, tables.villages, options)
        snapped = _snap_to_links(villages, points)
    else:
        minutes_per_m = _minutes_per_m(options)
        radius_m = options.max_minutes / minutes_per_m
        return _within(cKDTree(villages), points, radius_m, minutes_per_m, options.max_minutes)
    graph, homes, there = _settled(network, snapped, options)
    return travel_between(graph.reversed(), homes, there, options.max_minutes, engine=engine, tell=tell)


def _xy(table: gpd.GeoDataFrame) -> Floats:
    points: Floats = shapely.get_coordinates(table.geometry.to_numpy())
    return points


def _snap_to_roads(villages: Floats, others: Floats, network: RoadNetwork) -> tuple[Snapping, Snapping]:
    both, n_villages = snap(np.concatenate([villages, others]), network), len(villages)
    return (
        Snapping(both.vertex[:n_villages], both.distance_m[:n_villages]),
        Snapping(both.vertex[n_villages:], both.distance_m[n_villages:]),
    )


def _snap_to_links(villages: Floats, others: Floats, stands_in: pd.Series | None = None) -> tuple[Snapping, Snapping]:
    """Villages are the vertices themselves; others meet the network in the village they stand in, else the nearest."""
    own = np.arange(len(villages), dtype=np.int32)
    _, nearest = cKDTree(villages).query(others)
    if stands_in is not None:
        nearest = np.where(stands_in.isna(), nearest, stands_in.fillna(0))
    vertex = np.asarray(nearest, dtype=np.int32)
    return Snapping(own, np.zeros(len(own))), Snapping(vertex, np.hypot(*(others - villages[vertex]).T))


def _villages_of(tables: Tables) -> pd.Series:
    """Row of the village that each service stands in, missing where it stands in none."""
    row = pd.Series(np.arange(len(tables.villages)), index=tables.villages["village_id"])
    stands_in: pd.Series = tables.services["village_id"].map(row)
    return stands_in


def _travel_on(
    network: RoadNetwork,
    snapped: tuple[Snapping, Snapping],
    basis: Basis,
    tables: Tables,
    options: TravelOptions,
    search: Callable[[RoadGraph, Places, Places], Trips],
) -> Travel:
    villages, _ = snapped
    graph, homes, facilities = _settled(network, snapped, options)
    everywhere = Places(*(np.concatenate(ends) for ends in zip(_ends(homes), _ends(facilities), strict=True)))
    trips = search(graph, homes, everywhere)
    between, to_services = _split(trips, len(villages.vertex))
    component = np.where(villages.vertex >= 0, network.component[villages.vertex], -1).astype(np.int32)
    category = tables.services["category"].to_numpy(dtype=object)
    nearest = minutes_to_nearest(graph, facilities, category)
    return Travel(
        between,
        to_services,
        _nearest_of(homes, nearest, tables),
        component,
        basis,
        _snap_findings(snapped, tables, basis) + _cut_off_findings(component, tables),
    )


def _settled(
    network: RoadNetwork, snapped: tuple[Snapping, Snapping], options: TravelOptions
) -> tuple[RoadGraph, Places, Places]:
    """Put villages and others onto the least graph that has the same ways between them."""
    villages, others = snapped
    keep = np.concatenate([villages.vertex, others.vertex])
    whole, node_of = graph_of(network, keep[keep >= 0])
    everywhere = places_on(node_of, Snapping(keep, np.concatenate([villages.distance_m, others.distance_m])), options)
    graph, stays = eliminate(whole, everywhere.node[everywhere.node >= 0])
    node, access_ms = np.where(everywhere.node >= 0, stays[everywhere.node], -1), everywhere.access_ms
    cut = len(villages.vertex)
    return graph, Places(node[:cut], access_ms[:cut]), Places(node[cut:], access_ms[cut:])


def _ends(places: Places) -> tuple[Ints, Ints]:
    return places.node, places.access_ms


def places_on(node_of: Ints, snapped: Snapping, options: TravelOptions) -> Places:
    """Put snapped places onto the graph whose nodes `graph_of` numbers; the way to the road counts off-road speed."""
    node = np.where(snapped.vertex >= 0, node_of[snapped.vertex], -1).astype(np.int32)
    on_road = np.where(node >= 0, snapped.distance_m, 0.0)
    ms = np.rint(on_road / 1000 / options.off_road_speed_kmh * 60 * MS_PER_MINUTE)
    return Places(node, np.minimum(ms, LONGEST_MS).astype(np.int32))


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


def _nearest_of(homes: Places, nearest: dict[str, Floats], tables: Tables) -> pd.DataFrame:
    """Minutes from each village to the nearest of each category; missing where no road leads to one."""
    on_road = homes.node >= 0
    columns = {}
    for key, of_node in nearest.items():
        reached = np.full(len(homes.node), np.inf)
        reached[on_road] = of_node[homes.node[on_road]] + homes.access_ms[on_road] / MS_PER_MINUTE
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


def _minutes_per_m(options: TravelOptions) -> float:
    """Minutes a metre of straight line takes, detour counted."""
    return options.detour / 1000 / options.plain_speed_kmh[options.mode] * 60


def _travel_straight(tables: Tables, options: TravelOptions) -> Travel:
    """Measure straight lines, lengthened by the detour factor, at the mode's plain speed."""
    minutes_per_m = _minutes_per_m(options)
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
