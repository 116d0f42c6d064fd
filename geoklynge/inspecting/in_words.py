"""The tables of a look at the data, in the words of a language: the same on the screen and on the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ..maps.quality_notes import file_names
from ..maps.texts import Words, texts
from .look import Look

MOST_ROWS = 40  # of one table on the page; --json has all


def words_for(look: Look, language: str) -> Words:
    """Words of a language, with the study's labels of service categories."""
    categories = look.study.services.all_categories()
    return Words(language, {key: str(getattr(category, language)) for key, category in categories.items()})


@dataclass(frozen=True)
class Sheet:
    """One table as it is shown: keys of its caption and columns, its rows in words, and how many there are in all."""

    caption: str
    columns: tuple[str, ...]
    rows: list[list[str]]
    numbers: tuple[int, ...]  # columns that stand to the right
    total: int


def completeness_sheet(look: Look, words: Words) -> Sheet:
    """Kinds of services held against the country's average."""
    rows = [
        [
            words.categories[row["category"]],
            words.say("ui.whole", value=row["found"]),
            _expected(row["expected"], words),
            words.say(f"verdict.{row['verdict']}"),
        ]
        for row in look.quality.completeness.to_dict("records")
    ]
    columns = ("ui.category", "quality.found", "quality.expected", "quality.verdict")
    return Sheet("quality.completeness", columns, rows, (1, 2), len(rows))


def _expected(expected: float, words: Words) -> str:
    if pd.isna(expected):
        return ""
    return words.say("ui.whole" if expected >= 10 else "ui.tenth", value=expected)


def figures_sheet(look: Look, words: Words) -> Sheet:
    """Where the national figures come from."""
    table = look.quality.completeness
    rows = [
        [
            words.categories[row["category"]],
            words.say("ui.whole", value=row["facilities"]),
            words.say("ui.whole", value=row["people_per_facility"]),
            str(row["year"]),
            str(row[words.language]),
            row["source"] + ("" if row["basis"] == "read" else f" ({words.say('inspect.basis_general')})"),
        ]
        for row in table[table["facilities"].notna()].to_dict("records")
    ]
    columns = ("ui.category", "inspect.facilities", "inspect.people_per", "inspect.year", "inspect.counts",
               "inspect.counted_by")  # fmt: skip
    return Sheet("inspect.figures", columns, rows, (1, 2, 3), len(rows))


def accounts_sheet(look: Look, words: Words) -> Sheet:
    """Where every row of the sources stands, and why."""
    rows = [
        [
            f"{file_names(row['source'])}: {table_word(row['table'], words)}",
            reason_word(row["table"], row["reason"], words),
            words.say(f"inspect.standing_{row['standing']}"),
            words.say("ui.whole", value=row["rows"]),
        ]
        for row in look.quality.accounts.to_dict("records")
    ]
    columns = ("quality.source", "inspect.reason", "inspect.standing", "inspect.rows")
    return Sheet("inspect.accounts", columns, rows, (3,), len(rows))


def years_sheet(look: Look, words: Words) -> Sheet:
    """How old the sources are, by their rows and by what is said of the file."""
    rows = [
        [
            f"{file_names(row['source'])}: {table_word(row['table'], words)}"
            + (f" ({words.say('quality.old')})" if row["old"] else ""),
            *("" if pd.isna(row[name]) else str(row[name]) for name in ("oldest", "median", "newest")),
            words.say("ui.whole", value=row["undated"]),
            words.date(row["dated"]) or words.say("ui.not_stated"),
        ]
        for row in look.quality.years.to_dict("records")
    ]
    columns = ("quality.source", "quality.oldest", "quality.median", "quality.newest", "quality.undated",
               "ui.source_dated")  # fmt: skip
    return Sheet("quality.years", columns, rows, (1, 2, 3, 4), len(rows))


def table_word(table: str, words: Words) -> str:
    """Name a table of the sources."""
    key = f"quality.table_{table}"
    return words.say(key) if key in texts(words.language) else table


def reason_word(table: str, reason: str, words: Words) -> str:
    """Say why a row of a table of the sources stands where it does."""
    key = f"inspect.reason_{reason}_{table}"
    return words.say(key if key in texts(words.language) else f"inspect.reason_{reason}")


def doubt_sheets(look: Look, words: Words) -> list[Sheet]:
    """Tables of the single rows to look at; those without a row are left out."""
    quality = look.quality
    merged = quality.merged
    by_table = {
        "inspect.merged_villages": merged if merged.empty else merged[merged["table"] == "villages"],
        "inspect.merged_services": merged if merged.empty else merged[merged["table"] == "services"],
    }
    sheets = [
        _sheet("inspect.outside_parish", quality.outside_parish, words, {
            "inspect.place": "name", "inspect.stated": "parish", "inspect.lies_in": "lies_in",
            "inspect.metres": "metres"}),
        _sheet("inspect.far_services", quality.far_services, words, {
            "inspect.name": "name", "ui.category": "category", "inspect.nearest": "nearest",
            "inspect.metres": "metres"}),
        _sheet("inspect.odd_positions", quality.odd_positions, words, {
            "inspect.row": "row_id", "inspect.name": "name", "quality.source": "source", "inspect.reason": "reason",
            "inspect.km": "km"}),
        *(
            _sheet(caption, rows, words, {
                "inspect.row": "row_id", "inspect.name": "name", "quality.source": "source",
                "inspect.into": "into_name", "inspect.reason": "reason", "inspect.metres": "metres"})
            for caption, rows in by_table.items()
        ),
        _sheet("inspect.without_people", quality.without_people, words, {
            "inspect.place": "name", "inspect.kind": "kind", "inspect.assumed": "people"}),
    ]  # fmt: skip
    return [sheet for sheet in sheets if sheet.total]


def _sheet(caption: str, table: pd.DataFrame, words: Words, columns: dict[str, str]) -> Sheet:
    """Put the first rows of a table of doubts into words; the largest distances first."""
    if table.empty:
        return Sheet(caption, tuple(columns), [], (), 0)
    order = next((name for name in ("metres", "km", "people") if name in columns.values()), None)
    shown = table if order is None else table.sort_values(order, ascending=False, kind="stable")
    rows = [
        [
            reason_word(str(row["table"]), str(row[name]), words) if name == "reason" else _cell(name, row[name], words)
            for name in columns.values()
        ]
        for row in shown.head(MOST_ROWS).to_dict("records")
    ]
    numbers = tuple(k for k, name in enumerate(columns.values()) if name in {"metres", "km", "people"})
    return Sheet(caption, tuple(columns), rows, numbers, len(table))


def _cell(name: str, value: Any, words: Words) -> str:
    """Write one cell; what a name is missing from is told as nameless."""
    if pd.isna(value) or value == "":
        return words.say({"name": "inspect.nameless", "into_name": "inspect.nameless", "lies_in": "inspect.nowhere"}
                         .get(name, "ui.not_stated"))  # fmt: skip
    if name in {"metres", "people", "km"}:
        return words.say("ui.whole", value=value)
    if name == "category":
        return words.categories.get(str(value), str(value))
    if name == "kind":
        return words.say(f"inspect.kind_{value}")
    return file_names(str(value)) if name == "source" else str(value)
