"""
A second opinion: travel times by another road, and every limit verified.

Shares no code with the stages that made the plan (it imports errors, study and tables only). Where the pipeline
contracts chains of road and searches with its own kernel, the checker splits lines where they meet and lets SciPy
search; where the pipeline asks a tree for the nearest vertex, the checker looks at all vertices of a strip.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from .errors import CheckFailedError
from .limits import Facts
from .study import Study, TravelOptions
from .tables import Roads, Tables

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

MARGIN_M = 10_000.0  # around a cluster; times through a cut-out can only be too long, then the whole network decides
SNAP_LIMIT_M = 2_000.0
LARGE_COMPONENT = 500
TOLERANCE_MINUTES = 0.01  # written numbers are rounded to 0.01
ROUNDING_MINUTES = 1e-3  # the plan adds up whole milliseconds, stretch by stretch; the checker rounds nothing


@dataclass(frozen=True)
class Verdict:
    """
    What the checker found.

    `broken` is empty when every cluster keeps every limit, and the numbers written of it (villages, people, longest
    minutes, minutes of the ties inside) are those found again.
    """

    clusters: int
    pairs: int
    largest_difference_minutes: float
    broken: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is broken."""
        return not self.broken

    def raise_if_broken(self) -> None:
        """
        Refuse a result that is wrong.

        Raises
        ------
        CheckFailedError
            With the first broken limits.
        """
        if self.broken:
            more = f"; and {len(self.broken) - 3} more" if len(self.broken) > 3 else ""
            raise CheckFailedError(f"the checker found {'; '.join(self.broken[:3])}{more}")


@dataclass(frozen=True)
class _Network:
    """
    Nodes of the checker's own network: position, arcs with minutes, and where each village stands.

    Without arcs, everybody travels in straight lines at `minutes_per_m`.
    """

    xy: Floats
    arcs: csr_array | None
    node: Longs
    access_minutes: Floats
    minutes_per_m: float = 0.0


def check(clusters: pd.DataFrame, ties: pd.DataFrame, tables: Tables, study: Study) -> Verdict:
    """
    Verify a plan against its limits.

    Parameters
    ----------
    clusters
        One row a cluster with `cluster_id`, `village_ids` (joined by ``; ``), `n_villages`, `population` and
        `max_minutes` as they are to be written.
    ties
        `village_a`, `village_b`, `minutes`, `weight` of all ties of at least the weakest weight.
    tables
        The study's tables.
    study
        Its limits and wishes.
    """
    villages = tables.villages
    row_of = {village_id: row for row, village_id in enumerate(villages["village_id"])}
    members = {
        str(cluster_id): [str(one) for one in str(ids).split("; ")]
        for cluster_id, ids in zip(clusters["cluster_id"], clusters["village_ids"], strict=True)
    }
    broken = _broken_membership(members, row_of)
    if broken:
        return Verdict(len(members), 0, 0.0, tuple(broken))
    rows = {cluster_id: np.sort([row_of[one] for one in ids]) for cluster_id, ids in members.items()}
    broken += _broken_wishes(rows, villages, study)
    network = _network(np.concatenate(list(rows.values())), tables, study)
    strong = ties[ties["weight"] >= study.limits.weakest_tie]
    ends = strong["village_a"].map(row_of).to_numpy(), strong["village_b"].map(row_of).to_numpy()
    differences, pairs = [0.0], 0
    for written in clusters.to_dict("records"):
        here = rows[str(written["cluster_id"])]
        inside = np.isin(ends[0], here) & np.isin(ends[1], here)
        links = _Links(np.searchsorted(here, ends[0][inside]), np.searchsorted(here, ends[1][inside]), strong[inside])
        problems, difference = _judge(written, here, links, _near_minutes(network, here), tables, study)
        if problems:  # a way round may leave the cut-out: the whole network decides
            problems, difference = _judge(written, here, links, _all_minutes(network, here), tables, study)
        pairs += len(here) * (len(here) - 1) // 2
        differences.append(difference)
        broken += [f"{written['cluster_id']}: {problem}" for problem in problems]
    return Verdict(len(members), pairs, float(np.max(differences)), tuple(broken))


@dataclass(frozen=True)
class _Links:
    """Strong ties inside a cluster: the places of both ends among its members, and the ties' rows."""

    left: Longs
    right: Longs
    ties: pd.DataFrame


def _judge(
    written: dict[Hashable, Any], here: Longs, links: _Links, minutes: Floats, tables: Tables, study: Study
) -> tuple[list[str], float]:
    """List what is wrong with one cluster, and the largest difference between its minutes and those written."""
    villages, limit = tables.villages.iloc[here], study.limits.max_minutes
    longest = float(minutes.max(initial=0.0))
    facts = Facts(
        n_villages=len(here),
        people=float(villages["people"].sum()),
        max_minutes=min(longest, limit) if longest <= limit + ROUNDING_MINUTES else longest,
        n_municipalities=villages["municipality_id"].dropna().nunique(),
        largest_place=float(villages["people"].max()),
        connected=_hang_together(len(here), links),
    )
    again = minutes[links.left, links.right]
    gaps = np.abs(
        np.append(again - links.ties["minutes"].to_numpy(np.float64), longest - float(written["max_minutes"]))
    )
    problems = [*study.limits.broken_by(facts), *_wrong_numbers(written, facts)]
    if not (gaps <= TOLERANCE_MINUTES).all():
        problems.append(f"minutes differ by {gaps.max():.3g} from those written")
    if _weights_too_high(links.ties["weight"].to_numpy(np.float64), again, study):
        problems.append("a tie weighs more than its minutes allow")
    return problems, float(gaps.max())


def _weights_too_high(weight: Floats, minutes: Floats, study: Study) -> bool:
    """Tell whether a tie outweighs its proximity together with three other layers that are all 1."""
    given = study.ties.weights
    share = given.proximity / (given.proximity + given.overlap + given.complementarity + given.identity)
    most = share * 2.0 ** -((minutes / study.ties.half_minutes[study.travel.mode]) ** 2) + 1 - share
    return not bool((weight <= most + 1e-3).all())


def _broken_membership(members: dict[str, list[str]], row_of: dict[str, int]) -> list[str]:
    everyone = [one for ids in members.values() for one in ids]
    twice = sorted({one for one in everyone if everyone.count(one) > 1}) if len(set(everyone)) < len(everyone) else []
    unknown = sorted(set(everyone) - set(row_of))
    if not members:
        return ["there is no cluster"]
    return [f"village {one} is in two clusters" for one in twice] + [
        f"village {one} is not in the study" for one in unknown
    ]


def _broken_wishes(rows: dict[str, Longs], villages: pd.DataFrame, study: Study) -> list[str]:
    cluster_of = {int(row): cluster_id for cluster_id, here in rows.items() for row in here}
    by_id = {str(one): row for row, one in enumerate(villages["village_id"])}
    by_name = {str(one).casefold(): row for row, one in enumerate(villages["name"])}
    broken = []
    for group in study.planner.must_link:
        held = [cluster_of.get(by_id.get(name, by_name.get(name.casefold(), -1))) for name in group]
        if None in held or len(set(held)) > 1:
            broken.append(f"{', '.join(group)} are to be linked and are not in one cluster")
    for group in study.planner.cannot_link:
        held = [cluster_of.get(by_id.get(name, by_name.get(name.casefold(), -1))) for name in group]
        placed = [one for one in held if one is not None]
        if len(set(placed)) < len(placed):
            broken.append(f"{', '.join(group)} are to be kept apart and share a cluster")
    return broken


def _hang_together(n_members: int, links: _Links) -> bool:
    ties = coo_array((np.ones(len(links.left)), (links.left, links.right)), shape=(n_members, n_members))
    return bool(connected_components(ties.tocsr(), directed=False)[0] == 1)


def _wrong_numbers(written: dict[Hashable, Any], facts: Facts) -> list[str]:
    wrong = []
    if written["n_villages"] != facts.n_villages:
        wrong.append(f"n_villages is {facts.n_villages}, not {written['n_villages']}")
    if not abs(written["population"] - facts.people) <= 0.5:
        wrong.append(f"population is {facts.people:.0f}, not {written['population']}")
    return wrong


def _network(members: Longs, tables: Tables, study: Study) -> _Network:
    """Build the checker's own network: roads, else links, else none (straight lines)."""
    if tables.roads is not None:
        return _split_lines(tables.roads, tables.villages, np.unique(members), study.travel)
    if tables.links is not None:
        return _village_links(tables, study.travel)
    xy = shapely.get_coordinates(tables.villages.geometry.to_numpy())
    options = study.travel
    per_m = options.detour * 60 / (1000 * options.plain_speed_kmh[options.mode])
    return _Network(xy, None, np.arange(len(xy)), np.zeros(len(xy)), per_m)


def _near_minutes(network: _Network, here: Longs) -> Floats:
    """Minutes between members, the slower direction, by the roads around them."""
    if network.arcs is None:
        apart = network.xy[here][:, None] - network.xy[here][None, :]
        straight: Floats = np.hypot(apart[:, :, 0], apart[:, :, 1]) * network.minutes_per_m
        return straight
    node = network.node[here]
    if (node < 0).any():
        return np.full((len(here), len(here)), np.inf)
    low, high = network.xy[node].min(axis=0) - MARGIN_M, network.xy[node].max(axis=0) + MARGIN_M
    inside = np.flatnonzero(((network.xy >= low) & (network.xy <= high)).all(axis=1))
    arcs = network.arcs[inside][:, inside]
    return _slower_direction(arcs, np.searchsorted(inside, node), network.access_minutes[here])


def _all_minutes(network: _Network, here: Longs) -> Floats:
    """Minutes between members, the slower direction, by all roads there are."""
    if network.arcs is None or (network.node[here] < 0).any():
        return _near_minutes(network, here)
    return _slower_direction(network.arcs, network.node[here], network.access_minutes[here])


def _slower_direction(arcs: csr_array, node: Longs, access: Floats) -> Floats:
    on_road = np.atleast_2d(dijkstra(arcs, indices=node))[:, node]
    minutes = on_road + access[:, None] + access[None, :]
    np.fill_diagonal(minutes, 0.0)
    slower: Floats = np.maximum(minutes, minutes.T)
    return slower


def _village_links(tables: Tables, options: TravelOptions) -> _Network:
    assert tables.links is not None  # noqa: S101  # the caller looked
    order = {village_id: row for row, village_id in enumerate(tables.villages["village_id"])}
    a = tables.links["village_a"].map(order).to_numpy()
    b = tables.links["village_b"].map(order).to_numpy()
    table = options.speed_of_class()
    kmh = np.array(
        [
            _car_speed(table.get(str(one), table["secondary"]).posted_kmh, str(one), table)
            if options.mode == "car"
            else options.plain_speed_kmh[options.mode]
            for one in tables.links.get("road_class", pd.Series("secondary", index=tables.links.index))
        ]
    )
    minutes = np.maximum(tables.links["road_km"].to_numpy(dtype=np.float64) * 60 / kmh, 1e-5)
    n_villages = len(tables.villages)
    arcs = _fastest(np.concatenate([a, b]), np.concatenate([b, a]), np.tile(minutes, 2), n_villages)
    xy = shapely.get_coordinates(tables.villages.geometry.to_numpy())
    return _Network(xy, arcs, np.arange(n_villages), np.zeros(n_villages))


def _car_speed(posted_kmh: float, road_class: str, table: object) -> float:
    speeds = dict(table)  # type: ignore[call-overload]
    return posted_kmh * float(speeds.get(road_class, speeds["secondary"]).factor)


def _fastest(tails: Longs, heads: Longs, minutes: Floats, n_nodes: int) -> csr_array:
    """Sparse matrix of arcs; of several between two nodes the fastest (SciPy would add them up)."""
    arcs = pd.DataFrame({"tail": tails, "head": heads, "minutes": minutes})
    arcs = arcs[np.isfinite(arcs["minutes"]) & (arcs["tail"] != arcs["head"])]
    fastest = arcs.groupby(["tail", "head"], sort=True)["minutes"].min().reset_index()
    return csr_array(coo_array((fastest["minutes"], (fastest["tail"], fastest["head"])), shape=(n_nodes, n_nodes)))


def _split_lines(roads: Roads, villages: gpd.GeoDataFrame, wanted: Longs, options: TravelOptions) -> _Network:
    """Split every line where another one meets it, where it ends, and where a village joins it."""
    kmh = _kmh(roads, options)
    roads, kmh = roads.take(kmh > 0), kmh[kmh > 0]
    points, line = roads.xy[roads.vertex], roads.line_of_point()
    centimetres = np.round((points - points.min(axis=0)) * 100).astype(np.int64)
    vertex = pd.factorize(centimetres[:, 0] * 10**10 + centimetres[:, 1])[0]
    first = np.unique(vertex, return_index=True)[1]
    xy = points[first]
    starts = np.flatnonzero(np.r_[True, line[1:] != line[:-1]])
    ends = np.r_[starts[1:] - 1, len(line) - 1]
    component = _component_of_vertices(vertex, starts, ends, roads, len(xy))
    joins, distance_m = _nearest_vertices(villages, wanted, xy, component)
    split_here = np.bincount(vertex, minlength=len(xy)) > 1
    split_here[vertex[starts]] = split_here[vertex[ends]] = split_here[joins[wanted]] = True
    cuts = np.flatnonzero(split_here[vertex])
    length_m = np.r_[np.hypot(*(points[1:] - points[:-1]).T), 0.0]
    length_m[ends] = 0.0
    piece_m = np.add.reduceat(length_m, cuts)
    piece = np.flatnonzero(line[cuts[1:]] == line[cuts[:-1]])
    node_of = np.cumsum(split_here) - 1
    tail, head = node_of[vertex[cuts[piece]]], node_of[vertex[cuts[piece + 1]]]
    minutes = piece_m[piece] * 60 / (1000 * kmh[line[cuts[piece]]])
    oneway = roads.oneway[line[cuts[piece]]]
    ahead, back = oneway >= 0, oneway <= 0
    arcs = _fastest(
        np.concatenate([tail[ahead], head[back]]),
        np.concatenate([head[ahead], tail[back]]),
        np.concatenate([minutes[ahead], minutes[back]]),
        int(split_here.sum()),
    )
    node = np.where(joins >= 0, node_of[joins], -1)
    return _Network(xy[split_here], arcs, node, distance_m * 60 / (1000 * options.off_road_speed_kmh))


def _kmh(roads: Roads, options: TravelOptions) -> Floats:
    names = np.array(roads.classes, dtype=object)[roads.class_of]
    if options.mode != "car":
        return np.where(np.isin(names, ["motorway", "trunk"]), 0.0, options.plain_speed_kmh[options.mode])
    table = options.speed_of_class()
    return np.array(
        [
            (limit if limit > 0 else table[road_class].posted_kmh) * table[road_class].factor
            if road_class in table
            else 0.0
            for road_class, limit in zip(names, roads.speed_kmh, strict=True)
        ]
    )


def _component_of_vertices(vertex: Longs, starts: Longs, ends: Longs, roads: Roads, n_vertices: int) -> Longs:
    """Give a number to each part of the network; with one-way roads, those within which one can also drive back."""
    along = np.ones(len(vertex), dtype=bool)
    along[ends] = False
    here = np.flatnonzero(along)
    tail, head = vertex[here], vertex[here + 1]
    if roads.oneway.any():
        way = np.repeat(roads.oneway, ends - starts + 1)[here]
        ahead, back = way >= 0, way <= 0
        tail, head = np.r_[tail[ahead], head[back]], np.r_[head[ahead], tail[back]]
        steps = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(n_vertices, n_vertices))
        label = connected_components(steps.tocsr(), directed=True, connection="strong")[1]
    else:
        steps = coo_array((np.ones(len(tail), dtype=np.int8), (tail, head)), shape=(n_vertices, n_vertices))
        label = connected_components(steps.tocsr(), directed=False)[1]
    return label.astype(np.int64)


def _nearest_vertices(villages: gpd.GeoDataFrame, wanted: Longs, xy: Floats, component: Longs) -> tuple[Longs, Floats]:
    """Look through the strip of vertices around each wanted village for the nearest one of a large component."""
    size = np.bincount(component)[component]
    by_x = np.argsort(xy[:, 0], kind="stable")
    sorted_x = xy[by_x, 0]
    joins = np.full(len(villages), -1, dtype=np.int64)
    distance = np.full(len(villages), np.inf)
    points = shapely.get_coordinates(villages.geometry.to_numpy())
    for row in wanted:
        low, high = np.searchsorted(sorted_x, points[row, 0] + np.array([-SNAP_LIMIT_M, SNAP_LIMIT_M]))
        strip = by_x[low:high]
        strip = strip[np.abs(xy[strip, 1] - points[row, 1]) <= SNAP_LIMIT_M]
        away = np.hypot(*(xy[strip] - points[row]).T)
        strip, away = strip[away <= SNAP_LIMIT_M], away[away <= SNAP_LIMIT_M]
        large = size[strip] >= LARGE_COMPONENT
        if not large.any():
            large = size[strip] == size[strip].max(initial=0)
        if large.any():
            best = np.argmin(np.where(large, away, np.inf))
            joins[row], distance[row] = strip[best], away[best]
    return joins, distance
