"""Doctors, pharmacies and nursing homes from SOR, the register of organisations in the health service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ..errors import TableError
from ..open_data import OpenSource
from .columns import find_column, numbers_of, text_of
from .fields import change_of, require_text
from .layers import Layer
from .positions import DANISH_UTM, WGS84, in_denmark, points_at
from .registers import services_of


def services_of_sor(layer: Layer, known: OpenSource) -> Layer:
    """
    Make services of the institutions in SOR's daily file, one for each health institution.

    A unit belongs to the institution that its fields `parent`, `parent_name` and `parent_category` tell; without a
    parent it is one itself. The institution stands where it says or, since the register often gives an address
    only further down, where the first of its units does. `known.settings["positions"]` lists the pairs of fields
    that may hold it, the ones to prefer first, in metres of EPSG:25832 (or degrees, as some files of the register
    have had). Several practices at one spot are one service, their number its capacity. See `services_of`.

    Raises
    ------
    TableError
        If a field is gone, or no row is left.
    """
    own = _unquoted(require_text(layer, known, "service_id", "the SOR id of the unit"))
    parent = _unquoted(require_text(layer, known, "parent", "the SOR id of the institution of the unit"))
    name = require_text(layer, known, "parent_name", "the name of its institution")
    category = require_text(layer, known, "parent_category", "the type of its institution")
    units = pd.DataFrame(
        {
            "service_id": parent.fillna(own),
            "name": name.fillna(require_text(layer, known, "name", "the name of the unit")),
            "category": category.fillna(require_text(layer, known, "category", "the type of the unit")),
        }
    )
    by_hand = find_column(layer.rows, ["village_id"])
    if by_hand is not None:
        units["village_id"] = text_of(layer.rows[by_hand])
    rows = gpd.GeoDataFrame(units, geometry=_positions(layer, known))
    below = (parent.notna() & (parent != own)).to_numpy(dtype=bool, na_value=False)
    order = np.lexsort((own.to_numpy(dtype=str, na_value=""), below, rows.geometry.isna()))
    firsts = rows.iloc[order].drop_duplicates("service_id").reset_index(drop=True)
    firsts = firsts.rename(columns={name: known.fields[name] for name in units if name in known.fields})
    return services_of(replace(layer, rows=firsts), known)


def _unquoted(ids: pd.Series) -> pd.Series:
    """Take ``="1234"``, which makes a spreadsheet leave the digits alone, back to its digits."""
    return ids.str.removeprefix('="').str.removesuffix('"')


def _positions(layer: Layer, known: OpenSource) -> gpd.GeoSeries:
    """Find the position of each unit in EPSG:25832: one added by hand, else the first pair of fields that holds one."""
    shapes = layer.rows.geometry.to_crs(DANISH_UTM)
    pairs = list(_pairs(layer, known))
    if not pairs and shapes.isna().all():
        wanted = ", ".join(repr(name) for pair in known.settings["positions"] for name in pair)
        raise TableError(
            f"none of the fields {wanted} (the position)",
            where=layer.source,
            advice=change_of("settings.positions", known),
        )
    for east, north in pairs:
        degrees = in_denmark(east.to_numpy(dtype=float, na_value=np.nan), north.to_numpy(dtype=float, na_value=np.nan))
        metres = points_at(east.mask(degrees), north.mask(degrees), crs=DANISH_UTM)
        found = metres.where(~degrees, points_at(east, north, crs=WGS84).where(degrees, None).to_crs(DANISH_UTM))
        shapes = shapes.where(~shapely.is_missing(shapes.to_numpy()), found)
    return shapes


def _pairs(layer: Layer, known: OpenSource) -> Iterator[tuple[pd.Series, pd.Series]]:
    for names in known.settings["positions"]:
        columns = [find_column(layer.rows, [str(name)]) for name in names]
        if all(column is not None for column in columns):
            east, north = (
                numbers_of(text_of(layer.rows[column]), source=layer.source, comma=layer.decimal_comma)
                for column in columns
            )
            yield east, north
