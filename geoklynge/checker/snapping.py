"""Where villages join the roads."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

FAR_M = 2_000.0  # a place farther from any road than this has none
NEAR_M = 250.0  # most villages find their road within this, and a tree of what lies so near is small
MICROMETRE = 1e-6
LARGE_PART = 500  # vertices; a smaller part of the network is a loose end, unless nothing better is near
SLOTS = 1 << 22
BLOCK = 1 << 20  # vertices looked at in one go


def nearest_vertices(points: Floats, xy: Floats, sizes: Ints) -> tuple[Longs, Floats]:
    """
    Find the vertex at which each point joins the roads.

    That is the nearest vertex of a large part of the network (500 vertices) within 2 km; where there is none, the
    nearest vertex of the largest part within 2 km; otherwise none. Of equally near vertices, to the micrometre, the
    westernmost counts, then the southernmost.

    Parameters
    ----------
    points
        Positions in metres, shape (points, 2).
    xy
        Positions of the vertices, likewise.
    sizes
        For each vertex the number of vertices in its part.

    Returns
    -------
    tuple of arrays
        For each point the vertex, -1 where there is none, and the distance to it in metres.
    """
    joins = np.full(len(points), -1, dtype=np.int64)
    for radius_m in (NEAR_M, FAR_M):
        left = np.flatnonzero((joins < 0) & np.isfinite(points).all(axis=1))
        near = _around(points[left], xy, radius_m)
        large = near[sizes[near] >= LARGE_PART]
        if len(large):
            tree = cKDTree(
                xy[large], compact_nodes=False, balanced_tree=False
            )  # thrice as fast to build, and used once
            away_m, found = (
                np.asarray(part) for part in tree.query(points[left], distance_upper_bound=radius_m * (1 + 1e-9))
            )
            reached = np.flatnonzero(found < len(large))
            joins[left[reached]] = large[found[reached]]
            reach_m = away_m[reached] + 2 * MICROMETRE
            twins = tree.query_ball_point(points[left[reached]], reach_m, return_length=True) > 1
            for place, within_m in zip(left[reached[twins]], reach_m[twins], strict=True):
                joins[place] = _first_of(large[tree.query_ball_point(points[place], within_m)], points[place], xy)
    left = np.flatnonzero((joins < 0) & np.isfinite(points).all(axis=1))
    joins[left] = _nearest_of_the_largest(points[left], xy, sizes)
    distance_m = np.full(len(points), np.inf)
    joined = joins >= 0
    distance_m[joined] = np.hypot(*(xy[joins[joined]] - points[joined]).T)
    return joins, distance_m


def _around(points: Floats, xy: Floats, radius_m: float) -> Longs:
    """
    Find the vertices that may lie within a radius of any of the points, and few others.

    Squares as wide as the radius are marked around each point, in a table of fixed size: two that share a slot are
    mistaken for each other, which costs time and nothing else, and a point beyond the seas costs no memory.
    """
    none = np.empty(0, dtype=np.int64)
    if not len(points):
        return none
    marked = np.zeros(SLOTS, dtype=bool)
    middle = np.floor(points / radius_m)
    for step in itertools.product((-1.0, 0.0, 1.0), repeat=2):
        marked[_slot(middle + np.array(step))] = True
    parts = [
        start + np.flatnonzero(marked[_slot(np.floor(xy[start : start + BLOCK] / radius_m))])
        for start in range(0, len(xy), BLOCK)
    ]
    return np.concatenate([none, *parts])


def _slot(square: Floats) -> Longs:
    column, row = square.astype(np.int64).T
    slot: Longs = (column * 4_099 + row) % SLOTS
    return slot


def _nearest_of_the_largest(points: Floats, xy: Floats, sizes: Ints) -> Longs:
    """Look around points that no large part comes near: the nearest vertex of the largest part, -1 without any."""
    joins = np.full(len(points), -1, dtype=np.int64)
    near = _around(points, xy, FAR_M)
    if not len(near):
        return joins
    around = cKDTree(xy[near]).query_ball_point(points, FAR_M * (1 + 1e-9))
    for place, found in enumerate(around):
        here = near[found]
        away_m = np.hypot(*(xy[here] - points[place]).T)
        here = here[away_m <= FAR_M]
        if len(here):
            joins[place] = _first_of(here[sizes[here] == sizes[here].max()], points[place], xy)
    return joins


def _first_of(here: Longs, point: Floats, xy: Floats) -> int:
    """Choose the nearest of some vertices; of those as near to the micrometre the westernmost, then southernmost."""
    away = np.rint(np.hypot(*(xy[here] - point).T) / MICROMETRE)
    return int(here[np.lexsort((xy[here, 1], xy[here, 0], away))[0]])
