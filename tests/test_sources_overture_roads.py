"""Roads of Overture Maps, and a study outside Denmark from European files alone, from the files to its clusters."""

import itertools

import numpy as np
import pytest
from europe_files import (
    DIVISION,
    PLACE,
    SEGMENT,
    allowed,
    at,
    denied,
    division,
    geonames_line,
    lau,
    limit,
    overture,
    packed,
    place,
    segment,
)
from hypothesis import given
from hypothesis import strategies as st
from shapely import LineString, box
from source_files import finding, read, road_table, study_in

from geoklynge.errors import TableError
from geoklynge.open_data import FILE_VARIABLE, open_source
from geoklynge.pipeline import run
from geoklynge.sources.overture_roads import heading_of, limit_of

KNOWN = open_source("overture_roads")
WORDS = {**KNOWN.fields, "denied": "denied", "mph": "mph"}
CAR, BIKE = ["vehicle", "motor_vehicle", "car"], ["vehicle", "bicycle"]
BACK = denied(heading="backward")


@pytest.mark.parametrize(
    ("rules", "car", "bike"),
    [
        ([], "", ""),
        ([BACK], "yes", "yes"),
        ([denied(heading="forward")], "-1", "-1"),
        ([BACK, allowed(heading="backward", mode=["bicycle"])], "yes", ""),
        ([allowed(heading="backward", mode=["bicycle"]), BACK], "yes", "yes"),  # the last that matches decides
        ([denied()], "closed", "closed"),
        ([denied(mode=["motor_vehicle"])], "closed", ""),
        ([denied(mode=["hgv", "bus"])], "", ""),
        ([denied(), allowed(using=["at_destination"])], "", ""),
        ([denied(), allowed(mode=["bicycle"])], "closed", ""),
        ([denied(during="Mo-Fr 15:00-18:00")], "", ""),
        ([denied(heading="backward"), denied(heading="forward")], "closed", "closed"),
        ([denied(between=[0.0, 0.4])], "", ""),
        ([denied(between=[0.3, 1.0])], "closed", "closed"),
    ],
)
def test_rules_of_access(rules, car, bike):
    assert (heading_of(rules, CAR, WORDS), heading_of(rules, BIKE, WORDS)) == (car, bike)


@pytest.mark.parametrize(
    ("rules", "kmh"),
    [
        ([limit(80)], 80.0),
        ([limit(50, "mph")], 80.4672),
        ([limit(80), limit(60, mode=["hgv"])], 80.0),
        ([limit(80), limit(60, mode=["car"])], 60.0),
        ([limit(80), limit(40, heading="backward"), limit(30, during="Mo-Fr 08:00-15:00")], 80.0),
        ([limit(80), limit(40, between=[0.5, 1.0])], 1 / (0.5 / 80 + 0.5 / 40)),
        ([limit(60, between=[0.0, 0.9])], 60.0),
        ([limit(60, between=[0.0, 0.4])], np.nan),
        ([{"min_speed": {"value": 50, "unit": "km/h"}}], np.nan),
    ],
)
def test_limits(rules, kmh):
    np.testing.assert_allclose(limit_of(rules, CAR, WORDS), kmh)


@given(
    steps=st.lists(st.floats(0.01, 0.99), max_size=4, unique=True),
    speeds=st.lists(st.integers(5, 130), min_size=5, max_size=5),
)
def test_a_limit_in_pieces_takes_as_long_as_the_pieces(steps, speeds):
    ends = [0.0, *sorted(steps), 1.0]
    pieces = list(itertools.pairwise(ends))
    rules = [limit(kmh, between=list(piece)) for piece, kmh in zip(pieces, speeds, strict=False)]
    hours = sum((last - first) / kmh for (first, last), kmh in zip(pieces, speeds, strict=False))
    np.testing.assert_allclose(1 / limit_of(rules, CAR, WORDS), hours)


LINES = [
    (
        segment(1, "secondary", speed_limits=[limit(80), limit(30, mode=["bicycle"])]),
        [(16.40, 56.60), (16.42, 56.60), (16.44, 56.60)],
    ),
    (segment(2, "residential", access_restrictions=[BACK]), [(16.42, 56.60), (16.42, 56.61)]),
    (segment(3, "track", access_restrictions=[denied(mode=["motor_vehicle"])]), [(16.44, 56.60), (16.44, 56.61)]),
    (segment(4, "cycleway"), [(16.44, 56.60), (16.45, 56.60)]),
    (segment(5, "primary", road_flags=[{"values": ["is_under_construction"]}]), [(16.40, 56.60), (16.40, 56.61)]),
    (segment(6, "standard_gauge", subtype="rail"), [(16.40, 56.60), (16.50, 56.61)]),
]
VILLAGES = [division(1, "Vickleby", "village", 400), division(2, "Resmo", "hamlet", 90)]
SPOTS = [at(16.42, 56.601), at(16.44, 56.601)]


def roads(folder, schema=SEGMENT, lines=LINES, name="overture_roads.parquet"):
    return overture(folder, name, schema, [row for row, _ in lines], [LineString(line) for _, line in lines])


@pytest.mark.parametrize(
    ("mode", "found"),
    [
        ("car", {"secondary": (80.0, "both"), "residential": (None, "forward"), "cycleway": (None, "both")}),
        ("bike", {"secondary": (80.0, "both"), "residential": (None, "forward"), "cycleway": (None, "both"),
                  "track": (None, "both")}),
        ("walk", {"secondary": (80.0, "both"), "residential": (None, "both"), "cycleway": (None, "both"),
                  "track": (None, "both")}),
    ],
)  # fmt: skip
def test_segments_become_roads_of_each_mode(tmp_path, mode, found):
    villages = overture(tmp_path, "d.parquet", DIVISION, VILLAGES, SPOTS)
    tables = read(tmp_path, villages=villages, roads=roads(tmp_path), travel={"mode": mode})
    table = road_table(tables)
    said = {
        row.road_class: (None if np.isnan(row.speed_kmh) else row.speed_kmh, row.oneway) for row in table.itertuples()
    }
    assert said == found
    assert len(tables.roads.xy) == len({point for line in table.geometry for point in line.coords})
    assert tables.crs.to_epsg() == 32633


def test_a_file_of_railways_and_one_without_a_field_say_so(tmp_path):
    villages = overture(tmp_path, "d.parquet", DIVISION, VILLAGES, SPOTS)
    with pytest.raises(TableError, match=r"r\.parquet: none of its 1 segments is a road that is open"):
        read(tmp_path, villages=villages, roads=roads(tmp_path, lines=LINES[5:], name="r.parquet"))
    schema = {key: kind for key, kind in SEGMENT.items() if key != "speed_limits"}
    with pytest.raises(TableError, match=r"r\.parquet: no field 'speed_limits' \(the speed limits\); found id, "):
        read(tmp_path, villages=villages, roads=roads(tmp_path, schema, name="r.parquet"))


def test_a_renamed_part_of_a_rule_is_told_and_mended(tmp_path, monkeypatch):
    villages = overture(tmp_path, "d.parquet", DIVISION, VILLAGES, SPOTS)
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text('[overture_roads.fields]\naccess_type = "kind"\n', encoding="utf-8")
    with pytest.raises(
        TableError,
        match=r"overture_roads\.parquet, column 'access_restrictions': no field 'kind' \(the access type\); found "
        r"access_type, when, between: change fields\.access_type of overture_roads",
    ):
        read(tmp_path, villages=villages, roads=roads(tmp_path))


# Öland, in Sweden: a row of places along one road, made up but for the names. LAU is the municipality, GeoNames fills
# in the people of places that Overture has none of.
NAMES = ["Algutsrum", "Torslunda", "Vickleby", "Resmo", "Kastlösa", "Smedby", "Degerhamn", "Gräsgård"]
NORTH = [56.70 - 0.03 * k for k in range(len(NAMES))]


@pytest.fixture
def oeland(tmp_path):
    """Write the files of a study of Öland and read its study."""
    people = [None if k % 2 else 200 + 50 * k for k in range(len(NAMES))]
    rows = [division(k, name, "village", people[k]) for k, name in enumerate(NAMES)]
    overture(tmp_path, "d.parquet", DIVISION, rows, [at(16.52, lat) for lat in NORTH])
    lines = [geonames_line(k, name, NORTH[k] + 0.001, 16.521, people=300) for k, name in enumerate(NAMES)]
    packed(tmp_path, "SE.zip", {"SE.txt": "\n".join(lines)})
    lau(
        tmp_path,
        "lau.gpkg",
        [("SE_0840", "Mörbylånga", box(16.3, 56.1, 16.8, 56.8)), ("SE_0885", "Borgholm", box(16.3, 56.8, 17.2, 57.4))],
    )
    shop = ("shopping", "food_and_beverage_store", "grocery_store")
    school = ("education", "place_of_learning", "school", "elementary_school")
    services = [place(k, f"Butik {k}", *shop) for k in (0, 3, 6)] + [place(9, "Skola", *school)]
    overture(tmp_path, "p.parquet", PLACE, services, [at(16.5205, NORTH[k]) for k in (0, 3, 6, 2)])
    along = [segment(k, "secondary", speed_limits=[limit(70)]) for k in range(len(NAMES) - 1)]
    shapes = [
        LineString([(16.52, NORTH[k]), (16.522, NORTH[k] - 0.015), (16.52, NORTH[k + 1])]) for k in range(len(along))
    ]
    overture(tmp_path, "r.parquet", SEGMENT, along, shapes)
    return study_in(
        tmp_path,
        only=("mörbylånga",),
        villages=("d.parquet", "SE.zip"),
        municipalities="lau.gpkg",
        services="p.parquet",
        roads="r.parquet",
    )


def test_a_study_outside_denmark_runs_from_european_files_alone(oeland):
    found = run(oeland)
    tables = found.tables
    assert tables.crs.to_epsg() == 32633
    assert tables.villages["name"].tolist() == NAMES
    assert set(tables.villages["municipality_id"]) == {"SE_0840"}
    assert tables.villages["population"].tolist() == [200, 300, 300, 300, 400, 300, 500, 300]
    assert finding(tables, "villages_merged") == len(NAMES)
    assert tables.services["category"].value_counts().to_dict() == {"grocery": 3, "school": 1}
    assert set(tables.services["village_id"]) == {"overture-d0", "overture-d2", "overture-d3", "overture-d6"}
    assert len(tables.roads) == len(NAMES) - 1
    clusters = found.result.clusters
    assert len(clusters) >= 1
    assert set(";".join(clusters["villages"]).replace("; ", ";").split(";")) <= set(NAMES)
