"""Cells of a timetable feed brought to ids, numbers, times and dates; the first that cannot be used is named."""

from __future__ import annotations

import re
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .feed_files import Cells, Ints

TIME = re.compile(r"\d{1,3}:[0-5]\d:[0-5]\d")
YEARS = (1900, 2200)  # a date outside is a mistake


def unique_ids(cells: Cells) -> pd.Index:
    """Make an index of ids of which none may be missing or stand twice."""
    ids = pd.Index(cells.text())
    wrong = ids.duplicated() | (ids == "")
    if wrong.any():
        row = int(wrong.argmax())
        problem = f"{ids[row]!r} stands twice" if ids[row] else "is empty"
        advice = "give every row an id of its own"
        cells.feed.refuse(cells.file, problem, row=row, column=cells.column, advice=advice)
    return ids


def rows_of(cells: Cells, known: pd.Index, *, listed_in: str, or_none: bool = False) -> Ints:
    """Find the row of each id in `known`, which the file `listed_in` gave; -1 for none, where there may be none."""
    at = known.get_indexer(pd.Index(cells.words)).astype(np.int64)
    cells.refuse((at < 0) & ~(or_none & (cells.words == "")), advice=f"give an id that {listed_in} has")
    return np.append(at, -1)[cells.codes]


def whole_numbers(cells: Cells, *, at_least: int) -> Ints:
    """Read whole numbers of at least `at_least`, at most nine digits."""
    fits = [bool(re.fullmatch(r"\d{1,9}", word)) and int(word) >= at_least for word in cells.words]
    cells.refuse(~np.array(fits, dtype=bool), advice=f"write a whole number from {at_least}")
    return np.array([int(word) for word in cells.words], dtype=np.int64)[cells.codes]


def degrees(cells: Cells, *, at_most: float) -> NDArray[np.float64]:
    """Read degrees; nan where the cell is empty."""
    numbers = pd.to_numeric(pd.Series(cells.words, dtype=object), errors="coerce").to_numpy(dtype=np.float64)
    wrong = (cells.words != "") & ~(np.abs(numbers) <= at_most)
    cells.refuse(wrong, advice=f"write degrees with a point, at most {at_most:g}")
    return np.append(numbers, np.nan)[cells.codes]


def require_times(cells: Cells, *, or_none: bool = False) -> None:
    """Refuse what is no time of day, or a missing one unless there may be none; 25:10:00 is one."""
    wrong = [not TIME.fullmatch(word) and not (or_none and not word) for word in cells.words]
    cells.refuse(np.array(wrong, dtype=bool), advice="write HH:MM:SS")


def seconds_of(cells: Cells) -> Ints:
    """Read times of day as seconds; beyond 24:00 they count on."""
    require_times(cells)
    parts = [[int(part) for part in word.split(":")] for word in cells.words]
    return np.array([h * 3600 + m * 60 + s for h, m, s in parts], dtype=np.int64)[cells.codes]


def ordinals(cells: Cells, *, or_none: bool = False) -> Ints:
    """Read dates (YYYYMMDD) as proleptic Gregorian ordinals; 0 for none, where there may be none."""
    days = np.array([_ordinal(word) for word in cells.words], dtype=np.int64)
    cells.refuse((days == 0) & ~(or_none & (cells.words == "")), advice="write YYYYMMDD")
    return np.append(days, 0)[cells.codes]


def _ordinal(text: str) -> int:
    if not re.fullmatch(r"\d{8}", text):
        return 0
    try:
        found = date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        return 0
    return found.toordinal() if YEARS[0] <= found.year < YEARS[1] else 0
