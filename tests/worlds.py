"""Small made-up countries that tests can draw by hand."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from geoklynge.study import Study
from geoklynge.tables import Tables, people_of

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
    road_class: str = "secondary",
) -> gpd.GeoDataFrame:
    """Road lines in metres; a speed is a posted limit."""
    speeds = list(speed_kmh) if isinstance(speed_kmh, Sequence) else [speed_kmh] * len(lines)
    table = {
        "road_class": pd.array([road_class] * len(lines), dtype="string"),
        "speed_kmh": np.array([np.nan if one is None else one for one in speeds], dtype=float),
        "oneway": pd.array(oneway or ["both"] * len(lines), dtype="string"),
    }
    return gpd.GeoDataFrame(table, geometry=[shapely.LineString(line) for line in lines], crs=CRS_DK)


def grid_roads(
    side: int, *, step_m: float = 300.0, seed: int = 0, drop: float = 0.2, oneway: float = 0.0
) -> gpd.GeoDataFrame:
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
    roads: gpd.GeoDataFrame | None = None,
    links: pd.DataFrame | None = None,
) -> Tables:
    """Tables of a made-up country."""
    return Tables(
        villages=villages, services=services if services is not None else services_at([]), crs=CRS_DK,
        roads=roads, links=links,
    )  # fmt: skip
