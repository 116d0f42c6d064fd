"""Registers that give the whole country in one file: cut to the place and to the columns that are read."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from ..errors import FetchError, NothingThereError, TableError
from ..sources.delimited import read_delimited
from ..sources.positions import DANISH_UTM, DANISH_X, DANISH_Y, WGS84
from .asking import JSON, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Task, question_of
from .paging import json_of
from .whole_file import whole_request

Floats = NDArray[np.float64]
PARENT = "parent"  # our column that names the row of which another is a part


def list_questions(task: Task) -> tuple[Request, ...]:
    """Ask for a register that answers with a JSON list of objects."""
    return (whole_request(task, JSON),)


def fetch_list(client: Client, task: Task) -> Draft:
    """Write a JSON list of objects as a table."""
    (request,) = list_questions(task)
    answer = ask(client, request)
    content = json_of(answer)
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise FetchError("no list of rows in its answer", source=task.key, advice="see whether the service has changed")
    table = pd.DataFrame(content, dtype=object)
    return _write(table.where(table.notna(), None).astype("string"), task, question_of(answer))


def table_questions(task: Task) -> tuple[Request, ...]:
    """Ask for a register that answers with a table."""
    return (whole_request(task),)


def fetch_table(client: Client, task: Task) -> Draft:
    """Write a table, cut."""
    (request,) = table_questions(task)
    answer = ask(client, request)
    try:
        table, _ = read_delimited(answer.path, source=task.source.file)
    except TableError as error:
        raise FetchError(str(error), source=task.key, advice="run the command again later") from None
    return _write(table, task, question_of(answer))


def _write(table: pd.DataFrame, task: Task, asked: Any) -> Draft:
    fields, pairs = task.source.fields, _position_pairs(task)
    lacking = [name for name in task.source.recognised_by if name not in table]
    if lacking or table.empty:
        found = ", ".join(map(str, table.columns[:8]))
        raise FetchError(
            f"no column {lacking[0]!r} any more; found {found}" if lacking else "it has no rows",
            source=task.key,
            advice=f"name the new column under [{task.key}.fields] in a file that $GEOKLYNGE_OPEN_DATA names",
        )
    placed, inside = _placed_and_inside(table, pairs, task)
    if fields.get(PARENT) in table:  # a part may have no position of its own, and a whole not that of its part
        own, parent = table[fields["service_id"]], table[fields[PARENT]]
        inside |= own.isin(parent[inside]) | parent.isin(own[inside])
    if not inside.any():
        raise NothingThereError("it has none there", source=task.key, advice="see whether the place is right")
    wanted = [*fields.values(), *(name for pair in pairs for name in pair)]
    columns = [name for name in dict.fromkeys(wanted) if name in table]
    kept = table.loc[inside, columns].sort_values(columns[0], ignore_index=True)
    text = io.StringIO()
    kept.to_csv(text, sep=";", index=False, lineterminator="\n")
    task.file().write_text(text.getvalue(), encoding="utf-8")
    nowhere = int((~placed).sum())
    notes = (
        f"{len(kept)} of {len(table)} rows, those around the place; {nowhere} rows of the register have no position",
    )
    return Draft(((task.source.file, task.source.table),), (asked,), dated=asked.fetched[:10], notes=notes)


def _position_pairs(task: Task) -> list[tuple[str, str]]:
    """Name the columns of positions: east and north, the pairs that come into question in their order."""
    fields = task.source.fields
    own = [(fields["lon"], fields["lat"])] if "lon" in fields else []
    return own + [(str(east), str(north)) for east, north in task.source.settings.get("positions", [])]


def _numbers(table: pd.DataFrame, name: str) -> pd.Series:
    found = table[name].str.strip('="').str.replace(",", ".", regex=False)
    return pd.to_numeric(found, errors="coerce").astype("float64")


def _degrees(table: pd.DataFrame, pairs: list[tuple[str, str]]) -> Iterator[tuple[Floats, Floats]]:
    """
    Give the positions of each pair of columns in degrees; nan where a row has none.

    Each row says for itself whether it is in degrees or in metres of EPSG:25832: one bad number is one row's.
    """
    to_degrees = Transformer.from_crs(DANISH_UTM, WGS84, always_xy=True)
    for east, north in pairs:
        if east not in table or north not in table:
            continue
        x, y = _numbers(table, east).to_numpy(), _numbers(table, north).to_numpy()
        degrees = (np.abs(x) <= 180) & (np.abs(y) <= 90)
        metres = (x >= DANISH_X[0]) & (x <= DANISH_X[1]) & (y >= DANISH_Y[0]) & (y <= DANISH_Y[1])
        lon, lat = np.where(degrees, x, np.nan), np.where(degrees, y, np.nan)
        lon[metres], lat[metres] = to_degrees.transform(x[metres], y[metres])
        yield lon, lat


def _placed_and_inside(table: pd.DataFrame, pairs: list[tuple[str, str]], task: Task) -> tuple[pd.Series, pd.Series]:
    """Tell which rows have a position, and which one within the place's reach."""
    placed, inside = (pd.Series(False, index=table.index) for _ in range(2))
    for lon, lat in _degrees(table, pairs):
        placed |= np.isfinite(lon)
        inside |= shapely.contains_xy(task.place.reach, lon, lat)
    return placed, inside


LIST_REGISTER = Fetcher(list_questions, fetch_list)
TABLE_REGISTER = Fetcher(table_questions, fetch_table)
