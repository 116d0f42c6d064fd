"""What two villages share decides by its strongest step, whatever else they share and however it is written down."""

import dataclasses
import re
from importlib import resources
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import study, tables_of, travel_of, villages_at

from geoklynge.identity import COLUMN_OF_STEP, identity_of_pairs, knows_identity, steps_in_use
from geoklynge.study import IdentitySteps, TieWeights
from geoklynge.ties import tie_villages

STEPS = IdentitySteps()
WORD = st.sampled_from(["x", "y", None])


def associations_of(rows):
    """Rows (association, village number)."""
    return pd.DataFrame(
        {
            "association": pd.array([name for name, _ in rows], dtype="string"),
            "village_id": pd.array([f"v{number:02d}" for _, number in rows], dtype="string"),
        }
    )


def country(columns, associations=None):
    """Villages one kilometre apart, with these columns; associations are (name, village number)."""
    n = len(next(iter(columns.values())))
    tables = tables_of(villages_at([(1000.0 * k, 0) for k in range(n)], **columns))
    members = None if associations is None else associations_of(associations)
    return dataclasses.replace(tables, associations=members)


def identity_by_hand(columns, associations, steps, a, b):
    """Go through everything that two villages could share."""
    shared = [0.0]
    for name, column in COLUMN_OF_STEP.items():
        words = columns.get(column, [None] * (max(a, b) + 1))
        if words[a] is not None and words[a] == words[b]:
            shared.append(getattr(steps, name))
    members = {one: {number for name, number in associations if name == one} for one, _ in associations or ()}
    if any({a, b} <= villages for villages in members.values()):
        shared.append(steps.association)
    return max(shared)


@st.composite
def countries(draw):
    n = draw(st.integers(2, 6))
    columns = {"parish_id": draw(st.lists(WORD, min_size=n, max_size=n))}
    for column in draw(st.lists(st.sampled_from(list(COLUMN_OF_STEP.values())[1:]), unique=True)):
        columns[column] = draw(st.lists(WORD, min_size=n, max_size=n))
    row = st.tuples(st.sampled_from(["IF", "Bylaug", "Kor"]), st.integers(0, n - 1))
    associations = draw(st.none() | st.lists(row, max_size=8))
    values = {name: draw(st.sampled_from([0.0, 0.3, 0.8, 1.0])) for name in type(STEPS).model_fields}
    return columns, associations, IdentitySteps(**values)


def measure(columns, associations, steps):
    """Identity of all pairs, as a dict."""
    n = len(columns["parish_id"])
    a, b = (side.astype(np.int32) for side in np.triu_indices(n, 1))
    found = identity_of_pairs(country(columns, associations), steps, a, b)
    return dict(zip(zip(a.tolist(), b.tolist(), strict=True), found.tolist(), strict=True))


@pytest.mark.parametrize(
    ("shared", "value"),
    [
        ({"parish_id": "p"}, 1.0),
        ({"pastorate": "x"}, 0.85),
        ({"former_municipality_1970": "x"}, 0.8),
        ({"school_district": "x"}, 0.75),
        ({"former_municipality": "x"}, 0.5),
        ({"historic_district": "x"}, 0.25),
        ({"historic_district": "x", "former_municipality_1970": "y", "school_district": "z"}, 0.8),
        ({}, 0.0),
    ],
)
def test_each_step_has_its_value_and_the_strongest_decides(shared, value):
    columns = {column: [shared.get(column, "one"), shared.get(column, "other")] for column in COLUMN_OF_STEP.values()}
    assert measure(columns, None, STEPS) == {(0, 1): value}


def test_an_association_in_common_counts_for_all_its_villages_and_for_no_other():
    columns = {"parish_id": ["p", "q", "q", "r"]}
    found = measure(columns, [("Mols IF", 0), ("Mols IF", 1), ("Mols IF", 3), ("Kor", 2)], STEPS)
    assert found == {(0, 1): 0.9, (0, 2): 0.0, (0, 3): 0.9, (1, 2): 1.0, (1, 3): 0.9, (2, 3): 0.0}


def test_an_association_written_twice_or_of_strangers_changes_nothing():
    columns = {"parish_id": ["p", "q", "r"]}
    rows = [("IF", 0), ("IF", 0), ("IF", 77), ("Kor", 77), ("Kor", 2)]
    assert set(measure(columns, rows, STEPS).values()) == {0.0}


def test_the_study_may_change_the_steps():
    steps = IdentitySteps(parish=0.2, school_district=0.6, association=0)
    columns = {"parish_id": ["p", "p"], "school_district": ["s", "s"]}
    assert measure(columns, None, steps) == {(0, 1): 0.6}
    assert measure({"parish_id": ["p", "q"]}, [("IF", 0), ("IF", 1)], steps) == {(0, 1): 0.0}
    tables = country(columns, [("IF", 0)])
    assert list(steps_in_use(tables, steps).items()) == [("school_district", 0.6), ("parish", 0.2)]
    assert list(steps_in_use(tables, STEPS).items()) == [
        ("parish", 1.0),
        ("association", 0.9),
        ("school_district", 0.75),
    ]


def test_steps_of_the_study_reach_the_ties():
    tables = country({"parish_id": ["p", "q"], "pastorate": ["x", "x"]})
    travel = travel_of(tables, [[0, 6], [6, 0]])
    for steps, value in (({}, 0.85), ({"pastorate": 0.4}, 0.4)):
        ties = tie_villages(tables, travel, study(ties={"identity_steps": steps}))
        assert ties.identity.tolist() == [value]
        np.testing.assert_allclose(ties.weight, (0.35 * 0.5 + 0.15 * value) / 0.5)


@pytest.mark.parametrize(
    ("columns", "associations", "steps", "known"),
    [
        ({"parish_id": [None, "p"]}, None, STEPS, True),
        ({"parish_id": [None, None]}, None, STEPS, False),
        ({"parish_id": [None, None]}, [("IF", 0)], STEPS, True),
        ({"parish_id": [None, None]}, [], STEPS, False),
        ({"parish_id": ["p", "p"]}, [("IF", 0)], IdentitySteps(parish=0, association=0), False),
    ],
)
def test_without_anything_said_of_a_step_that_counts_identity_is_unknown(columns, associations, steps, known):
    assert knows_identity(country(columns, associations), steps) is known


@settings(max_examples=80, deadline=None)
@given(countries())
def test_identity_is_the_strongest_of_all_that_two_villages_share(world):
    columns, associations, steps = world
    n = len(columns["parish_id"])
    found = measure(columns, associations, steps)
    assert found == {(a, b): identity_by_hand(columns, associations, steps, a, b) for a, b in combinations(range(n), 2)}


@settings(max_examples=40, deadline=None)
@given(countries(), st.randoms(use_true_random=False))
def test_the_order_of_villages_and_rows_and_new_names_change_nothing(world, random):
    columns, associations, steps = world
    n = len(columns["parish_id"])
    place = random.sample(range(n), n)  # where each village stands now
    renamed = {"x": "ÆØ", "y": "x", None: None}
    moved = {column: [None] * n for column in columns}
    for column, words in columns.items():
        for old, word in enumerate(words):
            moved[column][place[old]] = renamed[word]
    rows = None if associations is None else [(f"{name} 2", place[number]) for name, number in associations]
    if rows:
        random.shuffle(rows)
    before, after = measure(columns, associations, steps), measure(moved, rows, steps)
    assert after == {tuple(sorted((place[a], place[b]))): value for (a, b), value in before.items()}


def test_the_method_page_has_the_values_of_the_code():
    page = resources.files("geoklynge").joinpath("method.md").read_text(encoding="utf-8")
    steps = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+) \|", page, flags=re.MULTILINE))
    assert {name: float(value) for name, value in steps.items()} == STEPS.model_dump()
    layers = dict(re.findall(r"^\| (\w+) \| .* \| (0\.\d+) \| ", page, flags=re.MULTILINE))
    assert {name: float(value) for name, value in layers.items()} == TieWeights().model_dump()
