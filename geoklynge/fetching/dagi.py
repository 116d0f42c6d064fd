"""Parishes and municipalities: DAGI, by the GraphQL service of Datafordeleren, which took the place of DAWA in 2026."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import shapely

from ..errors import FetchError
from ..sources.positions import WGS84
from .asking import JSON, MEGABYTE, Request
from .client import Client
from .drafts import Draft, Fetcher, Question, Task, question_of, require_field
from .paging import Page, ask_pages

QUERY = (
    "query($now: DafDateTime!, $after: String) {{ {entity}(first: {page}, after: $after, virkningstid: $now, "
    "registreringstid: $now) {{ nodes {{ {fields} {geometry} {{ wkt }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
)


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the first page of an entity's rows; which pages follow, the answers say."""
    source = task.source
    fields = source.fields
    query = QUERY.format(
        entity=source.settings["entity"],
        page=source.settings["page"],
        fields=" ".join(name for ours, name in fields.items() if ours != "geometry"),
        geometry=fields["geometry"],
    )
    first_of_month = datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")  # so that a month's questions are one question
    body = json.dumps({"query": query, "variables": {"now": first_of_month, "after": None}})
    return (
        Request(
            task.key,
            source.address,
            JSON,
            parameters=tuple(source.parameters.items()),
            secret=((str(source.settings["key_parameter"]), task.secret),),
            body=body,
            keep_days=source.keep_days,
            at_most_bytes=int(source.at_most_mb * MEGABYTE),
        ),
    )


def read_page(answer: Any, request: Request, entity: str) -> Page:
    """Read one page of a GraphQL answer; errors come with status 200."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    if errors:
        said = " ".join(str(errors[0].get("message", errors[0])).split())[:160]
        raise FetchError(
            f"it refuses the question ({said})",
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


def read_areas_of(client: Client, task: Task) -> tuple[gpd.GeoDataFrame, tuple[Question, ...]]:
    """
    Fetch all areas of an entity.

    Returns
    -------
    tuple
        The areas under the names of the source's fields, WGS84, and what was asked.

    Raises
    ------
    FetchError
        If the source does not give them, gives none, or has renamed a field.
    """
    entity = str(task.source.settings["entity"])
    (first,) = questions(task)
    nodes, answers = ask_pages(client, first, lambda answer, request: read_page(answer, request, entity))
    if not nodes:
        raise FetchError(f"it has no {entity}", source=task.key, advice="try again later")
    names = {ours: name for ours, name in task.source.fields.items() if ours != "geometry"}
    rows = [{name: require_field(node, name, ours, task) for ours, name in names.items()} for node in nodes]
    shapes = [_shape(node, task) for node in nodes]
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs=task.source.settings["srid"])
    return frame.to_crs(WGS84), tuple(question_of(answer) for answer in answers)


def _shape(node: dict[str, Any], task: Task) -> shapely.Geometry:
    found = require_field(node, task.source.fields["geometry"], "geometry", task)
    try:
        return _of_wkt(found["wkt"] if isinstance(found, dict) else str(found))
    except (shapely.errors.GEOSException, KeyError, TypeError) as error:
        raise FetchError(
            f"a geometry is no WKT ({error})", source=task.key, advice="see whether the service has changed"
        ) from None


def _of_wkt(text: str) -> shapely.Geometry:
    shape: shapely.Geometry = np.atleast_1d(shapely.from_wkt([text]))[0]
    return shape


def fetch(client: Client, task: Task) -> Draft:
    """Write the areas that touch the place's reach."""
    areas, asked = read_areas_of(client, task)
    return write_areas(areas, asked, task)


def write_areas(areas: gpd.GeoDataFrame, asked: tuple[Question, ...], task: Task) -> Draft:
    """
    Write areas as GeoJSON: those that touch the reach, cut to the shape where somebody asked for one of his own.

    Raises
    ------
    FetchError
        If none touches it.
    """
    place = task.place
    near = areas[areas.intersects(place.reach)]
    note = f"{len(near)} of {len(areas)} areas, those that touch the place and its halo"
    if place.asked.shape is not None:
        near = near.clip(place.area, keep_geom_type=True)
        note = f"{len(near)} of {len(areas)} areas, cut to the shape that was asked for"
    if near.empty:
        raise FetchError(
            "none of its areas touches the place", source=task.key, advice="see whether the place is right"
        )
    near.sort_values(next(iter(task.source.fields.values()))).to_file(
        task.file(), driver="GeoJSON", COORDINATE_PRECISION=7, engine="pyogrio"
    )
    return Draft(((task.source.file, task.source.table),), asked, notes=(note,))


DAGI = Fetcher(questions, fetch)
