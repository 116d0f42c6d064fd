"""Why these villages, and how sure it is: a cluster's facts as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..pipeline import Run
from .texts import Sentence

MOST_SHARED = 4  # categories named in a cluster's sentence
MEMBER_TEXTS = (  # what the sentences need to know of a village, beside its `certainty`
    "name",
    "parish",
    "municipality",
    "former_municipality",
    "historic_district",
    "standing",
    "other_cluster_id",
)

Member = dict[str, Any]


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
    return sentences


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


def certainty_of(members: list[Member], cluster_names: dict[str, str]) -> list[Sentence]:
    """Say which of a cluster's villages surely belong, which less, and which could belong elsewhere."""
    n_core = sum(member["standing"] == "core" for member in members)
    sentences: list[Sentence] = [("say.core", {"n": n_core}) if n_core else ("say.core_zero", {})]
    edge = [[member["name"], member["certainty"]] for member in members if member["standing"] == "edge"]
    if edge:
        sentences.append(("say.edge", {"names": edge}))
    for member in members:
        if member["standing"] == "contested":
            other = cluster_names[member["other_cluster_id"]]
            facts = {"village": member["name"], "share": member["certainty"], "other": other}
            sentences.append(("say.contested", facts))
    return sentences
