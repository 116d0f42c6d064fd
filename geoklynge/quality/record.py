"""Quality as plain data: short for run.json, whole for whoever inspects a study."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict
from typing import Any

import pandas as pd

from .examine import Quality

EXAMPLES = 5
WHOLE = ("merged", "outside_parish", "without_people", "far_services", "odd_positions")
DIGITS = {"expected": 3, "people_per_facility": 1, "metres": 1, "x": 1, "y": 1}

Record = dict[str, Any]


def short_record(quality: Quality) -> Record:
    """Tell completeness and years whole, of the rest numbers and a few examples: small for a country, too."""
    merged = quality.merged
    reasons = [] if merged.empty else [f"{table}: {why}" for table, why in merged[["table", "reason"]].to_numpy()]
    return {
        "completeness": rows_of(quality.completeness),
        "source_years": rows_of(quality.years),
        "source_rows": rows_of(quality.accounts),
        "doubts": {name: len(getattr(quality, name)) for name in WHOLE if name != "merged"},
        "merged": {
            "count": len(merged),
            "by_reason": dict(Counter(reasons)),
            "examples": rows_of(_far_apart_first(merged).head(EXAMPLES)),
        },
    }


def _far_apart_first(merged: pd.DataFrame) -> pd.DataFrame:
    """Put the pairs first that are worth a look: those farthest apart."""
    if merged.empty:
        return merged
    return merged.sort_values(["metres", "table", "row_id"], ascending=[False, True, True])


def full_record(quality: Quality) -> Record:
    """Tell everything, a row a doubt."""
    return {
        "people": round(quality.people),
        "country": quality.country,
        "this_year": quality.this_year,
        **{key: value for key, value in short_record(quality).items() if key.startswith(("completeness", "source"))},
        **{name: rows_of(getattr(quality, name)) for name in WHOLE},
        "findings": [asdict(finding) for finding in quality.findings],
    }


def rows_of(table: pd.DataFrame) -> list[Record]:
    """Turn a table into plain rows; what is missing or not finite is None."""
    columns = {str(name): [_plain(value, DIGITS.get(str(name))) for value in table[name].tolist()] for name in table}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _plain(value: Any, digits: int | None) -> Any:
    if value is None or value is pd.NA or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value if digits is None else round(value, digits)
