"""What comes out of an OSM file: places, services, roads."""

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from source_files import finding, pbf, read, road_table, study_in, write

from geoklynge.sources import read_tables
from geoklynge.sources.osm import parse_people
from geoklynge.sources.road_tags import direction, posted_kmh

HERE = (10.50, 56.20)


def place(name, lon=HERE[0], lat=HERE[1], kind="village", **tags):
    return lon, lat, {"place": kind, "name": name, **tags}


@pytest.fixture
def town(tmp_path):
    """Read an OSM file of one town, five services and four ways."""
    nodes = {
        1: place("Byen", kind="town", population="ca. 1.234"),
        2: place("Gården", 10.6, kind="isolated_dwelling"),
        3: (10.61, 56.2, {"place": "hamlet"}),
        4: (10.501, 56.2, {"shop": "supermarket", "brand": "Brugsen", "source": "GeoFA"}),
        5: (10.502, 56.2, {"amenity": "school", "name": "Byens Skole", "leisure": "pitch"}),
        6: (10.503, 56.2, {"amenity": "bench"}),
        7: (10.504, 56.2, {"amenity": "place_of_worship", "operator": "Sognet", "source": "survey"}),
        8: place("Landsby", 10.7, kind="hamlet", population="mange"),
        # the corners of ways
        **{20 + k: (10.5 + k / 100, 56.21, {}) for k in range(5)},
        31: (10.71, 56.21, {}),
        32: (10.72, 56.21, {}),
        33: (10.72, 56.22, {}),
    }
    ways = {
        100: ([20, 21, 22], {"highway": "primary", "maxspeed": "60"}),
        101: ([22, 23], {"highway": "motorway_link", "maxspeed": "DK:motorway"}),
        102: ([23, 24], {"highway": "cycleway", "oneway": "yes", "oneway:bicycle": "no"}),
        103: ([22, 24], {"highway": "proposed"}),
        104: ([20, 24], {"highway": "residential", "oneway": "-1"}),
        105: ([20, 999], {"highway": "residential"}),
        106: ([31, 32, 33, 31], {"amenity": "kindergarten", "name": "Børnehuset"}),
        107: ([31, 32, 33, 31], {"place": "hamlet", "name": "Fladen"}),
    }
    return pbf(tmp_path, "town.osm.pbf", nodes, ways)


def test_places_with_a_name_and_a_class(tmp_path, town):
    tables = read(tmp_path, osm=town)
    places = tables.villages.set_index("village_id")
    assert places["name"].to_dict() == {"osm-n1": "Byen", "osm-n8": "Landsby", "osm-w107": "Fladen"}
    assert places["kind"].to_dict() == {"osm-n1": "town", "osm-n8": "hamlet", "osm-w107": "hamlet"}
    assert places.loc["osm-n1", "population"] == 1234
    assert pd.isna(places.loc["osm-n8", "population"])
    assert finding(tables, "population_unreadable") == 1
    assert [f.examples for f in tables.findings if f.code == "population_unreadable"] == [("Landsby (mange)",)]
    assert finding(tables, "ways_incomplete") == 1
    assert set(places["source"]) == {"osm"}


def test_services_by_tags_in_the_order_of_categories(tmp_path, town):
    services = read(tmp_path, osm=town).services.set_index("service_id")
    assert services["category"].to_dict() == {
        "osm-n4": "grocery",
        "osm-n5": "school",  # a school with a pitch is a school
        "osm-n7": "church",
        "osm-w106": "kindergarten",
    }
    assert services["name"].to_list() == ["Brugsen", "Byens Skole", "Sognet", "Børnehuset"]
    assert services["source"].to_list() == ["GeoFA", "osm", "survey", "osm"]
    assert services["year"].fillna(0).to_list() == [2024, 0, 0, 0]
    assert services["village_id"].to_list() == ["osm-n1"] * 3 + ["osm-w107"]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("car", [("primary", 60.0, "both"), ("motorway", 130.0, "forward"), ("residential", None, "backward")]),
        (
            "bike",
            [
                ("primary", 60.0, "both"),
                ("motorway", 130.0, "forward"),
                ("cycleway", None, "both"),
                ("residential", None, "backward"),
            ],
        ),
        (
            "walk",
            [
                ("primary", 60.0, "both"),
                ("motorway", 130.0, "both"),
                ("cycleway", None, "both"),
                ("residential", None, "both"),
            ],
        ),
    ],
)
def test_roads_by_mode(tmp_path, town, mode, expected):
    roads = road_table(read(tmp_path, osm=town, travel={"mode": mode}))
    speeds = [None if np.isnan(speed) else speed for speed in roads["speed_kmh"]]
    assert list(zip(roads["road_class"], speeds, roads["oneway"], strict=True)) == expected


@pytest.mark.parametrize("cached", [False, True])
def test_modes_that_ties_mix_in_have_roads_of_their_own_and_nothing_is_told_twice(tmp_path, town, cached):
    alone = read_tables(study_in(tmp_path, osm=town))
    mixed = study_in(tmp_path, osm=town, ties={"modes": {"car": 2, "bike": 1, "walk": 0}})
    tables = read_tables(mixed, cache=tmp_path / "cache" if cached else None)
    assert set(tables.other_roads) == {"bike"}
    of_bikes = read(tmp_path, osm=town, travel={"mode": "bike"})
    pd.testing.assert_frame_equal(road_table(tables.by_mode("bike")), road_table(of_bikes))
    pd.testing.assert_frame_equal(road_table(tables), road_table(alone))
    assert tables.by_mode("walk").roads is tables.roads  # not asked for
    assert (tables.sources, tables.findings) == (alone.sources, alone.findings)


def test_roads_that_meet_share_the_very_same_coordinates(tmp_path, town):
    roads = road_table(read(tmp_path, osm=town))
    ends = [shapely.get_coordinates(line) for line in roads.geometry]
    assert ends[0][-1].tobytes() == ends[1][0].tobytes()
    assert ends[0][0].tobytes() == ends[2][0].tobytes()


def test_two_extracts_count_what_they_share_once(tmp_path, town):
    other = pbf(tmp_path, "other.osm.pbf", {1: place("Byen", kind="town"), 9: place("Ny", 10.9)})
    tables = read(tmp_path, osm=(town, other))
    assert sorted(tables.villages["name"]) == ["Byen", "Fladen", "Landsby", "Ny"]
    assert [(r.path, r.table, r.rows) for r in tables.sources] == [
        ("town.osm.pbf", "osm", 10),
        ("other.osm.pbf", "osm", 2),
    ]
    assert {(r.licence, r.attribution) for r in tables.sources} == {("ODbL 1.0", "© OpenStreetMap contributors")}


def test_a_study_can_add_a_category_by_tag(tmp_path, town):
    from geoklynge.sources import read_tables
    from geoklynge.study import Study

    bench = {"da": "bænk", "en": "bench", "tags": ["amenity=bench"]}
    study = Study(name="x", folder=tmp_path, sources={"osm": town}, services={"categories": {"bench": bench}})
    assert "bench" in set(read_tables(study).services["category"])


def test_an_official_shop_wins_over_the_mapped_one(tmp_path):
    nodes = {
        1: place("Byen"),
        2: (10.5010, 56.2, {"shop": "supermarket", "name": "Den gamle"}),
        3: (10.5015, 56.2, {"shop": "supermarket", "source": "GeoFA"}),  # 31 m on
        4: (10.5015, 56.2, {"shop": "supermarket", "source": "GeoFA", "name": "Nabo"}),
        5: (10.5050, 56.2, {"shop": "supermarket", "name": "Langt væk"}),
        6: (10.5015, 56.2, {"amenity": "school", "name": "Skole"}),
    }
    tables = read(tmp_path, osm=pbf(tmp_path, "x.osm.pbf", nodes))
    assert tables.services["service_id"].tolist() == ["osm-n3", "osm-n4", "osm-n5", "osm-n6"]
    assert tables.services["name"].tolist() == ["Den gamle", "Nabo", "Langt væk", "Skole"]
    assert finding(tables, "services_merged") == 1


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("1.234", 1234),
        ("ca. 500", 500),
        ("1 234", 1234),
        ("1\u00a0234\u00a0567", 1234567),
        ("~20", 20),
        ("0", 0),
        ("500-600", None),
        ("-5", None),
        ("12.5", None),
        ("99999999999999", None),
        ("", None),
        (None, None),
    ],
)
def test_populations_as_mappers_write_them(text, people):
    assert parse_people(text) == people


@given(st.text())
def test_any_text_is_a_population_or_none(text):
    people = parse_people(text)
    assert people is None or 0 <= people <= 100_000_000


@pytest.mark.parametrize(
    ("text", "kmh"),
    [
        ("50", 50),
        ("80 km/h", 80),
        ("50 mph", 80.4672),
        ("DK:urban", 50),
        ("DK:rural", 80),
        ("DK:motorway", 130),
        ("none", np.nan),
        ("signals", np.nan),
        ("rubbish", np.nan),
        ("0", np.nan),
        ("9999", np.nan),
        ("50;80", np.nan),
        (None, np.nan),
    ],
)
def test_posted_limits(text, kmh):
    np.testing.assert_allclose(posted_kmh(text), kmh)


@pytest.mark.parametrize(
    ("oneway", "more", "heading"),
    [
        (None, {}, "both"),
        ("yes", {}, "forward"),
        ("true", {}, "forward"),
        ("1", {}, "forward"),
        ("-1", {}, "backward"),
        ("reverse", {}, "backward"),
        ("no", {"highway": "motorway"}, "both"),
        (None, {"highway": "motorway"}, "forward"),
        (None, {"junction": "roundabout"}, "forward"),
        ("alternating", {}, "both"),
        ("yes", {"mode": "walk"}, "both"),
        ("yes", {"mode": "bike"}, "forward"),
        ("yes", {"mode": "bike", "bicycle": "no"}, "both"),
        ("yes", {"mode": "car", "bicycle": "no"}, "forward"),
    ],
)
def test_directions(oneway, more, heading):
    assert direction(oneway, **more) == heading


def test_a_file_of_villages_beside_the_osm_places(tmp_path, town):
    extra = write(
        tmp_path, "extra.csv", "village_id,name,lat,lon,population\nby,BYEN,56.21,10.5,9\nny,Ny,56.5,10.5,7\n"
    )
    services = write(tmp_path, "s.csv", "service_id,name,category,village_id\ns,Banken,bank,by\n")
    tables = read(tmp_path, osm=town, villages=("osm", extra), services=services)
    assert tables.villages["village_id"].tolist() == ["ny", "osm-n1", "osm-n8", "osm-w107"]
    bank = tables.services.set_index("service_id").loc["s"]
    assert bank["village_id"] == "osm-n1"  # "by" was merged into it
    assert bank.geometry.equals(tables.villages.geometry[1])
