"""Part a: from a PBF to a contracted graph with villages and services on it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import ours
from .cases import Case, prepared
from .checks import SAME_MINUTES, both, compare_counts, compare_minutes
from .measure import timed
from .settings import Settings

Arrays = dict[str, NDArray[Any]]

TITLE = "PBF to graph"
ABOUT = """
Places, services and roads read from the PBF, the road network built, villages and services snapped to it, and every
vertex that no route needs taken out. Each repetition is a process of its own; imports do not count in the time, but in
the memory. The plain handler is what most people write: osmium's SimpleHandler, dictionaries and loops. pyrosm reads
the same roads and simplifies its graph; it does not snap, and leaves dead ends in. The check compares counts, and
minutes from ten villages to all others on the two graphs.
"""
FACTS = ("places", "services", "vertices", "segments", "nodes after contraction")
COUNTED = ("places", "services", "vertices", "segments")
SAME_COUNTS = 0.0005
FROM_VILLAGES = 10
CODE = ("plain_osmium.py",)


def cases(settings: Settings) -> Sequence[Case]:
    """Ours, raw and from its cache, then the peers."""
    pbf, inputs = str(settings.base.pbf), settings.base.stamp()
    cached = None if ours.HAS_CACHE else "geoklynge has no cache yet"
    cache = str(settings.folder(f"cache-{ours.code_stamp()}"))
    words = str(prepared("words", f"words-{ours.code_stamp()}", settings) / "words.json")
    us, check = f"{__name__}:ours_graph", f"{__name__}:check"

    def case(name: str, label: str, target: str, *, skipped: str | None = None, **more: Any) -> Case:
        checked = f"{__name__}:check_pyrosm" if name == "pyrosm" else check
        arguments = {"pbf": pbf, **more}
        return Case(
            name,
            label,
            target,
            arguments,
            inputs,
            target == us,
            separate=True,
            check=checked,
            skipped=skipped,
            code=CODE,
        )

    return (
        case("ours", "geoklynge", us),
        case("ours-cached", "geoklynge, from its cache", us, skipped=cached, cache=cache),
        case("osmium", "osmium SimpleHandler, plain Python", f"{__name__}:plain_graph", words=words),
        case("pyrosm", "pyrosm, no snapping", f"{__name__}:pyrosm_graph", words=words),
    )


def ours_graph(pbf: str, found: str, cache: str | None = None) -> dict[str, Any]:
    """Let geoklynge do it; on a tiny road first, which loads its compiled code."""
    ours.import_for_graph()
    if cache:
        ours.pbf_to_graph(pbf, cache=cache)  # fills the cache where it is empty
    with timed() as clock:
        counts, graph = ours.pbf_to_graph(pbf, cache=cache)
    return _keep(found, counts, graph, clock.seconds, clock.peak_mb)


def plain_graph(pbf: str, found: str, words: str) -> dict[str, Any]:
    """Let plain Python do it."""
    from pyproj import Transformer
    from scipy.sparse import csgraph
    from scipy.spatial import cKDTree

    from .plain_osmium import read_graph

    del Transformer, csgraph, cKDTree  # imported before the clock starts
    known = json.loads(Path(words).read_text(encoding="utf-8"))
    speeds, services = known["speeds"], {(key, value) for key, value in known["services"]}
    with timed() as clock:
        counts, graph = read_graph(pbf, speeds, services)
    return _keep(found, counts, graph, clock.seconds, clock.peak_mb)


def pyrosm_graph(pbf: str, found: str, words: str) -> dict[str, Any]:
    """Let pyrosm do what it can: places, points of interest, network, simplified graph."""
    import igraph
    import pyrosm

    del igraph  # imported before the clock starts
    keys = sorted({key for key, _ in json.loads(Path(words).read_text(encoding="utf-8"))["services"]})
    with timed() as clock:
        osm = pyrosm.OSM(pbf)
        nodes, edges = osm.get_network(network_type="all", nodes=True)
        places = osm.get_data_by_custom_criteria({"place": ["city", "town", "village", "hamlet"]}, keep_ways=False)
        services = osm.get_pois(dict.fromkeys(keys, True))
        graph = osm.to_graph(nodes, edges, graph_type="igraph", retain_all=True, force_bidirectional=True)
    counts = {
        "places": len(places) if places is not None else 0,
        "services": len(services) if services is not None else 0,
        "vertices": len(nodes),
        "segments": len(edges),
        "nodes after contraction": graph.vcount(),
    }
    np.savez(found, counts=np.array([counts[key] for key in COUNTED]))
    note = "services are all points with a key that a service can have; dead ends stay"
    return {"seconds": [clock.seconds], "peak_mb": clock.peak_mb, "facts": counts, "note": note}


def _keep(found: str, counts: dict[str, int], graph: Arrays, seconds: float, peak_mb: float) -> dict[str, Any]:
    np.savez(found, **graph, counts=np.array([counts[key] for key in COUNTED]))
    return {"seconds": [seconds], "peak_mb": peak_mb, "facts": counts}


def check(ours: str, peer: str) -> dict[str, Any]:
    """Compare counts, and minutes from some villages to all on both graphs."""
    with np.load(ours) as us, np.load(peer) as them:
        counts = [dict(zip(COUNTED, file["counts"].tolist(), strict=True)) for file in (us, them)]
        shared = sorted(set(us["village_ids"].tolist()) & set(them["village_ids"].tolist()))
        minutes = [_minutes_between(file, shared) for file in (us, them)]
    return both(
        compare_counts(*counts, tolerance=SAME_COUNTS), compare_minutes(*minutes, tolerance=SAME_MINUTES)
    ).as_json()


def check_pyrosm(ours: str, peer: str) -> dict[str, Any]:
    """Compare what both count: pyrosm has services of its own kind, and no snapped villages."""
    with np.load(ours) as us, np.load(peer) as them:
        counts = [dict(zip(COUNTED, file["counts"].tolist(), strict=True)) for file in (us, them)]
    same = [{key: count[key] for key in ("places", "vertices", "segments")} for count in counts]
    return compare_counts(*same, tolerance=SAME_COUNTS).as_json()


def _minutes_between(graph: Any, villages: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Minutes from evenly chosen villages to all, on one graph."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    n = len(graph["indptr"]) - 1
    matrix = csr_array((graph["minutes"], graph["targets"], graph["indptr"]), shape=(n, n))
    node_of = dict(zip(graph["village_ids"].tolist(), graph["village_node"].tolist(), strict=True))
    node = np.array([node_of[village] for village in villages])
    found = {}
    for k in np.unique(np.linspace(0, len(villages) - 1, FROM_VILLAGES).astype(int)):
        row = dijkstra(matrix, indices=int(node[k])) if node[k] >= 0 else np.full(n, np.inf)
        found[villages[k]] = np.where(node >= 0, row[node], np.inf)
    return found
