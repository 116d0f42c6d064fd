"""Ties with some services missing are the ties one would measure without them."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import pool_of, random_country, row_of, services_at, study, tables_of, travel_of, villages_at

from geoklynge.ensemble import is_settled, partition_often
from geoklynge.huff import overlaps_without_some
from geoklynge.incomplete import STREAM, versions_of
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel
from geoklynge.wishes import Wishes


def tied(seed, *, services=40):
    tables, wanted = random_country(seed, services=services), study()
    return tables, wanted, tie_villages(tables, measure_travel(tables, wanted.travel), wanted)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.3, 0.8]))
def test_a_version_is_what_is_measured_without_the_services_it_lacks(seed, kept_share):
    tables, wanted, ties = tied(seed)
    versions = versions_of(ties, 3, kept_share, seed=7)
    kept = np.random.default_rng([7, STREAM]).random((3, len(tables.services))) < kept_share
    assert versions.overlap.shape == versions.complementarity.shape == (3, len(ties.a))
    weights = ties.category_weight / ties.category_weight.sum()
    for version, some in enumerate(kept):
        thinner = replace(tables, services=tables.services[some].reset_index(drop=True))
        there = tie_villages(thinner, measure_travel(thinner, wanted.travel), wanted)
        left = weights[[key in there.shares.categories for key in ties.shares.categories]].sum()
        np.testing.assert_allclose(versions.overlap[version], there.overlap * left, atol=1e-5)
        np.testing.assert_allclose(versions.complementarity[version], there.complementarity * left, atol=1e-5)


def test_with_every_service_there_is_one_version_and_it_is_the_truth():
    _, _, ties = tied(3)
    versions = versions_of(ties, 8, 1.0, seed=1)
    np.testing.assert_allclose(versions.overlap, ties.overlap[None], atol=1e-6)
    np.testing.assert_allclose(versions.complementarity, ties.complementarity[None], atol=1e-6)
    _, _, bare = tied(3, services=0)
    assert versions_of(bare, 8, 0.5, seed=1).overlap.shape == (1, len(bare.a))


def test_trips_to_a_missing_service_go_to_the_others_of_its_kind():
    """Two villages send all trips to the one school that is left, wherever they went before."""
    tables = tables_of(
        villages_at([(0, 0)] * 2), services_at([("school", 0, 0, None), ("school", 0, 0, None), ("church", 0, 0, None)])
    )
    minutes = np.array([[1.0, 9.0, 4.0], [9.0, 1.0, np.inf]])
    ties = tie_villages(tables, travel_of(tables, row_of(0, 5), minutes), study())
    kept = np.array([[True, False, True], [False, False, True], [True, True, True], [True, True, False]])
    found = overlaps_without_some(ties.shares, kept, ties.category_weight, ties.a, ties.b)[:, 0]
    school = 3 / 4  # of the weight; the church is reached by one of the two
    np.testing.assert_allclose(found, [school, 0, ties.overlap[0], ties.overlap[0]], atol=1e-6)
    assert 0 < ties.overlap[0] < school


# How many runs are enough


def runs(together):
    """Partitions of two villages that are together where it says so."""
    return [np.array([0, 0 if one else 1], dtype=np.int32) for one in together]


@pytest.mark.parametrize(
    ("together", "settled"),
    [
        ([True] * 10, True),
        ([True, False] * 10, True),
        ([True] * 10 + [False] * 10, False),  # the whole says 0.5, the first half 1
        ([True] * 50 + [True] * 44 + [False] * 6, True),  # by 0.06, below 0.05 times the root of 2
        ([True] * 50 + [True] * 34 + [False] * 16, False),  # by 0.16
        ([True], True),
    ],
)
def test_runs_are_settled_when_the_second_half_says_what_the_first_did(together, settled):
    assert is_settled(runs(together), np.array([0]), np.array([1]), 0.05) == settled


def test_one_pair_in_twenty_may_still_move():
    steady, moved = [True] * 20, [True] * 10 + [False] * 10
    for n_moved, settled in ((1, True), (2, False)):
        rows = np.array([moved] * n_moved + [steady] * (20 - n_moved)).T
        partitions = [np.concatenate([[0], np.where(row, 0, np.arange(1, 21))]).astype(np.int32) for row in rows]
        pairs = np.zeros(20, dtype=np.int32), np.arange(1, 21, dtype=np.int32)
        assert is_settled(partitions, *pairs, 0.05) == settled


def test_an_ensemble_is_doubled_until_it_is_settled():
    tables = random_country(3)
    for settled, expected in ((1.0, 4), (0.0, 16)):
        wanted = study(ensemble={"members": 4, "settled": settled, "doublings": 2})
        _, ties, pool = pool_of(tables, wanted)
        assert len(pool.partitions) == expected
    first = partition_often(ties, pool.eligible, Wishes(), study(ensemble={"members": 4, "doublings": 0}))
    np.testing.assert_array_equal(first, pool.partitions[:4])
