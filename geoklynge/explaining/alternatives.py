"""What else was possible: candidates that could stand in the place of a chosen cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assessment import worth
from ..candidates import Pool
from ..cluster_names import JOIN
from ..tables import Tables
from ..village_sets import VillageSets, sum_by_set

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

    A candidate can stand in a cluster's place if of the people in either, 30 to 80 % live in both (Jaccard 1901);
    each village counts one person more, so that one whose people are none still counts. Of those the one that is
    worth most comes first (score times people served); then the next of which at most 80 % is in common with any
    before, up to three.

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
        One row an alternative, those of one cluster together: `cluster_id`; `village_ids` (joined by ``; ``),
        `n_villages`, `population`, `score` and `max_minutes` of the alternative; `in_common`, 0..1, as above;
        `people_in_common`, the share of the people in either who live in both (where nobody lives, of the villages);
        `displaces`, ids of all chosen clusters that share a village with it, the cluster itself
        among them (joined likewise).

    References
    ----------
    Jaccard, P. (1901). Étude comparative de la distribution florale dans une portion des Alpes et des Jura. Bulletin
    de la Société Vaudoise des Sciences Naturelles 37, 547-579.
    """
    people = tables.villages["people"].to_numpy(dtype=np.float64) + 1.0  # nobody known: the place still counts
    of_cluster, candidate, in_common = _related(sets, pool.sets, people)
    order = np.lexsort((candidate, -worth(assessment)[candidate], of_cluster))
    chosen = order[_distinct(of_cluster[order], candidate[order], pool.sets, people)]
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
            "people_in_common": _people_in_common(sets.take(of_cluster), pool.sets.take(candidate), people - 1.0),
            "displaces": [JOIN.join(ids[numbers]) for numbers in displaced],
        }
    )


def _related(sets: VillageSets, candidates: VillageSets, counted: Floats) -> tuple[Longs, Longs, Floats]:
    """Pair each cluster with the candidates that could stand in its place: both numbers, and the share in common."""
    weighed = csr_array(sets.matrix().multiply(counted[None, :]))
    both = (weighed @ candidates.matrix().T).tocoo()
    of_cluster, candidate = both.coords[0].astype(np.int64), both.coords[1].astype(np.int64)
    own, theirs = sum_by_set(sets, counted), sum_by_set(candidates, counted)
    share = both.data / (own[of_cluster] + theirs[candidate] - both.data)
    fits = (share >= RELATED) & (share <= ALIKE)
    return of_cluster[fits], candidate[fits], share[fits]


def _distinct(of_cluster: Longs, candidate: Longs, candidates: VillageSets, counted: Floats) -> Longs:
    """Find, of each cluster's candidates in their order, those that are not too alike to any taken before."""
    left, taken = np.arange(len(of_cluster)), [np.empty(0, dtype=np.int64)]
    for _ in range(MOST):
        first = left[np.diff(of_cluster[left], prepend=-1) > 0]
        taken.append(first)
        of_same_cluster = first[np.searchsorted(of_cluster[first], of_cluster[left])]
        share = _in_common(candidates.take(candidate[left]), candidates.take(candidate[of_same_cluster]), counted)
        left = left[share <= ALIKE]  # and not those just taken: they are wholly alike to themselves
    return np.sort(np.concatenate(taken))


def _in_common(sets: VillageSets, others: VillageSets, counted: Floats) -> Floats:
    """Compare each set with the other of its number: what counts in both, as a share of what counts in either."""
    both: Floats = sets.matrix().multiply(others.matrix()) @ counted
    share: Floats = both / (sum_by_set(sets, counted) + sum_by_set(others, counted) - both)
    return share


def _people_in_common(sets: VillageSets, others: VillageSets, people: Floats) -> Floats:
    """Share of the people in either set who live in both; of the villages, where nobody lives in either."""
    nobody = sum_by_set(sets, people) + sum_by_set(others, people) == 0
    told = np.empty(len(sets))
    for some, counted in ((~nobody, people), (nobody, np.ones_like(people))):
        told[some] = _in_common(sets.take(some), others.take(some), counted)
    rounded: Floats = told.round(3)
    return rounded
