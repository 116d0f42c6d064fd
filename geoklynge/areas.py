"""The ground a cluster covers on the map: the cells of its villages, not beyond 2.5 km, not into the sea."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from .tables import Tables
from .village_sets import VillageSets

REACH_M = 2_500.0
GRID_M = 1.0  # outlines are rounded to metres, which also keeps them valid


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
    areas = [shapely.union_all(cells[sets.rows(number)]) for number in range(len(sets))]
    land = _land(np.array(areas, dtype=object), tables.parishes)
    return gpd.GeoSeries([_polygons(area) for area in land], crs=tables.crs)


def _nearest_land(points: NDArray[np.object_]) -> NDArray[np.object_]:
    """Voronoi cell of each point; points at one place share a cell."""
    places, place = np.unique(shapely.get_coordinates(points), axis=0, return_inverse=True)
    low, high = places.min(axis=0) - 2 * REACH_M, places.max(axis=0) + 2 * REACH_M
    frame = shapely.box(*low, *high)
    if len(places) == 1:
        return np.full(len(points), frame, dtype=object)
    diagram = shapely.voronoi_polygons(shapely.multipoints(places), extend_to=frame, ordered=True)
    cells: NDArray[np.object_] = shapely.get_parts(diagram)[place]
    return cells


def _land(areas: NDArray[np.object_], parishes: gpd.GeoDataFrame | None) -> NDArray[np.object_]:
    """Cut areas to the parishes' land; an area that would vanish stays as it is."""
    if parishes is None or parishes.geometry.isna().all():
        return areas
    land = parishes.geometry[parishes.geometry.notna()].to_numpy()
    tree = shapely.STRtree(land)
    cut = [
        shapely.intersection(area, shapely.union_all(land[np.sort(tree.query(area, predicate="intersects"))]))
        for area in areas
    ]
    return np.array(
        [area if shapely.is_empty(part) else part for area, part in zip(areas, cut, strict=True)], dtype=object
    )


def _polygons(area: shapely.Geometry) -> shapely.Geometry:
    """Keep the polygonal part, on a grid of whole metres."""
    parts = shapely.get_parts(shapely.set_precision(area, GRID_M))
    return shapely.union_all(parts[shapely.area(parts) > 0])
