"""A bad table is refused at the door, with everything that is wrong in one message; people are counted once."""

import geopandas as gpd
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from shapely import Point

from geoklynge.errors import CrsError, TableError
from geoklynge.tables import KINDS, LINKS, ROADS, SERVICES, VILLAGES, check_crs, check_table, people_of


@pytest.fixture
def villages() -> gpd.GeoDataFrame:
    """Three villages on Mols; Agri's population is not known."""
    rows = {
        "village_id": pd.array(["knebel", "vistoft", "agri"], dtype="string"),
        "name": pd.array(["Knebel", "Vistøft </script>", "Agri"], dtype="string"),
        "kind": pd.array(["village", "hamlet", "village"], dtype="string"),
        "population": pd.array([628, 57, None], dtype="Int64"),
    }
    return gpd.GeoDataFrame(rows, geometry=[Point(0, 0), Point(4000, 0), Point(0, 5000)], crs=25832)


def test_a_good_table_passes_in_any_order(villages):
    before = villages.copy()
    assert check_table(villages, VILLAGES, source="villages.csv") is None
    assert check_table(villages[::-1], VILLAGES, source="villages.csv") is None
    assert check_table(villages.iloc[[1]], VILLAGES, source="villages.csv") is None
    pd.testing.assert_frame_equal(villages, before)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda t: t.drop(columns="name"),
            "no column 'name' (as the place is known locally, also read from navn); found village_id, kind, ",
        ),
        (lambda t: t.assign(name=pd.array(["Knebel", None, "Agri"], "string")), "row 2, column 'name' is empty"),
        (
            lambda t: t.assign(village_id=pd.array(["knebel", "agri", "agri"], "string")),
            "row 2, column 'village_id': 'agri' is used twice; row 3, column 'village_id': 'agri' is used twice",
        ),
        (
            lambda t: t.assign(population=pd.array([0, -1, None], "Int64")),
            "row 2, column 'population': -1 is below 0",
        ),
        (
            lambda t: t.assign(kind=pd.array(["village", "hamlet", "metropolis"], "string")),
            "row 3, column 'kind': 'metropolis' is not one of hamlet, village, town, city",
        ),
        (lambda t: t.iloc[:0], "the table has no rows"),
    ],
    ids=["column gone", "cell empty", "id twice", "below zero", "unknown kind", "no rows"],
)
def test_a_spoiled_table_is_refused(villages, spoil, says):
    with pytest.raises(TableError) as caught:
        check_table(spoil(villages), VILLAGES, source="villages.csv")
    assert str(caught.value).startswith(f"villages.csv: {says}")
    assert caught.value.exit_code == 2


def test_rows_are_counted_from_one_whatever_the_index(villages):
    spoiled = villages.assign(population=pd.array([1, 2, -3], "Int64")).set_index(pd.Index([70, 80, 90]))
    with pytest.raises(TableError, match="row 3, column 'population': -3 is below 0"):
        check_table(spoiled, VILLAGES, source="villages.csv")


def test_everything_that_is_wrong_is_told_at_once_up_to_five(villages):
    spoiled = villages.drop(columns="kind").assign(
        name=pd.array([None] * 3, "string"), population=pd.array([-1, -2, -3], "Int64")
    )
    with pytest.raises(TableError) as caught:
        check_table(spoiled, VILLAGES, source="villages.csv")
    said = str(caught.value)
    assert said.count("column ") == 5
    assert "; and 2 more" in said
    assert "correct the file" in said


def test_exactly_five_problems_leave_none_over(villages):
    spoiled = villages.drop(columns="kind").assign(
        name=pd.array([None, None, "Agri"], "string"), population=pd.array([-1, -2, 3], "Int64")
    )
    with pytest.raises(TableError) as caught:
        check_table(spoiled, VILLAGES, source="villages.csv")
    assert str(caught.value).count("column ") == 5
    assert "more" not in str(caught.value)


def test_an_id_may_repeat_where_the_caller_says_so():
    links = pd.DataFrame({"village_a": ["a", "a"], "village_b": ["b", "c"], "road_km": [1.0, None], "road_class": "x"})
    assert check_table(links, LINKS, source="links.csv", unique_id=False) is None
    with pytest.raises(TableError, match="'a' is used twice"):
        check_table(links, LINKS, source="links.csv")


@pytest.mark.parametrize(
    ("columns", "row", "bad", "says"),
    [
        (
            SERVICES,
            {"service_id": "s", "name": None, "category": "school", "capacity": 4.0},
            {"capacity": -0.5},
            "-0.5 is below 0",
        ),
        (SERVICES, {"service_id": "s", "name": None, "category": "school"}, {"category": None}, "'category' is empty"),
        (
            ROADS,
            {"road_class": "primary", "speed_kmh": 80.0, "oneway": "both"},
            {"oneway": "yes"},
            "'yes' is not one of both, forward, backward",
        ),
        (
            LINKS,
            {"village_a": "a", "village_b": "b", "road_km": 0.0, "road_class": "x"},
            {"road_km": -1.0},
            "-1.0 is below 0",
        ),
    ],
)
def test_each_table_has_its_own_bounds(columns, row, bad, says):
    assert check_table(pd.DataFrame([row]), columns, source="file", unique_id=False) is None
    with pytest.raises(TableError, match=says):
        check_table(pd.DataFrame([{**row, **bad}]), columns, source="file", unique_id=False)


@pytest.mark.parametrize("crs", [None, 4326, 2263], ids=["none", "degrees", "feet"])
def test_coordinates_must_be_in_metres(crs):
    with pytest.raises(CrsError, match=r"^file\.geojson: coordinates are not in metres: reproject"):
        check_crs(crs and CRS.from_epsg(crs), source="file.geojson")
    assert check_crs(CRS.from_epsg(25832), source="file.geojson") is None


def places(rows, index=None):
    kinds, population = zip(*rows, strict=True)
    return pd.DataFrame(
        {"kind": pd.array(kinds, "string"), "population": pd.array(population, "Int64")},
        index=index,
    )


def test_unknown_people_are_those_of_the_kind_and_a_known_zero_is_zero():
    table = places([("village", 12), ("village", None), ("hamlet", None), ("city", 0), ("town", None)])
    found = people_of(table, {"village": 300, "hamlet": 50, "town": 2000, "city": 20_000})
    assert found.tolist() == [12, 300, 50, 0, 2000]
    assert (found.dtype, found.name) == ("float64", "people")


def test_a_kind_without_a_default_counts_as_the_smallest():
    assert people_of(places([("town", None)]), {"village": 300.0, "hamlet": 50.0}).tolist() == [50]


def test_a_kind_that_is_missing_counts_as_the_smallest():
    assert people_of(places([(None, None), ("village", None)]), {"village": 300.0, "hamlet": 50.0}).tolist() == [
        50,
        300,
    ]


def test_nobody_lives_in_an_empty_table():
    assert people_of(places([("village", 1)]).iloc[:0], {"village": 300.0}).tolist() == []


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.none() | st.integers(0, 10**6)), min_size=1, max_size=8).flatmap(
        lambda rows: st.tuples(st.just(rows), st.permutations(range(len(rows))))
    )
)
def test_people_stay_with_their_place(rows_and_index):
    rows, index = rows_and_index
    default = {"hamlet": 50.0, "village": 300.0, "town": 2000.0, "city": 20_000.0}
    found = people_of(places(rows, index=index), default)
    assert found.index.tolist() == list(index)
    assert found.tolist() == [default[kind] if known is None else known for kind, known in rows]


def test_metres_must_be_true_where_the_data_lies():
    for crs in (25832, 25833, 3035):
        assert check_crs(CRS.from_epsg(crs), source="x", middle=(10.5, 56.2)) is None
    with pytest.raises(CrsError, match=r"^x: a metre on the ground is 1\.79. m in it at 56\.20 N, 10\.50 E"):
        check_crs(CRS.from_epsg(3857), source="x", middle=(10.5, 56.2))
    with pytest.raises(CrsError, match=r"^x: a metre on the ground is "):
        check_crs(CRS.from_epsg(25832), source="x", middle=(30.0, 20.0))
    with pytest.raises(CrsError, match=r"^x: no projection onto a plane"):
        check_crs(CRS.from_epsg(4978), source="x")
