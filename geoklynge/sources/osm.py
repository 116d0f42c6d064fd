"""OpenStreetMap files: places, services and roads, filtered inside osmium."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely

from ..errors import TableError
from ..study import Study
from ..tables import Finding
from .columns import plain_text, year_of
from .positions import WGS84
from .records import finding, require_file
from .road_tags import EXTRA_CLASSES, direction, posted_kmh, road_class

ENDINGS = (".pbf", ".osm", ".osm.gz", ".osm.bz2", ".o5m", ".opl")
PLACES = frozenset({"city", "town", "village", "hamlet"})
GEOFA_YEAR = 2024  # the shops in the Danish extract that carry source=GeoFA
MOST_PEOPLE = 100_000_000  # no place on Earth has more; a larger tag is a slip

PLACE_COLUMNS = ("village_id", "name", "kind", "population", "population_year", "source")
SERVICE_COLUMNS = ("service_id", "name", "category", "source", "year")
ROAD_COLUMNS = ("way", "road_class", "speed_kmh", "oneway")


@dataclass(frozen=True)
class OsmTables:
    """What OSM files hold, in WGS84: points, lines for roads, and the rows of each file."""

    places: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    rows: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass
class _Gathered:
    """Rows as they come out of a file; shapes as WKB in hexadecimal digits."""

    places: list[tuple[Any, ...]] = field(default_factory=list)
    services: list[tuple[Any, ...]] = field(default_factory=list)
    roads: list[tuple[Any, ...]] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    incomplete: int = 0


@dataclass(frozen=True)
class _Wanted:
    """What to look for: categories by tag, in the order in which they win, and road classes."""

    tags: dict[tuple[str, str], tuple[int, str]]
    roads: frozenset[str]
    study: Study

    @classmethod
    def of(cls, study: Study) -> _Wanted:
        tags: dict[tuple[str, str], tuple[int, str]] = {}
        for rank, (key, category) in enumerate(study.services.all_categories().items()):
            for tag in category.tags:
                name, _, value = tag.partition("=")
                tags.setdefault((name, value), (rank, key))
        return cls(tags, frozenset(study.travel.speed_of_class()) | EXTRA_CLASSES[study.travel.mode], study)

    def keys(self) -> list[str]:
        return sorted({"place", *(key for key, _ in self.tags)})


def read_osm(paths: Iterable[tuple[Path, str]], study: Study) -> OsmTables:
    """
    Read places, services and roads from OSM files.

    Places and services are nodes and closed ways (at a point inside); a thing that stands in two files counts
    once.

    Parameters
    ----------
    paths
        Where each file is, and how the study file writes it.
    study
        Gives the tags of services, the classes of roads and the mode, which decides on one-way roads.

    Raises
    ------
    TableError
        If a file is missing, of an unknown kind or broken.
    """
    wanted, got, rows = _Wanted.of(study), _Gathered(), []
    for path, source in paths:
        before = len(got.places) + len(got.services) + len(got.roads)
        require_file(path, source)
        if not path.name.lower().endswith(ENDINGS):
            raise TableError(
                f"unknown kind of file {path.suffix!r}",
                where=source,
                advice=f"known are {', '.join(ENDINGS)}",
            )
        with _plain_words(source):
            _read_nodes(path, wanted, got)
            _read_ways(path, wanted, got)
        rows.append(len(got.places) + len(got.services) + len(got.roads) - before)
    return OsmTables(*_frames(got), rows=tuple(rows), findings=tuple(_doubts(got)))


@contextmanager
def _plain_words(source: str) -> Iterator[None]:
    """Turn osmium's errors about a file (all of them RuntimeError) into ours."""
    try:
        yield
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise TableError(f"not readable as OSM ({said})", where=source, advice="fetch the file again") from None


def _read_nodes(path: Path, wanted: _Wanted, got: _Gathered) -> None:
    shapes = osmium.geom.WKBFactory()
    nodes = osmium.FileProcessor(path, osmium.osm.NODE).with_filter(osmium.filter.KeyFilter(*wanted.keys()))
    for node in nodes:
        if isinstance(node, osmium.osm.Node) and node.location.valid():
            _note(dict(node.tags), f"n{node.id}", lambda node=node: shapes.create_point(node), wanted, got)


def _read_ways(path: Path, wanted: _Wanted, got: _Gathered) -> None:
    shapes, mode = osmium.geom.WKBFactory(), wanted.study.travel.mode
    ways = (
        osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY)
        .with_locations()
        .with_filter(osmium.filter.EntityFilter(osmium.osm.WAY))
        .with_filter(osmium.filter.KeyFilter("highway", *wanted.keys()))
    )
    for way in ways:
        if not isinstance(way, osmium.osm.Way):
            continue
        highway = str(way.tags.get("highway") or "")
        kind = road_class(highway)
        if kind not in wanted.roads and not way.is_closed():
            continue
        try:
            line = shapes.create_linestring(way)
        except (
            RuntimeError,
            osmium.InvalidLocationError,
        ):  # nodes missing at the edge of an extract, or one point
            got.incomplete += 1
            continue
        tags = dict(way.tags)
        if kind in wanted.roads:
            heading = direction(
                tags.get("oneway"),
                highway=highway,
                junction=tags.get("junction"),
                bicycle=tags.get("oneway:bicycle"),
                mode=mode,
            )
            got.roads.append((way.id, kind, posted_kmh(tags.get("maxspeed")), heading, line))
        else:
            _note(tags, f"w{way.id}", lambda line=line: line, wanted, got)


def _note(tags: dict[str, str], ref: str, shape: Any, wanted: _Wanted, got: _Gathered) -> None:
    """Keep a node or closed way that is a place or a service; it may be both."""
    tags = {key: plain_text(value) for key, value in tags.items()}
    place, name = tags.get("place"), tags.get("name") or ""
    if place in PLACES and name:
        people = parse_people(tags.get("population"))
        if people is None and tags.get("population"):
            got.unreadable.append(f"{name} ({tags['population']})")
        year = year_of(tags["population:date"]) if people is not None and "population:date" in tags else None
        got.places.append((f"osm-{ref}", name, place, people, year, "osm", shape()))
    found = min((wanted.tags[tag] for tag in tags.items() if tag in wanted.tags), default=None)
    if found:
        source = tags.get("source") or "osm"
        called = next((tags[key] for key in ("name", "brand", "operator") if tags.get(key)), None)
        year = GEOFA_YEAR if source == "GeoFA" else None
        got.services.append((f"osm-{ref}", called, found[1], source, year, shape()))


def parse_people(text: str | None) -> int | None:
    """
    Read a population as mappers write it.

    Returns
    -------
    int or None
        People; None where the text is empty or says no single number.

    Examples
    --------
    >>> parse_people("1.234"), parse_people("ca. 500"), parse_people("1 234"), parse_people("many")
    (1234, 500, 1234, None)
    """
    plain = re.sub(r"^(ca\.?|c\.|circa|omkring|about|~)\s*", "", (text or "").strip().casefold())
    if re.fullmatch(r"\d{1,3}([ .,'\u00a0\u202f]\d{3})+", plain):
        plain = re.sub(r"\D", "", plain)
    return int(plain) if re.fullmatch(r"[0-9]{1,9}", plain) and int(plain) <= MOST_PEOPLE else None


def _frames(got: _Gathered) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    places = _frame(got.places, PLACE_COLUMNS, as_points=True)
    places = places.astype({"population": "Int64", "population_year": "Int64"})
    services = _frame(got.services, SERVICE_COLUMNS, as_points=True).astype({"year": "Int64"})
    roads = _frame(got.roads, ROAD_COLUMNS, as_points=False).astype({"speed_kmh": "float64"})
    return places, services, roads


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...], *, as_points: bool) -> gpd.GeoDataFrame:
    """Make a table of rows whose last cell is WKB; one row an id, sorted by it."""
    frame = pd.DataFrame([row[:-1] for row in rows], columns=list(columns))
    shapes = shapely.from_wkb(np.array([row[-1] for row in rows], dtype=object))
    if as_points:
        rings = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
        rings &= shapely.get_num_coordinates(shapes) > 3
        corners, ring = shapely.get_coordinates(shapes[rings], return_index=True)
        areas = shapely.polygons(shapely.linearrings(corners, indices=ring)) if len(ring) else shapes[rings]
        shapes[rings] = shapely.point_on_surface(shapely.make_valid(areas))
    text = [name for name in columns if name not in {"way", "population", "population_year", "year", "speed_kmh"}]
    table = gpd.GeoDataFrame(frame.astype(dict.fromkeys(text, "string")), geometry=shapes, crs=WGS84)
    return table.drop_duplicates(columns[0]).sort_values(columns[0], ignore_index=True)


def _doubts(got: _Gathered) -> list[Finding]:
    unreadable = len(got.unreadable)
    text = f"places of the OSM files whose population is no number, counted as not known: {unreadable}"
    cut = f"ways of the OSM files that lack nodes, left out: {got.incomplete}"
    return [
        *finding("population_unreadable", unreadable, text, got.unreadable),
        *finding("ways_incomplete", got.incomplete, cut),
    ]
