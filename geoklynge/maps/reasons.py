"""Why these villages, and how sure it is: a cluster's facts as sentences."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..pipeline import Run
from .texts import Sentence

MOST_SHARED = 4  # categories named in a cluster's sentence


@dataclass(frozen=True)
class Offer:
    """
    A cluster's services.

    `brings` counts facilities by village row and category, `missing` pairs each absent category with the minutes to
    the nearest, `shared` is the cluster's part of that table.
    """

    brings: dict[int, dict[str, int]]
    missing: list[list[Any]]
    shared: pd.DataFrame | None


def reasons_of(run: Run, row: dict[Any, Any], members: pd.DataFrame, offer: Offer) -> list[Sentence]:
    """
    Say what holds a cluster's villages together.

    Parameters
    ----------
    run
        For the mode of travel and the number of repeated calculations.
    row
        The cluster's row in the table of clusters.
    members
        Its villages.
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


def _most_shared(shared: pd.DataFrame | None) -> list[Sentence]:
    if shared is None:
        return []
    first = shared[shared["share"] > 0].sort_values(["share", "category"], ascending=[False, True]).head(MOST_SHARED)
    pairs = [[category, float(share)] for category, share in rows_of(first, "category", "share")]
    return [("say.shared", {"categories": pairs})] if pairs else []


def _belonging(members: pd.DataFrame) -> list[Sentence]:
    """Say what parishes, former municipality and district the members have in common."""
    sentences: list[Sentence] = []
    parishes = _distinct(column(members, "parish"))
    if parishes:
        sentences.append(("say.parishes", {"n": len(parishes), "names": parishes}))
    for name, key in (("former_municipality", "say.former"), ("historic_district", "say.district")):
        found = column(members, name)
        if len(set(found)) == 1 and found[0] is not None:
            sentences.append((key, {"name": found[0]}))
    municipalities = _distinct(column(members, "municipality"))
    if len(municipalities) > 1:
        sentences.append(("say.municipalities", {"names": municipalities}))
    return sentences


def _distinct(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value is not None})


def certainty_of(members: pd.DataFrame, cluster_names: dict[str, str]) -> list[Sentence]:
    """Say which of a cluster's villages surely belong, which less, and which could belong elsewhere."""
    standing = pd.Series(column(members, "standing"), dtype="object").to_numpy()
    n_core = int((standing == "core").sum())
    sentences: list[Sentence] = [("say.core", {"n": n_core}) if n_core else ("say.core_zero", {})]
    edge = members[standing == "edge"]
    if len(edge):
        pairs = [[str(name), float(share)] for name, share in rows_of(edge, "name", "certainty")]
        sentences.append(("say.edge", {"names": pairs}))
    for name, share, other in rows_of(members[standing == "contested"], "name", "certainty", "other_cluster_id"):
        facts = {"village": str(name), "share": float(share), "other": cluster_names[str(other)]}
        sentences.append(("say.contested", facts))
    return sentences


def _text_or_none(value: object) -> str | None:
    """Turn a cell into text; a missing one into None."""
    return None if pd.isna(value) else str(value)  # type: ignore[call-overload]


def column(table: pd.DataFrame, name: str) -> list[str | None]:
    """Read a text column that a table may not have."""
    if name not in table:
        return [None] * len(table)
    return [_text_or_none(value) for value in table[name].astype(object)]


def rows_of(table: pd.DataFrame | None, *names: str) -> list[list[Any]]:
    """List the rows of some columns; none where a cluster has no part of a table."""
    return [] if table is None else table[list(names)].to_numpy(dtype=object).tolist()
