"""How sure it is that a village belongs where the plan puts it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

CORE_SHARE = 0.8
CONTESTED_SHARE = 0.3
PAIRS_AT_ONCE = 1 << 14  # their communities in a hundred runs fit into the cache


@dataclass(frozen=True)
class Standing:
    """
    Where each village stands, one entry a village.

    `certainty` is the share of the ensemble's runs that put it with its own cluster, missing for a village in no
    cluster; `other` is the number of the cluster that most other runs put it with, -1 for none, and `other_share`
    that share. `word` is core, edge or contested; None without a cluster.
    """

    certainty: Floats
    other: Ints
    other_share: Floats
    word: NDArray[np.object_]


def judge_standing(cluster: Ints, partitions: Ints) -> Standing:
    """
    Count, over the runs of the ensemble, with which cluster each village is put.

    In one run a village is put with the cluster of which the largest share of members (itself left out) lies in its
    community; between equals its own cluster wins, then the lower number. Alone in its community it is put with none.

    Parameters
    ----------
    cluster
        Cluster of every village in the plan, -1 for none; shape (villages,).
    partitions
        Community of every village in every run, shape (runs, villages); -1 for non-members.
    """
    n_villages, n_clusters = len(cluster), int(cluster.max(initial=-1)) + 1
    size = np.bincount(cluster[cluster >= 0], minlength=max(n_clusters, 1))
    voted = np.array([_votes_of_run(cluster, partition, size) for partition in partitions], dtype=np.int32)
    run, voter = np.nonzero(voted.reshape(-1, n_villages) >= 0)
    votes = coo_array((np.ones(len(run)), (voter, voted[run, voter])), shape=(n_villages, len(size)))
    share = csr_array(votes)  # adds up a village's votes for one cluster
    share.data /= max(len(partitions), 1)  # SciPy would multiply by the inverse, and 28 of 35 would not be 0.8
    share.sort_indices()
    row = np.repeat(np.arange(n_villages), np.diff(share.indptr))
    own = cluster[row] == share.indices
    certainty = np.where(cluster >= 0, 0.0, np.nan)
    certainty[row[own]] = share.data[own]
    other = np.full(n_villages, -1, dtype=np.int32)
    other_share = np.zeros(n_villages)
    rivals = np.lexsort((share.indices[~own], -share.data[~own], row[~own]))
    rival_row = row[~own][rivals]
    first = np.ones(len(rival_row), dtype=bool)
    first[1:] = rival_row[1:] != rival_row[:-1]
    other[rival_row[first]] = share.indices[~own][rivals][first]
    other_share[rival_row[first]] = share.data[~own][rivals][first]
    word = np.full(n_villages, None, dtype=object)
    placed = cluster >= 0
    word[placed] = "edge"
    word[placed & (certainty >= CORE_SHARE)] = "core"
    word[placed & (other_share >= CONTESTED_SHARE)] = "contested"
    return Standing(certainty, other, other_share, word)


def co_membership(partitions: Ints, a: Ints, b: Ints) -> Floats:
    """
    Count, over the runs of the ensemble, how often two villages are kept together.

    Parameters
    ----------
    partitions
        As `judge_standing` takes them.
    a, b
        Row numbers of the pairs' villages.

    Returns
    -------
    array
        Share of the runs that put both into one community, 0..1, shape (pairs,).
    """
    by_village = np.ascontiguousarray(partitions.T)
    share = np.empty(len(a))
    for start in range(0, len(a), PAIRS_AT_ONCE):
        some = slice(start, start + PAIRS_AT_ONCE)
        left, right = by_village[a[some]], by_village[b[some]]
        share[some] = np.count_nonzero((left == right) & (left >= 0), axis=1)
    return share / max(len(partitions), 1)


def _votes_of_run(cluster: Ints, partition: Ints, size: NDArray[np.int64]) -> Ints:
    """One run's vote of each village: the cluster it is put with, -1 for none."""
    counted = np.flatnonzero((cluster >= 0) & (partition >= 0))
    width = int(partition.max(initial=0)) + 1
    members = csr_array(
        coo_array(
            (np.ones(len(counted), dtype=np.int64), (partition[counted], cluster[counted])), shape=(width, len(size))
        )
    )
    return _largest_share(members.indptr, members.indices, members.data, cluster, partition, size)


@compiled
def _largest_share(
    indptr: NDArray[np.integer],
    indices: NDArray[np.integer],
    members: NDArray[np.int64],
    cluster: Ints,
    partition: Ints,
    size: NDArray[np.int64],
) -> Ints:
    """
    Find for each village the cluster of which its community holds the largest share, the village itself left out.

    Row p of the compressed rows `indptr`, `indices`, `members` counts the members of clusters in community p.
    """
    voted = np.full(len(cluster), -1, dtype=np.int32)
    for village in range(len(cluster)):
        if partition[village] < 0:
            continue
        largest, best = 0.0, -1
        for entry in range(indptr[partition[village]], indptr[partition[village] + 1]):
            found = indices[entry]
            own = 1 if found == cluster[village] else 0
            others = size[found] - own
            share = (members[entry] - own) / others if others > 0 else 0.0
            wins_tie = share == largest and best != cluster[village] and (own == 1 or found < best)
            if share > 0 and (share > largest or wins_tie):
                largest, best = share, found
        voted[village] = best
    return voted
