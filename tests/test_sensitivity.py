"""A rank's sensitivity is what one gets by ranking the clusters under each weighting one by one."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoklynge import sensitivity
from geoklynge.assessment import MEASURES, score_proportions
from geoklynge.sensitivity import STREAM, rank_order, rank_sensitivity, top_of
from geoklynge.study import ScoreWeights

SHARES = score_proportions(ScoreWeights())
EQUAL = dict.fromkeys(MEASURES, 1 / len(MEASURES))


def clusters_of(measures, *, people=None, hubs=None):
    """Clusters with these nine measures each."""
    n = len(measures)
    table = pd.DataFrame(measures, columns=list(MEASURES), dtype=float)
    hubs = hubs or [f"v{k:02d}" for k in range(n)]
    return table.assign(
        cluster_id=[f"cluster-{hub}" for hub in hubs], hub_id=hubs, people=[500.0] * n if people is None else people
    )


def random_clusters(seed, n):
    """Clusters of measures with one decimal: many of them equal."""
    rng = np.random.default_rng(seed)
    measures = rng.integers(0, 11, (n, len(MEASURES))) / 10
    measures[n // 2 :] = measures[: n - n // 2]  # twins, told apart by people or hub
    return clusters_of(measures, people=rng.integers(3, 6, n) * 100.0, hubs=[f"v{k}" for k in rng.permutation(n)])


def by_hand(clusters, proportions, seed, weightings, factor):
    """Rank the clusters weighting after weighting, cluster after cluster."""
    power = np.random.default_rng([seed, STREAM]).uniform(-1, 1, (weightings, len(MEASURES)))
    rows = clusters.to_dict("records")
    ranks = {row["cluster_id"]: [] for row in rows}
    for exponents in power:
        weights = {m: proportions[m] * factor**one for m, one in zip(MEASURES, exponents, strict=True)}
        total = sum(weights.values())

        def standing(row, weights=weights, total=total):
            score = 100 * sum(weights[m] * row[m] for m in MEASURES) / total
            return -round(score, 6), -row["people"], row["hub_id"]

        for rank, row in enumerate(sorted(rows, key=standing), start=1):
            ranks[row["cluster_id"]].append(rank)
    top_n = 10 if len(rows) >= 30 else math.ceil(len(rows) / 3)
    return [
        (
            row["cluster_id"],
            top_n,
            sum(rank <= top_n for rank in ranks[row["cluster_id"]]) / weightings,
            sorted(ranks[row["cluster_id"]])[math.ceil(0.05 * weightings) - 1],
            sorted(ranks[row["cluster_id"]])[math.ceil(0.95 * weightings) - 1],
        )
        for row in rows
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 34), st.sampled_from([1.0, 1.2, 2.0, 8.0]), st.booleans())
def test_ranks_are_those_of_each_weighting_one_by_one(seed, n, factor, blind):
    proportions = score_proportions(ScoreWeights(), ("proximity",)) if blind else SHARES
    clusters = random_clusters(seed, n)
    found = rank_sensitivity(clusters, proportions, seed, weightings=40, factor=factor)
    assert found.columns.tolist() == ["cluster_id", "top_n", "top_share", "rank_low", "rank_high"]
    assert list(found.itertuples(index=False, name=None)) == by_hand(clusters, proportions, seed, 40, factor)


def test_blocks_do_not_matter(monkeypatch):
    clusters = random_clusters(3, 20)
    whole = rank_sensitivity(clusters, SHARES, 1)
    for at_once in (1, 150, 10**9):
        monkeypatch.setattr(sensitivity, "SCORES_AT_ONCE", at_once)
        pd.testing.assert_frame_equal(rank_sensitivity(clusters, SHARES, 1), whole)


def test_a_thousand_weightings_that_hang_on_the_seed_alone():
    clusters = clusters_of(np.random.default_rng(5).uniform(0.4, 0.6, (12, len(MEASURES))))
    once = rank_sensitivity(clusters, SHARES, 7)
    pd.testing.assert_frame_equal(rank_sensitivity(clusters, SHARES, 7), once)
    assert not rank_sensitivity(clusters, SHARES, 8)["top_share"].equals(once["top_share"])
    assert (once["top_share"] * 1000 % 1 == 0).all()
    assert once["top_share"].between(0.001, 0.999).any()


def test_weights_shrink_as_often_as_they_grow_and_never_beyond_twice_or_half():
    weights = sensitivity._other_weights(EQUAL, 1, 4000, 2.0)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    ratio = weights / weights[:, [0]]  # a weighting is scaled as a whole: only proportions can be told
    assert 0.25 <= ratio.min() < 0.3
    assert 3.5 < ratio.max() <= 4
    assert np.log2(ratio).mean(axis=0) == pytest.approx(np.zeros(len(MEASURES)), abs=0.05)
    assert (ratio[:, 1:] > 1).mean() == pytest.approx(0.5, abs=0.01)


def test_without_other_weights_every_weighting_ranks_as_the_plan():
    clusters = random_clusters(11, 15)
    score = 100 * clusters[list(MEASURES)].to_numpy() @ np.array([EQUAL[name] for name in MEASURES])
    order = rank_order(score, clusters["people"].to_numpy(), clusters["hub_id"].to_numpy(dtype=object))
    found = rank_sensitivity(clusters.iloc[order], EQUAL, 1, factor=1.0)
    ranks = list(range(1, 16))
    assert found["rank_low"].tolist() == found["rank_high"].tolist() == ranks
    assert found["top_share"].tolist() == [1.0] * 5 + [0.0] * 10
    assert set(found["top_n"]) == {5}


@pytest.mark.parametrize(("n", "top"), [(1, 1), (2, 1), (3, 1), (4, 2), (28, 10), (29, 10), (30, 10), (4000, 10)])
def test_the_best_are_ten_or_a_third_of_a_small_plan(n, top):
    assert top_of(n) == top


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 40))
def test_who_is_worse_in_everything_is_never_ranked_higher(seed, n):
    rng = np.random.default_rng(seed)
    measures = rng.integers(1, 11, (n, len(MEASURES))) / 10
    measures[1] = np.maximum(measures[0] - rng.integers(0, 3, len(MEASURES)) / 10, 0)  # 0 dominates 1
    found = rank_sensitivity(clusters_of(measures), SHARES, seed, weightings=200)
    better, worse = found.iloc[0], found.iloc[1]
    assert better["rank_low"] <= worse["rank_low"]
    assert better["rank_high"] <= worse["rank_high"]
    assert better["top_share"] >= worse["top_share"]
    ranks = sensitivity._ranks(clusters_of(measures), sensitivity._other_weights(SHARES, seed, 200, 2.0))
    assert (ranks[:, 0] < ranks[:, 1]).all()


def test_a_measure_without_data_takes_no_part():
    measures = np.full((3, len(MEASURES)), 0.5)
    measures[:, MEASURES.index("overlap")] = [0.1, 0.9, 0.5]
    measures[:, MEASURES.index("balance")] = [0.6, 0.5, 0.4]
    seen = score_proportions(ScoreWeights(), ("proximity", "identity"))
    assert seen["overlap"] == 0
    found = rank_sensitivity(clusters_of(measures), seen, 1)
    assert found["rank_low"].tolist() == found["rank_high"].tolist() == [1, 2, 3]
    assert rank_sensitivity(clusters_of(measures), SHARES, 1)["rank_low"].tolist()[1] == 1


def test_equals_are_ranked_by_people_then_by_hub():
    clusters = clusters_of(np.full((4, 9), 0.7), people=[300.0, 900.0, 300.0, 900.0], hubs=["d", "c", "b", "a"])
    found = rank_sensitivity(clusters, SHARES, 1)
    assert found["rank_low"].tolist() == found["rank_high"].tolist() == [4, 2, 3, 1]


def test_every_cluster_of_a_plan_has_its_sensitivity(sample_run):
    clusters, found = sample_run.result.clusters, sample_run.result.sensitivity
    assert found["cluster_id"].tolist() == clusters["cluster_id"].tolist()
    for column in ("top_share", "rank_low", "rank_high"):
        assert clusters[column].tolist() == found[column].tolist()
    assert (found["rank_low"] <= clusters["rank"]).all()
    assert (found["rank_high"] >= clusters["rank"]).all()
    assert set(found["top_n"]) == {math.ceil(len(clusters) / 3)}
    chosen = sample_run.assessment.iloc[sample_run.plan.chosen]
    rows = {"; ".join(sorted(ids)): k for k, ids in zip(chosen.index, members_of(sample_run), strict=True)}
    ranked = [rows["; ".join(sorted(one.split("; ")))] for one in clusters["village_ids"]]
    table = sample_run.assessment.loc[ranked].assign(cluster_id=clusters["cluster_id"].tolist())
    table = table.assign(hub_id=clusters["hub_id"].tolist())
    shares = score_proportions(sample_run.study.score, sample_run.ties.layers_used)
    again = by_hand(table, shares, sample_run.study.seed, 1000, 2.0)
    assert [row[2] for row in again] == found["top_share"].tolist()


def members_of(run):
    """Ids of the members of the chosen candidates, in their order."""
    ids = run.tables.villages["village_id"].to_numpy(dtype=object)
    return [ids[run.pool.sets.rows(k)] for k in run.plan.chosen]
