"""Agreement of many sets with many is what one would count of each pair by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoklynge.comparison.agreement import jaccard
from geoklynge.village_sets import sets_of

N = 9
MEMBERS = st.lists(st.sets(st.integers(0, N - 1)), max_size=6)
WEIGHT = st.one_of(st.none(), st.lists(st.one_of(st.just(0.0), st.floats(0.1, 1e5)), min_size=N, max_size=N))


def packed(members):
    return sets_of([np.array(sorted(rows), dtype=np.int32) for rows in members], N)


def by_hand(a, b, weight):
    both, either = sum(weight[k] for k in a & b), sum(weight[k] for k in a | b)
    return both / either if either > 0 else 0.0


@given(MEMBERS, MEMBERS, WEIGHT)
def test_each_pair_of_sets_as_counted_by_hand(found, real, weight):
    agreement = jaccard(packed(found), packed(real), None if weight is None else np.array(weight))
    assert agreement.shape == (len(found), len(real))
    counted = [[by_hand(a, b, weight or [1.0] * N) for b in real] for a in found]
    np.testing.assert_allclose(agreement, np.array(counted).reshape(agreement.shape), atol=1e-9)
    assert ((agreement >= 0) & (agreement <= 1)).all()


def test_people_count_and_not_places_where_they_are_the_weight():
    found, real = packed([{0, 1, 2}]), packed([{1, 2, 3}, {0, 1, 2}, {7}])
    people = np.array([100.0, 300.0, 500.0, 100.0, 0, 0, 0, 0, 0])
    assert jaccard(found, real).tolist() == [[0.5, 1.0, 0.0]]
    assert jaccard(found, real, people).tolist() == [[0.8, 1.0, 0.0]]
    assert jaccard(packed([{7}]), packed([{8}, {7}]), people).tolist() == [[0.0, 0.0]]  # nobody lives in either


@given(MEMBERS, WEIGHT)
def test_a_set_agrees_with_itself_and_the_order_of_the_two_does_not_matter(sets, weight):
    weight = None if weight is None else np.array(weight)
    once = jaccard(packed(sets), packed(sets), weight)
    np.testing.assert_allclose(once, once.T)
    weighs = [sum(1.0 if weight is None else weight[k] for k in rows) > 0 for rows in sets]
    assert once.diagonal() == pytest.approx(np.array(weighs, dtype=float))
