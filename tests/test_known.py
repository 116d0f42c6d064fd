"""Known clusters are read as they are written, and found in a study under whatever spelling."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from source_files import write
from worlds import random_country, tables_of, villages_at

from geoklynge.comparison import KnownCluster, match_known, read_known
from geoklynge.comparison.known import Member
from geoklynge.errors import InputError, TableError
from geoklynge.sources.naming import code_key, place_key

DATA = Path(__file__).parents[1] / "data"
TWO = """cluster,municipality_code,municipality,phase,start_year,member,member_kind,population,n_villages,source
Mols,0706,Syddjurs,pilot,2015,Tved,parish,3000-3800,24,a page
Mols,0706,Syddjurs,pilot,2015,Knebel,Village,3000-3800,24,a page
Øst,0840,Rebild,,,Bælum,town,,,
"""


def test_the_clusters_that_come_with_geoklynge_are_read():
    known = {cluster.name: cluster for cluster in read_known(DATA / "known_clusters.csv")}
    assert len(known) == 10
    mols = known["Mols i Udvikling"]
    assert [member.name for member in mols.members] == ["Rolsø", "Helgenæs", "Agri", "Tved", "Vistoft", "Knebel"]
    assert {member.kind for member in mols.members} == {"parish"}
    assert (mols.municipality, mols.phase, mols.start_year) == ("Syddjurs", "pilot", 2015)
    assert (mols.population, mols.n_villages) == ("3000-3800", 24)
    assert known["VestRum"].n_villages is None
    assert sum(len(cluster.members) for cluster in known.values()) == 79


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TWO.replace(",", ";"), "utf-8-sig"),
        (TWO.replace(",", "\t"), "utf-16"),
        (TWO.replace("\n", "\r\n"), "cp1252"),
        (TWO.replace("cluster,municipality_code,municipality,", "Klynge,Kommunekode,Kommune,"), "utf-8"),
        (TWO + TWO.splitlines()[1] + "\n\n", "utf-8"),  # a member told twice is one
    ],
    ids=["semicolon", "tab, UTF-16", "cp1252", "Danish names", "twice"],
)
def test_separators_encodings_and_column_names(tmp_path, text, encoding):
    mols = KnownCluster(
        "Mols",
        (Member("Tved", "parish", "0706", "Syddjurs"), Member("Knebel", "village", "0706", "Syddjurs")),
        "pilot", 2015, "3000-3800", 24, "a page",
    )  # fmt: skip
    east = KnownCluster("Øst", (Member("Bælum", "town", "0840", "Rebild"),))
    assert read_known(tmp_path / write(tmp_path, "known.csv", text, encoding)) == (mols, east)


MISTAKES = {
    "no column member": (TWO.replace(",member,", ",place,"), "known.csv: no column 'member'"),
    "no kind": (TWO.replace(",member_kind,", ",kind,"), "known.csv: no column 'member_kind'"),
    "empty member": (TWO.replace("Knebel", ""), "known.csv: row 2, column 'member' is empty"),
    "empty cluster": (TWO.replace("\nØst,", "\n ,"), "known.csv: row 3, column 'cluster' is empty"),
    "unknown kind": (
        TWO.replace(",town,", ",city,"),
        "row 3, column 'member_kind': 'city' is not one of parish, village, town",
    ),
    "no municipality": (TWO.replace("0840,Rebild", ","), "row 3, columns 'municipality_code' and 'municipality'"),
    "year in words": (TWO.replace("pilot,2015", "pilot,lately", 1), "row 1, column 'start_year'"),
    "no rows": (TWO.splitlines()[0], "known.csv: the table has no rows"),
    "empty": ("", "known.csv: the file is empty"),
}


@pytest.mark.parametrize(("text", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_names_file_row_and_column(tmp_path, text, says):
    write(tmp_path, "known.csv", text)
    with pytest.raises(TableError) as error:
        read_known(tmp_path / "known.csv")
    assert says in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(TableError, match=r"none\.csv: no such file .*correct the path of known clusters"):
        read_known(tmp_path / "none.csv")
    with pytest.raises(TableError, match="is a folder: name a file of known clusters"):
        read_known(tmp_path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KNEBEL", "Knebel"),
        ("Aarhus", "Århus"),
        ("Baelum", "Bælum"),
        ("Roende", "Rønde"),
        ("Nr. Bork", "Nørre-Bork"),
        ("Nr. Bork", "Nørrebork"),
        ("Sdr.Vium", "Sønder Vium"),
        ("Vr. Åby", "Vester Aaby"),
        ("Ø. Hornum", "Øster Hornum"),
        ("St. Brøndum", "Store Brøndum"),
        ("Ll. Brøndum", "Lille  Brøndum"),
        ("Tved Sogn", "Tved"),
        ("Lem (Skive)", "Lem"),
        ("Lem (Skive", "Lem"),
        ("Boltinggaardskov", "Boltinggård Skov"),
    ],
)
def test_spellings_of_one_place(one, other):
    assert place_key(one) == place_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Nørre Bork", "Sønder Bork"), ("Tved", "Tvede"), ("Sogn", ""), ("(Lem)", "(No)"), ("Ø", "Øster")],
)
def test_places_that_differ(one, other):
    assert place_key(one) != place_key(other)


def test_leading_zeros_of_a_code_do_not_count():
    assert code_key("0706") == code_key(" 706")
    assert code_key("706") != code_key("760")


# Ten villages in a row, a kilometre apart; parishes Tved (twice), Agri and Øster Bork, and one village without.
PARISH = ["p1", "p1", "p1", "p2", "p2", "p3", "p3", None, "p4", "p5"]
PARISH_NAME = ["Tved", "Tved", "Tved", "Agri", "Agri", "Øster Bork", "Øster Bork", None, "Tved", "Agri"]
NAME = ["Tved", "Dejret", "Sletten", "Agri", "Nr. Ågård", "Hede", "Bork", "Alene", "Hede", "Agri"]
MUNICIPALITY = ["0706"] * 9 + ["0707"]


def row_of_villages(**columns):
    given = {"name": NAME, "parish_id": PARISH, "parish": PARISH_NAME, "municipality_id": MUNICIPALITY} | columns
    given["municipality"] = ["Syddjurs" if one == "0706" else "Norddjurs" for one in given["municipality_id"]]
    return tables_of(villages_at([(1000.0 * k, 0.0) for k in range(10)], **given))


def cluster_of(*members, code="0706", municipality="Syddjurs", name="K"):
    return KnownCluster(name, tuple(Member(*member, code, municipality) for member in members))


def match(*members, tables=None, **where):
    (matched,), left_out = match_known([cluster_of(*members, **where)], tables or row_of_villages())
    assert not left_out
    return matched


@pytest.mark.parametrize(
    ("members", "rows"),
    [
        ([("Agri", "parish")], [3, 4]),
        ([("Agri Sogn", "parish"), ("Ø. Bork", "parish")], [3, 4, 5, 6]),
        ([("Nørre Aagaard", "village")], [3, 4]),
        ([("Bork", "town"), ("Dejret", "village")], [0, 1, 2, 5, 6]),
        ([("Østerbork", "village")], [5, 6]),  # no village of this name, but a parish
        ([("Alene", "village")], [7]),  # in no parish: stands for itself
        ([("Tved", "village"), ("Sletten", "village")], [0, 1, 2]),
    ],
)
def test_members_stand_for_the_villages_of_their_parishes(members, rows):
    matched = match(*members)
    assert matched.rows.tolist() == rows
    assert matched.names == tuple(sorted(NAME[row] for row in rows))
    assert matched.unmatched == matched.notes == ()
    assert matched.home.tolist() == list(range(9))


@pytest.mark.parametrize(
    ("code", "municipality"), [("706", ""), ("0706", "Elsewhere"), ("", "SYDDJURS KOMMUNE"), ("0999", "Syddjurs")]
)
def test_the_municipality_is_found_by_code_else_by_name(code, municipality):
    assert match(("Agri", "parish"), code=code, municipality=municipality).rows.tolist() == [3, 4]
    assert match(("Agri", "parish"), code="0707", municipality="").rows.tolist() == [9]


def test_who_is_not_found_is_listed_with_the_reason():
    matched = match(("Atlantis", "village"), ("Dejret", "parish"), ("Agri", "parish"))
    assert matched.rows.tolist() == [3, 4]
    assert [(lost.member, lost.why) for lost in matched.unmatched] == [
        ("Atlantis", "no village or parish of this name in Syddjurs"),
        ("Dejret", "no parish of this name with a village in Syddjurs"),
    ]


def test_of_two_parishes_of_one_name_the_one_nearest_to_the_others_is_taken():
    near = match(("Agri", "parish"), ("Tved", "parish"))
    assert near.rows.tolist() == [0, 1, 2, 3, 4]
    assert near.notes == (
        "Tved: the name fits 2 places (parishes: Tved, Tved); taken is the nearest to the other members (Tved)",
    )
    assert match(("Tved", "parish"), ("Alene", "village")).rows.tolist() == [7, 8]
    # two doubtful ones decide each other: the Hede of Øster Bork is 5 km from one Tved, that of the other 0 km
    assert match(("Hede", "village"), ("Tved", "parish")).rows.tolist() == [8]


def test_a_doubtful_name_alone_is_not_guessed():
    matched = match(("Hede", "village"), ("Atlantis", "village"))
    assert len(matched.rows) == 0
    why = {lost.member: lost.why for lost in matched.unmatched}
    assert "fits 2 places (parishes: Øster Bork, Tved), and no other member tells which" in why["Hede"]


def test_without_parishes_every_village_stands_for_itself():
    tables = row_of_villages(parish_id=[None] * 10, parish=[None] * 10)
    assert match(("Agri", "parish"), ("Bork", "village"), tables=tables).rows.tolist() == [3, 6]


def test_a_parish_across_a_border_counts_only_in_the_member_s_municipality():
    tables = row_of_villages(municipality_id=["0706"] * 4 + ["0707"] * 6)
    assert match(("Agri", "parish"), tables=tables).rows.tolist() == [3]


def test_a_cluster_may_lie_in_two_municipalities():
    both = KnownCluster("K", (Member("Agri", "parish", "0706"), Member("Agri", "parish", "0707", "Norddjurs")))
    assert both.municipality == "0706; Norddjurs"
    (matched,), _ = match_known([both], row_of_villages())
    assert matched.rows.tolist() == [3, 4, 9]
    assert matched.home.tolist() == list(range(10))
    half = KnownCluster("K", (Member("Agri", "parish", "0706"), Member("Agri", "parish", "0840", "Rebild")))
    (matched,), _ = match_known([half], row_of_villages())
    assert matched.rows.tolist() == [3, 4]
    assert matched.unmatched[0].why == "Rebild is not in the study"


def test_clusters_of_other_municipalities_are_left_out():
    here, there = cluster_of(("Agri", "parish")), cluster_of(("Bælum", "town"), code="0840", municipality="Rebild")
    matched, left_out = match_known([there, here], row_of_villages())
    assert [one.known for one in matched] == [here]
    assert left_out == (there,)
    with pytest.raises(InputError, match="none of the 1 known clusters lies in a municipality of the study"):
        match_known([there], row_of_villages())


def test_a_study_that_knows_no_municipality_can_place_nobody():
    with pytest.raises(InputError, match=r"sources\.municipalities"):
        match(("Agri", "parish"), tables=row_of_villages(municipality_id=[None] * 10))


SPELLINGS = (
    str.upper,
    str.casefold,
    lambda name: name.replace("Øster ", "Ø."),
    lambda name: f"{name} (Djursland)",
    lambda name: f" {name} Sogn",
)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_parishes_are_found_however_they_are_spelt_and_ordered(seed, data):
    tables = random_country(seed, villages=25)
    villages = tables.villages
    villages["parish"] = ("Øster " + villages["parish"]).where(villages["parish_id"].notna())
    inside = villages["parish_id"].notna() & (villages["municipality_id"] == "0706")
    assume(inside.any())
    wanted = data.draw(st.lists(st.sampled_from(sorted(set(villages.loc[inside, "parish"]))), min_size=1, unique=True))
    spelt = [(data.draw(st.sampled_from(SPELLINGS))(name), "parish") for name in wanted]
    matched = match(*spelt, tables=tables)
    assert matched.rows.tolist() == np.flatnonzero(inside & villages["parish"].isin(wanted)).tolist()
    assert matched.unmatched == matched.notes == ()
