"""The checker's own network: roads split where they meet, else links between villages, else straight lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from ..study import RoadSpeed, TravelOptions
from ..tables import Roads, Tables
from .cells import Cells
from .snapping import nearest_vertices
from .thinning import Ways, thinned

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLOCK = 1 << 20  # points measured at a time: a country's roads in one go would take three times their own memory


@dataclass(frozen=True)
class Network:
    """
    Nodes and arcs of the checker's own.

    Attributes
    ----------
    xy
        Position of each node in metres, shape (nodes, 2); nodes are numbered cell by cell.
    cells
        The cells they lie in.
    arcs
        Minutes from node to node; None where everybody travels in straight lines.
    node
        Where each village stands, -1 for one that is far from any road or not asked for.
    access_minutes
        What each village needs to its node.
    metres_per_minute
        No arc leads farther in a minute, as the crow flies; in straight lines, the speed itself.
    """

    xy: Floats
    cells: Cells
    arcs: csr_array | None
    node: Longs
    access_minutes: Floats
    metres_per_minute: float


def build_network(members: Longs, tables: Tables, options: TravelOptions) -> Network:
    """
    Build the network on which the plan is measured again.

    Parameters
    ----------
    members
        Rows of the villages that are in a cluster; only these are brought to a road.
    tables
        With roads, else links; without both, everybody travels in straight lines.
    options
        Mode and speeds.
    """
    places = shapely.get_coordinates(tables.villages.geometry)
    if tables.roads is not None:
        return _of_roads(tables.roads, places, np.unique(members), options)
    cells, order = Cells.over(places)
    node = np.empty(len(order), dtype=np.int64)
    node[order] = np.arange(len(order))
    arcs, metres_per_minute = None, 1000 * options.plain_speed_kmh[options.mode] / (60 * options.detour)
    if tables.links is not None:
        arcs = _of_links(tables.links, pd.Series(node, tables.villages["village_id"]), options)
        metres_per_minute = _top_speed(arcs, places[order])
    return Network(places[order], cells, arcs, node, np.zeros(len(node)), metres_per_minute)


def _of_links(links: pd.DataFrame, node: pd.Series, options: TravelOptions) -> csr_array:
    """Arcs along the links, given the node of each village id; a class without a speed counts as secondary."""
    a, b = (links[end].map(node).to_numpy(np.int64) for end in ("village_a", "village_b"))
    if options.mode == "car":
        speeds = {name: speed.posted_kmh * speed.factor for name, speed in options.speed_of_class().items()}
        classes = links.get("road_class", pd.Series("secondary", index=links.index)).astype(object)
        kmh = classes.map(speeds).fillna(speeds["secondary"]).to_numpy(np.float64)
    else:
        kmh = np.full(len(links), options.plain_speed_kmh[options.mode])
    minutes = np.maximum(links["road_km"].to_numpy(dtype=np.float64) * 60 / kmh, 1e-5)
    return _fastest(np.concatenate([a, b]), np.concatenate([b, a]), np.tile(minutes, 2), len(node))


def _of_roads(roads: Roads, villages: Floats, wanted: Longs, options: TravelOptions) -> Network:
    """Split every line where another one meets it, where it ends, and where a village joins it."""
    kmh = _kmh(roads, options)
    roads, kmh = roads.take(kmh > 0), kmh[kmh > 0]
    is_node = meeting_points(roads)
    joins, distance_m = np.full(len(villages), -1, dtype=np.int64), np.full(len(villages), np.inf)
    joins[wanted], distance_m[wanted] = nearest_vertices(villages[wanted], roads.xy, sizes_of_parts(roads, is_node))
    is_node[joins[joins >= 0]] = True
    first, last, line = _pieces(roads, is_node)
    minutes = _lengths_m(roads, first) * 60 / (1000 * kmh[line])
    nodes = np.flatnonzero(is_node)
    node_of = _numbers(nodes, len(roads.xy))
    is_stop = np.zeros(len(nodes), dtype=bool)
    is_stop[node_of[joins[joins >= 0]]] = True
    ways = Ways(node_of[roads.vertex[first]], node_of[roads.vertex[last]], minutes, roads.oneway[line])
    ways = thinned(ways, is_stop)
    kept = np.flatnonzero(is_stop | (ways.ends_at(len(nodes)) > 0))
    cells, order = Cells.over(roads.xy[nodes[kept]])
    kept = kept[order]
    number, xy = _numbers(kept, len(nodes)), roads.xy[nodes[kept]]
    tails, heads, of_way = _open_ways(number[ways.tail], number[ways.head], ways.oneway)
    arcs = _fastest(tails, heads, ways.minutes[of_way], len(kept))
    node = np.where(joins >= 0, number[node_of[joins]], -1).astype(np.int64)
    access_minutes = distance_m * 60 / (1000 * options.off_road_speed_kmh)
    return Network(xy, cells, arcs, node, access_minutes, _top_speed(arcs, xy))


def _numbers(chosen: Longs, n_all: int) -> Ints:
    """Place of each thing among those chosen; -1 for one that is not."""
    numbers = np.full(n_all, -1, dtype=np.int32)
    numbers[chosen] = np.arange(len(chosen), dtype=np.int32)
    return numbers


def _kmh(roads: Roads, options: TravelOptions) -> Floats:
    """Speed on each line; 0 where the mode may not go."""
    if options.mode != "car":
        plain = options.plain_speed_kmh[options.mode]
        return np.array([0.0 if name in {"motorway", "trunk"} else plain for name in roads.classes])[roads.class_of]
    table: Mapping[str, RoadSpeed] = options.speed_of_class()
    known = [table.get(name) for name in roads.classes]
    posted = np.array([speed.posted_kmh if speed else 0.0 for speed in known])[roads.class_of]
    factor = np.array([speed.factor if speed else 0.0 for speed in known])[roads.class_of]
    kmh: Floats = np.where(roads.speed_kmh > 0, roads.speed_kmh, posted) * factor
    return kmh


def meeting_points(roads: Roads) -> Bools:
    """Tell the vertices at which a line ends, meets another or comes back to itself."""
    meets: Bools = np.bincount(roads.vertex, minlength=len(roads.xy)) > 1
    meets[roads.vertex[roads.indptr[:-1]]] = True
    meets[roads.vertex[roads.indptr[1:] - 1]] = True
    return meets


def _pieces(roads: Roads, is_node: Bools) -> tuple[Longs, Longs, Longs]:
    """Cut the lines at their nodes: place of the first and of the last point of each piece, and its line."""
    cuts = np.flatnonzero(is_node[roads.vertex])
    line = np.searchsorted(roads.indptr, cuts, side="right") - 1
    piece = np.flatnonzero(line[1:] == line[:-1])
    return cuts[piece], cuts[piece + 1], line[piece]


def _open_ways(tail: Ints, head: Ints, oneway: NDArray[np.int8]) -> tuple[Ints, Ints, Longs]:
    """Ways along the pieces, there and back where both are allowed: tail, head, and the piece of each."""
    ahead, back = np.flatnonzero(oneway >= 0), np.flatnonzero(oneway <= 0)
    return (
        np.concatenate([tail[ahead], head[back]]),
        np.concatenate([head[ahead], tail[back]]),
        np.concatenate([ahead, back]),
    )


def sizes_of_parts(roads: Roads, is_node: Bools) -> Ints:
    """
    Count, for each vertex, the vertices of its part of the network: those it can reach and that can reach it.

    Parameters
    ----------
    roads
        The lines.
    is_node
        For each vertex, whether the lines are cut there; ends and meeting points are.
    """
    nodes = np.flatnonzero(is_node)
    node_of = _numbers(nodes, len(roads.xy))
    first, last, line = _pieces(roads, is_node)
    tail, head, oneway = node_of[roads.vertex[first]], node_of[roads.vertex[last]], roads.oneway[line]
    tails, heads, _ = _open_ways(tail, head, oneway)
    steps = coo_array((np.ones(len(tails), dtype=np.int8), (tails, heads)), shape=(len(nodes), len(nodes)))
    part = connected_components(steps.tocsr(), directed=bool(oneway.any()), connection="strong")[1]
    returns = part[tail] == part[head]  # from a one-way piece between two parts nobody comes back: each vertex is alone
    inner = np.bincount(part[tail[returns]], weights=(last - first - 1)[returns], minlength=part.max(initial=-1) + 1)
    size = (np.bincount(part, minlength=len(inner)) + inner).astype(np.int32)
    sizes = np.ones(len(roads.xy), dtype=np.int32)
    reached = np.ones(len(roads.vertex), dtype=bool)
    reached[roads.indptr[:-1]] = False
    sizes[roads.vertex[reached]] = np.repeat(np.where(returns, size[part[tail]], 1), last - first).astype(np.int32)
    sizes[nodes] = size[part]
    return sizes


def _lengths_m(roads: Roads, first: Longs) -> Floats:
    """Length of each piece in metres, given the places of their first points."""
    step_m = np.zeros(len(roads.vertex))
    for start in range(1, len(step_m), BLOCK):
        x, y = np.diff(roads.xy[roads.vertex[start - 1 : start + BLOCK]], axis=0).T
        step_m[start : start + BLOCK] = np.sqrt(x * x + y * y)
    step_m[roads.indptr[:-1]] = 0.0  # from the end of one line to the start of the next
    lengths: Floats = np.add.reduceat(step_m, first + 1)
    return lengths


def _fastest(tails: NDArray[np.integer], heads: NDArray[np.integer], minutes: Floats, n_nodes: int) -> csr_array:
    """Sparse matrix of arcs; of several between two nodes the fastest (SciPy would add them up)."""
    real = np.isfinite(minutes) & (tails != heads)
    tails, heads, minutes = tails[real], heads[real], minutes[real]
    pair = tails.astype(np.int64) * n_nodes + heads
    order = np.argsort(pair, kind="stable")
    pair = pair[order]
    first = np.flatnonzero(np.concatenate([[True], pair[1:] != pair[:-1]])[: len(pair)])
    chosen = order[first]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(tails[chosen], minlength=n_nodes))])
    least = np.minimum.reduceat(minutes[order], first) if len(first) else minutes
    return csr_array((least, heads[chosen].astype(np.int32), indptr.astype(np.int32)), shape=(n_nodes, n_nodes))


def _top_speed(arcs: csr_array, xy: Floats) -> float:
    """Metres as the crow flies that any arc covers in a minute, at most."""
    tails = np.repeat(np.arange(len(xy), dtype=np.int32), np.diff(arcs.indptr))
    apart_m = np.hypot(*(xy[tails] - xy[arcs.indices]).T)
    moving = apart_m > 0
    return float((apart_m[moving] / arcs.data[moving]).max(initial=1.0))
