"""Parishes and municipalities: read, joined from several files, and matched by code or name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd
import shapely
from pyproj import CRS

from ..errors import TableError
from ..tables import MUNICIPALITIES, PARISHES, Column, Finding, check_table
from .columns import only_declared
from .formats import read_known
from .layers import Layer, areas_of
from .naming import name_keys
from .records import finding

KINDS_OF_AREA: dict[str, tuple[Column, ...]] = {"parishes": PARISHES, "municipalities": MUNICIPALITIES}


def read_areas(
    path: Path, *, source: str, table: str, crs: CRS | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Read parishes or municipalities of one file: `read_known`, which `crs` is for, then `as_areas`."""
    return as_areas(read_known(path, source=source, table=table, crs=crs), table)


def as_areas(layer: Layer, table: str) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Make parishes or municipalities of a file in our columns, in the file's reference system.

    Rows may lack geometry (attributes only). Rows that repeat id and name are parts of one area and are
    united; a code that two differently named areas share is kept for the first name in the alphabet and
    numbered for the other.

    Raises
    ------
    TableError
        If the file cannot be used; also if a code of municipalities, or of areas without borders, repeats.
    """
    columns, source = KINDS_OF_AREA[table], layer.source
    rows, findings = areas_of(layer.shaped(columns), source=source)
    check_table(pd.DataFrame(rows), columns, source=source, unique_id=False)
    _refuse_repeats(rows, columns[0].name, source, may_share=table == "parishes")
    return _one_row_an_id(only_declared(rows, columns), columns[0].name, source, [*layer.findings, *findings])


def _refuse_repeats(rows: gpd.GeoDataFrame, id_name: str, source: str, *, may_share: bool) -> None:
    """Refuse a repeated id, unless the rows are parts of one area or (`may_share`) two areas of different names."""
    renamed = ~rows.duplicated([id_name, "name"])
    repeats = rows.duplicated(id_name) & (rows.geometry.isna() | (False if may_share else renamed))
    if repeats.any():
        row = int(repeats.to_numpy().argmax())
        raise TableError(
            f"{rows[id_name].iloc[row]!r} is used twice",
            where=f"{source}, row {row + 1}, column {id_name!r}",
            advice="give every area a code of its own",
        )


def _one_row_an_id(
    rows: gpd.GeoDataFrame, id_name: str, source: str, findings: list[Finding]
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    rows = rows.sort_values([id_name, "name"], ignore_index=True)
    part = rows.duplicated([id_name, "name"], keep=False)
    if part.any():
        united = rows[part].groupby([id_name, "name"]).geometry.agg(lambda shapes: shapely.union_all(shapes.to_numpy()))
        firsts = rows[part].drop_duplicates([id_name, "name"])
        firsts = firsts.set_geometry(gpd.GeoSeries(united.to_numpy(), index=firsts.index, crs=rows.crs))
        rows = pd.concat([rows[~part], firsts]).sort_values([id_name, "name"], ignore_index=True)
    number = rows.groupby(id_name).cumcount()
    shared = number > 0
    rows[id_name] = rows[id_name].mask(shared, rows[id_name] + "-" + (number + 1).astype("string"))
    text = f"areas of {source} whose code another area bears too, given a number: {shared.sum()}"
    return rows, findings + finding("codes_shared", int(shared.sum()), text, rows.loc[shared, "name"])


def join_areas(sources: Sequence[gpd.GeoDataFrame], *, id_name: str) -> gpd.GeoDataFrame:
    """
    Join the areas of several files: by id, else by name where only one area bears it; new ones are added.

    The first file's cells stand; empty ones, geometry included, are filled.

    Parameters
    ----------
    sources
        Tables of one kind of area, all in one reference system.
    id_name
        The column of ids.
    """
    joined = sources[0]
    for later in sources[1:]:
        target = later[id_name].where(later[id_name].isin(joined[id_name]))
        keys = name_keys(joined["name"])
        unique = ~keys.duplicated(keep=False)
        by_name = dict(zip(keys[unique], joined.loc[unique, id_name], strict=True))
        target = target.fillna(name_keys(later["name"]).map(by_name)).astype("string")
        target = target.mask(target.duplicated())
        known = later[target.notna()].assign(**{id_name: target.dropna()}).set_index(id_name)
        known = known.reindex(joined[id_name]).set_axis(joined.index)
        filled = {name: joined[name].fillna(known[name]) for name in known.columns if name != "geometry"}
        shapes = joined.geometry.where(joined.geometry.notna(), known.geometry)
        joined = joined.assign(**filled).set_geometry(gpd.GeoSeries(shapes, crs=sources[0].crs))
        new = later[target.isna() & ~later[id_name].isin(joined[id_name])]
        joined = pd.concat([joined, new], ignore_index=True) if len(new) else joined
    return joined.sort_values(id_name, ignore_index=True)
