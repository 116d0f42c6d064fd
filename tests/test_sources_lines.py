"""Roads as flat arrays: the same lines as before, joined where they share a vertex."""

import dataclasses

import geopandas as gpd
import numpy as np
import pytest
import shapely
from geopandas.testing import assert_geodataframe_equal
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from geoklynge.sources.lines import join_roads, project_roads, roads_of

UTM = CRS.from_user_input("EPSG:25832")


def table_of(lines, **columns):
    """Lines in metres as a file has them."""
    rows = {
        "road_class": ["primary"] * len(lines),
        "speed_kmh": [50.0] * len(lines),
        "oneway": ["both"] * len(lines),
        **columns,
    }
    shapes = [shapely.LineString(line) for line in lines]
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=UTM).astype({"road_class": "string", "oneway": "string"})


@st.composite
def road_tables(draw):
    """Random walks over a coarse grid, so that lines often share vertices."""
    cells = st.tuples(st.integers(0, 4), st.integers(0, 4)).map(lambda cell: (cell[0] * 100.0, cell[1] * 100.0))
    lines = draw(st.lists(st.lists(cells, min_size=2, max_size=6), min_size=1, max_size=8))
    n = len(lines)
    return table_of(
        lines,
        road_class=draw(st.lists(st.sampled_from(["primary", "track", "path"]), min_size=n, max_size=n)),
        speed_kmh=draw(st.lists(st.sampled_from([30.0, np.nan, 80.0]), min_size=n, max_size=n)),
        oneway=draw(st.lists(st.sampled_from(["both", "forward", "backward"]), min_size=n, max_size=n)),
    )


@settings(max_examples=60, deadline=None)
@given(road_tables())
def test_flattened_lines_are_the_same_lines(table):
    roads = roads_of(table)
    assert_geodataframe_equal(roads.table(UTM), table, check_index_type=False)
    assert len(roads) == len(table)
    points = {tuple(point) for line in table.geometry for point in line.coords}
    assert sorted(map(tuple, roads.xy.tolist())) == sorted(points)  # a vertex that lines share is one


@settings(max_examples=60, deadline=None)
@given(road_tables(), st.randoms(use_true_random=False))
def test_what_is_taken_is_as_it_was_and_nothing_else_is_left(table, random):
    kept = np.array([random.random() < 0.5 for _ in range(len(table))])
    taken = roads_of(table).take(kept)
    assert_geodataframe_equal(taken.table(UTM), table[kept].reset_index(drop=True), check_index_type=False)
    assert sorted(set(taken.vertex.tolist())) == list(range(len(taken.xy)))


@settings(max_examples=40, deadline=None)
@given(road_tables(), road_tables())
def test_roads_of_two_sources_are_one_network(one, other):
    joined = join_roads([roads_of(one), roads_of(other)])
    together = gpd.GeoDataFrame(gpd.pd.concat([one, other], ignore_index=True))
    assert_geodataframe_equal(joined.table(UTM), together, check_index_type=False)
    assert len(joined.xy) == len(roads_of(together).xy)


@pytest.mark.parametrize(("apart_m", "vertices"), [(0.004, 3), (0.02, 4)])
def test_vertices_within_a_centimetre_are_one(apart_m, vertices):
    roads = roads_of(table_of([[(0, 0), (100, 0)], [(100 + apart_m, 0), (200, 0)]]))
    assert len(roads.xy) == vertices


def test_columns_that_a_file_lacks_are_unknown_and_both_ways():
    roads = roads_of(table_of([[(0, 0), (100, 0)]])[["road_class", "geometry"]])
    assert np.isnan(roads.speed_kmh).tolist() == [True]
    assert roads.oneway.tolist() == [0]


def test_a_line_that_the_projection_cannot_place_is_left_out():
    table = table_of([[(10.0, 56.0), (10.1, 56.0)], [(10.1, 56.0), (11.0, 57.0)]]).set_crs(4326, allow_override=True)
    degrees = roads_of(table)
    lost = dataclasses.replace(degrees, xy=np.where(degrees.xy == 57.0, np.inf, degrees.xy))
    placed = project_roads(lost, UTM)
    fine = table[:1].to_crs(UTM)
    np.testing.assert_allclose(placed.xy, shapely.get_coordinates(fine.geometry.to_numpy()), atol=1e-6)
    infinite = table_of([[(0, 0), (100, 0)], [(0, 0), (np.inf, 0)]])
    assert roads_of(infinite).xy.tolist() == [[0, 0], [100, 0]]
