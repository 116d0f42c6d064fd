"""A validation for people and for machines: a table with its summary, and one record."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.table import Table

from .comparison import Recovery, Validation
from .comparison.compare import Row

AGREEMENT_DIGITS, SCORE_DIGITS = 3, 1


def recovery_table(validation: Validation) -> Table:
    """Show a row a known cluster."""
    table = Table(
        box=box.SIMPLE, title="Known clusters found again? Jaccard by villages; by people", title_justify="left"
    )
    table.add_column("cluster", min_width=12)
    table.add_column("municipality")
    table.add_column("villages", justify="right")
    table.add_column("plan", no_wrap=True)
    table.add_column("pool", no_wrap=True)
    table.add_column("verdict")
    table.add_column("why", ratio=1)
    for one in validation.recoveries:
        known = one.matched.known
        table.add_row(
            known.name,
            known.municipality,
            str(len(one.matched.rows)),
            _pair(one.in_plan.villages, one.in_plan.people),
            _pair(one.in_pool.villages, one.in_pool.people),
            one.in_plan.verdict,
            _why(one),
        )
    return table


def summary_table(validation: Validation, rivals: Sequence[Row] = ()) -> Table:
    """Show plan, pool, chance and other methods, a row each; of the latter, only what they find is counted."""
    table = Table(box=box.SIMPLE)
    table.add_column("")
    for heading in ("found", "partly", "missed", "mean Jaccard (villages; people)"):
        table.add_column(heading, justify="right")
    for name, tally in (("plan", validation.in_plan), ("pool", validation.in_pool)):
        counts = (str(count) for count in (tally.found, tally.partly, tally.missed))
        table.add_row(name, *counts, _pair(tally.villages, tally.people))
    chance = validation.chance
    table.add_row("by chance", f"{chance.found:.2f}", "", "", _pair(chance.villages, chance.people))
    for row in rivals:
        figures = _figures(row)
        found, jaccard = figures["found"], figures["villages"]
        table.add_row(
            row.title, "-" if found is None else str(found), "", "", row.note if jaccard is None else f"{jaccard:.2f}"
        )
    return table


def _figures(row: Row) -> dict[str, Any]:
    """Take what a method finds of the known clusters; None where it found nothing at all."""
    found, jaccard = row.figures["known_found"], row.figures["known_jaccard"]
    if not math.isfinite(found):
        return {"found": None, "villages": None}
    return {"found": int(found), "villages": round(jaccard, AGREEMENT_DIGITS)}


def remarks(validation: Validation) -> Iterator[str]:
    """Say, a line each, what one has to know beside the tables."""
    yield (
        f"by chance: mean of {validation.draws} connected sets a cluster, as many villages as it has, grown at random "
        "from a village of its municipality"
    )
    for one in validation.recoveries:
        name = one.matched.known.name
        yield from (f"{name}: {lost.member} not matched: {lost.why}" for lost in one.matched.unmatched)
        yield from (f"{name}: {note}" for note in one.matched.notes)
    if validation.left_out:
        names = ", ".join(known.name for known in validation.left_out)
        yield f"left out, in no municipality of the study: {len(validation.left_out)} ({names})"


def _pair(villages: float, people: float) -> str:
    return f"{villages:.2f}; {people:.2f}"


def _why(one: Recovery) -> str:
    if one.reason.code == "found" and one.cluster:
        return f"cluster {one.cluster.rank} of the plan, {one.cluster.name}"
    return one.reason.text


def validation_record(validation: Validation, rivals: Sequence[Row] = ()) -> dict[str, Any]:
    """Make plain numbers, texts and lists of a validation, ready for JSON; what is absent is null."""
    return {
        "clusters": [_recovery_record(one) for one in validation.recoveries],
        "left_out": [{"name": one.name, "municipality": one.municipality} for one in validation.left_out],
        "summary": {
            "known": len(validation.recoveries),
            "plan": _rounded(vars(validation.in_plan)),
            "pool": _rounded(vars(validation.in_pool)),
        },
        "baseline": {"draws": validation.draws, **_rounded(vars(validation.chance))},
        "rivals": [{"method": row.method, "setting": row.setting, "note": row.note, **_figures(row)} for row in rivals],
    }


def _recovery_record(one: Recovery) -> dict[str, Any]:
    known, matched = one.matched.known, one.matched
    cluster, candidate, real = one.cluster, one.candidate, one.real
    return {
        "name": known.name,
        "municipality": known.municipality,
        "phase": known.phase or None,
        "start_year": known.start_year,
        "said": {"population": known.population or None, "n_villages": known.n_villages},
        "source": known.source or None,
        "members": [member.name for member in known.members],
        "unmatched": [{"member": lost.member, "why": lost.why} for lost in matched.unmatched],
        "notes": list(matched.notes),
        "n_villages": len(matched.rows),
        "villages": list(matched.names),
        "verdict": one.in_plan.verdict,
        "verdict_in_pool": one.in_pool.verdict,
        "reason": {"code": one.reason.code, "text": one.reason.text},
        "plan": {
            **_rounded(vars(one.in_plan)),
            "cluster": cluster
            and {
                **vars(cluster),
                "score": round(cluster.score, SCORE_DIGITS),
                "missing": list(cluster.missing),
                "extra": list(cluster.extra),
            },
        },
        "pool": {
            **_rounded(vars(one.in_pool)),
            "candidate": candidate and {**vars(candidate), "score": round(candidate.score, SCORE_DIGITS)},
        },
        "real": real
        and {
            "score": round(real.score, SCORE_DIGITS),
            "n_villages": real.n_villages,
            "measures": {name: round(value, AGREEMENT_DIGITS) for name, value in real.measures.items()},
        },
        "baseline": _rounded(vars(one.chance)),
    }


def _rounded(numbers: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, AGREEMENT_DIGITS) for name, value in numbers.items()}
