"""
Every call into geoklynge that the benchmarks make. When its API changes, this module changes, and no other.

Functions take and return what peers can use too: arrays, numbers and names.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]

MS_PER_MINUTE = 60_000  # geoklynge counts whole milliseconds

PACKAGE = Path(__file__).resolve().parents[1] / "geoklynge"
SAMPLE_STUDY = PACKAGE.parent / "data" / "syddjurs" / "study.toml"
STAGES = (
    "sources", "travel", "ties", "candidates", "assessment", "refinement", "selection", "topics",
    "explanation", "check", "outputs",
)  # fmt: skip
HAS_CACHE = True


def code_stamp() -> str:
    """Tell this state of geoklynge's code from others."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in {".py", ".toml", ".j2", ".js", ".css"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_environment(folder: Path) -> dict[str, str]:
    """Give the environment variables under which geoklynge keeps and finds its cache in `folder`."""
    return {"GEOKLYNGE_CACHE": str(folder)}


# Studies and whole runs


def write_study(path: Path, *, name: str, files: Mapping[str, str]) -> None:
    """Write a study file over a PBF, parishes, municipalities and a table of villages."""
    sources = {
        "osm": files["pbf"],
        "villages": ["osm", files["villages"]],
        "parishes": files["parishes"],
        "municipalities": files["municipalities"],
    }
    lines = ["[study]", f"name = {json.dumps(name)}", 'crs = "EPSG:25832"', "", "[sources]"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in sources.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def cli_run(study: Path, out: Path, *, cached: bool) -> list[str]:
    """Give the command line of a whole run, with geoklynge's cache or without."""
    command = "import sys; from geoklynge.cli import main; sys.exit(main())"
    return [
        sys.executable,
        "-c",
        command,
        "run",
        str(study),
        "--out",
        str(out),
        "--quiet",
        *([] if cached else ["--no-cache"]),
    ]


def run_in_stages(study: str, out: str, announce: Callable[[str], None]) -> None:
    """Run a study as the command line does, naming each stage as it begins."""
    from geoklynge.cli import collect_seldom
    from geoklynge.exports import write_run
    from geoklynge.maps import render_pages
    from geoklynge.pipeline import run
    from geoklynge.study import read_study

    collect_seldom()
    begun = []

    def report(stage: str, *_: int) -> None:
        """Pass on the beginning of a stage, not how far it has come."""
        if stage not in begun:
            begun.append(stage)
            announce(stage)

    result = run(read_study(study), report=report)
    announce("outputs")
    write_run(result, Path(out), pages=lambda: render_pages(result, language="da"))


def run_record(out: Path) -> dict[str, Any]:
    """Read what a written run says of itself: counts, the selection's gap, seconds and peak MB by stage."""
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    return {
        "counts": {key: value for key, value in record["counts"].items() if isinstance(value, int)},
        "gap": record["plan"]["gap"],
        "seconds": dict(record["timings_s"]),
        "peak_mb": {stage: peak for stage, peak in record["memory_mb"].items() if peak is not None},
    }


# (a) PBF to graph


def speeds() -> dict[str, tuple[float, float]]:
    """By road class: the limit assumed where none is posted, in km/h, and the share of the limit that is driven."""
    from geoklynge.study import default_speeds

    return {key: (speed.posted_kmh, speed.factor) for key, speed in default_speeds().items()}


def service_tags() -> list[tuple[str, str]]:
    """OSM tags that mean a service."""
    from geoklynge.study import default_categories

    tags = (tag.partition("=") for category in default_categories().values() for tag in category.tags)
    return [(key, value) for key, _, value in tags]


def import_for_graph() -> None:
    """Import what `pbf_to_graph` needs, and let its kernels be compiled or loaded, on a tiny road."""
    from geoklynge.sources import stored_osm
    from geoklynge.study import TravelOptions
    from geoklynge.tables import Roads

    xy = np.array([(5e5, 6.2e6), (5.1e5, 6.2e6), (5.2e5, 6.2e6)])
    ways = np.arange(3, dtype=np.int32), np.array([0, 3]), ("primary",), np.zeros(1, dtype=np.int16)
    _contracted(Roads(xy, *ways, np.full(1, np.nan), np.zeros(1, dtype=np.int8)), [xy[:2]], TravelOptions())
    del stored_osm  # imported for its own imports


def _contracted(roads: Any, points: list[Floats], options: Any) -> tuple[Any, list[Any], list[Longs], Floats]:
    """Contract roads around places: the graph, where the places snap, their nodes, and the position of every node."""
    from geoklynge.contraction import ALONG_A_ROAD, eliminate
    from geoklynge.roads import graph_of, read_network, snap

    network = read_network(roads, options)
    snapped = [snap(each, network) for each in points]
    keep = np.concatenate([each.vertex for each in snapped])
    whole, node_of = graph_of(network, keep[keep >= 0])
    graph, stays = eliminate(whole, np.unique(node_of[keep[keep >= 0]]), most_neighbours=ALONG_A_ROAD)
    vertex = np.flatnonzero(node_of >= 0)
    node = stays[node_of[vertex]]
    xy = np.empty((graph.n_nodes, 2))
    xy[node[node >= 0]] = network.xy[vertex[node >= 0]]
    nodes = [np.where(each.vertex >= 0, stays[node_of[each.vertex]], -1).astype(np.int64) for each in snapped]
    return graph, snapped, nodes, xy


def pbf_to_graph(pbf: str, *, cache: str | None = None) -> tuple[dict[str, int], Arrays]:
    """
    Read places, services and roads; build the network; snap; contract.

    Parameters
    ----------
    pbf
        The file.
    cache
        Folder of geoklynge's cache, None for none.

    Returns
    -------
    tuple
        Counts; and the graph: `indptr`, `targets`, `minutes`, `village_ids` with their `village_node` (-1: none).
    """
    from pyproj import CRS

    from geoklynge.sources.stored_osm import read_stored_osm
    from geoklynge.study import Sources, Study

    study = Study(name="graph", sources=Sources(osm=(pbf,)))
    crs = CRS.from_epsg(25832)
    osm = read_stored_osm([(Path(pbf), pbf)], study, cache=Path(cache) if cache else None)
    places, services, roads = osm.places.to_crs(crs), osm.services.to_crs(crs), osm.roads_in(crs)
    points = [table.geometry.get_coordinates().to_numpy() for table in (places, services)]
    graph, _, nodes, _ = _contracted(roads, points, study.travel)
    counts = {
        "places": len(places),
        "services": len(services),
        "vertices": len(roads.xy),
        "segments": len(roads.vertex) - len(roads),
        "nodes after contraction": graph.n_nodes,
    }
    return counts, {
        "indptr": graph.indptr,
        "targets": graph.targets,
        "minutes": graph.ms / MS_PER_MINUTE,
        "village_ids": places["village_id"].to_numpy(dtype=str),
        "village_node": nodes[0],
    }


# (b), (c) routing on a contracted graph


def road_inputs(study: str) -> Arrays:
    """
    Read a study up to its contracted graph.

    Returns
    -------
    dict of arrays
        The arcs (`indptr`, `targets`, `minutes`), `xy` of the nodes in metres; `village_node`, `village_access`
        (minutes) and the same of services with their `service_category`; `limit`, in minutes.
    """
    from geoklynge.sources import read_tables
    from geoklynge.study import read_study

    plan = read_study(study)
    tables = read_tables(plan)
    if tables.roads is None:
        raise ValueError(f"{study} has no roads")
    points = [table.geometry.get_coordinates().to_numpy() for table in (tables.villages, tables.services)]
    graph, snapped, nodes, xy = _contracted(tables.roads, points, plan.travel)
    arrays: Arrays = {
        "indptr": graph.indptr,
        "targets": graph.targets,
        "minutes": graph.ms / MS_PER_MINUTE,
        "xy": xy,
        "service_category": tables.services["category"].to_numpy(dtype=str),
        "limit": np.array(plan.travel.max_minutes),
    }
    for name, end, node in zip(("village", "service"), snapped, nodes, strict=True):
        arrays[f"{name}_node"] = node.astype(np.int32)
        ms = np.rint(end.distance_m / 1000 / plan.travel.off_road_speed_kmh * 60 * MS_PER_MINUTE)
        arrays[f"{name}_access"] = ms / MS_PER_MINUTE
    return arrays


def _graph(inputs: Arrays) -> Any:
    from geoklynge.roads import RoadGraph

    return RoadGraph(inputs["indptr"], inputs["targets"], np.rint(inputs["minutes"] * MS_PER_MINUTE).astype(np.int32))


def village_pairs(inputs: Arrays, villages: int | None = None) -> tuple[Longs, Longs, Floats]:
    """
    Find all pairs of villages within the limit, whatever geoklynge prepares for it included.

    Parameters
    ----------
    inputs
        See `road_inputs`.
    villages
        Only from the first so many, to warm up.

    Returns
    -------
    tuple of three arrays
        Origin, destination, minutes; one entry a directed pair, none from a village to itself.
    """
    from geoklynge.contraction import eliminate
    from geoklynge.trips import Places, travel_between

    on_road = inputs["village_node"] >= 0
    graph, stays = eliminate(_graph(inputs), np.unique(inputs["village_node"][on_road]))
    node = np.where(on_road, stays[inputs["village_node"]], -1).astype(np.int32)
    access = np.where(on_road, inputs["village_access"] * MS_PER_MINUTE, 0)
    homes = Places(node, np.rint(access).astype(np.int32))
    origins = Places(homes.node[:villages], homes.access_ms[:villages])
    trips = travel_between(graph, origins, homes, float(inputs["limit"]))
    origin, destination = trips.origins().astype(np.int64), trips.destination.astype(np.int64)
    other = origin != destination
    return origin[other], destination[other], trips.minutes[other]


def nearest_minutes(inputs: Arrays, categories: list[str]) -> dict[str, Floats]:
    """Find minutes from every node to the nearest facility of each category, the way to its road not counted."""
    from geoklynge.trips import Places, minutes_to_nearest

    wanted = np.isin(inputs["service_category"], categories)
    node = inputs["service_node"][wanted]
    facilities = Places(node, np.zeros(len(node), dtype=np.int32))
    return minutes_to_nearest(_graph(inputs), facilities, inputs["service_category"][wanted].astype(object))


# (d) partitions of the tie network


def partition_inputs(study: str, kept: str) -> dict[str, int]:
    """Read a study up to its ties and keep them in a file for the functions below."""
    from geoklynge.sources import read_tables
    from geoklynge.study import read_study
    from geoklynge.ties import tie_villages
    from geoklynge.travel import measure_travel
    from geoklynge.wishes import Wishes

    plan = read_study(study)
    tables = read_tables(plan)
    travel = measure_travel(tables, plan.travel)
    ties = tie_villages(tables, travel, plan)
    eligible = (tables.villages["people"].to_numpy() <= plan.limits.town_people) & (travel.component >= 0)
    strong = eligible[ties.a] & eligible[ties.b]
    Path(kept).write_bytes(pickle.dumps((ties, eligible, Wishes(), plan)))
    return {"villages": int(eligible.sum()), "ties": int(strong.sum())}


def _kept(kept: str) -> Any:
    return pickle.loads(Path(kept).read_bytes())  # noqa: S301 - written by `partition_inputs`, in our own folder


def _with_members(plan: Any, members: int) -> Any:
    return plan.model_copy(update={"ensemble": plan.ensemble.model_copy(update={"members": members})})


def ensemble(kept: str, members: int) -> Callable[[], Longs]:
    """
    Load the ties; give back the function that partitions them `members` times.

    Its result is the community of every village that may be a member, shape (members, villages).
    """
    from geoklynge.ensemble import partition_often

    ties, eligible, wishes, plan = _kept(kept)
    plan = _with_members(plan, members)

    def partition() -> Longs:
        return partition_often(ties, eligible, wishes, plan)[:, eligible].astype(np.int64)

    return partition


def ensemble_networks(kept: str, members: int) -> Iterator[tuple[int, Longs, Longs, Floats, float]]:
    """
    Give what each member of our ensemble partitions, so that a peer can partition the same.

    Yields
    ------
    tuple
        Number of villages; ends and weight of every tie; resolution (constant Potts model).
    """
    from geoklynge.ensemble import _shaken_weights

    ties, eligible, _, plan = _kept(kept)
    row = np.cumsum(eligible) - 1
    strong = np.flatnonzero(eligible[ties.a] & eligible[ties.b])
    a, b = row[ties.a[strong]], row[ties.b[strong]]
    for number in range(members):
        weight = _shaken_weights(ties, plan, np.random.default_rng([plan.seed, number]))
        resolutions = plan.ensemble.resolutions
        yield int(eligible.sum()), a, b, weight[strong], resolutions[number % len(resolutions)]
