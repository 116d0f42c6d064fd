"""Files of Danish registers, written here by hand from the forms that are documented, end in the tables."""

import json

import geopandas as gpd
import pandas as pd
import pytest
from shapely import Point, Polygon
from source_files import MOLS, finding, pbf, read, study_in, write

from geoklynge.errors import StudyError, TableError
from geoklynge.exports import write_run
from geoklynge.maps import render_pages
from geoklynge.open_data import FILE_VARIABLE, open_sources
from geoklynge.pipeline import run
from geoklynge.sources.formats import ADAPTERS

KNEBEL = (592_329.0, 6_230_906.0)  # metres in EPSG:25832; 56.2141 N, 10.4887 E


def text_of(tables, code):
    return next(found.text for found in tables.findings if found.code == code)


def by_id(table, *columns):
    return {row[0]: row[1:] for row in table[[table.columns[0], *columns]].itertuples(index=False)}


def positions(services):
    """Metres east and north of Knebel, by id."""
    return {
        ident: (round(point.x - KNEBEL[0]), round(point.y - KNEBEL[1]))
        for ident, point in zip(services["service_id"], services.geometry, strict=True)
    }


# ---- GeoFA -----------------------------------------------------------------------------------------------------------

FACILITIES = [  # objekt_id, facil_ty_k, facil_ty, statuskode, navn, systid_fra, metres east and north of Knebel
    ("a1", 4011, "Idrætshal", 3, "Mols Hallen", "2023-05-01T10:00:00", [(0, 0)]),
    ("a2", 1041, "Naturlegeplads", 3, None, "2024-01-01T00:00:00", [(500, 100), (900, 900)]),
    ("a3", 5011, "Forsamlingshus", 3, "Forsamlingshuset", "2021-01-01T00:00:00", [(-200, 40)]),
    ("a4", 3012, "Shelter", 3, "Strandshelter", "2024-01-01T00:00:00", [(0, 3000)]),
    ("a5", 3012, "Shelter", 3, "Skovshelter", "2024-01-01T00:00:00", [(0, 3500)]),
    ("a6", 1012, "Toilet", 3, None, "2024-01-01T00:00:00", [(10, 3500)]),
    ("a7", 4011, "Idrætshal", 2, "Hallen der kommer", "2024-01-01T00:00:00", [(4000, 0)]),
]


def geofa(folder, name="geofa.geojson", *, drop=(), **renamed):
    """Write the facilities as the WFS gives them: MultiPoints in EPSG:25832, and the system in the crs member."""
    features = []
    for ident, code, words, status, called, since, parts in FACILITIES:
        cells = {
            "temakode": 5800,
            "objekt_id": ident,
            "systid_fra": since,
            "statuskode": status,
            "facil_ty_k": code,
            "facil_ty": words,
            "navn": called,
        }
        cells = {renamed.get(key, key): value for key, value in cells.items() if key not in drop}
        points = [[KNEBEL[0] + x, KNEBEL[1] + y] for x, y in parts]
        shape = {"type": "MultiPoint", "coordinates": points}
        features.append({"type": "Feature", "properties": cells, "geometry": shape})
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::25832"}}
    text = json.dumps({"type": "FeatureCollection", "crs": crs, "features": features}, ensure_ascii=False)
    return write(folder, name, text)


def test_facilities_of_geofa_become_services_of_our_categories(tmp_path):
    tables = read(tmp_path, services=geofa(tmp_path))
    services = tables.services
    assert by_id(services, "category", "source", "year") == {
        "geofa-a1": ("sports_hall", "GeoFA", 2023),
        "geofa-a2": ("playground", "GeoFA", 2024),
        "geofa-a3": ("community_hall", "GeoFA", 2021),
    }
    assert services["name"].isna().tolist() == [False, True, False]
    assert positions(services) == {"geofa-a1": (0, 0), "geofa-a2": (500, 100), "geofa-a3": (-200, 40)}
    assert services["village_id"].tolist() == ["knebel"] * 3
    assert finding(tables, "services_not_in_force") == 1
    assert finding(tables, "services_of_other_kinds") == 3
    assert text_of(tables, "services_of_other_kinds").endswith("left out: 3 of 6 (Shelter 2, Toilet 1)")


@pytest.mark.parametrize(("name", "crs"), [("geofa.gpkg", 25832), ("geofa.gpkg", 4326), ("degrees.geojson", 4326)])
def test_formats_and_reference_systems_of_geofa_say_the_same(tmp_path, name, crs):
    first = read(tmp_path, services=geofa(tmp_path, "first.geojson"))
    gpd.read_file(tmp_path / "first.geojson").to_crs(crs).to_file(tmp_path / name)
    again = read(tmp_path, services=name)
    columns = list(first.services.columns.drop("geometry"))
    pd.testing.assert_frame_equal(pd.DataFrame(again.services[columns]), pd.DataFrame(first.services[columns]))
    assert again.services.distance(first.services).max() < 0.05


def test_areas_of_geofa_count_at_a_point_inside_and_replaced_versions_not_at_all(tmp_path):
    square = Polygon([(0, 0), (40, 0), (40, 40), (0, 40)])
    shapes = gpd.GeoSeries([square, square]).translate(*KNEBEL)
    cells = {"objekt_id": ["f", "f"], "facil_ty_k": 1031, "statuskode": 3, "navn": ["Ny", "Gammel"]}
    cells["systid_til"] = [None, "2020-01-01T00:00:00"]
    gpd.GeoDataFrame(cells, geometry=shapes, crs=25832).to_file(tmp_path / "areas.gpkg")
    tables = read(tmp_path, services="areas.gpkg")
    assert tables.services["name"].tolist() == ["Ny"]
    assert tables.services.geometry[0].within(shapes[0])
    assert finding(tables, "services_replaced") == 1


def test_a_file_of_another_name_is_attributed_to_the_source_that_its_fields_are_of(tmp_path):
    sources = {"services": geofa(tmp_path, "x.geojson"), "villages": write(tmp_path, "villages.csv", MOLS)}
    study = study_in(tmp_path, limits={"min_villages": 2}, **sources)
    done = run(study)
    folder = tmp_path / "out"
    write_run(done, folder, pages=render_pages(done, language="da"))
    told = {each["path"]: each for each in json.loads((folder / "run.json").read_text(encoding="utf-8"))["sources"]}
    assert told["x.geojson"]["attribution"] == "GeoDanmark, GeoFA"
    assert told["x.geojson"]["licence"] == "CC BY 4.0"
    assert told["villages.csv"]["attribution"] == ""
    for page in ("map.html", "report.html"):
        assert "GeoDanmark, GeoFA" in (folder / page).read_text(encoding="utf-8")


def test_what_stands_beside_a_file_decides_before_its_fields(tmp_path):
    source = geofa(tmp_path, "x.geojson")
    write(tmp_path, "sources.toml", '["x.geojson"]\nattribution = "Syddjurs Kommune"\n')
    (record,) = (each for each in read(tmp_path, services=source).sources if each.table == "services")
    assert (record.attribution, record.licence) == ("Syddjurs Kommune", "CC BY 4.0")


@pytest.mark.parametrize(
    ("field", "column", "about"),
    [("facil_ty_k", "category", "the kind of the facility"), ("navn", "name", "the name of the facility")],
)
def test_a_renamed_field_is_one_line_and_mended_by_one_line(tmp_path, monkeypatch, field, column, about):
    source = geofa(tmp_path, **{field: "facilitetens"})
    with pytest.raises(TableError) as refused:
        read(tmp_path, services=source)
    said = str(refused.value)
    assert "\n" not in said
    assert said.startswith(f"geofa.geojson: no field '{field}' ({about}); found ")
    assert "facilitetens" in said
    assert "geometry" not in said
    assert said.endswith(f": change fields.{column} of geofa_facilities in a file named by ${FILE_VARIABLE}")
    write(tmp_path, "changes.toml", f'[geofa_facilities.fields]\n{column} = "facilitetens"\n')
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "changes.toml"))
    assert len(read(tmp_path, services=source).services) == 3


def test_a_file_without_any_facility_of_ours_says_what_it_has(tmp_path, monkeypatch):
    write(tmp_path, "changes.toml", '[geofa_facilities.settings]\ncategories = { 4099 = "sports_hall" }\n')
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "changes.toml"))
    with pytest.raises(TableError, match=r"none of the 6 facilities .* is counted \(Shelter 2, Forsamlingshus 1, "):
        read(tmp_path, services=geofa(tmp_path))


def test_geofa_wins_over_a_mapper_within_60_metres_and_takes_a_name_it_lacks(tmp_path):
    sites = gpd.GeoSeries([Point(530, 100), Point(0, 59), Point(0, -70)]).translate(*KNEBEL).set_crs(25832).to_crs(4326)
    tags = [
        {"leisure": "playground", "name": "Skovlegepladsen"},
        {"leisure": "sports_hall", "name": "Hal"},
        {"leisure": "sports_hall", "name": "Den anden hal"},
    ]
    nodes = {k: (site.x, site.y, tag) for k, (site, tag) in enumerate(zip(sites, tags, strict=True), start=1)}
    nodes[9] = (10.4887, 56.2141, {"place": "village", "name": "Knebel"})
    tables = read(tmp_path, osm=pbf(tmp_path, "x.osm.pbf", nodes), services=geofa(tmp_path))
    names = dict(zip(tables.services["service_id"], tables.services["name"], strict=True))
    assert names["geofa-a2"] == "Skovlegepladsen"
    assert names["geofa-a1"] == "Mols Hallen"
    assert sorted(names.values()) == ["Den anden hal", "Forsamlingshuset", "Mols Hallen", "Skovlegepladsen"]
    assert finding(tables, "services_merged") == 2


# ---- schools and daycare ---------------------------------------------------------------------------------------------

SCHOOLS = """{id};{name};{type};{words};{status}{lat};{lon}
700010;Molsskolen;1012;Folkeskoler;Aktiv tællingsmæssigt for Danmarks Statistik;{a};{b}
700011;Molsskolen, indskolingen;1012;Folkeskoler;Aktiv juridisk institution;{a};{b}
700012;Molsskolen, afd. Vistoft;1012;Folkeskoler;Aktiv juridisk institution;{c};{d}
700020;Friskolen;1013;Friskoler og private grundskoler;Aktiv juridisk institution;{c};{e}
700021;Friskolen uden sted;1013;Friskoler og private grundskoler;Aktiv juridisk institution;;
700030;Efterskolen;1011;Efterskoler;Aktiv juridisk institution;{c};{e}
700031;Specialskolen;1015;Specialskoler for børn;Aktiv juridisk institution;{c};{e}
"""
DEGREES = {"a": "56,2141", "b": "10,4887", "c": "56,1960", "d": "10,5090", "e": "10,5190"}
FORMS = {
    "school_register": ("institutionNumber", "institutionName", "institutionTypeId", "institutionType"),
    "school_register_export": ("Institutionsnummer", "Institutionsnavn", "nr", '"Institutionstype, navn"'),
    "school_register_extract": ("INST_NR", "INST_NAVN", "INST_TYPE_NR", "INST_TYPE_NAVN"),
}
WHERE = {
    "school_register": ("latitude", "longitude"),
    "school_register_export": ("Geokode: Breddegrad", "Geokode: Længdegrad"),
    "school_register_extract": ("GEO_BREDDE_GRAD", "GEO_LAENGDE_GRAD"),
}


def schools(folder, key, encoding="utf-8-sig"):
    header = dict(zip(("id", "name", "type", "words"), FORMS[key], strict=True))
    header |= dict(zip(("lat", "lon"), WHERE[key], strict=True))
    return write(folder, f"{key}.csv", SCHOOLS.format(**header, status="activeCodeName;", **DEGREES), encoding)


@pytest.mark.parametrize(
    ("key", "encoding"), [*((key, "utf-8-sig") for key in FORMS), ("school_register_extract", "utf-16")]
)
def test_every_form_of_the_school_register_says_the_same(tmp_path, key, encoding):
    tables = read(tmp_path, services=schools(tmp_path, key, encoding))
    assert by_id(tables.services, "name", "category", "village_id") == {
        "school-700010": ("Molsskolen", "school", "knebel"),
        "school-700012": ("Molsskolen, afd. Vistoft", "school", "vistoft"),
        "school-700020": ("Friskolen", "school", "vistoft"),
    }
    assert positions(tables.services)["school-700010"] == (0, 0)
    assert text_of(tables, "services_of_other_kinds").endswith("2 of 7 (Efterskoler 1, Specialskoler for børn 1)")
    assert finding(tables, "services_at_one_spot") == 1
    lost = next(found for found in tables.findings if found.code == "services_unlocated")
    assert (lost.count, lost.examples) == (1, ("Friskolen uden sted",))
    assert tables.services["capacity"].isna().all()


def test_closed_schools_are_left_out(tmp_path):
    path = tmp_path / schools(tmp_path, "school_register")
    text = path.read_text(encoding="utf-8").replace("Friskoler og private grundskoler;Aktiv", "Friskoler;Nedlagt")
    tables = read(tmp_path, services=write(tmp_path, "closed.csv", text))
    assert tables.services["service_id"].tolist() == ["school-700010", "school-700012"]
    assert finding(tables, "services_not_in_force") == 2


@pytest.mark.parametrize("added", ["lat;lon", "village_id"])
def test_a_position_or_a_village_added_by_hand_brings_a_school_back(tmp_path, added):
    lines = (tmp_path / schools(tmp_path, "school_register_export")).read_text(encoding="utf-8-sig").splitlines()
    cells = {"lat;lon": ("56.2320;10.5260", ";"), "village_id": ("agri", "")}[added]
    rows = [line + ";" + (cells[0] if "uden sted" in line else cells[1]) for line in lines[1:]]
    text = "\n".join([f"{lines[0]};{added}", *rows])
    tables = read(tmp_path, services=write(tmp_path, "by_hand.csv", text))
    assert by_id(tables.services, "village_id")["school-700021"] == ("agri",)
    assert len(tables.services) == 4
    assert finding(tables, "services_unlocated") == 0
    assert positions(tables.services)["school-700010"] == (0, 0)


def test_schools_that_only_name_their_village_stay_two_and_zero_degrees_are_no_position(tmp_path):
    text = (
        "INST_NR;INST_NAVN;INST_TYPE_NR;GEO_BREDDE_GRAD;GEO_LAENGDE_GRAD;village_id\n"
        "1;Den ene;1012;;;agri\n2;Den anden;1013;;;agri\n3;Nul;1012;0;0;vistoft\n4;Nul igen;1012;0;0;\n"
    )
    tables = read(tmp_path, services=write(tmp_path, "by_hand.csv", text))
    assert by_id(tables.services, "village_id") == {
        "school-1": ("agri",),
        "school-2": ("agri",),
        "school-3": ("vistoft",),
    }
    assert tables.services.geometry[2] == tables.villages.geometry[3]
    assert finding(tables, "services_unlocated") == 1


def test_pupils_are_the_size_of_a_school_where_the_file_has_them(tmp_path):
    lines = (tmp_path / schools(tmp_path, "school_register_export")).read_text(encoding="utf-8-sig").splitlines()
    pupils = ["Antal elever", "1.020", "80", "", "95", "", "", ""]
    text = "\n".join(f"{line};{number}" for line, number in zip(lines, pupils, strict=True))
    services = read(tmp_path, services=write(tmp_path, "pupils.csv", text.replace("1.020", "1020"))).services
    assert services["capacity"].fillna(-1).tolist() == [1020, -1, 95]


def test_a_register_whose_position_is_renamed_says_so(tmp_path):
    text = (tmp_path / schools(tmp_path, "school_register_extract")).read_text(encoding="utf-8-sig")
    source = write(tmp_path, "moved.csv", text.replace("GEO_LAENGDE_GRAD", "LAENGDE_GRAD"))
    with pytest.raises(TableError, match=r"no field 'GEO_LAENGDE_GRAD' \(the position\); found LAENGDE_GRAD, "):
        read(tmp_path, services=source)


def test_day_care_counts_and_care_in_private_homes_does_not(tmp_path):
    text = (
        "anvisningsenhedsNummer;navn;instType3;instType3_Tekst;aktivitetsstatus;geoBredde;geoLaengde\n"
        "G1;Børnehuset;6010;Ord;Aktiv;56.2141;10.4887\n"
        "G2;Hos Hanne;6013;Dagpleje;Aktiv;56.2141;10.4887\n"
        "G3;Lukket hus;6011;Ord;Nedlagt;56.2141;10.4887\n"
    )
    tables = read(tmp_path, services=write(tmp_path, "daycare.csv", text))
    assert by_id(tables.services, "name", "category") == {"daycare-G1": ("Børnehuset", "kindergarten")}
    assert text_of(tables, "services_of_other_kinds").endswith("(Dagpleje 1)")


# ---- the health register ---------------------------------------------------------------------------------------------

EAST, NORTH = "VisitingAddressCoordETRS89z32EMeasure", "VisitingAddressCoordETRS89z32NMeasure"
UNITS = f"""SorId;SorType;EntityName;EntityTypeName;HealthInstitutionSorId;HealthInstitutionEntityName;\
HealthInstitutionEntityTypeName;{EAST};{NORTH}
="1";IO;Syddjurs Kommune;kommune;;;;592329;6230906
="10";SI;Lægerne Knebel;almen lægepraksis;="10";Lægerne Knebel;almen lægepraksis;;
="11";OE;Konsultationen;klinisk enhed;="10";Lægerne Knebel;almen lægepraksis;592429,4;6230906,0
="12";OE;Laboratoriet;klinisk enhed;="10";Lægerne Knebel;almen lægepraksis;599999;6230906
="20";SI;Lægehuset;Almen lægepraksis;;;;592429,4;6230906
="30";SI;Knebel Apotek;apotek;="30";Knebel Apotek;apotek;592529;6230906
="31";SI;Vistoft Apotek;apoteksfilial;;;;10,5090;56,1960
="40";SI;Plejehjemmet;klinisk enhed;="40";Plejehjemmet;plejehjem;592629;6230906
="50";SI;Tandlægen;tandlægepraksis;;;;592629;6230906
"""


def test_institutions_of_the_health_register_count_once_where_they_or_their_units_stand(tmp_path):
    tables = read(tmp_path, services=write(tmp_path, "sor.csv", UNITS))
    assert by_id(tables.services, "name", "category") == {
        "sor-10": ("Lægerne Knebel", "doctor"),
        "sor-30": ("Knebel Apotek", "pharmacy"),
        "sor-31": ("Vistoft Apotek", "pharmacy"),
        "sor-40": ("Plejehjemmet", "elderly_home"),
    }
    assert tables.services["capacity"].fillna(-1).tolist() == [2, -1, -1, -1]  # two practices at one spot
    at = positions(tables.services)
    assert (at["sor-10"], at["sor-30"]) == ((100, 0), (200, 0))
    assert tables.services.geometry[2].distance(tables.villages.geometry[3]) < 1  # given in degrees
    assert finding(tables, "services_at_one_spot") == 1
    assert text_of(tables, "services_of_other_kinds").endswith("2 of 7 (kommune 1, tandlægepraksis 1)")


def test_the_order_of_units_does_not_matter(tmp_path):
    first = read(tmp_path, services=write(tmp_path, "sor.csv", UNITS))
    header, *rows = UNITS.splitlines()
    back = read(tmp_path, services=write(tmp_path, "sor.csv", "\n".join([header, *reversed(rows)])))
    pd.testing.assert_frame_equal(pd.DataFrame(back.services), pd.DataFrame(first.services))


@pytest.mark.parametrize(
    ("old", "says"),
    [
        ("HealthInstitutionSorId", r"no field 'HealthInstitutionSorId' .* change fields.parent of health_register"),
        (EAST, rf"none of the fields '{EAST}', .* change settings.positions of health_register"),
    ],
)
def test_a_renamed_field_of_the_health_register_is_one_line(tmp_path, old, says):
    source = write(tmp_path, "sor.csv", UNITS.replace(old, "Andet"))
    with pytest.raises(TableError, match=f"^sor.csv: {says}"):
        read(tmp_path, services=source)


# ---- place names -----------------------------------------------------------------------------------------------------


def places(folder, name="stednavne.geojson", *, spelling="skrivemaade", ident="id_lokalId", **changes):
    """Write built-up places: squares of 200 m, the first at Knebel, one kilometre apart."""
    cells = {
        ident: ["u1", "u1", "u2", "u3", "u4", "u5", "u6"],
        spelling: ["Knebel By", "Knebel", "Vrinners", "Tved", "Torup", "Helgenæs", None],
        "brugsprioritet": ["sekundær", "primær", *["primær"] * 5],
        "bebyggelsestype": ["by", "by", "by", "spredtBebyggelse", "bydel", "sommerhusområde", "spredtBebyggelse"],
        "bebyggelseskode": [14321, 14321, 14322, None, None, 70123, None],
        "indbyggertal": [628, 628, None, None, None, None, None],
    }
    squares = [Point(KNEBEL[0] + 1_000 * k, KNEBEL[1]).buffer(100, cap_style="square") for k in (0, 0, 1, 2, 3, 4, 5)]
    gpd.GeoDataFrame(cells | changes, geometry=squares, crs=25832).to_file(folder / name)
    return name


@pytest.mark.parametrize(
    ("name", "form"),
    [("p.geojson", {}), ("p.gpkg", {}), ("wide.gpkg", {"spelling": "navn_1_skrivemaade", "ident": "id_lokalid"})],
)
def test_built_up_places_become_villages_with_their_code(tmp_path, name, form):
    tables = read(tmp_path, villages=places(tmp_path, name, **form))
    villages = tables.villages
    # the older file holds one name a place; its second row of a place is a spelling all the same
    called = "Knebel By" if form else "Knebel"
    assert by_id(villages, "name", "kind", "source") == {
        "ds-u1": (called, "village", "Danske Stednavne"),
        "ds-u2": ("Vrinners", "village", "Danske Stednavne"),
        "ds-u3": ("Tved", "hamlet", "Danske Stednavne"),
    }
    assert villages["statbank_code"].fillna("").tolist() == ["14321", "14322", ""]
    assert villages["population"].fillna(-1).tolist() == [628, -1, -1]
    assert [round(x - KNEBEL[0], -3) for x in villages.geometry.x] == [0, 1000, 2000]
    assert text_of(tables, "places_of_other_kinds").endswith("2 of 7 (bydel 1, sommerhusområde 1)")
    assert finding(tables, "places_spelt_otherwise") == finding(tables, "places_without_name") == 1


def test_people_decide_what_kind_a_place_is(tmp_path):
    villages = read(tmp_path, villages=places(tmp_path, indbyggertal=[1_500, 1_500, 199, 250, 1, 1, 1])).villages
    assert villages["kind"].tolist() == ["town", "hamlet", "village"]


def test_places_without_their_names_say_which_field_is_missed(tmp_path):
    source = places(tmp_path, spelling="objectid")
    with pytest.raises(TableError, match=r"no field 'skrivemaade' \(the name, from the entity Stednavn\); found "):
        read(tmp_path, villages=source)


def test_a_study_without_codes_has_no_column_for_them(tmp_path):
    assert "statbank_code" not in read(tmp_path).villages


def test_the_code_survives_a_merge_with_another_source(tmp_path):
    mols = "village_id,name,lat,lon,population,kind\nknebel,Knebel,56.2141,10.4887,,village\n"
    sources = [write(tmp_path, "mols.csv", mols), places(tmp_path)]
    villages = read(tmp_path, villages=sources).villages
    assert by_id(villages, "name", "population", "statbank_code")["knebel"] == ("Knebel", 628, "14321")


# ---- all of them -----------------------------------------------------------------------------------------------------


def test_every_adapter_has_an_entry_that_tells_what_it_needs():
    for key in ADAPTERS:
        known = open_sources()[key]
        assert known.recognised_by
        assert known.by_hand
        assert known.attribution
        if known.table in {"villages", "services"}:
            assert {"village_id" if known.table == "villages" else "service_id", "name"} <= set(known.fields)
        if known.table == "services":
            assert known.settings["categories"]


def test_a_file_of_ones_own_stays_as_it_is(tmp_path):
    text = "service_id,name,category,lat,lon,navn\nx,Brugsen,grocery,56.2141,10.4887,\n"
    assert read(tmp_path, services=write(tmp_path, "own.csv", text)).services["service_id"].tolist() == ["x"]


def test_an_unknown_source_in_the_changes_is_refused(tmp_path, monkeypatch):
    write(tmp_path, "changes.toml", '[geofa]\nlicence = "none"\n')
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "changes.toml"))
    with pytest.raises(StudyError, match="no source 'geofa'"):
        read(tmp_path, services=geofa(tmp_path))
