"""The GraphQL services of Datafordeler: the rows of an entity that are in force, in pages, within an area if wanted."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ..errors import FetchError
from ..sources.positions import WGS84
from .asking import JSON, MEGABYTE, Answer, Request
from .client import Client
from .drafts import Task, require_field
from .paging import Page, ask_pages
from .place import EVERYTHING

Row = dict[str, Any]


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


def ask_rows(client: Client, first: Request, entity: str) -> tuple[list[Row], list[Answer]]:
    """
    Get all rows.

    Raises
    ------
    FetchError
        If the service refuses the question (it does so with status 200, too), or a page does not come.
    """
    return ask_pages(client, first, lambda answer, request: _read_page(answer, request, entity))


def _read_page(answer: Any, request: Request, entity: str) -> Page:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if errors:
        first = errors[0] if isinstance(errors, list) else errors
        said = first.get("message", first) if isinstance(first, dict) else first
        raise FetchError(
            f"it refuses the question ({' '.join(str(said).split())[:160]})",
            source=request.source,
            advice=f"see whether {entity} still has these fields: {request.address}/schema",
        )
    try:
        found = answer["data"][entity]
        nodes, info = found["nodes"], found["pageInfo"]
        more, cursor = bool(info["hasNextPage"]), info["endCursor"]
    except (KeyError, TypeError):
        raise FetchError(
            f"no rows of {entity} in the answer", source=request.source, advice="see whether the service has changed"
        ) from None
    if not more:
        return Page(nodes)
    body = json.loads(request.body)
    body["variables"]["after"] = cursor
    return Page(nodes, following=replace(request, body=json.dumps(body)))


def shape_of(row: Row, task: Task) -> shapely.Geometry:
    """
    Read a row's geometry.

    Raises
    ------
    FetchError
        If it has none under the name that `open_data.toml` gives, or no WKT.
    """
    found = require_field(row, task.source.fields["geometry"], "geometry", task)
    try:
        text = found["wkt"] if isinstance(found, dict) else str(found)
        shape: shapely.Geometry = np.atleast_1d(shapely.from_wkt([text]))[0]
    except (shapely.errors.GEOSException, KeyError, TypeError) as error:
        raise FetchError(
            f"a geometry is no WKT ({error})", source=task.key, advice="see whether the service has changed"
        ) from None
    return shape


def table_of(rows: Sequence[Row], task: Task, *, but: Sequence[str] = ()) -> gpd.GeoDataFrame:
    """Make a table of rows under the source's names, in its reference system; without the fields of ours in `but`."""
    names = {ours: name for ours, name in task.source.fields.items() if ours not in {"geometry", *but}}
    cells = [{name: require_field(row, name, ours, task) for ours, name in names.items()} for row in rows]
    shapes = [shape_of(row, task) for row in rows]
    return gpd.GeoDataFrame(cells, geometry=shapes, crs=int(task.source.settings["srid"]))


def batches(values: Sequence[object], size: int) -> Iterator[list[object]]:
    """Divide a list into parts of at most `size`."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])
