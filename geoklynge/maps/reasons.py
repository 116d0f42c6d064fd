"""Why these villages, and how sure it is: a cluster's facts as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..cluster_names import JOIN, as_said
from ..pipeline import Run
from .texts import Sentence

MOST_SHARED = 4  # categories named in a cluster's sentence
MEMBER_TEXTS = (  # what the sentences need to know of a village, beside `certainty`, `other_share` and `compared`
    "name",
    "parish",
    "municipality",
    "former_municipality",
    "historic_district",
    "standing",
    "other_cluster_id",
)

Member = dict[str, Any]
Label = str | Sentence  # a cluster's name, or a sentence that holds it


@dataclass(frozen=True)
class Offer:
    """
    A cluster's services.

    `brings` counts facilities by village row and category, `missing` pairs each absent category with the minutes to
    the nearest, `shared` each category with the share of trips that go to the same places.
    """

    brings: dict[int, dict[str, int]]
    missing: list[list[Any]]
    shared: list[list[Any]]


def label_of(row: dict[Any, Any]) -> Label:
    """Give a cluster's name as a reader sees it; a part of it may depend on the language."""
    name = str(row["name"])
    return ("ui.around", {"name": name}) if row["name_reason"] == "around" else name


def reasons_of(run: Run, row: dict[Any, Any], members: list[Member], offer: Offer) -> list[Sentence]:
    """
    Say what holds a cluster's villages together.

    Parameters
    ----------
    run
        For the mode of travel and the number of repeated calculations.
    row
        The cluster's row in the table of clusters.
    members
        Its villages: `MEMBER_TEXTS`, None where the data says nothing.
    offer
        Its services.
    """
    mode = f"ui.{run.study.travel.mode}"
    runs = len(run.pool.partitions)
    sentences: list[Sentence] = [
        ("say.minutes", {"mean": float(row["mean_minutes"]), "longest": float(row["max_minutes"]), "mode": mode})
    ]
    if "overlap" in run.ties.layers_used:
        sentences.append(("say.overlap", {"share": float(row["overlap"])}))
        sentences += _most_shared(offer.shared)
        here = {category for counts in offer.brings.values() for category in counts}
        mean = sum(len(counts) for counts in offer.brings.values()) / len(members)
        sentences.append(("say.gain", {"whole": len(here), "of": len(here) + len(offer.missing), "part": mean}))
    sentences.append(("say.cohesion", {"share": float(row["cohesion"])}))
    sentences += _belonging(members)
    kept = float(row["stability"]) * runs
    sentences.append(("say.stability", {"kept": kept, "runs": runs}))
    sentences.append(_named(run, row))
    return sentences


def _named(run: Run, row: dict[Any, Any]) -> Sentence:
    """Say where a cluster's name comes from."""
    reason, places = str(row["name_reason"]), str(row["name_from"]).split(JOIN)
    facts: dict[str, Any] = {"share": float(row["name_share"])}
    if reason in {"municipality", "whole_parish"}:
        places = [as_said(each) for each in places]
    if reason == "district":
        facts["town"] = float(run.study.limits.town_people)
    return f"naming.{reason}", {"places": places, **facts}


def _most_shared(shared: list[list[Any]]) -> list[Sentence]:
    first = sorted((-share, category) for category, share in shared if share > 0)[:MOST_SHARED]
    return [("say.shared", {"categories": [[category, -share] for share, category in first]})] if first else []


def _belonging(members: list[Member]) -> list[Sentence]:
    """Say what parishes, former municipality and district the members have in common."""
    sentences: list[Sentence] = []
    parishes = _distinct(member["parish"] for member in members)
    if parishes:
        sentences.append(("say.parishes", {"n": len(parishes), "names": parishes}))
    for name, key in (("former_municipality", "say.former"), ("historic_district", "say.district")):
        found = {member[name] for member in members}
        if len(found) == 1 and None not in found:
            sentences.append((key, {"name": found.pop()}))
    municipalities = _distinct(member["municipality"] for member in members)
    if len(municipalities) > 1:
        sentences.append(("say.municipalities", {"names": municipalities}))
    return sentences


def _distinct(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value is not None})


def certainty_of(members: list[Member], labels: dict[str, Label]) -> list[Sentence]:
    """Say which of a cluster's villages surely belong, which less, and which could belong elsewhere."""
    n_core = sum(member["standing"] == "core" for member in members)
    sentences: list[Sentence] = [("say.core", {"n": n_core}) if n_core else ("say.core_zero", {})]
    edge = [[member["name"], member["certainty"]] for member in members if member["standing"] == "edge"]
    if edge:
        sentences.append(("say.edge", {"names": edge}))
    for member in members:
        if member["standing"] == "contested":
            facts = {
                "village": member["name"],
                "share": member["certainty"],
                "other": labels[member["other_cluster_id"]],
                "other_share": member["other_share"],
            }
            because = _compared(member)
            sentences.append(
                ("say.contested_because", {**facts, "because": because}) if because else ("say.contested", facts)
            )
    return sentences


def _compared(member: Member) -> list[Sentence]:
    """Say what speaks for the cluster of a contested village, and what for the other one."""
    row = member["compared"]
    if row is None:
        return []
    sentences: list[Sentence] = []
    if not pd.isna(row["category"]):
        there = {key: str(row[f"place_{key}"]) for key in ("own", "other")}
        way = {f"minutes_{key}": float(row[f"minutes_{key}"]) for key in ("own", "other")}
        sentences.append(("say.because_way", {"category": [row["category"]], **there, **way}))
    sentences.append(("say.because_ties", {key: float(row[f"tie_{key}"]) for key in ("own", "other")}))
    if row["parish_with_other"] and member["parish"]:
        sentences.append(("say.because_parish", {"name": member["parish"]}))
    if row["municipality_with_other"]:
        sentences.append(("say.because_municipality", {"name": member["former_municipality"]}))
    return sentences
