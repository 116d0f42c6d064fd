"""Tables of Statistics Denmark give places and parishes their people, in every form in which they are given out."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from source_files import finding, read, write

from geoklynge.errors import TableError
from geoklynge.sources.population import people_to_places
from geoklynge.sources.statbank import municipality_keys, read_counts

# The form is that of https://api.statbank.dk/v1/data/BY1/CSV; codes beyond the municipality and people are made up.
BY1 = """BYER;TID;INDHOLD
00001100 000-01100 Hovedstadsområdet;2026 2026;1400000
70614233 706-14233 Knebel;2026 2026;641
70614301 706-14301 Rønde;2026 2026;3402
70614400 706-14400 Thorsager;2026 2026;1234
70614500 706-14500 Nedlagt;2026 2026;0
70699997 706-99997 Uden fast bopæl;2026 2026;81
70699999 706-99999 Landdistrikter;2026 2026;12000
75114233 751-14900 Vistoft;2026 2026;222
"""
MOLS = """village_id,name,lat,lon,population,population_year,kind,municipality_id,municipality,parish_id
knebel,Knebel,56.2141,10.4887,628,2020,village,0706,Syddjurs,8256
vistoft,Vistoft,56.1960,10.5090,118,2020,village,0706,Syddjurs,8258
agri,Agri,56.2320,10.5260,,,hamlet,0706,Syddjurs,8255
roende,Rønde,56.3015,10.4751,3328,,town,0706,Syddjurs,8300
"""


def study(folder, population=BY1, villages=MOLS, name="statbank_by1.csv", encoding="utf-8-sig", **sources):
    """Read the tables of Mols with one table of people."""
    write(folder, name, population, encoding)
    return read(folder, villages=write(folder, "v.csv", villages), population=name, **sources)


def people(tables):
    said = tables.villages[["population", "population_year"]].fillna(-1)
    return dict(zip(tables.villages["village_id"], said.itertuples(index=False, name=None), strict=True))


def named(tables, code):
    return next((each.examples for each in tables.findings if each.code == code), ())


def test_places_take_the_people_of_their_urban_area(tmp_path):
    tables = study(tmp_path)
    assert people(tables) == {
        "agri": (-1, -1),
        "knebel": (641, 2026),
        "roende": (3402, 2026),  # a population without a year is older than one with
        "vistoft": (118, 2020),  # Vistoft of another municipality is another place
    }
    assert tables.villages["people"].tolist() == [50.0, 641.0, 3402.0, 118.0]
    assert named(tables, "population_areas_unmatched") == ("Thorsager",)  # neither the rest nor an area of nobody
    assert finding(tables, "population_not_listed") == 0  # Vistoft says fewer than 200
    record = next(each for each in tables.sources if each.table == "population")
    assert (record.rows, record.dated, record.licence) == (8, "2026", "CC BY 4.0")
    assert record.attribution == "Danmarks Statistik, Statistikbanken BY1"


def with_cells(change):
    header, *lines = BY1.splitlines()
    return "\n".join([header, *(";".join(change(*line.split(";"))) for line in lines)]) + "\n"


FORMS = {
    "Value": with_cells(lambda area, year, n: (area.split(" ", 1)[1], year[:4], n)),
    "code and name": with_cells(lambda area, year, n: (area[:9] + area.split(" ", 2)[2], year[:4], n)),
    "decimals": with_cells(lambda area, year, n: (area, year, f"{int(n):,}".replace(",", ".") + ",0")),
    "names in capitals": BY1.replace("Knebel", "KNEBEL").replace("Rønde", "Roende"),
    "English": BY1.replace("Landdistrikter", "Rural areas"),
    "quarters": BY1.replace("2026 2026", "2026K1 2026Q1"),
    "lower case header": BY1.replace("BYER;TID;INDHOLD", "byer;tid;indhold"),
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_presentation_says_the_same(tmp_path, text):
    assert people(study(tmp_path, text)) == people(study(tmp_path))


def test_names_with_their_municipality_alone(tmp_path):
    text = "BYER;TID;INDHOLD\nKnebel (Syddjurs Kommune);2026;641\nVistoft (Aarhus Kommune);2026;222\nRønde;2026;3402\n"
    assert people(study(tmp_path, text)) == people(study(tmp_path))


def test_sex_and_age_are_added_up_unless_a_total_is_there(tmp_path):
    header = "BYER;ALDER;KØN;TID;INDHOLD\n"
    rows = [("0-17 år", 41), ("18- år", 300)]
    both = "".join(f"706-14233 Knebel;{age};{sex};2026;{n}\n" for age, n in rows for sex in ("Mænd", "Kvinder"))
    assert people(study(tmp_path, header + both))["knebel"] == (682, 2026)
    total = "".join(f"706-14233 Knebel;{age};TOT I alt;2026;{n + 1}\n" for age, n in rows)
    assert people(study(tmp_path, header + both + total))["knebel"] == (343, 2026)


def test_of_several_measures_the_people_count(tmp_path):
    text = "BYER;FOLKARTÆT;TID;INDHOLD\n" + "".join(
        f"70614233 706-14233 Knebel;{measure};2026;{n}\n"
        for measure, n in [("AREAL Areal (km2)", "1,24"), ("FOLKETAL Folketal", 641), ("BEFTAET Tæthed", "516,9")]
    )
    assert people(study(tmp_path, text))["knebel"] == (641, 2026)


def test_a_place_without_people_takes_them_whatever_the_year_it_says(tmp_path):
    villages = MOLS.replace("10.4887,628,2020", "10.4887,,2030")
    assert people(study(tmp_path, villages=villages))["knebel"] == (641, 2026)


def test_a_place_known_by_its_code_takes_no_other_area_of_its_name(tmp_path):
    villages = MOLS.replace("knebel,Knebel", "70614233,Thorsager")
    assert people(study(tmp_path, villages=villages))["70614233"] == (641, 2026)


def test_the_newest_year_counts_and_is_told(tmp_path):
    older = "".join(f"{line.replace('2026 2026', '2019 2019')}9\n" for line in BY1.splitlines()[1:])
    tables = study(tmp_path, BY1 + older)
    assert people(tables) == people(study(tmp_path))
    assert finding(tables, "population_periods") == 1
    assert named(tables, "population_periods") == ("2019",)


@pytest.mark.parametrize(("year", "taken"), [(2019, False), (2020, False), (2021, True)])
def test_only_a_newer_year_replaces_what_a_place_says(tmp_path, year, taken):
    tables = study(tmp_path, BY1.replace("2026", str(year)))
    assert people(tables)["knebel"] == ((641, year) if taken else (628, 2020))
    assert people(tables)["roende"] == (3402, year)


def test_the_code_of_a_place_goes_before_its_name(tmp_path):
    villages = MOLS.replace("vistoft,Vistoft", "70614233,Bogens")
    tables = study(tmp_path, villages=villages)
    assert people(tables)["70614233"] == (641, 2026)
    assert people(tables)["knebel"] == (628, 2020)
    codes = with_cells(lambda area, year, n: (area[:8], year[:4], n))
    assert people(study(tmp_path, codes, villages=villages))["70614233"] == (641, 2026)
    assert people(study(tmp_path, codes, villages=villages))["roende"] == (3328, -1)


@pytest.mark.parametrize("code", ["14233", "70614233"])
def test_the_code_that_a_gazetteer_gives_a_place_goes_before_its_name(tmp_path, code):
    villages = read(tmp_path, villages=write(tmp_path, "v.csv", MOLS)).villages
    villages["statbank_code"] = pd.Series([code, None, None, None], dtype="string")  # Agri, the first by its id
    counts, _ = read_counts(tmp_path / write(tmp_path, "by1.csv", BY1), source="by1.csv")
    inside = np.ones(len(villages), dtype=bool)
    taken, _ = people_to_places(counts, villages, source="by1.csv", now={}, inside=inside)
    assert taken["population"].tolist() == [641, 628, 3402, 118]
    elsewhere, _ = people_to_places(
        counts, villages.assign(municipality_id="0707", municipality="Norddjurs"), source="", now={}, inside=inside
    )
    assert elsewhere["population"].fillna(-1).tolist() == [-1, 628, 3328, 118]


def test_of_places_of_one_name_the_largest_takes_the_people_and_it_is_told(tmp_path):
    two = MOLS + "knebel-2,Knebel,56.2600,10.5500,900,2020,hamlet,0706,Syddjurs,8256\n"
    tables = study(tmp_path, villages=two)
    assert people(tables)["knebel"] == (641, 2026)
    assert people(tables)["knebel-2"] == (900, 2020)
    assert named(tables, "population_several_places") == ("Knebel",)
    assert named(tables, "population_not_listed") == ("Knebel",)
    alike = two.replace(",hamlet,0706,Syddjurs,8256", ",village,0706,Syddjurs,8256")
    assert people(study(tmp_path, villages=alike))["knebel-2"] == (641, 2026)


def test_two_urban_areas_of_one_name_go_to_two_places(tmp_path):
    two = MOLS + "knebel-2,Knebel,56.2600,10.5500,,,hamlet,0706,Syddjurs,8256\n"
    tables = study(tmp_path, BY1 + "70614234 706-14234 Knebel;2026 2026;230\n", villages=two)
    assert people(tables)["knebel"] == (641, 2026)
    assert people(tables)["knebel-2"] == (230, 2026)


def test_a_hamlet_that_is_an_urban_area_is_a_village(tmp_path):
    tables = study(tmp_path, BY1 + "70614600 706-14600 Agri;2026 2026;215\n")
    assert people(tables)["agri"] == (215, 2026)
    assert tables.villages["kind"].tolist() == ["village", "village", "town", "village"]


def test_an_urban_area_across_a_border_has_all_its_people(tmp_path):
    text = BY1 + "70715000 707-14233 Knebel;2026 2026;59\n"  # the part of it that lies in Norddjurs
    assert people(study(tmp_path, text))["knebel"] == (700, 2026)
    capital = "BYER;TID;INDHOLD\n70601100 706-01100 Knebel (del af Hovedstadsområdet);2026;7\n"
    capital += (
        "70701100 707-01100 Rønde (del af Hovedstadsområdet);2026;9\n70600706 706-00706 Syddjurs Kommune;2026;99\n"
    )
    capital += "00001100 000-01100 Hovedstaden;2026;16\n"  # told by its parts
    counts, _ = read_counts(tmp_path / write(tmp_path, "c.csv", capital), source="c.csv")
    assert counts.rows["people"].tolist() == [7, 9]


def test_without_a_known_municipality_only_a_name_borne_once_counts(tmp_path):
    plain = "village_id,name,lat,lon,population\nk,Knebel,56.2141,10.4887,\nv,Vistoft,56.196,10.509,\n"
    plain += "v2,Vistoft,56.4,10.9,\n"
    tables = study(tmp_path, villages=plain)
    assert people(tables) == {"k": (641, 2026), "v": (-1, -1), "v2": (-1, -1)}


def test_findings_are_about_the_municipalities_of_the_study(tmp_path):
    villages = MOLS + "vi,Vistrup,56.10,10.10,500,2020,village,0751,Aarhus,9999\n"
    tables = study(tmp_path, villages=villages, only=["0706"])
    assert named(tables, "population_areas_unmatched") == ("Thorsager",)
    assert finding(tables, "population_not_listed") == 0
    everything = study(tmp_path, villages=villages)
    assert named(everything, "population_areas_unmatched") == ("Thorsager", "Vistoft")
    assert named(everything, "population_not_listed") == ("Vistrup",)


def test_json_stat_says_the_same(tmp_path):
    lines = BY1.splitlines()[1:]
    cells = [line.split(";") for line in lines]
    areas = {area[:8]: area[9:] for area, _, _ in cells}
    older = [None] * len(cells)
    dimensions = {
        "BYER": {"category": {"index": {code: n for n, code in enumerate(areas)}, "label": areas}},
        "KØN": {"category": {"label": {"TOT": "I alt"}}},
        "Tid": {"category": {"index": ["2025", "2026"], "label": {"2025": "2025", "2026": "2026"}}},
    }
    values = [v for pair in zip(older, (int(n) for _, _, n in cells), strict=True) for v in pair]
    sizes = {"id": ["BYER", "KØN", "Tid"], "size": [len(areas), 1, 2]}
    first = {"dataset": {"dimension": {**dimensions, **sizes}, "value": values}}
    second = {"version": "2.0", "dimension": dimensions, **sizes}
    second["value"] = {str(n): v for n, v in enumerate(values) if v is not None}
    for content in (first, second):
        tables = study(tmp_path, json.dumps(content), name="by1.json")
        assert people(tables) == people(study(tmp_path))
    with pytest.raises(TableError, match=r"^by1.json: not readable as JSON-stat \(.*\): ask for CSV"):
        study(tmp_path, '{"dataset": []}', name="by1.json")


# ---- parishes ----------------------------------------------------------------------------------------------------

SOGN1 = """SOGN;TID;INDHOLD
8256 8256 Knebel (Syddjurs Kommune);2026 2026;980
8258 8258 Vistoft (Syddjurs Kommune);2026 2026;100
8300 8300 Bregnet (Syddjurs Kommune);2026 2026;3000
8301 8301 Ny-Sammenlagt (Syddjurs Kommune);2026 2026;10
7001 7001 Vor Frue (Københavns Kommune);2026 2026;10
0 0000 Uden placerbar adresse;2026 2026;11
9999 9999 Uden fast bopæl;2026 2026;12
"""
PARISHES = "parish_id,name,municipality_id\n8255,Agri,0706\n8256,Knebel,0706\n8258,Vistoft,0706\n8300,Bregnet,0706\n"


def test_parishes_take_their_people_and_are_held_against_those_of_their_places(tmp_path):
    parishes = write(tmp_path, "p.csv", PARISHES)
    tables = study(tmp_path, SOGN1, name="statbank_sogn1.csv", parishes=parishes)
    assert tables.parishes["population"].fillna(-1).tolist() == [-1, 980, 100, 3000]
    assert tables.parishes["population_year"].fillna(-1).tolist() == [-1, 2026, 2026, 2026]
    assert named(tables, "population_parishes_unmatched") == ("Ny-Sammenlagt",)
    assert named(tables, "population_above_parish") == ("Vistoft (118 > 100)",)  # a town is more than its parish
    assert people(tables)["knebel"] == (628, 2020)


@pytest.mark.parametrize("cell", ["8256", "8256 Knebel", "8256 Knebel (Syddjurs)", "08256", "8256 8256 Knebel"])
def test_a_parish_is_known_by_its_code(tmp_path, cell):
    parishes = write(tmp_path, "p.csv", PARISHES)
    text = f"SOGN;TID;INDHOLD\n{cell};2026;980\n"
    tables = study(tmp_path, text, parishes=parishes)
    expected = [-1, 980, -1, -1] if cell != "08256" else None
    if expected:
        assert tables.parishes["population"].fillna(-1).tolist() == expected
    else:
        assert "population" not in tables.parishes


def test_parishes_without_people_have_no_column_of_them(tmp_path):
    tables = read(tmp_path, parishes=write(tmp_path, "p.csv", PARISHES))
    assert not {"population", "population_year"} & set(tables.parishes)


def test_people_of_parishes_without_parishes_are_told_to_be_of_no_use(tmp_path):
    assert finding(study(tmp_path, SOGN1), "population_parishes_unused") == 5


def test_both_tables_together(tmp_path):
    write(tmp_path, "by.csv", BY1)
    write(tmp_path, "sogn.csv", SOGN1)
    sources = {"villages": write(tmp_path, "v.csv", MOLS), "parishes": write(tmp_path, "p.csv", PARISHES)}
    tables = read(tmp_path, population=["sogn.csv", "by.csv"], **sources)
    assert people(tables)["knebel"] == (641, 2026)
    assert tables.parishes["population"].fillna(-1).tolist() == [-1, 980, 100, 3000]
    assert [each.path for each in tables.sources if each.table == "population"] == ["sogn.csv", "by.csv"]


# ---- what is wrong is said in one line ---------------------------------------------------------------------------

OURS = "in a file named by $GEOKLYNGE_OPEN_DATA"
KEYS = f"give a table of StatBank, or change fields of statbank_places or statbank_parishes {OURS}"
ASK = "ask for codes and texts (valuePresentation CodeAndValue)"
MALFORMED = {
    "no area": (
        "OMRÅDE;TID;INDHOLD\n706;2026;5\n",
        f"no field 'BYER' (place) or 'SOGN' (parish); found OMRÅDE, TID, INDHOLD: {KEYS}",
    ),
    "an error page": (
        "<html>\n<body>503</body>",
        f"no field 'BYER' (place) or 'SOGN' (parish); found <html>: {KEYS}",
    ),
    "no count": (
        BY1.replace("INDHOLD", "ANTAL"),
        f"no field 'INDHOLD' (the people); found BYER, TID, ANTAL: change fields.people of statbank_places {OURS}",
    ),
    "year": (
        BY1.replace("2026 2026;3402", "i år;3402"),
        "row 3, column 'TID': 'i år' is no year: write it like 2026",
    ),
    "number": (
        BY1.replace(";641", ";ca. 641"),
        "row 2, column 'INDHOLD': 'ca. 641' is not a whole number: write digits only, or leave the cell empty",
    ),
    "below 0": (BY1.replace(";641", ";-641"), "row 2, column 'INDHOLD': -641 is below 0: correct the file"),
    "nobody": (
        "BYER;TID;INDHOLD\n706-14233 Knebel;2026;..\n",
        "no area with people in it: fetch it anew from https://www.statistikbanken.dk/BY1",
    ),
    "codes": (
        "BYER;TID;INDHOLD\n70614233;2026;641\n",
        f"areas have codes only (70614233), and no place says one of them: {ASK}",
    ),
    "no rows": (
        "BYER;TID;INDHOLD\n",
        "no area with people in it: fetch it anew from https://www.statistikbanken.dk/BY1",
    ),
    "empty": ("", "the file is empty: give a file with a header and rows"),
}


@pytest.mark.parametrize(("text", "says"), MALFORMED.values(), ids=MALFORMED)
def test_a_table_that_cannot_be_used_is_refused_in_one_line(tmp_path, text, says):
    with pytest.raises(TableError) as refused:
        study(tmp_path, text, name="by1.csv")
    assert str(refused.value) in (f"by1.csv: {says}", f"by1.csv, {says}")


def test_a_renamed_field_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOKLYNGE_OPEN_DATA", str(tmp_path / "open.toml"))
    write(tmp_path, "open.toml", '[statbank_places]\nfields = { people = "ANTAL" }\n')
    assert people(study(tmp_path, BY1.replace("INDHOLD", "ANTAL")))["knebel"] == (641, 2026)


# ---- promises ----------------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["706", "707"]), st.integers(2000, 2009), st.integers(0, 9)), min_size=1))
def test_nobody_is_lost_or_counted_twice(tmp_path, cells):
    text = "BYER;ALDER;TID;INDHOLD\n" + "".join(
        f"{m}1{t} {m}-1{t} By {t};{n} år;2026;{people}\n" for n, (m, t, people) in enumerate(cells)
    )
    total = sum(people for _, _, people in cells)
    path = tmp_path / write(tmp_path, "x.csv", text)
    if not total:
        with pytest.raises(TableError, match="no area with people"):
            read_counts(path, source="x.csv")
    else:
        counts, _ = read_counts(path, source="x.csv")
        assert counts.rows["people"].sum() == total
        assert counts.rows["name"].is_unique  # parts in two municipalities are one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("0706", None), ("706", None)),
        ((None, "Københavns Kommune"), (None, "København")),
        ((None, "København Municipality"), (None, "KØBENHAVN")),
        ((None, "Bornholms Regionskommune"), (None, "Bornholm")),
        ((None, "Randers"), (None, "Randers Kommune")),
        (("0706", "Syddjurs"), (None, "Syddjurs Kommune")),
    ],
)
def test_spellings_of_one_municipality(one, other):
    assert municipality_keys(*one) & municipality_keys(*other)


def test_municipalities_that_differ():
    assert not municipality_keys("0706", "Syddjurs") & municipality_keys("0707", "Norddjurs")
    assert municipality_keys(None, None) == municipality_keys("", " ") == frozenset()
