"""How old the sources are: by the years of their rows, else by what is said of the file."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from ..origins import Origins
from ..tables import Finding, SourceRecord

OLD_YEARS = 4  # a municipal council's term, in which the municipal plan has to be looked over (planloven)

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
COLUMNS = ("table", "source", "rows", "oldest", "median", "newest", "undated", "dated", "old")


def source_years(records: Sequence[SourceRecord], origins: Origins | None, this_year: int) -> pd.DataFrame:
    """
    Tell how old each source is.

    Parameters
    ----------
    records
        The files, in their order.
    origins
        The rows of villages and services, with their years.
    this_year
        What old is counted from.

    Returns
    -------
    pd.DataFrame
        A row a table and source: `table`, `source`, `rows`, the `oldest`, `median` and `newest` year of its rows
        (missing where none is dated), `undated` rows, `dated` (what is said of the file), and `old`: whether the
        median year is more than four years ago; without dated rows, the newest year that is said of the file.
    """
    by_rows = {}
    if origins is not None:
        by_rows = {**_years(origins.villages, "villages"), **_years(origins.services, "services")}
    files = {record.path: record for record in records}
    dated = {key: files[key[1]].dated if key[1] in files else "" for key in by_rows}
    told = [(*key, *row, dated[key]) for key, row in by_rows.items()]
    said = {source for _, source in by_rows}
    others = [record for record in records if record.path not in said]
    told += [(each.table, each.path, each.rows, None, None, None, each.rows, each.dated) for each in others]
    table = pd.DataFrame([(*row, _is_old(row[4], row[7], this_year)) for row in told], columns=list(COLUMNS))
    return table.astype(dict.fromkeys(("oldest", "median", "newest"), "Int64"))


Years = tuple[int, int | None, int | None, int | None, int]  # rows, oldest, median, newest, undated


def _years(rows: pd.DataFrame, table: str) -> dict[tuple[str, str], Years]:
    """Sum up the years of the rows of each source."""
    found = {}
    for source, years in rows.groupby("source", sort=False)["year"]:
        known = years.dropna().astype("int64")
        middle = None if known.empty else int(known.median())
        ends = (None, None) if known.empty else (int(known.min()), int(known.max()))
        found[table, str(source)] = (len(years), ends[0], middle, ends[1], int(years.isna().sum()))
    return found


def _is_old(median: int | None, dated: str, this_year: int) -> bool:
    said = [int(year) for year in _YEAR.findall(dated)]
    year = median if median is not None else max(said, default=this_year)
    return this_year - year > OLD_YEARS


def findings_of(table: pd.DataFrame) -> list[Finding]:
    """Note the sources that are old."""
    old = table[table["old"]]
    if old.empty:
        return []
    names = sorted({str(source) for source in old["source"]})
    text = f"sources whose rows or file are of more than {OLD_YEARS} years ago: {len(names)}"
    return [Finding("sources_old", len(names), text, tuple(names[:5]))]
