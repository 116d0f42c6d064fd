"""Tables of Statistics Denmark (StatBank) that count people: the newest counts of urban areas, or of parishes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import TableError
from ..open_data import OpenSource, open_sources
from ..tables import Finding
from .columns import find_column, numbers_of, text_of
from .delimited import read_delimited
from .fields import change_of, field_name, found_fields
from .naming import code_key, municipality_key
from .records import finding, require_file

# "70614233 706-14233 Knebel", "8256 8256 Knebel (Syddjurs Kommune)", or less of it: codes, then a name, then an aside
CODES = {
    "place": re.compile(r"(?:(\d{4,8})(?:\s+|$))?(?:(\d{3}-\d{5})(?:\s+|$))?(.*)"),
    "parish": re.compile(r"(?:(\d{1,4})(?:\s+|$))?(?:(\d{4})(?:\s+|$))?(.*)"),
}
NAME = re.compile(r"(.*?)\s*(?:\(([^()]*)\))?")
DIGITS = {"place": 8, "parish": 4}  # of a code; the first three of a place's are its municipality
MUNICIPALITY = re.compile(r"(.+?)\s*(regionskommune|kommune|municipality)", flags=re.IGNORECASE)
PART = re.compile("del af|part of", flags=re.IGNORECASE)  # "København (del af Hovedstadsområdet)"
PERIOD = re.compile(r"((?:19|20)\d\d)\S*")
NOTHING = ["..", ".", "…", "...", "-"]  # how StatBank marks a cell that it does not give


@dataclass(frozen=True)
class Counts:
    """
    What one table counts in its newest year.

    Attributes
    ----------
    rows
        A row an area: `code` and `name`, each empty where the file does not say it, `municipalities`, the keys of the
        municipalities it lies in as `municipality_keys` gives them, and `people`, above 0. Sorted by code and name.
    of
        "place" (urban areas) or "parish".
    year
        The year counted.
    known
        The open source that the table is of.
    read
        How many rows the file has.
    """

    rows: pd.DataFrame
    of: str
    year: int
    known: OpenSource
    read: int


def read_counts(path: Path, *, source: str) -> tuple[Counts, list[Finding]]:
    """
    Read a table of people, as StatBank's API gives it: CSV or BULK with semicolons, or JSON-stat.

    Cells may hold codes, texts or both (`valuePresentation` Code, Value, CodeAndValue, Default). Which columns count
    stands in `open_data.toml`, under the sources of the table ``population``. The newest period counts. Of a further
    variable (sex, age, what is measured) only the values of `settings.counted` count, where it has one of them; without
    one, all its values are added up. Rows of the rest of a municipality, of totals, and of areas with nobody are no
    places. An urban area that lies in several municipalities under one name is one area with all its people.

    Raises
    ------
    TableError
        If the file is missing or is no such table, or a year or a count cannot be used; names row and column.
    """
    require_file(path, source)
    table = _read_json_stat(path, source) if path.suffix.lower() == ".json" else read_delimited(path, source=source)[0]
    of, known = _source_of(table, source)
    area, year, people = (field_name(table, known, column, source=source) for column in (of, "year", "people"))
    periods, newest = _periods(table[year], source)
    counted = periods == newest
    for column in table.columns.difference([area, year, people]):
        counted &= _counted(table[column], known)
    numbers = numbers_of(
        table[people].mask(table[people].isin(NOTHING) | ~counted), source=source, whole=True, comma=True
    )
    _refuse_below_0(numbers, people, source)
    sums = numbers[counted].groupby(table.loc[counted, area], sort=True).sum()
    rows = _areas(sums[sums > 0], of, known)
    if rows.empty:
        raise TableError("no area with people in it", where=source, advice=f"fetch it anew from {known.homepage}")
    others = sorted(set(periods) - {newest})
    text = f"{source} tells of several periods: the newest, {newest}, counts; left aside: {len(others)}"
    counts = Counts(rows, of, int(newest[:4]), known, len(table))
    return counts, finding("population_periods", len(others), text, others)


def municipality_keys(code: Any, name: Any) -> frozenset[str]:
    """
    Bring what is said of a municipality to keys that meet: its code without zeros, its name without the genitive s.

    Examples
    --------
    >>> municipality_keys("0706", "Syddjurs") & municipality_keys("706", None) == {"706"}
    True
    >>> municipality_keys(None, "Bornholms Regionskommune") == municipality_keys(None, "Bornholm")
    True
    """
    keys = set()
    if not pd.isna(code) and str(code).strip():
        keys.add(code_key(str(code)))
    if not pd.isna(name) and str(name).strip():
        bare = MUNICIPALITY.fullmatch(str(name).strip())
        keys.add(municipality_key(bare[1] if bare else str(name)).removesuffix("s"))
    return frozenset(keys)


def _source_of(table: pd.DataFrame, source: str) -> tuple[str, OpenSource]:
    """Find the open source whose column of areas a table has."""
    kinds = [
        (of, known)
        for known in open_sources().values()
        if known.table == "population"
        for of in ("place", "parish")
        if of in known.fields
    ]
    for of, known in kinds:
        if find_column(table, [known.fields[of]]):
            return of, known
    wanted = " or ".join(f"{known.fields[of]!r} ({of})" for of, known in kinds)
    raise TableError(
        f"no field {wanted}; {found_fields(table.columns, [known.fields[of] for of, known in kinds])}",
        where=source,
        advice=f"give a table of StatBank, or {change_of('fields', *(known for _, known in kinds))}",
    )


def _periods(cells: pd.Series, source: str) -> tuple[pd.Series, str]:
    """Read the period of each row (2026, 2026K1) and tell the newest."""
    text = text_of(cells).fillna("")
    periods = text.map(lambda cell: found[0] if (found := PERIOD.match(cell)) else "")
    wrong = (periods == "").to_numpy(dtype=bool)
    if wrong.any():
        row = int(wrong.argmax())
        raise TableError(
            f"{text.iloc[row]!r} is no year",
            where=f"{source}, row {row + 1}, column {cells.name!r}",
            advice="write it like 2026",
        )
    return periods, max(periods, default="")


def _counted(cells: pd.Series, known: OpenSource) -> pd.Series:
    """Tell which rows of a further variable count: the first of the wanted values that it has, else all."""
    words = pd.Series(cells.dropna().unique(), dtype="string")
    forms = {word: {word.casefold(), *(part.casefold() for part in word.partition(" ")[::2])} for word in words}
    for wanted in known.settings.get("counted", ()):
        chosen = [word for word, said in forms.items() if str(wanted).casefold() in said]
        if chosen:
            return cells.isin(chosen).fillna(False).astype(bool)
    return pd.Series(True, index=cells.index)


def _refuse_below_0(numbers: pd.Series, column: str, source: str) -> None:
    below = (numbers < 0).fillna(False).to_numpy(dtype=bool)
    if below.any():
        row = int(below.argmax())
        where = f"{source}, row {row + 1}, column {column!r}"
        raise TableError(f"{numbers.iloc[row]:g} is below 0", where=where, advice="correct the file")


def _areas(people: pd.Series, of: str, known: OpenSource) -> pd.DataFrame:
    """Read codes, names and municipalities out of the cells of areas; leave out what is no area."""
    rest = {str(word).casefold() for word in known.settings.get("not_areas", ())}
    found: dict[tuple[str, ...], tuple[str, str, frozenset[str], int]] = {}
    for cell, number in people.items():
        code, name, aside = _parts(str(cell), of)
        own, area = (code[:3], code[3:]) if of == "place" else ("", code)
        # a whole municipality (101-00101), or an area of several that is told by its parts, too (000-01100)
        whole = bool(own) and (own == "000" or area == f"00{own}")
        if whole or area in rest or name.casefold() in rest:
            continue
        municipalities = municipality_keys(own, None if own or PART.match(aside) else aside)
        key = (area, name) if area and name else (code, name, aside)  # parts of one area bear one number and name
        before = found.get(key, (code, name, frozenset(), 0))
        found[key] = (min(before[0], code), name, before[2] | municipalities, before[3] + int(number))
    rows = pd.DataFrame([*found.values()], columns=["code", "name", "municipalities", "people"])
    return rows.sort_values(["code", "name"], ignore_index=True)


def _parts(cell: str, of: str) -> tuple[str, str, str]:
    """Divide a cell into code, name and what stands in brackets; each may be empty."""
    codes = CODES[of].fullmatch(cell)
    first, second, rest = codes.groups(default="") if codes else ("", "", cell)
    named = NAME.fullmatch(rest.strip())
    name, aside = named.groups(default="") if named else (rest.strip(), "")
    code = second.replace("-", "") or first
    return code.zfill(DIGITS[of]) if code else "", name, aside


def _read_json_stat(path: Path, source: str) -> pd.DataFrame:
    """Read a JSON-stat file (1 or 2) into a table with a column a dimension and INDHOLD, cells as code and text."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        data = content.get("dataset", content)
        dimensions = data["dimension"]
        names = data.get("id", dimensions.get("id"))
        cells = [_categories(dimensions[name]["category"]) for name in names]
        values = data["value"]
        rows = [*product(*cells)]
        numbers = [values[n] for n in range(len(rows))] if isinstance(values, list) else _sparse(values, len(rows))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise TableError(f"not readable as JSON-stat ({error!r})", where=source, advice="ask for CSV") from None
    table = pd.DataFrame(rows, columns=[str(name) for name in names], dtype="string")
    return table.assign(INDHOLD=pd.Series(["" if n is None else str(n) for n in numbers], dtype="string"))


def _sparse(values: Mapping[str, Any], length: int) -> list[Any]:
    return [values.get(str(n)) for n in range(length)]


def _categories(category: Mapping[str, Any]) -> list[str]:
    """List the values of a dimension in their order."""
    labels = category.get("label", {})
    index = category.get("index", [*labels])  # may be left out where there is one value
    codes = sorted(index, key=lambda code: int(index[code])) if isinstance(index, dict) else list(index)
    return [f"{code} {labels[code]}" if code in labels else str(code) for code in codes]
