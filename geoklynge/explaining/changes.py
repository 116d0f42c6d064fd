"""The one village more or less that would raise a cluster's score most."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from ..assessment import assess_sets, places_of
from ..candidates import Pool
from ..study import Study
from ..tables import Tables
from ..ties import Ties
from ..village_sets import VillageSets, keep_limits, sets_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

NEIGHBOURS = 12  # villages outside, those with the strongest ties to the members, that are tried as one more
LEAST_GAIN = 0.05  # points: less would be rounded away


def changes_of(
    sets: VillageSets, clusters: pd.DataFrame, pool: Pool, tables: Tables, ties: Ties, study: Study
) -> pd.DataFrame:
    """
    Find, for each cluster, the one village whose joining or leaving would raise its score most, within all limits.

    Every member is tried as one less, and the twelve villages outside that are tied to it most strongly as one more;
    each such set is measured as candidates are.

    Parameters
    ----------
    sets
        The chosen clusters, in order.
    clusters
        Their table, with `cluster_id` and `score`.
    pool
        For the ensemble, and which villages may be members.
    tables, ties, study
        As for `assess`.

    Returns
    -------
    pd.DataFrame
        One row a cluster that such a change would raise by 0.05 points or more: `cluster_id`; `kind`, ``with`` or
        ``without``; `village_id`; `score` afterwards; `from_cluster_id`, of which the joining village is a member
        (missing where of none, or where it leaves).
    """
    variants, of_cluster, village, joins = _one_village_changed(sets, pool, ties, study)
    kept = keep_limits(variants, ties, tables.villages, study.limits, pool.wishes)
    measured = assess_sets(variants.take(kept), places_of(pool, tables, ties), ties, study)
    score = measured["score"].to_numpy()
    of_cluster, village, joins = of_cluster[kept], village[kept], joins[kept]
    order = np.lexsort((village, -score, of_cluster))
    first = order[np.diff(of_cluster[order], prepend=-1) > 0]
    best = first[score[first] >= clusters["score"].to_numpy()[of_cluster[first]] + LEAST_GAIN]
    ids = np.array([*clusters["cluster_id"], None], dtype=object)
    home = np.where(joins[best], sets.set_of_village()[village[best]], -1)
    return pd.DataFrame(
        {
            "cluster_id": ids[of_cluster[best]],
            "kind": np.where(joins[best], "with", "without"),
            "village_id": tables.villages["village_id"].to_numpy(dtype=object)[village[best]],
            "score": score[best].round(1),
            "from_cluster_id": pd.array(ids[home], dtype="string"),
        }
    )


def _one_village_changed(
    sets: VillageSets, pool: Pool, ties: Ties, study: Study
) -> tuple[VillageSets, Longs, Longs, NDArray[np.bool_]]:
    """Make the changed sets; of each the number of its cluster, the village, and whether that joins."""
    made: list[Ints] = []
    of_cluster: list[int] = []
    village: list[int] = []
    joins: list[bool] = []
    for number, around in enumerate(_neighbours(sets, pool, ties, study)):
        here = sets.rows(number)
        changed = [here[here != row] for row in here] + [np.append(here, row) for row in around]
        made += [rows for rows in changed if len(rows)]
        village += [*here.tolist(), *around.tolist()][: len(changed)]
        joins += [False] * len(here) + [True] * len(around)
        of_cluster += [number] * len(changed)
    return sets_of(made, sets.n_villages), np.array(of_cluster), np.array(village), np.array(joins, dtype=bool)


def _neighbours(sets: VillageSets, pool: Pool, ties: Ties, study: Study) -> list[Longs]:
    """Find the villages outside each set that are tied to its members most strongly."""
    strong = np.flatnonzero(ties.weight >= study.limits.weakest_tie)
    ends = np.concatenate([ties.a[strong], ties.b[strong]]), np.concatenate([ties.b[strong], ties.a[strong]])
    weights = coo_array((np.tile(ties.weight[strong], 2), ends), shape=(sets.n_villages, sets.n_villages))
    pull = csr_array(sets.matrix() @ csr_array(weights))
    set_of = sets.set_of_village()
    around = []
    for number in range(len(sets)):
        row = slice(pull.indptr[number], pull.indptr[number + 1])
        village, tied = pull.indices[row], pull.data[row]
        outside = pool.eligible[village] & (set_of[village] != number)
        village, tied = village[outside], tied[outside]
        around.append(village[np.lexsort((village, -tied))][:NEIGHBOURS].astype(np.int64))
    return around
