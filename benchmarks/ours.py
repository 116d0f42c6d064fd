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

PACKAGE = Path(__file__).resolve().parents[1] / "geoklynge"
SAMPLE_STUDY = PACKAGE.parent / "data" / "syddjurs" / "study.toml"
STAGES = ("sources", "travel", "ties", "candidates", "assessment", "selection", "check", "outputs")
HAS_CACHE = False  # set to True when geoklynge keeps what it read, and fill in `cache_environment`


def code_stamp() -> str:
    """Tell this state of geoklynge's code from others."""
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*")):
        if path.suffix in {".py", ".toml", ".j2", ".js", ".css"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def cache_environment(folder: Path) -> dict[str, str]:
    """Give the environment variables under which geoklynge keeps and finds its cache in `folder`; `HAS_CACHE` first."""
    raise NotImplementedError(f"geoklynge has no cache yet ({folder})")


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


def cli_run(study: Path, out: Path) -> list[str]:
    """Give the command line of a whole run."""
    command = "import sys; from geoklynge.cli import main; sys.exit(main())"
    return [sys.executable, "-c", command, "run", str(study), "--out", str(out), "--quiet"]


def run_in_stages(study: str, out: str, announce: Callable[[str], None]) -> None:
    """Run a study as the command line does, naming each stage as it begins."""
    from geoklynge.exports import write_run
    from geoklynge.maps import render_map, render_report
    from geoklynge.pipeline import run
    from geoklynge.study import read_study

    result = run(read_study(study), report=announce)
    announce("outputs")
    pages = {"map.html": render_map(result, language="da"), "report.html": render_report(result, language="da")}
    write_run(result, Path(out), pages=pages)


def run_record(out: Path) -> dict[str, Any]:
    """Read what a written run says of itself: counts, seconds by stage, and peak MB by stage where it tells."""
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    peaks = record.get("peak_memory_mb")
    return {
        "counts": {key: value for key, value in record["counts"].items() if isinstance(value, int)},
        "seconds": dict(record["timings_s"]),
        "peak_mb": peaks if isinstance(peaks, dict) else {},
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
    import geopandas as gpd
    from shapely import LineString

    from geoklynge.roads import contract, read_network, snap
    from geoklynge.sources import osm
    from geoklynge.study import TravelOptions

    line = LineString([(5e5, 6.2e6), (5.1e5, 6.2e6), (5.2e5, 6.2e6)])
    roads = gpd.GeoDataFrame({"road_class": ["primary"], "oneway": ["both"]}, geometry=[line], crs="EPSG:25832")
    network = read_network(roads, TravelOptions())
    snap(network.xy, network)
    contract(network, np.array([0, 2], dtype=np.int32))
    del osm  # imported for its own imports


def pbf_to_graph(pbf: str, *, cache: str | None = None) -> tuple[dict[str, int], Arrays]:
    """
    Read places, services and roads; build the network; snap; contract.

    Returns
    -------
    tuple
        Counts; and the graph: `indptr`, `targets`, `minutes`, `village_ids` with their `village_node` (-1: none).
    """
    if cache is not None:
        raise NotImplementedError("geoklynge has no cache yet")
    from geoklynge.roads import contract, read_network, snap
    from geoklynge.sources.osm import read_osm
    from geoklynge.study import Sources, Study

    study = Study(name="graph", sources=Sources(osm=(pbf,)))
    osm = read_osm([(Path(pbf), pbf)], study)
    places, services, roads = (table.to_crs("EPSG:25832") for table in (osm.places, osm.services, osm.roads))
    network = read_network(roads, study.travel)
    snapped = [snap(table.geometry.get_coordinates().to_numpy(), network) for table in (places, services)]
    keep = np.concatenate([each.vertex for each in snapped])
    graph, node_of = contract(network, np.unique(keep[keep >= 0]))
    counts = {
        "places": len(places),
        "services": len(services),
        "vertices": len(network.xy),
        "segments": len(network.tail),
        "nodes after contraction": graph.n_nodes,
    }
    vertex = snapped[0].vertex
    return counts, {
        "indptr": graph.indptr,
        "targets": graph.targets,
        "minutes": graph.minutes,
        "village_ids": places["village_id"].to_numpy(dtype=str),
        "village_node": np.where(vertex >= 0, node_of[vertex], -1),
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
    from geoklynge.roads import contract, read_network, snap
    from geoklynge.sources import read_tables
    from geoklynge.study import read_study

    plan = read_study(study)
    tables = read_tables(plan)
    if tables.roads is None:
        raise ValueError(f"{study} has no roads")
    network = read_network(tables.roads, plan.travel)
    ends = [snap(table.geometry.get_coordinates().to_numpy(), network) for table in (tables.villages, tables.services)]
    keep = np.concatenate([end.vertex for end in ends])
    graph, node_of = contract(network, np.unique(keep[keep >= 0]))
    xy = np.empty((graph.n_nodes, 2))
    stays = np.flatnonzero(node_of >= 0)
    xy[node_of[stays]] = network.xy[stays]
    arrays: Arrays = {
        "indptr": graph.indptr,
        "targets": graph.targets,
        "minutes": graph.minutes,
        "xy": xy,
        "service_category": tables.services["category"].to_numpy(dtype=str),
        "limit": np.array(plan.travel.max_minutes),
    }
    for name, end in zip(("village", "service"), ends, strict=True):
        arrays[f"{name}_node"] = np.where(end.vertex >= 0, node_of[end.vertex], -1).astype(np.int32)
        arrays[f"{name}_access"] = end.distance_m / 1000 / plan.travel.off_road_speed_kmh * 60
    return arrays


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
    from geoklynge.roads import RoadGraph
    from geoklynge.travel import Places, travel_between

    graph = RoadGraph(inputs["indptr"], inputs["targets"], inputs["minutes"])
    homes = Places(inputs["village_node"], inputs["village_access"])
    origins = Places(homes.node[:villages], homes.access_minutes[:villages])
    trips = travel_between(graph, origins, homes, float(inputs["limit"]))
    origin, destination = trips.origins().astype(np.int64), trips.destination.astype(np.int64)
    other = origin != destination
    return origin[other], destination[other], trips.minutes[other]


def nearest_minutes(inputs: Arrays, categories: list[str]) -> dict[str, Floats]:
    """Find minutes from every node to the nearest facility of each category, the way to its road not counted."""
    from geoklynge.roads import RoadGraph
    from geoklynge.routing import nearest_seed

    backwards = RoadGraph(inputs["indptr"], inputs["targets"], inputs["minutes"]).reversed()
    found = {}
    for category in categories:
        seeds = np.unique(inputs["service_node"][inputs["service_category"] == category])
        seeds = seeds[seeds >= 0].astype(np.int32)
        found[category] = nearest_seed(
            backwards.indptr, backwards.targets, backwards.minutes, seeds, np.zeros(len(seeds))
        )
    return found


# (d) partitions of the tie network


def partition_inputs(study: str, kept: str) -> dict[str, int]:
    """Read a study up to its ties and keep them in a file for the functions below."""
    from geoklynge.ensemble import FAINT_TIE
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
    strong = (ties.weight >= FAINT_TIE) & eligible[ties.a] & eligible[ties.b]
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
    from geoklynge.ensemble import FAINT_TIE, _shaken_weights

    ties, eligible, _, plan = _kept(kept)
    row = np.cumsum(eligible) - 1
    strong = np.flatnonzero((ties.weight >= FAINT_TIE) & eligible[ties.a] & eligible[ties.b])
    a, b = row[ties.a[strong]], row[ties.b[strong]]
    for number in range(members):
        weight = _shaken_weights(ties, plan, np.random.default_rng([plan.seed, number]))
        resolutions = plan.ensemble.resolutions
        yield int(eligible.sum()), a, b, weight[strong], resolutions[number % len(resolutions)]
