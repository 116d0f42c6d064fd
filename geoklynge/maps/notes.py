"""What the pages say about a run as a whole: its summary, its limits, its data, its check."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import geopandas as gpd

from .. import __version__
from ..pipeline import Run
from ..travel import Basis
from .explained import measures_shown
from .quality_notes import findings_told, quality_notes
from .texts import Sentence

PROVEN_GAP = 5e-5  # below this a gap is shown as none


def notes_of(run: Run) -> dict[str, Any]:
    """
    Gather what is said about a run as a whole.

    Returns
    -------
    dict
        `head`, `parameters`, `check` and `method`: sentences; `findings` and `sources`: plain rows; `software`; and
        what `quality_notes` gives.
    """
    return {
        "head": _head(run),
        "parameters": _parameters(run),
        "check": _check(run),
        "method": [
            (f"method.{step}", {"count": len(measures_shown(run))} if step == "assess" else {}) for step in _steps(run)
        ],
        "findings": findings_told(run.findings(), run.quality),
        **quality_notes(run.quality),
        "sources": [
            {
                "file": PurePath(source.path).name,  # the folders of whoever ran it are nobody's business
                "title": {"da": source.title_da, "en": source.title_en},
                "table": source.table,
                "rows": source.rows,
                "licence": source.licence,
                "attribution": source.attribution,
                "dated": source.dated,
            }
            for source in run.tables.sources
        ],
        "software": ("ui.software", {"version": __version__, "seed": str(run.study.seed)}),
    }


def _steps(run: Run) -> tuple[str, ...]:
    """Name the steps of the method, in their order."""
    asked = ("survey",) if run.ties.survey is not None else ()
    topics = ("topics",) if run.topics else ()
    grid = ("open_country",) if run.tables.grid is not None else ()
    return (*grid, "ties", *asked, "propose", "assess", "select", "rank", *topics, "check", "limits")


def _head(run: Run) -> list[Sentence]:
    clusters, villages = run.result.clusters, run.result.villages
    placed = int(villages["cluster_id"].notna().sum())
    assumed = int(clusters["n_people_assumed"].sum())
    mode = f"ui.{run.study.travel.mode}"
    basis: dict[Basis, Sentence] = {
        Basis.ROADS: ("say.basis_roads", {"mode": mode}),
        Basis.LINKS: (
            "say.basis_links",
            {"mode": mode, "links": 0 if run.tables.links is None else len(run.tables.links)},
        ),
        Basis.STRAIGHT_LINES: ("say.basis_straight", {"mode": mode, "detour": run.study.travel.detour}),
    }
    return [
        ("say.summary", {"n": len(clusters), "clusters": len(clusters), "placed": placed, "villages": len(villages)}),
        ("say.summary_people", {"people": int(clusters["population"].sum())}),
        *([("say.summary_grid", _grid(run.tables.grid))] if run.tables.grid is not None else []),
        *([("say.summary_assumed", {"n": assumed})] if assumed else []),
        basis[run.travel.basis],
    ]


def _grid(cells: gpd.GeoDataFrame) -> dict[str, int]:
    return {"cells": len(cells), "people": int(cells["people"].sum())}


def _parameters(run: Run) -> list[Sentence]:
    study, limits = run.study, run.study.limits
    mode, half_minutes = study.travel.mode, study.ties.half_minutes
    mixture = study.mixture()
    near: list[Sentence] = [
        ("limits.mode", {"share": share, "mode": f"ui.{each}", "value": half_minutes[each]})
        for each, share in mixture.items()
    ]
    return [
        ("limits.max_minutes", {"value": limits.max_minutes}),
        ("limits.villages", {"low": limits.min_villages, "high": limits.max_villages}),
        ("limits.people", {"low": limits.min_people, "high": limits.max_people}),
        ("limits.town", {"value": limits.town_people}),
        ("limits.one_municipality" if limits.one_municipality else "limits.any_municipality", {}),
        ("limits.weakest", {"value": limits.weakest_tie}),
        ("limits.horizon", {"value": study.travel.max_minutes}),
        *([("limits.half", {"value": half_minutes[mode]})] if {*mixture} == {mode} else near),
        ("limits.unknown", {kind: float(people) for kind, people in limits.people_where_unknown.items()}),
        *(("limits.together", {"names": list(group)}) for group in study.planner.must_link),
        *(("limits.apart", {"names": list(group)}) for group in study.planner.cannot_link),
    ]


def _check(run: Run) -> list[Sentence]:
    verdict, gap = run.verdict, run.plan.gap
    checked: Sentence = (
        "say.verdict",
        {
            "pairs": verdict.pairs,
            "clusters": verdict.clusters,
            "difference": verdict.largest_difference_minutes,
        },
    )
    without = [key for key in run.study.services.all_categories() if key not in run.ties.shares.categories]
    return [
        checked if verdict.passed else ("say.verdict_broken", {"broken": "; ".join(verdict.broken)}),
        ("say.gap_none", {}) if gap < PROVEN_GAP else ("say.gap", {"gap": gap}),
        ("say.pool", {"candidates": len(run.pool.sets), "runs": len(run.pool.partitions)}),
        ("say.layers_used", {"layers": [f"say.layer_{layer}" for layer in run.ties.layers_used]}),
        *([("say.no_data", {"categories": without})] if without else []),
    ]
