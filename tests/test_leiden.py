"""Communities: connected, as good as brute force on small networks, and the same for a seed."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from geoklynge.leiden import leiden


def network(n, seed, density=0.5):
    """A random symmetric weighted network without loops."""
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.random((n, n)) * (rng.random((n, n)) < density), 1)
    return csr_array(weights + weights.T)


def parts_of(matrix, resolution, seed=0):
    return leiden(
        matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data, resolution,
        np.random.default_rng(seed),
    )  # fmt: skip


def quality(matrix, parts, resolution):
    """Weight inside communities, less resolution times the pairs inside: what is to be large."""
    same = np.equal.outer(parts, parts)
    size = np.bincount(parts)
    return (matrix.toarray() * same).sum() / 2 - resolution * (size * (size - 1) / 2).sum()


def every_partition(n):
    """All ways to number n nodes by community, each once."""
    for labels in itertools.product(range(n), repeat=n):
        if all(label <= max(labels[:k], default=-1) + 1 for k, label in enumerate(labels)):
            yield np.array(labels)


@settings(max_examples=25, deadline=None, derandomize=True)  # a heuristic: on rare networks no run finds the best
@given(n=st.integers(1, 6), seed=st.integers(0, 10**6), resolution=st.sampled_from([0.05, 0.2, 0.5]))
def test_the_best_of_a_few_runs_is_the_best_there_is(n, seed, resolution):
    matrix = network(n, seed)
    best = max(quality(matrix, parts, resolution) for parts in every_partition(n))
    runs = [quality(matrix, parts_of(matrix, resolution, k), resolution) for k in range(8)]
    assert max(runs) == pytest.approx(best, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 60), seed=st.integers(0, 10**6), resolution=st.sampled_from([0.02, 0.1, 0.3]))
def test_communities_are_connected_and_no_two_gain_by_joining(n, seed, resolution):
    matrix = network(n, seed, density=min(1.0, 6 / n))
    parts = parts_of(matrix, resolution)
    graph = nx.from_scipy_sparse_array(matrix)
    assert parts[0] == 0
    assert (np.diff([parts[: k + 1].max() for k in range(n)]) <= 1).all()  # numbered as they first occur
    for k in range(parts.max() + 1):
        assert nx.is_connected(graph.subgraph(np.flatnonzero(parts == k).tolist()))
    whole = quality(matrix, parts, resolution)
    assert whole >= -1e-9
    for one, other in itertools.combinations(range(parts.max() + 1), 2):
        joined = np.where(parts == other, one, parts)
        assert quality(matrix, joined, resolution) <= whole + 1e-9


def test_clear_groups_are_found_whatever_the_seed():
    groups = np.kron(np.eye(4), np.ones((5, 5))) - np.eye(20) + 0.02 * (1 - np.kron(np.eye(4), np.ones((5, 5))))
    for seed in range(5):
        assert parts_of(csr_array(groups), 0.2, seed).tolist() == np.repeat(range(4), 5).tolist()


def test_the_resolution_is_the_mean_weight_that_holds_a_pair_together():
    pair = csr_array(np.array([[0, 0.3], [0.3, 0]]))
    assert parts_of(pair, 0.299).tolist() == [0, 0]
    assert parts_of(pair, 0.301).tolist() == [0, 1]


def test_a_tie_of_no_weight_holds_nothing():
    pair = csr_array((np.zeros(2), [1, 0], [0, 1, 2]), shape=(2, 2))
    assert parts_of(pair, 1e-9).tolist() == [0, 1]


def test_the_seed_decides_and_nothing_else():
    matrix = network(200, 3, density=0.05)
    first = parts_of(matrix, 0.05, seed=1)
    assert parts_of(matrix, 0.05, seed=1).tolist() == first.tolist()
    assert any(parts_of(matrix, 0.05, seed=k).tolist() != first.tolist() for k in range(2, 8))


def test_nobody_has_no_community():
    assert len(parts_of(csr_array((0, 0)), 0.1)) == 0
