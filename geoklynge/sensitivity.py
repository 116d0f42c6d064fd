"""How much a rank depends on the weights of the measures: the plan ranked again under many other weightings."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .assessment import MEASURES

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

WEIGHTINGS = 1_000
FACTOR = 2.0  # a measure counts up to twice or half as much
STREAM = 2**33  # of random numbers, beside those of the ensemble and of whoever shakes it
BEST = 10  # of a plan of 30 clusters and more; a third of a smaller one
LOW, HIGH = 0.05, 0.95  # nine of ten weightings rank a cluster between these
SCORES_AT_ONCE = 1 << 16  # they fit into a core's own cache, and memory does not grow with the weightings


def rank_order(score: Floats, people: Floats, hub_id: NDArray[np.object_]) -> NDArray[np.int64]:
    """Order clusters by rank: the highest score first, of equal ones (to 1e-6) that with most people, then by hub."""
    return np.lexsort((hub_id.astype(str), -people, -score.round(6)))


def top_of(n_clusters: int) -> int:
    """Tell how many clusters count as the best: ten, or a third (rounded up) of fewer than 30."""
    return min(BEST, -(-n_clusters // 3))


def rank_sensitivity(
    clusters: pd.DataFrame,
    proportions: Mapping[str, float],
    seed: int,
    *,
    weightings: int = WEIGHTINGS,
    factor: float = FACTOR,
) -> pd.DataFrame:
    """
    Rank the clusters of a plan under other weightings of the measures.

    In each weighting every measure's weight is multiplied by a factor of its own, ``f ** u`` with u uniform in -1..1:
    between 1/f and f, and as likely to grow as to shrink. The clusters stay the same, only their scores change; ranks
    follow `rank_order`. A measure of weight 0, or without data, takes no part.

    Parameters
    ----------
    clusters
        One row a cluster: `cluster_id`, `hub_id`, `people` and the measures, not rounded.
    proportions
        Weight of each measure; see `score_proportions`.
    seed
        The study's.
    weightings
        How many.
    factor
        f above; 1 leaves the weights as they are.

    Returns
    -------
    pd.DataFrame
        One row a cluster, in the order given: `cluster_id`; `top_n`, how many count as the best (`top_of`);
        `top_share`, the share of weightings in which it is among them; `rank_low` and `rank_high`, the 5th and 95th
        percentile of its rank (the lowest rank that at least so many weightings do not exceed).
    """
    rank = _ranks(clusters, _other_weights(proportions, seed, weightings, factor))
    top_n = top_of(len(clusters))
    low, high = np.quantile(rank, [LOW, HIGH], axis=0, method="inverted_cdf").astype(np.int64)
    return pd.DataFrame(
        {
            "cluster_id": clusters["cluster_id"].to_numpy(),
            "top_n": top_n,
            "top_share": (rank <= top_n).mean(axis=0),
            "rank_low": low,
            "rank_high": high,
        }
    )


def _other_weights(proportions: Mapping[str, float], seed: int, weightings: int, factor: float) -> Floats:
    """Draw weightings of the measures, each summing to 1; shape (weightings, measures)."""
    power = np.random.default_rng([seed, STREAM]).uniform(-1.0, 1.0, (weightings, len(MEASURES)))
    weights = np.array([proportions[name] for name in MEASURES]) * factor**power
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _ranks(clusters: pd.DataFrame, weights: Floats) -> Ints:
    """Rank the clusters under each weighting, from 1; shape (weightings, clusters)."""
    people, hub_id = clusters["people"].to_numpy(dtype=np.float64), clusters["hub_id"].to_numpy(dtype=object)
    equals = rank_order(np.zeros(len(clusters)), people, hub_id)  # how those of one score stand among themselves
    measures = clusters[list(MEASURES)].to_numpy(dtype=np.float64)[equals].T
    rank = np.empty((len(weights), len(clusters)), dtype=np.int32)
    places = np.arange(1, len(clusters) + 1, dtype=np.int32)
    step = max(SCORES_AT_ONCE // max(len(clusters), 1), 1)
    for start in range(0, len(weights), step):
        score = (100 * (weights[start : start + step] @ measures)).round(6)
        order = equals[np.argsort(-score, axis=1, kind="stable")]
        np.put_along_axis(rank[start : start + step], order, places[None, :], axis=1)
    return rank
