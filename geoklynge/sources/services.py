"""The services of one file, and the place each service stands in."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS
from scipy.spatial import cKDTree

from ..errors import TableError
from ..tables import KINDS, SERVICES, Finding, check_table
from .columns import only_declared
from .formats import read_known
from .layers import Layer, points_of
from .naming import ids_from, name_key, name_keys

# How far from its point a place reaches, in metres: about the radius of its built-up area and its edge.
REACH_M = {"hamlet": 800.0, "village": 1_200.0, "town": 2_500.0, "city": 6_000.0}


def read_services(
    path: Path, *, source: str, categories: Collection[str], crs: CRS | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read the services of one file: `read_known`, which `crs` is for, then `as_services`."""
    return as_services(read_known(path, source=source, table="services", crs=crs), categories)


def as_services(layer: Layer, categories: Collection[str]) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Make services of a file in our columns, in the file's reference system, in the order of the file.

    A service may have no position if it names the village it stands in.

    Raises
    ------
    TableError
        If the file cannot be used, a category is unknown, or a capacity is not above 0.
    """
    source = layer.source
    rows, findings = points_of(layer.shaped(SERVICES), source=source, thing="services")
    if "category" in rows:
        rows["category"] = rows["category"].str.casefold()
    if "name" not in rows:
        rows["name"] = pd.Series(pd.NA, index=rows.index, dtype="string")
    if "service_id" not in rows:
        called = rows["category"].fillna("") if "category" in rows else ""
        rows["service_id"] = ids_from(called + " " + rows["name"].fillna(""), rows.geometry)
    check_table(pd.DataFrame(rows), SERVICES, source=source)
    services = only_declared(rows, SERVICES)
    _require_known(services, categories, source)
    _require_capacities(services, source)
    _require_somewhere(services, source)
    return services, [*layer.findings, *findings]


def _require_known(services: gpd.GeoDataFrame, categories: Collection[str], source: str) -> None:
    unknown = ~services["category"].isin(list(categories)).to_numpy(dtype=bool)
    if unknown.any():
        row = int(unknown.argmax())
        found = services["category"].iloc[row]
        near = difflib.get_close_matches(found, categories, n=1, cutoff=0.5)
        advice = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(categories)}"
        raise TableError(
            f"unknown category {found!r}", where=f"{source}, row {row + 1}, column 'category'", advice=advice
        )


def _require_capacities(services: gpd.GeoDataFrame, source: str) -> None:
    nothing = (services["capacity"] <= 0).to_numpy(dtype=bool)
    if nothing.any():
        row = int(nothing.argmax())
        raise TableError(
            f"{services['capacity'].iloc[row]:g} is not above 0",
            where=f"{source}, row {row + 1}, column 'capacity'",
            advice="leave the cell empty where the size is not known, or take a closed facility out",
        )


def _require_somewhere(services: gpd.GeoDataFrame, source: str) -> None:
    nowhere = (services.geometry.isna() & services["village_id"].isna()).to_numpy()
    if nowhere.any():
        row = int(nowhere.argmax())
        raise TableError(
            f"{services['service_id'].iloc[row]!r} has neither a position nor a village_id",
            where=f"{source}, row {row + 1}",
            advice="give lat and lon, or the village_id it stands in",
        )


def require_villages(
    rows: pd.DataFrame,
    column: str,
    now: Mapping[str, str],
    *,
    source: str,
    named: Mapping[str, tuple[str, ...]] | None = None,
) -> pd.Series:
    """
    Bring a column of village ids, or names, to the ids that hold after merging.

    Parameters
    ----------
    rows
        In the order of the file.
    column
        Which of its columns holds the ids; missing cells stay missing.
    now
        Id that was read -> id that holds.
    source
        The file, for the message.
    named
        Where names may stand too: the ids that hold of the places of each name, by `name_key`.

    Raises
    ------
    TableError
        If no villages file knows an id or name; names the row and the nearest one. Also if several places bear the
        name.
    """
    held = rows[column].map(now).astype("string")
    if named is not None:
        held = held.fillna(_only_bearer(rows[column].mask(held.notna()), named, source=source))
    unknown = (rows[column].notna() & held.isna()).to_numpy(dtype=bool)
    if unknown.any():
        row = int(unknown.argmax())
        found = str(rows[column].iloc[row])
        near = difflib.get_close_matches(found, now, n=1) or difflib.get_close_matches(
            name_key(found), named or (), n=1
        )
        wanted = "village_id" if named is None else "village_id and no name of a village"
        raise TableError(
            f"{found!r} is no {wanted}" + (f" (and {unknown.sum() - 1} more)" if unknown.sum() > 1 else ""),
            where=f"{source}, row {row + 1}, column {column!r}",
            advice=f"did you mean {near[0]!r}?" if near else "give the village_id of a row of the villages",
        )
    return held


def _only_bearer(names: pd.Series, named: Mapping[str, tuple[str, ...]], *, source: str) -> pd.Series:
    """Find the one place that bears each name; missing where none does."""
    keys = name_keys(names)
    several = keys.isin([key for key, ids in named.items() if len(ids) > 1]).to_numpy(dtype=bool)
    if several.any():
        row = int(several.argmax())
        ids = named[keys.iloc[row]]
        raise TableError(
            f"{names.iloc[row]!r} is the name of {len(ids)} villages ({', '.join(ids[:5])})",
            where=f"{source}, row {row + 1}, column {names.name!r}",
            advice="give the village_id",
        )
    return keys.map({key: ids[0] for key, ids in named.items() if len(ids) == 1}).astype("string")


def place_services(services: gpd.GeoDataFrame, villages: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    Give each service a position and, where it stands in one, a village.

    Without a position it has that of its village.
    A service stands in the place whose reach it is deepest in: distance over the reach of the place's kind
    (hamlet 800 m, village 1,200 m, town 2,500 m, city 6,000 m), if at most 1.

    Parameters
    ----------
    services, villages
        In the study's reference system; every `village_id` of a service is one of `villages`, all those that
        were read, so that a service of a place outside the study is not given to its neighbour.
    """
    at = pd.Index(villages["village_id"]).get_indexer(services["village_id"])
    homeless = services.geometry.isna().to_numpy() & (at >= 0)
    shapes = services.geometry.to_numpy().copy()
    shapes[homeless] = villages.geometry.to_numpy()[at[homeless]]
    services = services.set_geometry(gpd.GeoSeries(shapes, index=services.index, crs=villages.crs))
    standing = _standing_in(services, villages)
    return services.assign(village_id=services["village_id"].fillna(standing))


def _standing_in(services: gpd.GeoDataFrame, villages: gpd.GeoDataFrame) -> pd.Series:
    xy, places = (np.column_stack([table.geometry.x, table.geometry.y]) for table in (services, villages))
    depth = np.full(len(services), np.inf)
    found = np.full(len(services), -1, dtype=np.int64)
    able = np.flatnonzero(np.isfinite(xy).all(axis=1))
    for kind in KINDS:
        rows = np.flatnonzero((villages["kind"] == kind).to_numpy() & np.isfinite(places).all(axis=1))
        if not (len(rows) and len(able)):
            continue
        reach = REACH_M[kind]
        near = cKDTree(places[rows]).query(xy[able], distance_upper_bound=np.nextafter(reach, np.inf))
        metres, nearest = (np.asarray(part) for part in near)
        nearer = metres / reach < depth[able]
        depth[able[nearer]] = metres[nearer] / reach
        found[able[nearer]] = rows[nearest[nearer]]
    ids = pd.array([pd.NA] * len(services), dtype="string")
    ids[found >= 0] = villages["village_id"].to_numpy(dtype=object)[found[found >= 0]]
    return pd.Series(ids, index=services.index)
