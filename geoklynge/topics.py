"""Plans by topic: of the same candidates those that fit best for school alone, or for sports, and how they differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .assessment import reassess, worth
from .candidates import Pool
from .cluster_names import hubs_of
from .errors import NoPlanError, OutOfTimeError
from .modes import mixed_overlap
from .progress import Tell, counted, told_nobody
from .selection import Plan, select
from .study import Study
from .tables import Tables
from .ties import Ties, layer_proportions, share_that_one_has, weighted_sum
from .village_sets import VillageSets

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


@dataclass(frozen=True)
class TopicPlan:
    """
    The plan for one topic, and how it differs from the whole plan.

    Attributes
    ----------
    key
        Of the topic, in ``study.all_topics()``.
    categories
        Those of its categories that the data knows and that have a weight.
    plan
        The choice among the candidates of the whole plan.
    sets
        The chosen ones, in the order of ``plan.chosen``.
    hubs
        Row of each one's hub in the villages table: the member that weighs most in people and services of the topic.
    stays
        One row a cluster of the whole plan, by id: `cluster_id`; `share` of its people who stay together in one
        topic cluster, 0..1; `hub_id` of that, missing where all its villages are in none; `n_elsewhere`, villages in
        other topic clusters; `n_alone`, villages in none.
    moves
        One row a village that goes elsewhere: `cluster_id` that it leaves; `village_id`; `hub_id` of its topic
        cluster. Those of one cluster and one hub stand together, the largest first.
    """

    key: str
    categories: tuple[str, ...]
    plan: Plan
    sets: VillageSets
    hubs: Longs
    stays: pd.DataFrame
    moves: pd.DataFrame

    def set_of_village(self) -> Ints:
        """Find the number of each village's topic cluster in `sets`, -1 for none."""
        return self.sets.set_of_village()


def plan_topics(  # noqa: PLR0913 - the run so far
    pool: Pool,
    assessment: pd.DataFrame,
    tables: Tables,
    ties: Ties,
    study: Study,
    villages: pd.DataFrame,
    *,
    tell: Tell = told_nobody,
) -> tuple[TopicPlan, ...]:
    """
    Choose a plan for each topic of the study from the candidates of the whole plan.

    For a topic the categories of others count for nothing: ties and measures are those of a study that gives them
    the weight 0. Travel, candidates and the ensemble stay as they are, and with them the limits that candidates keep
    (that they hang together is judged by the ties of the whole). The choice is exact, as that of the whole plan.

    Parameters
    ----------
    pool, assessment
        The candidates, refined, and what they are for the whole plan.
    tables, ties, study
        Those of the whole plan.
    villages
        The villages with the `cluster_id` of the whole plan, in the order of the table.
    tell
        Told how many topics are done.

    Returns
    -------
    tuple of TopicPlan
        In the order of the study's topics. One without data, or for which no choice is worth anything, is left out.
    """
    weights = {
        key: np.where(np.isin(ties.shares.categories, topic.categories), ties.category_weight, 0.0)
        for key, topic in study.all_topics().items()
    }
    known = [key for key in weights if weights[key].sum() > 0]

    def plan_one(key: str) -> TopicPlan | None:
        of_topic = _with_weights(ties, weights[key], study)
        for_topic = reassess(assessment, pool, tables, of_topic, study)
        try:
            plan = select(pool.sets, worth(for_topic), pool.wishes)
        except OutOfTimeError:
            raise  # what cannot be told in time is no topic without a plan
        except NoPlanError:
            return None
        return _described(key, plan, pool, of_topic, villages)

    plans = list(counted(map(plan_one, known), len(known), tell))  # each uses all cores by itself
    return tuple(plan for plan in plans if plan is not None)


def topic_columns(topics: Iterable[TopicPlan], villages: pd.DataFrame) -> pd.DataFrame:
    """
    Tell each village's cluster by topic, for the villages table.

    Returns
    -------
    pd.DataFrame
        One column a topic, ``topic_<key>``: `village_id` of the hub of the village's topic cluster, missing where it
        is in none. Villages of one value are one cluster; the value finds the hub in the same table.
    """
    columns = {}
    for topic in topics:
        hub_ids = np.array([*villages["village_id"].to_numpy(dtype=object)[topic.hubs], None], dtype=object)
        columns[f"topic_{topic.key}"] = pd.array(hub_ids[topic.set_of_village()], dtype="string")
    return pd.DataFrame(columns, index=villages.index)


def _with_weights(ties: Ties, weights: Floats, study: Study) -> Ties:
    """Measure ties again as if the categories of services had these weights; what does not hang on them is kept."""
    overlap = mixed_overlap(ties.by_mode, weights, ties.a, ties.b)
    complementarity = ties.proximity * share_that_one_has(ties.has, weights, ties.a, ties.b)
    of_topic = replace(ties, overlap=overlap, complementarity=complementarity, category_weight=weights)
    layers = [getattr(of_topic, name) for name in of_topic.layers]
    weight = weighted_sum(layers, layer_proportions(study.ties.weights, ties.layers_used).values())
    return replace(of_topic, weight=np.clip(weight, 0.0, 1.0))


def _described(key: str, plan: Plan, pool: Pool, ties: Ties, villages: pd.DataFrame) -> TopicPlan:
    sets, categories = pool.sets.take(plan.chosen), np.array(ties.shares.categories, dtype=object)
    people, service_weight = villages["people"].to_numpy(dtype=np.float64), ties.has @ ties.category_weight
    hubs = hubs_of(sets, service_weight, people)
    cluster, cluster_ids = pd.factorize(villages["cluster_id"], sort=True)
    topic = sets.set_of_village()
    home, share = _homes(cluster, topic, people, len(cluster_ids))
    alone = (cluster >= 0) & (topic < 0)
    elsewhere = np.flatnonzero((cluster >= 0) & (topic >= 0) & (topic != np.append(home, -1)[cluster]))
    elsewhere = elsewhere[np.lexsort((-people[elsewhere], topic[elsewhere], cluster[elsewhere]))]
    village, of_plan = (_texts([*each, None]) for each in (villages["village_id"], cluster_ids))
    stays = {
        "cluster_id": of_plan[:-1],
        "share": share,
        "hub_id": village[np.append(hubs, -1)[home]],
        "n_elsewhere": np.bincount(cluster[elsewhere], minlength=len(cluster_ids)),
        "n_alone": np.bincount(cluster[alone], minlength=len(cluster_ids)),
    }
    moves = {
        "cluster_id": of_plan[cluster[elsewhere]],
        "village_id": village[elsewhere],
        "hub_id": village[hubs[topic[elsewhere]]],
    }
    known = tuple(categories[ties.category_weight > 0])
    return TopicPlan(key, known, plan, sets, hubs, pd.DataFrame(stays), pd.DataFrame(moves))


def _texts(values: list[str | None]) -> Any:
    """Make texts of which the last, number -1, is a missing one."""
    return pd.array(values, dtype="string")


def _homes(cluster: Longs, topic: Ints, people: Floats, n_clusters: int) -> tuple[Longs, Floats]:
    """
    Find where each cluster of the whole plan stays: the topic cluster that holds most of its people.

    Of equals that with most of its villages, then the first; -1 where all its villages are in none.

    Returns
    -------
    tuple of two arrays
        The number of that topic cluster, and the share of the cluster's people in it; shape (clusters,).
    """
    table = pd.DataFrame({"cluster": cluster, "topic": topic, "people": people, "villages": 1})
    held = table[(cluster >= 0) & (topic >= 0)].groupby(["cluster", "topic"], as_index=False).sum()
    most = held.sort_values(["cluster", "people", "villages", "topic"], ascending=[True, False, False, True])
    first = most.drop_duplicates("cluster")
    at = first["cluster"].to_numpy()
    home, share = np.full(n_clusters, -1, dtype=np.int64), np.zeros(n_clusters)
    home[at] = first["topic"]
    total = np.bincount(cluster[cluster >= 0], weights=people[cluster >= 0], minlength=n_clusters)
    share[at] = first["people"] / np.maximum(total[at], np.finfo(float).tiny)
    return home, share
