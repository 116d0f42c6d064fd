"""What else was possible: candidates that could stand in the place of a chosen cluster."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assessment import worth
from ..candidates import Pool
from ..cluster_names import JOIN
from ..tables import Tables
from ..village_sets import VillageSets

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

MOST = 3  # alternatives told of one cluster
RELATED = 0.3  # of the people in either: less in common, and it is another cluster
ALIKE = 0.8  # more in common, and it is the same one with a village more or less


def alternatives_of(
    sets: VillageSets, clusters: pd.DataFrame, pool: Pool, assessment: pd.DataFrame, tables: Tables
) -> pd.DataFrame:
    """
    Find, for each cluster, the candidates worth most that could have stood in its place.

    A candidate stands in a cluster's place if of the people in either, 30 to 80 % live in both (Jaccard 1901). Of
    those the one that is worth most comes first (score times people served); then the next that is no more alike to
    any before, up to three.

    Parameters
    ----------
    sets
        The chosen clusters, in order.
    clusters
        Their table, with `cluster_id`.
    pool, assessment
        All candidates, and what they are worth.
    tables
        For the villages.

    Returns
    -------
    pd.DataFrame
        `cluster_id`; `village_ids` of the alternative (joined by ``; ``); its `n_villages`, `population`, `score`
        and `max_minutes`; `in_common`, the share of people, 0..1; `displaces`, ids of the chosen clusters that share
        a village with it.
    """
    people = tables.villages["people"].to_numpy(dtype=np.float64)
    of_cluster, candidate, in_common = _related(sets, pool.sets, people + 1.0)  # nobody known: the place still counts
    value = worth(assessment)
    order = np.lexsort((candidate, -value[candidate], of_cluster))
    taken = _distinct(of_cluster[order], candidate[order], pool.sets, people + 1.0)
    chosen = order[taken]
    of_cluster, candidate, in_common = of_cluster[chosen], candidate[chosen], in_common[chosen]
    village_ids, ids = tables.villages["village_id"].to_numpy(dtype=object), clusters["cluster_id"].to_numpy(object)
    set_of, facts = sets.set_of_village(), assessment.iloc[candidate]
    members = [pool.sets.rows(number) for number in candidate.tolist()]
    displaced = [np.unique(set_of[rows][set_of[rows] >= 0]) for rows in members]
    return pd.DataFrame(
        {
            "cluster_id": ids[of_cluster],
            "village_ids": [JOIN.join(village_ids[rows]) for rows in members],
            "n_villages": facts["n_villages"].to_numpy(),
            "population": facts["people"].round().astype(int).to_numpy(),
            "score": facts["score"].round(1).to_numpy(),
            "max_minutes": facts["max_minutes"].round(2).to_numpy(),
            "in_common": in_common.round(3),
            "displaces": [JOIN.join(ids[numbers]) for numbers in displaced],
        }
    )


def _related(sets: VillageSets, candidates: VillageSets, counted: Floats) -> tuple[Longs, Longs, Floats]:
    """Pair each cluster with the candidates that could stand in its place: both numbers, and the share in common."""
    weighed = csr_array(sets.matrix().multiply(counted[None, :]))
    both = (weighed @ candidates.matrix().T).tocoo()
    of_cluster, candidate = both.coords[0].astype(np.int64), both.coords[1].astype(np.int64)
    own, theirs = sets.matrix() @ counted, candidates.matrix() @ counted
    share = both.data / (own[of_cluster] + theirs[candidate] - both.data)
    fits = (share >= RELATED) & (share <= ALIKE)
    return of_cluster[fits], candidate[fits], share[fits]


def _distinct(of_cluster: Longs, candidate: Longs, candidates: VillageSets, counted: Floats) -> Longs:
    """Take, of each cluster's candidates in their order, those that are not too alike to any taken before."""
    taken: list[int] = []
    bounds = np.append(np.flatnonzero(np.diff(of_cluster, prepend=-1)), len(of_cluster)).tolist()
    for start, stop in itertools.pairwise(bounds):
        held: list[set[int]] = []
        for place in range(start, stop):
            rows = set(candidates.rows(int(candidate[place])).tolist())
            if all(_in_common(rows, other, counted) <= ALIKE for other in held):
                held.append(rows)
                taken.append(place)
            if len(held) == MOST:
                break
    return np.array(taken, dtype=np.int64)


def _in_common(one: set[int], other: set[int], counted: Floats) -> float:
    return float(counted[list(one & other)].sum() / counted[list(one | other)].sum())
