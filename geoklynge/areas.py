"""The ground a cluster covers on the map: the cells of its villages, not beyond 2.5 km, not into the sea."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from .tables import Tables
from .village_sets import VillageSets

REACH_M = 2_500.0
GRID_M = 1.0  # outlines are rounded to metres, which also keeps them valid
RING_M = 0.25  # around which villages with one position are placed to share its land


def cluster_areas(sets: VillageSets, tables: Tables) -> gpd.GeoSeries:
    """
    Draw each set of villages as an area.

    A village's cell is the land nearer to it than to any other village (Voronoi 1908), cut to 2.5 km around it and,
    where parishes with borders are given, to the parishes' land. A set's area is its members' cells together; areas
    of sets without a common village do not overlap.

    Returns
    -------
    gpd.GeoSeries
        One polygon or multipolygon a set, in the tables' CRS.
    """
    points = tables.villages.geometry.to_numpy()
    wanted = np.unique(sets.member)
    cells = np.full(len(points), None, dtype=object)
    cells[wanted] = shapely.intersection(_nearest_land(points)[wanted], shapely.buffer(points[wanted], REACH_M))
    areas = [_polygons(shapely.union_all(cells[sets.rows(number)])) for number in range(len(sets))]
    return gpd.GeoSeries(_land(areas, tables.parishes), crs=tables.crs)


def _nearest_land(points: NDArray[np.object_]) -> NDArray[np.object_]:
    """Voronoi cell of each point; points at one place stand in a ring, so that each has its part of the land."""
    xy = shapely.get_coordinates(points).round(2)
    at_place = pd.DataFrame(xy).groupby([0, 1])
    among = at_place[0].transform("size").to_numpy()
    angle = 2 * np.pi * at_place.cumcount().to_numpy() / among
    xy += np.where(among > 1, RING_M, 0.0)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    places, place = np.unique(xy, axis=0, return_inverse=True)
    low, high = places.min(axis=0) - 2 * REACH_M, places.max(axis=0) + 2 * REACH_M
    frame = shapely.box(*low, *high)
    if len(places) == 1:
        return np.full(len(points), frame, dtype=object)
    diagram = shapely.voronoi_polygons(shapely.multipoints(places), extend_to=frame, ordered=True)
    cells: NDArray[np.object_] = shapely.get_parts(diagram)[place]
    return cells


def _land(areas: list[shapely.Geometry], parishes: gpd.GeoDataFrame | None) -> list[shapely.Geometry]:
    """Cut areas to the parishes' land; an area that would vanish stays as it is."""
    if parishes is None or parishes.geometry.isna().all():
        return areas
    land = parishes.geometry[parishes.geometry.notna()].to_numpy()
    tree = shapely.STRtree(land)
    under = (land[np.sort(tree.query(area, predicate="intersects"))] for area in areas)
    cut = [
        _polygons(shapely.intersection(area, shapely.union_all(here))) for area, here in zip(areas, under, strict=True)
    ]
    return [area if shapely.is_empty(part) else part for area, part in zip(areas, cut, strict=True)]


def _polygons(area: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygonal part, on a grid of whole metres."""
    parts = shapely.get_parts(shapely.set_precision(area, GRID_M))
    return shapely.union_all(parts[shapely.area(parts) > 0])
