"""Roads as lines of any file, and village-to-village links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from ..errors import TableError
from ..study import Mode
from ..tables import LINKS, ONEWAY, ROADS, Finding, Roads, check_table
from .columns import find_column, only_declared, text_of
from .formats import read_known
from .layers import Layer, lines_of, read_layer
from .positions import WGS84
from .records import finding
from .road_tags import CLOSED, direction, posted_limits, road_class
from .services import require_villages

VERTEX_GRID_M = 0.01  # vertices closer than this are one


def read_roads(
    path: Path, *, source: str, mode: Mode, crs: CRS | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the road lines of one file: `read_known`, which `crs` is for, then `as_roads`."""
    return as_roads(read_known(path, source=source, table="roads", crs=crs), mode)


def as_roads(layer: Layer, mode: Mode) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Make road lines of a file in our columns, in the file's reference system; one in several parts has a row a part.

    Class, posted limit and direction are understood in OSM's words.

    Raises
    ------
    TableError
        If the file cannot be used, or a row is no line.
    """
    source = layer.source
    lines = lines_of(_open_to(mode, layer.rows), source=source)
    speed = find_column(lines, ("speed_kmh", "maxspeed"))
    if speed is not None:
        lines = lines.assign(speed_kmh=posted_limits(lines[speed]))
    rows = Layer(lines, source, layer.decimal_comma).shaped(ROADS)
    check_table(pd.DataFrame(rows), tuple(c for c in ROADS if c.name == "road_class"), source=source, unique_id=False)
    said = rows["oneway"] if "oneway" in rows else pd.Series(pd.NA, index=rows.index, dtype="string")
    words = pd.DataFrame({"said": said.fillna(""), "highway": rows["road_class"]})
    headings = {
        pair: direction(pair[0], highway=pair[1], mode=mode) for pair in set(words.itertuples(index=False, name=None))
    }
    rows["oneway"] = pd.Series(
        [headings[pair] for pair in words.itertuples(index=False, name=None)],
        index=rows.index,
        dtype="string",
    )
    rows["road_class"] = rows["road_class"].map(road_class).astype("string")
    return only_declared(rows, ROADS), list(layer.findings)


def _open_to(mode: Mode, rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Keep the roads that a mode may use, where a source says it mode by mode (``oneway_<mode>``)."""
    said = find_column(rows, (f"oneway_{mode}",))
    if said is None:
        return rows
    return rows.assign(oneway=rows[said])[rows[said].ne(CLOSED).fillna(True).to_numpy(dtype=bool)]


def roads_of(lines: gpd.GeoDataFrame) -> Roads:
    """
    Flatten road lines; lines join where they share a vertex (within 1 cm).

    A line with a vertex that its projection could not place is left out.

    Parameters
    ----------
    lines
        LineStrings in metres, with `road_class` and, where known, `speed_kmh` and `oneway`.
    """
    lines = lines[np.isfinite(lines.geometry.bounds).all(axis=1)]
    points, line = shapely.get_coordinates(lines.geometry.to_numpy(), return_index=True)
    class_of, classes = pd.factorize(lines["road_class"].astype(object))
    posted = lines.get("speed_kmh", pd.Series(np.nan, index=lines.index))
    heading = lines.get("oneway", pd.Series("both", index=lines.index)).astype(object).map(ONEWAY)
    return _join_vertices(
        Roads(
            points,
            np.arange(len(points), dtype=np.int32),
            np.searchsorted(line, np.arange(len(lines) + 1)).astype(np.int64),
            tuple(str(name) for name in classes),
            class_of.astype(np.int16),
            np.asarray(posted, dtype=np.float64),
            np.asarray(heading, dtype=np.int8),
        )
    )


def project_roads(roads: Roads, crs: CRS) -> Roads:
    """Bring roads from WGS84 to metres; a line with a vertex that the projection cannot place is left out."""
    x, y = Transformer.from_crs(WGS84, crs, always_xy=True).transform(*roads.xy.T)
    placed = np.isfinite(x) & np.isfinite(y)
    whole = np.logical_and.reduceat(placed[roads.vertex], roads.indptr[:-1]) if len(roads) else placed
    return replace(roads, xy=np.column_stack([x, y])).take(whole)


def join_roads(parts: Sequence[Roads]) -> Roads:
    """Make one network of the roads of several sources, all in one reference system in metres."""
    if len(parts) == 1:
        return parts[0]
    classes = tuple(sorted({name for part in parts for name in part.classes}))
    renumbered = [np.array([classes.index(name) for name in part.classes], dtype=np.int16) for part in parts]
    before = np.cumsum([0, *(len(part.xy) for part in parts)])
    sizes = np.concatenate([np.diff(part.indptr) for part in parts])
    return _join_vertices(
        Roads(
            np.concatenate([part.xy for part in parts]),
            np.concatenate([part.vertex + first for part, first in zip(parts, before, strict=False)]).astype(np.int32),
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            classes,
            np.concatenate([new[part.class_of] for part, new in zip(parts, renumbered, strict=True)]),
            np.concatenate([part.speed_kmh for part in parts]),
            np.concatenate([part.oneway for part in parts]),
        )
    )


def _join_vertices(roads: Roads) -> Roads:
    """Make one vertex of those that lie in one cell of the grid; the first keeps its position."""
    if not len(roads):
        return roads
    grid: NDArray[np.int64] = np.round((roads.xy - roads.xy.min(axis=0)) / VERTEX_GRID_M).astype(np.int64)
    number, distinct = pd.factorize(grid[:, 0] * (grid[:, 1].max() + 1) + grid[:, 1])
    first = np.empty(len(distinct), dtype=np.int64)
    first[number[::-1]] = np.arange(len(number))[::-1]
    return replace(roads, xy=roads.xy[first], vertex=number[roads.vertex].astype(np.int32))


def read_links(path: Path, *, source: str, now: Mapping[str, str]) -> pd.DataFrame:
    """
    Read village-to-village links; `now` gives the ids that hold after merging.

    Raises
    ------
    TableError
        If the file cannot be read or used, a village is unknown, or a link leads back to where it starts.
    """
    layer = read_layer(path, source=source, table="links")
    rows = layer.shaped(LINKS)
    check_table(pd.DataFrame(rows), LINKS, source=source, unique_id=False)
    if "road_class" not in rows:
        rows["road_class"] = text_of(pd.Series(pd.NA, index=rows.index))
    ends = {name: require_villages(rows, name, now, source=source) for name in ("village_a", "village_b")}
    loop = (rows["village_a"] == rows["village_b"]).to_numpy(dtype=bool)
    if loop.any():
        row = int(loop.argmax())
        raise TableError(
            f"the link leads from {rows['village_a'].iloc[row]!r} to itself",
            where=f"{source}, row {row + 1}",
            advice="take it out",
        )
    links = pd.DataFrame(rows.assign(**ends))[[column.name for column in LINKS]]
    return links[links["village_a"] != links["village_b"]]  # two rows that became one place need no link


def measure_links(
    links: pd.DataFrame, villages: gpd.GeoDataFrame, *, read: pd.DataFrame, detour: float
) -> tuple[pd.DataFrame, list[Finding]]:
    """
    Keep the links inside the study; one without a length is the straight line times `detour`.

    Parameters
    ----------
    links
        With `village_a`, `village_b`, `road_km` (kilometres, may be missing), `road_class`.
    villages
        Those of the study, in its reference system.
    read
        All villages of the sources, also those outside the study: for the names of the ends that are left out.
    detour
        How much longer than the straight line a road is.
    """
    ids = pd.Index(villages["village_id"])
    a, b = ids.get_indexer(links["village_a"]), ids.get_indexer(links["village_b"])
    kept = (a >= 0) & (b >= 0)
    ends = pd.concat([links.loc[a < 0, "village_a"], links.loc[b < 0, "village_b"]])
    text = f"links with an end outside the study's area, left out: {(~kept).sum()} of {len(links)}"
    names = read.loc[read["village_id"].isin(ends), "name"]
    findings = finding("links_outside", int((~kept).sum()), text, names)
    links, a, b = links[kept].reset_index(drop=True), a[kept], b[kept]
    xy = np.column_stack([villages.geometry.x, villages.geometry.y])
    straight = pd.Series(np.hypot(*(xy[a] - xy[b]).T) / 1000, index=links.index)
    blank = links["road_km"].isna().to_numpy()
    measured = links["road_km"].astype("float64").fillna(straight * detour)
    links = links.assign(road_km=measured).sort_values(["village_a", "village_b", "road_km"], ignore_index=True)
    count = int(blank.sum())
    text = f"links without a length, counted with {detour:g} times the straight line: {count} of {len(links)}"
    return links, findings + finding("links_without_length", count, text)
