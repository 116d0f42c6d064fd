"""Part b: all pairs of villages within the limit, on one and the same contracted graph."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import ours
from .cases import Case, prepared
from .checks import Pairs, compare_pairs
from .measure import timed
from .settings import Settings

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]

TITLE = "Village pairs within the limit"
ABOUT = """
Every directed pair of villages within 20 minutes, the ways between villages and their road at both ends included, on
the contracted graph that geoklynge makes. Building each library's own graph or index from the arcs counts, importing
the library does not. geoklynge and pandana use all cores, the others one. pandana stores whole numbers, so it gets
minutes times 1,000. Where a peer searches from a sample of the villages only, its search time is scaled up to all of
them; the check is then made on that sample.
"""
FACTS = ("build s", "search s", "searched from", "pairs")
PANDANA_UNIT = 1_000.0  # units a minute; it divides each unit by another 1,000
CHUNK = 64
IMPORTS = {
    "pandana": ("pandana", "pandas", "scipy.spatial"),
    "scipy": ("scipy.sparse.csgraph",),
    "igraph": ("igraph",),
    "networkx": ("networkx",),
    "networkit": ("networkit",),
    "ours": (),
}
UNREACHED_PANDANA = 4.0e6


def cases(settings: Settings) -> Sequence[Case]:
    """Ours on all cores and on one, then the peers."""
    folder = prepared("routing", f"routing-{ours.code_stamp()}", settings, files=settings.base.files())
    roads, inputs = str(folder / "roads.npz"), (folder / "digest").read_text(encoding="ascii")
    us, them = f"{__name__}:ours_pairs", f"{__name__}:peer_pairs"

    def peer(name: str, label: str, method: str, sample: int | None = None) -> Case:
        arguments = {"roads": roads, "method": method, "sample": sample}
        more = f"{inputs}-{sample}"
        return Case(name, label, them, arguments, more, check=f"{__name__}:check")

    return (
        Case("ours", "geoklynge", us, {"roads": roads}, inputs, is_ours=True, check=f"{__name__}:check"),
        Case(
            "ours-one", "geoklynge, one core", us, {"roads": roads, "cores": 1}, inputs, is_ours=True,
            check=f"{__name__}:check",
        ),
        peer("pandana-pairs", "pandana, shortest_path_lengths", "pandana_lengths"),
        peer("pandana-range", "pandana, nodes_in_range", "pandana_range", settings.origins["pandana range"]),
        peer("scipy", "SciPy dijkstra(limit=)", "scipy_dijkstra", settings.origins["scipy"]),
        peer("igraph", "igraph distances", "igraph_distances", settings.origins["igraph"]),
        peer("networkx", "networkx dijkstra(cutoff=)", "networkx_dijkstra", settings.origins["networkx"]),
    )  # fmt: skip


def load(roads: str) -> Arrays:
    """Load the contracted graph."""
    with np.load(roads) as file:
        return {name: file[name] for name in file.files}


def use_cores(cores: int | None) -> None:
    """Keep this process to so many cores, where the system can."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def import_all(library: str) -> None:
    """Import what a library needs before the clock starts: nobody imports it for one search only."""
    for module in IMPORTS[library]:
        importlib.import_module(module)


def arcs(inputs: Arrays) -> tuple[Longs, Longs, Floats]:
    """Tails, heads and minutes of the arcs."""
    tails = np.repeat(np.arange(len(inputs["indptr"]) - 1), np.diff(inputs["indptr"]))
    return tails, inputs["targets"].astype(np.int64), inputs["minutes"]


def ours_pairs(roads: str, found: str, repetitions: int, cores: int | None = None) -> dict[str, Any]:
    """Let geoklynge find the pairs; one search beforehand loads its compiled code."""
    use_cores(cores)
    inputs = load(roads)
    ours.village_pairs(inputs, villages=1)
    clocks = []
    for _ in range(repetitions):
        with timed() as clock:
            pairs = Pairs(*ours.village_pairs(inputs))
        clocks.append(clock)
    np.savez(found, origin=pairs.origin, destination=pairs.destination, minutes=pairs.minutes, limit=inputs["limit"])
    facts = {"searched from": int((inputs["village_node"] >= 0).sum()), "pairs": len(pairs.minutes)}
    return {"seconds": [c.seconds for c in clocks], "peak_mb": max(c.peak_mb for c in clocks), "facts": facts}


def peer_pairs(roads: str, found: str, method: str, sample: int | None, repetitions: int) -> dict[str, Any]:
    """Let a peer build its graph and search from all villages or an evenly drawn sample; scale the search up."""
    import_all(method.partition("_")[0])
    inputs = load(roads)
    build, search = METHODS[method]
    villages = np.flatnonzero(inputs["village_node"] >= 0)
    few = sample is not None and sample < len(villages)
    origins = np.sort(np.random.default_rng(1).choice(villages, sample, replace=False)) if few else villages
    seconds, peaks, facts = [], [], {}
    for _ in range(repetitions):
        with timed() as building:
            graph = build(inputs)
        with timed() as searching:
            pairs = search(graph, inputs, origins)
        seconds.append(building.seconds + searching.seconds * len(villages) / len(origins))
        peaks.append(searching.peak_mb)
        facts = {"build s": building.seconds, "search s": searching.seconds}
    np.savez(found, origin=pairs.origin, destination=pairs.destination, minutes=pairs.minutes, origins=origins)
    facts |= {"searched from": len(origins), "pairs": len(pairs.minutes)}
    note = f"search from {len(origins):,} of {len(villages):,} villages, scaled up" if few else None
    return {"seconds": seconds, "peak_mb": max(peaks), "facts": facts} | ({"note": note} if note else {})


def check(ours: str, peer: str) -> dict[str, Any]:
    """Compare a peer's pairs with ours, on the origins that it searched from."""
    with np.load(ours) as us, np.load(peer) as them:
        mine, theirs = (Pairs(file["origin"], file["destination"], file["minutes"]) for file in (us, them))
        if "origins" in them.files:
            mine = mine.of_origins(them["origins"])
        limit = float(us["limit"])
    return compare_pairs(mine, theirs, limit=limit).as_json()


def _within(inputs: Arrays, origins: Longs, road: Callable[[int, Longs], Floats]) -> Pairs:
    """Add the ways to and from the road to `road(origin, nodes)` and keep what is within the limit."""
    villages = np.flatnonzero(inputs["village_node"] >= 0)
    node, access = inputs["village_node"][villages].astype(np.int64), inputs["village_access"]
    parts = []
    for origin in origins:
        total = access[origin] + road(int(origin), node) + access[villages]
        near = (total <= inputs["limit"]) & (villages != origin)
        parts.append((np.full(near.sum(), origin), villages[near], total[near]))
    return Pairs(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def scipy_graph(inputs: Arrays) -> Any:
    """Build SciPy's sparse matrix."""
    from scipy.sparse import csr_array

    n = len(inputs["indptr"]) - 1
    return csr_array((inputs["minutes"], inputs["targets"], inputs["indptr"]), shape=(n, n))


def scipy_search(graph: Any, inputs: Arrays, origins: Longs) -> Pairs:
    """Search a few rows at a time: each is as long as the graph has nodes."""
    from scipy.sparse.csgraph import dijkstra

    parts = []
    for first in range(0, len(origins), CHUNK):
        some = origins[first : first + CHUNK]
        rows = dijkstra(graph, indices=inputs["village_node"][some], limit=float(inputs["limit"]))
        row_of = {int(origin): row for origin, row in zip(some, rows, strict=True)}
        parts.append(_within(inputs, some, lambda origin, node, row_of=row_of: row_of[origin][node]))
    return joined(parts)


def joined(parts: Sequence[Pairs]) -> Pairs:
    """Put pairs behind one another."""
    return Pairs(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("origin", "destination", "minutes")))


def igraph_graph(inputs: Arrays) -> Any:
    """Build igraph's directed graph."""
    import igraph

    tails, heads, minutes = arcs(inputs)
    graph = igraph.Graph(n=len(inputs["indptr"]) - 1, edges=np.column_stack([tails, heads]), directed=True)
    graph.es["minutes"] = minutes
    return graph


def igraph_search(graph: Any, inputs: Arrays, origins: Longs) -> Pairs:
    """Ask for the distances to all villages; igraph has no limit to stop at."""
    targets, place = np.unique(inputs["village_node"][inputs["village_node"] >= 0], return_inverse=True)
    node = inputs["village_node"]

    def road(origin: int, _: Longs) -> Floats:
        row = graph.distances(source=[int(node[origin])], target=targets.tolist(), weights="minutes")[0]
        return np.asarray(row)[place]

    return _within(inputs, origins, road)


def networkx_graph(inputs: Arrays) -> Any:
    """Build networkx's directed graph."""
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(inputs["indptr"]) - 1))
    graph.add_weighted_edges_from(zip(*(part.tolist() for part in arcs(inputs)), strict=True), weight="minutes")
    return graph


def networkx_search(graph: Any, inputs: Arrays, origins: Longs) -> Pairs:
    """Search up to the limit."""
    import networkx as nx

    def road(origin: int, nodes: Longs) -> Floats:
        reached = nx.single_source_dijkstra_path_length(
            graph, int(inputs["village_node"][origin]), cutoff=float(inputs["limit"]), weight="minutes"
        )
        return np.array([reached.get(node, np.inf) for node in nodes.tolist()])

    return _within(inputs, origins, road)


def pandana_graph(inputs: Arrays) -> Any:
    """Build pandana's network with its contraction hierarchy; roads open both ways go in once."""
    import pandana
    import pandas as pd

    tails, heads, minutes = arcs(inputs)
    both_ways = _symmetric(tails, heads, minutes)
    once = tails < heads if both_ways else np.ones(len(tails), dtype=bool)
    x, y = (pd.Series(column) for column in inputs["xy"].T)
    weight = pd.DataFrame({"minutes": minutes[once] * PANDANA_UNIT})
    return pandana.Network(x, y, pd.Series(tails[once]), pd.Series(heads[once]), weight, twoway=both_ways)


def _symmetric(tails: Longs, heads: Longs, minutes: Floats) -> bool:
    there, back = np.lexsort((heads, tails)), np.lexsort((tails, heads))
    same = np.array_equal(tails[there], heads[back]) and np.array_equal(heads[there], tails[back])
    return bool(same and np.allclose(minutes[there], minutes[back], rtol=0, atol=1e-9))


def pandana_range(graph: Any, inputs: Arrays, origins: Longs) -> Pairs:
    """Ask for all nodes in range of each origin, and keep the villages among them."""
    import pandas as pd

    node, limit = inputs["village_node"], float(inputs["limit"])
    villages = pd.DataFrame({"there": np.flatnonzero(node >= 0)}).assign(node=lambda rows: node[rows["there"]])
    parts = []
    for first in range(0, len(origins), CHUNK):
        some = origins[first : first + CHUNK]
        reached = graph.nodes_in_range(np.unique(node[some]), limit * PANDANA_UNIT)
        here = pd.DataFrame({"here": some, "source": node[some]})
        pairs = reached.merge(villages, left_on="destination", right_on="node").merge(here, on="source")
        origin, there = pairs["here"].to_numpy(), pairs["there"].to_numpy()
        parts.append(_near(inputs, origin, there, pairs["minutes"].to_numpy() / PANDANA_UNIT))
    return joined(parts)


def _near(inputs: Arrays, origin: Longs, there: Longs, road: Floats) -> Pairs:
    total = inputs["village_access"][origin] + road + inputs["village_access"][there]
    near = (total <= inputs["limit"]) & (origin != there)
    return Pairs(origin[near], there[near], total[near])


def pandana_lengths(graph: Any, inputs: Arrays, origins: Longs) -> Pairs:
    """Ask for the length of every pair that the fastest arc of the graph could join within the limit."""
    import warnings

    from scipy.spatial import cKDTree

    tails, heads, minutes = arcs(inputs)
    metres = np.hypot(*(inputs["xy"][tails] - inputs["xy"][heads]).T)
    reach_m = float(inputs["limit"]) * (metres / minutes).max()
    at = inputs["xy"][inputs["village_node"][origins]]
    found = cKDTree(at).query_pairs(reach_m, output_type="ndarray")
    origin, there = origins[found[:, 0]], origins[found[:, 1]]
    node = inputs["village_node"]

    def road(tail: Longs, head: Longs) -> Floats:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of every pair that no road joins
            length = np.array(graph.shortest_path_lengths(node[tail], node[head]))
        return np.where(length < UNREACHED_PANDANA, length, np.inf) / PANDANA_UNIT

    there_minutes = road(origin, there)
    back_minutes = there_minutes if _symmetric(tails, heads, minutes) else road(there, origin)
    return joined([_near(inputs, origin, there, there_minutes), _near(inputs, there, origin, back_minutes)])


METHODS: dict[str, tuple[Callable[[Arrays], Any], Callable[[Any, Arrays, Longs], Pairs]]] = {
    "scipy_dijkstra": (scipy_graph, scipy_search),
    "igraph_distances": (igraph_graph, igraph_search),
    "networkx_dijkstra": (networkx_graph, networkx_search),
    "pandana_range": (pandana_graph, pandana_range),
    "pandana_lengths": (pandana_graph, pandana_lengths),
}
