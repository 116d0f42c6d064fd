"""Doubts about the data are rows that can be counted: worked numbers, and what holds for any tables."""

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Transformer
from scipy.stats import poisson
from shapely import Point, box
from source_files import DATA, DENMARK, finding, geojson, read, study_in, write

from geoklynge.expectations import Expectation, countries, country_at
from geoklynge.origins import REASONS, STANDINGS
from geoklynge.quality import Quality, examine, full_record, short_record
from geoklynge.quality.completeness import VERDICTS, completeness, findings_of, verdicts
from geoklynge.quality.doubts import FAR_M, odd_positions
from geoklynge.quality.years import source_years
from geoklynge.study import Study, default_categories
from geoklynge.tables import SourceRecord, Tables

YEAR = 2026


def figure(per: float) -> Expectation:
    """One facility to so many people."""
    return Expectation(facilities=1, people=per, year=2020, da="alt", en="all", source="somebody", basis="read")


def looked_at(folder, **options) -> Quality:
    """Read a study in `folder` and examine it."""
    study = study_in(folder, **options)
    return examine(read(folder, **options), study, this_year=YEAR)


# ---- completeness -----------------------------------------------------------------------------------------------


def test_four_schools_where_eleven_are_expected_are_thin():
    table = completeness({"school": 4}, 42_000, ["school"], {"school": figure(3_800)})
    row = table.iloc[0]
    assert (row["found"], round(row["expected"], 2), row["verdict"]) == (4, 11.05, "thin")
    (found,) = findings_of(table, 42_000, {"school": "school"})
    assert (found.code, found.count, found.examples) == ("services_thin", 4, ("school",))
    assert found.text == ("school: 4 in the data, about 11 expected for 42,000 people: the sources probably miss some")


@pytest.mark.parametrize(
    ("found", "expected", "verdict"),
    [
        (20, 30.0, "as_expected"),  # two thirds
        (19, 30.0, "thin"),
        (10, 30.0, "thin"),  # a third
        (9, 30.0, "very_thin"),
        (0, 30.0, "none"),
        (0, 3.0, "none"),  # e^-3 = 0.0498
        (0, 2.9, "too_few"),
        (2, 5.0, "too_few"),  # P(X <= 2) = 0.125
        (45, 30.0, "as_expected"),  # one and a half
        (46, 30.0, "more"),
        (2, 1.0, "as_expected"),  # P(X >= 2) = 0.26
        (0, 0.0, "too_few"),
        (7, np.nan, "no_figure"),
    ],
)
def test_verdicts_at_their_edges(found, expected, verdict):
    assert verdicts(np.array([found]), np.array([expected])) == [verdict]


@given(st.lists(st.tuples(st.integers(0, 5_000), st.floats(0.01, 5_000)), min_size=1, max_size=20))
def test_a_doubt_is_never_what_chance_explains(rows):
    found, expected = (np.array(column) for column in zip(*rows, strict=True))
    for each, mean, word in zip(found, expected, verdicts(found, expected), strict=True):
        assert word in VERDICTS
        if word in {"thin", "very_thin", "none"}:
            assert each < mean * 2 / 3
            assert poisson.cdf(each, mean) < 0.05
        if word == "as_expected":
            assert each >= mean * 2 / 3
        assert (word == "none") <= (each == 0)


def test_only_kinds_with_a_named_source_have_a_figure():
    denmark = next(country for country in countries() if country.code == "DK")
    assert set(denmark.by_category) < set(default_categories())
    assert not {"cafe_inn", "sports_club", "playground", "bus"} & set(denmark.by_category)
    for expectation in denmark.by_category.values():
        assert len(expectation.source) > 10
        assert 5.5e6 < expectation.people < 6.1e6
        assert 2014 <= expectation.year <= YEAR
    assert denmark.by_category["church"].people_per_facility() == pytest.approx(5_659_715 / 2_354)


def test_outside_the_countries_known_nothing_is_expected():
    assert country_at(10.5, 56.2).code == "DK"
    assert country_at(0.0, 0.0).code == ""
    table = completeness({"school": 3}, 1_000, ["school", "bank"], country_at(2.0, 48.0).by_category)
    assert table["verdict"].tolist() == ["no_figure", "no_figure"]
    assert findings_of(table, 1_000, {}) == []


def test_completeness_counts_what_lies_in_the_area_once(tmp_path):
    areas = geojson(
        tmp_path, "k.geojson", {"kode": ["0706"], "navn": ["Syddjurs"]}, [box(570e3, 6.22e6, 600e3, 6.25e6)], 25832
    )
    head = "service_id,name,category,lat,lon\n"
    first = write(tmp_path, "a.csv", head + "a,A,school,56.2141,10.4887\nb,B,school,56.30,10.90\n")
    second = write(tmp_path, "b.csv", head + "c,A,school,56.2142,10.4887\nd,D,school,57.9,10.5\n")
    quality = looked_at(tmp_path, municipalities=areas, services=(first, second))
    row = quality.completeness.set_index("category").loc["school"]
    assert row["found"] == 1  # b stands across the border, c is a, d is left out
    told = quality.accounts[quality.accounts["table"] == "services"]
    assert told[["source", "reason", "standing", "rows"]].to_numpy().tolist() == [
        ["a.csv", "own", "inside", 1], ["a.csv", "own", "around", 1],
        ["b.csv", "near", "inside", 1], ["b.csv", "own", "outside", 1],
    ]  # fmt: skip
    assert row["expected"] == pytest.approx(quality.people / (5_781_190 / 1_821))
    (twin,) = quality.merged.to_dict("records")
    assert (twin["row_id"], twin["into_id"], twin["name"], twin["into_name"]) == ("c", "a", "A", "A")
    assert twin["metres"] == pytest.approx(11.1, abs=0.1)  # 0.0001 degrees north


@settings(deadline=None, max_examples=10)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(tmp_path_factory, random):
    folder = tmp_path_factory.mktemp("order")
    rows = [f"s{k},S{k},{kind},56.{2000 + 37 * k},10.5" for k, kind in enumerate(["school", "bank", "church"] * 5)]
    head = "service_id,name,category,lat,lon\n"
    once = write(folder, "a.csv", head + "\n".join(rows))
    again = write(folder, "b.csv", head + "\n".join(random.sample(rows, len(rows))))
    tables = [looked_at(folder, services=name).completeness for name in (once, again)]
    pd.testing.assert_frame_equal(*tables)


# ---- single rows ------------------------------------------------------------------------------------------------

PARISH = {"kode": ["1", "2"], "navn": ["Vest", "Øst"], "kommunekode": ["0706"] * 2}
SQUARES = [box(0, 0, 10_000, 10_000), box(10_000, 0, 20_000, 10_000)]
CORNER = (580_000, 6_230_000)


def two_parishes(folder, places):
    """Examine places (name, x, y, parish) in two square parishes of 10 km."""
    shapes = [box(*(np.array(s.bounds).reshape(2, 2) + CORNER).ravel()) for s in SQUARES]
    parishes = geojson(folder, "sogne.geojson", PARISH, shapes, 25832)
    text = "village_id,name,x,y,population,parish\n" + "\n".join(
        f"{name},{name},{x + CORNER[0]},{y + CORNER[1]},100,{parish}" for name, x, y, parish in places
    )
    villages = write(folder, "v.csv", text)
    return looked_at(folder, villages=villages, parishes=parishes)


def test_a_place_outside_the_parish_of_its_row_is_told_with_metres(tmp_path):
    quality = two_parishes(
        tmp_path, [("a", 5_000, 5_000, "Vest"), ("b", 12_500, 5_000, "Vest"), ("c", 15_000, 5_000, "")]
    )
    rows = quality.outside_parish
    assert rows[["village_id", "parish", "lies_in"]].to_numpy().tolist() == [["b", "Vest", "Øst"]]
    assert rows["metres"].iloc[0] == pytest.approx(2_500, abs=2)
    assert [f.code for f in quality.findings if f.code == "outside_parish"] == ["outside_parish"]


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 4), st.floats(102, 9_000))
def test_moving_a_place_out_of_its_parish_adds_exactly_that_doubt(tmp_path_factory, which, metres):
    folder = tmp_path_factory.mktemp("moved")
    places = [(f"p{k}", 1_000 + 1_900 * k, 5_000, "Vest") for k in range(5)]
    assert two_parishes(folder, places).outside_parish.empty
    places[which] = (f"p{which}", 10_000 + metres, 5_000 + 10 * which, "Vest")
    moved = two_parishes(folder, places).outside_parish
    assert moved["village_id"].tolist() == [f"p{which}"]
    assert moved["metres"].iloc[0] == pytest.approx(metres, abs=2)


def test_a_place_whose_row_names_no_parish_is_never_outside_one(tmp_path):
    quality = two_parishes(tmp_path, [("a", -500, 5_000, ""), ("b", 5_000, 5_000, "Vest")])
    assert quality.outside_parish.empty  # half a kilometre out at sea, and given to the nearest


def test_at_the_border_there_is_no_doubt(tmp_path):
    assert two_parishes(tmp_path, [("a", 10_090, 5_000, "Vest")]).outside_parish.empty


def test_a_service_is_far_where_every_place_is(tmp_path):
    head = "service_id,name,category,lat,lon\n"
    # 56.0 N is some 22 km south of Vistoft; 56.165 N 3.4 km
    services = write(tmp_path, "s.csv", head + "far,Fjern,church,56.0,10.5090\nnear,Nær,church,56.165,10.5090\n")
    rows = looked_at(tmp_path, services=services).far_services
    assert rows[["service_id", "nearest"]].to_numpy().tolist() == [["far", "Vistoft"]]
    assert rows["metres"].iloc[0] == pytest.approx(21_820, rel=0.01)
    assert rows["metres"].min() > FAR_M


def test_what_lies_across_the_border_is_not_far(tmp_path):
    """Places over there are in no source of the study, so that nothing can be told."""
    area = box(570e3, 6.22e6, 600e3, 6.25e6)
    areas = geojson(tmp_path, "k.geojson", {"kode": ["0706"], "navn": ["Syddjurs"]}, [area], 25832)
    head = "service_id,name,category,x,y\n"
    services = write(tmp_path, "s.csv", head + "out,Ude,church,610000,6235000\nin,Inde,church,598000,6248000\n")
    quality = looked_at(tmp_path, municipalities=areas, services=services)
    assert quality.far_services["service_id"].tolist() == ["in"]
    assert [f.examples for f in quality.findings if f.code == "services_far"] == [("Inde",)]


def test_a_service_in_a_place_is_never_far_and_a_place_outside_the_study_counts(tmp_path):
    villages = write(tmp_path, "v.csv", (
        "village_id,name,lat,lon,population,kind,municipality_id\n"
        "a,By,56.20,10.50,60000,city,0706\nb,Nabo,56.30,10.50,100,village,0707\n"
    ))  # fmt: skip
    head = "service_id,name,category,village_id,lat,lon\n"
    services = write(tmp_path, "s.csv", head + "s,S,church,a,56.25,10.62\nt,T,church,,56.295,10.50\n")
    options = {"villages": villages, "services": services, "only": ("0706",)}
    assert looked_at(tmp_path, **options).far_services.empty


def test_positions_that_cannot_be_meant(tmp_path):
    rows = "\n".join(f"p{k},Sted {k},56.{20 + k},10.{40 + k},9" for k in range(30))
    villages = write(tmp_path, "v.csv", f"village_id,name,lat,lon,population\n{rows}\nnull,Nul,0,0,9\n")
    services = write(tmp_path, "s.csv", "service_id,name,category,lat,lon\nfar,Fjern,school,49.0,10.5\n")
    tables = read(tmp_path, villages=villages, services=services, crs="EPSG:25832")
    found = odd_positions(tables.origins, tables.crs)
    assert found[["table", "row_id", "reason"]].to_numpy().tolist() == [
        ["villages", "null", "zero"], ["services", "far", "away"],
    ]  # fmt: skip
    assert found["km"].iloc[1] == pytest.approx(817, rel=0.02)


def test_zero_in_degrees_is_zero_in_any_projection():
    crs = CRS.from_epsg(25832)
    x, y = Transformer.from_crs(4326, crs, always_xy=True).transform(0.0, 0.0)
    assert np.hypot(x, y) > 400_000  # so that only the projected point tells it


def test_places_without_people_are_listed_with_what_they_count_as(tmp_path):
    rows = looked_at(tmp_path).without_people
    assert rows[["village_id", "kind", "people"]].to_numpy().tolist() == [["agri", "hamlet", 50.0]]


# ---- every row of the sources -------------------------------------------------------------------------------------


def test_merged_rows_are_told_with_names_ids_and_metres(tmp_path):
    first = write(
        tmp_path, "a.csv", "village_id,name,x,y,population\na,Nr. Åby,580000,6230000,\nb,Tved,590000,6230000,50\n"
    )
    second = write(tmp_path, "b.csv", (
        "village_id,name,x,y,population\nx,Nørre Aaby,581200,6230500,700\ny,Gården,590200,6230100,10\n"
        "z,Ny,595000,6230000,9\nzz,Ny,595100,6230000,8\n"
    ))  # fmt: skip
    quality = looked_at(tmp_path, villages=(first, second))
    rows = quality.merged.set_index("row_id")
    assert rows[["source", "name", "into_id", "into_name", "reason", "metres"]].to_dict("index") == {
        "x": {"source": "b.csv", "name": "Nørre Aaby", "into_id": "a", "into_name": "Nr. Åby", "reason": "same_name",
              "metres": 1_300.0},
        "y": {"source": "b.csv", "name": "Gården", "into_id": "b", "into_name": "Tved", "reason": "near",
              "metres": pytest.approx(223.6)},
        "zz": {"source": "b.csv", "name": "Ny", "into_id": "z", "into_name": "Ny", "reason": "same_source",
               "metres": 100.0},
    }  # fmt: skip
    assert (quality.merged["table"] == "villages").all()


def test_a_row_merged_within_its_source_follows_the_one_that_stays(tmp_path):
    first = write(tmp_path, "a.csv", "village_id,name,x,y,population\na,Ny,580000,6230000,10\n")
    second = write(tmp_path, "b.csv", "village_id,name,x,y,population\nx,Ny,580500,6230000,20\ny,Ny,580600,6230000,5\n")
    rows = looked_at(tmp_path, villages=(first, second)).merged.set_index("row_id")
    assert rows[["into_id", "reason", "metres"]].to_numpy().tolist() == [
        ["a", "same_name", 500],
        ["a", "same_source", 600],
    ]


NAMES = st.sampled_from(["By", "Nr. By", "Nørre By", "Tved"])
PLACE = st.tuples(
    NAMES, st.integers(0, 60), st.one_of(st.none(), st.integers(0, 900)), st.sampled_from(["0706", "0707"])
)
SERVICE = st.tuples(st.sampled_from(["school", "bank"]), st.integers(0, 400))


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.lists(PLACE, min_size=1, max_size=6), min_size=1, max_size=3),
    st.lists(st.lists(SERVICE, min_size=1, max_size=6), min_size=0, max_size=3),
)
def test_every_row_is_accounted_for_exactly_once(tmp_path_factory, villages, services):
    folder = tmp_path_factory.mktemp("rows")
    villages[0][0] = (*villages[0][0][:3], "0706")
    places = [
        write(folder, f"v{k}.csv", "village_id,name,x,y,population,municipality_id\n" + "".join(
            f"v{k}-{n},{name},{580_000 + 100 * x},6230000,{'' if people is None else people},{code}\n"
            for n, (name, x, people, code) in enumerate(rows)
        ))
        for k, rows in enumerate(villages)
    ]  # fmt: skip
    facilities = [
        write(folder, f"s{k}.csv", "service_id,name,category,x,y\n" + "".join(
            f"s{k}-{n},,{kind},{580_000 + 20 * x},6230000\n" for n, (kind, x) in enumerate(rows)
        ))
        for k, rows in enumerate(services)
    ]  # fmt: skip
    tables = read(folder, villages=tuple(places), services=tuple(facilities), only=("0706",))
    told = tables.origins
    assert list(told.villages["row_id"]) == [f"v{k}-{n}" for k, rows in enumerate(villages) for n in range(len(rows))]
    assert sorted(told.services["row_id"]) == sorted(
        f"s{k}-{n}" for k, rows in enumerate(services) for n in range(len(rows))
    )
    assert set(told.villages["reason"]) <= set(REASONS)
    assert set(told.villages["standing"]) | set(told.services["standing"]) <= set(STANDINGS)
    here = told.villages[told.villages["standing"] == "inside"]
    assert set(here["village_id"]) == set(tables.villages["village_id"])
    own = told.villages["reason"] == "own"
    assert (told.villages.loc[own, "row_id"] == told.villages.loc[own, "village_id"]).all()
    assert (told.villages.loc[own, "metres"] == 0).all()
    assert (told.villages.loc[~own, "row_id"] != told.villages.loc[~own, "village_id"]).all()
    assert (told.villages["metres"] <= 3_000 + 300 * 6).all()
    assert (~own).sum() == finding(tables, "villages_merged")
    alone = told.services[told.services["reason"] == "own"]
    assert set(alone["row_id"]) == set(tables.services["service_id"])
    assert (alone["row_id"] == alone["service_id"]).all()
    assert (alone["metres"] == 0).all()
    assert (told.services["reason"] != "own").sum() == finding(tables, "services_merged")
    at = tables.services.set_index("service_id").geometry
    kept = told.services[told.services["standing"] != "outside"]
    np.testing.assert_allclose(kept["x"], at.loc[kept["service_id"]].x)
    quality = examine(tables, study_in(folder, villages=tuple(places), only=("0706",)), this_year=YEAR)
    assert quality.accounts["rows"].sum() == len(told.villages) + len(told.services)


@pytest.mark.denmark
@pytest.mark.skipif(not DENMARK.is_dir(), reason="the real data in ../shared/data/denmark is not here")
def test_every_place_of_geonames_finds_a_place_or_a_reason(tmp_path):
    sources = {
        "osm": str(DENMARK / "denmark.osm.pbf"),
        "villages": ("osm", str(DATA / "geonames_dk.csv")),
        "parishes": str(DENMARK / "dagi_sogne.geojson"),
        "municipalities": str(DENMARK / "dagi_kommuner.geojson"),
    }
    study = Study(name="Danmark", sources=sources)
    from geoklynge.sources import default_cache, read_tables

    tables = read_tables(study, cache=default_cache())
    rows = tables.origins.villages
    ours = rows[rows["source"] == sources["villages"][1]]
    assert len(ours) == ours["row_id"].nunique() == 505
    assert ours["reason"].value_counts().to_dict() == {"same_name": 269, "own": 230, "near": 6}
    assert (ours["standing"] == "inside").all()
    assert set(ours["village_id"]) <= set(tables.villages["village_id"])
    assert ours.loc[ours["reason"] == "near", "metres"].max() <= 300
    assert ours.loc[ours["reason"] == "same_name", "metres"].max() <= 3_000
    quality = examine(tables, study, this_year=YEAR)
    words = quality.completeness.set_index("category")["verdict"]
    assert (words["church"], words["kindergarten"], words["bus"]) == ("as_expected", "very_thin", "no_figure")
    anholt = quality.far_services[quality.far_services["metres"] > 40_000]
    assert len(anholt) == 10  # an island that OSM maps as an area: services, and no place
    assert len(json.dumps(short_record(quality))) < 12_000


# ---- years ------------------------------------------------------------------------------------------------------


def record(path: str, table: str, dated: str = "", rows: int = 3) -> SourceRecord:
    """A file that says little of itself."""
    return SourceRecord(path, table, "0", rows, dated=dated)


def test_years_of_rows_go_before_what_is_said_of_the_file(tmp_path):
    villages = write(tmp_path, "v.csv", (
        "village_id,name,lat,lon,population,population_year\n"
        "a,A,56.20,10.50,5,2010\nb,B,56.25,10.55,6,2021\nc,C,56.30,10.60,7,2025\nd,D,56.35,10.65,8,\n"
    ))  # fmt: skip
    write(tmp_path, "sources.toml", '["v.csv"]\ndated = "compiled 2026"\n')
    (row,) = looked_at(tmp_path, villages=villages).years.to_dict("records")
    assert (row["oldest"], row["median"], row["newest"], row["undated"], row["dated"]) == (
        2010,
        2021,
        2025,
        1,
        "compiled 2026",
    )
    assert row["old"]  # 2026 - 2021 > 4


@pytest.mark.parametrize(
    ("dated", "old"),
    [("", False), ("2014", True), ("roads of 2014, seen in 2026", False), ("2022-05-01", False), ("2021", True)],
)
def test_a_file_without_dated_rows_is_as_old_as_it_says(dated, old):
    table = source_years([record("dagi.geojson", "parishes", dated)], None, YEAR)
    assert table["old"].tolist() == [old]
    assert table["undated"].tolist() == [3]


def test_old_sources_are_one_finding(tmp_path):
    villages = write(tmp_path, "v.csv", "village_id,name,lat,lon,population,population_year\na,A,56.2,10.5,5,2001\n")
    quality = looked_at(tmp_path, villages=villages)
    assert [(f.count, f.examples) for f in quality.findings if f.code == "sources_old"] == [(1, ("v.csv",))]
    later = examine(read(tmp_path, villages=villages), study_in(tmp_path, villages=villages), this_year=2005)
    assert not [f for f in later.findings if f.code == "sources_old"]


# ---- as plain data ----------------------------------------------------------------------------------------------


def test_tables_that_come_from_no_files_are_examined_too(tmp_path):
    tables: Tables = replace(read(tmp_path), origins=None)
    quality = examine(tables, study_in(tmp_path), this_year=YEAR)
    assert quality.merged.empty
    assert len(quality.without_people) == 1
    assert set(quality.completeness["category"]) == set(default_categories())
    json.dumps(short_record(quality), allow_nan=False)


def test_records_are_plain_and_the_short_one_is_short(tmp_path):
    second = write(tmp_path, "b.csv", "village_id,name,lat,lon,population\nx,Knebel,56.2142,10.4888,\n")
    villages = write(tmp_path, "v.csv", "village_id,name,lat,lon,population\nknebel,Knebel,56.2141,10.4887,628\n")
    quality = looked_at(tmp_path, villages=(villages, second))
    short, full = short_record(quality), full_record(quality)
    assert short["merged"]["count"] == 1
    assert short["merged"]["by_reason"] == {"villages: same_name": 1}
    assert [row["row_id"] for row in short["merged"]["examples"]] == ["x"]
    assert full["merged"][0]["into_id"] == "knebel"
    assert full["completeness"] == short["completeness"]
    for kept in (short, full):
        assert json.loads(json.dumps(kept, allow_nan=False)) == kept


def test_points_that_no_projection_can_place_are_odd(tmp_path):
    tables = read(tmp_path)
    lost = tables.origins.villages.assign(x=lambda t: t["x"].where(t["row_id"] != "agri", np.inf))
    found = odd_positions(replace(tables.origins, villages=lost), tables.crs)
    assert found[["row_id", "reason"]].to_numpy().tolist() == [["agri", "unplaceable"]]
    quality = examine(
        replace(tables, origins=replace(tables.origins, villages=lost)), study_in(tmp_path), this_year=YEAR
    )
    json.dumps(full_record(quality), allow_nan=False)


def test_parishes_without_polygons_tell_nothing(tmp_path):
    parishes = write(tmp_path, "p.csv", "sognekode,sognenavn\n1,Knebel\n2,Vistoft\n")
    assert looked_at(tmp_path, parishes=parishes).outside_parish.empty


def test_a_country_is_found_by_the_middle_of_its_places(tmp_path):
    here = gpd.GeoSeries([Point(2.3, 48.8), Point(2.4, 48.9), Point(2.5, 48.7)], crs=4326)
    villages = geojson(
        tmp_path, "fr.geojson", {"village_id": list("abc"), "name": list("ABC"), "population": [9] * 3}, list(here)
    )
    quality = looked_at(tmp_path, villages=villages)
    assert quality.country == ""
    assert set(quality.completeness["verdict"]) == {"no_figure"}
