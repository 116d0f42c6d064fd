"""Complete linkage over known pairs is SciPy's over all of them, and sets keep to their limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from geoklynge.linkage import complete_linkage, largest_parts


def rows_of(minutes: np.ndarray, cut: float):
    """The pairs within the cut in compressed rows."""
    near = (minutes <= cut) & ~np.eye(len(minutes), dtype=bool)
    indptr = np.concatenate([[0], np.cumsum(near.sum(axis=1))]).astype(np.int64)
    return indptr, np.nonzero(near)[1].astype(np.int32), minutes[near].astype(float)


def members_of(merges, n):
    """Places in every merge, as sets."""
    held = [frozenset([k]) for k in range(n)]
    for left, right in merges.tolist():
        assert not held[left] & held[right]
        held.append(held[left] | held[right])
    return held[n:]


@settings(max_examples=150, deadline=None)
@given(n=st.integers(1, 40), seed=st.integers(0, 10**6), cut=st.floats(0.01, 1.2))
def test_it_makes_the_sets_that_scipy_makes_below_the_cut(n, seed, cut):
    rng = np.random.default_rng(seed)
    points = rng.random((n, 2))
    minutes = np.hypot(*(points[:, None] - points[None, :]).transpose(2, 0, 1))
    merges, height = complete_linkage(*rows_of(minutes, cut))
    found = dict(zip(members_of(merges, n), height.tolist(), strict=True))
    expected = {}
    if n > 1:
        tree = linkage(squareform(minutes, checks=False), method="complete")
        held = [frozenset([k]) for k in range(n)]
        for left, right, tall, _ in tree.tolist():
            held.append(held[int(left)] | held[int(right)])
            if tall <= cut:
                expected[held[-1]] = tall
        assert len(set(fcluster(tree, cut, "distance"))) == n - len(merges)
    assert found == expected


@settings(max_examples=100, deadline=None)
@given(n=st.integers(2, 14), seed=st.integers(0, 10**6), cut=st.integers(1, 4))
def test_with_equal_and_missing_pairs_no_set_is_wider_than_its_height_and_no_two_could_still_merge(n, seed, cut):
    rng = np.random.default_rng(seed)
    minutes = rng.integers(0, 6, (n, n)).astype(float)
    minutes = np.maximum(minutes, minutes.T)
    merges, height = complete_linkage(*rows_of(minutes, cut))
    made = members_of(merges, n)
    for members, tall in zip(made, height, strict=True):
        assert max(minutes[a, b] for a in members for b in members if a != b) == tall <= cut
    top = [one for one in [*(frozenset([k]) for k in range(n)), *made] if not any(one < other for other in made)]
    for one in top:
        for other in top:
            assert one == other or max(minutes[a, b] for a in one for b in other) > cut


def chain(*pairs):
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)


@pytest.mark.parametrize(
    ("max_size", "max_people", "labels"),
    [
        (4, 99, [0, 0, 0, 0]),
        (3, 99, [0, 0, 2, 2]),
        (2, 99, [0, 0, 2, 2]),
        (1, 99, [0, 1, 2, 3]),
        (4, 6, [0, 0, 2, 3]),  # 3 + 4 people are too many
        (4, 7, [0, 0, 2, 2]),
        (4, 9.9, [0, 0, 2, 2]),
        (4, 10, [0, 0, 0, 0]),
    ],
)
def test_the_largest_parts_within_the_limits(max_size, max_people, labels):
    merges = chain((1, 0), (3, 2), (4, 5))  # {0, 1}, {2, 3}, everyone
    people = np.array([1.0, 2.0, 3.0, 4.0])
    assert largest_parts(merges, people, max_size, max_people).tolist() == labels
