"""PBF to graph as most people write it: a handler, dictionaries and loops in plain Python over osmium."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import osmium
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Graph = dict[int, dict[int, float]]

USEFUL_NODES = 500
FAR_M = 2_000.0
PLACES = ("city", "town", "village", "hamlet")


class Handler(osmium.SimpleHandler):
    """Collect places, services, and for each road its node refs, with the positions of those nodes."""

    def __init__(self, speeds: Mapping[str, tuple[float, float]], services: set[tuple[str, str]]) -> None:
        super().__init__()
        self.speeds, self.wanted = speeds, services
        self.places: list[tuple[int, float, float]] = []
        self.services: list[tuple[int, float, float]] = []
        self.roads: list[tuple[list[int], float]] = []
        self.position: dict[int, tuple[float, float]] = {}

    def node(self, node: Any) -> None:
        """Keep a node that is a place or a service."""
        if not len(node.tags):
            return
        tags = {tag.k: tag.v for tag in node.tags}
        at = (node.id, node.location.lon, node.location.lat)
        if tags.get("place") in PLACES and tags.get("name"):
            self.places.append(at)
        if any(pair in self.wanted for pair in tags.items()):
            self.services.append(at)

    def way(self, way: Any) -> None:
        """Keep a road that cars drive on, with its speed in km/h."""
        speed = self.speeds.get(way.tags.get("highway", "").removesuffix("_link"))
        if speed is None:
            return
        posted = way.tags.get("maxspeed", "")
        kmh = (float(posted) if posted.isdigit() else speed[0]) * speed[1]
        refs = []
        for node in way.nodes:
            refs.append(node.ref)
            self.position[node.ref] = (node.location.lon, node.location.lat)
        self.roads.append((refs, kmh))


def read_graph(
    pbf: str, speeds: Mapping[str, tuple[float, float]], services: set[tuple[str, str]]
) -> tuple[dict[str, int], dict[str, NDArray[Any]]]:
    """Do what `ours.pbf_to_graph` does, and return the same."""
    handler = Handler(speeds, services)
    handler.apply_file(pbf, locations=True)
    number = {ref: k for k, ref in enumerate(handler.position)}
    xy = _metres(list(handler.position.values()))
    graph, tails, heads = _join(handler, number, xy)
    places, facilities = (_snap(rows, xy, tails, heads) for rows in (handler.places, handler.services))
    keep = {int(node) for node in np.concatenate([places, facilities]) if node >= 0}
    counts = {
        "places": len(handler.places),
        "services": len(handler.services),
        "vertices": len(xy),
        "segments": len(tails),
    }
    contract(graph, keep)
    row = {node: k for k, node in enumerate(graph)}
    arcs = [(row[a], row[b], minutes) for a, ends in graph.items() for b, minutes in ends.items()]
    columns = [np.array(column) for column in zip(*arcs, strict=True)]
    return counts | {"nodes after contraction": len(graph)}, {
        "indptr": np.searchsorted(columns[0], np.arange(len(graph) + 1)),
        "targets": columns[1],
        "minutes": columns[2],
        "village_ids": np.array([f"osm-n{ref}" for ref, *_ in handler.places]),
        "village_node": np.array([row[node] if node >= 0 else -1 for node in places.tolist()]),
    }


def _metres(degrees: list[tuple[float, float]]) -> Floats:
    from pyproj import Transformer

    lon, lat = np.array(degrees).T
    return np.column_stack(Transformer.from_crs(4326, 25832, always_xy=True).transform(lon, lat))


def _join(handler: Handler, number: dict[int, int], xy: Floats) -> tuple[Graph, list[int], list[int]]:
    """Make a dictionary of neighbours, and lists of the ends of all segments."""
    graph: Graph = {k: {} for k in range(len(xy))}
    tails, heads = [], []
    for refs, kmh in handler.roads:
        rows = [number[ref] for ref in refs]
        lengths = np.hypot(*np.diff(xy[rows], axis=0).T)
        for a, b, minutes in zip(rows[:-1], rows[1:], (lengths / 1000 / kmh * 60).tolist(), strict=True):
            if a != b:
                tails.append(a)
                heads.append(b)
                graph[a][b] = graph[b][a] = min(minutes, graph[a].get(b, np.inf))
    return graph, tails, heads


def _snap(rows: list[tuple[int, float, float]], xy: Floats, tails: list[int], heads: list[int]) -> NDArray[np.int64]:
    """Find the nearest vertex of a part of at least 500 within 2 km, else of the largest part there."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    n = len(xy)
    part = connected_components(coo_array((np.ones(len(tails)), (tails, heads)), shape=(n, n)), directed=False)[1]
    size = np.bincount(part)[part]
    points = _metres([(lon, lat) for _, lon, lat in rows])
    finite = np.isfinite(points).all(axis=1)
    useful = np.flatnonzero(size >= USEFUL_NODES)
    found = np.full(len(rows), -1)
    away, nearest = cKDTree(xy[useful]).query(np.where(finite[:, None], points, 0.0))
    near = finite & (away <= FAR_M)
    found[near] = useful[nearest[near]]
    small = np.flatnonzero(size < USEFUL_NODES)
    if len(small):
        tree = cKDTree(xy[small])
        for k in np.flatnonzero(finite & ~near):
            there = small[sorted(tree.query_ball_point(points[k], FAR_M))]
            if len(there):
                found[k] = min(there, key=lambda v: (-size[v], np.hypot(*(xy[v] - points[k]))))
    return found


def contract(graph: Graph, keep: set[int]) -> None:
    """Take out dead ends, then every vertex along a road; times between the kept ones stay."""
    ends = [node for node, near in graph.items() if len(near) <= 1 and node not in keep]
    while ends:
        node = ends.pop()
        for other in graph.pop(node, {}):  # a node may have been noted twice
            del graph[other][node]
            if len(graph[other]) <= 1 and other not in keep:
                ends.append(other)
    for node in [node for node, near in graph.items() if len(near) == 2 and node not in keep]:
        if len(graph[node]) != 2:
            continue
        (a, to_a), (b, to_b) = graph.pop(node).items()
        del graph[a][node], graph[b][node]
        graph[a][b] = graph[b][a] = min(to_a + to_b, graph[a].get(b, np.inf))
