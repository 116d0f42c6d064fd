"""Roads as lines of any file, and village-to-village links."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from ..errors import TableError
from ..study import Mode
from ..tables import LINKS, ROADS, Finding, check_table
from .columns import find_column, only_declared, text_of
from .layers import Layer, lines_of, read_layer
from .records import finding
from .road_tags import direction, posted_limits, road_class
from .services import require_villages


def read_roads(
    path: Path, *, source: str, mode: Mode, crs: CRS | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Read road lines, in the file's reference system; lines in several parts become a row a part.

    Class, posted limit and direction are understood in OSM's words; `crs` is for `read_layer`.

    Raises
    ------
    TableError
        If the file cannot be read or used, or a row is no line.
    CrsError
        If its reference system is missing, unknown or wrong.
    """
    layer = read_layer(path, source=source, table="roads", crs=crs)
    lines = lines_of(layer.rows, source=source)
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
