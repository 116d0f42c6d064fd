"""What is known of the embedded sample and of the real Danish files comes out as it went in."""

import hashlib

import pytest
from source_files import DATA, DENMARK, finding, read, write

from geoklynge.sources import read_tables
from geoklynge.study import Study, read_study


@pytest.fixture(scope="module")
def sample():
    """Read the embedded sample."""
    return read_tables(read_study(DATA / "syddjurs" / "study.toml"))


def test_the_sample_is_whole(sample):
    assert [len(t) for t in (sample.villages, sample.parishes, sample.services, sample.links)] == [80, 33, 161, 117]
    assert sample.roads is None
    assert sample.crs.to_epsg() == 25832
    assert finding(sample, "population_missing") == 45
    assert finding(sample, "places_without_parish") == 1
    assert {f.code for f in sample.findings} == {"population_missing", "places_without_parish"}


def test_knebel_in_the_sample(sample):
    knebel = sample.villages.set_index("village_id").loc["knebel"]
    assert knebel["people"] == 628.0
    said = ["name", "kind", "population_year", "parish", "municipality_id", "municipality", "former_municipality"]
    assert knebel[said].tolist() == ["Knebel", "village", 2013, "Knebel", "0706", "Syddjurs", "Ebeltoft"]
    assert knebel["historic_district"] == "Mols Herred"
    school = sample.services.set_index("service_id").loc["knebel-molsskolen"]
    assert school.geometry.equals(knebel.geometry)
    assert school["year"] == 2020


def test_every_table_of_the_sample_is_sorted_and_unique(sample):
    for table, name in (
        (sample.villages, "village_id"),
        (sample.services, "service_id"),
        (sample.parishes, "parish_id"),
    ):
        assert table[name].is_unique
        assert table[name].is_monotonic_increasing


def test_every_file_of_the_sample_has_its_record(sample):
    assert [(r.path, r.table, r.rows) for r in sample.sources] == [
        ("villages.csv", "villages", 80),
        ("parishes.csv", "parishes", 33),
        ("services.csv", "services", 161),
        ("links.csv", "links", 117),
    ]
    for record in sample.sources:
        assert record.sha256 == hashlib.sha256((DATA / "syddjurs" / record.path).read_bytes()).hexdigest()
        assert record.licence
        assert record.attribution
        assert record.dated


def test_geonames_comes_with_licence_and_knebel(tmp_path):
    study = Study(name="GeoNames", folder=DATA, sources={"villages": "geonames_dk.csv"})
    tables = read_tables(study)
    assert tables.sources[0].licence == "CC BY 4.0"
    assert tables.sources[0].attribution == "GeoNames, geonames.org"
    assert tables.sources[0].rows == 505
    knebel = tables.villages.set_index("village_id").loc["geonames-2618646"]
    assert (knebel["name"], knebel["population"], knebel["kind"]) == ("Knebel", 603, "village")


def test_a_file_without_a_word_on_licence_has_none(tmp_path):
    write(tmp_path, "sources.toml", '["other.csv"]\nlicence = "CC0"\n')
    record = read(tmp_path).sources[0]
    assert (record.licence, record.attribution, record.dated) == ("", "", "")
    write(tmp_path, "sources.toml", '["villages.csv"]\nlicence = "CC0"\ndated = 2026-01-31\n')
    record = read(tmp_path).sources[0]
    assert (record.licence, record.dated) == ("CC0", "2026-01-31")


@pytest.fixture(scope="module")
def syddjurs():
    """Read the real extract around Syddjurs with parishes, municipalities and GeoNames."""
    if not (DENMARK / "syddjurs.osm.pbf").is_file():
        pytest.skip(f"needs the real data in {DENMARK}")
    sources = {
        "osm": "syddjurs.osm.pbf",
        "villages": ("osm", str(DATA / "geonames_dk.csv")),
        "parishes": "dagi_sogne.geojson",
        "municipalities": "dagi_kommuner.geojson",
    }
    return read_tables(Study(name="Syddjurs", municipalities=("0706",), folder=DENMARK, sources=sources))


@pytest.mark.denmark
def test_the_real_extract(syddjurs):
    assert [len(t) for t in (syddjurs.villages, syddjurs.services, syddjurs.roads)] == [61, 284, 2724]
    assert [len(t) for t in (syddjurs.parishes, syddjurs.municipalities)] == [2149, 99]
    assert set(syddjurs.villages["municipality_id"]) == {"0706"}
    assert syddjurs.villages["parish_id"].notna().all()
    assert finding(syddjurs, "services_merged") == 31
    assert finding(syddjurs, "codes_shared") == 1  # sognekode 9179 stands for two parishes in DAGI


@pytest.mark.denmark
def test_geonames_adds_knebel_to_the_real_extract(syddjurs):
    knebel = syddjurs.villages[syddjurs.villages["name"] == "Knebel"]
    assert knebel[["village_id", "population", "parish", "parish_id"]].to_numpy().tolist() == [
        ["geonames-2618646", 603, "Knebel", "8256"]
    ]


@pytest.mark.denmark
def test_roende_of_both_sources_is_one_place(syddjurs):
    roende = syddjurs.villages[syddjurs.villages["name"] == "Rønde"]
    assert len(roende) == 1
    assert roende["village_id"].str.startswith("osm-n").all()


@pytest.mark.denmark
def test_official_shops_of_2024_stand_before_mapped_ones(syddjurs):
    shops = syddjurs.services[syddjurs.services["source"] == "GeoFA"]
    assert len(shops) == 149
    assert (shops["year"] == 2024).all()
