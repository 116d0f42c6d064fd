"""The ground a cluster covers on the map: the cells of its villages, not beyond 2.5 km, not into the sea."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import KDTree

from .tables import Tables
from .village_sets import VillageSets

REACH_M = 2_500.0
GRID_M = 1.0  # outlines are rounded to metres, which also keeps them valid
BEND_M = 10.0  # bends of outlines that take or give less than this squared are cut: 0.2 mm on a map of 1:50,000
CRACK_M = 5.0  # water narrower than this is a crack between parishes whose borders were not drawn alike
RING_M = 0.25  # around which villages with one position are placed to share its land

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Shapes = NDArray[np.object_]


def cluster_areas(sets: VillageSets, tables: Tables) -> gpd.GeoSeries:
    """
    Draw sets of villages as areas that neither overlap nor leave cracks between them.

    A village's cell is the land nearer to it than to any other village (Voronoi 1908), cut to 2.5 km around it and,
    where parishes with borders are given, to the parishes' land. A set's area is its members' cells together. All
    outlines are simplified as one net (Visvalingam and Whyatt 1993), so that neighbours still share theirs; a corner
    that this cuts or fills is no larger than 100 square metres.

    Parameters
    ----------
    sets
        Sets of villages; no village is in two of them.
    tables
        For the villages and, if given, the parishes.

    Returns
    -------
    gpd.GeoSeries
        One polygon or multipolygon a set, in the tables' CRS; corners at whole metres.
    """
    points = tables.villages.geometry.to_numpy()
    places = _places(points)
    set_of = sets.set_of_village()
    reach = shapely.union_all(shapely.buffer(points[sets.member], REACH_M))
    land = _land(tables.parishes)
    # one net of all lines on the grid: what is made of its faces fits together corner by corner
    lines = [_borders(_cells(places), set_of), shapely.boundary(reach), _borders(land, np.zeros(len(land)))]
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines, grid_size=GRID_M)]))
    spots = shapely.point_on_surface(faces)
    owner = set_of[KDTree(places).query(shapely.get_coordinates(spots))[1]]
    owner[~_within([reach], spots)] = -1
    if len(land):
        narrow = 2 * shapely.area(faces) < CRACK_M * shapely.length(faces)
        owner = _cut_to_land(owner, narrow | _within(land, spots), len(sets))
    order = np.argsort(owner, kind="stable")
    own = np.split(faces[order], np.searchsorted(owner[order], np.arange(len(sets))))[1:]
    areas = [shapely.coverage_union_all(each) for each in own]
    return gpd.GeoSeries(shapely.coverage_simplify(areas, BEND_M), crs=tables.crs)


def _places(points: Shapes) -> Floats:
    """Coordinates of the villages; those at one place stand on a spiral, so that each has its part of the land."""
    xy = shapely.get_coordinates(points).round(2)
    at_place = pd.DataFrame(xy).groupby([0, 1])
    among, number = at_place[0].transform("size").to_numpy(), at_place.cumcount().to_numpy()
    angle = 1 + 2 * np.pi * number / among
    # no circle: four points on one have no clear Voronoi cells
    radius = np.where(among > 1, RING_M * (1 + number / among), 0.0)
    places: Floats = xy + radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return places


def _cells(places: Floats) -> Shapes:
    """Voronoi cell of each place, as far as a frame well beyond all of them."""
    distinct, number = np.unique(places, axis=0, return_inverse=True)
    low, high = distinct.min(axis=0) - 2 * REACH_M, distinct.max(axis=0) + 2 * REACH_M
    frame = shapely.box(*low, *high)
    if len(distinct) == 1:
        return np.full(len(places), frame, dtype=object)
    diagram = shapely.voronoi_polygons(shapely.multipoints(distinct), extend_to=frame, ordered=True)
    cells: Shapes = shapely.get_parts(diagram)[number]
    return cells


def _land(parishes: gpd.GeoDataFrame | None) -> Shapes:
    """Parishes with a border; none where the study has none."""
    if parishes is None:
        return np.empty(0, dtype=object)
    land: Shapes = parishes.geometry[parishes.geometry.notna()].to_numpy()
    return land


def _borders(shapes: Shapes, owner: NDArray[Any]) -> shapely.Geometry:
    """Outlines of what the shapes of each owner are together, found side by side, without uniting any."""
    parts, shape = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    corners, ring = shapely.get_coordinates(rings, return_index=True)
    side = np.flatnonzero(ring[1:] == ring[:-1])
    start, end, owned_by = corners[side], corners[side + 1], owner[shape[part[ring[side]]]]
    turned = (start[:, 0] > end[:, 0]) | ((start[:, 0] == end[:, 0]) & (start[:, 1] > end[:, 1]))
    sides = np.where(turned[:, None], np.hstack([end, start]), np.hstack([start, end]))
    _, name, times = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    some_owner, shared_out = np.zeros(len(times), dtype=owned_by.dtype), times == 1
    some_owner[name] = owned_by
    shared_out[name[owned_by != some_owner[name]]] = True
    kept = np.flatnonzero(shared_out[name])
    if not len(kept):
        return shapely.MultiLineString()
    begins = np.diff(side[kept], prepend=-2) > 1  # sides that follow one another make one line
    first_or_end = np.column_stack([begins, np.ones(len(kept), dtype=bool)]).ravel()
    places = np.stack([start[kept], end[kept]], axis=1).reshape(-1, 2)[first_or_end]
    line = np.repeat(np.cumsum(begins) - 1, 2)[first_or_end]
    return shapely.MultiLineString(list(shapely.linestrings(places, indices=line)))


def _within(areas: Sequence[shapely.Geometry] | Shapes, spots: Shapes) -> NDArray[np.bool_]:
    """Tell which spots lie in one of the areas, or where two of them meet."""
    shapely.prepare(areas)
    return np.isin(np.arange(len(spots)), shapely.STRtree(spots).query(areas, predicate="intersects")[1])


def _cut_to_land(owner: Ints, on_land: NDArray[np.bool_], n_sets: int) -> Ints:
    """Take faces in the water from their owners; an owner that would be left with none keeps all."""
    kept = np.bincount(owner[on_land & (owner >= 0)], minlength=n_sets) > 0
    return np.where(on_land | (owner < 0) | ~kept[owner], owner, -1)
