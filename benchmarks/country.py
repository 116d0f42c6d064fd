"""A country in arrays: read from a PBF, cut to whole municipalities, tiled side by side, and written for a run."""

from __future__ import annotations

import hashlib
import os
import shutil
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import osmium
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from .pbf import PbfWriter, Tags

Longs = NDArray[np.int64]
Ints = NDArray[np.int32]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

METRES, DEGREES = "EPSG:25832", "EPSG:4326"
PLACES = ("city", "town", "village", "hamlet")
COLUMNS = 2
SHIFT_M = (-460_000.0, -370_000.0)  # a copy to the west, a row to the south: Denmark is 453 by 353 km
NEAR_M = 10_000.0
STRAY_M = 20_000.0  # a point farther from every parish than this belongs to no municipality
BRIDGES = 3  # roads between two neighbouring copies


@dataclass(frozen=True)
class Country:
    """
    Roads, tagged points and areas.

    Way k runs over the nodes ``way_node[way_start[k]:way_start[k + 1]]`` (row numbers, not ids) and bears the tags
    ``way_kinds[way_kind[k]]``. `tags` are those of nodes, by row number. `xy` is in metres (EPSG:25832), the areas
    in degrees; `villages` is a table like GeoNames: `geonameid`, `name`, `lat`, `lon`, `population`.
    """

    node_id: Longs
    xy: Floats
    tags: dict[int, Tags]
    way_id: Longs
    way_start: Longs
    way_node: Longs
    way_kind: Ints
    way_kinds: tuple[Tags, ...]
    parishes: gpd.GeoDataFrame
    municipalities: gpd.GeoDataFrame
    villages: pd.DataFrame

    def counts(self) -> dict[str, int]:
        """Count what it holds."""
        return {
            "nodes": len(self.node_id),
            "ways": len(self.way_id),
            "places": int(_place_rows(self).size),
            "tagged nodes": len(self.tags),
            "parishes": len(self.parishes),
            "municipalities": len(self.municipalities),
        }


def read_country(pbf: Path, parishes: Path, municipalities: Path, villages: Path) -> Country:
    """Read a country from a PBF with nodes and road ways, two files of areas and a table of villages."""
    ids, lon, lat, tags = array("q"), array("q"), array("q"), {}
    for node in osmium.FileProcessor(str(pbf), osmium.osm.NODE):
        if len(node.tags):
            tags[len(ids)] = tuple((tag.k, tag.v) for tag in node.tags)
        ids.append(node.id)
        lon.append(node.location.x)
        lat.append(node.location.y)
    node_id = np.frombuffer(ids, dtype=np.int64)
    way_id, refs, start, kind, kinds = array("q"), array("q"), array("q", [0]), array("i"), {}
    for way in osmium.FileProcessor(str(pbf), osmium.osm.WAY):
        way_id.append(way.id)
        refs.extend(node.ref for node in way.nodes)
        start.append(len(refs))
        kind.append(kinds.setdefault(tuple((tag.k, tag.v) for tag in way.tags), len(kinds)))
    degrees = np.column_stack([np.frombuffer(part, dtype=np.int64) for part in (lon, lat)]) / 1e7
    return Country(
        node_id,
        _project(degrees, DEGREES, METRES),
        tags,
        np.frombuffer(way_id, dtype=np.int64),
        np.frombuffer(start, dtype=np.int64),
        np.searchsorted(node_id, np.frombuffer(refs, dtype=np.int64)),
        np.frombuffer(kind, dtype=np.int32),
        tuple(kinds),
        gpd.read_file(parishes),
        gpd.read_file(municipalities),
        pd.read_csv(villages),
    )


def _project(points: Floats, source: str, target: str) -> Floats:
    x, y = Transformer.from_crs(source, target, always_xy=True).transform(points[:, 0], points[:, 1])
    return np.column_stack([x, y])


def municipality_of(points: Floats, country: Country) -> NDArray[np.object_]:
    """Find the code of the municipality of each point: that of its parish, else of the nearest within 20 km."""
    areas = country.parishes.to_crs(METRES)
    codes = areas["kommunekode"].to_numpy(dtype=object)
    tree = shapely.STRtree(areas.geometry.to_numpy())
    shapes = shapely.points(points)
    found = np.full(len(points), None, dtype=object)
    at, area = tree.query(shapes, predicate="intersects")
    found[at] = codes[area]
    lost = np.flatnonzero(found == None)  # noqa: E711 - element by element
    at, area = tree.query_nearest(shapes[lost], max_distance=STRAY_M, all_matches=False)
    found[lost[at]] = codes[area]
    return found


def without_strays(country: Country) -> Country:
    """
    Keep the municipalities that have roads, and what lies in them.

    Points far from every parish would come to lie in the midst of a copy.
    """
    return keep(country, {code for code in _home_of_ways(country) if code is not None})


def cut(country: Country, share: float) -> Country:
    """
    Cut out whole municipalities around one of them, the nearest first, until they hold this share of the places.

    Of all such parts the one is taken whose places have most nearly as many others within 10 km as those of the whole
    country: a part is to be smaller than the country, not emptier. A road belongs to the municipality of its middle
    node, and is kept whole.
    """
    places = country.xy[_place_rows(country)]
    home = pd.Categorical(municipality_of(places, country))
    neighbours = cKDTree(places).query_pairs(NEAR_M, output_type="ndarray")
    middle = country.municipalities.to_crs(METRES).dissolve("kommunekode").representative_point()
    middle = middle.loc[[code for code in middle.index if code in home.categories]]
    held = pd.Series(home).value_counts()[middle.index].to_numpy()
    parts = []
    for code in middle.index:
        order = np.argsort(middle.distance(middle[code]).to_numpy(), kind="stable")
        enough = 1 + int(np.searchsorted(np.cumsum(held[order]), share * held.sum()))
        chosen = middle.index[order[:enough]]
        inside = np.asarray(home.isin(chosen))
        pairs_a_place = inside[neighbours].all(axis=1).sum() / inside.sum()
        parts.append((abs(pairs_a_place - len(neighbours) / len(places)), code, chosen))
    return keep(country, set(min(parts, key=lambda part: part[:2])[2]))


def _home_of_ways(country: Country) -> NDArray[np.object_]:
    """Find the municipality of the middle node of each way."""
    middle = (country.way_start[:-1] + country.way_start[1:]) // 2
    return municipality_of(country.xy[country.way_node[middle]], country)


def _place_rows(country: Country) -> Longs:
    is_place = (row for row, tags in country.tags.items() if any(k == "place" and v in PLACES for k, v in tags))
    return np.fromiter(is_place, dtype=np.int64)


def keep(country: Country, codes: set[str]) -> Country:
    """Keep what lies in some municipalities."""
    ends = country.way_start
    ways = np.isin(_home_of_ways(country), list(codes))
    tagged = np.fromiter(country.tags, dtype=np.int64, count=len(country.tags))
    tagged = tagged[np.isin(municipality_of(country.xy[tagged], country), list(codes))]
    length = np.diff(ends)
    refs = country.way_node[np.repeat(ways, length)]
    nodes = np.zeros(len(country.node_id), dtype=bool)
    nodes[refs] = True
    nodes[tagged] = True
    row = np.cumsum(nodes) - 1
    positions = _project(country.villages[["lon", "lat"]].to_numpy(float), DEGREES, METRES)
    villages = np.isin(municipality_of(positions, country), list(codes))
    return replace(
        country,
        node_id=country.node_id[nodes],
        xy=country.xy[nodes],
        tags={int(row[old]): country.tags[int(old)] for old in tagged},
        way_id=country.way_id[ways],
        way_start=np.concatenate([[0], np.cumsum(length[ways])]),
        way_node=row[refs],
        way_kind=country.way_kind[ways],
        parishes=country.parishes[country.parishes["kommunekode"].isin(codes)],
        municipalities=country.municipalities[country.municipalities["kommunekode"].isin(codes)],
        villages=country.villages[villages],
    )


def tile(country: Country, copies: int, folder: Path) -> dict[str, int]:
    """
    Write copies of a country side by side, joined by a few straight roads, as the files of a study.

    Copies stand in two columns, each moved in metres; ids and codes of each are its own. One copy is the country.

    Returns
    -------
    dict
        Counts of what was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    node_step, way_step = int(country.node_id.max()) + 1, int(country.way_id.max()) + 1
    bridges = _bridges(country, copies)
    with PbfWriter(folder / "country.osm.pbf") as writer:
        for copy in range(copies):
            degrees = _project(country.xy + _shift(copy), METRES, DEGREES)
            e7 = np.round(degrees * 1e7).astype(np.int64)
            writer.nodes(country.node_id + copy * node_step, e7[:, 0], e7[:, 1], country.tags)
        for copy in range(copies):
            refs = country.node_id[country.way_node] + copy * node_step
            ids = country.way_id + copy * way_step
            writer.ways(ids, country.way_start, refs, country.way_kind, country.way_kinds)
        if bridges:
            ends = np.array([country.node_id[row] + copy * node_step for pair in bridges for copy, row in pair])
            start = np.arange(0, len(ends) + 1, 2)
            ids = copies * way_step + np.arange(len(bridges))
            writer.ways(ids, start, ends, np.zeros(len(bridges), np.int32), [(("highway", "primary"),)])
    _write_areas(country, copies, folder)
    per_copy = country.counts()
    return {key: value * copies for key, value in per_copy.items()} | {"bridges": len(bridges)}


def _shift(copy: int) -> Floats:
    return np.array([SHIFT_M[0] * (copy % COLUMNS), SHIFT_M[1] * (copy // COLUMNS)])


def _bridges(country: Country, copies: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Pair up (copy, row of a node) at facing edges: neighbours in a row of copies, and one row to the next."""
    if copies < COLUMNS:
        return []
    west, east = _edge_nodes(country, axis=0)
    south, north = _edge_nodes(country, axis=1)
    pairs = []
    for copy in range(copies):
        if copy % COLUMNS:
            pairs += [((copy - 1, a), (copy, b)) for a, b in zip(west, east, strict=True)]
        if copy >= COLUMNS:
            pairs += [((copy - COLUMNS, a), (copy, b)) for a, b in zip(south, north, strict=True)]
    return pairs


def _edge_nodes(country: Country, axis: int) -> tuple[list[int], list[int]]:
    """Rows of the first and last nodes along an axis, in a few bands across it, of the largest part of the roads."""
    same_way = np.ones(len(country.way_node) - 1, dtype=bool)
    same_way[country.way_start[1:-1] - 1] = False
    tail, head = country.way_node[:-1][same_way], country.way_node[1:][same_way]
    n = len(country.node_id)
    part = connected_components(coo_array((np.ones(len(tail), np.int8), (tail, head)), shape=(n, n)), directed=False)[1]
    rows = np.flatnonzero(part == np.bincount(part[tail]).argmax())
    along, across = country.xy[rows, axis], country.xy[rows, 1 - axis]
    band = np.minimum((across - across.min()) / np.ptp(across) * BRIDGES, BRIDGES - 1).astype(int)
    bands = [np.flatnonzero(band == number) for number in range(BRIDGES)]
    bands = [members if len(members) else np.arange(len(rows)) for members in bands]
    firsts, lasts = ([int(rows[b[pick(along[b])]]) for b in bands] for pick in (np.argmin, np.argmax))
    return firsts, lasts


def _copied(table: gpd.GeoDataFrame, copies: int, codes: tuple[str, ...], name: str) -> Iterator[gpd.GeoDataFrame]:
    metres = table.to_crs(METRES)
    for copy in range(copies):
        dx, dy = _shift(copy)
        moved = metres.set_geometry(metres.geometry.translate(dx, dy)).to_crs(DEGREES)
        if copy:
            # "c": a number alone after a hyphen would look like the ones given to shared codes
            moved = moved.assign(**{code: moved[code].astype(str) + f"c{copy}" for code in codes})
            moved = moved.assign(**{name: moved[name].astype(str) + f" {copy + 1}"})
        yield moved


def _write_areas(country: Country, copies: int, folder: Path) -> None:
    for stem, table, codes, name in (
        ("parishes", country.parishes, ("sognekode", "kommunekode"), "sognenavn"),
        ("municipalities", country.municipalities, ("kommunekode",), "kommunenavn"),
    ):
        joined = pd.concat(_copied(table, copies, codes, name), ignore_index=True)
        gpd.GeoDataFrame(joined, crs=DEGREES).to_file(folder / f"{stem}.geojson", driver="GeoJSON")
    metres = _project(country.villages[["lon", "lat"]].to_numpy(float), DEGREES, METRES)
    step = int(country.villages["geonameid"].max()) + 1 if len(country.villages) else 1
    tables = []
    for copy in range(copies):
        degrees = _project(metres + _shift(copy), METRES, DEGREES)
        ids = country.villages["geonameid"] + copy * step
        tables.append(country.villages.assign(geonameid=ids, lon=degrees[:, 0], lat=degrees[:, 1]))
    pd.concat(tables).to_csv(folder / "villages.csv", index=False)


def stamp() -> str:
    """Tell countries cut and tiled by this code from others."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]


def written_once(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill where `folder` is not there yet; it takes its name only when it is whole."""
    if not folder.is_dir():
        unfinished = folder.with_name(f"{folder.name}.part{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(folder)
