"""A file's own columns brought to the names and types of the tables."""

from __future__ import annotations

import re
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pandas as pd

from ..errors import TableError
from ..tables import Column

LARGEST_WHOLE = 1e15  # beyond this a float no longer holds every whole number
_BREAKS, _CONTROL = re.compile(r"[\t\r\n]+"), re.compile(r"[\x00-\x1f]")


def find_column(frame: pd.DataFrame, names: Iterable[str]) -> str | None:
    """Name the first column of `frame` that is called one of `names`, whatever its capitals."""
    present = {str(name).strip().casefold(): str(name) for name in reversed(frame.columns)}
    return next((present[name] for name in map(str.casefold, names) if name in present), None)


def shape_table(
    frame: gpd.GeoDataFrame, columns: Iterable[Column], *, source: str, decimal_comma: bool = False
) -> gpd.GeoDataFrame:
    """
    Bring a file's columns to the declared names and types, and leave the others as they are.

    Parameters
    ----------
    frame
        As read, in any types.
    columns
        What the table holds; a column is also found under its aliases.
    source
        The file, for messages.
    decimal_comma
        Whether text like ``56,2`` is a number with decimals.

    Raises
    ------
    TableError
        If a cell of a number column is no number.
    """
    shaped = {}
    for column in columns:
        raw = find_column(frame, (column.name, *column.aliases))
        if raw is None:
            continue
        if column.dtype == "string":
            shaped[column.name] = text_of(frame[raw])
        else:
            numbers = numbers_of(frame[raw], source=source, whole=column.dtype == "Int64", comma=decimal_comma)
            shaped[column.name] = numbers.astype(column.dtype)  # type: ignore[call-overload]
    return frame.assign(**shaped)


def only_declared(frame: gpd.GeoDataFrame, columns: Iterable[Column]) -> gpd.GeoDataFrame:
    """Keep the declared columns and the geometry, in their order; a column that is absent is added empty."""
    columns = tuple(columns)
    absent = {c.name: _empty(c, frame.index) for c in columns if c.name not in frame}
    return frame.assign(**absent)[[*(c.name for c in columns), "geometry"]].reset_index(drop=True)


def only_said(frame: gpd.GeoDataFrame, columns: Iterable[Column]) -> gpd.GeoDataFrame:
    """Leave out the columns declared `if_said` in which no cell says anything."""
    return frame.drop(columns=[c.name for c in columns if c.if_said and frame[c.name].isna().all()])


def _empty(column: Column, index: pd.Index) -> pd.Series:
    nothing = np.nan if column.dtype == "float64" else pd.NA
    return pd.Series(nothing, index=index, dtype=column.dtype)


def plain_text(text: str) -> str:
    r"""
    Take control characters out of a text; tabs and line ends become spaces, outer spaces go.

    Examples
    --------
    >>> plain_text("Ny\x00by\r\nved\tsøen ")
    'Nyby ved søen'
    """
    return _CONTROL.sub("", _BREAKS.sub(" ", text)).strip()


def text_of(values: pd.Series) -> pd.Series:
    """Read a column as text in the form of `plain_text`; an empty cell is missing, 706.0 is "706"."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    text = values.astype("string").map(plain_text, na_action="ignore").astype("string")
    return text.mask(text == "")


def numbers_of(values: pd.Series, *, source: str, whole: bool = False, comma: bool = False) -> pd.Series:
    """
    Read a column as numbers; an empty cell is missing.

    Parameters
    ----------
    values
        Numbers or text, named as in the file.
    source
        The file, for the message.
    whole
        Whether only whole numbers make sense.
    comma
        Whether text may have a decimal comma (and then a full stop between thousands).

    Returns
    -------
    pd.Series
        ``Float64``, indexed like `values`.

    Raises
    ------
    TableError
        If a cell is no number; names the row (counted from 1, without a header), the column and the value.
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        text = values.astype("string")
        numbers = values.astype("float64")
    else:
        text = text_of(values)
        numbers = pd.to_numeric(_decimal_points(text, whole=whole) if comma else text, errors="coerce")
        numbers = pd.Series(numbers.to_numpy(dtype="float64", na_value=np.nan), index=values.index)
    bad = text.notna() & ~np.isfinite(numbers)
    if whole:
        bad |= numbers.notna() & ((numbers % 1 != 0) | (numbers.abs() > LARGEST_WHOLE))
    _refuse_first(text, bad, source=source, wanted="whole number" if whole else "number")
    return numbers.astype("Float64").mask(np.isnan(numbers))


def _decimal_points(text: pd.Series, *, whole: bool) -> pd.Series:
    """Turn ``1.234,5`` into ``1234.5``; in a column of whole numbers ``1.234`` is 1234."""
    has_comma = text.str.contains(",", regex=False).fillna(False).astype(bool)
    thousands = has_comma | (text.str.fullmatch(r"\d{1,3}(\.\d{3})+").fillna(False).astype(bool) & whole)
    return text.mask(thousands, text.str.replace(".", "", regex=False).str.replace(",", ".", regex=False))


def _refuse_first(text: pd.Series, bad: pd.Series, *, source: str, wanted: str) -> None:
    if not bad.any():
        return
    row = int(bad.to_numpy(dtype=bool).argmax())
    more = int(bad.sum()) - 1
    raise TableError(
        f"{text.iloc[row]!r} is not a {wanted}" + (f" (and {more} more such cells)" if more else ""),
        where=f"{source}, row {row + 1}, column {text.name!r}",
        advice="write digits only, or leave the cell empty",
    )


def year_of(text: object) -> int | None:
    """Take the year out of a date as sources write it, if there is one."""
    found = re.search(r"\b(1[89]|20)\d\d\b", str(text))
    return int(found.group()) if found else None
