"""The one village more or less that would raise a cluster's score most."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray
from scipy.sparse import coo_array, csr_array

from ..assessment import assess_sets, places_of
from ..candidates import Pool
from ..study import Study
from ..tables import Tables
from ..ties import Ties
from ..village_sets import VillageSets, join_sets, keep_limits, sets_by_label

Longs = NDArray[np.int64]

NEIGHBOURS = 12  # villages outside, those with the strongest ties to the members, that are tried as one more
LEAST_GAIN = 0.05  # points: less is no gain that anybody could tell


def changes_of(
    sets: VillageSets, clusters: pd.DataFrame, pool: Pool, tables: Tables, ties: Ties, study: Study
) -> pd.DataFrame:
    """
    Find, for each cluster, the one village whose joining or leaving would raise its score most, within all limits.

    Every member is tried as one less, and the twelve villages outside that are tied to it most strongly as one more;
    each such set is measured as candidates are. What other clusters lose does not count.

    Parameters
    ----------
    sets
        The chosen clusters, in order.
    clusters
        Their table, with `cluster_id`.
    pool
        For the ensemble, the planner's wishes, and which villages may be members.
    tables, ties, study
        As for `assess`.

    Returns
    -------
    pd.DataFrame
        One row a cluster that such a change would raise by 0.05 points or more, and to a higher score in tenths:
        `cluster_id`; `kind`, ``with`` or ``without``; `village_id`; `score` afterwards, in tenths; `from_cluster_id`,
        of which the joining village is a member (missing where of none, or where it leaves).
    """
    variants, of_cluster, village = _one_village_changed(sets, pool, ties, study)
    kept = np.flatnonzero(keep_limits(variants, ties, tables.villages, study.limits, pool.wishes))
    both = join_sets([sets, variants.take(kept)], sets.n_villages)
    measured = assess_sets(both, places_of(pool, tables, ties), ties, study)["score"].to_numpy(dtype=np.float64)
    before, score = measured[: len(sets)], measured[len(sets) :]
    of_cluster, village = of_cluster[kept], village[kept]
    order = np.lexsort((village, -score, of_cluster))
    best = order[np.diff(of_cluster[order], prepend=-1) > 0]
    old, new = before[of_cluster[best]], score[best]
    rises = (new - old >= LEAST_GAIN) & (new.round(1) > old.round(1))  # no card says that 60.0 becomes 60.0
    of_cluster, village, new = of_cluster[best[rises]], village[best[rises]], new[rises]
    home = sets.set_of_village()[village]
    ids = np.array([*clusters["cluster_id"], None], dtype=object)
    return pd.DataFrame(
        {
            "cluster_id": ids[of_cluster],
            "kind": np.where(home == of_cluster, "without", "with").astype(object),
            "village_id": tables.villages["village_id"].to_numpy(dtype=object)[village],
            "score": new.round(1),
            "from_cluster_id": pd.array(ids[np.where(home == of_cluster, -1, home)], dtype="string"),
        }
    )


def change_columns(changes: pd.DataFrame, cluster_ids: pd.Series) -> dict[str, ExtensionArray]:
    """Name the columns of the changes as the clusters table bears them; missing where no change raises the score."""
    told = changes.set_index("cluster_id")[["kind", "village_id", "score"]].reindex(cluster_ids)
    told = told.astype({"kind": "string", "village_id": "string", "score": np.float64})
    return {f"change_{name}": told[name].array for name in told.columns}


def _one_village_changed(sets: VillageSets, pool: Pool, ties: Ties, study: Study) -> tuple[VillageSets, Longs, Longs]:
    """
    Make the changed sets; of each the number of its cluster, and the village that leaves or joins.

    The sets have two villages or more, as clusters do: none is left empty.
    """
    outer, joining = _strongest_outside(sets, pool, ties, study)
    of_cluster = np.concatenate([sets.set_of_member(), outer]).astype(np.int64)
    village = np.concatenate([sets.member, joining]).astype(np.int64)
    before = sets.take(of_cluster)
    change = before.set_of_member()
    stays = before.member != village[change]
    joins = np.arange(len(sets.member), len(village))
    number = np.concatenate([change[stays], joins]).astype(np.int64)
    member = np.concatenate([before.member[stays], joining]).astype(np.int32)
    order = np.lexsort((member, number))
    return sets_by_label(number[order], member[order], sets.n_villages), of_cluster, village


def _strongest_outside(sets: VillageSets, pool: Pool, ties: Ties, study: Study) -> tuple[Longs, Longs]:
    """Find the villages outside each set that are tied to its members most strongly: numbers of sets, villages."""
    strong = np.flatnonzero(ties.weight >= study.limits.weakest_tie)  # over weaker ones no cluster hangs together
    ends = np.concatenate([ties.a[strong], ties.b[strong]]), np.concatenate([ties.b[strong], ties.a[strong]])
    weights = coo_array((np.tile(ties.weight[strong], 2), ends), shape=(sets.n_villages, sets.n_villages))
    pull = (sets.matrix() @ csr_array(weights)).tocoo()
    of_set, village = (each.astype(np.int64) for each in pull.coords)
    outside = np.flatnonzero(pool.eligible[village] & (sets.set_of_village()[village] != of_set))
    order = outside[np.lexsort((village[outside], -pull.data[outside], of_set[outside]))]
    of_set, village = of_set[order], village[order]
    rank = np.arange(len(order)) - np.searchsorted(of_set, of_set)
    return of_set[rank < NEIGHBOURS], village[rank < NEIGHBOURS]
