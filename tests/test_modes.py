"""Where children bike and adults drive, a tie is the weighted mean of what each mode says, and nothing else changes."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from worlds import random_country, roads_of, services_at, study, tables_of, travel_of, villages_at

from geoklynge.checker import check
from geoklynge.ensemble import shaken_ties
from geoklynge.errors import InputError
from geoklynge.ties import overlap_by_category, tie_villages
from geoklynge.travel import Basis, measure_other_modes, measure_travel

INF = np.inf
MIXTURE = {"car": 0.7, "bike": 0.3}
HALF = {"car": 6.0, "bike": 12.0}
OF_CATEGORY = {  # weight, half-minutes by car
    "school": (3.0, 5.0),
    "grocery": (3.0, 4.0),
    "doctor": (2.0, 8.0),
}
WAY = st.one_of(st.floats(0, 20), st.just(INF))


def mixed(**shares):
    return study(ties={"modes": shares or MIXTURE})


# A dense reference, made of nothing but tables


def dense_capacity(services):
    """A facility that says none has the median of its category, or 1."""
    capacity = services["capacity"].to_numpy(dtype=float).copy()
    for category in OF_CATEGORY:
        of_it = (services["category"] == category).to_numpy(dtype=bool)
        known = capacity[of_it & ~np.isnan(capacity)]
        capacity[of_it & np.isnan(capacity)] = np.median(known) if len(known) else 1.0
    return capacity


def dense_overlap(services, minutes, stretch):
    """Huff shares of each category by the plain formula, and the weighted sum of the smaller ones of two villages."""
    capacity, total = dense_capacity(services), 0.0
    overlap = np.zeros((len(minutes), len(minutes)))
    for category, (weight, half) in OF_CATEGORY.items():
        of_it = (services["category"] == category).to_numpy(dtype=bool)
        if of_it.any():
            pull = capacity[of_it] * np.exp(-np.log(2) / (half * stretch) * minutes[:, of_it])
            sums = pull.sum(axis=1, keepdims=True)
            share = np.divide(pull, sums, out=np.zeros_like(pull), where=sums > 0)
            overlap += weight * np.minimum(share[:, None], share[None]).sum(axis=2)
            total += weight
    return overlap / total


@st.composite
def worlds(draw):
    """Tables, and for car and bike the minutes between villages and to services."""
    n, m = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    home = st.one_of(st.none(), st.integers(0, n - 1).map(lambda k: f"v{k:02d}"))
    rows = [(draw(st.sampled_from(list(OF_CATEGORY))), 0.0, 0.0, draw(home)) for _ in range(m)]
    sizes = draw(st.lists(st.sampled_from([np.nan, 0.5, 3.0, 400.0]), min_size=m, max_size=m))
    tables = tables_of(villages_at([(0, 0)] * n), services_at(rows).assign(capacity=sizes))
    ways = {}
    for mode in MIXTURE:
        between = draw(arrays(float, (n, n), elements=WAY))
        np.fill_diagonal(between, INF)
        ways[mode] = between, draw(arrays(float, (n, m), elements=WAY))
    return tables, ways


def ties_of(world, of_study=None):
    tables, ways = world
    travel = {mode: travel_of(tables, *minutes) for mode, minutes in ways.items()}
    return tie_villages(tables, travel["car"], of_study or mixed(), also={"bike": travel["bike"]})


@settings(max_examples=80, deadline=None)
@given(worlds())
def test_a_mixed_tie_is_what_a_dense_reference_says(world):
    tables, ways = world
    ties, slower = ties_of(world), {mode: np.maximum(way, way.T) for mode, (way, _) in ways.items()}
    proximity, overlap = np.zeros(slower["car"].shape), np.zeros(slower["car"].shape)
    for mode, share in MIXTURE.items():
        near = np.isfinite(slower[mode])
        proximity += share * near * 2 ** -((np.where(near, slower[mode], 0) / HALF[mode]) ** 2)
        overlap += share * near * dense_overlap(tables.services, ways[mode][1], HALF[mode] / HALF["car"])
    a, b = np.nonzero(np.triu(np.isfinite(slower["car"]), 1))  # the study's own mode says who is tied
    assert (ties.a.tolist(), ties.b.tolist()) == (a.tolist(), b.tolist())
    np.testing.assert_array_equal(ties.minutes, slower["car"][a, b])
    np.testing.assert_allclose(ties.proximity, proximity[a, b], rtol=1e-12)
    np.testing.assert_allclose(ties.overlap, overlap[a, b], rtol=1e-9, atol=1e-12)
    gap = (ties.has[a] != ties.has[b]) @ ties.category_weight / ties.category_weight.sum()
    np.testing.assert_allclose(ties.complementarity, proximity[a, b] * gap, rtol=1e-9, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_the_parts_of_a_mixed_overlap_are_the_overlap(world):
    ties = ties_of(world)
    parts = overlap_by_category(ties, np.arange(len(ties.a)))
    assert ((parts >= 0) & (parts <= 1 + 1e-12)).all()
    whole = parts @ ties.category_weight / ties.category_weight.sum()
    np.testing.assert_allclose(whole, ties.overlap, rtol=1e-12, atol=1e-14)


@settings(max_examples=40, deadline=None)
@given(worlds(), st.sampled_from(["car", "bike"]), st.floats(0, 1), st.randoms(use_true_random=False))
def test_a_shorter_way_by_any_mode_never_lowers_a_tie(world, mode, factor, random):
    tables, ways = world
    before = ties_of(world)
    if not len(before.a):
        return
    k = random.randrange(len(before.a))
    between, to_services = ways[mode]
    nearer = between.copy()
    for i, j in ((before.a[k], before.b[k]), (before.b[k], before.a[k])):
        nearer[i, j] = factor * min(nearer[i, j], 20.0)  # also one that was beyond the horizon
    after = ties_of((tables, {**ways, mode: (nearer, to_services)}))
    assert after.weight[k] >= before.weight[k] - 1e-12
    np.testing.assert_array_equal(np.delete(after.weight, k), np.delete(before.weight, k))


@settings(max_examples=30, deadline=None)
@given(worlds())
def test_one_mode_alone_is_the_tie_of_a_study_of_that_mode(world):
    tables, ways = world
    travel = {mode: travel_of(tables, *minutes) for mode, minutes in ways.items()}
    of_bikes = tie_villages(tables, travel["bike"], study(travel={"mode": "bike"}))
    alone = {
        "car": tie_villages(tables, travel["car"], mixed(car=5)),
        "bike": tie_villages(tables, travel["bike"], study(travel={"mode": "bike"}, ties={"modes": {"bike": 1}})),
    }
    pd.testing.assert_frame_equal(alone["car"].table(), tie_villages(tables, travel["car"], study()).table())
    pd.testing.assert_frame_equal(alone["bike"].table(), of_bikes.table())
    # cars say who is tied, bikes how much
    bikes_only = tie_villages(tables, travel["car"], mixed(bike=1), also={"bike": travel["bike"]}).table()
    both = bikes_only.merge(of_bikes.table(), on=["village_a", "village_b"], suffixes=("", "_bike"))
    for layer in ("proximity", "overlap", "complementarity"):
        np.testing.assert_allclose(both[layer], both[f"{layer}_bike"], rtol=1e-12)


# Worked numbers


def test_children_bike_and_adults_drive():
    tables = tables_of(villages_at([(0, 0), (0, 0)]), services_at([("school", 0, 0, "v00")]))
    car = travel_of(tables, [[0, 6], [3, 0]], [[0], [6]])
    bike = travel_of(tables, [[0, 12], [12, 0]], [[0], [12]])
    ties = tie_villages(tables, car, mixed(), also={"bike": bike})
    np.testing.assert_allclose(ties.proximity, [0.5])
    np.testing.assert_allclose(ties.overlap, [1.0])
    np.testing.assert_allclose(ties.complementarity, [0.5])
    farther = travel_of(tables, [[0, INF], [INF, 0]], [[0], [12]])
    ties = tie_villages(tables, car, mixed(), also={"bike": farther})
    np.testing.assert_allclose(ties.proximity, [0.7 * 0.5])  # beyond the horizon by bike
    np.testing.assert_allclose(ties.overlap, [0.7])
    np.testing.assert_allclose(overlap_by_category(ties, np.array([0])), [[0.7]])
    assert [(one.mode, one.share) for one in ties.by_mode] == [
        ("car", pytest.approx(0.7)),
        ("bike", pytest.approx(0.3)),
    ]
    assert [np.isnan(one.minutes).tolist() for one in ties.by_mode] == [[False], [True]]
    assert (ties.minutes.tolist(), ties.minutes_ab.tolist(), ties.minutes_ba.tolist()) == ([6], [6], [3])


def test_a_mode_that_was_not_measured_is_an_error():
    tables = tables_of(villages_at([(0, 0), (0, 0)]))
    with pytest.raises(InputError, match=r"^ties.modes: travel by mode 'bike' was not measured: measure it with meas"):
        tie_villages(tables, travel_of(tables, [[0, 6], [6, 0]]), mixed())


def test_only_the_modes_asked_for_are_measured_each_at_its_own_speed():
    tables = random_country(2, villages=12)
    assert measure_other_modes(tables, study()) == measure_other_modes(tables, mixed(car=3)) == {}
    wanted = study(ties={"modes": {"bike": 1, "walk": 1}})
    found = measure_other_modes(tables, wanted)
    assert list(found) == ["bike", "walk"]
    for mode, travel in found.items():
        assert travel.basis is Basis.STRAIGHT_LINES
        alone = measure_travel(tables, study(travel={"mode": mode}).travel)
        np.testing.assert_array_equal(travel.between.minutes, alone.between.minutes)
        assert travel.between.minutes.max() <= wanted.travel.max_minutes


def test_a_mode_travels_on_its_own_roads():
    villages = villages_at([(0, 0), (3000, 0), (0, 3000)])
    for_cars = roads_of([[(0, 0), (3000, 0)], [(0, 0), (0, 3000)]])
    for_bikes = roads_of([[(0, 0), (3000, 0), (0, 3000)]], road_class="cycleway")
    tables = dataclasses.replace(tables_of(villages, roads=for_cars), other_roads={"bike": for_bikes})
    reached = measure_other_modes(tables, mixed())["bike"].between
    ways = dict(
        zip(zip(reached.origins().tolist(), reached.destination.tolist(), strict=True), reached.minutes, strict=True)
    )
    assert ways[0, 1] == pytest.approx(12, abs=0.01)  # 3 km at 15 km/h
    assert ways[1, 2] == pytest.approx(12 * np.sqrt(2), abs=0.01)
    assert (0, 2) not in ways  # no more than 20 minutes, and that way takes 29


# The ensemble and the checker


def made(of_study, seed=3):
    """A country, and its ties by a study."""
    tables = random_country(seed, villages=25)
    travel = measure_travel(tables, of_study.travel)
    return tables, tie_villages(tables, travel, of_study, also=measure_other_modes(tables, of_study))


def test_noise_of_nothing_leaves_mixed_weights_as_they_are():
    still = mixed().model_copy(update={"ensemble": study(ensemble={"weight_noise": 0, "minutes_noise": 0}).ensemble})
    _, ties = made(still)
    np.testing.assert_allclose(shaken_ties(ties, still, np.random.default_rng(0)).weight, ties.weight, rtol=1e-12)


def test_noise_on_minutes_moves_mixed_proximity_as_much_as_that_of_the_study_s_own_mode():
    parts = {"weights": {"overlap": 0, "complementarity": 0, "identity": 0}, "modes": MIXTURE}
    noisy = study(ties=parts, ensemble={"weight_noise": 0, "minutes_noise": 0.1})
    _, ties = made(noisy)
    rng = np.random.default_rng(7)
    rng.uniform(1, 1, 4)  # one number a layer comes first
    shaken = ties.minutes * rng.uniform(0.9, 1.1, len(ties.a))
    ratio = 2 ** -((shaken / 6) ** 2) / 2 ** -((ties.minutes / 6) ** 2)
    found = shaken_ties(ties, noisy, np.random.default_rng(7)).weight
    np.testing.assert_allclose(found, np.minimum(ties.proximity * ratio, 1), rtol=1e-9)
    assert ratio.max() > 1.05
    assert ratio.min() < 0.9


def test_the_checker_lets_other_modes_hold_up_a_tie_and_no_more():
    tables = tables_of(villages_at([(0, 0), (4000, 0), (4000, 3000)]))
    wanted = study(ties={"modes": MIXTURE})
    travel = measure_travel(tables, wanted.travel)
    ties = tie_villages(tables, travel, wanted, also=measure_other_modes(tables, wanted))
    clusters = pd.DataFrame(
        {
            "cluster_id": ["c"], "village_ids": ["v00; v01; v02"], "n_villages": [3], "population": [600],
            "max_minutes": [ties.minutes.max().round(2)],
        }
    )  # fmt: skip
    assert check(clusters, ties.table(), tables, wanted).passed
    proximity = 2 ** -((ties.minutes / 6) ** 2)
    most = 0.35 * (0.7 * proximity + 0.3) + 0.65
    for weight, passes in ((most, True), (most + 0.002, False)):
        assert check(clusters, ties.table().assign(weight=weight), tables, wanted).passed is passes
    asked = dataclasses.replace(tables, survey=pd.DataFrame({"village_a": [], "village_b": [], "share": []}))
    most = 0.35 / 1.15 * (0.7 * proximity + 0.3) + 0.8 / 1.15
    for weight, passes in ((most, True), (most + 0.002, False)):
        assert check(clusters, ties.table().assign(weight=weight), asked, wanted).passed is passes
