"""Eurostat GISCO: borders of municipalities all over Europe, one large file, of which only what lies near is read."""

from __future__ import annotations

import warnings
from dataclasses import replace

import geopandas as gpd
import pyogrio

from ..errors import FetchError, NothingThereError
from ..open_data import FILE_VARIABLE
from ..sources.positions import WGS84
from .asking import Answer, Request
from .client import Client, ask
from .dagi import write_areas
from .drafts import Draft, Fetcher, Question, Task, question_of
from .whole_file import KINDS, whole_request

FARTHEST_DEGREES = (3.6, 0.95)  # a halo of 100 km, east and north, up to 75° N


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the file of Europe, in the format that its address names."""
    address = task.source.address.format(year=task.source.settings["year"])
    kind = KINDS[f".{address.rpartition('.')[2]}"]
    return (replace(whole_request(task, kind), address=address),)


def read_near(client: Client, task: Task) -> tuple[gpd.GeoDataFrame, tuple[Question, ...]]:
    """
    Read the municipalities that were named, or a shape, and all within the widest halo around.

    Returns
    -------
    tuple
        The areas under the names of the source's fields, WGS84, and what was asked.

    Raises
    ------
    FetchError
        If the file does not come, has renamed a field, or has no municipality of that code.
    """
    (request,) = questions(task)
    answer = ask(client, request)
    asked = task.place.asked
    if asked.shape is not None:
        west, south, east, north = asked.shape.bounds
    elif asked.codes:
        field = task.source.fields["municipality_id"]
        listed = ", ".join(f"'{code}'" for code in asked.codes)
        chosen = _read(answer, task, where=f'"{field}" IN ({listed})')
        lacking = sorted(set(asked.codes) - set(chosen[field]))
        if lacking:
            raise FetchError(
                f"it has no municipality {', '.join(lacking)}",
                source=task.key,
                advice=f"see whether the code is right ({field} of {task.source.homepage})",
            )
        west, south, east, north = chosen.total_bounds
    else:
        raise FetchError("it finds municipalities by code only", source=task.key, advice="name one as SE_0885")
    more_east, more_north = FARTHEST_DEGREES
    around = (west - more_east, south - more_north, east + more_east, north + more_north)
    areas = _read(answer, task, bbox=around)
    if areas.empty:
        raise NothingThereError(
            "it has no municipality there", source=task.key, advice="see whether the place is right"
        )
    return areas, (question_of(answer),)


def _read(
    answer: Answer, task: Task, *, where: str | None = None, bbox: tuple[float, float, float, float] | None = None
) -> gpd.GeoDataFrame:
    """Read some areas of the file, with the fields that are wanted."""
    names = list(task.source.fields.values())
    try:
        with warnings.catch_warnings():  # GDAL would have the kept file end in .gpkg
            warnings.simplefilter("ignore", RuntimeWarning)
            found = list(pyogrio.read_info(answer.path)["fields"])
            lacking = [name for name in names if name not in found]
            if not lacking:
                areas = pyogrio.read_dataframe(answer.path, columns=names, where=where, bbox=bbox, force_2d=True)
                return areas.to_crs(WGS84).dropna(subset="geometry")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise FetchError(f"it cannot be read ({said})", source=task.key, advice="run the command again") from None
    raise FetchError(
        f"no field {lacking[0]!r} any more; found {', '.join(found)}",
        source=task.key,
        advice=f"name the new field under [{task.key}.fields] in a file that ${FILE_VARIABLE} names",
    )


def fetch(client: Client, task: Task) -> Draft:
    """Write the municipalities that touch the place's reach."""
    areas, asked = read_near(client, task)
    return write_areas(areas, asked, task)


GISCO = Fetcher(questions, fetch)
