"""Road lines to a routable graph, and places onto it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .compiled import compiled
from .errors import InputError
from .study import TravelOptions

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

USEFUL_NODES = 500  # a component of fewer vertices is a loose end, unless nothing better is near
FAR_M = 2_000.0  # a place farther from any road than this has none
LONG_SNAP_M = 500.0  # worth telling the reader
VERTEX_GRID_M = 0.01  # vertices closer than this are one
CLASSES_WITHOUT_BIKES = ("motorway", "trunk")  # nobody walks or cycles there


@dataclass(frozen=True)
class RoadNetwork:
    """
    Every vertex of every road, before anything is contracted.

    Segment k joins vertices `tail[k]` and `head[k]`: `forward[k]` minutes one way, `backward[k]` the other, infinite
    where that way is closed. `xy` is in metres, shape (vertices, 2); `component` numbers the parts within which every
    vertex reaches every other.
    """

    xy: Floats
    tail: Ints
    head: Ints
    forward: Floats
    backward: Floats
    component: Ints


@dataclass(frozen=True)
class RoadGraph:
    """
    Compressed sparse rows: the arcs out of node n are ``targets[indptr[n]:indptr[n + 1]]``, with their minutes (> 0).

    No two arcs join the same nodes in the same direction.
    """

    indptr: NDArray[np.int64]
    targets: Ints
    minutes: Floats

    @property
    def n_nodes(self) -> int:
        """How many nodes the graph has."""
        return len(self.indptr) - 1

    def reversed(self) -> RoadGraph:
        """Turn every arc round."""
        tails = np.repeat(np.arange(self.n_nodes, dtype=np.int32), np.diff(self.indptr))
        return graph_of_arcs(self.targets, tails, self.minutes, n_nodes=self.n_nodes)


@dataclass(frozen=True)
class Snapping:
    """Where places meet the network: the vertex, -1 where no road is near, and the distance to it in metres."""

    vertex: Ints
    distance_m: Floats


def graph_of_arcs(tails: Ints, heads: Ints, minutes: Floats, *, n_nodes: int) -> RoadGraph:
    """Sort arcs into rows; of several between the same nodes the fastest stays."""
    order = np.lexsort((minutes, heads, tails))
    tails, heads, minutes = tails[order], heads[order], minutes[order]
    first = np.ones(len(tails), dtype=bool)
    first[1:] = (np.diff(tails) != 0) | (np.diff(heads) != 0)
    counts = np.bincount(tails[first], minlength=n_nodes)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return RoadGraph(indptr, heads[first].astype(np.int32), minutes[first])


def read_network(roads: gpd.GeoDataFrame, options: TravelOptions) -> RoadNetwork:
    """
    Turn road lines into a network whose vertices are the lines' vertices, joined where lines share one.

    Parameters
    ----------
    roads
        Lines in metres with `road_class` and, where known, `speed_kmh` (posted) and `oneway`.
    options
        Mode and speeds. By car, minutes are length / (posted limit x factor of the class); by bike and on foot the
        mode's plain speed holds on every class but motorways and trunk roads. `oneway` is obeyed as it stands: the
        sources set it for the mode.

    Raises
    ------
    InputError
        If no road is open to the mode.
    """
    speed_kmh = _speeds(roads, options)
    roads, speed_kmh = roads[speed_kmh > 0], speed_kmh[speed_kmh > 0]
    if roads.empty:
        raise InputError(f"no road is open to mode {options.mode!r}", where="roads", advice="check road_class")
    points, line = shapely.get_coordinates(roads.geometry.to_numpy(), return_index=True)
    vertex, xy = _shared_vertices(points)
    same_line = line[1:] == line[:-1]
    keep = same_line & (vertex[1:] != vertex[:-1])
    tail, head, line = vertex[:-1][keep], vertex[1:][keep], line[1:][keep]
    length_m = np.hypot(*(points[1:] - points[:-1])[keep].T)
    minutes = length_m / 1000 / speed_kmh[line] * 60
    oneway = roads["oneway"].to_numpy(dtype=object)[line] if "oneway" in roads else np.full(len(line), "both")
    forward = np.where(oneway == "backward", np.inf, minutes)
    backward = np.where(oneway == "forward", np.inf, minutes)
    return RoadNetwork(xy, tail, head, forward, backward, _components(tail, head, forward, backward, len(xy)))


def link_network(links: pd.DataFrame, villages: gpd.GeoDataFrame, options: TravelOptions) -> RoadNetwork:
    """
    Turn village-to-village links into a network whose vertices are the villages, in their order.

    Minutes are `road_km` at the speed of the link's class; a class the speeds do not know counts as secondary.
    """
    place = pd.Index(villages["village_id"])
    tail = place.get_indexer(pd.Index(links["village_a"])).astype(np.int32)
    head = place.get_indexer(pd.Index(links["village_b"])).astype(np.int32)
    speeds = options.speed_of_class()
    classes = links["road_class"] if "road_class" in links else pd.Series("secondary", index=links.index)
    known = classes.where(classes.isin(list(speeds)), "secondary")
    by_car = known.map({key: speed.posted_kmh * speed.factor for key, speed in speeds.items()}).to_numpy(float)
    speed_kmh = by_car if options.mode == "car" else np.full(len(links), options.plain_speed_kmh[options.mode])
    # a link of no length would be no arc at all to SciPy; a millisecond is nothing to a driver
    minutes = np.maximum(links["road_km"].to_numpy(float) / speed_kmh * 60, 1e-5)
    xy = shapely.get_coordinates(villages.geometry.to_numpy())
    return RoadNetwork(xy, tail, head, minutes, minutes, _components(tail, head, minutes, minutes, len(xy)))


def _speeds(roads: gpd.GeoDataFrame, options: TravelOptions) -> Floats:
    """Speed on each road in km/h; 0 where the mode may not go."""
    classes = roads["road_class"].astype(object)
    if options.mode != "car":
        closed = classes.isin(CLASSES_WITHOUT_BIKES).to_numpy()
        return np.where(closed, 0.0, options.plain_speed_kmh[options.mode])
    table = options.speed_of_class()
    assumed = classes.map({key: speed.posted_kmh for key, speed in table.items()}).to_numpy(float)
    factor = classes.map({key: speed.factor for key, speed in table.items()}).to_numpy(float)
    posted = roads["speed_kmh"].to_numpy(float) if "speed_kmh" in roads else np.full(len(roads), np.nan)
    speed_kmh: Floats = np.nan_to_num(np.where(posted > 0, posted, assumed) * factor)
    return speed_kmh


def _shared_vertices(points: Floats) -> tuple[Ints, Floats]:
    """Give each point its number among the distinct ones, and those distinct points."""
    grid = np.round((points - points.min(axis=0)) / VERTEX_GRID_M).astype(np.int64)
    key = grid[:, 0] * (grid[:, 1].max() + 1) + grid[:, 1]
    _, first, vertex = np.unique(key, return_index=True, return_inverse=True)
    return vertex.astype(np.int32), points[first]


def _components(tail: Ints, head: Ints, forward: Floats, backward: Floats, n_vertices: int) -> Ints:
    """Give a number to each strongly connected parts; without one-way roads these are the connected parts."""
    ahead, back = np.isfinite(forward), np.isfinite(backward)
    one_way = not (ahead.all() and back.all())
    rows = np.concatenate([tail[ahead], head[back]]) if one_way else tail
    columns = np.concatenate([head[ahead], tail[back]]) if one_way else head
    arcs = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(n_vertices, n_vertices))
    _, component = connected_components(arcs.tocsr(), directed=one_way, connection="strong")
    return component.astype(np.int32)


def snap(points: Floats, network: RoadNetwork) -> Snapping:
    """
    Find the vertex at which each place meets the network.

    That is the nearest vertex of a useful component (at least 500 vertices) within 2 km; where there is none, the
    nearest vertex of a largest component within 2 km; otherwise none.

    Parameters
    ----------
    points
        Positions in the network's metres, shape (places, 2).
    """
    size = np.bincount(network.component)[network.component]
    useful = np.flatnonzero(size >= USEFUL_NODES)
    vertex = np.full(len(points), -1, dtype=np.int32)
    distance = np.full(len(points), np.inf)
    if len(useful) and len(points):
        away, nearest = (np.asarray(found) for found in _tree(network.xy[useful]).query(points))
        distance = np.where(away <= FAR_M, away, np.inf)
        found = np.isfinite(distance)
        vertex[found] = useful[nearest[found]]
    lost = np.flatnonzero(vertex < 0)
    small = np.flatnonzero(size < USEFUL_NODES)
    if len(lost) and len(small):
        near = _tree(network.xy[small]).query_ball_point(points[lost], FAR_M)
        for place, within in zip(lost, near, strict=True):
            if within:
                there = small[np.sort(np.asarray(within))]
                away = np.hypot(*(network.xy[there] - points[place]).T)
                best = np.lexsort((there, away, -size[there]))[0]
                vertex[place], distance[place] = there[best], away[best]
    return Snapping(vertex, np.where(vertex >= 0, distance, np.inf))


def _tree(points: Floats) -> cKDTree:
    return cKDTree(points, balanced_tree=False, compact_nodes=False)


def contract(network: RoadNetwork, keep: Ints) -> tuple[RoadGraph, Ints]:
    """
    Leave out every vertex that no route needs to know: dead ends, and the vertices along a road.

    Exact: times between kept vertices stay the same, summed segment by segment.

    Parameters
    ----------
    network
        The whole network.
    keep
        Vertices that must stay nodes (origins and destinations).

    Returns
    -------
    tuple of RoadGraph and array
        The graph, and for each vertex its node, -1 where it was left out.
    """
    n_vertices = len(network.xy)
    wanted = np.zeros(n_vertices, dtype=bool)
    wanted[keep] = True
    half_from = np.concatenate([network.tail, network.head])
    half_to = np.concatenate([network.head, network.tail])
    half_minutes = np.concatenate([network.forward, network.backward])
    by_vertex = np.argsort(half_from, kind="stable")
    indptr = np.concatenate([[0], np.cumsum(np.bincount(half_from, minlength=n_vertices))]).astype(np.int64)
    stays = _nodes_that_stay(wanted, indptr, by_vertex, half_to)
    tails, heads, minutes = _walk_chains(stays, indptr, by_vertex, half_to, half_minutes)
    nodes = np.flatnonzero(stays == 2)
    node_of = np.full(n_vertices, -1, dtype=np.int32)
    node_of[nodes] = np.arange(len(nodes), dtype=np.int32)
    open_way = np.isfinite(minutes) & (tails != heads)
    graph = graph_of_arcs(node_of[tails[open_way]], node_of[heads[open_way]], minutes[open_way], n_nodes=len(nodes))
    return graph, node_of


@compiled
def _nodes_that_stay(wanted: NDArray[np.bool_], indptr: Longs, by_vertex: Longs, half_to: Ints) -> NDArray[np.int8]:
    """
    Tell vertices apart: 0 in a dead end, 1 along a road, 2 a node.

    Dead ends are peeled off one by one: an unwanted vertex with one road left goes, and its neighbour has one less.
    """
    n_vertices = len(wanted)
    left = np.empty(n_vertices, dtype=np.int32)
    for vertex in range(n_vertices):
        left[vertex] = indptr[vertex + 1] - indptr[vertex]
    stays = np.full(n_vertices, 2, dtype=np.int8)
    for start in range(n_vertices):
        vertex = start
        while left[vertex] <= 1 and not wanted[vertex] and stays[vertex] == 2:
            stays[vertex] = 0
            for k in range(indptr[vertex], indptr[vertex + 1]):
                neighbour = half_to[by_vertex[k]]
                if stays[neighbour] == 2:
                    left[neighbour] -= 1
                    vertex = neighbour
    for vertex in range(n_vertices):
        if stays[vertex] == 2 and left[vertex] == 2 and not wanted[vertex]:
            stays[vertex] = 1
    return stays


@compiled
def _walk_chains(
    stays: NDArray[np.int8], indptr: Longs, by_vertex: Longs, half_to: Ints, half_minutes: Floats
) -> tuple[Ints, Ints, Floats]:
    """Walk from every node along each of its roads to the next node; minutes add up on the way."""
    n_vertices = len(stays)
    n_segments = len(half_to) // 2
    n_arcs = 0
    for vertex in range(n_vertices):
        if stays[vertex] == 2:
            for k in range(indptr[vertex], indptr[vertex + 1]):
                n_arcs += stays[half_to[by_vertex[k]]] > 0
    tails = np.empty(n_arcs, dtype=np.int32)
    heads = np.empty(n_arcs, dtype=np.int32)
    minutes = np.empty(n_arcs, dtype=np.float64)
    arc = 0
    for start in range(n_vertices):
        if stays[start] != 2:
            continue
        for k in range(indptr[start], indptr[start + 1]):
            half = by_vertex[k]
            if stays[half_to[half]] == 0:
                continue
            total = half_minutes[half]
            here = half_to[half]
            while stays[here] == 1:
                twin = half - n_segments if half >= n_segments else half + n_segments
                for j in range(indptr[here], indptr[here + 1]):
                    other = by_vertex[j]
                    if other != twin and stays[half_to[other]] > 0:
                        half = other
                        break
                total += half_minutes[half]
                here = half_to[half]
            tails[arc], heads[arc], minutes[arc] = start, here, total
            arc += 1
    return tails, heads, minutes
