"""Part c: minutes from every node of the graph to the nearest facility of ten categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import ours
from .cases import Case, prepared
from .checks import SAME_MINUTES, compare_minutes
from .measure import timed
from .part_pairs import PANDANA_UNIT, import_all, load, pandana_graph, scipy_graph, use_cores
from .settings import Settings

Floats = NDArray[np.float64]
Arrays = dict[str, NDArray[Any]]

TITLE = "Nearest facility of ten categories"
ABOUT = """
Minutes from every node of the contracted graph to the nearest facility of each of the ten categories with the most
facilities, however far, along roads only. Building each library's graph or index counts. pandana gets
a horizon of 20 minutes, as it grows slow with a long one, and is compared within it: it does less than the others.
"""
FACTS = ("build s", "search s", "horizon min", "nodes", "facilities")
CATEGORIES = 10
CODE = ("part_pairs.py",)
PANDANA_MOST = 20.0  # minutes; all facilities in reach lie at every node of the top of its hierarchy


def cases(settings: Settings) -> Sequence[Case]:
    """Ours on all cores and on one, then the peers."""
    folder = prepared("routing", f"routing-{ours.code_stamp()}", settings, files=settings.base.files())
    roads, inputs = str(folder / "roads.npz"), (folder / "digest").read_text(encoding="ascii")

    def case(name: str, label: str, method: str, cores: int | None = None) -> Case:
        arguments = {"roads": roads, "method": method, "cores": cores}
        is_ours, check = method == "ours", f"{__name__}:{'check_near' if method == 'pandana' else 'check'}"
        return Case(name, label, f"{__name__}:nearest", arguments, inputs, is_ours=is_ours, check=check, code=CODE)

    return (
        case("ours", "geoklynge", "ours"),
        case("ours-one", "geoklynge, one core", "ours", 1),
        case("pandana", "pandana, set_pois and nearest_pois", "pandana"),
        case("scipy", "SciPy dijkstra(min_only=True)", "scipy"),
    )


def categories_of(inputs: Arrays) -> list[str]:
    """List the categories with the most facilities on the graph."""
    on_road = inputs["service_category"][inputs["service_node"] >= 0]
    names, count = np.unique(on_road, return_counts=True)
    return sorted(names[np.lexsort((names, -count))][:CATEGORIES].tolist())


def facilities(inputs: Arrays, category: str) -> NDArray[np.int64]:
    """List the nodes at which facilities of a category stand."""
    node = inputs["service_node"][inputs["service_category"] == category]
    return np.unique(node[node >= 0]).astype(np.int64)


def nearest(roads: str, found: str, method: str, repetitions: int, cores: int | None = None) -> dict[str, Any]:
    """Let one library do it; ours once beforehand on one category, which loads its compiled code."""
    use_cores(cores)
    import_all(method)
    inputs = load(roads)
    categories = categories_of(inputs)
    if method == "ours":
        ours.nearest_minutes(inputs, categories[:1])
    build, search = METHODS[method]
    seconds, peaks, facts = [], [], {}
    for _ in range(repetitions):
        with timed() as building:
            graph = build(inputs)
        with timed() as searching:
            minutes = search(graph, inputs, categories)
        seconds.append(building.seconds + searching.seconds)
        peaks.append(searching.peak_mb)
        facts = {} if method == "ours" else {"build s": building.seconds, "search s": searching.seconds}
    np.savez(found, **minutes)
    facts |= {"horizon min": PANDANA_MOST} if method == "pandana" else {}
    facts |= {
        "nodes": len(inputs["indptr"]) - 1,
        "facilities": sum(len(facilities(inputs, category)) for category in categories),
    }
    return {"seconds": seconds, "peak_mb": max(peaks), "facts": facts}


def check(ours: str, peer: str) -> dict[str, Any]:
    """Compare a peer's minutes with ours."""
    return compare_minutes(load(ours), load(peer)).as_json()


def check_near(ours: str, peer: str) -> dict[str, Any]:
    """Compare within the horizon of a peer that has one; what lies at the horizon itself is left out."""
    mine, theirs = load(ours), load(peer)
    for key in set(mine) & set(theirs):
        beyond = mine[key] > PANDANA_MOST + SAME_MINUTES
        mine[key][beyond] = np.inf
        at_it = np.abs(mine[key] - PANDANA_MOST) <= SAME_MINUTES
        mine[key][at_it] = theirs[key][at_it] = np.inf
    return compare_minutes(mine, theirs).as_json()


def _scipy_search(graph: Any, inputs: Arrays, categories: list[str]) -> dict[str, Floats]:
    from scipy.sparse.csgraph import dijkstra

    backwards = graph.T.tocsr()
    return {key: dijkstra(backwards, indices=facilities(inputs, key), min_only=True) for key in categories}


def _pandana_search(graph: Any, inputs: Arrays, categories: list[str]) -> dict[str, Floats]:
    import pandas as pd

    most, found = PANDANA_MOST * PANDANA_UNIT, {}
    for key in categories:
        x, y = (pd.Series(column) for column in inputs["xy"][facilities(inputs, key)].T)
        graph.set_pois(key, maxdist=most, maxitems=1, x_col=x, y_col=y)
        units = graph.nearest_pois(most, key, num_pois=1)[1].to_numpy()
        found[key] = np.where(units < most, units, np.inf) / PANDANA_UNIT
    return found


METHODS: dict[str, tuple[Callable[[Arrays], Any], Callable[[Any, Arrays, list[str]], dict[str, Floats]]]] = {
    "ours": (lambda _: None, lambda _, inputs, categories: ours.nearest_minutes(inputs, categories)),
    "scipy": (scipy_graph, _scipy_search),
    "pandana": (pandana_graph, _pandana_search),
}
