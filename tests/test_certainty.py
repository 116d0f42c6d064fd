"""A village's standing is what one gets by counting its runs one by one."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoklynge.certainty import co_membership, judge_standing


def vote(village, cluster, run):
    """The cluster that one run puts a village with, in the words of the docstring; None for none."""
    if run[village] < 0:
        return None
    shares = {}
    for number in sorted(set(cluster) - {-1}):
        others = [other for other, its in enumerate(cluster) if its == number and other != village]
        here = [other for other in others if run[other] == run[village]]
        if here:
            shares[number] = Fraction(len(here), len(others))
    best = max(shares.values(), default=None)
    among = [number for number, share in shares.items() if share == best]
    return (cluster[village] if cluster[village] in among else min(among)) if among else None


def standing_by_hand(cluster, runs):
    found = []
    for village, own in enumerate(cluster):
        votes = [vote(village, cluster, run) for run in runs]
        share = {number: Fraction(votes.count(number), len(runs)) for number in set(votes) - {None}}
        certainty = share.pop(own, Fraction(0)) if own >= 0 else None
        rival = min(share, key=lambda number: (-share[number], number), default=-1)
        other = share.get(rival, Fraction(0))
        word = None
        if own >= 0:
            word = "contested" if other >= Fraction(3, 10) else "core" if certainty >= Fraction(4, 5) else "edge"
        found.append((certainty, rival, other, word))
    return found


@st.composite
def ensembles(draw):
    """Clusters of up to nine villages and runs over them; some villages are not members of anything."""
    n, runs = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    drawn = draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))
    number = {its: k for k, its in enumerate(sorted(set(drawn) - {-1}))}
    cluster = [number.get(its, -1) for its in drawn]
    partitions = [draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)) for _ in range(runs)]
    outside = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return cluster, [[-1 if out else its for its, out in zip(run, outside, strict=True)] for run in partitions]


@settings(max_examples=50, deadline=None)
@given(ensembles())
def test_standing_is_counted_as_the_docstring_says(ensemble):
    cluster, runs = ensemble
    found = judge_standing(np.array(cluster, dtype=np.int32), np.array(runs, dtype=np.int32))
    for village, (certainty, other, other_share, word) in enumerate(standing_by_hand(cluster, runs)):
        assert found.word[village] == word
        assert found.other[village] == other
        assert found.other_share[village] == pytest.approx(float(other_share))
        if certainty is None:
            assert np.isnan(found.certainty[village])
        else:
            assert found.certainty[village] == pytest.approx(float(certainty))


def judged(with_own, with_other, runs):
    """Standing of village 0 of cluster 0, put with its own, then with cluster 1, in so many runs, else with nobody."""
    here, there, alone = [0, 0, 0, 1, 1], [1, 0, 0, 1, 1], [2, 0, 0, 1, 1]
    partitions = [here] * with_own + [there] * with_other + [alone] * (runs - with_own - with_other)
    return judge_standing(np.array([0, 0, 0, 1, 1]), np.array(partitions))


@pytest.mark.parametrize("runs", [5, 10, 35, 55, 70, 100, 110])  # 28 * (1 / 35) is a little less than 0.8
def test_a_village_is_core_from_four_fifths_on(runs):
    at = runs * 4 // 5
    assert (judged(at, 0, runs).word[0], judged(at - 1, 0, runs).word[0]) == ("core", "edge")
    assert judged(at, 0, runs).certainty[0] == 0.8


@pytest.mark.parametrize("runs", [10, 20, 100, 190, 370])
def test_a_village_is_contested_from_three_tenths_on(runs):
    at = runs * 3 // 10
    contested, not_yet = judged(runs - at, at, runs), judged(runs - at, at - 1, runs)
    assert (contested.word[0], contested.other[0], contested.other_share[0]) == ("contested", 1, 0.3)
    assert not_yet.word[0] == "edge"
    assert not_yet.other[0] == 1


def test_a_third_that_always_go_alone_leave_no_rival():
    found = judged(6, 0, 10)
    assert (found.certainty[0], found.other[0], found.other_share[0], found.word[0]) == (0.6, -1, 0, "edge")


def test_between_equals_the_own_cluster_wins_then_the_lower_number():
    together = np.zeros((1, 7), dtype=np.int32)  # all in one community: every cluster is wholly there
    found = judge_standing(np.array([0, 0, 1, 1, 2, 2, -1]), together)
    assert found.certainty[:6].tolist() == [1] * 6
    assert found.other.tolist() == [-1] * 6 + [0]
    assert found.word.tolist() == ["core"] * 6 + [None]


def test_a_village_itself_does_not_count_for_its_cluster():
    found = judge_standing(np.array([0, 0, 1, 1]), np.array([[0, 1, 0, 1]]))
    assert found.certainty.tolist() == [0, 0, 0, 0]
    assert found.other.tolist() == [1, 1, 0, 0]
    assert found.word.tolist() == ["contested"] * 4


def test_without_clusters_nobody_stands_anywhere():
    found = judge_standing(np.array([-1, -1]), np.array([[0, 0]]))
    assert np.isnan(found.certainty).all()
    assert found.word.tolist() == [None, None]
    assert found.other.tolist() == [-1, -1]


@settings(max_examples=50, deadline=None)
@given(ensembles(), st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12))
def test_villages_are_together_as_often_as_counting_says(ensemble, drawn):
    _, runs = ensemble
    n_villages = len(runs[0])
    pairs = [(a % n_villages, b % n_villages) for a, b in drawn]
    a, b = (np.array([pair[side] for pair in pairs], dtype=np.int32) for side in (0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("geoklynge.certainty.PAIRS_AT_ONCE", 5)  # so that a few pairs are several blocks
        found = co_membership(np.array(runs, dtype=np.int32), a, b)
    by_hand = [Fraction(sum(run[a] == run[b] >= 0 for run in runs), len(runs)) for a, b in pairs]
    assert found.tolist() == pytest.approx([float(share) for share in by_hand])


def test_nobody_is_together_in_no_runs():
    assert co_membership(np.empty((0, 3), dtype=np.int32), np.array([0, 1]), np.array([1, 2])).tolist() == [0, 0]
    assert co_membership(np.zeros((4, 3), dtype=np.int32), np.array([], int), np.array([], int)).tolist() == []
