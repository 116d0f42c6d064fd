"""One place told by two sources is one place, and nobody gets lost."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Point
from source_files import finding, read, write

from geoklynge.errors import TableError
from geoklynge.sources.columns import only_declared
from geoklynge.sources.merge import merge_services, merge_villages
from geoklynge.tables import SERVICES, VILLAGES

TEXT = {"village_id": "string", "name": "string", "kind": "string", "population": "Int64", "population_year": "Int64"}


def villages(*rows):
    """Make a table of (id, name, x metres, population, kind, year)."""
    cells = [(ident, name, kind, people, year) for ident, name, _, people, kind, year in rows]
    frame = pd.DataFrame(cells, columns=list(TEXT)).astype(TEXT)
    table = gpd.GeoDataFrame(frame, geometry=[Point(row[2], 0) for row in rows], crs=25832)
    return only_declared(table, VILLAGES)


def test_same_name_within_three_kilometres():
    first = villages(("a", "Nr. Åby", 0, None, "hamlet", None))
    second = villages(("x", "Nørre Aaby", 2_999, 700, "village", 2020))
    merged = merge_villages([first, second])
    row = merged.villages.iloc[0]
    assert (row["village_id"], row["name"], row["population"], row["population_year"], row["kind"]) == (
        "a",
        "Nr. Åby",
        700,
        2020,
        "village",
    )
    assert row.geometry.x == 0
    assert merged.now == {"a": "a", "x": "a"}
    assert [(f.code, f.count, f.examples) for f in merged.findings] == [("villages_merged", 1, ("Nørre Aaby",))]


def test_same_name_further_away_is_another_place():
    first, second = villages(("a", "By", 0, 1, "hamlet", None)), villages(("x", "By", 3_001, 2, "hamlet", None))
    assert merge_villages([first, second]).villages["village_id"].tolist() == ["a", "x"]


def test_other_names_within_300_metres_take_the_name_with_the_people():
    first = villages(("a", "Gården", 0, 25, "hamlet", 2019))
    second = villages(("x", "Byen", 299, 603, "village", 2022))
    row = merge_villages([first, second]).villages.iloc[0]
    assert row[["village_id", "name", "population", "population_year"]].tolist() == ["a", "Byen", 603, 2022]
    back = merge_villages([second, first]).villages.iloc[0]
    assert back[["village_id", "name", "population"]].tolist() == ["x", "Byen", 603]


def test_a_known_population_is_not_overwritten_under_the_same_name():
    first, second = villages(("a", "By", 0, 10, "town", 2001)), villages(("x", "By", 10, 99, "hamlet", 2020))
    row = merge_villages([first, second]).villages.iloc[0]
    assert row[["population", "population_year", "kind"]].tolist() == [10, 2001, "town"]


def test_same_name_goes_before_near_and_near_before_far():
    first = villages(("a", "By", 0, 1, "hamlet", None), ("b", "Nabo", 1_000, 1, "hamlet", None))
    second = villages(("x", "By", 1_100, 5, "hamlet", None), ("y", "By", 2_000, 6, "hamlet", None))
    merged = merge_villages([first, second])
    assert merged.now == {"a": "a", "b": "b", "x": "a", "y": "y"}


def test_within_one_source_only_the_same_name_within_300_metres_is_one():
    table = villages(
        ("a", "By", 0, None, "hamlet", None),
        ("b", "BY", 250, 80, "hamlet", None),
        ("c", "Anden", 260, 5, "hamlet", None),
        ("d", "By", 600, 7, "hamlet", None),
    )
    merged = merge_villages([table])
    assert merged.now == {"a": "b", "b": "b", "c": "c", "d": "d"}


def test_an_id_is_followed_through_several_merges():
    one = villages(("a", "By", 0, 1, "hamlet", None))
    two = villages(("b", "By", 100, 2, "hamlet", None), ("c", "By", 200, 3, "hamlet", None))
    three = villages(("d", "By", 50, 4, "hamlet", None))
    assert set(merge_villages([one, two, three]).now.values()) == {"a"}


NAMES = st.sampled_from(["By", "Nr. By", "Nørre By", "Å", "Aa", "Tved"])


@st.composite
def sources(draw):
    """Up to three sources of up to eight places along nine kilometres of road."""
    tables = []
    for k in range(draw(st.integers(1, 3))):
        rows = [
            (
                f"{k}-{n}",
                draw(NAMES),
                draw(st.integers(0, 90)) * 100.0,
                draw(st.one_of(st.none(), st.integers(0, 900))),
                draw(st.sampled_from(["hamlet", "village"])),
                None,
            )
            for n in range(draw(st.integers(1, 8)))
        ]
        tables.append(villages(*rows))
    return tables


@settings(deadline=None, max_examples=40)
@given(sources())
def test_merging_keeps_every_place_and_only_known_people(tables):
    merged = merge_villages(tables)
    kept = merged.villages
    assert kept["village_id"].is_unique
    assert set(merged.now) == {ident for table in tables for ident in table["village_id"]}
    assert set(merged.now.values()) == set(kept["village_id"])
    assert sum(f.count for f in merged.findings) == len(merged.now) - len(kept)
    read_rows = pd.concat(tables).assign(now=lambda t: t["village_id"].map(merged.now))
    most = read_rows.groupby("now")["population"].max().reindex(kept["village_id"])
    known = kept["population"].to_numpy(float, na_value=-1)
    assert (known <= most.to_numpy(float, na_value=-1)).all()
    np.testing.assert_array_equal(known < 0, most.isna())  # nobody known is forgotten, nobody made up
    assert set(kept["name"]) <= set(read_rows["name"])


@settings(deadline=None, max_examples=40)
@given(sources(), st.randoms(use_true_random=False))
def test_the_order_of_rows_in_a_source_does_not_matter(tables, random):
    shuffled = [table.iloc[random.sample(range(len(table)), len(table))] for table in tables]
    one, other = merge_villages(tables), merge_villages(shuffled)
    pd.testing.assert_frame_equal(pd.DataFrame(one.villages), pd.DataFrame(other.villages))
    assert one.now == other.now


@settings(deadline=None, max_examples=40)
@given(sources())
def test_a_source_merged_with_itself_is_itself(tables):
    once = merge_villages(tables[:1])
    again = tables[0].assign(village_id="again-" + tables[0]["village_id"])
    twice = merge_villages([tables[0], again])
    assert twice.villages["village_id"].tolist() == once.villages["village_id"].tolist()


def services(*rows):
    """Make a table of (id, category, x metres or None, name, capacity)."""
    frame = pd.DataFrame(
        {
            "service_id": [row[0] for row in rows],
            "category": [row[1] for row in rows],
            "name": [row[3] for row in rows],
            "capacity": [row[4] for row in rows],
        }
    ).astype({"service_id": "string", "category": "string", "name": "string", "capacity": "float64"})
    points = [None if row[2] is None else Point(row[2], 0) for row in rows]
    return only_declared(gpd.GeoDataFrame(frame, geometry=points, crs=25832), SERVICES)


def test_a_facility_in_two_sources_counts_once_and_is_completed():
    first = services(("a", "school", 0, None, None), ("b", "bank", 0, "B", 1))
    second = services(("x", "school", 60, "Skolen", 120), ("y", "school", 61, "Y", 1), ("z", "bank", 61, "Z", 1))
    told = merge_services([first, second])
    merged, findings = told.services, told.findings
    assert (told.into.tolist(), np.nan_to_num(told.metres).tolist()) == ([0, 1, 0, 2, 3], [0, 0, 60, 0, 0])
    assert merged["service_id"].tolist() == ["a", "b", "y", "z"]
    assert merged.loc[0, ["name", "capacity"]].tolist() == ["Skolen", 120]
    assert [(f.code, f.count, f.examples) for f in findings] == [("services_merged", 1, ("Skolen",))]


def test_two_rows_of_one_source_and_rows_without_position_stay():
    first = services(("a", "bank", 0, "A", 1), ("b", "bank", 0, "B", 1), ("c", "bank", None, "C", 1))
    second = services(("x", "bank", None, "X", 1))
    told = merge_services([first, second])
    assert told.services["service_id"].tolist() == ["a", "b", "c", "x"]
    assert told.findings == ()


def test_services_files_in_their_order(tmp_path):
    head = "service_id,name,category,lat,lon,capacity\n"
    a = write(tmp_path, "a.csv", head + "a,,school,56.2141,10.4887,\n")
    b = write(tmp_path, "b.csv", head + "b,Molsskolen,school,56.2142,10.4887,200\n")
    tables = read(tmp_path, services=(a, b))
    assert tables.services[["service_id", "name", "capacity"]].to_numpy().tolist() == [["a", "Molsskolen", 200.0]]
    assert finding(tables, "services_merged") == 1


PLACES = {"Alfa": 0, "Beta": 10_000, "Gamma": 20_000, "Delta": 30_000}


def numbered(**names):
    """Make a source of places far apart: name=id."""
    return villages(*((ident, name, PLACES[name], 1, "hamlet", None) for name, ident in names.items()))


@pytest.mark.parametrize(
    ("later", "clash"),
    [
        (numbered(Alfa="2", Beta="1"), "1"),
        (numbered(Alfa="2", Beta="3", Gamma="4"), "2"),
        (numbered(Alfa="1", Delta="3"), "3"),
    ],
    ids=["swapped", "shifted", "a new place under an old id"],
)
def test_one_id_for_two_places_is_refused(later, clash):
    with pytest.raises(TableError, match=f"village_id '{clash}' stands for different places"):
        merge_villages([numbered(Alfa="1", Beta="2", Gamma="3"), later])


def test_an_id_that_was_merged_away_still_means_its_place():
    first = villages(("a", "By", 0, 9, "hamlet", None), ("b", "By", 100, 1, "hamlet", None))
    same = villages(("b", "By", 100, 1, "hamlet", None))
    assert merge_villages([first, same]).now == {"a": "a", "b": "a"}
    other = villages(("b", "Tved", 9_000, 1, "hamlet", None))
    with pytest.raises(TableError, match="village_id 'b' stands for different places"):
        merge_villages([first, other])


def test_the_same_ids_for_the_same_places_are_fine():
    first, later = numbered(Alfa="1", Beta="2"), numbered(Alfa="1", Beta="2", Gamma="3")
    assert merge_villages([first, later]).now == {"1": "1", "2": "2", "3": "3"}
