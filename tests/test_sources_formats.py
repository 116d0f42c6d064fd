"""The same villages come out of every format, encoding and reference system."""

import difflib

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import MultiPoint, Point, Polygon
from source_files import MOLS, finding, geojson, pbf, read, write

from geoklynge.errors import TableError
from geoklynge.open_data import FILE_VARIABLE, open_source
from geoklynge.sources.naming import ids_from, name_key

COLUMNS = ["village_id", "name", "kind", "population", "parish", "people"]


@pytest.fixture
def plain(tmp_path):
    """Read the four places on Mols from the plainest CSV."""
    return read(tmp_path).villages


def assert_same_villages(found, expected, within_m=0.01):
    pd.testing.assert_frame_equal(pd.DataFrame(found[COLUMNS]), pd.DataFrame(expected[COLUMNS]))
    assert found.crs == expected.crs
    assert found.distance(expected).max() <= within_m


def test_plain_csv_is_read_sorted_in_metres_and_with_people(plain):
    assert plain["village_id"].tolist() == ["agri", "knebel", "roende", "vistoft"]
    assert plain.crs == CRS("EPSG:25832")
    assert plain["people"].tolist() == [50.0, 628.0, 3328.0, 118.0]
    assert plain.loc[1, "geometry"].distance(Point(592_329.07, 6_230_905.76)) < 0.01
    assert plain["population"].dtype == "Int64"


SEMICOLON = MOLS.replace(",", ";").replace(".", ",")
TAB = MOLS.replace(",", "\t")
DANISH_NAMES = MOLS.replace("name,lat,lon,population", "Navn,Bredde,Længde,Indbyggere")
WKT = "\n".join(
    ["village_id;name;population;kind;parish;wkt"]
    + [
        f"{i};{name};{people};{kind};{parish};POINT ({lon} {lat})"
        for i, name, lat, lon, people, kind, parish in (line.split(",") for line in MOLS.splitlines()[1:])
    ]
)
VARIANTS = {
    "semicolon, decimal comma, BOM": (SEMICOLON, "utf-8-sig"),
    "semicolon, decimal comma, Latin-1": (SEMICOLON, "latin-1"),
    "tab": (TAB, "utf-8"),
    "UTF-16": (TAB, "utf-16"),
    "Danish column names": (DANISH_NAMES, "utf-8"),
    "Windows line ends, cp1252": (MOLS.replace("\n", "\r\n"), "cp1252"),
    "WKT": (WKT, "utf-8"),
    "a column nobody knows": (
        MOLS.replace("\n", ",x,\n", 1).replace(",Knebel\n", ",Knebel,5,\n"),
        "utf-8",
    ),
    "empty lines": (MOLS.replace("\n", "\n\n"), "utf-8"),
}


@pytest.mark.parametrize(("text", "encoding"), VARIANTS.values(), ids=VARIANTS)
def test_csv_variants_say_the_same(tmp_path, plain, text, encoding):
    found = read(tmp_path, villages=write(tmp_path, "variant.csv", text, encoding)).villages
    assert_same_villages(found, plain)


@pytest.mark.parametrize("crs", [4326, 25832, 25833, 3857])
@pytest.mark.parametrize("name", ["v.geojson", "v.gpkg", "v.parquet", "v.shp", "v.fgb"])
def test_vector_formats_say_the_same(tmp_path, plain, name, crs):
    table = plain[["village_id", "name", "kind", "population", "parish", "geometry"]].to_crs(crs)
    if name.endswith("parquet"):
        table.to_parquet(tmp_path / name)
    elif name.endswith("shp"):
        table.to_file(tmp_path / name, encoding="utf-8")
    else:
        table.to_file(tmp_path / name)
    # GeoJSON in EPSG:25832 says so in its "crs" member; GDAL writes WGS84 to 7 decimals
    assert_same_villages(read(tmp_path, villages=name).villages, plain, within_m=0.05)


def test_easting_and_northing_are_danish_metres(tmp_path, plain):
    points = plain.geometry
    rows = plain[["village_id", "name", "kind", "population", "parish"]].assign(
        x=points.x.to_numpy(), y=points.y.to_numpy()
    )
    rows.to_csv(tmp_path / "xy.csv", index=False)
    tables = read(tmp_path, villages="xy.csv")
    assert_same_villages(tables.villages, plain)
    assert finding(tables, "positions_taken_as_utm32") == 4
    stated = read(tmp_path, villages="xy.csv", crs="EPSG:25832")
    assert_same_villages(stated.villages, plain)
    assert finding(stated, "positions_taken_as_utm32") == 0


@pytest.mark.parametrize("column", ["xy", "wkt"])
def test_metres_are_those_of_the_study_where_it_names_a_system(tmp_path, plain, column):
    points = plain.geometry.to_crs(25833)
    rows = pd.DataFrame(plain[["village_id", "name", "kind", "population", "parish"]])
    wkt = {"wkt": points.to_wkt().to_numpy()}
    rows = rows.assign(**wkt if column == "wkt" else {"x": points.x.to_numpy(), "y": points.y.to_numpy()})
    rows.to_csv(tmp_path / "xy.csv", index=False)
    tables = read(tmp_path, villages="xy.csv", crs="EPSG:25833")
    assert tables.crs.to_epsg() == 25833
    assert tables.villages.to_crs(25832).distance(plain).max() < 0.01
    assert finding(tables, "positions_taken_as_utm32") == 0


def test_control_characters_leave_names(tmp_path):
    text = 'name,lat,lon,population\n"Ny\x00by\nved\tsøen\x1f",56.2,10.5,5\n'.replace("\x00", "\x02")
    assert read(tmp_path, villages=write(tmp_path, "v.csv", text)).villages["name"].tolist() == ["Nyby ved søen"]
    osm = pbf(tmp_path, "x.osm.pbf", {1: (10.5, 56.2, {"place": "village", "name": "Ny\x07by\nved søen"})})
    assert read(tmp_path, osm=osm).villages["name"].tolist() == ["Nyby ved søen"]


@pytest.mark.parametrize("name", ["v.gpkg", "v.geojson"])
def test_areas_count_at_a_point_inside_and_single_multipoints_at_their_point(tmp_path, plain, name):
    table = plain[["village_id", "name", "kind", "population", "geometry"]].copy()
    ring = table.geometry[0].buffer(300, quad_segs=2).difference(table.geometry[0].buffer(100))
    table.geometry = [ring, MultiPoint([table.geometry[1]]), *table.geometry[2:]]
    table.to_file(tmp_path / name)
    tables = read(tmp_path, villages=name)
    assert finding(tables, "villages_as_areas") == 1
    assert tables.villages.geometry[0].within(ring.buffer(1))
    assert tables.villages.geometry[1].distance(plain.geometry[1]) < 0.05


def test_ids_stay_text_with_their_zeros(tmp_path):
    text = "village_id,name,lat,lon,population,municipality_code\n0042,Ø,56.2,10.5,10,0706\n7,Å,56.3,10.5,10,0101\n"
    villages = read(tmp_path, villages=write(tmp_path, "v.csv", text)).villages
    assert villages["village_id"].tolist() == ["0042", "7"]
    assert villages["municipality_id"].tolist() == ["0706", "0101"]


def test_whole_float_codes_of_a_vector_file_lose_their_fraction(tmp_path):
    rows = {"sognekode": [8256.0, 8258.0], "sognenavn": ["Knebel", "Vistoft"]}
    square = Polygon([(10.4, 56.1), (10.6, 56.1), (10.6, 56.3)])
    parishes = read(tmp_path, parishes=geojson(tmp_path, "p.geojson", rows, [square, square])).parishes
    assert parishes["parish_id"].tolist() == ["8256", "8258"]


def test_missing_ids_and_kinds_are_made_of_name_and_population(tmp_path):
    rows = [("Ørby", ""), ("Ørby", 199), ("Årslev", 200), ("Æbel By", 1000), ("Stor", 50000)]
    text = "name,lat,lon,population\n" + "".join(
        f"{name},{56 + k / 10},10.5,{people}\n" for k, (name, people) in enumerate(rows)
    )
    villages = read(tmp_path, villages=write(tmp_path, "v.csv", text)).villages
    assert dict(zip(villages["village_id"], villages["kind"], strict=True)) == {
        "oerby": "hamlet",
        "oerby-2": "hamlet",
        "aarslev": "village",
        "aebel-by": "town",
        "stor": "city",
    }


def test_geonames_numbers_get_a_prefix_and_their_source(tmp_path):
    text = "geonameid,name,lat,lon,population\n2618646,Knebel,56.21411,10.48865,603\n"
    villages = read(tmp_path, villages=write(tmp_path, "v.csv", text)).villages
    assert villages["village_id"].tolist() == ["geonames-2618646"]
    assert villages["source"].tolist() == ["GeoNames"]


@pytest.mark.parametrize(("lon", "lat", "epsg"), [(10.5, 56.2, 25832), (-3.2, 55.9, 32630), (151.2, -33.9, 32756)])
def test_the_reference_system_follows_the_place(tmp_path, lon, lat, epsg):
    text = f"name,lat,lon,population\nHere,{lat},{lon},10\n"
    assert read(tmp_path, villages=write(tmp_path, "v.csv", text)).crs == CRS.from_epsg(epsg)


def test_a_study_can_choose_its_reference_system(tmp_path):
    tables = read(tmp_path, crs="EPSG:3035")
    assert tables.crs == tables.villages.crs == CRS("EPSG:3035")


def test_thousands_are_read_where_the_comma_is_decimal(tmp_path):
    text = "name;lat;lon;population\nKnebel;56,2141;10,4887;1.628\nAgri;56.2320;10.5260;50\n"
    villages = read(tmp_path, villages=write(tmp_path, "v.csv", text)).villages
    assert villages["population"].tolist() == [50, 1628]
    assert villages.to_crs(4326).geometry.y.round(4).tolist() == [56.2320, 56.2141]


def test_a_geopackage_with_several_layers_gives_the_one_named_villages(tmp_path, plain):
    table = plain[["village_id", "name", "kind", "population", "parish", "geometry"]]
    table.head(1).to_file(tmp_path / "all.gpkg", layer="other")
    table.to_file(tmp_path / "all.gpkg", layer="villages")
    assert_same_villages(read(tmp_path, villages="all.gpkg").villages, plain)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(6)))
def test_the_order_of_rows_does_not_matter(tmp_path, order):
    header = "name,lat,lon,population\n"
    lines = [
        "Knebel,56.2141,10.4887,628",
        "Knebel,56.3,10.9,",
        "Knebel,56.2145,10.4887,5",  # the same place, 45 m on
        "Agri,56.232,10.526,",
        "Agri,56.0,10.526,7",
        "Vistoft,56.196,10.509,118",
    ]
    first = read(tmp_path, villages=write(tmp_path, "a.csv", header + "\n".join(lines)))
    shuffled = header + "\n".join(lines[k] for k in order)
    second = read(tmp_path, villages=write(tmp_path, "b.csv", shuffled))
    pd.testing.assert_frame_equal(pd.DataFrame(first.villages), pd.DataFrame(second.villages))
    assert first.findings == second.findings
    assert len(first.villages) == 5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Nr. Åby", "Nørre Aaby"),
        ("Sdr.Bjert", "SØNDER  BJERT"),
        ("St. Heddinge", "Store-Heddinge"),
        ("Ll. Skensved", "Lille Skensved"),
        ("Gl. Rye", "Gammel Rye"),
        ("V. Hassing", "Vester Hassing"),
        ("Ø. Hurup", "Øster Hurup"),
        ("A\u030aby", "Åby"),
    ],
)
def test_spellings_of_one_name(one, other):
    assert name_key(one) == name_key(other)


@pytest.mark.parametrize(("one", "other"), [("Ø", "Øster"), ("Vester By", "Øster By"), ("Tved", "Tvede")])
def test_names_that_differ(one, other):
    assert name_key(one) != name_key(other)


@given(st.lists(st.sampled_from(["By", "By 2", "by-2", "By 2 2", "Ø", "!"]), min_size=1, max_size=8))
def test_ids_from_names_are_unique_and_follow_their_row(names):
    points = gpd.GeoSeries([Point(k, 0) for k in range(len(names))])
    ids = ids_from(pd.Series(names), points)
    assert ids.is_unique
    backwards = ids_from(pd.Series(names[::-1]), gpd.GeoSeries(points.to_numpy()[::-1]))
    np.testing.assert_array_equal(backwards.to_numpy()[::-1], ids.to_numpy())


FILES = {
    "services": ("geofa_facilities", "name", "objekt_id,facil_ty_k,statuskode,navne"),
    "population": ("statbank_places", "people", "BYER,TID,INDHOLDET"),
    "grid": ("eurostat_grid", "people", "GRD_ID,Tx"),
    "municipalities": ("gisco_lau", "name", "GISCO_ID,LAU_NAMN"),
}


@pytest.mark.parametrize("table", FILES)
def test_a_field_that_is_gone_is_missed_in_the_same_words_whatever_the_source(tmp_path, table):
    key, column, header = FILES[table]
    names = [*header.split(","), *(f"extra{n}" for n in range(12))]
    source = write(tmp_path, "x.csv", ",".join(names) + "\n" + ",".join("1" for _ in names))
    wanted = open_source(key).fields[column]
    likely = difflib.get_close_matches(wanted, names, n=1)
    found = [*likely, *(name for name in names if name not in likely)]
    with pytest.raises(TableError) as refused:
        read(tmp_path, **{table: source})
    said = str(refused.value)
    assert said.startswith(f"x.csv: no field {wanted!r} (the ")
    assert said.endswith(
        f"); found {', '.join(found[:12])} and {len(names) - 12} more: "
        f"change fields.{column} of {key} in a file named by ${FILE_VARIABLE}"
    )
