"""What villages of a cluster share: places of one kind near each other, reach of services, minutes between them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..assessment import facility_counts
from ..tables import Tables
from ..ties import Ties
from ..village_sets import PairsInside, VillageSets

Floats = NDArray[np.float64]

NEAR_MINUTES = 10.0  # half of the usual limit of a cluster
HELD_IN_COMMON = ("school", "kindergarten", "sports_hall", "community_hall", "library", "sports_club")
BINS = 8  # of the minutes that a cluster's villages may be apart


def doubles_of(sets: VillageSets, pairs: PairsInside, clusters: pd.DataFrame, ties: Ties) -> pd.DataFrame:
    """
    Find places of one kind in two villages of a cluster that are at most ten minutes apart.

    Only kinds that villages run, or are asked about, in common: schools, kindergartens, halls, libraries, clubs.

    Returns
    -------
    pd.DataFrame
        One row a cluster and category, in the order of clusters and of the categories: `cluster_id`, `category`,
        `facilities` in the whole cluster, and the two villages that have one and are nearest to each other:
        `village_a`, `village_b`, `minutes` (the slower direction).
    """
    categories = np.array(ties.shares.categories, dtype=object)
    asked = np.isin(categories, HELD_IN_COMMON)
    minutes = pairs.values(ties.minutes, absent=np.inf)
    near = np.flatnonzero(minutes <= NEAR_MINUTES)
    a, b = sets.member[pairs.left[near]], sets.member[pairs.right[near]]
    pair, category = np.nonzero(ties.has[a] & ties.has[b] & asked)
    found = pd.DataFrame(
        {
            "cluster": pairs.of_set[near][pair],
            "category": category,
            "minutes": minutes[near][pair],
            "a": a[pair],
            "b": b[pair],
        }
    ).sort_values(["cluster", "category", "minutes", "a", "b"])
    nearest = found.drop_duplicates(["cluster", "category"])
    cluster, kind = nearest["cluster"].to_numpy(), nearest["category"].to_numpy()
    facilities = sets.matrix() @ facility_counts(ties)
    return pd.DataFrame(
        {
            "cluster_id": clusters["cluster_id"].to_numpy(dtype=object)[cluster],
            "category": categories[kind],
            "facilities": facilities[cluster, kind].astype(int),
            "village_a": ties.village_ids[nearest["a"].to_numpy()],
            "village_b": ties.village_ids[nearest["b"].to_numpy()],
            "minutes": nearest["minutes"].round(1).to_numpy(),
        }
    )


def spread_of(pairs: PairsInside, clusters: pd.DataFrame, ties: Ties, most_minutes: float) -> pd.DataFrame:
    """
    Count the pairs of a cluster's villages by the minutes between them (the slower direction).

    Returns
    -------
    pd.DataFrame
        Eight rows a cluster, of equal steps up to the study's limit: `cluster_id`, `from_minutes`, `to_minutes`,
        `pairs` that are more minutes apart than the one and not more than the other (none: in the first step).
    """
    minutes = pairs.values(ties.minutes, absent=most_minutes)
    edges = np.linspace(0.0, most_minutes, BINS + 1)
    place = np.clip(np.searchsorted(edges, minutes, side="left") - 1, 0, BINS - 1)  # the end of a step is part of it
    counts = np.bincount(pairs.of_set.astype(np.int64) * BINS + place, minlength=len(clusters) * BINS)
    return pd.DataFrame(
        {
            "cluster_id": np.repeat(clusters["cluster_id"].to_numpy(dtype=object), BINS),
            "from_minutes": np.tile(edges[:-1], len(clusters)),
            "to_minutes": np.tile(edges[1:], len(clusters)),
            "pairs": counts,
        }
    )


def coverage_of(sets: VillageSets, tables: Tables, ties: Ties) -> pd.DataFrame:
    """
    Tell how many people have a service in their own village, and how many in their cluster.

    Returns
    -------
    pd.DataFrame
        One row a category of the data, of all people in the clusters: `category`, `own_village` and `own_cluster`,
        shares 0..1.
    """
    people = tables.villages["people"].to_numpy(dtype=np.float64)[sets.member]
    own = ties.has[sets.member]
    somewhere = (sets.matrix() @ ties.has > 0)[sets.set_of_member()]
    everyone = max(float(people.sum()), 1.0)
    return pd.DataFrame(
        {
            "category": list(ties.shares.categories),
            "own_village": (people @ own / everyone).round(3),
            "own_cluster": (people @ somewhere / everyone).round(3),
        }
    )
