"""What each method to compare with promises on small worlds, and that all get the same task."""

import dataclasses
import importlib.util

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import pool_of, random_country, study

from geoklynge.comparison import rivals
from geoklynge.comparison.catalogue import OURS, RIVALS, rivals_named
from geoklynge.comparison.rivals import Task, minutes_of_all_pairs, task_of
from geoklynge.ensemble import _shaken_weights, shaken_ties
from geoklynge.errors import InputError
from geoklynge.incomplete import versions_of
from geoklynge.limits import Limits

NO_SPOPT = importlib.util.find_spec("spopt") is None
needs_spopt = pytest.mark.skipif(NO_SPOPT, reason="spopt is not installed: pip install 'geoklynge[bench]'")
EACH = [
    pytest.param(rival, id=rival.name, marks=[needs_spopt] if "spopt.region" in rival.needs else []) for rival in RIVALS
]
LIMITS = Limits(min_villages=2, min_people=100)


def toy(points, *, pairs=None, minutes=None, people=None, parish=None, weight=None, seed=1, limits=LIMITS) -> Task:
    """A task of villages at points in km, one minute a km; those within 20 minutes tied unless `pairs` are given."""
    xy = np.array(points, dtype=float).reshape(-1, 2)
    n = len(xy)
    if pairs is None:
        pairs = [(a, b) for a in range(n) for b in range(a + 1, n) if np.hypot(*(xy[a] - xy[b])) <= 20]
    a, b = np.array(pairs, dtype=np.int32).reshape(-1, 2).T
    found = np.hypot(*(xy[a] - xy[b]).T) if minutes is None else np.array(minutes, dtype=float)
    return Task(
        row=np.arange(n, dtype=np.int32),
        xy_m=xy * 1000,
        people=np.full(n, 200.0) if people is None else np.array(people, dtype=float),
        parish=np.zeros(n, dtype=np.int64) if parish is None else np.array(parish),
        services=np.zeros(n),
        a=a,
        b=b,
        minutes=found,
        weight=np.exp2(-((found / 6) ** 2)) if weight is None else np.array(weight, dtype=float),
        limits=limits,
        horizon_minutes=20.0,
        resolutions=(0.05, 0.2),
        seed=seed,
    )


def groups(labels):
    """The sets that labels make, those of one village and -1 left out."""
    return {
        frozenset(np.flatnonzero(labels == label).tolist())
        for label in set(labels.tolist()) - {-1}
        if (labels == label).sum() > 1
    }


TWO_HEAPS = [(0, 0), (1, 0), (0, 1), (1, 1), (30, 0), (31, 0), (30, 1), (31, 1)]
HEAPS = {frozenset({0, 1, 2, 3}), frozenset({4, 5, 6, 7})}


@pytest.fixture(scope="module")
def country():
    tables = random_country(5, villages=40, side_m=18_000.0)
    wanted = study(ensemble={"members": 4}, limits={"min_people": 100, "min_villages": 2})
    _, ties, pool = pool_of(tables, wanted)
    return tables, ties, pool, wanted


@pytest.mark.parametrize("rival", EACH)
def test_every_method_labels_every_village_and_the_same_with_the_same_seed(rival, country):
    tables, ties, pool, wanted = country
    task = task_of(tables, ties, pool.eligible, wanted)
    tried = rival.settings(task)
    assert tried
    for setting in tried:
        labels = rival.label(task, **setting)
        assert labels.shape == (len(task),)
        assert labels.dtype == np.int64
        assert labels.min() >= -1
        np.testing.assert_array_equal(rival.label(task, **setting), labels)
    assert any(groups(rival.label(task, **setting)) for setting in tried)


@pytest.mark.parametrize("rival", EACH)
def test_no_method_changes_what_it_was_given(rival, country):
    tables, ties, pool, wanted = country
    task = task_of(tables, ties, pool.eligible, wanted)
    for field in dataclasses.fields(task):
        value = getattr(task, field.name)
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    rival.label(task, **rival.settings(task)[0])
    same = task_of(tables, ties, pool.eligible, wanted)
    np.testing.assert_array_equal(task.weight, same.weight)


def test_a_task_holds_the_villages_that_may_be_members_and_the_ties_between_them(country):
    tables, ties, pool, wanted = country
    assert not pool.eligible.all()
    task = task_of(tables, ties, pool.eligible, wanted)
    np.testing.assert_array_equal(task.row, np.flatnonzero(pool.eligible))
    inside = [(a, b) for a, b in zip(ties.a, ties.b, strict=True) if pool.eligible[a] and pool.eligible[b]]
    assert list(zip(task.row[task.a], task.row[task.b], strict=True)) == inside
    weight = dict(zip(zip(ties.a, ties.b, strict=True), ties.weight, strict=True))
    assert task.weight.tolist() == [weight[pair] for pair in inside]
    ids = tables.villages["parish_id"].to_numpy(dtype=object)
    for k, row in enumerate(task.row):
        assert (task.parish[k] == -1) == tables.villages["parish_id"].isna()[row]
        same = task.parish == task.parish[k]
        assert task.parish[k] == -1 or set(ids[task.row[same]]) == {ids[row]}
    assert task.people.tolist() == tables.villages["people"][pool.eligible].tolist()


def test_a_shake_is_a_run_of_the_ensemble(country):
    _, ties, _, wanted = country
    shaken = shaken_ties(ties, wanted, np.random.default_rng(3))
    np.testing.assert_allclose(
        shaken.weight,
        _shaken_weights(ties, versions_of(ties, 1, 1.0, 0), 0, wanted, np.random.default_rng(3)),
        atol=1e-6,
    )
    ratio = shaken.minutes / np.maximum(ties.minutes, 1e-9)
    assert ratio[ties.minutes > 0].min() >= 1 - wanted.ensemble.minutes_noise
    assert ratio.max() <= 1 + wanted.ensemble.minutes_noise
    assert np.ptp(ratio) > 0.1
    np.testing.assert_allclose(shaken.proximity, np.exp2(-((shaken.minutes / 6) ** 2)))


@st.composite
def tasks(draw):
    """Few villages, some pairs of which are tied, with minutes that often are equal."""
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    pairs = [(a, b) for a in range(n) for b in range(a + 1, n) if rng.random() < draw(st.sampled_from([0.4, 0.8, 1.0]))]
    return toy(
        rng.integers(0, 9, (n, 2)),
        pairs=pairs,
        minutes=rng.integers(0, 20, len(pairs)),
        weight=rng.integers(0, 4, len(pairs)) / 3,
        parish=rng.integers(-1, 6, n),
    )


@settings(max_examples=80, deadline=None)
@given(tasks(), st.sampled_from([1.0, 7.0, 15.0, 20.0]))
def test_complete_linkage_never_exceeds_its_cut_and_joins_all_it_may(task, cut):
    labels = rivals.complete_linkage(task, minutes=cut)
    minutes = minutes_of_all_pairs(task)
    for label in set(labels.tolist()):
        inside = np.flatnonzero(labels == label)
        assert len(inside) == 1 or minutes[np.ix_(inside, inside)].max() < cut
        for other in set(labels.tolist()) - {label}:
            assert minutes[np.ix_(inside, labels == other)].max() >= cut


def matched_by_hand(task):
    """Join parish after parish as one would with a list of all pairs."""
    weight = dict(zip(zip(task.a.tolist(), task.b.tolist(), strict=True), task.weight, strict=True))
    of_parish = {p: np.flatnonzero(task.parish == p).tolist() for p in set(task.parish.tolist()) - {-1}}
    ties = {
        (p, q): sum(weight.get((min(i, j), max(i, j)), 0.0) for i in of_parish[p] for j in of_parish[q])
        / (len(of_parish[p]) * len(of_parish[q]))
        for p in of_parish
        for q in of_parish
        if p < q
    }
    free, pairs = set(of_parish), []
    for p, q in sorted(ties, key=lambda pair: (-round(ties[pair], 9), pair)):
        if ties[p, q] > 0 and {p, q} <= free:
            free -= {p, q}
            pairs.append(of_parish[p] + of_parish[q])
    alone = [of_parish[p] for p in free]
    return {frozenset(rows) for rows in [*pairs, *alone] if len(rows) > 1}


@settings(max_examples=80, deadline=None)
@given(tasks())
def test_parish_pairs_hold_at_most_two_parishes_whole_and_the_strongest_pairs_go_first(task):
    labels = rivals.parish_pairs(task)
    for label in set(labels.tolist()) - {-1}:
        assert len(set(task.parish[labels == label].tolist())) <= 2
    np.testing.assert_array_equal(labels == -1, task.parish == -1)
    for parish in set(task.parish.tolist()):
        assert len(set(labels[task.parish == parish].tolist())) == 1
    assert groups(labels) == matched_by_hand(task)


def test_parishes_are_the_parishes():
    task = toy(TWO_HEAPS, parish=[0, 0, -1, 1, 1, 1, -1, 2])
    assert groups(rivals.parishes(task)) == {frozenset({0, 1}), frozenset({3, 4, 5})}
    assert (rivals.parishes(task) == -1).nonzero()[0].tolist() == [2, 6]


@pytest.mark.parametrize(
    ("method", "setting"),
    [
        (rivals.louvain, {"resolution": 1.0}),
        (rivals.leiden_alone, {"resolution": 0.2}),
        (rivals.hdbscan, {"villages": 3, "clusters": "eom"}),
        (rivals.hdbscan, {"villages": 3, "clusters": "leaf"}),
        (rivals.complete_linkage, {"minutes": 20.0}),
        (rivals.k_means, {"clusters": 2}),
        pytest.param(rivals.max_p, {"people": 700.0, "near_minutes": 20.0}, marks=needs_spopt),
        pytest.param(rivals.skater, {"clusters": 2, "near_minutes": 20.0}, marks=needs_spopt),
        pytest.param(rivals.ward, {"clusters": 2, "near_minutes": 20.0}, marks=needs_spopt),
    ],
)
def test_two_heaps_of_villages_are_told_apart(method, setting):
    assert groups(method(toy(TWO_HEAPS), **setting)) == HEAPS


def test_hdbscan_leaves_a_village_far_from_all_heaps_alone():
    nearer = [(x / 2, y) for x, y in TWO_HEAPS]
    labels = rivals.hdbscan(toy([*nearer, (100, 100)]), villages=3, clusters="eom")
    assert labels[-1] == -1
    assert groups(labels) == HEAPS


def test_hdbscan_keeps_to_the_most_villages():
    rng = np.random.default_rng(1)
    task = toy(rng.uniform(0, 12, (60, 2)), limits=Limits(max_villages=12))
    labels = rivals.hdbscan(task, villages=3, clusters="eom")
    assert np.bincount(labels[labels >= 0]).max() <= 12


@needs_spopt
@pytest.mark.parametrize("seed", range(4))
def test_a_region_of_max_p_has_people_enough_and_small_islands_are_left_out(seed):
    rng = np.random.default_rng(seed)
    points = [*rng.uniform(0, 12, (24, 2)), (100, 100), (101, 100), (200, 200)]
    task = toy(points, people=rng.integers(50, 400, 27), seed=seed)
    labels = rivals.max_p(task, people=900.0, near_minutes=7.0)
    assert labels[-3:].tolist() == [-1, -1, -1]
    for label in set(labels.tolist()) - {-1}:
        assert task.people[labels == label].sum() >= 900


@needs_spopt
def test_spopts_draws_leave_the_global_stream_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    rivals.max_p(toy(TWO_HEAPS), people=700.0, near_minutes=20.0)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


@needs_spopt
@pytest.mark.parametrize("method", [rivals.skater, rivals.ward])
def test_regions_do_not_reach_over_water_and_islands_of_one_are_left_out(method):
    task = toy([*TWO_HEAPS, (100, 100)])
    labels = method(task, clusters=4, near_minutes=20.0)
    assert labels[-1] == -1
    assert all(any(found <= heap for heap in HEAPS) for found in groups(labels))
    assert len(set(labels.tolist()) - {-1}) >= 2


@needs_spopt
def test_neighbours_are_near_enough():
    task = toy([(0, 0), (1, 0), (2, 0), (10, 0), (11, 0), (12, 0)])
    apart = {frozenset({0, 1, 2}), frozenset({3, 4, 5})}
    assert groups(rivals.skater(task, clusters=1, near_minutes=5.0)) == apart
    assert groups(rivals.skater(task, clusters=1, near_minutes=8.0)) == {frozenset(range(6))}
    assert groups(rivals.max_p(task, people=600.0, near_minutes=5.0)) == apart


def test_minutes_of_all_pairs_count_what_is_not_tied_as_twice_the_horizon():
    task = toy([(0, 0), (3, 4), (40, 0)])
    assert minutes_of_all_pairs(task).tolist() == [[0, 5, 40], [5, 0, 40], [40, 40, 0]]


def test_what_needs_a_table_of_all_pairs_refuses_too_many_villages():
    many = toy(np.zeros((20_001, 2)), pairs=[])
    for method, setting in (
        (rivals.hdbscan, {"villages": 3, "clusters": "eom"}),
        (rivals.complete_linkage, {"minutes": 20.0}),
    ):
        with pytest.raises(InputError, match="table of all pairs of 20001 villages; 20000"):
            method(many, **setting)


@needs_spopt
def test_so_do_spopts_methods_that_need_one():
    many = toy(np.zeros((20_001, 2)), pairs=[])
    with pytest.raises(InputError, match="table of all pairs"):
        rivals.max_p(many, people=1_000.0, near_minutes=7.0)
    with pytest.raises(InputError, match="table of all pairs"):
        rivals.skater(many, clusters=3, near_minutes=7.0)


def test_settings_follow_people_limits_and_ties():
    task = toy(TWO_HEAPS, people=[4_700.0] * 8, limits=Limits(max_minutes=10, min_people=1_500))
    of = {rival.name: rival.settings(task) for rival in RIVALS}
    assert [one["clusters"] for one in of["k-means"]] == [8]  # never more than villages
    assert [one["minutes"] for one in of["linkage"]] == [10.0, 7.5, 5.0]
    assert [(one["people"], one["near_minutes"]) for one in of["max-p"]][:3] == [(1700, 3.5), (1500, 3.5), (3000, 3.5)]
    assert {one["near_minutes"] for one in of["ward"]} == {3.5, 5.0, 10.0}
    assert [one["resolution"] for one in of["leiden"]] == [0.05, 0.2]
    strength = 2 * task.weight.sum() / 8
    assert [one["resolution"] for one in of["louvain"]] == pytest.approx([1, 0.4 / strength, 1.6 / strength])
    fewer = dataclasses.replace(task, people=np.full(8, 1_175.0))  # two typical clusters
    assert [one["clusters"] for one in rivals_named(["k-means"])[0].settings(fewer)] == [2, 3, 4, 5, 6, 8]


def test_methods_are_found_by_name_in_the_order_of_the_catalogue():
    assert [rival.name for rival in rivals_named(["k-means", "louvain", OURS])] == ["louvain", "k-means"]
    with pytest.raises(InputError, match="no method 'louvian': choose among geoklynge, louvain, leiden") as caught:
        rivals_named(["k-means", "louvian"])
    assert caught.value.exit_code == 2
