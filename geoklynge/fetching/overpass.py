"""OpenStreetMap for a small area: roads, places and services over Overpass, asked and put together by OSMnx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import MultiPolygon, Polygon

from ..errors import FetchError
from ..sources.osm import PLACES, parse_people
from ..sources.positions import WGS84
from ..sources.road_tags import EXTRA_CLASSES
from ..study import default_categories, default_speeds
from .asking import JSON, Request
from .client import Client
from .drafts import Draft, Fetcher, Task
from .osm_asking import WAY_TAGS, ask_osmnx, asking_osm
from .whole_file import whole_request

QUERY_SIMPLER_BY = 0.003  # degrees, about 300 m: the border of a question needs no more
OSM_REFS = {"node": "n", "way": "w", "relation": "r"}


def questions(task: Task) -> tuple[Request, ...]:
    """Say whom OSMnx asks; its questions follow from the area, and are divided where it is large."""
    return (whole_request(task, JSON),)


def fetch(client: Client, task: Task) -> Draft:
    """Write roads, places and services as three files."""
    import osmnx

    (request,) = questions(task)
    area = _as_area(asked_area(task.place.reach), task)
    names = {table: str(name) for table, name in task.source.settings["files"].items()}
    with asking_osm(client, request, "overpass_url") as asking:
        roads = ask_osmnx(asking, lambda: _roads(osmnx, area))
        things = ask_osmnx(asking, lambda: osmnx.features_from_polygon(area, _tags()))
    places, services = _places(things), _services(things)
    for frame, what in ((roads, "roads"), (places, "places"), (services, "services")):
        if frame.empty:
            raise FetchError(f"no {what} in its answer", source=task.key, advice="see whether the place is right")
    _write(roads, task.folder / names["roads"], "roads")
    _write(places, task.folder / names["villages"], "villages")
    _write(services, task.folder / names["services"], "services")
    files = tuple((name, table) for table, name in names.items())
    return Draft(files, tuple(asking.asked), dated=asking.asked[-1].fetched[:10])


def asked_area(reach: shapely.geometry.base.BaseGeometry) -> shapely.geometry.base.BaseGeometry:
    """Make a reach simpler without cutting anything off: it is widened by more than it may lose."""
    return reach.buffer(1.25 * QUERY_SIMPLER_BY, quad_segs=2).simplify(QUERY_SIMPLER_BY)


def _as_area(shape: object, task: Task) -> Polygon | MultiPolygon:
    if not isinstance(shape, Polygon | MultiPolygon):
        raise FetchError("the place is no area", source=task.key, advice="give a box or a file with polygons")
    return shape


def _roads(osmnx: Any, area: Polygon | MultiPolygon) -> gpd.GeoDataFrame:
    """Ask for all ways that some mode may use, a row a stretch between two junctions."""
    classes = sorted({*default_speeds(), *EXTRA_CLASSES["bike"], *EXTRA_CLASSES["walk"]})
    wanted = f'["highway"~"^({"|".join(classes)})(_link)?$"]["area"!~"yes"]["access"!~"private|no"]'
    graph = osmnx.graph_from_polygon(area, simplify=False, retain_all=True, truncate_by_edge=True, custom_filter=wanted)
    graph = osmnx.simplify_graph(graph, edge_attrs_differ=list(WAY_TAGS), remove_rings=False)
    edges = osmnx.convert.graph_to_gdfs(graph, nodes=False, fill_edge_geometry=True).reset_index()
    # a road that may be driven both ways stands twice, once for each direction
    edges["reversed"] = edges["reversed"].map(lambda said: bool(np.all(said)))
    both = ~edges["oneway"].map(bool)
    ends = np.sort(edges[["u", "v"]].to_numpy(), axis=1)
    shape = edges.geometry.normalize().to_wkb()
    twin = pd.DataFrame({"a": ends[:, 0], "b": ends[:, 1], "shape": shape}).duplicated() & both.to_numpy()
    edges = edges[~twin.to_numpy()]
    columns = {name: _plain(edges[name]) if name in edges else pd.NA for name in ("highway", "maxspeed", "junction")}
    oneway = np.where(edges["oneway"].map(bool), "yes", "no")
    rows = pd.DataFrame({**columns, "oneway": oneway}, index=edges.index)
    order = np.argsort(shapely.to_wkb(edges.geometry.to_numpy(), hex=True), kind="stable")
    return gpd.GeoDataFrame(rows, geometry=edges.geometry, crs=WGS84).iloc[order].reset_index(drop=True)


def _plain(values: pd.Series) -> pd.Series:
    """Take the first where several were merged into a list."""
    return values.map(lambda said: said[0] if isinstance(said, list) else said).astype("string")


def _tags() -> dict[str, bool | str | list[str]]:
    """List the tags of places and of all categories."""
    wanted: dict[str, list[str]] = {"place": sorted(PLACES)}
    for category in default_categories().values():
        for tag in category.tags:
            key, _, value = tag.partition("=")
            wanted.setdefault(key, []).append(value)
    return {key: sorted(set(values)) for key, values in wanted.items()}


def _with_ids(things: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Give things their OSM id, an area a point inside; sorted by id. A large place is asked in parts that overlap."""
    things = things[~things.index.duplicated()]
    kinds, numbers = things.index.get_level_values(0), things.index.get_level_values(1)
    refs = [f"osm-{OSM_REFS[str(kind)]}{number}" for kind, number in zip(kinds, numbers, strict=True)]
    shapes = shapely.point_on_surface(things.geometry.to_numpy())
    flat = gpd.GeoDataFrame(pd.DataFrame(things.drop(columns="geometry")), geometry=shapes, crs=WGS84)
    return flat.assign(ref=refs).sort_values("ref", ignore_index=True)


def _text(things: gpd.GeoDataFrame, name: str) -> pd.Series:
    found = things[name] if name in things else pd.Series(pd.NA, index=things.index)
    return found.astype("string")


def _places(things: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows = _with_ids(things)
    rows = rows[_text(rows, "place").isin(PLACES) & _text(rows, "name").notna()].reset_index(drop=True)
    people = _text(rows, "population").map(parse_people, na_action="ignore").astype("Int64")
    year = _text(rows, "population:date").str.extract(r"\b((?:1[89]|20)\d\d)\b", expand=False).astype("Int64")
    columns = {
        "village_id": rows["ref"],
        "name": _text(rows, "name"),
        "kind": _text(rows, "place"),
        "population": people,
        "population_year": year.where(people.notna()),
        "source": "osm",
    }
    return gpd.GeoDataFrame(columns, geometry=rows.geometry, crs=WGS84)


def _services(things: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    rows = _with_ids(things)
    category = pd.Series(pd.NA, index=rows.index, dtype="string")
    for key, described in default_categories().items():  # the first category whose tag a thing bears
        for tag in described.tags:
            name, _, value = tag.partition("=")
            bears = _text(rows, name) == value
            category = category.mask(category.isna() & bears.fillna(False), key)
    kept = category.notna()
    rows, category = rows[kept].reset_index(drop=True), category[kept].reset_index(drop=True)
    called = _text(rows, "name").fillna(_text(rows, "brand")).fillna(_text(rows, "operator"))
    columns = {"service_id": rows["ref"], "name": called, "category": category, "source": "osm"}
    return gpd.GeoDataFrame(columns, geometry=rows.geometry, crs=WGS84)


def _write(frame: gpd.GeoDataFrame, path: Path, layer: str) -> None:
    if path.suffix == ".gpkg":
        frame.to_file(path, driver="GPKG", layer=layer, engine="pyogrio")
    else:
        frame.to_file(path, driver="GeoJSON", COORDINATE_PRECISION=7, engine="pyogrio")


OVERPASS = Fetcher(questions, fetch)
