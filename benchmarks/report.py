"""RESULTS.md from what was measured; nothing in it that was not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .fit import fit_growth
from .results import Result, disagreements, median_of

Part = Mapping[str, Any]  # a part's file: machine, versions, cases
LEAST_S = 0.05


def read_parts(folder: Path) -> dict[str, Part]:
    """Read the files of all parts that were measured."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("?.json"))}


def render(parts: Mapping[str, Part], texts: Mapping[str, tuple[str, str, Sequence[str]]], *, base: str) -> str:
    """
    Write the results as Markdown.

    Parameters
    ----------
    parts
        What was measured, by the letter of the part.
    texts
        Title, explanation and facts worth a column, by the letter of the part.
    base
        What the inputs are called.
    """
    lines = ["# geoklynge beside other libraries", ""]
    lines += ["Written by `make bench`; how each part is measured stands above its table.", ""]
    lines += [f"Measured on {base}.", "", *_machines(parts), *_verdict(parts)]
    for key, part in parts.items():
        title, about, facts = texts[key]
        lines += [f"## {key}. {title}", "", about.strip(), "", *_when(part["cases"])]
        lines += _growth_section(part["cases"], facts) if key == "f" else _section(part["cases"], facts)
    return "\n".join(lines).rstrip() + "\n"


def _machines(parts: Mapping[str, Part]) -> list[str]:
    """Say where it was measured and with which versions; once, where it is the same for all parts."""
    groups: dict[str, list[str]] = {}
    for key, part in parts.items():
        machine = part["machine"]
        text = (
            f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}, "
            f"Python {machine['python']}; " + ", ".join(f"{name} {found}" for name, found in part["versions"].items())
        )
        groups.setdefault(text, []).append(key)
    return [line for text, keys in groups.items() for line in (f"Parts {', '.join(keys)}: {text}.", "")]


def _when(cases: Mapping[str, Result]) -> list[str]:
    """Say on which days the part was measured, as a long run may be interrupted."""
    days = sorted({case["when"][:10] for case in cases.values() if case["seconds"]})
    return [f"Measured {' to '.join(sorted({days[0], days[-1]}))}.", ""] if days else []


def _verdict(parts: Mapping[str, Part]) -> list[str]:
    wrong = disagreements({key: part["cases"] for key, part in parts.items()})
    if not wrong:
        return []
    return ["**Not everything agrees:**", "", *(f"- {text}" for text in wrong), ""]


def _section(cases: Mapping[str, Result], facts: Sequence[str]) -> list[str]:
    shown = [name for name in facts if any(name in case["facts"] for case in cases.values())]
    first = next((case for case in cases.values() if case["ours"] and case["seconds"]), None)
    header = ["", "seconds", "times ours", "peak MB", *shown, "same result"]
    rows = [_row(case, first, cases, shown) for case in cases.values()]
    notes = [f"- {case['label']}: {case['note']}." for case in cases.values() if case.get("note")]
    staged = [case for case in cases.values() if case.get("stages")]
    stages = [line for case in staged for line in _stage_table(case)]
    return [*_table(header, rows), "", *notes, *([""] if notes else []), *stages]


def _row(case: Result, first: Result | None, cases: Mapping[str, Result], shown: Sequence[str]) -> list[str]:
    if not case["seconds"]:
        return [case["label"], _why_not(case), *[""] * (len(shown) + 3)]
    reference = _reference(case, first, cases)
    ratio = median_of(case, "seconds") / median_of(reference, "seconds") if reference else None
    return [
        case["label"],
        _seconds(case),
        "" if ratio is None or case is reference else f"{ratio:,.2f}" if ratio < 10 else f"{ratio:,.0f}",
        f"{median_of(case, 'peak_mb'):,.0f}",
        *(_number(case["facts"].get(name)) for name in shown),
        _check_of(case),
    ]


def _why_not(case: Result) -> str:
    return str(case.get("error") or case.get("skipped") or "not measured")


def _reference(case: Result, first: Result | None, cases: Mapping[str, Result]) -> Result | None:
    """Ours on the same amount of work: where a part asks for several, the one with as many members."""
    members = case["facts"].get("members")
    same = (c for c in cases.values() if c["ours"] and c["seconds"] and c["facts"].get("members") == members)
    return first if members is None else next(same, None)


def _seconds(case: Result) -> str:
    """Median, and from the least to the most where it was measured more than once."""
    seconds, middle = case["seconds"], f"{median_of(case, 'seconds'):.3g}"
    scaled = "≈ " if "scaled up" in (case.get("note") or "") else ""
    if len(seconds) == 1:
        return f"{scaled}{middle} (once)"
    return f"{scaled}{middle} ({min(seconds):.3g} to {max(seconds):.3g}, {len(seconds)} times)"


def _check_of(case: Result) -> str:
    check = case.get("check")
    if not check:
        return ""
    return check["text"] if check["agrees"] else f"**DISAGREES**: {check['text']}"


def _number(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]


def stage_medians(case: Result, key: str = "stages") -> dict[str, float]:
    """Take the median over the repetitions of each stage."""
    told = case.get(key) or []
    stages = dict.fromkeys(stage for run in told for stage in run)
    return {stage: median_of({"v": [run[stage] for run in told if stage in run]}, "v") or 0.0 for stage in stages}


def _stage_table(case: Result) -> list[str]:
    seconds, peaks = stage_medians(case), stage_medians(case, "stage_peak_mb")
    rows = [[stage, f"{seconds[stage]:.2f}", _number(peaks.get(stage))] for stage in seconds]
    return [f"{case['label']}, stage by stage (medians):", "", *_table(["stage", "seconds", "peak MB"], rows), ""]


def _growth_section(cases: Mapping[str, Result], facts: Sequence[str]) -> list[str]:
    measured = {name: case for name, case in cases.items() if case["seconds"]}
    missing = [f"- {case['label']}: {_why_not(case)}." for case in cases.values() if not case["seconds"]]
    if not measured:
        return missing
    sizes = [case["facts"]["villages"] for case in measured.values()]
    lines = ["![Seconds and peak memory of each stage over the size of the country](growth.png)", ""]
    for key, unit in (("stages", "seconds"), ("stage_peak_mb", "peak MB")):
        told = [stage_medians(case, key) for case in measured.values()]
        stages = list(dict.fromkeys(stage for run in told for stage in run))
        header = [f"{unit} (medians)", *(case["label"] for case in measured.values()), "grows with", "R²"]
        rows = [_fitted(stage, sizes, [run.get(stage, 0.0) for run in told], unit) for stage in stages]
        whole = "seconds" if key == "stages" else "peak_mb"
        rows.append(_fitted("whole run", sizes, [median_of(case, whole) for case in measured.values()], unit))
        if key == "stages":
            rows += [_counts(name, measured) for name in facts]
            rows.append(["repetitions", *(str(len(case["seconds"])) for case in measured.values()), "", ""])
        lines += [*_table(header, rows), ""]
    return lines + missing


def _counts(name: str, measured: Mapping[str, Result]) -> list[str]:
    return [name, *(_number(case["facts"].get(name)) for case in measured.values()), "", ""]


def _fitted(stage: str, sizes: Sequence[float], values: Sequence[float], unit: str) -> list[str]:
    growth = fit_growth(sizes, values, at_least=LEAST_S if unit == "seconds" else 0.0)
    cells = [f"{value:.2f}" if unit == "seconds" else f"{value:,.0f}" for value in values]
    if growth is None:
        return [stage, *cells, "too few sizes", ""]
    return [stage, *cells, f"n^{growth.exponent:.2f}", f"{growth.r2:.3f}"]
