"""Files of GeoNames, GISCO and Overture Maps (places, divisions) become villages, municipalities and services."""

import zipfile
from contextlib import suppress

import geopandas as gpd
import pytest
from europe_files import (
    CATEGORIES,
    DIVISION,
    PLACE,
    at,
    division,
    geonames_line,
    lau,
    overture,
    packed,
    place,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import box
from source_files import DATA, MOLS, finding, read, write

from geoklynge.errors import InputError, TableError
from geoklynge.open_data import FILE_VARIABLE, open_sources
from geoklynge.sources.delimited import read_delimited
from geoklynge.sources.nested import read_geoparquet
from geoklynge.sources.packed import read_packed

SKAANE = "\n".join(
    [
        geonames_line(1, "Brösarp", 55.72, 14.10, people=715),
        geonames_line(2, "Ravlunda", 55.71, 14.15, changed="2019-11-05"),
        geonames_line(3, "Sankt Olof", 55.64, 14.13, "PPLA3", 605, changed="2011-01-01"),
        geonames_line(4, "Skogsdala", 55.69, 14.12, "PPLX", 300),
        geonames_line(5, "Gamla byn", 55.68, 14.11, "PPLQ"),
        geonames_line(6, "Brösarps kyrka", 55.721, 14.10, "CH", kind="S"),
        geonames_line(7, 'Gård "Ett"', 55.66, 14.16, "PPLF"),
    ]
)


@pytest.mark.parametrize("name", ["SE.txt", "SE.zip"])
def test_geonames_gives_the_places_where_people_live(tmp_path, name):
    if name == "SE.txt":
        write(tmp_path, name, SKAANE)
    else:
        packed(tmp_path, name, {"SE.txt": SKAANE, "readme.txt": "about"})
    tables = read(tmp_path, villages=name)
    villages = tables.villages.set_index("village_id")
    assert villages["name"].to_dict() == {
        "geonames-1": "Brösarp",
        "geonames-2": "Ravlunda",
        "geonames-3": "Sankt Olof",
        "geonames-7": 'Gård "Ett"',
    }
    assert villages["population"].fillna(-1).tolist() == [715, -1, 605, -1]
    assert villages["population_year"].fillna(-1).tolist() == [2024, -1, 2011, -1]
    assert villages["kind"].tolist() == ["village", "hamlet", "village", "hamlet"]
    assert set(villages["source"]) == {"GeoNames"}
    assert finding(tables, "population_year_of_change") == 2
    assert tables.crs.to_epsg() == 25832  # Skåne lies in the box around Denmark, Bornholm being farther east


def test_the_table_that_comes_along_is_read_as_before(tmp_path):
    assert len(read(tmp_path, villages=str(DATA / "geonames_dk.csv")).villages) == 505


def test_a_file_of_geonames_without_places_and_one_cut_off_say_so(tmp_path):
    write(tmp_path, "SE.txt", geonames_line(6, "Kyrka", 55.7, 14.1, "CH", kind="S"))
    with pytest.raises(TableError, match=r"^SE\.txt: none of its 1 rows is a populated place: give another file$"):
        read(tmp_path, villages="SE.txt")
    write(tmp_path, "SE.txt", SKAANE + "\n8\tBortkl")
    with pytest.raises(TableError, match=r"^SE\.txt, row 8: 2 cells, but such a file has 19: download it again$"):
        read(tmp_path, villages="SE.txt")


def test_of_a_file_of_the_world_the_countries_that_are_named_are_read(tmp_path, monkeypatch):
    countries = ["SE", "DK", "AU", "BR", "CA", "DE", "EG"]
    lines = [geonames_line(k, f"By {k}", 55 + k / 9, 14.0, people=9, country=c) for k, c in enumerate(countries)]
    packed(tmp_path, "cities500.zip", {"cities500.txt": "\n".join(lines)})
    with pytest.raises(TableError, match=r"^cities500\.zip: holds places of 7 countries: take the file of one country"):
        read(tmp_path, villages="cities500.zip")
    write(
        tmp_path,
        "mine.toml",
        '[geonames.settings]\ncountries = ["SE", "DK"]\n[gisco_lau.settings]\ncountries = ["SE"]\n',
    )
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "mine.toml"))
    units = [("DK_706", "Syddjurs", box(10, 54, 11, 55)), ("SE_1290", "Kristianstad", box(13, 54, 15, 57))]
    tables = read(tmp_path, villages="cities500.zip", municipalities=lau(tmp_path, "lau.geojson", units))
    assert tables.villages["name"].tolist() == ["By 0", "By 1"]
    assert tables.municipalities["municipality_id"].tolist() == ["SE_1290"]


def test_a_plain_table_may_lie_in_an_archive(tmp_path):
    assert len(read(tmp_path, villages=packed(tmp_path, "v.zip", {"sub/v.csv": MOLS})).villages) == 4


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"a.csv": MOLS, "b.txt": MOLS}, r"v\.zip: the archive holds 2 text files \(a\.csv, b\.txt\): unpack it"),
        ({"readme.txt": "", "a.shp": ""}, r"v\.zip: the archive holds no text files \(readme\.txt, a\.shp\)"),
        ({}, r"v\.zip: the archive holds no text files \(nothing\)"),
        ({"../a.csv": MOLS}, r"v\.zip: the archive holds a file of an odd name, '\.\./a\.csv'"),
        ({"/etc/a.csv": MOLS}, r"v\.zip: the archive holds a file of an odd name"),
        ({"C:\\a.csv": MOLS}, r"v\.zip: the archive holds a file of an odd name"),
        ({"a\x07.csv": MOLS}, r"v\.zip: the archive holds a file of an odd name"),
        ({"a.csv": "0" * 20_000_000}, r"v\.zip, a\.csv: would have 20 MB, packed 0\.0 MB: take the file of a smaller"),
    ],
)
def test_an_archive_that_is_not_what_it_should_be_is_one_line(tmp_path, members, said):
    with pytest.raises(TableError, match=said):
        read(tmp_path, villages=packed(tmp_path, "v.zip", members))


def test_a_file_larger_than_allowed_is_not_unpacked(tmp_path):
    packed(tmp_path, "v.zip", {"a.csv": MOLS})
    with pytest.raises(TableError, match=r"v\.zip, a\.csv: would have 0 MB"):
        read_packed(tmp_path / "v.zip", source="v.zip", endings=(".csv",), unpacked=10)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=st.integers(0, 400), byte=st.integers(0, 255), cut=st.booleans())
def test_a_broken_archive_is_read_or_refused_but_never_a_traceback(tmp_path, where, byte, cut):
    packed(tmp_path, "v.zip", {"v.csv": MOLS})
    whole = bytearray((tmp_path / "v.zip").read_bytes())
    at_ = where % len(whole)
    whole[at_] = byte
    (tmp_path / "v.zip").write_bytes(whole[:at_] if cut else whole)
    with suppress(InputError):
        read(tmp_path, villages="v.zip")


def test_a_locked_archive_says_so(tmp_path):
    packed(tmp_path, "v.zip", {"v.csv": MOLS})
    data = bytearray((tmp_path / "v.zip").read_bytes())
    for head, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(head) + flags] |= 1
    (tmp_path / "v.zip").write_bytes(data)
    assert zipfile.ZipFile(tmp_path / "v.zip").infolist()[0].flag_bits & 1
    with pytest.raises(TableError, match=r"v\.zip, v\.csv: is locked with a password"):
        read(tmp_path, villages="v.zip")


@pytest.mark.parametrize("name", ["lau.geojson", "lau.gpkg"])
def test_lau_gives_municipalities_danish_ones_by_their_own_code(tmp_path, name):
    units = [
        ("DK_706", "Syddjurs", box(10.3, 56.1, 10.9, 56.4)),
        ("DK_0741", "Samsø", box(10.4, 55.7, 10.8, 56.0)),
        ("SE_1290", "Kristianstad", box(14.0, 55.7, 14.4, 56.2)),
        ("DE_01054168", None, box(8.5, 54.3, 9.0, 54.6)),
    ]
    tables = read(tmp_path, municipalities=lau(tmp_path, name, units), only=("706",))
    assert tables.municipalities.set_index("municipality_id")["name"].to_dict() == {
        "0706": "Syddjurs",
        "0741": "Samsø",
        "SE_1290": "Kristianstad",
        "DE_01054168": "DE_01054168",
    }
    assert set(tables.villages["municipality_id"]) == {"0706"}


# The categories of Overture's taxonomy, from the general to the particular.
SHOP = ("shopping", "food_and_beverage_store", "grocery_store")
PIZZA = ("food_and_drink", "restaurant", "pizza_restaurant")
CHURCH = ("cultural_and_historic", "place_of_worship", "christian_place_of_worship", "baptist_place_of_worship")
SCHOOL, CRECHE = ("education", "place_of_learning", "school"), ("education", "place_of_learning", "school", "preschool")
STUDIO = ("sports_and_recreation", "sport_or_fitness_facility", "dance_studio")


def places(folder, rows, schema=PLACE, name="overture_places.parquet"):
    return overture(folder, name, schema, rows, [at(10.4887 + k / 1000, 56.2141) for k in range(len(rows))])


def test_overture_places_become_services_of_our_categories(tmp_path):
    rows = [
        place(1, "Brugsen", *SHOP),
        place(2, "Pizza", *PIZZA),
        place(3, None, *CHURCH),
        place(4, "Skolen", *SCHOOL),
        place(5, "Myretuen", *CRECHE),
        place(6, "Dans", *STUDIO),
        place(7, "Lukket", *SHOP, operating_status="permanently_closed", confidence=0.0),
        place(8, "Måske", *SHOP, confidence=0.59),
        place(9, "Uvist", *SHOP, confidence=None),
        place(10, "Ingenting", sources=None),
        place(11, "På pause", *SCHOOL, operating_status="temporarily_closed", confidence=0.6),
    ]
    tables = read(tmp_path, services=places(tmp_path, rows))
    services = tables.services.set_index("service_id")
    assert services["category"].to_dict() == {
        "overture-p1": "grocery",
        "overture-p2": "cafe_inn",
        "overture-p3": "church",
        "overture-p4": "school",
        "overture-p5": "kindergarten",
        "overture-p9": "grocery",
        "overture-p11": "school",
    }
    assert set(services["year"]) == {2025}
    assert set(services["source"]) == {"Overture Maps"}
    assert services.loc["overture-p1", "village_id"] == "knebel"
    told = {found.code: found for found in tables.findings}
    assert told["places_closed"].examples == ("Lukket",)
    assert told["places_unsure"].examples == ("Måske",)
    assert "below 0.6, left out: 1 of 9" in told["places_unsure"].text


def test_the_nearest_category_above_decides(tmp_path):
    rows = [place(1, "Klubhus", "food_and_drink", "restaurant", "sport_field", "odd")]
    assert read(tmp_path, services=places(tmp_path, rows)).services["category"].tolist() == ["sports_club"]


def test_columns_inside_columns_keep_to_their_rows(tmp_path):
    rows = {
        "name": ["Knebel", "Agri"],
        "population": [628, 50],
        "about": [{"people": 628, "tags": ["a"]}, {"people": 50, "tags": []}],
    }
    points = gpd.GeoDataFrame(rows, geometry=[at(10.48, 56.21), at(10.52, 56.23)], crs=4326, index=[1, 0])
    points.to_parquet(tmp_path / "v.parquet")
    found = read_geoparquet(tmp_path / "v.parquet")
    assert found["about.people"].tolist() == [628, 50]
    assert found["about.tags"].tolist() == [["a"], []]
    assert found["name"].tolist() == ["Knebel", "Agri"]
    assert len(read(tmp_path, villages="v.parquet").villages) == 2


def test_an_empty_cell_of_a_file_without_header_is_missing(tmp_path):
    write(tmp_path, "SE.txt", SKAANE)
    text, comma = read_delimited(tmp_path / "SE.txt", source="SE.txt")
    assert text["elevation"].isna().all()
    assert not comma


def test_places_of_releases_before_september_2026_are_read_too(tmp_path):
    before = {key: kind for key, kind in PLACE.items() if key not in {"taxonomy", "basic_category"}}
    rows = [
        place(1, "Kirken", categories={"primary": "church_cathedral", "alternate": None}),
        place(2, "Netto", categories={"primary": "supermarket", "alternate": ["shopping"]}),
        place(3, "Kro", categories={"primary": "restaurant", "alternate": None}),
        place(4, "Intet", categories=None),
    ]
    tables = read(tmp_path, services=places(tmp_path, rows, {**before, "categories": CATEGORIES}))
    assert tables.services["category"].tolist() == ["church", "grocery", "cafe_inn"]


def test_every_category_of_overture_leads_to_one_of_ours(sample_study):
    known = open_sources()["overture_places"].settings
    ours = set(sample_study.services.all_categories())
    assert set(known["categories"].values()) == ours
    assert set(known["groups"].values()) <= ours


def test_a_file_without_a_single_service_says_so(tmp_path):
    with pytest.raises(TableError, match=r"none of its 1 places is of a category that counts as a service"):
        read(tmp_path, services=places(tmp_path, [place(1, "Dans", *STUDIO)]))


def test_overture_divisions_become_villages(tmp_path):
    rows = [
        division(1, "Brösarp", "village", 715),
        division(2, "Kivik", None, 1_040),
        division(3, "Ravlunda", None),
        division(4, "Malmö", "megacity", 360_000),
        division(5, None, "hamlet"),
        division(6, "Nära", "village", subtype="neighborhood"),
        division(7, "Skåne", None, subtype="region"),
    ]
    points = [at(14.10, 55.72), at(14.23, 55.69), at(14.15, 55.71), at(13.0, 55.6), *[at(14.0, 55.5)] * 3]
    tables = read(tmp_path, villages=overture(tmp_path, "d.parquet", DIVISION, rows, points))
    villages = tables.villages.set_index("village_id")
    assert villages["kind"].to_dict() == {
        "overture-d1": "village",
        "overture-d2": "town",
        "overture-d3": "hamlet",
        "overture-d4": "city",
    }
    assert villages.loc["overture-d1", "population"] == 715
    assert villages["population_year"].isna().all()
    with pytest.raises(TableError, match=r"d\.parquet: none of its 1 divisions is a place with a name"):
        read(tmp_path, villages=overture(tmp_path, "d.parquet", DIVISION, rows[6:], points[:1]))


def without(schema, name, **new):
    return {**{key: kind for key, kind in schema.items() if key != name}, **new}


GONE = [
    ("places", without(PLACE, "confidence"), "confidence", "confidence", "overture_places"),
    ("places", without(PLACE, "taxonomy"), "taxonomy.primary", "category", "overture_places"),
    ("divisions", without(DIVISION, "population"), "population", "population", "overture_divisions"),
]


@pytest.mark.parametrize(("kind", "schema", "field", "name", "key"), GONE)
def test_a_field_that_is_gone_is_one_line_that_says_where_to_change_it(tmp_path, kind, schema, field, name, key):
    if kind == "places":
        sources = {"services": places(tmp_path, [place(1, "Brugsen", *SHOP)], schema, "f.parquet")}
    else:
        rows = [division(1, "Brösarp", "village", 715)]
        sources = {"villages": overture(tmp_path, "f.parquet", schema, rows, [at(14.1, 55.7)])}
    with pytest.raises(TableError) as caught:
        read(tmp_path, **sources)
    said = str(caught.value)
    assert said.startswith(f"f.parquet: no field '{field}' (the {name}); found ")
    assert said.endswith(f"change fields.{name} of {key} in a file named by ${FILE_VARIABLE}")
    assert len(said.splitlines()) == 1


def test_a_renamed_field_is_mended_by_one_line(tmp_path, monkeypatch):
    units = [("DK_706", "Syddjurs", box(10.3, 56.1, 10.9, 56.4))]
    lau(tmp_path, "lau.geojson", units)
    text = (tmp_path / "lau.geojson").read_text(encoding="utf-8").replace("LAU_NAME", "LAU_LABEL")
    write(tmp_path, "lau.geojson", text)
    with pytest.raises(
        TableError, match=r"^lau\.geojson: no field 'LAU_NAME' \(the name\); found LAU_LABEL, GISCO_ID, CNTR_CODE"
    ):
        read(tmp_path, municipalities="lau.geojson")
    write(tmp_path, "mine.toml", '[gisco_lau.fields]\nname = "LAU_LABEL"\n')
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "mine.toml"))
    assert read(tmp_path, municipalities="lau.geojson").municipalities["name"].tolist() == ["Syddjurs"]
