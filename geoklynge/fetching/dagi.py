"""Parishes and municipalities: DAGI of Datafordeler, which took the place of DAWA in 2026."""

from __future__ import annotations

import geopandas as gpd

from ..errors import FetchError
from ..sources.positions import WGS84
from .asking import Request
from .client import Client
from .drafts import Draft, Fetcher, Question, Task, question_of
from .graphql import NOWHERE, ask_rows, nowhere_note, rows_request, table_of, touching


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the first page of the areas around the place, of all areas where none is known yet."""
    fields = task.source.fields
    wanted = [name for ours, name in fields.items() if ours != "geometry"]
    entity = str(task.source.settings["entity"])
    return (rows_request(task, entity, [*wanted, f"{fields['geometry']} {{ wkt }}"], where=touching(task)),)


def read_areas_of(client: Client, task: Task) -> tuple[gpd.GeoDataFrame, tuple[Question, ...]]:
    """
    Fetch the areas of an entity.

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
    rows, answers = ask_rows(client, first, entity, [next(iter(task.source.fields.values()))])
    if not rows:
        raise FetchError(f"it has no {entity} there", source=task.key, advice="see whether the place is right")
    table = table_of(rows, task)
    areas = table.to_crs(WGS84)
    areas.attrs[NOWHERE] = table.attrs[NOWHERE]
    return areas, tuple(question_of(answer) for answer in answers)


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
    return Draft(
        ((task.source.file, task.source.table),),
        asked,
        dated=asked[-1].fetched[:10] if asked else "",
        notes=(note, *nowhere_note(areas)),
    )


DAGI = Fetcher(questions, fetch)
