"""A municipality's border without a key: OpenStreetMap's, found by name with Nominatim through OSMnx."""

from __future__ import annotations

import geopandas as gpd

from ..errors import FetchError
from .asking import JSON, MEGABYTE, Request
from .client import Client
from .drafts import Draft, Fetcher, Question, Task
from .osm_asking import ask_osmnx, asking_osm


def questions(task: Task) -> tuple[Request, ...]:
    """Say whom OSMnx asks: once for each municipality, by name."""
    source = task.source
    return (
        Request(
            task.key,
            source.address,
            JSON,
            keep_days=source.keep_days,
            at_most_bytes=int(source.at_most_mb * MEGABYTE),
        ),
    )


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
    if not asked_for.names or asked_for.whole:
        raise FetchError("it finds municipalities by name only", source=task.key, advice="get a key for DAGI")
    wording = str(task.source.settings["query"])
    names: list[str | dict[str, str]] = [wording.format(name=name) for name in asked_for.names]
    with asking_osm(client, request, "nominatim_url") as asked:
        found = ask_osmnx(client, request, asked, lambda: osmnx.geocode_to_gdf(names))
    fields = task.source.fields
    rows = {fields["municipality_id"]: list(asked_for.codes), fields["name"]: list(asked_for.names)}
    return gpd.GeoDataFrame(rows, geometry=found.geometry.to_numpy(), crs=found.crs), tuple(asked)


def fetch(client: Client, task: Task) -> Draft:
    """Write the borders of the municipalities that were named; their neighbours are not known then."""
    borders, asked = read_borders(client, task)
    borders.to_file(task.file(), driver="GeoJSON", COORDINATE_PRECISION=7, engine="pyogrio")
    note = "without the neighbours: only the municipalities that were named have borders"
    return Draft(((task.source.file, task.source.table),), asked, notes=(note,))


OSM_BORDERS = Fetcher(questions, fetch)
