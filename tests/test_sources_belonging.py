"""What says that people belong together arrives: columns of parishes and villages, associations, answers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box
from source_files import MOLS, finding, geojson, read, write

from geoklynge.errors import TableError
from geoklynge.sources.merge import merge_villages

STEPS = ("pastorate", "school_district", "former_municipality", "former_municipality_1970", "historic_district")
TWO_KIRKEBY = """village_id,name,lat,lon,population,municipality_id
here,Kirkeby,56.20,10.50,100,0706
there,Kirkeby,56.20,11.50,100,0707
by,By,56.25,10.50,100,0706
far,Fjernby,56.25,11.50,100,0707
"""


def villages_of(tables):
    return tables.villages.set_index("village_id")


# Columns


def test_columns_of_a_villages_file_arrive_under_their_danish_names_too(tmp_path):
    text = (
        "village_id,name,lat,lon,folketal,Pastorat,skoledistrikt,former_municipality,Sognekommune,herred\n"
        "knebel,Knebel,56.2,10.4,9,Mols,Molsskolen,Ebeltoft,Knebel-Rolsø,Mols Herred\n"
        "agri,Agri,56.3,10.5,9,,,,,\n"
    )
    found = villages_of(read(tmp_path, villages=write(tmp_path, "v.csv", text)))
    said = ["Mols", "Molsskolen", "Ebeltoft", "Knebel-Rolsø", "Mols Herred"]
    assert found.loc["knebel", list(STEPS)].tolist() == said
    assert found.loc["agri", list(STEPS)].isna().all()


@pytest.mark.parametrize("kind", ["csv", "layer"])
def test_what_a_parish_says_holds_for_its_villages_unless_they_say_otherwise(tmp_path, kind):
    rows = {"parish_id": ["p1"], "name": ["Knebel"], **{name: [f"{name} of p1"] for name in STEPS}}
    if kind == "csv":
        cells = ",".join(value for (value,) in rows.values())
        parishes = write(tmp_path, "p.csv", f"{','.join(rows)}\n{cells}\n")
    else:
        parishes = geojson(tmp_path, "p.geojson", rows, [box(10.3, 56.0, 10.6, 56.4)])
    text = (
        "village_id,name,lat,lon,population,parish,pastorate\n"
        "knebel,Knebel,56.2,10.4,9,Knebel,\n"
        "own,Ved Knebel,56.21,10.4,9,Knebel,Another\n"
        "far,Fjern,57.5,10.4,9,,\n"
    )
    tables = read(tmp_path, villages=write(tmp_path, "v.csv", text), parishes=parishes)
    found = villages_of(tables)
    assert found.loc["knebel", list(STEPS)].tolist() == [f"{name} of p1" for name in STEPS]
    assert found.loc["own", "pastorate"] == "Another"
    assert found.loc["own", "school_district"] == "school_district of p1"
    assert tables.parishes.loc[0, "pastorate"] == "pastorate of p1"
    if kind == "csv":  # with borders it lies outside the study
        assert found.loc["far", list(STEPS)].isna().all()


def test_columns_that_nobody_says_anything_in_are_not_there(tmp_path):
    parishes = write(tmp_path, "p.csv", "parish,pastorat,sognekommune\nKnebel,,\n")
    tables = read(tmp_path, parishes=parishes)
    assert not {"pastorate", "former_municipality_1970"} & {*tables.villages.columns, *tables.parishes.columns}
    assert "school_district" not in tables.parishes
    assert {"school_district", "former_municipality", "historic_district"} <= {*tables.villages.columns}


def test_an_own_parish_file_may_add_the_pastorate_to_borders(tmp_path):
    borders = geojson(tmp_path, "p.geojson", {"sognekode": ["1"], "sognenavn": ["Knebel"]}, [box(10.3, 56, 10.6, 56.4)])
    both = (borders, write(tmp_path, "p.csv", "sognekode,sognenavn,pastorat\n1,Knebel,Mols\n"))
    tables = read(tmp_path, parishes=both)
    assert villages_of(tables)["pastorate"].dropna().tolist() == ["Mols"] * len(tables.villages)


# Associations


def test_places_of_associations_by_id_and_by_name(tmp_path):
    text = "Forening;landsby\nMols IF;knebel\nMOLS IF;VISTOFT\nMols IF;Knebel\nAgri Beboerforening;Agri\n"
    tables = read(tmp_path, associations=write(tmp_path, "a.csv", text))
    rows = tables.associations[["association", "village_id"]].to_numpy().tolist()
    assert rows == [["Agri Beboerforening", "agri"], ["MOLS IF", "knebel"], ["MOLS IF", "vistoft"]]
    record = next(one for one in tables.sources if one.table == "associations")
    assert (record.path, record.rows) == ("a.csv", 4)


def test_several_files_of_associations_are_one_list(tmp_path):
    files = (
        write(tmp_path, "a.csv", "association,village_id\nMols IF,knebel\n"),
        write(tmp_path, "b.csv", "association,village\nmols if,Vistoft\nMols IF,knebel\n"),
    )
    found = read(tmp_path, associations=files).associations
    assert found.to_numpy().tolist() == [["Mols IF", "knebel"], ["Mols IF", "vistoft"]]


def test_a_name_that_merging_took_from_a_place_still_finds_it(tmp_path):
    more = "village_id,name,lat,lon,population\nx,Knebelbro,56.2142,10.4888,9\n"
    villages = (write(tmp_path, "v.csv", MOLS), write(tmp_path, "more.csv", more))
    text = "association,village_id\nMols IF,Knebelbro\nMols IF,x\nMols IF,agri\n"
    tables = read(tmp_path, villages=villages, associations=write(tmp_path, "a.csv", text))
    assert tables.associations["village_id"].tolist() == ["agri", "knebel"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "association,village_id\nMols IF,knebel\nMols IF,Knebl\n",
            "a.csv, row 2, column 'village_id': 'Knebl' is no village_id and no name of a village: did you mean 'kne",
        ),
        (
            "association,village_id\nMols IF,Qqq\nMols IF,Rrr\n",
            "a.csv, row 1, column 'village_id': 'Qqq' is no village_id and no name of a village (and 1 more): give",
        ),
        ("association,village_id\nMols IF,\n", "a.csv: row 1, column 'village_id' is empty"),
        ("association,village_id\n,knebel\n", "a.csv: row 1, column 'association' is empty"),
        (
            "association,place\nMols IF,knebel\n",
            "a.csv: no column 'village_id' (a place it names or serves, by village_",
        ),
        (
            "village_id\nknebel\n",
            "a.csv: no column 'association' (what the association is called, also read from foren",
        ),
        ("association,village_id\n", "a.csv: the table has no rows"),
    ],
    ids=["unknown", "several unknown", "no village", "no association", "no column", "no column of names", "no rows"],
)
def test_associations_that_cannot_be_used_are_refused(tmp_path, text, says):
    with pytest.raises(TableError) as caught:
        read(tmp_path, associations=write(tmp_path, "a.csv", text))
    assert str(caught.value).startswith(says)
    assert caught.value.exit_code == 2


def test_a_name_that_two_places_bear_is_refused(tmp_path):
    villages = write(tmp_path, "v.csv", TWO_KIRKEBY)
    text = "association,village_id\nBy IF,By\nBy IF,kirkeby\n"
    says = (
        r"^a.csv, row 2, column 'village_id': 'kirkeby' is the name of 2 villages \(here, there\): give the village_id$"
    )
    with pytest.raises(TableError, match=says):
        read(tmp_path, villages=villages, associations=write(tmp_path, "a.csv", text))


def test_of_two_places_of_a_name_the_one_in_the_study_is_meant_and_others_are_left_out(tmp_path):
    villages = write(tmp_path, "v.csv", TWO_KIRKEBY)
    text = "association,village_id\nBy IF,By\nBy IF,Kirkeby\nBy IF,there\nBy IF,Fjernby\n"
    tables = read(tmp_path, only=("0706",), villages=villages, associations=write(tmp_path, "a.csv", text))
    assert tables.associations["village_id"].tolist() == ["by", "here"]
    told = [f for f in tables.findings if f.code == "associations_outside"]
    assert [(f.count, f.examples) for f in told] == [(2, ("By IF",))]


def test_associations_all_of_which_are_elsewhere_are_an_empty_list(tmp_path):
    villages = write(tmp_path, "v.csv", TWO_KIRKEBY)
    files = {
        "associations": write(tmp_path, "a.csv", "association,village_id\nBy IF,there\n"),
        "survey": write(tmp_path, "s.csv", "village_a,village_b,share\nthere,here,0.5\n"),
    }
    tables = read(tmp_path, only=("0706",), villages=villages, **files)
    assert len(tables.associations) == len(tables.survey) == 0
    assert list(tables.survey.columns) == ["village_a", "village_b", "share"]
    assert finding(tables, "survey_outside") == finding(tables, "associations_outside") == 1


def test_a_study_without_these_sources_has_no_such_tables(tmp_path):
    tables = read(tmp_path)
    assert tables.associations is tables.survey is None
    assert tables.other_roads == {}


# Survey


def test_answers_by_id_and_by_name_with_a_decimal_comma(tmp_path):
    text = "village_a;village_b;andel\nVistoft;knebel;0,25\nknebel;Vistoft;0,75\nAgri;Knebel;1\n"
    tables = read(tmp_path, survey=write(tmp_path, "s.csv", text))
    assert tables.survey.to_numpy().tolist() == [
        ["agri", "knebel", 1.0],
        ["knebel", "vistoft", 0.75],
        ["vistoft", "knebel", 0.25],
    ]
    assert [(one.path, one.rows) for one in tables.sources if one.table == "survey"] == [("s.csv", 3)]


def test_what_two_files_say_of_one_pair_is_averaged(tmp_path):
    head = "village_a,village_b,share\n"
    files = (
        write(tmp_path, "a.csv", f"{head}knebel,agri,0.2\n"),
        write(tmp_path, "b.csv", f"{head}knebel,agri,0.6\nagri,knebel,0\n"),
    )
    found = read(tmp_path, survey=files).survey.set_index(["village_a", "village_b"])["share"]
    assert found.to_dict() == {("agri", "knebel"): 0.0, ("knebel", "agri"): pytest.approx(0.4)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "village_a,village_b,share\nknebel,agri,0.4\nknebel,Atlantis,0.4\n",
            "s.csv, row 2, column 'village_b': 'Atlantis' is no village_id and no name of a village: give the vil",
        ),
        (
            "village_a,village_b,share\nknebel,agri,1.2\n",
            "s.csv: row 1, column 'share': 1.2 is above 1: correct the file",
        ),
        ("village_a,village_b,share\nknebel,agri,-0.1\n", "s.csv: row 1, column 'share': -0.1 is below 0"),
        ("village_a,village_b,share\nknebel,agri,\n", "s.csv: row 1, column 'share' is empty"),
        ("village_a,village_b,share\nknebel,agri,many\n", "s.csv, row 1, column 'share': 'many' is not a number"),
        (
            "village_a,village_b\nknebel,agri\n",
            "s.csv: no column 'share' (share of the answers in a that feel they belon",
        ),
        (
            "village_a,share\nknebel,0.4\n",
            "s.csv: no column 'village_b' (the other place, by village_id or name); found",
        ),
        (
            "village_a,village_b,share\nagri,knebel,1\nknebel,Knebel,1\n",
            "s.csv, row 2: 'knebel' and 'Knebel': a village a",
        ),
        (
            "village_a,village_b,share\nagri,knebel,1\nAgri,knebel,0\n",
            "s.csv, row 2: 'Agri' and 'knebel': an earlier row says this pair in this order too: take it out",
        ),
    ],
    ids=["unknown", "above", "below", "empty", "word", "no share", "no village", "itself", "twice"],
)
def test_a_survey_that_cannot_be_used_is_refused(tmp_path, text, says):
    with pytest.raises(TableError) as caught:
        read(tmp_path, survey=write(tmp_path, "s.csv", text))
    assert str(caught.value).startswith(says)
    assert caught.value.exit_code == 2


def test_answers_between_rows_that_became_one_place_say_nothing(tmp_path):
    more = "village_id,name,lat,lon,population\nx,Knebel,56.2142,10.4888,9\n"
    villages = (write(tmp_path, "v.csv", MOLS), write(tmp_path, "more.csv", more))
    text = "village_a,village_b,share\nx,knebel,0.5\nx,agri,0.5\nknebel,agri,0.1\n"
    survey = read(tmp_path, villages=villages, survey=write(tmp_path, "s.csv", text)).survey
    assert survey.to_numpy().tolist() == [["knebel", "agri", pytest.approx(0.3)]]


@settings(max_examples=8, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(tmp_path_factory, random):
    folder = tmp_path_factory.mktemp("order")
    pairs = [("knebel", "agri"), ("agri", "knebel"), ("Vistoft", "agri"), ("roende", "Agri")]
    answers = [f"{a},{b},{k / 8}" for k, (a, b) in enumerate(pairs)]
    serves = ["Mols IF,knebel", "Mols IF,Agri", "Rønde IF,roende", "Rønde IF,agri"]
    found = []
    for number in range(2):
        survey = write(folder, f"s{number}.csv", "\n".join(["village_a,village_b,share", *answers]))
        associations = write(folder, f"a{number}.csv", "\n".join(["association,village_id", *serves]))
        tables = read(folder, survey=survey, associations=associations)
        found.append([table.to_numpy().tolist() for table in (tables.survey, tables.associations)])
        random.shuffle(answers)
        random.shuffle(serves)
    assert found[0] == found[1]


def test_every_name_that_was_read_leads_to_the_places_that_bear_it(tmp_path):
    villages = read(tmp_path).villages
    named = merge_villages([villages.drop(columns="people")]).named
    assert named["knebel"] == ("knebel",)
    assert sorted(one for ids in named.values() for one in ids) == villages["village_id"].tolist()
