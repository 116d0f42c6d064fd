"""OpenStreetMap files: places, services and roads, filtered inside osmium."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..errors import TableError
from ..study import Mode, Study
from ..tables import ONEWAY, Finding, Roads
from .columns import plain_text, year_of
from .positions import WGS84
from .records import finding, require_file
from .road_tags import EXTRA_CLASSES, direction, posted_kmh, road_class

ENDINGS = (".pbf", ".osm", ".osm.gz", ".osm.bz2", ".o5m", ".opl")
PLACES = frozenset({"city", "town", "village", "hamlet"})
GEOFA_YEAR = 2024  # the shops in the Danish extract that carry source=GeoFA
MOST_PEOPLE = 100_000_000  # no place on Earth has more; a larger tag is a slip

# WKB of a line in hexadecimal digits: byte order, type and number of points, then 16 bytes a point.
WKB_LINE_HEAD, WKB_POINT = 18, 32
ROADS_AT_A_TIME = 4_096
OSM_GRID = 1e-7  # degrees: OSM stores positions as whole multiples of it

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

READER_VERSION = 1  # goes up whenever the same file gives other tables or roads
PLACE_COLUMNS = ("village_id", "name", "kind", "population", "population_year", "source")
SERVICE_COLUMNS = ("service_id", "name", "category", "source", "year")


@dataclass(frozen=True)
class OsmTables:
    """What OSM files hold, in WGS84: points, roads over shared vertices, and the rows of each file."""

    places: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    roads: Roads
    rows: tuple[int, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass
class _Gathered:
    """
    Rows as they come out of a file; shapes of places and services as WKB in hexadecimal digits.

    A road is its way's id and what its tags mean; its points are numbers that `_point_keys` makes of positions.
    """

    places: list[tuple[Any, ...]] = field(default_factory=list)
    services: list[tuple[Any, ...]] = field(default_factory=list)
    ways: list[int] = field(default_factory=list)
    traits: list[tuple[str, float, int]] = field(default_factory=list)
    n_points: list[int] = field(default_factory=list)
    points: list[Longs] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    incomplete: int = 0

    def rows(self) -> int:
        return len(self.places) + len(self.services) + len(self.ways)

    def add_road(self, way: int, traits: tuple[str, float, int], wkb: str) -> None:
        digits = wkb[WKB_LINE_HEAD:]
        self.ways.append(way)
        self.traits.append(traits)
        self.n_points.append(len(digits) // WKB_POINT)
        self.shapes.append(digits)
        if len(self.shapes) == ROADS_AT_A_TIME:
            self.settle()

    def settle(self) -> None:
        """Turn the shapes gathered so far into numbers, a sixth of their size."""
        lon_lat = np.frombuffer(bytes.fromhex("".join(self.shapes)), dtype="<f8").reshape(-1, 2)
        self.points.append(_point_keys(lon_lat))
        self.shapes.clear()


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

    def pairs(self) -> list[tuple[str, str]]:
        """List the tags that a place or a service bears."""
        return sorted({*(("place", kind) for kind in PLACES), *self.tags})

    def keys(self) -> list[str]:
        """List the keys of these tags."""
        return sorted({"place", *(key for key, _ in self.tags)})


def require_osm(paths: Sequence[tuple[Path, str]]) -> None:
    """
    Refuse what cannot be an OSM file.

    Raises
    ------
    TableError
        If a file is missing or of an unknown kind.
    """
    for path, source in paths:
        require_file(path, source)
        if not path.name.lower().endswith(ENDINGS):
            raise TableError(
                f"unknown kind of file {path.suffix!r}",
                where=source,
                advice=f"known are {', '.join(ENDINGS)}",
            )


def read_osm(paths: Sequence[tuple[Path, str]], study: Study) -> OsmTables:
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
    require_osm(paths)
    wanted, got, rows = _Wanted.of(study), _Gathered(), []
    for path, source in paths:
        before = got.rows()
        with _plain_words(source):
            _read_file(path, wanted, got)
        rows.append(got.rows() - before)
    got.settle()
    return OsmTables(*_frames(got), _roads(got), rows=tuple(rows), findings=tuple(_doubts(got)))


def what_matters(study: Study) -> dict[str, object]:
    """List all that of a study, and of this reader, decides on what comes out of a file."""
    wanted = _Wanted.of(study)
    return {
        "reader": READER_VERSION,
        "tags": sorted([*tag, *found] for tag, found in wanted.tags.items()),
        "roads": sorted(wanted.roads),
        "mode": study.travel.mode,
    }


@contextmanager
def _plain_words(source: str) -> Iterator[None]:
    """Turn osmium's errors about a file (all of them RuntimeError) into ours."""
    try:
        yield
    except RuntimeError as error:
        said = " ".join(str(error).split())
        raise TableError(f"not readable as OSM ({said})", where=source, advice="fetch the file again") from None


def _read_file(path: Path, wanted: _Wanted, got: _Gathered) -> None:
    """
    Go through a file once.

    Osmium keeps the positions of nodes and hands over only what bears a wanted key; Python never sees a plain node.
    """
    shapes, mode = osmium.geom.WKBFactory(), wanted.study.travel.mode
    things = osmium.FileProcessor(path, osmium.osm.NODE | osmium.osm.WAY).with_locations()
    of_nodes, of_ways = osmium.filter.TagFilter(*wanted.pairs()), osmium.filter.KeyFilter("highway", *wanted.keys())
    of_nodes.enable_for(osmium.osm.NODE)
    of_ways.enable_for(osmium.osm.WAY)
    things = things.with_filter(of_nodes).with_filter(of_ways)
    for thing in things:
        if isinstance(thing, osmium.osm.Way):
            _read_way(thing, wanted, got, shapes, mode)
        elif isinstance(thing, osmium.osm.Node) and thing.location.valid():
            _note(dict(thing.tags), f"n{thing.id}", lambda thing=thing: shapes.create_point(thing), wanted, got)


def _read_way(way: osmium.osm.Way, wanted: _Wanted, got: _Gathered, shapes: osmium.geom.WKBFactory, mode: Mode) -> None:
    """Keep a road, or a closed way that is a place or a service."""
    tag = way.tags.get
    highway = tag("highway") or ""
    is_road = _class_of(highway) in wanted.roads
    if not (is_road or way.is_closed()):
        return
    try:
        line = shapes.create_linestring(way)
    except (RuntimeError, osmium.InvalidLocationError):  # nodes missing at the edge of an extract, or one point
        got.incomplete += 1
        return
    if is_road:
        said = (highway, tag("maxspeed"), tag("oneway"), tag("junction"), tag("oneway:bicycle"), mode)
        got.add_road(way.id, _traits(*said), line)
    else:
        _note(dict(way.tags), f"w{way.id}", lambda: line, wanted, got)


_class_of = cache(road_class)


@lru_cache(maxsize=65_536)
def _traits(
    highway: str, maxspeed: str | None, oneway: str | None, junction: str | None, bicycle: str | None, mode: Mode
) -> tuple[str, float, int]:
    """Class, posted limit and direction of a road; a country has few combinations of tags."""
    heading = direction(oneway, highway=highway, junction=junction, bicycle=bicycle, mode=mode)
    return road_class(highway), posted_kmh(maxspeed), ONEWAY[heading]


def _point_keys(lon_lat: Floats) -> Longs:
    """Make one number of each position: OSM's whole multiples of 1e-7 degrees, longitude in the upper half."""
    lon, lat = np.round(lon_lat / OSM_GRID).astype(np.int64).T
    keys: Longs = (lon << 32) + lat + (1 << 31)
    return keys


def _positions(keys: Longs) -> Floats:
    """Undo `_point_keys`."""
    lon, lat = keys >> 32, (keys & 0xFFFFFFFF) - (1 << 31)
    return np.column_stack([lon, lat]) * OSM_GRID


def _roads(got: _Gathered) -> Roads:
    """Join the roads at their common positions; a way that stands in two files counts once."""
    sizes = np.array(got.n_points, dtype=np.int64)
    keys = np.concatenate([np.empty(0, dtype=np.int64), *got.points])
    vertex, distinct = pd.factorize(keys)
    names = sorted({trait[0] for trait in got.traits})
    number = {name: k for k, name in enumerate(names)}
    roads = Roads(
        _positions(distinct),
        vertex.astype(np.int32),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        tuple(names),
        np.array([number[trait[0]] for trait in got.traits], dtype=np.int16),
        np.array([trait[1] for trait in got.traits], dtype=np.float64),
        np.array([trait[2] for trait in got.traits], dtype=np.int8),
    )
    return roads.take(~pd.Index(got.ways, dtype="int64").duplicated())


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


def _frames(got: _Gathered) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    places = _frame(got.places, PLACE_COLUMNS).astype({"population": "Int64", "population_year": "Int64"})
    return places, _frame(got.services, SERVICE_COLUMNS).astype({"year": "Int64"})


def _frame(rows: list[tuple[Any, ...]], columns: tuple[str, ...]) -> gpd.GeoDataFrame:
    """Make a table of rows whose last cell is WKB, an area at a point inside; one row an id, sorted by it."""
    frame = pd.DataFrame([row[:-1] for row in rows], columns=list(columns))
    shapes = shapely.from_wkb(np.array([row[-1] for row in rows], dtype=object))
    rings = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
    rings &= shapely.get_num_coordinates(shapes) > 3
    corners, ring = shapely.get_coordinates(shapes[rings], return_index=True)
    areas = shapely.polygons(shapely.linearrings(corners, indices=ring)) if len(ring) else shapes[rings]
    shapes[rings] = shapely.point_on_surface(shapely.make_valid(areas))
    text = [name for name in columns if name not in {"population", "population_year", "year"}]
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
