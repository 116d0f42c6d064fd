"""What map and report tell beyond measures and certainty: alternatives, doubles, changes, strengths and challenges."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ..assessment import score_proportions
from ..cluster_names import JOIN
from ..pipeline import Run
from .texts import Sentence

LEAST_TOLD = 0.05  # points, or minutes: less is written as 0.0

Rows = dict[str, int]


def clusters_explained(run: Run, row_of: Rows, cluster_of: Rows, labels: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """
    Gather, by cluster id, what its card tells further.

    Returns
    -------
    dict
        For each cluster `area` in square kilometres; `spread`, how many pairs of villages are how far apart, by the
        steps of `steps_told`; `doubles`, sentences; `alternatives`, plain rows; `change`, sentences: the one village
        more or less that would raise its score, and the measure that costs it most.
    """
    explanation, table = run.explanation, run.result.clusters
    score = dict(zip(table["cluster_id"], table["score"].astype(float), strict=True))
    told: dict[str, dict[str, Any]] = {
        str(key): {"area": float(area), "spread": [], "doubles": [], "alternatives": [], "change": []}
        for key, area in zip(table["cluster_id"], table["area_km2"], strict=True)
    }
    for key, pairs in zip(explanation.spread["cluster_id"], explanation.spread["pairs"].tolist(), strict=True):
        told[key]["spread"].append(pairs)
    names = dict(zip(run.result.villages["village_id"], run.result.villages["name"], strict=True))
    for row in explanation.doubles.to_dict("records"):
        told[row["cluster_id"]]["doubles"].append(_double(row, names))
    for row in explanation.alternatives.to_dict("records"):
        told[row["cluster_id"]]["alternatives"].append(_alternative(row, row_of, cluster_of))
    for row in explanation.changes.to_dict("records"):
        told[row["cluster_id"]]["change"].append(_change(row, names, labels, score[row["cluster_id"]]))
    shares = measures_shown(run)
    for row in table.drop(columns="geometry").to_dict("records"):
        own = told[row["cluster_id"]]["change"] or [("say.change_none", {})]
        told[row["cluster_id"]]["change"] = own + _weakest(row, shares)
    return told


def steps_told(run: Run) -> list[float]:
    """Give the bounds, in minutes, of the steps in which pairs of villages are counted."""
    return [0.0, *run.explanation.spread["to_minutes"].unique().tolist()]  # the same of every cluster


def coverage_told(run: Run) -> list[tuple[str, float, float]]:
    """Tell of each category the share of people who have it in their village, and in their cluster."""
    table = run.explanation.coverage
    return list(
        zip(table["category"].tolist(), table["own_village"].tolist(), table["own_cluster"].tolist(), strict=True)
    )


def villages_explained(run: Run) -> list[dict[str, Any]]:
    """Gather, by row of the villages table, each village's plain type, its strengths and its challenges."""
    profiles = run.explanation.profiles
    told: list[dict[str, Any]] = [
        {"type": (f"type.{size}", f"type.{services}"), "strengths": [], "challenges": []}
        for size, services in zip(profiles["size"], profiles["services"], strict=True)
    ]
    row_of = {village: row for row, village in enumerate(profiles["village_id"])}
    for (village, kind, code), rows in _grouped(run.explanation.traits):
        told[row_of[village]]["strengths" if kind == "strength" else "challenges"].extend(_trait(code, rows))
    return told


def _grouped(traits: pd.DataFrame) -> list[tuple[tuple[str, str, str], list[tuple[Any, float]]]]:
    """Bring the rows of one village and trait together."""
    groups: dict[tuple[str, str, str], list[tuple[Any, float]]] = {}
    columns = (traits[name].tolist() for name in ("village_id", "kind", "code", "category", "minutes"))
    for village, kind, code, category, minutes in zip(*columns, strict=True):
        groups.setdefault((village, kind, code), []).append((category, minutes))
    return list(groups.items())


def _trait(code: str, rows: list[tuple[Any, float]]) -> list[Sentence]:
    if code == "only":
        return [("trait.only", {"categories": [str(category) for category, _ in rows]})]
    if code == "far":
        return [
            ("trait.far_nowhere", {"category": [str(category)]})
            if pd.isna(minutes)
            else ("trait.far", {"category": [str(category)], "minutes": minutes})
            for category, minutes in rows
        ]
    if code == "daily" and rows[0][1] < LEAST_TOLD:
        return [("trait.daily_here", {})]
    if code in {"central", "daily", "outlying"}:
        return [(f"trait.{code}", {"minutes": rows[0][1]})]
    return [(f"trait.{code}", {})]


def _double(row: dict[Any, Any], names: dict[Any, str]) -> Sentence:
    facts = {"category": [str(row["category"])], "n": int(row["facilities"]), "minutes": float(row["minutes"])}
    return ("say.double", {**facts, "a": str(names[row["village_a"]]), "b": str(names[row["village_b"]])})


def _alternative(row: dict[Any, Any], row_of: Rows, cluster_of: Rows) -> dict[str, Any]:
    displaced = str(row["displaces"]).split(JOIN)
    return {
        "members": [row_of[village] for village in str(row["village_ids"]).split(JOIN)],
        "people": int(row["population"]),
        "score": float(row["score"]),
        "longest": float(row["max_minutes"]),
        "common": float(row["people_in_common"]),
        "displaces": [cluster_of[key] for key in displaced if key != row["cluster_id"]],
    }


def _change(row: dict[Any, Any], names: dict[Any, str], labels: dict[str, Any], before: float) -> Sentence:
    facts: dict[str, Any] = {"village": str(names[row["village_id"]]), "before": before, "after": float(row["score"])}
    if row["kind"] == "without":
        return ("say.change_without", facts)
    if pd.isna(row["from_cluster_id"]):
        return ("say.change_with", facts)
    return ("say.change_with_from", {**facts, "other": labels[str(row["from_cluster_id"])]})


def _weakest(row: dict[Any, Any], shares: dict[str, float]) -> list[Sentence]:
    """Name the measure that costs the cluster most points; none where all are full."""
    lost = {name: 100 * share * (1 - float(row[name])) for name, share in shares.items()}
    measure = max(lost, key=lambda name: lost[name])
    facts = {"measure": f"measure.{measure}", "lost": lost[measure], "most": 100 * shares[measure]}
    return [("say.weakest", facts)] if lost[measure] >= LEAST_TOLD else []


def measures_shown(run: Run) -> dict[str, float]:
    """Name the measures that count in this run's scores, each with its share of the score."""
    shares = score_proportions(run.study.score, run.ties.layers_used)
    return {name: share for name, share in shares.items() if share > 0}
