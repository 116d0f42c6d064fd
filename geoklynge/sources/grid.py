"""People by cell of a population grid: a file of Eurostat's, or any table of cells or points with people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from ..errors import TableError
from ..open_data import OpenSource
from ..tables import Finding
from .cells import Box, Fields, columns_of, fields_of, people_column, read_cells, summed
from .columns import numbers_of
from .layers import read_layer
from .place import StudyArea
from .records import finding, require_file

CELL_M = 1_000.0  # side of a cell
TOUCHES_M = CELL_M / 2**0.5  # half a cell's diagonal: nearer than this to a cell's centre, a place may lie in the cell
NEAR_M = 2_500.0  # without borders: how far from a village of the study people may live; the reach of `cluster_areas`

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def read_grid(
    path: Path, *, source: str, box: Box, crs: CRS, metres: CRS | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding], OpenSource | None]:
    """
    Read the cells of one population grid that lie in a box.

    A file with European cell ids is read no further than its ids and people, and not beyond the box where the format
    allows that; each cell stands for its centre. Any other file needs positions.

    Parameters
    ----------
    path
        CSV, GeoPackage, FlatGeobuf, Shapefile, GeoJSON, Parquet or GeoParquet.
    source
        The path as the study file writes it, for messages.
    box
        West, south, east, north, in `crs`.
    crs
        The study's reference system.
    metres
        What x and y of a CSV file are in; see `read_layer`.

    Returns
    -------
    tuple[gpd.GeoDataFrame, list[Finding], OpenSource | None]
        `cell_id`, `people` (missing where the source keeps them secret or does not know them), points in `crs`; cells
        that are told in several rows have the sum of these. Findings, and the open source that it is of.

    Raises
    ------
    TableError
        If the file cannot be read, has no column of people, a value that is no number, or no cell in the box.
    CrsError
        If a file without cell ids is in no known reference system.
    """
    require_file(path, source)
    fields = fields_of(columns_of(path, source), source)
    found = None if fields is None else read_cells(path, source=source, fields=fields, box=box, crs=crs)
    if found is None:
        found = _by_position(path, source, fields, box, crs, metres)
    cells, without_position = found
    if cells.empty:
        raise TableError(
            "no cell lies in the study's area", where=source, advice="give the grid of the country, or check its ids"
        )
    secret = cells["people"].isna()
    text = f"cells of {source} whose people are secret or not known, counted as nobody: {secret.sum()} of {len(cells)}"
    findings = finding("grid_people_unknown", int(secret.sum()), text, cells.loc[secret, "cell_id"])
    text = f"rows of {source} that tell no cell or position, left out: {without_position}"
    findings += finding("grid_without_position", without_position, text, [source])
    return cells, findings, fields.known if fields else None


def join_grids(grids: Sequence[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """Join grids, later ones filling the gaps of earlier ones; sorted by id."""
    cells = gpd.GeoDataFrame(pd.concat(grids, ignore_index=True), crs=grids[0].crs)
    cells = cells.assign(secret=cells["people"].isna()).sort_values(["secret"], kind="stable")
    return cells.drop_duplicates("cell_id").drop(columns="secret").sort_values("cell_id", ignore_index=True)


def box_of(area: StudyArea, villages: gpd.GeoDataFrame) -> Box:
    """Bound the study's area, or its villages' surroundings where no borders are known, and a cell around."""
    if len(area.polygons):
        west, south, east, north = shapely.total_bounds(area.polygons).tolist()
        around = CELL_M
    else:
        west, south, east, north = villages.total_bounds.tolist()
        around = NEAR_M
    return west - around, south - around, east + around, north + around


def counted_cells(
    cells: gpd.GeoDataFrame, area: StudyArea, places: gpd.GeoDataFrame, inside: Bools
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Keep the cells whose people are the study's, with at least one person each.

    By borders, a cell belongs where its centre lies; a centre that no area holds, off the coast mostly, belongs to the
    nearest area within half a cell's diagonal. Without borders a cell belongs to the nearest of all places, those
    outside the study among them, and counts if that is a village of the study at most 2.5 km away.

    Parameters
    ----------
    cells
        As `join_grids` gives them.
    area
        The study's.
    places, inside
        All places that were read, and which of them are the study's villages; in the cells' reference system.

    Returns
    -------
    tuple[gpd.GeoDataFrame, list[Finding]]
        `cell_id`, `people` (whole numbers), point; and a finding where there are no borders to go by.
    """
    known = cells[(cells["people"] > 0).fillna(False).to_numpy(dtype=bool)]
    findings = []
    if len(area.polygons):
        ours = area.holds(known.geometry, beyond_m=TOUCHES_M)
    else:
        ours = _nearest_inside(known, places, inside)
        gone = float(known.loc[~ours, "people"].sum())
        text = (
            "no borders are given: cells farther than 2.5 km from every village of the study, or nearer to another "
            f"place, left out: {(~ours).sum()} of {len(known)}, with {gone:.0f} people"
        )
        findings = finding("grid_without_borders", int((~ours).sum()), text, known.loc[~ours, "cell_id"])
    kept = known[ours].reset_index(drop=True)
    kept = kept.assign(people=_whole(kept["people"].to_numpy(dtype=np.float64)))
    return kept[kept["people"] > 0].reset_index(drop=True), findings


def _nearest_inside(cells: gpd.GeoDataFrame, places: gpd.GeoDataFrame, inside: Bools) -> Bools:
    """Tell which cells lie nearest to a place that is inside, and near enough."""
    there = ~places.geometry.is_empty & places.geometry.notna()
    points, ours = places.geometry.to_numpy()[there.to_numpy()], inside[there.to_numpy()]
    tree = shapely.STRtree(points)
    at, near = tree.query_nearest(cells.geometry.to_numpy(), max_distance=NEAR_M, all_matches=True)
    found = np.zeros(len(cells), dtype=bool)
    found[at[ours[near]]] = True  # of places that are equally near, one inside is enough
    return found


def _whole(people: Floats) -> NDArray[np.int64]:
    """Round parts of people so that the sum stays the same to half a person: what one cell loses the next one gets."""
    upto = np.floor(np.cumsum(people) + 0.5)
    return np.diff(upto, prepend=0.0).astype(np.int64)


def _by_position(
    path: Path, source: str, fields: Fields | None, box: Box, crs: CRS, metres: CRS | None
) -> tuple[gpd.GeoDataFrame, int]:
    """Read the cells or points of a file that says where they lie; an area counts at its middle."""
    layer = read_layer(path, source=source, table="grid", crs=metres)
    people = fields.people if fields else people_column(pd.DataFrame(layer.rows.drop(columns="geometry")), source)
    numbers = numbers_of(layer.rows[people], source=source, comma=layer.decimal_comma)
    points = gpd.GeoSeries(shapely.centroid(layer.rows.geometry.to_numpy()), crs=layer.rows.crs).to_crs(crs)
    x, y = points.x.to_numpy(), points.y.to_numpy()
    given = np.isfinite(x) & np.isfinite(y)
    west, south, east, north = box
    near = given & (x >= west) & (x <= east) & (y >= south) & (y <= north)
    if not given.any():
        raise TableError(
            "no row tells a cell (such as CRS3035RES1000mN3497000E4321000) or a position",
            where=source,
            advice="add the ids of the cells, or lat and lon",
        )
    named = fields.cell if fields else None
    if named:
        ids = layer.rows[named].astype("string")
    else:
        ids = pd.Series([f"E{a:.0f}N{b:.0f}" for a, b in zip(x, y, strict=True)], dtype="string")
    rows = pd.DataFrame({"cell_id": ids, "x": x, "y": y, "people": numbers.mask((numbers < 0).fillna(False))})[near]
    cells = summed([rows])
    table = gpd.GeoDataFrame(
        cells[["cell_id", "people"]], geometry=shapely.points(cells["x"].to_numpy(), cells["y"].to_numpy()), crs=crs
    )
    return table, int((~given).sum())
