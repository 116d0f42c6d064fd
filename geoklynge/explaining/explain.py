"""All explanations of a plan, gathered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..candidates import Pool
from ..clusters import Clusters
from ..study import Study
from ..tables import Tables
from ..ties import Ties
from ..travel import Travel
from ..village_sets import VillageSets, pairs_inside, sets_by_label
from .alternatives import alternatives_of
from .changes import changes_of
from .profiles import profiles_of, traits_of
from .sharing import coverage_of, doubles_of, spread_of


@dataclass(frozen=True)
class Explanation:
    """
    What is told of clusters and villages beyond measures and certainty.

    Attributes
    ----------
    alternatives
        What else was possible in place of each cluster: see `alternatives_of`.
    changes
        The one village more or less that would raise each cluster's score most: see `changes_of`.
    doubles
        Places of one kind that are near each other in a cluster: see `doubles_of`.
    spread
        How many pairs of a cluster's villages are how many minutes apart: see `spread_of`.
    coverage
        The share of people who have a service in their village, and in their cluster: see `coverage_of`.
    profiles
        Size, services and place of each village: see `profiles_of`.
    traits
        Strengths and challenges of each village: see `traits_of`.
    """

    alternatives: pd.DataFrame
    changes: pd.DataFrame
    doubles: pd.DataFrame
    spread: pd.DataFrame
    coverage: pd.DataFrame
    profiles: pd.DataFrame
    traits: pd.DataFrame


def explain(  # noqa: PLR0913, PLR0917 - what every stage before it found
    result: Clusters, pool: Pool, assessment: pd.DataFrame, tables: Tables, travel: Travel, ties: Ties, study: Study
) -> Explanation:
    """Explain a plan; clusters are told in their order, villages in that of the table."""
    sets = sets_in_order(result)
    pairs = pairs_inside(sets, ties)
    profiles = profiles_of(sets, pairs, tables, ties)
    return Explanation(
        alternatives=alternatives_of(sets, result.clusters, pool, assessment, tables),
        changes=changes_of(sets, result.clusters, pool, tables, ties, study),
        doubles=doubles_of(sets, pairs, result.clusters, ties),
        spread=spread_of(pairs, result.clusters, ties, study.limits.max_minutes),
        coverage=coverage_of(sets, tables, ties),
        profiles=profiles,
        traits=traits_of(sets, profiles, tables, travel, ties),
    )


def sets_in_order(result: Clusters) -> VillageSets:
    """Give the clusters as sets of rows of the villages table, in order of rank."""
    number = pd.Index(result.clusters["cluster_id"]).get_indexer(pd.Index(result.villages["cluster_id"]))
    inside = np.flatnonzero(number >= 0).astype(np.int32)
    return sets_by_label(number[inside].astype(np.int64), inside, len(number))
