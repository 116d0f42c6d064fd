"""A cluster's area is the land of its villages: not twice given away, not far out, not in the sea."""

from itertools import combinations, pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import CRS_DK, tables_of, villages_at

from geoklynge.areas import BEND_M, cluster_areas
from geoklynge.tables import Tables
from geoklynge.village_sets import sets_of

REACH_M = 2_500.0
ROUNDING_M = 1.0
COORDINATE = st.integers(0, 80).map(lambda k: 100.0 * k)


@st.composite
def divided_countries(draw):
    """Villages, some at one position, and which of three disjoint sets each is in."""
    points = draw(st.lists(st.tuples(COORDINATE, COORDINATE), min_size=2, max_size=14))
    owner = draw(st.lists(st.integers(-1, 2), min_size=len(points), max_size=len(points)))
    members = [np.flatnonzero(np.array(owner) == k) for k in range(3)]
    return points, [rows for rows in members if len(rows)] or [np.array([0])]


def areas_of(points, members, parishes=None):
    tables = tables_of(villages_at(points))
    tables = Tables(tables.villages, tables.services, CRS_DK, parishes=parishes)
    return cluster_areas(sets_of(members, len(points)), tables)


def parishes_of(*shapes):
    ids = [f"p{k}" for k in range(len(shapes))]
    return gpd.GeoDataFrame({"parish_id": ids, "name": ids}, geometry=list(shapes), crs=CRS_DK)


@settings(max_examples=40, deadline=None)
@given(divided_countries())
def test_areas_of_disjoint_sets_do_not_overlap(country):
    for one, other in combinations(areas_of(*country), 2):
        assert one.intersection(other).buffer(-ROUNDING_M).is_empty


@settings(max_examples=40, deadline=None)
@given(divided_countries())
def test_an_area_is_valid_and_within_reach_of_its_villages(country):
    points, members = country
    areas = areas_of(points, members)
    assert areas.crs == CRS_DK
    for area, rows in zip(areas, members, strict=True):
        assert area.is_valid
        assert area.geom_type in {"Polygon", "MultiPolygon"}
        assert (shapely.get_coordinates(area) % ROUNDING_M == 0).all()
        reach = shapely.MultiPoint([points[row] for row in rows]).buffer(
            REACH_M + BEND_M + 2 * ROUNDING_M, quad_segs=64
        )
        assert reach.covers(area)


@settings(max_examples=40, deadline=None)
@given(divided_countries(), st.tuples(COORDINATE, COORDINATE))
def test_every_spot_within_reach_belongs_to_whom_it_is_nearest(country, spot):
    points, members = country
    away = np.hypot(*(np.array(points) - np.array(spot)).T)
    areas = areas_of(points, members)
    for area, rows in zip(areas, members, strict=True):
        others = np.delete(away, rows)
        here = shapely.Point(spot)
        if away[rows].min() < REACH_M - 20 and away[rows].min() < others.min(initial=np.inf) - 5:
            assert area.covers(here)
        if away[rows].min() > others.min(initial=np.inf) + 5:
            assert not area.covers(here)


def test_a_village_alone_has_the_whole_circle():
    area = areas_of([(0, 0)], [np.array([0])]).iloc[0]
    assert area.area == pytest.approx(np.pi * REACH_M**2, rel=0.01)


def test_two_villages_divide_the_land_half_way():
    west, east = areas_of([(0, 0), (2000, 0)], [np.array([0]), np.array([1])])
    assert west.bounds[2] == east.bounds[0] == 1000
    assert west.area == pytest.approx(east.area)


def test_two_villages_at_one_point_divide_their_land():
    one, other = areas_of([(0, 0), (0, 0), (9000, 0)], [np.array([0]), np.array([1, 2])])
    assert one.intersection(other).buffer(-ROUNDING_M).is_empty
    assert one.area == pytest.approx(np.pi * REACH_M**2 / 2, rel=0.02)


def test_two_villages_at_nearly_one_point_divide_their_land():
    at = (573_000.0, 6_230_000.0)
    one, other = areas_of([at, (at[0], np.nextafter(at[1], np.inf))], [np.array([0]), np.array([1])])
    assert one.intersection(other).buffer(-ROUNDING_M).is_empty
    assert one.area == pytest.approx(other.area, rel=0.02)


def test_villages_at_one_point_in_one_set_share_it():
    areas = areas_of([(0, 0), (0, 0)], [np.array([0, 1])])
    assert areas.iloc[0].area == pytest.approx(np.pi * REACH_M**2, rel=0.01)


def test_villages_in_a_row_have_areas():
    areas = areas_of([(0, 0), (1000, 0), (2000, 0)], [np.array([0, 2]), np.array([1])])
    assert areas.iloc[1].bounds[0] == 500
    assert areas.iloc[1].bounds[2] == 1500
    assert areas.iloc[0].geom_type == "MultiPolygon"


def test_an_area_ends_where_the_parishes_end():
    land = parishes_of(shapely.box(-5000, 0, 0, 5000), shapely.box(0, 0, 5000, 5000))
    area = areas_of([(0, 500)], [np.array([0])], land).iloc[0]
    assert area.bounds[1] == 0
    assert area.bounds[0] == pytest.approx(-REACH_M, abs=30)
    assert area.bounds[2] == pytest.approx(REACH_M, abs=30)


def test_a_parish_without_a_border_takes_nothing_away():
    with_border, without = shapely.box(-900, -900, 900, 900), None
    area = areas_of([(0, 0)], [np.array([0])], parishes_of(with_border, without)).iloc[0]
    assert area.equals(with_border)
    whole = areas_of([(0, 0)], [np.array([0])], parishes_of(None, None)).iloc[0]
    assert whole.area == pytest.approx(np.pi * REACH_M**2, rel=0.01)


@pytest.mark.parametrize(
    "far_land",
    [shapely.box(50_000, 0, 51_000, 1000), shapely.box(REACH_M, -1000, 5000, 1000)],
    ids=["far away", "touching the rim"],
)
def test_a_village_outside_all_parishes_keeps_its_land(far_land):
    area = areas_of([(0, 0)], [np.array([0])], parishes_of(far_land)).iloc[0]
    assert area.area == pytest.approx(np.pi * REACH_M**2, rel=0.01)


def assert_fit_together(areas):
    """Require areas that share their borders corner by corner: no overlap, no crack."""
    shapes = areas.to_numpy()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)


@settings(max_examples=60, deadline=None)
@given(divided_countries())
def test_areas_fit_together(country):
    assert_fit_together(areas_of(*country))


@st.composite
def bent_coasts(draw):
    """A country whose two parishes have a bent border, which the one draws with more corners than the other."""
    points, members = draw(divided_countries())
    bends = draw(st.lists(st.integers(-300, 300), min_size=5, max_size=5))
    shared = [(2000.0 * k - 500, 4000.0 + bend) for k, bend in enumerate(bends)]
    between = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2 + draw(st.integers(-4, 4))) for a, b in pairwise(shared)]
    finer = [corner for both in zip(shared, between, strict=False) for corner in both] + shared[-1:]
    shore = [(8000.0, -1500.0), (-1000.0, -1500.0 + draw(st.integers(-900, 900)))]
    south = shapely.Polygon([*finer, *shore])
    north = shapely.Polygon([*shared, (8500.0, 9000.0), (-1500.0, 9000.0)])
    return points, members, parishes_of(south, north)


@settings(max_examples=60, deadline=None)
@given(bent_coasts())
def test_areas_cut_to_land_fit_together(country):
    assert_fit_together(areas_of(*country))


@settings(max_examples=40, deadline=None)
@given(bent_coasts())
def test_no_area_reaches_into_the_sea(country):
    points, members, parishes = country
    land = parishes.geometry.union_all()
    for area, rows in zip(areas_of(*country), members, strict=True):
        if any(land.contains(shapely.Point(points[row])) for row in rows):
            assert area.difference(land.buffer(BEND_M + 2 * ROUNDING_M)).is_empty


def test_an_island_of_one_parish_with_many_corners_loses_only_small_bends():
    angle = np.linspace(0, 2 * np.pi, 721)[:-1]
    radius = 2000 + 3 * np.cos(90 * angle)  # ripples of three metres on a round island
    island = shapely.Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    area = areas_of([(0, 0)], [np.array([0])], parishes_of(shapely.MultiPolygon([island]))).iloc[0]
    assert shapely.get_num_coordinates(area) < 200
    assert area.hausdorff_distance(island) < BEND_M
    assert area.area == pytest.approx(island.area, rel=0.005)


def test_a_crack_between_parishes_is_closed_and_a_lake_is_not():
    south = shapely.box(-4000, -4000, 4000, 0)
    lake = shapely.box(-500, 1000, 500, 1500)
    north = shapely.Polygon([(-4000, 0), (0, 2), (4000, 0), (4000, 4000), (-4000, 4000)]) - lake
    area = areas_of([(0, 0)], [np.array([0])], parishes_of(south, north)).iloc[0]
    assert [shapely.Polygon(ring).area for ring in area.interiors] == [lake.area]
