"""Shapes and colours: areas made light enough to embed, neighbours that differ, signs for services."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from ..tables import Tables

DEGREE_DIGITS = 5  # about a metre
NEIGHBOUR_M = 6_000.0  # clusters nearer than this get different colours

# Paul Tol's "muted" scheme, told apart with every common colour vision (SRON/EPS/TN/09-002, 2021)
MUTED = ("#44aa99", "#cc6677", "#332288", "#ddcc77", "#882255", "#88ccee", "#117733", "#aa4499", "#999933")
# Okabe and Ito (2008), for services; hollow ones double the number of signs
SIGNS = ("#0072b2", "#d55e00", "#009e73", "#b8860b", "#cc79a7", "#56b4e9", "#7a3b00", "#222222")
SHAPES = ("square", "circle", "diamond", "triangle", "cross", "star", "down", "pentagon")
MAIN_ROADS = ("motorway", "trunk", "primary")

Shapes = NDArray[np.object_]


def cluster_colours(areas: Shapes) -> list[str]:
    """
    Give each area a colour that no area nearby has, as far as nine colours reach.

    Areas take turns in their order; each takes, among the colours its neighbours have least, the one that is used
    least so far.
    """
    nearby = [[] for _ in areas]  # type: list[list[int]]
    left, right = shapely.STRtree(areas).query(areas, predicate="dwithin", distance=NEIGHBOUR_M)
    for a, b in zip(left.tolist(), right.tolist(), strict=True):
        if b < a:
            nearby[a].append(b)
    used = [0] * len(MUTED)
    chosen: list[int] = []
    for number in range(len(areas)):
        around = [chosen[other] for other in nearby[number]]
        colour = min(range(len(MUTED)), key=lambda c: (around.count(c), used[c], c))
        used[colour] += 1
        chosen.append(colour)
    return [MUTED[colour] for colour in chosen]


def service_signs(categories: list[str]) -> dict[str, dict[str, Any]]:
    """Give each category a colour and a shape, told apart without the other; from the ninth on, a hollow sign."""
    return {
        key: {
            "colour": SIGNS[k % len(SIGNS)],
            "shape": SHAPES[k % len(SHAPES)],
            "hollow": k // len(SIGNS) % 2 == 1,
        }
        for k, key in enumerate(categories)
    }


def light_areas(areas: Shapes, crs: CRS, tolerance_m: float) -> list[dict[str, Any]]:
    """Simplify areas together, so that neighbours still meet, and give them as GeoJSON geometries."""
    simple = shapely.coverage_simplify(areas, tolerance_m)
    return [_geojson(shape) for shape in _in_degrees(simple, crs)]


def land_of(borders: gpd.GeoDataFrame, frame: shapely.Geometry, tolerance_m: float) -> dict[str, Any] | None:
    """Join areas to the land they cover, cut to a frame."""
    inside = _touching(borders, frame)
    if not len(inside):
        return None
    land = shapely.simplify(shapely.union_all(inside), tolerance_m)
    return _one_geojson(shapely.intersection(shapely.make_valid(land), frame), borders.crs)


def border_lines(borders: gpd.GeoDataFrame, frame: shapely.Geometry, tolerance_m: float) -> dict[str, Any] | None:
    """Draw the borders of areas as lines, each once, cut to a frame."""
    inside = _touching(borders, frame)
    if not len(inside):
        return None
    lines = shapely.get_parts(shapely.line_merge(shapely.union_all(shapely.boundary(inside))))
    # line by line: their ends, where borders meet, stay; simplified as one, each would be held against all others
    simple = shapely.MultiLineString(list(shapely.simplify(lines, tolerance_m)))
    return _one_geojson(shapely.intersection(simple, frame), borders.crs)


def main_roads(tables: Tables, frame: shapely.Geometry, tolerance_m: float) -> dict[str, Any] | None:
    """Draw motorways, trunk and primary roads, cut to a frame; none where the study has no roads."""
    roads = tables.roads
    if roads is None:
        return None
    main = roads.take(np.isin(np.array(roads.classes, dtype=object), MAIN_ROADS)[roads.class_of])
    if not len(main):
        return None
    line = np.repeat(np.arange(len(main)), np.diff(main.indptr))
    lines = shapely.linestrings(main.xy[main.vertex], indices=line)
    merged = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(np.asarray(lines, dtype=object))))
    simple = shapely.MultiLineString(list(shapely.simplify(merged, tolerance_m)))
    return _one_geojson(shapely.intersection(simple, frame), tables.crs)


def frame_around(villages: gpd.GeoDataFrame, margin_m: float) -> shapely.Geometry:
    """Lay a box around the villages."""
    west, south, east, north = villages.total_bounds
    box: shapely.Geometry = shapely.box(west - margin_m, south - margin_m, east + margin_m, north + margin_m)
    return box


def _touching(borders: gpd.GeoDataFrame, frame: shapely.Geometry) -> Shapes:
    shapes: Shapes = borders.geometry[borders.geometry.notna()].to_numpy()
    return shapes[shapely.intersects(shapes, frame)]


def _in_degrees(shapes: Shapes, crs: CRS) -> Shapes:
    turn = Transformer.from_crs(crs, 4326, always_xy=True)

    def to_degrees(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        lon, lat = turn.transform(xy[:, 0], xy[:, 1])
        return np.column_stack([lon, lat]).round(DEGREE_DIGITS)

    turned: Shapes = shapely.transform(shapes, to_degrees)
    return turned


def _one_geojson(shape: shapely.Geometry, crs: CRS) -> dict[str, Any] | None:
    return None if shapely.is_empty(shape) else _geojson(_in_degrees(np.array([shape], dtype=object), crs)[0])


def _geojson(shape: shapely.Geometry) -> dict[str, Any]:
    geometry: dict[str, Any] = json.loads(shapely.to_geojson(shape))
    return geometry
