"""The GraphQL services of Datafordeler: the rows of an entity that are in force, in pages, within an area if wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ..errors import FetchError
from ..sources.positions import WGS84
from .asking import JSON, MEGABYTE, Answer, Request, scrubbed
from .client import Client
from .drafts import Task, require_field
from .paging import Page, ask_pages, require_objects
from .place import EVERYTHING

Row = dict[str, Any]
NOWHERE = "rows_without_geometry"


def rows_request(task: Task, entity: str, fields: Sequence[str], *, where: str = "") -> Request:
    """
    Ask for the first page of an entity's rows.

    The service is bitemporal: it wants to know as of when. The first of the month is said, so that a month's questions
    are one question, and its answer is kept.

    Parameters
    ----------
    task
        Gives the address, the key and the page's size (at most 1,000 there).
    entity
        As the service calls it.
    fields
        What is wanted of each row, as GraphQL writes it.
    where
        The inside of its ``where``, if not all rows are wanted.
    """
    source = task.source
    only = f", where: {{ {where} }}" if where else ""
    query = (
        f"query($now: DafDateTime!, $after: String) {{ {entity}(first: {source.settings['page']}, after: $after, "
        f"virkningstid: $now, registreringstid: $now{only}) {{ nodes {{ {' '.join(fields)} }} "
        "pageInfo { hasNextPage endCursor } } }"
    )
    variables = {"now": datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z"), "after": None}
    return Request(
        task.key,
        source.address,
        JSON,
        tuple(source.parameters.items()),
        secret=((str(source.settings["key_parameter"]), task.secret),),
        body=json.dumps({"query": query, "variables": variables}),
        keep_days=source.keep_days,
        at_most_bytes=int(source.at_most_mb * MEGABYTE),
    )


def touching(task: Task) -> str:
    """Write the condition that a row's geometry touches the box around the place's reach; none for everything."""
    if task.place.reach.equals(EVERYTHING):
        return ""
    srid = int(task.source.settings["srid"])
    west, south, east, north = gpd.GeoSeries([task.place.reach], crs=WGS84).to_crs(srid).total_bounds
    box = shapely.box(round(west), round(south), round(east), round(north)).wkt
    return f'{task.source.fields["geometry"]}: {{ intersects: {{ wkt: "{box}", crs: {srid} }} }}'


def ask_rows(client: Client, first: Request, entity: str, ids: Sequence[str]) -> tuple[list[Row], list[Answer]]:
    """
    Get all rows.

    Parameters
    ----------
    client
        Asks.
    first
        What asks for the first page.
    entity
        As the service calls it.
    ids
        Its fields that are the same in no two rows.

    Raises
    ------
    FetchError
        If the service refuses the question (it does so with status 200, too), a page does not come, a row is no object
        or comes twice.
    """

    def id_of(row: Row) -> tuple[str, ...] | None:
        return tuple(json.dumps(row[name]) for name in ids) if all(name in row for name in ids) else None

    return ask_pages(client, first, lambda answer, request: _read_page(answer, request, entity), id_of=id_of)


def _read_page(answer: Any, request: Request, entity: str) -> Page:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if errors:
        first = errors[0] if isinstance(errors, list) else errors
        said = first.get("message", first) if isinstance(first, dict) else first
        raise FetchError(
            f"it refuses the question ({' '.join(scrubbed(str(said), request).split())[:160]})",
            source=request.source,
            advice=f"see whether {entity} still has these fields: {request.address}/schema",
        )
    try:
        found = answer["data"][entity]
        nodes, info = found["nodes"], found["pageInfo"]
        more, cursor = bool(info["hasNextPage"]), info["endCursor"]
        nodes = list(nodes)
    except (KeyError, TypeError):
        raise FetchError(
            f"no rows of {entity} in the answer", source=request.source, advice="see whether the service has changed"
        ) from None
    nodes = require_objects(nodes, request)
    if not more:
        return Page(nodes)
    body = json.loads(request.body)
    body["variables"]["after"] = cursor
    return Page(nodes, following=replace(request, body=json.dumps(body)))


def shape_of(row: Row, task: Task) -> shapely.Geometry | None:
    """
    Read a row's geometry; None where the service knows of none.

    Raises
    ------
    FetchError
        If it has no field of the name that `open_data.toml` gives, or no WKT in it.
    """
    found = require_field(row, task.source.fields["geometry"], "geometry", task)
    try:
        text = found["wkt"] if isinstance(found, dict) else found
        if text is None:
            return None
        shape: shapely.Geometry = np.atleast_1d(shapely.from_wkt([str(text)]))[0]
    except (shapely.errors.GEOSException, KeyError, TypeError) as error:
        raise FetchError(
            f"a geometry is no WKT ({error})", source=task.key, advice="see whether the service has changed"
        ) from None
    return None if shapely.is_empty(shape) else shape


def table_of(rows: Sequence[Row], task: Task, *, but: Sequence[str] = (), row_id: str = "") -> gpd.GeoDataFrame:
    """
    Make a table of rows under the source's names, in its reference system.

    Parameters
    ----------
    rows
        As they came.
    task
        Gives the names.
    but
        Fields of ours that are left out.
    row_id
        A field that becomes the index.

    Returns
    -------
    gpd.GeoDataFrame
        The rows that have a geometry; ``attrs[NOWHERE]`` counts the others.

    Raises
    ------
    FetchError
        If a field is gone, a geometry cannot be read, or none of the rows has one.
    """
    names = {ours: name for ours, name in task.source.fields.items() if ours not in {"geometry", *but}}
    cells = [{name: require_field(row, name, ours, task) for ours, name in names.items()} for row in rows]
    shapes = np.array([*(shape_of(row, task) for row in rows), None], dtype=object)[:-1]  # one dimension, also of none
    missing = shapely.is_missing(shapes)
    if missing.all():
        raise FetchError("none of its rows has a geometry", source=task.key, advice="run the command again later")
    table = gpd.GeoDataFrame(cells, geometry=shapes, crs=int(task.source.settings["srid"]))[~missing]
    if row_id:
        table.index = pd.Index([str(row[row_id]) for row, lacks in zip(rows, missing, strict=True) if not lacks])
    table.attrs[NOWHERE] = int(missing.sum())
    return table


def nowhere_note(table: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Say how many rows were left out of a table for want of a geometry; nothing where none was."""
    count = table.attrs.get(NOWHERE, 0)
    return (f"{count} rows without a geometry were left out",) if count else ()


def batches(values: Sequence[object], size: int) -> Iterator[list[object]]:
    """Divide a list into parts of at most `size`."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
