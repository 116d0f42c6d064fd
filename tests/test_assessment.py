"""Each measure is what its sentence says, on a world small enough to work by hand and on any other."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_village_sets import tie_of
from worlds import pool_of, random_country, row_of, services_at, study, tables_of, travel_of, villages_at

from geoklynge.assessment import MEASURES, assess, facility_counts, reassess, score_of, score_proportions
from geoklynge.candidates import Pool
from geoklynge.study import ScoreWeights
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel
from geoklynge.village_sets import sets_of
from geoklynge.wishes import Wishes

INF = np.inf


def pool_by_hand(members, n, partitions=None, eligible=None):
    """A pool of these sets."""
    return Pool(
        sets_of([np.array(rows) for rows in members], n),
        (("leiden",),) * len(members),
        np.zeros((1, n), dtype=np.int32) if partitions is None else np.array(partitions, dtype=np.int32),
        np.ones(n, dtype=bool) if eligible is None else np.array(eligible),
        Wishes(),
    )


def assessed(places, members, services=(), *, people=None, of_study=None, columns=None, **pool):
    """Assess sets of villages in a row at these minutes; a service is (category, village)."""
    n = len(places)
    tables = tables_of(
        villages_at([(0, 0)] * n, people=people, **(columns or {})),
        services_at([(key, 0, 0, at) for key, at in services]),
    )
    there = row_of(*places)[:, [int(at[1:]) for _, at in services]].reshape(n, len(services))
    travel = travel_of(tables, row_of(*places), there)
    wanted = of_study or study()
    return assess(pool_by_hand(members, n, **pool), tables, tie_villages(tables, travel, wanted), wanted)


# Worked by hand


def test_cohesion_is_the_share_of_tie_weight_that_stays_inside():
    found = assessed([0, 6, 12], [[0, 1], [1, 2], [0, 1, 2], [0, 2]])
    near, far = 0.5, 1 / 16  # proximity alone
    np.testing.assert_allclose(
        found["cohesion"],
        [2 * near / (3 * near + far), 2 * near / (3 * near + far), 1, 2 * far / (2 * near + 2 * far)],
    )


def test_overlap_is_the_mean_over_pairs():
    found = assessed([0, 0, 5], [[0, 1, 2]], [("school", "v00"), ("school", "v02")])
    share = 1 / 3  # of the trips to the far school; the half-minutes of school are 5
    assert found["overlap"].iloc[0] == pytest.approx((1 + 2 * 2 * share) / 3)


def test_identity_is_whole_parishes_in_one_municipality():
    columns = {
        "parish_id": ["p", "p", "p", "q", None],
        "municipality_id": ["m", "m", "m", "n", "n"],
    }
    sets = [[0, 1, 2], [0, 1], [0, 1, 2, 3], [2, 3], [3, 4], [4, 0]]
    found = assessed([0, 1, 2, 3, 4], sets, people=[100, 200, 500, 400, 300], columns=columns)
    whole = [1, 300 / 800, 1, 900 / 1200, 1, 100 / 800]  # of the people in the parishes it touches
    united = [1, 1, 800 / 1200, 500 / 900, 1, 300 / 400]  # of its own people, in one municipality
    np.testing.assert_allclose(found["identity"], (np.array(whole) + united) / 2)


def test_identity_rests_on_what_the_data_knows():
    villages = {"parish_id": ["p", "p", "q"], "school_district": ["s", "t", "t"], "historic_district": ["h", "h", "i"]}
    found = assessed([0, 1, 2], [[0, 1]], columns={**villages, "municipality_id": [None] * 3})
    assert found["identity"].iloc[0] == pytest.approx(((1 + 2 / 3) / 2 + 1) / 2)
    only_parishes = assessed(
        [0, 1, 2], [[0, 1], [1, 2]], columns={"parish_id": ["p", "p", "q"], "municipality_id": [None] * 3}
    )
    np.testing.assert_allclose(only_parishes["identity"], [1, 2 / 3])


def test_a_village_that_may_be_no_member_makes_no_parish_incomplete():
    columns = {"parish_id": ["p", "p", "p"]}
    found = assessed([0, 1, 2], [[0, 1]], columns=columns, eligible=[True, True, False])
    assert found["identity"].iloc[0] == 1


def test_stretch_is_1_at_the_middle_of_real_clusters_and_falls_to_both_sides():
    at_km = [0, 4, 11, 18, 40]
    tables = tables_of(villages_at([(1000 * km, 0) for km in at_km]))
    ties = tie_villages(tables, travel_of(tables, row_of(*at_km), np.ones((5, 0))), study())
    pool = pool_by_hand([[0, 1], [0, 2], [0, 3], [0, 1, 2], [1, 4], [1, 2]], 5)
    found = assess(pool, tables, ties, study())["stretch"]
    two_sigma = np.exp(-2)
    np.testing.assert_allclose(found[:4], [two_sigma, 1, two_sigma, 1])
    assert found[4] < two_sigma < found[5] < 1


def test_complementarity_is_what_the_whole_has_beyond_the_mean_of_its_villages():
    services = [("school", "v00"), ("grocery", "v00"), ("grocery", "v01"), ("church", "v02")]
    found = assessed([0, 1, 2], [[0, 1, 2], [0, 1], [1, 2]], services)
    school, grocery, church = 3 / 7, 3 / 7, 1 / 7
    np.testing.assert_allclose(
        found["complementarity"],
        [
            1 - (school + 2 * grocery + church) / 3,
            school + grocery - (school + 2 * grocery) / 2,
            (grocery + church) / 2,
        ],
    )


def test_compactness_is_the_share_of_nearest_neighbours_that_belong():
    # between 0 and 2 lies 1: of the nearest to 0 only 1 would belong; around 7 and 8 nothing is left out
    found = assessed([0, 1, 2.5, 7, 8], [[0, 1, 2], [3, 4], [0, 2], [1, 2]])
    np.testing.assert_allclose(found["compactness"], [1, 1, 0, 0.5])


def test_towns_are_no_neighbours_that_could_be_left_out():
    found = assessed([0, 1, 2.5], [[0, 2]], eligible=[True, False, True])
    assert found["compactness"].iloc[0] == 1


def test_viability_is_the_people_behind_each_facility():
    services = [("school", "v00"), ("school", "v01"), ("grocery", "v00"), ("church", "v02")]
    wanted = study(
        services={
            "categories": {
                key: {"da": key, "en": key, "weight": weight, "people_needed": needed}
                for key, weight, needed in (("school", 3, 1000), ("grocery", 2, 500), ("church", 1, 100))
            }
        }
    )
    found = assessed([0, 1, 2], [[0, 1, 2], [0, 1]], services, people=[400, 200, 300], of_study=wanted)
    np.testing.assert_allclose(
        found["viability"],
        [(3 * 900 / 2000 + 2 * 1 + 1 * 1) / 6, (3 * 600 / 2000 + 2 * 1 + 1 * 1) / 6],  # without a church as with one
    )


@pytest.mark.parametrize(
    ("people", "balance"),
    [([100, 100, 100], 1.0), ([200, 100, 100], 0.75), ([200, 50, 50], 0.5), ([900, 0, 0], 0.0), ([0, 0, 0], 1.0)],
)
def test_balance_falls_as_one_place_holds_more_than_a_third(people, balance):
    assert assessed([0, 1, 2], [[0, 1, 2]], people=people)["balance"].iloc[0] == pytest.approx(balance)


def test_stability_is_the_share_of_runs_that_keep_a_pair_together():
    runs = [[0, 0, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0], [0, 1, 2, 3]]
    found = assessed([0, 1, 2, 3], [[0, 1, 2], [0, 1], [2, 3]], partitions=runs)
    np.testing.assert_allclose(found["stability"], [(3 + 1 + 1 + 0) / 12, 2 / 4, 2 / 4])


def test_the_plain_numbers_beside_the_measures():
    found = assessed([0, 1, 3], [[0, 1, 2], [0, 2]], people=[2500, 2000, 100]).iloc[0]
    assert (found["n_villages"], found["people"], found["served"]) == (3, 4600, 4100)
    assert (found["max_minutes"], found["mean_minutes"]) == (3, 2)


def test_the_score_weighs_the_measures():
    measures = pd.DataFrame([dict.fromkeys(MEASURES, 0.0), dict.fromkeys(MEASURES, 1.0)])
    measures.loc[0, "balance"] = 0.5
    weights = ScoreWeights(**{**dict.fromkeys(MEASURES, 0), "balance": 3, "overlap": 1})
    np.testing.assert_allclose(score_of(measures, weights), [37.5, 100])
    np.testing.assert_allclose(score_of(measures[list(MEASURES)[::-1]], weights), [37.5, 100])


def test_without_services_nothing_is_shared_gained_or_carried():
    found = assessed([0, 1, 2], [[0, 1, 2]]).iloc[0]
    assert (found["overlap"], found["complementarity"], found["viability"]) == (0, 0, 0)


def test_facilities_are_counted_where_they_stand():
    tables = tables_of(
        villages_at([(0, 0)] * 2),
        services_at(
            [("school", 0, 0, "v01"), ("church", 0, 0, None), ("school", 0, 0, "v01"), ("church", 0, 0, "v00")]
        ),
    )
    ties = tie_villages(tables, travel_of(tables, row_of(0, 1), np.ones((2, 4))), study())
    assert ties.shares.categories == ("school", "church")
    assert facility_counts(ties).tolist() == [[0, 1], [2, 0]]


# Against the same sentences, one set and one village after the other


def nearest_to(row, ties, eligible):
    """Eligible villages tied to one, the nearest first; between equals the lower row."""
    near = [(ties.minutes[k], other) for k, (a, b) in enumerate(zip(ties.a, ties.b, strict=True))
            for one, other in ((a, b), (b, a)) if one == row and eligible[other]]  # fmt: skip
    return [int(other) for _, other in sorted(near)]


def measures_by_hand(rows, pool, tables, ties, wanted):
    tie, rows = tie_of(ties), list(map(int, rows))
    pairs = list(itertools.combinations(rows, 2))

    def mean(layer):
        return np.mean([layer[tie[frozenset(pair)]] if frozenset(pair) in tie else 0.0 for pair in pairs])

    inside = [ties.weight[k] for pair, k in tie.items() if pair <= set(rows)]
    touching = [ties.weight[k] * len(pair & set(rows)) for pair, k in tie.items()]
    categories = {key: one for key, one in wanted.services.all_categories().items() if key in ties.shares.categories}
    total = sum(one.weight for one in categories.values())
    stands = {row: tables.services["category"][(tables.services["village_id"] == f"v{row:02d}").fillna(False)].tolist()
              for row in rows}  # fmt: skip
    people = tables.villages["people"].iloc[rows]
    weigh = lambda keys: sum(categories[key].weight for key in keys) / total if total else 0.0  # noqa: E731
    found = [key for row in rows for key in stands[row]]
    carried = [
        one.weight * min(1, people.sum() / (max(found.count(key), 1) * one.people_needed))
        for key, one in categories.items()
    ]
    parish = tables.villages["parish_id"].fillna("")
    touched = set(parish.iloc[rows]) - {""}
    in_them = tables.villages["people"][parish.isin(touched) & pool.eligible]
    whole = (
        [tables.villages["people"].iloc[rows][parish.iloc[rows] != ""].sum() / in_them.sum()] if in_them.sum() else []
    )
    united = people.groupby(tables.villages["municipality_id"].iloc[rows]).sum().max() / people.sum()
    xy = np.column_stack([tables.villages.geometry.x, tables.villages.geometry.y])
    km = max(np.hypot(*(xy[a] - xy[b])) for a, b in pairs) / 1000
    end = 4 if km < 11 else 18
    others = len(rows) - 1
    belonging = sum(len(set(nearest_to(row, ties, pool.eligible)[:others]) & set(rows)) for row in rows)
    together = [(run[a] == run[b]) for run in pool.partitions for a, b in pairs]
    return {
        "cohesion": 2 * sum(inside) / sum(touching) if sum(touching) else 0.0,
        "overlap": mean(ties.overlap),
        "complementarity": weigh(set(found)) - np.mean([weigh(set(stands[row])) for row in rows]),
        "identity": np.mean([*whole, united]),
        "compactness": belonging / (len(rows) * others),
        "stretch": np.exp(-2 * (np.log(max(km, 1e-3) / 11) / np.log(end / 11)) ** 2),
        "viability": sum(carried) / total if total else 0.0,
        "balance": min(1.0, (1 - people.max() / people.sum()) / (2 / 3)) if people.sum() else 1.0,
        "stability": np.mean(together),
    }


@st.composite
def assessed_worlds(draw):
    """A country, sets of its eligible villages (not all near), and partitions drawn at random."""
    n = draw(st.integers(3, 16))
    tables = random_country(
        draw(st.integers(0, 10**6)), villages=n, side_m=draw(st.sampled_from([6_000, 15_000])),
        services=draw(st.integers(0, 14)), islands=draw(st.booleans()) and n > 8,
    )  # fmt: skip
    some = st.lists(st.integers(1, n - 1), min_size=2, max_size=n - 1, unique=True)
    members = draw(st.lists(some, min_size=1, max_size=5))
    runs = np.random.default_rng(draw(st.integers(0, 999))).integers(0, 4, (draw(st.integers(1, 5)), n))
    runs[:, 0] = -1
    return tables, pool_by_hand(members, n, runs, np.arange(n) > 0)


@settings(max_examples=50, deadline=None)
@given(assessed_worlds())
def test_measures_are_those_of_their_sentences(world):
    tables, pool = world
    wanted = study()
    ties = tie_villages(tables, measure_travel(tables, wanted.travel), wanted)
    found = assess(pool, tables, ties, wanted)
    assert found[list(MEASURES)].ge(0).all(axis=None)
    assert found[list(MEASURES)].le(1).all(axis=None)
    for number in range(len(pool.sets)):
        expected = measures_by_hand(pool.sets.rows(number), pool, tables, ties, wanted)
        assert found.iloc[number][list(MEASURES)].to_dict() == pytest.approx(expected, abs=1e-9)
        blind = {"overlap", "complementarity", "identity"} - {*ties.layers_used}
        blind |= {"viability"} if "overlap" in blind else set()
        given_weights = {name: weight for name, weight in wanted.score.model_dump().items() if name not in blind}
        score = sum(weight * expected[name] for name, weight in given_weights.items()) / sum(given_weights.values())
        assert found["score"].iloc[number] == pytest.approx(100 * score)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_whatever_is_proposed_can_be_assessed(seed, islands):
    tables, wanted = random_country(seed, villages=20, islands=islands), study(ensemble={"members": 5})
    _, ties, pool = pool_of(tables, wanted)
    found = assess(pool, tables, ties, wanted)
    assert np.isfinite(found.to_numpy(dtype=float)).all()
    assert found[list(MEASURES)].ge(0).all(axis=None)
    assert found[list(MEASURES)].le(1).all(axis=None)
    assert found["score"].between(0, 100).all()
    assert (found["max_minutes"] <= wanted.limits.max_minutes).all()


def test_a_measure_without_data_counts_for_nothing_and_not_as_zero():
    everything = score_proportions(ScoreWeights())
    assert sum(everything.values()) == pytest.approx(1)
    assert everything["cohesion"] == pytest.approx(3 / 17)
    near = ("cohesion", "compactness", "stretch", "stability")
    life = ("overlap", "complementarity", "viability", "balance")
    thirds = [sum(everything[name] for name in names) for names in (near, life, ("identity",))]
    np.testing.assert_allclose(thirds, [6 / 17, 5 / 17, 6 / 17])
    blind = score_proportions(ScoreWeights(), ("proximity", "overlap", "complementarity"))
    assert blind["identity"] == 0
    assert blind["cohesion"] == pytest.approx(3 / 11)
    bare = score_proportions(ScoreWeights(), ("proximity",))
    assert {name for name, share in bare.items() if share} == {
        "cohesion", "compactness", "stretch", "balance", "stability",
    }  # fmt: skip
    only_identity = ScoreWeights(**{**dict.fromkeys(everything, 0.0), "identity": 1.0})
    assert score_proportions(only_identity, ("proximity",))["identity"] == 1.0


def test_a_run_without_identity_reaches_the_full_score_of_its_other_measures():
    tables = tables_of(villages_at([(0, 0), (500, 0), (0, 500)]), services_at([("school", 0, 0, "v00")]))
    ties = tie_villages(tables, measure_travel(tables, study().travel), study())
    assert "identity" not in ties.layers_used
    pool = pool_by_hand([[0, 1, 2]], 3)
    table = assess(pool, tables, ties, study())
    others = table[[name for name in MEASURES if name != "identity"]].iloc[0]
    weights = study().score.model_dump()
    expected = sum(weights[name] * value for name, value in others.items()) / sum(
        weights[name] for name in others.index
    )
    assert table["score"].iloc[0] == pytest.approx(100 * expected)


@settings(max_examples=20, deadline=None)
@given(assessed_worlds())
def test_to_reassess_by_other_services_is_to_assess_anew(world):
    tables, pool = world
    wanted = study()
    travel = measure_travel(tables, wanted.travel)
    before = assess(pool, tables, tie_villages(tables, travel, wanted), wanted)
    only_schools = study(services={"weights": {"grocery": 0, "church": 0, "doctor": 0}})
    ties = tie_villages(tables, travel, only_schools)
    pd.testing.assert_frame_equal(
        reassess(before, pool, tables, ties, only_schools), assess(pool, tables, ties, only_schools)
    )
