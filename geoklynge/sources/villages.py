"""The villages of one file: ids, kinds, points."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from ..errors import TableError
from ..tables import VILLAGES, Finding, check_table
from .columns import find_column, only_declared
from .formats import read_known
from .layers import Layer, points_of
from .naming import ids_from

# People from which a place is a village, a town, a city. Statistics Denmark counts an urban area from 200;
# the rest is the project's own line.
KIND_FROM = ((200, "village"), (1_000, "town"), (50_000, "city"))
LIST_MARK = "; "  # stands between ids wherever several are written in one cell


def read_villages(path: Path, *, source: str, crs: CRS | None = None) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the villages of one file: `read_known`, which `crs` is for, then `as_villages`."""
    return as_villages(read_known(path, source=source, table="villages", crs=crs))


def as_villages(layer: Layer) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Make villages of a file in our columns, in the file's reference system, in the order of the file.

    Without `village_id` the ids are GeoNames numbers or made of the names; without `kind` the population decides.

    Raises
    ------
    TableError
        If the file cannot be used, a village has no position, or an id holds "; ".
    """
    source = layer.source
    rows, findings = points_of(layer.shaped(VILLAGES), source=source, thing="villages")
    if find_column(layer.rows, ["village_id"]) is None and find_column(layer.rows, ["geonameid"]) is not None:
        rows["village_id"] = "geonames-" + rows["village_id"]
        if "source" not in rows:
            rows["source"] = pd.Series("GeoNames", index=rows.index, dtype="string")
    nothing = pd.Series(pd.NA, index=rows.index, dtype="string")
    if "village_id" not in rows:
        rows["village_id"] = ids_from(rows.get("name", nothing).fillna(""), rows.geometry)
    by_people = kind_by_people(rows.get("population", nothing.astype("Int64")))
    rows["kind"] = rows.get("kind", nothing).str.casefold().fillna(by_people)
    check_table(pd.DataFrame(rows), VILLAGES, source=source)
    _require_positions(rows, source)
    _require_plain_ids(rows, source)
    return only_declared(rows, VILLAGES), [*layer.findings, *findings]


def kind_by_people(population: pd.Series) -> pd.Series:
    """Tell the kind of a place by its people; a place whose people are not known is a hamlet."""
    people = population.to_numpy(dtype=float, na_value=0.0)
    steps = np.searchsorted([people_from for people_from, _ in KIND_FROM], people, side="right")
    kinds = np.array(["hamlet", *(kind for _, kind in KIND_FROM)], dtype=object)
    return pd.Series(kinds[steps], index=population.index, dtype="string")


def _require_plain_ids(rows: gpd.GeoDataFrame, source: str) -> None:
    """Refuse ids that could not be told apart in a list of ids."""
    listed = rows["village_id"].str.contains(LIST_MARK, regex=False).to_numpy(dtype=bool)
    if listed.any():
        row = int(listed.argmax())
        raise TableError(
            f"{rows['village_id'].iloc[row]!r}: ids may not contain {LIST_MARK!r}",
            where=f"{source}, row {row + 1}, column 'village_id'",
            advice="write the id without it",
        )


def _require_positions(rows: gpd.GeoDataFrame, source: str) -> None:
    missing = shapely.is_missing(rows.geometry.to_numpy())
    if missing.any():
        row = int(missing.argmax())
        raise TableError(
            f"{rows['name'].iloc[row]!r} has no position",
            where=f"{source}, row {row + 1}",
            advice="give lat and lon (or x and y, or a point)",
        )
