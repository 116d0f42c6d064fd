"""A municipality's border without a key: OpenStreetMap's, found by name with Nominatim through OSMnx."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd

from ..errors import FetchError
from .asking import JSON, Request
from .client import Client
from .drafts import Draft, Fetcher, Question, Task
from .osm_asking import ask_osmnx, asking_osm
from .place import spellings
from .whole_file import whole_request


def questions(task: Task) -> tuple[Request, ...]:
    """Say whom OSMnx asks: once for each municipality, by name."""
    return (whole_request(task, JSON),)


def read_borders(client: Client, task: Task) -> tuple[gpd.GeoDataFrame, tuple[Question, ...]]:
    """
    Ask for the borders of the municipalities that were named.

    Raises
    ------
    FetchError
        If one is not found, or is no area; also if none was named.
    """
    import osmnx

    (request,) = questions(task)
    asked_for = task.place.asked
    if asked_for.codes and not asked_for.names:
        raise FetchError(
            "it finds municipalities by name only, and the list of their names did not come",
            source=task.key,
            advice="run the command again later, or get a key for DAGI",
        )
    if not asked_for.names or asked_for.whole:
        raise FetchError("it finds municipalities by name only", source=task.key, advice="get a key for DAGI")
    wording = str(task.source.settings["query"])
    names: list[str | dict[str, str]] = [wording.format(name=name) for name in asked_for.names]
    with asking_osm(client, request, "nominatim_url") as asking:
        found = ask_osmnx(asking, lambda: osmnx.geocode_to_gdf(names))
        _require_municipalities(found, asked_for.names, task)
    fields = task.source.fields
    rows = {fields["municipality_id"]: list(asked_for.codes), fields["name"]: list(asked_for.names)}
    return gpd.GeoDataFrame(rows, geometry=found.geometry.to_numpy(), crs=found.crs), tuple(asking.asked)


def _require_municipalities(found: gpd.GeoDataFrame, names: Sequence[str], task: Task) -> None:
    """Refuse what is no border of an administrative area, or that of another one than was asked for."""
    rows = found.drop(columns="geometry").astype("string").to_dict("records")
    for row, name in zip(rows, names, strict=True):
        kind = (row.get("class", row.get("category")), row.get("type"))
        called = str(row.get("display_name", "")).partition(",")[0]
        if kind != ("boundary", "administrative") or not spellings(called) & spellings(name):
            raise FetchError(
                f"it knows no municipality {name}, but {called or 'something nameless'} ({kind[0]}: {kind[1]})",
                source=task.key,
                advice="get a key for DAGI, or give a polygon file",
            )


def fetch(client: Client, task: Task) -> Draft:
    """Write the borders of the municipalities that were named; their neighbours are not known then."""
    borders, asked = read_borders(client, task)
    borders.to_file(task.file(), driver="GeoJSON", COORDINATE_PRECISION=7, engine="pyogrio")
    note = "without the neighbours: only the municipalities that were named have borders"
    return Draft(((task.source.file, task.source.table),), asked, notes=(note,))


OSM_BORDERS = Fetcher(questions, fetch)
