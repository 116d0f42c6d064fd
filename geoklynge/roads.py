"""Road lines to a network that knows its times, and places onto it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from .compiled import compiled
from .errors import InputError
from .study import TravelOptions
from .tables import Roads

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

MS_PER_MINUTE = 60_000
LONGEST_MS = 2**29 - 1  # of a stretch; an absurd limit of centimetres an hour must not wrap round to no time at all
USEFUL_NODES = 500  # a component of fewer vertices is a loose end, unless nothing better is near
FAR_M = 2_000.0  # a place farther from any road than this has none
LONG_SNAP_M = 500.0  # worth telling the reader
MICRO = 1e6  # vertices are equally near when their distances agree to the micrometre
CELL_M = 250.0  # of the grid in which the nearest vertex is looked for
CELLS_PER_VERTEX = 4  # at most: a stray road on the other side of the Earth must not fill the memory with cells
CLASSES_WITHOUT_BIKES = ("motorway", "trunk")  # nobody walks or cycles there


@dataclass(frozen=True)
class RoadNetwork:
    """
    Every line that is open to a mode, with the time along it.

    Line k runs through the vertices ``vertex[indptr[k]:indptr[k + 1]]``, and ``along_ms`` of the same slice tells the
    milliseconds since its first one, not yet rounded. `oneway` is 0 where line k is open both ways, 1 only as it runs,
    -1 only against it. `xy` is in metres, shape (vertices, 2); `component` numbers the parts within which every vertex
    reaches every other.
    """

    xy: Floats
    vertex: Ints
    indptr: Longs
    along_ms: Floats
    oneway: NDArray[np.int8]
    component: Ints


@dataclass(frozen=True)
class RoadGraph:
    """
    Compressed sparse rows: the arcs out of node n are ``targets[indptr[n]:indptr[n + 1]]``, with their ``ms`` (> 0).

    Times are whole milliseconds, so that they add up to the same sum in whatever order.
    """

    indptr: Longs
    targets: Ints
    ms: Ints

    @property
    def n_nodes(self) -> int:
        """How many nodes the graph has."""
        return len(self.indptr) - 1

    def tails(self) -> Ints:
        """Node that each arc leaves."""
        return np.repeat(np.arange(self.n_nodes, dtype=np.int32), np.diff(self.indptr))

    def reversed(self) -> RoadGraph:
        """Turn every arc round."""
        return graph_of_arcs(self.targets, self.tails(), self.ms, n_nodes=self.n_nodes)


@dataclass(frozen=True)
class Snapping:
    """Where places meet the network: the vertex, -1 where no road is near, and the distance to it in metres."""

    vertex: Ints
    distance_m: Floats


def graph_of_arcs(tails: Ints, heads: Ints, ms: Ints, *, n_nodes: int) -> RoadGraph:
    """Put arcs into rows, in their order; several between the same nodes stay."""
    indptr, order = _rows_of(tails, n_nodes)
    return RoadGraph(indptr, heads[order], ms[order])


@compiled
def _rows_of(row: Ints, n_rows: int) -> tuple[Longs, Longs]:
    """Sort entries by their row, which is a small number: the rows' slices, and the entries' order."""
    indptr = np.zeros(n_rows + 1, dtype=np.int64)
    for k in range(len(row)):
        indptr[row[k] + 1] += 1
    for k in range(n_rows):
        indptr[k + 1] += indptr[k]
    free = indptr[:-1].copy()
    order = np.empty(len(row), dtype=np.int64)
    for k in range(len(row)):
        order[free[row[k]]] = k
        free[row[k]] += 1
    return indptr, order


def read_network(roads: Roads, options: TravelOptions) -> RoadNetwork:
    """
    Give every road that is open to the mode its time.

    Parameters
    ----------
    roads
        In metres.
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
    if not (speed_kmh > 0).any():
        raise InputError(f"no road is open to mode {options.mode!r}", where="roads", advice="check road_class")
    roads, speed_kmh = roads.take(speed_kmh > 0), speed_kmh[speed_kmh > 0]
    along_ms = _times_along(roads.xy, roads.vertex, roads.indptr, 60 * MS_PER_MINUTE / (1000 * speed_kmh))
    component = _components(roads.vertex, roads.indptr, roads.oneway, len(roads.xy))
    return RoadNetwork(roads.xy, roads.vertex, roads.indptr, along_ms, roads.oneway, component)


def link_network(links: pd.DataFrame, villages: gpd.GeoDataFrame, options: TravelOptions) -> RoadNetwork:
    """
    Turn village-to-village links into a network whose vertices are the villages, in their order.

    Minutes are `road_km` at the speed of the link's class; a class the speeds do not know counts as secondary.
    """
    place = pd.Index(villages["village_id"])
    ends = [place.get_indexer(pd.Index(links[end])) for end in ("village_a", "village_b")]
    vertex = np.column_stack(ends).astype(np.int32).ravel()
    indptr = np.arange(0, len(vertex) + 1, 2, dtype=np.int64)
    speeds = options.speed_of_class()
    classes = links["road_class"] if "road_class" in links else pd.Series("secondary", index=links.index)
    known = classes.where(classes.isin(list(speeds)), "secondary")
    by_car = known.map({key: speed.posted_kmh * speed.factor for key, speed in speeds.items()}).to_numpy(float)
    speed_kmh = by_car if options.mode == "car" else np.full(len(links), options.plain_speed_kmh[options.mode])
    ms = links["road_km"].to_numpy(float) / speed_kmh * 60 * MS_PER_MINUTE
    along_ms = np.column_stack([np.zeros(len(ms)), ms]).ravel()
    xy = shapely.get_coordinates(villages.geometry.to_numpy())
    oneway = np.zeros(len(links), dtype=np.int8)
    return RoadNetwork(xy, vertex, indptr, along_ms, oneway, _components(vertex, indptr, oneway, len(xy)))


def _speeds(roads: Roads, options: TravelOptions) -> Floats:
    """Speed on each road in km/h; 0 where the mode may not go."""
    if options.mode != "car":
        plain = options.plain_speed_kmh[options.mode]
        of_class = np.array([0.0 if name in CLASSES_WITHOUT_BIKES else plain for name in roads.classes])
        return of_class[roads.class_of]
    table = options.speed_of_class()
    assumed, factor = (
        np.array([getattr(table[name], key) if name in table else 0.0 for name in roads.classes])[roads.class_of]
        for key in ("posted_kmh", "factor")
    )
    speed_kmh: Floats = np.where(roads.speed_kmh > 0, roads.speed_kmh, assumed) * factor
    return speed_kmh


@compiled
def _times_along(xy: Floats, vertex: Ints, indptr: Longs, ms_per_m: Floats) -> Floats:
    """Milliseconds from the start of each line to each of its points."""
    along = np.zeros(len(vertex), dtype=np.float64)
    for line in range(len(indptr) - 1):
        for k in range(indptr[line] + 1, indptr[line + 1]):
            here, before = vertex[k], vertex[k - 1]
            length_m = np.sqrt((xy[here, 0] - xy[before, 0]) ** 2 + (xy[here, 1] - xy[before, 1]) ** 2)
            along[k] = along[k - 1] + length_m * ms_per_m[line]
    return along


@compiled
def _meeting_points(vertex: Ints, indptr: Longs, n_vertices: int) -> Bools:
    """Tell the vertices at which lines start, end or meet."""
    seen = np.zeros(n_vertices, dtype=np.bool_)
    meets = np.zeros(n_vertices, dtype=np.bool_)
    for k in range(len(vertex)):
        if seen[vertex[k]]:
            meets[vertex[k]] = True
        seen[vertex[k]] = True
    for line in range(len(indptr) - 1):
        meets[vertex[indptr[line]]] = True
        meets[vertex[indptr[line + 1] - 1]] = True
    return meets


@compiled
def _cut(vertex: Ints, indptr: Longs, cuts: Bools) -> tuple[Longs, Longs, Ints]:
    """Cut lines at some vertices, their ends among them: first and last point of each piece, and its line."""
    n_pieces = 0
    for line in range(len(indptr) - 1):
        for k in range(indptr[line] + 1, indptr[line + 1]):
            n_pieces += cuts[vertex[k]]
    first = np.empty(n_pieces, dtype=np.int64)
    last = np.empty(n_pieces, dtype=np.int64)
    of_line = np.empty(n_pieces, dtype=np.int32)
    piece = 0
    for line in range(len(indptr) - 1):
        start = indptr[line]
        for k in range(indptr[line] + 1, indptr[line + 1]):
            if cuts[vertex[k]]:
                first[piece], last[piece], of_line[piece] = start, k, line
                piece += 1
                start = k
    return first, last, of_line


def _components(vertex: Ints, indptr: Longs, oneway: NDArray[np.int8], n_vertices: int) -> Ints:
    """Give a number to each strongly connected part; without one-way roads these are the connected parts."""
    meets = _meeting_points(vertex, indptr, n_vertices)
    first, last, line = _cut(vertex, indptr, meets)
    tail, head, way = vertex[first], vertex[last], oneway[line]
    one_way = bool(way.any())
    rows = np.concatenate([tail[way >= 0], head[way < 0]])
    columns = np.concatenate([head[way >= 0], tail[way < 0]])
    if one_way:
        both = way == 0
        rows, columns = np.concatenate([rows, head[both]]), np.concatenate([columns, tail[both]])
    nodes = np.flatnonzero(meets)
    node_of = np.full(n_vertices, -1, dtype=np.int32)
    node_of[nodes] = np.arange(len(nodes), dtype=np.int32)
    shape = (len(nodes), len(nodes))
    arcs = coo_array((np.ones(len(rows), dtype=np.int8), (node_of[rows], node_of[columns])), shape=shape)
    _, label = connected_components(arcs.tocsr(), directed=one_way, connection="strong")
    component = np.full(n_vertices, -1, dtype=np.int32)
    component[nodes] = label
    _fill_between(component, vertex, first, last, way)
    lonely = np.flatnonzero(component < 0)  # on a one-way road that leads out of its part, or on no road
    component[lonely] = component.max(initial=-1) + 1 + np.arange(len(lonely), dtype=np.int32)
    return component


@compiled
def _fill_between(component: Ints, vertex: Ints, first: Longs, last: Longs, way: NDArray[np.int8]) -> None:
    """Give the vertices inside a piece the component of its ends, where one can drive back to them."""
    for piece in range(len(first)):
        here = component[vertex[first[piece]]]
        if way[piece] == 0 or here == component[vertex[last[piece]]]:
            for k in range(first[piece] + 1, last[piece]):
                component[vertex[k]] = here


def snap(points: Floats, network: RoadNetwork) -> Snapping:
    """
    Find the vertex at which each place meets the network.

    That is the nearest vertex of a useful component (at least 500 vertices) within 2 km; where there is none, the
    nearest vertex of a largest component within 2 km; otherwise none. Of vertices that are equally near, to the
    micrometre, the westernmost is taken, of those the southernmost.

    Parameters
    ----------
    points
        Positions in the network's metres, shape (places, 2).
    """
    if not (len(points) and len(network.xy)):
        return Snapping(np.full(len(points), -1, dtype=np.int32), np.full(len(points), np.inf))
    low, high = _extent(network.xy)
    cell_m = max(CELL_M, float(np.sqrt(np.prod(high - low + 1) / (CELLS_PER_VERTEX * len(network.xy)))))
    n_cells = ((high - low) / cell_m).astype(np.int64) + 1
    in_cell, by_cell = _rows_of(_cell_of(network.xy, low, cell_m, n_cells[1]), int(n_cells.prod()))
    size = np.bincount(network.component)[network.component]
    vertex, distance_m = _nearest_vertices(points, network.xy, size, by_cell, in_cell, low, cell_m, n_cells)
    return Snapping(vertex.astype(np.int32), distance_m)


@compiled
def _extent(xy: Floats) -> tuple[Floats, Floats]:
    """Lower left and upper right corner; NumPy takes a quarter of a second for five million points."""
    low, high = xy[0].copy(), xy[0].copy()
    for k in range(len(xy)):
        for axis in range(2):
            low[axis] = min(low[axis], xy[k, axis])
            high[axis] = max(high[axis], xy[k, axis])
    return low, high


@compiled
def _cell_of(xy: Floats, low: Floats, cell_m: float, n_rows: int) -> Ints:
    """Find the cell that each point lies in; cells are numbered column by column."""
    cell = np.empty(len(xy), dtype=np.int32)
    for k in range(len(xy)):
        column, row = int((xy[k, 0] - low[0]) / cell_m), int((xy[k, 1] - low[1]) / cell_m)
        cell[k] = column * n_rows + row
    return cell


@compiled
def _comes_first(xy: Floats, one: int, away: float, other: int, other_away: float) -> bool:
    """Tell whether a vertex is nearer than another; of those as near to the micrometre the western, southern is."""
    near, other_near = np.rint(away * MICRO), np.rint(other_away * MICRO)
    if near != other_near or other < 0:
        return bool(near < other_near)
    if xy[one, 0] != xy[other, 0]:
        return bool(xy[one, 0] < xy[other, 0])
    return bool(xy[one, 1] < xy[other, 1])


@compiled
def _nearest_vertices(  # noqa: PLR0913, PLR0917
    points: Floats,
    xy: Floats,
    size: Longs,
    by_cell: Longs,
    in_cell: Longs,
    low: Floats,
    cell_m: float,
    n_cells: Longs,
) -> tuple[Longs, Floats]:
    """
    Look for each point's vertex, ring after ring of cells around it; see `snap`.

    `size` is that of each vertex's component; cell c holds the vertices ``by_cell[in_cell[c]:in_cell[c + 1]]``.
    """
    nearest = np.full(len(points), -1, dtype=np.int64)
    distance = np.full(len(points), np.inf)
    rings = int(FAR_M // cell_m) + 2
    for place in range(len(points)):
        if not (np.isfinite(points[place, 0]) and np.isfinite(points[place, 1])):
            continue
        x_cell = int(np.floor((points[place, 0] - low[0]) / cell_m))
        y_cell = int(np.floor((points[place, 1] - low[1]) / cell_m))
        largest = 0  # component seen so far; all useful ones count alike
        for ring in range(rings):
            if largest == USEFUL_NODES and distance[place] < (ring - 1) * cell_m - 1.0 / MICRO:
                break
            for x in range(max(x_cell - ring, 0), min(x_cell + ring, n_cells[0] - 1) + 1):
                edge = x == x_cell - ring or x == x_cell + ring
                step = 1 if edge else max(2 * ring, 1)
                for y in range(y_cell - ring, y_cell + ring + 1, step):
                    if y < 0 or y >= n_cells[1]:
                        continue
                    for entry in range(in_cell[x * n_cells[1] + y], in_cell[x * n_cells[1] + y + 1]):
                        k = by_cell[entry]
                        counted = min(size[k], USEFUL_NODES)
                        if counted < largest:
                            continue
                        away = np.sqrt((xy[k, 0] - points[place, 0]) ** 2 + (xy[k, 1] - points[place, 1]) ** 2)
                        if away <= FAR_M and (
                            counted > largest or _comes_first(xy, k, away, nearest[place], distance[place])
                        ):
                            nearest[place], distance[place], largest = k, away, counted
    return nearest, distance


def graph_of(network: RoadNetwork, keep: Ints) -> tuple[RoadGraph, Ints]:
    """
    Make a graph of the network: a node wherever lines start, end or meet, and at the vertices of `keep`.

    The time of each piece between two nodes is rounded to whole milliseconds, at least one; from there on times are
    exact.

    Returns
    -------
    tuple of RoadGraph and array
        The graph, and for each vertex its node, -1 where it is none.
    """
    n_vertices = len(network.xy)
    is_node = _meeting_points(network.vertex, network.indptr, n_vertices)
    is_node[keep] = True
    nodes = np.flatnonzero(is_node)
    node_of = np.full(n_vertices, -1, dtype=np.int32)
    node_of[nodes] = np.arange(len(nodes), dtype=np.int32)
    first, last, line = _cut(network.vertex, network.indptr, is_node)
    ms = np.clip(np.rint(network.along_ms[last] - network.along_ms[first]), 1, LONGEST_MS).astype(np.int32)
    tail, head, way = node_of[network.vertex[first]], node_of[network.vertex[last]], network.oneway[line]
    ahead, back = (way >= 0) & (tail != head), (way <= 0) & (tail != head)
    tails, heads = np.concatenate([tail[ahead], head[back]]), np.concatenate([head[ahead], tail[back]])
    return graph_of_arcs(tails, heads, np.concatenate([ms[ahead], ms[back]]), n_nodes=len(nodes)), node_of
