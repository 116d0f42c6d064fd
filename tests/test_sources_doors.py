"""A user's mistake in a source file is one clear line with exit code 2, never a traceback."""

import json

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString, Point, box
from source_files import geojson, pbf, read, write

from geoklynge.errors import CrsError, InputError, StudyError, TableError

HEAD = "village_id,name,lat,lon,population\n"
ROW = "knebel,Knebel,56.2141,10.4887,628\n"

VILLAGES = {
    "empty file": ("", "v.csv: the file is empty"),
    "header only": (HEAD, "v.csv: the table has no rows"),
    "no name": ("village_id,lat,lon,population\na,56.2,10.4,1\n", "no column 'name'"),
    "no name but nothing else wrong": ("lat,lon,population\n56.2,10.4,1\n", "v.csv: no column 'name'"),
    "not a text file": ("name,lat\0,lon\n", "not a text file"),
    "no population": ("village_id,name,lat,lon\na,A,56.2,10.4\n", "no column 'population' (inhabitants"),
    "id twice": (HEAD + ROW + ROW, "row 1, column 'village_id': 'knebel' is used twice"),
    "empty name": (HEAD + ROW + "a,,56.2,10.5,3\n", "row 2, column 'name' is empty"),
    "population in words": (
        HEAD + ROW + "a,A,56.2,10.5,many\n",
        "v.csv, row 2, column 'population': 'many' is not a whole number: write digits only",
    ),
    "half a person": (HEAD + "a,A,56.2,10.5,2.5\n", "'2.5' is not a whole number"),
    "infinite people": (HEAD + "a,A,56.2,10.5,inf\n", "'inf' is not a whole number"),
    "too many people to count": (HEAD + "a,A,56.2,10.5,99999999999999999999\n", "is not a whole number"),
    "negative population": (HEAD + "a,A,56.2,10.5,-5\n", "row 1, column 'population': -5 is below 0"),
    "decimal comma in quotes": (HEAD + 'a,A,"56,2",10.5,5\n', "column 'lat': '56,2' is not a number"),
    "unknown kind": (
        "name,lat,lon,population,kind\nA,56.2,10.5,1,metropolis\n",
        "'metropolis' is not one of hamlet, village, town, city",
    ),
    "no position columns": ("name,population\nA,5\n", "v.csv, row 1: 'A' has no position"),
    "empty position": (HEAD + ROW + "a,A,,,5\n", "v.csv, row 2: 'A' has no position"),
    "half a position": (HEAD + "a,A,56.2,,5\n", "v.csv, row 1: only one of 'lon' and 'lat' is given"),
    "latitude beyond the pole": (HEAD + ROW + "a,A,95,10.5,5\n", "row 2: lat 95, lon 10.5 is no place on Earth"),
    "longitude beyond the date line": (HEAD + ROW + "a,A,56,190,5\n", "row 2: lat 56, lon 190 is no place"),
    "lat and lon swapped": (HEAD + "a,A,10.4887,56.2141,5\n", "lat and lon look swapped"),
    "row too long": (HEAD + "a,A,56.2,10.5,5,6,7\n", "v.csv, row 1: 7 cells, but the header has 5"),
    "quote left open": (HEAD + '"a,A,56.2,10.5,5\n', "not readable as CSV"),
    "column twice": ("name,name,lat,lon,population\nA,A,56.2,10.5,5\n", "column 'name' stands twice"),
    "not WKT": ("name,population,wkt\nA,5,HERE (1 2)\n", "row 1, column 'wkt': 'HERE (1 2)' is not WKT"),
    "an id like two": (HEAD + ROW + "a; b,A,56.2,10.5,5\n", "v.csv, row 2, column 'village_id': 'a; b': ids may not"),
    "a name of control characters": (HEAD + "a,\x01,56.2,10.5,5\n", "row 1, column 'name' is empty"),
    "WKT of a line": ('name,population,wkt\nA,5,"LINESTRING (10 56, 11 56)"\n', "is a LineString, not a point"),
}


def refused(folder, kind=TableError, **sources) -> str:
    """Require an error of this kind with exit code 2 and one line; give back the line."""
    with pytest.raises(InputError) as caught:
        read(folder, **sources)
    assert type(caught.value) is kind
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("text", "says"), VILLAGES.values(), ids=VILLAGES)
def test_bad_villages(tmp_path, text, says):
    assert says in refused(tmp_path, villages=write(tmp_path, "v.csv", text))


def test_metres_in_degree_columns(tmp_path):
    text = HEAD + "a,A,6230905,592329,5\n"
    message = refused(tmp_path, CrsError, villages=write(tmp_path, "v.csv", text))
    assert "coordinates like 592329, 6230905 are metres" in message


def test_metres_of_nobody_knows_which_system(tmp_path):
    text = "name,x,y,population\nA,1170000,7620000,5\n"
    assert "in no known reference system" in refused(tmp_path, CrsError, villages=write(tmp_path, "v.csv", text))


@pytest.mark.parametrize(
    "name", ["v.csv", "v.geojson", "v.gpkg", "v.parquet", "v.shp", "x.osm.pbf"], ids=lambda name: name
)
def test_a_missing_file(tmp_path, name):
    table = "osm" if name.endswith("pbf") else "villages"
    message = refused(tmp_path, **{table: name})
    assert message == f"{name}: no such file ({(tmp_path / name).resolve()}): correct the path in the study file"


@pytest.mark.parametrize("table", ["villages", "parishes", "municipalities", "services", "roads", "links", "osm"])
def test_an_unknown_kind_of_file_and_a_folder(tmp_path, table):
    write(tmp_path, "data.xlsx", "what?")
    assert "data.xlsx: unknown kind of file '.xlsx': known are " in refused(tmp_path, **{table: "data.xlsx"})
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(tmp_path, **{table: "folder.csv"})


@pytest.mark.parametrize("name", ["v.geojson", "v.gpkg", "v.parquet", "v.shp", "v.fgb", "v.json", "x.osm.pbf", "x.osm"])
@pytest.mark.parametrize("content", [b"", b"rubbish", bytes(range(256)) * 8], ids=["empty", "text", "bytes"])
def test_a_corrupt_file(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    table = "osm" if ".osm" in name else "villages"
    message = refused(tmp_path, **{table: name})
    assert message.startswith(name)


@pytest.mark.parametrize("name", ["v.geojson", "v.gpkg", "v.parquet", "v.fgb", "x.osm.pbf"])
def test_a_file_cut_in_half(tmp_path, name):
    if name.endswith("pbf"):
        pbf(tmp_path, name, {k: (10.5, 56.2, {"place": "hamlet", "name": f"A{k}"}) for k in range(500)})
    else:
        table = gpd.GeoDataFrame(
            {"name": [f"A{k}" for k in range(500)], "population": range(500)},
            geometry=[Point(10.5, 56 + k / 500) for k in range(500)],
            crs=4326,
        )
        table.to_parquet(tmp_path / name) if name.endswith("parquet") else table.to_file(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert refused(tmp_path, **{"osm" if name.endswith("pbf") else "villages": name}).startswith(name)


def test_a_shapefile_without_prj_has_no_reference_system(tmp_path):
    rows = {"name": ["A"], "population": [1]}
    gpd.GeoDataFrame(rows, geometry=[Point(592_000, 6_230_000)], crs=25832).to_file(tmp_path / "v.shp")
    (tmp_path / "v.prj").unlink()
    assert "v.shp: the file names no reference system" in refused(tmp_path, CrsError, villages="v.shp")


def test_a_geoparquet_without_reference_system(tmp_path):
    gpd.GeoDataFrame({"name": ["A"], "population": [1]}, geometry=[Point(1, 2)]).to_parquet(tmp_path / "v.parquet")
    assert "names no reference system" in refused(tmp_path, CrsError, villages="v.parquet")


def test_a_parquet_file_without_geometry(tmp_path):
    pd.DataFrame({"name": ["A"]}).to_parquet(tmp_path / "v.parquet")
    assert "v.parquet: the file cannot be read (Missing geo metadata" in refused(tmp_path, villages="v.parquet")


def test_metres_in_a_geojson_that_says_degrees(tmp_path):
    frame = gpd.GeoDataFrame({"name": ["A"], "population": [1]}, geometry=[Point(592_000, 6_230_000)], crs=4326)
    frame.to_file(tmp_path / "v.geojson", driver="GeoJSON")
    message = refused(tmp_path, CrsError, villages="v.geojson")
    assert "v.geojson, row 1: coordinates like 592000, 6230000 are metres" in message


def test_swapped_polygons(tmp_path):
    name = geojson(tmp_path, "p.geojson", {"kode": ["1"], "navn": ["A"]}, [box(56.1, 10.3, 56.3, 10.6)])
    assert "p.geojson: lat and lon look swapped" in refused(tmp_path, parishes=name)


@pytest.mark.parametrize(
    ("crs", "says"),
    [
        ("EPSG:4326", "study.crs 'EPSG:4326': coordinates are not in metres"),
        ("EPSG:2263", "coordinates are not in metres"),
        ("EPSG:99999999", "unknown reference system 'EPSG:99999999'"),
        ("the usual one", "unknown reference system 'the usual one'"),
    ],
)
def test_a_study_asks_for_a_useless_reference_system(tmp_path, crs, says):
    assert says in refused(tmp_path, CrsError, crs=crs)


def test_several_layers_none_of_the_right_name(tmp_path):
    for layer in ("a", "b"):
        frame = gpd.GeoDataFrame({"name": ["A"], "population": [1]}, geometry=[Point(10, 56)], crs=4326)
        frame.to_file(tmp_path / "v.gpkg", layer=layer)
    assert "v.gpkg: 2 layers (a, b), none called 'villages'" in refused(tmp_path, villages="v.gpkg")


SERVICES = {
    "unknown category": (
        "service_id,name,category,village_id\ns1,S,school,knebel\ns2,S,shcool,agri\n",
        "s.csv, row 2, column 'category': unknown category 'shcool': did you mean 'school'?",
    ),
    "category of another world": ("service_id,name,category,village_id\ns,S,zzz,agri\n", "known are school, kind"),
    "no category": ("service_id,name,village_id\ns,S,agri\n", "no column 'category'"),
    "empty category": ("service_id,name,category,village_id\ns,S,,agri\n", "column 'category' is empty"),
    "unknown village": (
        "service_id,name,category,village_id\ns1,S,school,agri\ns2,S,bank,knebbel\n",
        "s.csv, row 2, column 'village_id': 'knebbel' is no village_id: did you mean 'knebel'?",
    ),
    "nowhere": ("service_id,name,category\ns,S,school\n", "row 1: 's' has neither a position nor a village_id"),
    "id twice": ("service_id,name,category,village_id\ns,S,bank,agri\ns,S,bank,agri\n", "'s' is used twice"),
    "negative capacity": (
        "service_id,name,category,village_id,capacity\ns,S,school,agri,-1\n",
        "column 'capacity': -1.0 is below 0",
    ),
}


@pytest.mark.parametrize(("text", "says"), SERVICES.values(), ids=SERVICES)
def test_bad_services(tmp_path, text, says):
    assert says in refused(tmp_path, services=write(tmp_path, "s.csv", text))


LINKS = {
    "unknown village": (
        "village_a,village_b,road_km\nagri,knebel,3\nagri,vistof,3\n",
        "l.csv, row 2, column 'village_b': 'vistof' is no village_id: did you mean 'vistoft'?",
    ),
    "to itself": ("village_a,village_b,road_km\nagri,agri,3\n", "row 1: the link leads from 'agri' to itself"),
    "negative": ("village_a,village_b,road_km\nagri,knebel,-3\n", "column 'road_km': -3.0 is below 0"),
    "in words": ("village_a,village_b,road_km\nagri,knebel,far\n", "column 'road_km': 'far' is not a number"),
    "no length column": ("village_a,village_b\nagri,knebel\n", "no column 'road_km'"),
    "one end": ("village_a,village_b,road_km\nagri,,3\n", "column 'village_b' is empty"),
}


@pytest.mark.parametrize(("text", "says"), LINKS.values(), ids=LINKS)
def test_bad_links(tmp_path, text, says):
    assert says in refused(tmp_path, links=write(tmp_path, "l.csv", text))


def test_an_unknown_reference_system_in_a_geojson(tmp_path):
    crs = '"crs":{"type":"name","properties":{"name":"EPSG:999999"}}'
    text = '{"type":"FeatureCollection",' + crs + ',"features":[]}'
    message = refused(tmp_path, CrsError, villages=write(tmp_path, "v.geojson", text))
    assert message.startswith("v.geojson: unknown reference system 'EPSG:999999'")


def test_a_shapefile_with_rubbish_for_a_prj(tmp_path):
    rows = {"name": ["A"], "population": [1]}
    gpd.GeoDataFrame(rows, geometry=[Point(592_000, 6_230_000)], crs=25832).to_file(tmp_path / "v.shp")
    write(tmp_path, "v.prj", "rubbish")
    assert "v.shp: the file names no reference system" in refused(tmp_path, CrsError, villages="v.shp")


FEATURES = {
    "none": ([], "the table has no rows"),
    "no shape": ([None], "row 1: 'A' has no position"),
    "an empty shape": ([{"type": "Point", "coordinates": []}], "row 1: 'A' has no position"),
    "no known shape": ([{"type": "Dot", "coordinates": [10, 56]}], "v.geojson"),
}


@pytest.mark.parametrize(("shapes", "says"), FEATURES.values(), ids=FEATURES)
def test_odd_features(tmp_path, shapes, says):
    features = [
        {"type": "Feature", "properties": {"name": "A", "population": 1}, "geometry": shape} for shape in shapes
    ]
    text = json.dumps({"type": "FeatureCollection", "features": features})
    assert says in refused(tmp_path, villages=write(tmp_path, "v.geojson", text))


AREAS = {
    "municipality code twice": ("municipalities", "kode,navn\n0706,Syddjurs\n0706,Andet\n", "row 2, column 'muni"),
    "parish code twice": ("parishes", "kode,navn\n1,A\n1,A\n", "row 2, column 'parish_id': '1' is used twice"),
    "no name": ("municipalities", "kode\n0706\n", "no column 'name'"),
    "empty code": ("parishes", "kode,navn\n,A\n", "row 1, column 'parish_id' is empty"),
}


@pytest.mark.parametrize(("table", "text", "says"), AREAS.values(), ids=AREAS)
def test_bad_areas(tmp_path, table, text, says):
    assert says in refused(tmp_path, **{table: write(tmp_path, "a.csv", text)})


def test_bad_shapes(tmp_path):
    line, point = LineString([(10, 56), (10.1, 56)]), Point(10.5, 56.2)
    parish = geojson(tmp_path, "p.geojson", {"kode": ["1"], "navn": ["A"]}, [point])
    assert "p.geojson, row 1: the geometry is a Point, not an area" in refused(tmp_path, parishes=parish)
    road = geojson(tmp_path, "r.geojson", {"highway": ["primary", "primary"]}, [line, point])
    assert "r.geojson, row 2: the geometry is a Point, not a line" in refused(tmp_path, roads=road)
    rows = {"category": ["bank"], "name": ["B"]}
    service = geojson(tmp_path, "s.geojson", rows, [line])
    assert "s.geojson, row 1: the geometry is a LineString, not a point" in refused(tmp_path, services=service)


def test_roads_without_class(tmp_path):
    road = geojson(tmp_path, "r.geojson", {"width": [3]}, [LineString([(10, 56), (10.1, 56)])])
    assert "no column 'road_class'" in refused(tmp_path, roads=road)


def test_one_id_for_two_places_in_two_sources(tmp_path):
    a = write(tmp_path, "a.csv", HEAD + ROW)
    b = write(tmp_path, "b.csv", HEAD + "knebel,Elsewhere,56.9,10.4,7\n")
    assert "village_id 'knebel' stands for different places" in refused(tmp_path, villages=(a, b))


def test_one_service_id_in_two_sources(tmp_path):
    files = tuple(
        write(tmp_path, name, f"service_id,name,category,village_id\ns,S,bank,{village}\n")
        for name, village in (("a.csv", "agri"), ("b.csv", "knebel"))
    )
    assert "service_id 's' is used in two sources" in refused(tmp_path, services=files)


@pytest.mark.parametrize(
    ("wanted", "says"), [("9999", "no municipality '9999'"), ("Sydjurs", "did you mean 'Syddjurs'?")]
)
def test_an_unknown_municipality(tmp_path, wanted, says):
    name = geojson(tmp_path, "m.geojson", {"kode": ["0706"], "navn": ["Syddjurs"]}, [box(10.3, 56, 11, 56.5)])
    assert says in refused(tmp_path, StudyError, only=(wanted,), municipalities=name)


def test_municipalities_asked_for_but_never_told(tmp_path):
    assert "no source says which municipality" in refused(tmp_path, StudyError, only=("0706",))


def test_an_area_without_places(tmp_path):
    name = geojson(tmp_path, "p.geojson", {"kode": ["1"], "navn": ["Bornholm"]}, [box(14.6, 55, 15.2, 55.3)])
    assert "none of the 4 places lies in the study's area" in refused(tmp_path, StudyError, parishes=name)


def test_an_osm_file_without_places(tmp_path):
    name = pbf(tmp_path, "x.osm.pbf", {1: (10.5, 56.2, {"shop": "supermarket"})})
    assert "x.osm.pbf (place nodes): the table has no rows" in refused(tmp_path, osm=name)


def test_a_broken_sources_toml(tmp_path):
    write(tmp_path, "sources.toml", "licence = ")
    assert "sources.toml: not readable as TOML" in refused(tmp_path)
    write(tmp_path, "sources.toml", '"villages.csv" = "CC0"')
    assert "'villages.csv' is not a table" in refused(tmp_path)


@pytest.mark.parametrize("capacity", ["0", "-3"])
def test_a_capacity_of_nothing(tmp_path, capacity):
    text = f"name,category,village_id,capacity\nA,school,knebel,90\nB,school,agri,\nC,school,agri,{capacity}\n"
    message = refused(tmp_path, services=write(tmp_path, "s.csv", text))
    assert message.startswith("s.csv")
    assert "row 3, column 'capacity': " in message


def test_one_municipality_without_knowing_any(tmp_path):
    with pytest.raises(StudyError, match=r"which one 'Agri' lies in \(and 3 more\)") as caught:
        read(tmp_path, limits={"one_municipality": True})
    assert (caught.value.where, caught.value.exit_code) == ("limits.one_municipality", 2)
    rows = {"kode": ["0706"], "navn": ["Syddjurs"]}
    name = geojson(tmp_path, "m.geojson", rows, [box(10.3, 56, 11, 56.5)])
    assert len(read(tmp_path, limits={"one_municipality": True}, municipalities=name).villages) == 4


STRETCHED = {
    "EPSG:3857": "a metre on the ground is 1.799 m in it at 56.22 N, 10.50 E, where the villages lie",
    "EPSG:4978": "no projection onto a plane",
    "EPSG:32610": "a metre on the ground is ",
    "EPSG:4326": "coordinates are not in metres",
}


@pytest.mark.parametrize(("crs", "says"), STRETCHED.items(), ids=STRETCHED)
def test_a_study_in_a_system_without_true_metres(tmp_path, crs, says):
    message = refused(tmp_path, CrsError, crs=crs)
    assert message.startswith(f"study.crs '{crs}': {says}")


def test_a_study_may_be_in_the_neighbouring_zone(tmp_path):
    assert read(tmp_path, crs="EPSG:25833").crs.to_epsg() == 25833
