"""How a cluster stands in other lights: its rank under other weights of the measures, its villages by topic."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ..pipeline import Run
from ..sensitivity import WEIGHTINGS
from .texts import Sentence

MOST_NAMED = 6  # villages in one sentence
WITH_A_NEIGHBOUR = ("say.topic_with", "say.topic_with_more")  # the second where not all are named
ALONE = ("say.topic_own", "say.topic_own_more")  # the hub is one of those who go


def topic_labels(run: Run) -> dict[str, dict[str, str]]:
    """Give the labels of the topics that have a plan, in their order."""
    topics = run.study.all_topics()
    return {plan.key: {"da": topics[plan.key].da, "en": topics[plan.key].en} for plan in run.topics}


def ranks_told(run: Run) -> dict[str, list[Sentence]]:
    """Say of each cluster, by its id, how much its rank hangs on the weights; nothing of the only one."""
    table = run.result.sensitivity
    told: dict[str, list[Sentence]] = {}
    for row in table.to_dict("records") if len(table) > 1 else ():
        top = {"n": int(row["top_n"]), "share": float(row["top_share"]), "weightings": WEIGHTINGS}
        low, high = int(row["rank_low"]), int(row["rank_high"])
        between: Sentence = ("say.rank_between", {"low": low, "high": high, "of": len(table)})
        same: Sentence = ("say.rank_same", {"low": low, "of": len(table)})
        told[str(row["cluster_id"])] = [("say.rank_top", top), same if low == high else between]
    return told


def topics_told(run: Run) -> dict[str, list[dict[str, Any]]]:
    """
    Say of each cluster, by its id, where its villages go topic by topic.

    Returns
    -------
    dict
        For each topic a row: its `key`; `share` of the cluster's people who stay together; `alone`, how many of its
        villages are in no topic cluster; `told`, a sentence for each group that goes elsewhere.
    """
    villages = run.result.villages
    name = dict(zip(villages["village_id"], villages["name"], strict=True))
    home = dict(zip(villages["village_id"], villages["cluster_id"].fillna(""), strict=True))
    rows: dict[str, list[dict[str, Any]]] = {}
    for topic in run.topics:
        moves: dict[str, list[Sentence]] = {}
        groups = zip(*(topic.moves[column] for column in ("cluster_id", "hub_id", "village_id")), strict=True)
        for (cluster, hub), members in groupby(groups, key=lambda move: move[:2]):
            names = [str(name[village]) for *_, village in members]
            facts = {"topic": topic.key, "hub": str(name[hub]), "names": names[:MOST_NAMED]}
            all_named, others = ALONE if home[hub] == cluster else WITH_A_NEIGHBOUR
            more = len(names) - MOST_NAMED
            sentence: Sentence = (others, {**facts, "more": more}) if more > 0 else (all_named, facts)
            moves.setdefault(cluster, []).append(sentence)
        for row in topic.stays.to_dict("records"):
            cluster = row["cluster_id"]
            rows.setdefault(cluster, []).append(
                {
                    "key": topic.key,
                    "share": float(row["share"]),
                    "alone": int(row["n_alone"]),
                    "told": moves.get(cluster, []),
                }
            )
    return rows
