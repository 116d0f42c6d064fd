"""What belongs to a study, which parish and municipality a village lies in, where a service stands."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely import LineString, MultiLineString, Polygon, box
from source_files import finding, geojson, pbf, read, road_table, write

UTM = 25832
X0, Y0 = 600_000.0, 6_230_000.0


def square(x, size=10_000.0, y=0.0):
    """Make a square with its lower left corner `x`, `y` metres from the origin of these tests."""
    return box(X0 + x, Y0 + y, X0 + x + size, Y0 + y + size)


def villages(folder, *rows, extra=()):
    """Write a file of (name, x metres) with a hundred people each; `extra` adds columns."""
    table = pd.DataFrame(rows, columns=["name", "x", *extra]).assign(y=Y0 + 5_000, population=100)
    table.assign(x=table["x"] + X0).to_csv(folder / "places.csv", index=False)
    return "places.csv"


@pytest.fixture
def areas(tmp_path):
    """Write two municipalities side by side, each of two parishes; both have a parish called Kirkeby."""
    rows = {"kode": ["0706", "0707"], "navn": ["Syddjurs", "Norddjurs"]}
    municipalities = geojson(tmp_path, "m.geojson", rows, [square(0), square(10_000)], UTM)
    rows = {
        "sognekode": [8001, 8002, 8003, 8004],
        "sognenavn": ["Vester", "Kirkeby", "Kirkeby", "Øster"],
        "kommunekode": ["0706", "0706", "0707", "0707"],
    }
    strips = [box(X0 + 5_000 * k, Y0, X0 + 5_000 * (k + 1), Y0 + 10_000) for k in range(4)]
    return {"municipalities": municipalities, "parishes": geojson(tmp_path, "p.geojson", rows, strips, UTM)}


def test_a_village_lies_where_its_polygon_is(tmp_path, areas):
    places = villages(tmp_path, ("A", 1_000), ("B", 6_000), ("C", 11_000), ("D", 20_900), ("E", 21_100))
    tables = read(tmp_path, villages=places, **areas)
    found = tables.villages.set_index("name")
    assert found["parish_id"].to_dict() == {"A": "8001", "B": "8002", "C": "8003", "D": "8004"}
    assert found["municipality"].to_list() == ["Syddjurs", "Syddjurs", "Norddjurs", "Norddjurs"]
    assert [(f.count, f.examples) for f in tables.findings if f.code == "places_outside"] == [(1, ("E",))]


@pytest.mark.parametrize("wanted", ["0706", "706", "Syddjurs", "syddjurs kommune", "SYDDJURS"])
def test_a_municipality_by_code_or_name(tmp_path, areas, wanted):
    places = villages(tmp_path, ("A", 1_000), ("B", 9_900), ("C", 10_100), ("W", -900), ("V", -1_100))
    tables = read(tmp_path, only=(wanted,), villages=places, **areas)
    assert sorted(tables.villages["name"]) == ["A", "B", "W"]
    assert finding(tables, "places_outside") == 2


def test_without_municipality_polygons_the_parishes_are_the_area(tmp_path, areas):
    places = villages(tmp_path, ("A", 1_000), ("C", 11_000), ("E", 40_000))
    parishes = areas["parishes"]
    assert sorted(read(tmp_path, villages=places, parishes=parishes).villages["name"]) == ["A", "C"]
    chosen = read(tmp_path, only=("0707",), villages=places, parishes=parishes)
    assert chosen.villages["name"].tolist() == ["C"]


def test_without_polygons_the_villages_say_where_they_are(tmp_path):
    places = villages(
        tmp_path, ("A", 0, "0706", "Syddjurs"), ("B", 50_000, "0707", "Norddjurs"),
        extra=("municipality_id", "municipality"),
    )  # fmt: skip
    assert read(tmp_path, villages=places).villages["name"].tolist() == ["A", "B"]
    assert read(tmp_path, only=("706",), villages=places).villages["name"].tolist() == ["A"]
    assert read(tmp_path, only=("Norddjurs",), villages=places).villages["name"].tolist() == ["B"]


def test_the_parish_a_row_names_wins_over_its_position_if_it_exists(tmp_path, areas):
    places = villages(
        tmp_path,
        ("by id", 1_000, "8004", None),
        ("by name", 1_000 + 400, None, "KIRKEBY"),
        ("by name, the nearer one", 19_000, None, "Kirkeby"),
        ("no such parish", 1_000 + 800, "9999", "Atlantis"),
        extra=("parish_id", "parish"),
    )
    found = read(tmp_path, villages=places, **areas).villages.set_index("name")
    assert found["parish_id"].to_dict() == {
        "by id": "8004",
        "by name": "8002",
        "by name, the nearer one": "8003",
        "no such parish": "8001",
    }
    assert (
        found["parish"].to_list()
        == found["parish_id"].map({"8001": "Vester", "8002": "Kirkeby", "8003": "Kirkeby", "8004": "Øster"}).to_list()
    )


def test_parishes_without_borders_join_by_name_and_fill_attributes(tmp_path):
    text = "parish,municipality_code,historic_herred,former_municipality\nKnebel,0706,Mols Herred,Ebeltoft\n"
    tables = read(tmp_path, parishes=write(tmp_path, "p.csv", text))
    knebel = tables.villages.set_index("village_id").loc["knebel"]
    said = knebel[["parish_id", "municipality_id", "historic_district", "former_municipality"]].tolist()
    assert said == ["Knebel", "0706", "Mols Herred", "Ebeltoft"]
    vistoft = tables.villages.set_index("village_id").loc["vistoft"]
    assert vistoft["parish"] == "Vistoft"  # its own word stays, though the file does not know that parish
    assert pd.isna(vistoft["parish_id"])
    assert finding(tables, "places_outside") == 0


def test_borders_of_one_file_and_attributes_of_another(tmp_path, areas):
    text = "parish_id,name,former_municipality\n8001,Vester,Vesterby\nnew,Øster,Østerby\nx,Kirkeby,Two of them\n"
    both = (areas["parishes"], write(tmp_path, "p.csv", text))
    parishes = read(tmp_path, villages=villages(tmp_path, ("A", 1_000)), parishes=both).parishes
    former = parishes.set_index("parish_id")["former_municipality"]
    assert former.dropna().to_dict() == {"8001": "Vesterby", "8004": "Østerby", "x": "Two of them"}
    assert parishes.geometry.isna().tolist() == [False] * 4 + [True]


def test_parts_of_one_area_are_united_and_a_shared_code_is_numbered(tmp_path):
    rows = {"kode": ["1", "1", "1"], "navn": ["A", "A", "B"]}
    shapes = [square(0, 1_000), square(1_000, 1_000), square(5_000, 1_000)]
    name = geojson(tmp_path, "p.geojson", rows, shapes, UTM)
    places = write(tmp_path, "v.csv", f"name,x,y,population\nV,{X0},{Y0},1\n")
    tables = read(tmp_path, villages=places, parishes=name)
    assert tables.parishes["parish_id"].tolist() == ["1", "1-2"]
    assert round(tables.parishes.geometry[0].area / 1e6, 2) == 2.0
    assert finding(tables, "codes_shared") == 1


def test_a_polygon_that_crosses_itself_is_repaired(tmp_path):
    bow = Polygon([(X0, Y0), (X0 + 10_000, Y0 + 10_000), (X0 + 10_000, Y0), (X0, Y0 + 10_000)])
    name = geojson(tmp_path, "p.geojson", {"kode": ["1"], "navn": ["Bow"]}, [bow], UTM)
    tables = read(tmp_path, villages=villages(tmp_path, ("A", 1_000)), parishes=name)
    assert finding(tables, "geometry_repaired") == 1
    assert tables.parishes.geometry.is_valid.all()


def test_places_without_a_parish_are_counted(tmp_path, areas):
    rows = {"kode": ["0706"], "navn": ["Syddjurs"]}
    wide = geojson(tmp_path, "wide.geojson", rows, [square(-20_000, 60_000, -20_000)], UTM)
    places = villages(tmp_path, ("A", 1_000), ("far from any parish", -5_000))
    tables = read(tmp_path, villages=places, parishes=areas["parishes"], municipalities=wide)
    assert len(tables.villages) == 2
    assert [(f.count, f.examples) for f in tables.findings if f.code == "places_without_parish"] == [
        (1, ("far from any parish",))
    ]


def services(folder, *rows):
    """Write a file of (id, x metres or None, village_id) banks."""
    table = pd.DataFrame(rows, columns=["service_id", "x", "village_id"]).assign(category="bank", name="B")
    table["y"] = (Y0 + 5_000) * (table["x"] * 0 + 1)
    table.assign(x=table["x"] + X0).to_csv(folder / "s.csv", index=False)
    return "s.csv"


def test_services_count_up_to_20_km_beyond_the_border(tmp_path, areas):
    places = villages(tmp_path, ("A", 1_000), ("C", 25_000))
    banks = services(tmp_path, ("in", 1_000, None), ("beyond", 29_900, None), ("far", 30_100, None))
    tables = read(tmp_path, only=("0706",), villages=places, services=banks, **areas)
    assert tables.services["service_id"].tolist() == ["beyond", "in"]
    assert finding(tables, "services_outside") == 1


def test_a_service_of_a_place_outside_keeps_its_position_but_no_village(tmp_path, areas):
    places = villages(tmp_path, ("A", 9_600), ("B", 10_400))
    banks = services(tmp_path, ("named", None, "b"), ("near B, within reach of A", 10_200, None))
    tables = read(tmp_path, only=("0706",), villages=places, services=banks, **areas)
    assert tables.villages["village_id"].tolist() == ["a"]
    assert tables.services["village_id"].isna().all()
    assert abs(tables.services.geometry.x[0] - X0 - 10_400) < 0.01


def test_a_service_stands_in_the_place_whose_reach_it_is_deepest_in(tmp_path):
    text = "village_id,name,x,y,population,kind\n" + "".join(
        f"{kind},{kind},{X0 + x},{Y0 + 5_000},100,{kind}\n"
        for kind, x in (("hamlet", 0), ("village", 10_000), ("town", 20_000), ("city", 40_000))
    )
    places = write(tmp_path, "v.csv", text)
    banks = services(
        tmp_path,
        ("a 799", 799.0, None),
        ("b 801", 801.0, None),
        ("c 1199", 11_199.0, None),
        ("d 1201", 11_201.0, None),
        ("e 2499", 17_501.0, None),
        ("f 5999", 45_999.0, None),
        ("g 6001", 46_001.0, None),
        ("h named", 45_000.0, "hamlet"),
    )
    found = read(tmp_path, villages=places, services=banks).services["village_id"]
    expected = ["hamlet", None, "village", None, "town", "city", None, "hamlet"]
    assert [None if pd.isna(v) else v for v in found] == expected


def test_between_two_places_the_relative_distance_decides(tmp_path):
    text = (
        "village_id,name,x,y,population,kind\n"
        f"h,H,{X0},{Y0 + 5_000},10,hamlet\nt,T,{X0 + 2_000},{Y0 + 5_000},2000,town\n"
    )
    banks = services(tmp_path, ("near H", 400.0, None), ("towards T", 600.0, None))
    found = read(tmp_path, villages=write(tmp_path, "v.csv", text), services=banks).services
    assert dict(zip(found["service_id"], found["village_id"], strict=True)) == {"near H": "h", "towards T": "t"}


def test_links_without_length_are_straight_lines_with_a_detour(tmp_path):
    places = villages(tmp_path, ("A", 0), ("B", 10_000), ("C", 30_000))
    text = "village_a,village_b,road_km,road_class\nb,c,,minor\na,b,12.5,main\n"
    tables = read(tmp_path, villages=places, links=write(tmp_path, "l.csv", text), travel={"detour": 1.5})
    assert tables.links.columns.tolist() == ["village_a", "village_b", "road_km", "road_class"]
    assert tables.links["village_a"].tolist() == ["a", "b"]
    np.testing.assert_allclose(tables.links["road_km"], [12.5, 30.0])
    assert finding(tables, "links_without_length") == 1


def test_links_to_places_outside_are_left_out(tmp_path, areas):
    places = villages(tmp_path, ("A", 1_000), ("B", 2_000), ("E", 40_000))
    links = write(tmp_path, "l.csv", "village_a,village_b,road_km\na,b,2\nb,e,40\n")
    tables = read(tmp_path, villages=places, links=links, **areas)
    assert tables.links["village_b"].tolist() == ["b"]


def road_file(folder, xs, **columns):
    lines = [LineString([(X0 + x, Y0), (X0 + x + 100, Y0)]) for x in xs]
    frame = gpd.GeoDataFrame({"highway": ["primary_link"] * len(xs), **columns}, geometry=lines, crs=UTM)
    frame.to_file(folder / "r.gpkg")
    return "r.gpkg"


def test_roads_are_kept_to_25_km_beyond_a_chosen_municipality(tmp_path, areas):
    roads = road_file(tmp_path, [0, 34_000, 36_000, -24_000, -26_000])
    places = villages(tmp_path, ("A", 1_000), ("C", 11_000))
    chosen = read(tmp_path, only=("0706",), villages=places, roads=roads, **areas).roads
    assert len(chosen) == 3
    assert len(read(tmp_path, villages=places, roads=roads, **areas).roads) == 5


def test_road_lines_in_the_words_of_osm(tmp_path):
    places = villages(tmp_path, ("A", 1_000))
    roads = road_file(tmp_path, [0, 1, 2], maxspeed=["50 mph", "DK:rural", "none"], oneway=["-1", "yes", None])
    found = road_table(read(tmp_path, villages=places, roads=roads))
    assert set(found["road_class"]) == {"primary"}
    np.testing.assert_allclose(found["speed_kmh"], [80.4672, 80.0, np.nan])
    assert found["oneway"].tolist() == ["backward", "forward", "both"]
    walked = road_table(read(tmp_path, villages=places, roads=roads, travel={"mode": "walk"}))
    assert set(walked["oneway"]) == {"both"}


def test_numeric_limits_and_lines_in_parts(tmp_path):
    parts = MultiLineString([[(X0, Y0), (X0 + 1, Y0)], [(X0 + 2, Y0), (X0 + 3, Y0)]])
    frame = gpd.GeoDataFrame({"road_class": ["main"], "speed_kmh": [70]}, geometry=[parts], crs=UTM)
    frame.to_parquet(tmp_path / "r.parquet")
    roads = road_table(read(tmp_path, villages=villages(tmp_path, ("A", 1_000)), roads="r.parquet"))
    assert roads["speed_kmh"].tolist() == [70.0, 70.0]
    assert roads.geom_type.unique().tolist() == ["LineString"]
    assert roads["oneway"].tolist() == ["both", "both"]


def test_a_point_that_no_projection_can_place_is_outside(tmp_path):
    nodes = {
        1: (10.5, 56.2, {"place": "village", "name": "Here"}),
        2: (-79.5, 0.0, {"place": "village", "name": "On the other side of the Earth"}),
        3: (-79.5, 0.0, {"amenity": "bank"}),
    }
    tables = read(tmp_path, osm=pbf(tmp_path, "x.osm.pbf", {**nodes, 4: (10.6, 56.2, nodes[1][2])}))
    assert set(tables.villages["name"]) >= {"Here"}
    assert np.isfinite(tables.villages.geometry.x).all()
    assert np.isfinite(tables.services.geometry.x).all()


def test_services_given_as_areas(tmp_path):
    rows = {"category": ["school"], "name": ["Skolen"]}
    name = geojson(tmp_path, "s.geojson", rows, [square(0, 100)], UTM)
    tables = read(tmp_path, villages=villages(tmp_path, ("A", 0)), services=name)
    assert tables.services.geom_type.tolist() == ["Point"]
    assert tables.services["service_id"].tolist() == ["school-skolen"]
    assert finding(tables, "services_as_areas") == 1


def test_a_study_without_services_has_an_empty_table(tmp_path):
    tables = read(tmp_path)
    assert tables.services.empty
    assert tables.services.crs == tables.crs
    assert (tables.roads, tables.links, tables.parishes, tables.municipalities) == (None, None, None, None)


def test_a_municipality_known_by_name_alone_has_an_id(tmp_path):
    places = villages(
        tmp_path, ("A", 0, None, "Syddjurs"), ("B", 5_000, "0706", "SYDDJURS Kommune"), ("C", 9_000, None, "Ærø"),
        ("D", 12_000, None, None), extra=("municipality_id", "municipality"),
    )  # fmt: skip
    found = read(tmp_path, villages=places).villages["municipality_id"]
    assert found[:3].tolist() == ["0706", "0706", "aeroe"]
    assert pd.isna(found[3])
    assert read(tmp_path, only=("Ærø",), villages=places).villages["name"].tolist() == ["C"]
    listed = write(tmp_path, "m.csv", "kode,navn\n0706,Syddjurs\n0492,Ærø\n")
    found = read(tmp_path, villages=places, municipalities=listed).villages["municipality_id"]
    assert found[:3].tolist() == ["0706", "0706", "0492"]


def test_a_parish_known_by_name_alone_has_an_id_where_there_are_no_parishes(tmp_path):
    places = villages(
        tmp_path, ("A", 0, None, "Nr. Åby"), ("B", 1_000, None, "Nørre Aaby"), ("C", 2_000, "8001", "Vester"),
        ("D", 3_000, None, "VESTER"), ("E", 4_000, None, None), extra=("parish_id", "parish"),
    )  # fmt: skip
    found = read(tmp_path, villages=places).villages["parish_id"]
    assert found[:4].tolist() == ["noerre aaby", "noerre aaby", "8001", "8001"]
    assert pd.isna(found[4])


def test_the_names_of_link_ends_outside_are_told(tmp_path, areas):
    places = villages(tmp_path, ("A", 1_000), ("B", 2_000), ("E", 40_000), ("F", 50_000))
    links = write(tmp_path, "l.csv", "village_a,village_b,road_km\na,b,2\nb,e,40\ne,f,10\n")
    tables = read(tmp_path, villages=places, links=links, **areas)
    assert [(f.count, f.examples) for f in tables.findings if f.code == "links_outside"] == [(2, ("E", "F"))]
