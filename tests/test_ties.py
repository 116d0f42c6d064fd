"""A tie is what the formulas say, layer by layer, for any villages, and never depends on how they are written down."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from worlds import random_country, services_at, study, tables_of, travel_of, trips_of, villages_at

import geoklynge.huff
from geoklynge.ensemble import shaken_ties
from geoklynge.errors import InputError
from geoklynge.huff import huff_shares, overlap_of_pairs
from geoklynge.modes import mutual_pairs
from geoklynge.study import Category, TieWeights
from geoklynge.ties import LAYERS, layer_proportions, overlap_by_category, tie_villages, weighted_sum
from geoklynge.travel import measure_travel

INF = np.inf
CATEGORIES = {
    "school": Category(da="skole", en="school", weight=3, half_minutes=10),
    "church": Category(da="kirke", en="church", weight=1, half_minutes=5),
    "doctor": Category(da="læge", en="doctor", weight=0, half_minutes=8),
}
# far, next door, and out of reach; 1e5 minutes is where a naive exp() turns to 0
MINUTES = st.one_of(st.floats(0, 120), st.just(0.0), st.just(1e5), st.just(INF))


def services_of(categories, capacity=None):
    """Services of these categories, somewhere, with these capacities."""
    table = services_at([(category, 0, 0, None) for category in categories])
    return table if capacity is None else table.assign(capacity=np.array(capacity, dtype=float))


def shares_of(minutes, categories, capacity=None, **options):
    """Huff shares by a table of minutes."""
    tables = tables_of(villages_at([(0, 0)] * len(minutes)), services_of(categories, capacity))
    return huff_shares(tables, trips_of(minutes), CATEGORIES, **options)


def dense(shares):
    """Shares as a table, villages by facilities."""
    table = np.zeros((len(shares.indptr) - 1, len(shares.category)))
    table[np.repeat(np.arange(len(table)), np.diff(shares.indptr)), shares.facility] = shares.share
    return table


def huff_by_hand(minutes, categories, capacity):
    """Huff 1964, one village and one facility after the other; exponents counted from the nearest of the category."""
    minutes, found = np.array(minutes, dtype=float), np.zeros(np.shape(minutes))
    for i, row in enumerate(minutes):
        for f, key in enumerate(categories):
            same = [g for g, other in enumerate(categories) if other == key and np.isfinite(row[g])]
            if f in same:
                nearest, half = min(row[g] for g in same), CATEGORIES[key].half_minutes
                pull = {g: capacity[g] * np.exp(-np.log(2) / half * (row[g] - nearest)) for g in same}
                found[i, f] = pull[f] / sum(pull.values())
    return found


def overlap_by_hand(shares, categories, weights):
    """Weighted sum of the smaller shares, for all pairs of villages at once."""
    present = list(dict.fromkeys(key for key in weights if key in categories))
    total, found = sum(weights[key] for key in present), np.zeros((len(shares), len(shares)))
    for key in present:
        of_key = shares[:, [other == key for other in categories]]
        found += weights[key] * np.minimum(of_key[:, None], of_key[None]).sum(axis=2)
    return found / total if total else found


@st.composite
def catchments(draw):
    """Minutes, categories and capacities of up to six villages and five facilities."""
    n = draw(st.integers(1, 5))
    minutes = draw(arrays(float, (draw(st.integers(1, 6)), n), elements=MINUTES))
    categories = draw(st.lists(st.sampled_from(list(CATEGORIES)), min_size=n, max_size=n))
    return minutes, categories, draw(arrays(float, n, elements=st.floats(0.1, 1e4)))


# Huff shares


def test_two_equal_schools_one_ten_minutes_away():
    np.testing.assert_allclose(dense(shares_of([[0, 10]], ["school"] * 2)), [[2 / 3, 1 / 3]])


def test_a_school_three_times_as_big_draws_three_times_the_trips():
    np.testing.assert_allclose(dense(shares_of([[8, 8]], ["school"] * 2, [3, 1])), [[0.75, 0.25]])


def test_categories_do_not_compete():
    np.testing.assert_allclose(dense(shares_of([[2, 9]], ["school", "church"], [1, 900])), [[1, 1]])


def test_a_slower_mode_lengthens_half_minutes():
    found = dense(shares_of([[0, 10]], ["church"] * 2, mode_ratio=2.0))
    np.testing.assert_allclose(found, [[2 / 3, 1 / 3]])  # 5 minutes by car are 10 by bike


def test_an_unknown_capacity_is_its_categorys_median_or_one():
    minutes, categories = [[1] * 6], ["school"] * 4 + ["church"] * 2
    found = dense(shares_of(minutes, categories, [1, 3, 8, np.nan, np.nan, np.nan]))
    np.testing.assert_allclose(found, [[1 / 15, 3 / 15, 8 / 15, 3 / 15, 1 / 2, 1 / 2]])


@pytest.mark.parametrize("size", [0.0, -2.0])
def test_a_facility_without_size_is_refused(size):
    with pytest.raises(InputError, match=r"^services: row 2, column 'capacity': -?\d is not above 0: leave"):
        shares_of([[1, 1]], ["school"] * 2, [5, size])


@settings(max_examples=50, deadline=None)
@given(catchments())
def test_shares_are_those_of_the_formula(catchment):
    minutes, categories, capacity = catchment
    shares = shares_of(minutes, categories, capacity)
    np.testing.assert_allclose(dense(shares), huff_by_hand(minutes, categories, capacity), rtol=1e-9, atol=1e-12)
    assert shares.categories == tuple(key for key in CATEGORIES if key in categories)
    assert [shares.categories[k] for k in shares.category] == categories


@settings(max_examples=50, deadline=None)
@given(catchments())
def test_every_trip_goes_somewhere_or_the_village_reaches_nothing(catchment):
    minutes, categories, capacity = catchment
    shares = dense(shares_of(minutes, categories, capacity))
    for key in set(categories):
        of_key = [other == key for other in categories]
        np.testing.assert_allclose(shares[:, of_key].sum(axis=1), np.isfinite(minutes[:, of_key]).any(axis=1))


@settings(max_examples=30, deadline=None)
@given(catchments(), st.floats(0.01, 100))
def test_the_unit_of_capacity_does_not_matter(catchment, factor):
    minutes, categories, capacity = catchment
    once, again = shares_of(minutes, categories, capacity), shares_of(minutes, categories, capacity * factor)
    np.testing.assert_allclose(again.share, once.share, atol=1e-12)


# Overlap


def test_overlap_worked_by_hand():
    # schools: 2/3, 1/3 against 1/3, 2/3 share 2/3; the church both go to is 1; weights 3 and 1
    shares = shares_of([[0, 10, 4], [10, 0, 9]], ["school", "school", "church"])
    found = overlap_of_pairs(shares, np.array([3.0, 1.0]), np.array([0]), np.array([1]))
    np.testing.assert_allclose(found, [(3 * 2 / 3 + 1) / 4])


@settings(max_examples=50, deadline=None)
@given(catchments())
def test_overlap_is_that_of_the_formula_and_symmetric(catchment):
    minutes, categories, capacity = catchment
    shares = shares_of(minutes, categories, capacity)
    weights = {key: category.weight for key, category in CATEGORIES.items()}
    a, b = (side.ravel().astype(np.int32) for side in np.indices((len(minutes), len(minutes))))
    found = overlap_of_pairs(shares, np.array([weights[key] for key in shares.categories]), a, b)
    expected = overlap_by_hand(dense(shares), categories, weights)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=1e-9)
    np.testing.assert_array_equal(found.reshape(expected.shape), found.reshape(expected.shape).T)
    assert ((found >= 0) & (found <= 1)).all()


def test_many_pairs_are_shared_out_and_come_back_in_order(monkeypatch):
    rng = np.random.default_rng(0)
    shares = shares_of(rng.uniform(0, 20, (9, 6)), ["school", "church"] * 3)
    a, b = (side.astype(np.int32) for side in np.triu_indices(9, 1))
    at_once = overlap_of_pairs(shares, np.array([3.0, 1.0]), a, b)
    monkeypatch.setattr(geoklynge.huff, "PAIRS_A_TASK", 5)
    np.testing.assert_array_equal(overlap_of_pairs(shares, np.array([3.0, 1.0]), a, b), at_once)


def test_categories_without_weight_share_nothing():
    shares = shares_of([[1], [1]], ["doctor"])
    assert overlap_of_pairs(shares, np.zeros(1), np.array([0]), np.array([1])).tolist() == [0]


# Pairs


ONE_WAY_STREETS = [[INF, 4, 5, 2], [9, INF, INF, 3], [5, 7, INF, INF], [1, INF, INF, INF]]


def test_pairs_know_both_directions_and_one_way_is_no_pair():
    pairs = (side.tolist() for side in mutual_pairs(trips_of(ONE_WAY_STREETS)))
    assert list(zip(*pairs, strict=True)) == [(0, 1, 4, 9), (0, 2, 5, 5), (0, 3, 2, 1)]


def test_the_slower_direction_counts_and_both_are_kept():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, ONE_WAY_STREETS), study())
    assert (ties.minutes_ab.tolist(), ties.minutes_ba.tolist(), ties.minutes.tolist()) == (
        [4, 5, 2],
        [9, 5, 1],
        [9, 5, 2],
    )
    assert [ties.asymmetric(least).tolist() for least in (0, 0.5, 1, 4, 5, 5.1)] == [
        [0, 1, 2],
        [0, 2],
        [0, 2],
        [0],
        [0],
        [],
    ]
    assert "minutes_ab" not in ties.table()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 7).flatmap(lambda n: arrays(float, (n, n), elements=MINUTES)))
def test_pairs_are_those_of_the_table_of_minutes(ways):
    np.fill_diagonal(ways, INF)
    slower = np.maximum(ways, ways.T)
    expected = [
        (i, j, ways[i, j], ways[j, i])
        for i in range(len(ways)) for j in range(i + 1, len(ways)) if slower[i, j] < INF
    ]  # fmt: skip
    assert list(zip(*(side.tolist() for side in mutual_pairs(trips_of(ways))), strict=True)) == expected


# Ties


def answers_of(rows):
    """Rows (village number, village number, share)."""
    ends = {end: [f"v{row[side]:02d}" for row in rows] for side, end in enumerate(("village_a", "village_b"))}
    return pd.DataFrame({**ends, "share": np.array([share for *_, share in rows], dtype=float)})


def two_villages(minutes, services=(), *, of_study=None, survey=None, **columns):
    """Tie villages v00 and v01, so many minutes apart; services are (category, village, (minutes, minutes))."""
    tables = tables_of(
        villages_at([(0, 0), (1000, 0)], **columns), services_at([(key, 0, 0, home) for key, home, _ in services])
    )
    tables = dataclasses.replace(tables, survey=None if survey is None else answers_of(survey))
    there = np.array([way for *_, way in services], dtype=float).reshape(-1, 2).T
    return tie_villages(tables, travel_of(tables, [[0, minutes], [minutes, 0]], there), of_study or study())


@pytest.mark.parametrize(
    ("mode", "minutes", "proximity"),
    [("car", 0, 1.0), ("car", 6, 0.5), ("car", 12, 1 / 16), ("car", 3, 2**-0.25), ("bike", 12, 0.5), ("walk", 15, 0.5)],
)
def test_proximity_halves_at_the_half_minutes_of_the_mode(mode, minutes, proximity):
    ties = two_villages(minutes, of_study=study(travel={"mode": mode}))
    np.testing.assert_allclose(ties.proximity, [proximity], rtol=1e-12)


def test_complementarity_is_what_one_has_and_the_other_lacks_times_proximity():
    services = [("school", "v00", (0, 6)), ("grocery", "v00", (0, 6)), ("grocery", "v01", (6, 0)),
                ("church", "v01", (6, 0)), ("library", None, (1, 1))]  # fmt: skip
    ties = two_villages(6, services)
    # weights: school 3, grocery 3, church 1, library 1; one of the two has a school or a church
    np.testing.assert_allclose(ties.complementarity, [0.5 * (3 + 1) / 8])


def test_the_weight_worked_by_hand():
    services = [("school", "v00", (0, 6)), ("school", "v01", (6, 0))]
    ties = two_villages(6, services, parish_id=["p", "q"], former_municipality=["Rosenholm"] * 2)
    home = 1 / (1 + 2 ** (-6 / 5))  # of the trips to school; the half-minutes of school are 5
    expected = 0.35 * 0.5 + 0.35 * 2 * (1 - home) + 0.15 * 0 + 0.15 * 0.5
    np.testing.assert_allclose(ties.weight, [expected])
    assert (ties.layers_used, ties.findings) == (LAYERS, ())


@pytest.mark.parametrize(
    ("columns", "identity"),
    [
        ({"parish_id": ["p", "p"], "school_district": ["a", "b"]}, 1.0),
        ({"parish_id": ["p", "q"], "school_district": ["a", "a"], "former_municipality": ["f", "f"]}, 0.75),
        ({"former_municipality": ["f", "f"], "historic_district": ["h", "h"]}, 0.5),
        ({"former_municipality": ["f", "g"], "historic_district": ["h", "h"]}, 0.25),
        ({"parish_id": ["p", "q"], "historic_district": ["h", "i"]}, 0.0),
        ({"parish_id": [None, None], "historic_district": ["h", None]}, 0.0),
    ],
    ids=["parish", "school district", "former municipality", "historic district", "none", "missing is not the same"],
)
def test_the_first_ground_that_two_share_is_their_identity(columns, identity):
    assert two_villages(3, **columns).identity.tolist() == [identity]


def test_a_municipal_border_lowers_nothing():
    within, across = (two_villages(3, municipality_id=ids, parish_id=["p"] * 2) for ids in (["1", "1"], ["1", "2"]))
    assert within.weight.tolist() == across.weight.tolist()


@pytest.mark.parametrize(
    ("services", "columns", "used", "weight"),
    [
        ([], {}, ("proximity",), 0.5),
        ([], {"parish_id": ["p", "p"]}, ("proximity", "identity"), (0.35 * 0.5 + 0.15) / 0.5),
        (
            [("school", "v00", (5, 5))],
            {},
            ("proximity", "overlap", "complementarity"),
            (0.35 * 0.5 + 0.35 + 0.15 * 0.5) / 0.85,
        ),
    ],
    ids=["nothing", "no services", "no identity"],
)
def test_layers_without_data_leave_their_weight_to_the_others(services, columns, used, weight):
    ties = two_villages(6, services, **columns)
    assert ties.layers_used == used
    np.testing.assert_allclose(ties.weight, [weight])
    missing = tuple(name for name in LAYERS if name not in used)
    said = f"no data for {' and '.join(missing)}: ties rest on {', '.join(used)}"
    assert [(f.code, f.count, f.text, f.examples) for f in ties.findings] == [
        ("layers_without_data", len(missing), said, missing)
    ]


def test_services_that_weigh_nothing_are_no_data():
    ties = two_villages(6, [("school", "v00", (0, 6))], of_study=study(services={"weights": {"school": 0}}))
    assert ties.layers_used == ("proximity",)
    assert ties.complementarity.tolist() == ties.overlap.tolist() == [0]


def test_a_layer_that_nobody_wants_is_not_missed():
    wanted = study(ties={"weights": {"overlap": 0, "complementarity": 0, "identity": 0}})
    assert two_villages(6, of_study=wanted).findings == ()


def test_no_wanted_layer_with_data_is_an_error():
    wanted = study(ties={"weights": {"proximity": 0, "overlap": 0, "complementarity": 0}})
    with pytest.raises(InputError, match="no tie layer with a weight has data for every pair") as caught:
        two_villages(6, of_study=wanted)
    assert caught.value.where == "ties.weights"


def test_only_the_proportions_of_layer_weights_matter():
    once = layer_proportions(TieWeights(), LAYERS)
    tenfold = layer_proportions(TieWeights(proximity=3.5, overlap=3.5, complementarity=1.5, identity=1.5), LAYERS)
    assert once == pytest.approx(tenfold)
    assert once == pytest.approx({"proximity": 0.35, "overlap": 0.35, "complementarity": 0.15, "identity": 0.15})


def test_one_village_has_no_tie():
    tables = tables_of(villages_at([(0, 0)]), services_at([("school", 0, 0, "v00")]))
    ties = tie_villages(tables, travel_of(tables, [[0]], [[0]]), study())
    assert len(ties.weight) == len(ties.table()) == 0
    assert list(ties.graph().nodes) == ["v00"]


def test_services_out_of_everybodys_reach():
    ties = two_villages(6, [("school", None, (INF, INF))])
    assert ties.overlap.tolist() == [0]
    assert len(ties.shares.share) == 0


def test_the_network_has_every_village_and_the_ties_above_a_weight():
    tables = random_country(3, villages=12)
    ties = tie_villages(tables, measure_travel(tables, study().travel), study())
    middle = float(np.sort(ties.weight)[len(ties.weight) // 2])
    graph = ties.graph(at_least=middle)
    assert set(graph) == set(tables.villages["village_id"])
    assert graph.number_of_edges() == (ties.weight > middle).sum()
    row = ties.table().query("weight > @middle").iloc[0]
    assert graph.edges[row["village_a"], row["village_b"]] == row.drop(["village_a", "village_b"]).to_dict()


# Survey


@pytest.mark.parametrize(
    ("answers", "mean"),
    [([(0, 1, 0.4)], 0.4), ([(1, 0, 0.4)], 0.4), ([(0, 1, 0.2), (1, 0, 0.9)], 0.55), ([(0, 1, 0.0)], 0.0)],
    ids=["there", "back", "both", "nobody says yes"],
)
def test_answers_of_one_or_both_are_averaged_and_weigh(answers, mean):
    ties = two_villages(6, survey=answers, parish_id=["p", "q"])
    np.testing.assert_allclose(ties.survey, [mean])
    np.testing.assert_allclose(ties.weight, [(0.35 * 0.5 + 0.15 * mean) / 0.65])  # proximity, identity, survey
    assert ties.layers_used == ("proximity", "identity", "survey")
    assert ties.layers == (*LAYERS, "survey")
    assert ties.table().columns.tolist()[-3:] == ["identity", "survey", "weight"]
    assert ties.graph().edges["v00", "v01"]["survey"] == mean


def test_who_was_not_asked_is_judged_by_the_rest():
    tables = tables_of(villages_at([(0, 0)] * 4, parish_id=["p", "p", "q", "q"]))
    minutes = [[0, 3, 6, 8], [3, 0, 5, INF], [6, 5, 0, 2], [8, INF, 2, 0]]
    travel = travel_of(tables, minutes)
    alone = tie_villages(tables, travel, study())
    asked = dataclasses.replace(tables, survey=answers_of([(0, 1, 0.2), (3, 1, 1.0), (0, 9, 1.0), (2, 2, 1.0)]))
    ties = tie_villages(asked, travel, study())
    assert np.isnan(ties.survey).tolist() == [False, True, True, True, True]
    np.testing.assert_allclose(ties.weight[1:], alone.weight[1:], rtol=1e-12)
    np.testing.assert_allclose(ties.weight[0], (alone.weight[0] * 0.5 + 0.15 * 0.2) / 0.65)


def test_a_survey_about_none_of_the_pairs_is_missed():
    ties = two_villages(6, survey=[(0, 7, 0.5)])
    assert ties.survey is None
    assert "survey" not in ties.table()
    assert ties.layers_used == ("proximity",)
    assert ties.findings[0].examples == ("overlap", "complementarity", "identity", "survey")


def test_a_survey_that_does_not_count_changes_nothing():
    wanted = study(ties={"weights": {"survey": 0}})
    asked, alone = (two_villages(6, survey=survey, of_study=wanted, parish_id="pq") for survey in ([(0, 1, 1.0)], None))
    np.testing.assert_allclose(asked.weight, alone.weight, rtol=1e-15)


def test_answers_alone_would_tie_only_those_who_were_asked_and_are_refused():
    weights = {"proximity": 0, "overlap": 0, "complementarity": 0, "survey": 1}
    tables = tables_of(villages_at([(0, 0)] * 3))
    asked = dataclasses.replace(tables, survey=answers_of([(0, 1, 0.7)]))
    with pytest.raises(InputError, match="give proximity a weight"):
        tie_villages(asked, travel_of(tables, np.ones((3, 3))), study(ties={"weights": weights}))


@given(
    st.sets(st.sampled_from((*LAYERS[1:], "survey"))),
    st.tuples(*[st.floats(0.01, 5)] * 5),
)
def test_weights_of_the_layers_in_use_sum_to_one(more, given_weights):
    names = (*LAYERS, "survey")
    used = tuple(name for name in names if name in more or name == "proximity")
    proportions = layer_proportions(TieWeights(**dict(zip(names, given_weights, strict=True))), used)
    assert sum(proportions.values()) == pytest.approx(1)
    assert {name for name, share in proportions.items() if share > 0} == set(used)
    everything = [np.ones(3)] * (len(proportions) - ("survey" in used)) + [np.array([1, np.nan, 1])] * (
        "survey" in used
    )
    np.testing.assert_allclose(weighted_sum(everything, proportions.values()), 1)


def test_noise_of_nothing_leaves_weights_with_a_survey_as_they_are():
    still = study(ensemble={"weight_noise": 0, "minutes_noise": 0})
    tables = with_everything(random_country(5, villages=20), 5)
    ties = tie_villages(tables, measure_travel(tables, still.travel), still)
    assert ties.survey is not None
    assert np.isnan(ties.survey).any()
    np.testing.assert_allclose(shaken_ties(ties, still, np.random.default_rng(0)).weight, ties.weight, rtol=1e-12)


def test_noise_shifts_the_weight_of_answers_too_and_keeps_everything_in_bounds():
    noisy = study(ensemble={"weight_noise": 0.9, "minutes_noise": 0})
    ties = two_villages(6, survey=[(0, 1, 1.0)], of_study=noisy)
    found = [shaken_ties(ties, noisy, np.random.default_rng(seed)).weight[0] for seed in range(50)]
    assert all(0.5 <= weight <= 1 for weight in found)
    assert len({round(weight, 3) for weight in found}) > 20


# What an overlap is made of


def test_the_overlap_of_each_category_worked_by_hand():
    ties = two_villages(6, [("school", "v00", (0, 6)), ("school", "v01", (6, 0)), ("church", "v01", (6, 0))])
    home = 1 / (1 + 2 ** (-6 / 5))  # of the trips to school
    assert ties.shares.categories == ("school", "church")
    np.testing.assert_allclose(overlap_by_category(ties, np.array([0])), [[2 * (1 - home), 1.0]])
    np.testing.assert_allclose(ties.overlap, [(3 * 2 * (1 - home) + 1) / 4])


@st.composite
def countries(draw):
    """Villages with all four layers, on islands or not."""
    return random_country(draw(st.integers(0, 10**6)), villages=draw(st.integers(2, 18)), side_m=9_000,
                          services=draw(st.integers(0, 12)))  # fmt: skip


def with_everything(tables, seed):
    """Add what a country may say beside: capacities, pastorates, associations, answers about some pairs."""
    rng, ids = np.random.default_rng(seed), tables.villages["village_id"].to_numpy(dtype=object)
    services = tables.services.assign(capacity=rng.choice([np.nan, 1.0, 40.0], len(tables.services)))
    villages = tables.villages.assign(pastorate=pd.array(rng.choice(["m", "n", None], len(ids)), dtype="string"))
    members = pd.DataFrame({"association": rng.choice(["IF", "Kor"], 6), "village_id": rng.choice(ids, 6)})
    ends = rng.integers(0, len(ids), (len(ids), 2))
    asked = pd.DataFrame({"village_a": ids[ends[:, 0]], "village_b": ids[ends[:, 1]], "share": rng.random(len(ids))})
    return dataclasses.replace(tables, services=services, villages=villages, associations=members, survey=asked)


def ties_of(tables):
    return tie_villages(tables, measure_travel(tables, study().travel), study())


@settings(max_examples=25, deadline=None)
@given(countries(), st.integers(0, 99))
def test_all_layers_and_weights_lie_between_nothing_and_everything(tables, seed):
    ties = ties_of(with_everything(tables, seed))
    for name in (*ties.layers, "weight"):
        layer = getattr(ties, name)
        assert ((layer >= 0) & (layer <= 1) | np.isnan(layer) & (name == "survey")).all()
    assert (ties.a < ties.b).all()
    assert (ties.minutes <= study().travel.max_minutes).all()


@settings(max_examples=25, deadline=None)
@given(countries())
def test_ties_are_those_of_the_formulas(tables):
    ties, travel = ties_of(tables), measure_travel(tables, study().travel)
    villages, services = tables.villages, tables.services
    categories = services["category"].tolist()
    weights = {key: one.weight for key, one in study().services.all_categories().items() if key in categories}
    shares = dense(ties.shares)
    overlap = overlap_by_hand(shares, categories, weights)
    homes = services["village_id"].fillna("").tolist()
    has = [{key for key, home in zip(categories, homes, strict=True) if home == one} for one in villages["village_id"]]
    np.testing.assert_array_equal(
        ties.has, [[key in here for key in ties.shares.categories] for here in has] if categories else ties.has
    )
    for k, (a, b) in enumerate(zip(ties.a, ties.b, strict=True)):
        proximity = 2 ** -((ties.minutes[k] / 6) ** 2)
        gap = sum(weights[key] for key in has[a] ^ has[b]) / sum(weights.values()) if weights else 0
        one, other = villages["parish_id"].fillna("").iloc[[a, b]]
        identity = float(one == other != "")
        known = {"proximity": 0.35, **({"overlap": 0.35} if categories else {}),
                     **({"complementarity": 0.15} if tables.services["village_id"].notna().any() else {}),
                 **({"identity": 0.15} if villages["parish_id"].notna().any() else {})}  # fmt: skip
        layers = {"proximity": proximity, "overlap": overlap[a, b], "complementarity": proximity * gap,
                  "identity": identity}  # fmt: skip
        for name, value in layers.items():
            assert getattr(ties, name)[k] == pytest.approx(value, abs=1e-9)
        expected = sum(known[name] * layers[name] for name in known) / sum(known.values())
        assert ties.weight[k] == pytest.approx(expected, abs=1e-9)
    assert len(ties.a) == len(mutual_pairs(travel.between)[0])


@settings(max_examples=20, deadline=None)
@given(countries(), st.integers(0, 99))
def test_the_parts_of_an_overlap_are_the_overlap(tables, seed):
    ties = ties_of(with_everything(tables, seed))
    parts = overlap_by_category(ties, np.arange(len(ties.a)))
    assert parts.shape == (len(ties.a), len(ties.shares.categories))
    assert ((parts >= 0) & (parts <= 1)).all()
    if len(tables.services):
        whole = parts @ ties.category_weight / ties.category_weight.sum()
        np.testing.assert_allclose(whole, ties.overlap, rtol=1e-12, atol=1e-14)
    some = np.arange(len(ties.a))[::-2]
    np.testing.assert_array_equal(overlap_by_category(ties, some), parts[some])


@settings(max_examples=20, deadline=None)
@given(countries(), st.integers(0, 99))
def test_there_and_back_are_one_tie(tables, seed):
    tables = with_everything(tables, seed)
    rng, n = np.random.default_rng(seed), len(tables.villages)
    ways = np.where(rng.random((n, n)) < 0.2, INF, rng.uniform(0, 20, (n, n)))
    there = rng.uniform(0, 20, (n, len(tables.services)))
    turned = tables.survey.rename(columns={"village_a": "village_b", "village_b": "village_a"})
    one = tie_villages(tables, travel_of(tables, ways, there), study())
    other = tie_villages(dataclasses.replace(tables, survey=turned), travel_of(tables, ways.T, there), study())
    pd.testing.assert_frame_equal(one.table(), other.table())
    np.testing.assert_array_equal(one.minutes_ab, other.minutes_ba)
    np.testing.assert_array_equal(one.minutes_ba, other.minutes_ab)


@settings(max_examples=20, deadline=None)
@given(countries(), st.integers(0, 99), st.randoms(use_true_random=False))
def test_new_ids_and_another_order_change_nothing(tables, seed, random):
    tables = with_everything(tables, seed)
    order = random.sample(range(len(tables.villages)), len(tables.villages))
    new_id = {tables.villages["village_id"].iloc[old]: f"w{new:02d}" for new, old in enumerate(order)}
    villages = tables.villages.iloc[order].reset_index(drop=True)
    villages["village_id"] = villages["village_id"].map(new_id).astype("string")
    services = tables.services.sample(frac=1, random_state=random.randrange(100)).reset_index(drop=True)
    services["village_id"] = services["village_id"].map(new_id).astype("string")
    members = tables.associations.sample(frac=1, random_state=seed).assign(
        village_id=lambda t: t["village_id"].map(new_id)
    )
    asked = tables.survey.sample(frac=1, random_state=seed)
    asked = asked.assign(**{end: asked[end].map(new_id) for end in ("village_a", "village_b")})
    renamed = ties_of(
        dataclasses.replace(tables, villages=villages, services=services, associations=members, survey=asked)
    ).table()
    known = ties_of(tables).table()
    ends = [known[end].map(new_id) for end in ("village_a", "village_b")]
    known["village_a"], known["village_b"] = np.minimum(*ends), np.maximum(*ends)
    known, renamed = (table.sort_values(["village_a", "village_b"], ignore_index=True) for table in (known, renamed))
    pd.testing.assert_frame_equal(renamed, known, check_dtype=False, rtol=1e-9, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    countries(),
    st.tuples(*[st.floats(0.01, 1)] * 5),
    st.floats(0.1, 1.0),
    st.randoms(use_true_random=False),
)
def test_a_shorter_way_never_lowers_a_tie_and_leaves_the_others_alone(tables, weights, factor, random):
    wanted = study(ties={"weights": dict(zip((*LAYERS, "survey"), weights, strict=True))})
    tables = with_everything(tables, random.randrange(100))
    travel = measure_travel(tables, wanted.travel)
    before = tie_villages(tables, travel, wanted)
    if not len(before.a):
        return
    pair = random.randrange(len(before.a))
    ends = {(before.a[pair], before.b[pair]), (before.b[pair], before.a[pair])}
    trips = travel.between
    on_it = np.array([way in ends for way in zip(trips.origins(), trips.destination, strict=True)])
    nearer = dataclasses.replace(trips, minutes=np.where(on_it, trips.minutes * factor, trips.minutes))
    after = tie_villages(tables, dataclasses.replace(travel, between=nearer), wanted)
    assert after.weight[pair] >= before.weight[pair] - 1e-12
    np.testing.assert_array_equal(np.delete(after.weight, pair), np.delete(before.weight, pair))
