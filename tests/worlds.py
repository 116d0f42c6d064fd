"""Small made-up countries that tests can draw by hand."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS
from scipy.sparse.csgraph import connected_components

from geoklynge.candidates import Pool, propose
from geoklynge.sources.lines import roads_of as flatten_lines
from geoklynge.study import Study
from geoklynge.tables import Roads, Tables, people_of
from geoklynge.ties import Ties, tie_villages
from geoklynge.travel import Basis, Travel, measure_travel
from geoklynge.trips import Trips

CRS_DK = CRS.from_epsg(25832)


def study(**parts: object) -> Study:
    """Make a study of nothing in particular, with defaults where no part is given."""
    return Study(**{"name": "test", "sources": {"villages": "villages.csv"}, **parts})


def villages_at(
    points: Sequence[tuple[float, float]], *, people: Sequence[int | None] | None = None, **columns: Sequence[object]
) -> gpd.GeoDataFrame:
    """Villages v00, v01, … at points in metres."""
    n = len(points)
    table = pd.DataFrame(
        {
            "village_id": pd.array([f"v{k:02d}" for k in range(n)], dtype="string"),
            "name": pd.array([f"Village {k}" for k in range(n)], dtype="string"),
            "kind": pd.array(["village"] * n, dtype="string"),
            "population": pd.array(people or [200] * n, dtype="Int64"),
            "municipality_id": pd.array(["0706"] * n, dtype="string"),
            "municipality": pd.array(["Syddjurs"] * n, dtype="string"),
            "parish_id": pd.array([None] * n, dtype="string"),
            "parish": pd.array([None] * n, dtype="string"),
        }
    )
    for name, values in columns.items():
        table[name] = pd.array(list(values), dtype="string")
    table["people"] = people_of(table, {"hamlet": 50.0, "village": 300.0})
    return gpd.GeoDataFrame(table, geometry=shapely.points(np.array(points, dtype=float)), crs=CRS_DK)


def services_at(rows: Sequence[tuple[str, float, float, str | None]]) -> gpd.GeoDataFrame:
    """Services (category, x, y, village_id)."""
    table = pd.DataFrame(
        {
            "service_id": pd.array([f"s{k:02d}" for k in range(len(rows))], dtype="string"),
            "name": pd.array([f"{row[0]} {k}" for k, row in enumerate(rows)], dtype="string"),
            "category": pd.array([row[0] for row in rows], dtype="string"),
            "village_id": pd.array([row[3] for row in rows], dtype="string"),
        }
    )
    points = shapely.points(np.array([row[1:3] for row in rows], dtype=float).reshape(-1, 2))
    return gpd.GeoDataFrame(table, geometry=points, crs=CRS_DK)


def roads_of(
    lines: Sequence[Sequence[tuple[float, float]]],
    *,
    speed_kmh: Sequence[float | None] | float | None = 60.0,
    oneway: Sequence[str] | None = None,
    road_class: str | Sequence[str] = "secondary",
) -> Roads:
    """Road lines in metres; a speed is a posted limit."""
    speeds = list(speed_kmh) if isinstance(speed_kmh, Sequence) else [speed_kmh] * len(lines)
    classes = [road_class] * len(lines) if isinstance(road_class, str) else road_class
    table = {
        "road_class": pd.array(classes, dtype="string"),
        "speed_kmh": np.array([np.nan if one is None else one for one in speeds], dtype=float),
        "oneway": pd.array(oneway or ["both"] * len(lines), dtype="string"),
    }
    return flatten_lines(gpd.GeoDataFrame(table, geometry=[shapely.LineString(line) for line in lines], crs=CRS_DK))


def grid_roads(side: int, *, step_m: float = 300.0, seed: int = 0, drop: float = 0.2, oneway: float = 0.0) -> Roads:
    """Lay a grid of bent streets with some missing, some fast, some one-way."""
    rng = np.random.default_rng(seed)
    lines = []
    for x in range(side):
        for y in range(side):
            for dx, dy in ((1, 0), (0, 1)):
                if x + dx < side and y + dy < side and rng.random() > drop:
                    start, end = np.array([x, y]) * step_m, np.array([x + dx, y + dy]) * step_m
                    bends = [start + (end - start) * f + rng.normal(0, 20, 2) for f in (0.25, 0.5, 0.75)]
                    lines.append([tuple(start), *map(tuple, bends), tuple(end)])
    ways = np.where(rng.random(len(lines)) < oneway, "forward", "both").tolist()
    return roads_of(lines, speed_kmh=rng.choice([30.0, 50.0, 80.0], len(lines)).tolist(), oneway=ways)


def tables_of(
    villages: gpd.GeoDataFrame,
    services: gpd.GeoDataFrame | None = None,
    *,
    roads: Roads | None = None,
    links: pd.DataFrame | None = None,
) -> Tables:
    """Tables of a made-up country."""
    return Tables(
        villages=villages, services=services if services is not None else services_at([]), crs=CRS_DK,
        roads=roads, links=links,
    )  # fmt: skip


def random_country(
    seed: int, *, villages: int = 30, side_m: float = 16_000.0, services: int = 25, islands: bool = False
) -> Tables:
    """
    Scatter villages over two municipalities and a few parishes, with services in and outside them.

    Village 0 is a town, 1 and 2 share a position, each tenth has no known population, and two have names that a web
    page could stumble over. With `islands` the travel is along links, and the west has none to the east.
    """
    rng = np.random.default_rng(seed)
    points = np.round(rng.uniform(0, side_m, (villages, 2)))
    points[2 % villages] = points[1 % villages]
    people: list[int | None] = [int(one) for one in rng.lognormal(5.3, 0.8, villages)]
    people[0] = 9_000
    people[4::10] = [None] * len(people[4::10])
    names = [f"Village {k}" for k in range(villages)]
    names[:2] = ["Ærø </script>", "Ålbæk & Øby"][:villages]
    west = points[:, 0] < side_m / 2
    parish = [f"p{int(x // 4_000)}{int(y // 4_000)}" for x, y in points]
    table = villages_at(
        [tuple(point) for point in points],
        people=people,
        name=names,
        parish_id=[None if k % 7 == 3 else one for k, one in enumerate(parish)],
        parish=parish,
        municipality_id=np.where(west, "0706", "0707").tolist(),
        municipality=np.where(west, "Syddjurs", "Norddjurs").tolist(),
    )
    stands = rng.integers(0, villages + 3, services)  # the last three numbers: in no village
    homes = points[stands % villages] + rng.integers(-300, 300, (services, 2))
    rows = [
        (
            str(rng.choice(["school", "grocery", "church", "doctor"])),
            x,
            y,
            f"v{at:02d}" if at < villages else None,
        )
        for at, (x, y) in zip(stands, homes, strict=True)
    ]
    return tables_of(table, services_at(rows), links=_short_links(points, west) if islands else None)


def _short_links(points: np.ndarray, west: np.ndarray) -> pd.DataFrame:
    """Link every village to its five nearest on its own side."""
    ends = set()
    for home, point in enumerate(points):
        same = np.flatnonzero((west == west[home]) & (np.arange(len(points)) != home))
        near = same[np.argsort(np.hypot(*(points[same] - point).T), kind="stable")][:5]
        ends |= {(min(home, int(other)), max(home, int(other))) for other in near}
    a, b = (np.array(side) for side in zip(*sorted(ends), strict=True))
    return pd.DataFrame(
        {
            "village_a": pd.array([f"v{k:02d}" for k in a], dtype="string"),
            "village_b": pd.array([f"v{k:02d}" for k in b], dtype="string"),
            "road_km": np.hypot(*(points[a] - points[b]).T) / 1000,
            "road_class": pd.array(["secondary"] * len(a), dtype="string"),
        }
    )


def pool_of(tables: Tables, a_study: Study) -> tuple[Travel, Ties, Pool]:
    """Take tables through the method as far as the pool."""
    travel = measure_travel(tables, a_study.travel)
    ties = tie_villages(tables, travel, a_study)
    return travel, ties, propose(tables, travel, ties, a_study)


def trips_of(minutes: Sequence[Sequence[float]] | np.ndarray) -> Trips:
    """Trips by a table of minutes, origins by destinations; infinite where nobody gets."""
    table = np.array(minutes, dtype=float)
    origin, destination = np.nonzero(np.isfinite(table))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(origin, minlength=len(table)))]).astype(np.int64)
    return Trips(indptr, destination.astype(np.int32), table[origin, destination])


def row_of(*places: float) -> np.ndarray:
    """Minutes between places in a row, given where each lies."""
    return np.abs(np.subtract.outer(places, places)).astype(float)


def travel_of(
    tables: Tables, between: Sequence[Sequence[float]] | np.ndarray, to_services: np.ndarray | None = None
) -> Travel:
    """Travel by tables of minutes, of which the way from a village to itself does not count."""
    n, m = len(tables.villages), len(tables.services)
    there = np.full((n, m), np.inf) if to_services is None else np.asarray(to_services, dtype=float)
    category = tables.services["category"].to_numpy(dtype=object)
    nearest = {key: there[:, category == key].min(axis=1) for key in sorted(set(category))}
    ways = np.array(between, dtype=float)
    np.fill_diagonal(ways, np.inf)
    _, component = connected_components(np.isfinite(ways) & np.isfinite(ways.T), directed=False)
    return Travel(
        trips_of(ways),
        trips_of(there),
        pd.DataFrame(nearest, index=pd.Index(tables.villages["village_id"], name="village_id")).replace(np.inf, np.nan),
        component.astype(np.int32),
        Basis.ROADS,
        (),
    )
