"""Clusters are named after their landscape, their old municipality or the places that carry them, each by its own."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoklynge.cluster_names import AFTER_AREAS, as_said, hubs_of, name_clusters
from geoklynge.village_sets import sets_of

REASONS = {"district", "municipality", "whole_parish", "parish", "hub", "pair", "around"}


def villages_of(names, people, **columns):
    """Villages v0, v1, ... in one municipality; a column that is not given is not there."""
    table = {
        "village_id": [f"v{k}" for k in range(len(names))], "name": list(names), "people": np.array(people, float),
        "municipality": ["Syddjurs"] * len(names), **columns,
    }  # fmt: skip
    texts = [name for name in table if name != "people"]
    return pd.DataFrame(table).astype(dict.fromkeys(texts, "string"))


def named(groups, names, people, *, services=None, towns=(), **columns):
    """Name clusters, given as lists of rows in order of rank."""
    eligible = ~np.isin(np.arange(len(names)), towns)
    weights = np.zeros(len(names)) if services is None else np.array(services, float)
    return name_clusters(sets_of(groups, len(names)), weights, eligible, villages_of(names, people, **columns))


def told(*args, **columns):
    """Names and reasons of clusters, as `named` takes them."""
    table = named(*args, **columns)
    return list(zip(table["name"], table["name_reason"], strict=True))


@pytest.mark.parametrize(
    ("area", "said"),
    [("Mols Herred", "Mols"), ("Djurs Sønder Herred", "Djurs Sønder"), ("Sønderhald", "Sønderhald"),
     ("Ebeltoft Kommune", "Ebeltoft"), ("Herredsby", "Herredsby"), ("Herred", "Herred"), (" herred", " herred")],
)  # fmt: skip
def test_areas_are_called_as_people_call_them(area, said):
    assert as_said(area) == said


def test_a_cluster_that_holds_the_largest_part_of_its_district_has_the_district_s_name():
    table = named(
        [[0, 1, 2], [3, 4]], ["Knebel", "Agri", "Vrinners", "Tved", "Torup", "Ebeltoft", "Helgenæs"],
        [600, 150, 250, 400, 100, 7000, 500], towns=[5], historic_district=["Mols Herred"] * 7,
        parish_id=["k", "a", "k", "t", "t", "e", "h"],
    )  # fmt: skip
    assert table["name"].tolist() == ["Mols", "Tved"]
    assert table["name_reason"].tolist() == ["district", "parish"]
    assert table["name_from"].tolist() == ["Mols Herred", "Tved"]
    assert table["name_share"].tolist() == [0.5, 1]  # 1,000 of 2,000: the town does not count


def test_of_equal_parts_of_a_district_the_first_cluster_s_counts():
    groups, names, people = [[0, 1], [2, 3]], list("abcd"), [100, 200, 200, 100]
    assert told(groups, names, people, historic_district=["Mols Herred"] * 4) == [("Mols", "district"), ("c", "hub")]


def test_a_district_where_only_half_of_the_people_live_does_not_give_its_name():
    half = ["Mols Herred", "Mols Herred", "Djurs Herred"]
    assert told([[0, 1, 2]], list("abc"), [100, 100, 200], historic_district=half)[0][1] != "district"
    assert told([[0, 1, 2]], list("abc"), [100, 101, 200], historic_district=half) == [("Mols", "district")]
    unknown = [None, "Mols Herred", "Mols Herred"]
    assert told([[0, 1, 2]], list("abc"), [200, 100, 100], historic_district=unknown)[0][1] != "district"


def test_a_cluster_leads_no_district_of_which_another_holds_more():
    names, people = list("abcd"), [100, 100, 300, 500]  # the second cluster holds more of Mols, and lives elsewhere
    district = ["Mols", "Mols", "Mols", "Djurs"]
    assert told([[0, 1], [2, 3]], names, people, historic_district=district)[0][1] != "district"


def test_a_cluster_that_is_an_old_municipality_has_its_name():
    table = named(
        [[0, 1], [2, 3]], list("abcd"), [300, 200, 300, 200], former_municipality=["Midtdjurs"] * 2 + ["Rougsø", None]
    )
    assert table["name"].tolist()[0] == "Midtdjurs"
    assert table["name_reason"].tolist() == ["municipality", "hub"]  # of d it is not known
    assert (table["name_from"][0], table["name_share"][0]) == ("Midtdjurs", 1)


def test_what_is_left_of_a_municipality_without_its_town_is_not_the_municipality():
    names, people, old = ["Mørke", "Lime", "Hornslet"], [1700, 500, 5600], ["Rosenholm"] * 3
    assert told([[0, 1]], names, people, towns=[2], former_municipality=old)[0][1] == "hub"
    assert told([[0, 1]], names, [3000, 2601, 5600], towns=[2], former_municipality=old) == [
        ("Rosenholm", "municipality")
    ]


def test_a_district_comes_before_a_municipality():
    areas = {"historic_district": ["Mols Herred"] * 2, "former_municipality": ["Ebeltoft"] * 2}
    assert told([[0, 1]], ["a", "b"], [10, 20], **areas) == [("Mols", "district")]


def test_the_hub_weighs_most_in_people_and_services():
    groups, people = [[0, 1, 2]], np.array([500.0, 300, 200])
    sets = sets_of(groups, 3)
    assert hubs_of(sets, np.zeros(3), people).tolist() == [0]
    assert hubs_of(sets, np.array([1.0, 4, 0]), people).tolist() == [1]
    assert hubs_of(sets, np.zeros(3), np.zeros(3)).tolist() == [0]  # of equals the first


def test_of_a_district_and_a_municipality_the_one_it_holds_more_of_gives_the_name():
    people, columns = [600, 300, 500], {"historic_district": ["Øster Herred"] * 3}
    old = {"former_municipality": ["Rønde", "Rønde", "Midtdjurs"]}
    assert told([[0, 1]], list("abc"), people, **columns, **old) == [("Rønde", "municipality")]
    same = {"former_municipality": ["Rønde", "Rønde", "Rønde"]}
    assert told([[0, 1]], list("abc"), people, **columns, **same) == [("Øster", "district")]


def test_a_cluster_with_most_of_one_parish_is_named_after_it():
    people, columns = [300, 200, 600, 100], {"parish": ["Helgenæs"] * 3 + ["Tved"]}
    table = named([[0, 2]], list("abcd"), people, **columns)
    assert table.loc[0].tolist() == ["Helgenæs", "whole_parish", "Helgenæs", 0.818]
    assert told([[0, 1]], list("abcd"), people, **columns) == [("a", "parish")]  # 500 of 1,100


def test_one_parish_is_named_after_its_hub():
    assert told([[0, 1, 2]], list("abc"), [100, 200, 250], parish_id=["p"] * 3) == [("c", "parish")]


def test_a_hub_whose_parish_has_more_than_half_of_the_people_gives_the_name():
    table = named([[0, 1, 2, 3]], list("abcd"), [300, 250, 300, 100], parish_id=list("ppqr"))
    assert table.loc[0].tolist() == ["a", "hub", "a", 0.579]
    assert told([[0, 1, 2, 3]], list("abcd"), [300, 200, 260, 240], parish_id=list("ppqr"))[0][1] != "hub"  # half


def test_two_parishes_name_two_places():
    table = named([[0, 1, 2]], ["Knebel", "Agri", "Vrinners"], [300, 250, 100], parish_id=list("pqq"))
    assert table.loc[0].tolist() == ["Knebel \N{EN DASH} Agri", "pair", "Knebel; Agri", 1]


def test_a_second_place_that_stands_out_is_named_beside_the_hub():
    villages = {"groups": [[0, 1, 2, 3]], "names": list("abcd"), "parish_id": list("pqrs")}
    clear = named(people=[400, 250, 200, 100], **villages)
    assert clear.loc[0].tolist() == ["a \N{EN DASH} b", "pair", "a; b", 0.684]
    assert told(people=[400, 249, 200, 100], **villages) == [("a", "around")]  # 1.25 times the third
    assert told(people=[400, 199, 100, 150], **villages) == [("a", "around")]  # half the hub
    assert named(people=[400, 240, 200, 100], **villages).loc[0].tolist() == ["a", "around", "a", 0.426]


def test_the_second_place_lies_in_another_parish_and_the_third_in_a_third():
    parishes = ["p", "p", "q", "q", "r"]
    assert told([[0, 1, 2, 3, 4]], list("abcde"), [300, 290, 280, 270, 150], parish_id=parishes) == [
        ("a \N{EN DASH} c", "pair")
    ]


def test_services_weigh_as_much_as_people():
    people, parishes = [400, 200, 190, 100], list("pqrs")
    assert told([[0, 1, 2, 3]], list("abcd"), people, parish_id=parishes) == [("a", "around")]
    assert told([[0, 1, 2, 3]], list("abcd"), people, services=[4, 0, 4, 0], parish_id=parishes) == [
        ("a \N{EN DASH} c", "pair")
    ]


def test_parishes_are_told_by_name_where_there_are_no_ids_and_unknown_ones_are_their_own():
    args = ([[0, 1, 2]], list("abc"), [100, 200, 250])
    assert told(*args, parish=["Fur Sogn"] * 3) == [("Fur", "whole_parish")]
    assert told(*args, parish_id=[None] * 3, parish=["Fur"] * 3) == [("Fur", "whole_parish")]
    assert told(*args, parish_id=["p"] * 3, parish=[None, "Fur", None]) == [("Fur", "whole_parish")]
    assert told(*args) == [("c \N{EN DASH} b", "pair")]
    assert told(*args, parish_id=["p", None, "p"]) == [("c", "hub")]


@pytest.mark.parametrize(
    ("names", "columns", "found"),
    [
        (["Tved", "x", "Tved", "y"], {"municipality": ["Svendborg"] * 2 + ["Syddjurs"] * 2},
         ["Tved (Svendborg)", "Tved (Syddjurs)"]),
        (["Tved", "x", "Tved", "y"], {"parish": ["Helgenæs", "Agri", "Bregninge", "Horne"]},
         ["Tved (Helgenæs)", "Tved (Bregninge)"]),
        (["Tved", "x", "Tved", "y"], {"parish": ["Tved", "Agri", "Bregninge", "Horne"]}, ["Tved", "Tved (Bregninge)"]),
        (["Tved", "x", "tved", "y"], {}, ["Tved (v0)", "tved (v2)"]),
        (["Knebel", "x", "Mols", "y"], {"historic_district": ["Mols Herred"] * 2 + [None] * 2},
         ["Mols (Knebel)", "Mols"]),
        (["a", "x", "b", "y"], {"historic_district": ["Han Herred"] * 2 + ["Han"] * 2}, ["Han (a)", "Han (b)"]),
        (["a", "x", "a", "y"], {"historic_district": ["Han Herred"] * 2 + ["Han"] * 2}, ["Han (v0)", "Han (v2)"]),
    ],
    ids=["municipality", "parish", "own parish", "id", "district and hub", "two districts", "hubs alike"],
)  # fmt: skip
def test_equal_names_are_told_apart(names, columns, found):
    table = named([[0, 1], [2, 3]], names, [200, 10, 200, 10], **columns)
    assert table["name"].tolist() == found


def test_names_that_look_as_if_they_were_told_apart_already():
    names = ["Han (a)", "x", "a", "y", "b", "z"]
    district = [None] * 2 + ["Han Herred"] * 2 + ["Han"] * 2
    table = named([[0, 1], [2, 3], [4, 5]], names, [200, 10] * 3, historic_district=district)
    assert table["name"].tolist() == ["Han (a)", "Han", "Han (b)"]


def test_where_nothing_else_tells_names_apart_a_number_does():
    names = ["Mols", "Mols", "Mols (v0)", "Mols (v1)", "mols 2"]
    table = named([[0], [1], [2], [3], [4]], names, [100] * 5, municipality=[None] * 5)
    assert table["name"].tolist() == ["Mols", "Mols 2", "Mols (v0)", "Mols (v1)", "mols 2 2"]


NAMES = st.sampled_from(["Mols", "mols", "Mols (a)", "Mols (v1)", "Mols 2", "a", "a; b", " ", "</script>"])
AREAS = st.one_of(st.none(), st.sampled_from(["Mols Herred", "Mols", "a", "Syddjurs"]))


@st.composite
def countries(draw):
    """Up to eight clusters of up to four villages, with some left over, a name for two places now and then."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=8))
    n = sum(sizes) + draw(st.integers(0, 3))
    rows = draw(st.permutations(range(n)))
    bounds = np.cumsum([0, *sizes])
    groups = [rows[start:stop] for start, stop in pairwise(bounds)]

    def some(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    columns = ("parish_id", "parish", "historic_district", "former_municipality", "municipality")
    areas = {name: some(AREAS) for name in columns if draw(st.booleans())}
    people, services = some(st.sampled_from([0, 100, 200, 250, 500])), some(st.sampled_from([0.0, 1.0, 2.5]))
    return groups, some(NAMES), people, services, areas


@settings(max_examples=100, deadline=None)
@given(countries())
def test_no_two_clusters_are_named_alike(country):
    groups, names, people, services, areas = country
    table = named(groups, names, people, services=services, **areas)
    assert table["name"].str.casefold().is_unique
    assert set(table["name_reason"]) <= REASONS
    assert table["name_share"].between(0, 1).all()
    assert (table["name"].str.len() > 0).all()


def living(rows, of, area, people):
    return sum(people[row] for row in rows if of[row] == area)


def areas_by_hand(rows, column, people, leads, number):
    """The areas that a cluster could be named after, the district first: reason, area, share."""
    everybody, total = range(len(people)), sum(people[row] for row in rows)
    district, old = Counter(), {column["former_municipality"][row] for row in rows}
    for row in rows:
        district[column["historic_district"][row]] += people[row]
    first = next((area for area, held in district.items() if area and held > total / 2), None)
    held = []
    if first and leads[first][1] == number:
        share = district[first] / living(everybody, column["historic_district"], first, people)
        held.append(("district", [first], share))
    whole = living(everybody, column["former_municipality"], next(iter(old)), people)
    if len(old) == 1 and None not in old and total > whole / 2:
        held.append(("municipality", [*old], total / whole))
    return held


def by_hand(groups, names, people, services, areas):
    """Reason, area or places, and share of each cluster, in the words of the docstring."""
    n = len(names)
    column = {name: areas.get(name, [None] * n) for name in ("historic_district", "former_municipality")}
    ids, words = areas.get("parish_id", [None] * n), areas.get("parish", [None] * n)
    known = ids if any(one is not None for one in ids) else words
    parish = [("own", k) if one is None else ("parish", one) for k, one in enumerate(known)]

    found, leads = [], {}
    for number, rows in enumerate(groups):
        for area in {column["historic_district"][row] for row in rows} - {None}:
            held = living(rows, column["historic_district"], area, people)
            if area not in leads or held > leads[area][0]:
                leads[area] = (held, number)
    for number, rows in enumerate(groups):
        total, served = sum(people[row] for row in rows), sum(services[row] for row in rows)
        weighs = {row: round(people[row] / max(total, 1) + services[row] / max(served, 1e-9), 9) for row in rows}
        hub = min(rows, key=lambda row: (-weighs[row], row))
        areas_held = areas_by_hand(rows, column, people, leads, number)
        if areas_held:
            found.append(max(areas_held, key=lambda one: one[2]))  # of equals the district, which stands first
            continue
        named = next((words[k] for k in range(n) if parish[k] == parish[hub] and words[k] is not None), None)
        in_parish = sum(people[k] for k in range(n) if parish[k] == parish[hub])
        if named is not None and {parish[row] for row in rows} == {parish[hub]} and total > in_parish / 2:
            found.append(("whole_parish", [named], total / in_parish))
            continue
        here = sum(people[row] for row in rows if parish[row] == parish[hub])
        beyond = sorted((row for row in rows if parish[row] != parish[hub]), key=lambda row: (-weighs[row], row))
        third = [row for row in beyond if parish[row] != parish[beyond[0]]]
        share = here / total if total else 0
        if not beyond:
            found.append(("parish", [names[hub]], share))
        elif share > 0.5:
            found.append(("hub", [names[hub]], share))
        elif not third or weighs[beyond[0]] >= max(0.5 * weighs[hub], 1.25 * weighs[third[0]]):
            both = sum(people[row] for row in rows if parish[row] in {parish[hub], parish[beyond[0]]})
            found.append(("pair", [names[hub], names[beyond[0]]], both / total if total else 0))
        else:
            found.append(("around", [names[hub]], share))
    return found


@settings(max_examples=150, deadline=None)
@given(countries())
def test_names_come_from_where_the_docstring_says(country):
    groups, names, people, services, areas = country
    table = named(groups, names, people, services=services, **areas)
    for row, (reason, sources, share) in zip(table.itertuples(), by_hand(*country), strict=True):
        assert (row.name_reason, row.name_from) == (reason, "; ".join(sources))
        assert row.name_share == pytest.approx(share, abs=6e-4)
        said = [as_said(one) for one in sources] if reason in AFTER_AREAS else sources
        assert row.name.startswith(" \N{EN DASH} ".join(said))
