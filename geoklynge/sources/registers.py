"""Public registers: their fields by the names that open_data.toml gives, and their rows made services."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from ..errors import TableError
from ..open_data import OpenSource
from ..tables import Finding
from .columns import find_column, numbers_of, text_of, year_of
from .fields import change_of, find_text, require_text
from .layers import Layer
from .positions import DANISH_UTM, WGS84, in_denmark, points_at
from .records import finding

KINDS_SHOWN = 6  # kinds named, the most frequent ones, of those that are not counted


def services_of(layer: Layer, known: OpenSource) -> Layer:
    """
    Make services of the rows of a register.

    Its fields are those of `known`: `service_id`, `name`, `category` and, where the register has them, `status`,
    `kind` (words for the category's code), `lat` and `lon`, `x` and `y` (metres in EPSG:25832), `capacity` and
    `since` (a date). Its settings are `source`, `id_prefix`, `categories` (code -> category of ours), `in_force` (how
    the status of a facility that exists begins), and `counted_at_a_spot` (categories in which several facilities at
    one spot are a larger one: their number is its capacity). Left out, and said so, are rows not in force, kinds that
    no category is named for, rows without a position in Denmark or a `village_id` added by hand, and all but one of
    the rows of a category at one spot: such as a school and its department.

    Raises
    ------
    TableError
        If a field is gone, a number is none, or no row is left.
    """
    rows = _rows_of(layer, known)
    kept, findings = _in_force(layer, known, rows)
    kept, found = _of_our_kinds(layer, known, kept)
    findings += found
    kept, found = _located(layer, kept)
    findings += found
    kept, found = _one_a_spot(layer, known, kept)
    return replace(layer, rows=kept.reset_index(drop=True), findings=(*layer.findings, *findings, *found))


def _rows_of(layer: Layer, known: OpenSource) -> gpd.GeoDataFrame:
    """Name the fields of every row as ours; `kind` is what it is called where it is not counted."""
    ids = require_text(layer, known, "service_id", "the id of the facility")
    codes = require_text(layer, known, "category", "the kind of the facility")
    kinds, since = (find_text(layer, known, column) for column in ("kind", "since"))
    columns = {
        "service_id": known.settings.get("id_prefix", "") + ids,
        "name": require_text(layer, known, "name", "the name of the facility"),
        "category": codes.str.casefold().map(
            {str(code).casefold(): category for code, category in known.settings["categories"].items()}
        ),
        "kind": codes if kinds is None else kinds.fillna(codes),
        "source": pd.Series(known.settings["source"], index=ids.index, dtype="string"),
    }
    if since is not None:
        columns["year"] = since.map(year_of, na_action="ignore").astype("Int64")
    capacity = find_text(layer, known, "capacity")
    if capacity is not None:
        columns["capacity"] = numbers_of(capacity, source=layer.source, comma=layer.decimal_comma)
    by_hand = find_column(layer.rows, ["village_id"])
    if by_hand is not None:
        columns["village_id"] = text_of(layer.rows[by_hand])
    return gpd.GeoDataFrame(columns, geometry=_positions(layer, known))


def _positions(layer: Layer, known: OpenSource) -> gpd.GeoSeries:
    """Take the shapes of the file, or the columns lat and lon of one; else the coordinates in the register's fields."""
    shapes = gpd.GeoSeries(layer.rows.geometry.to_numpy(), index=layer.rows.index, crs=layer.rows.crs)
    for x, y, crs in (("lon", "lat", WGS84), ("x", "y", DANISH_UTM)):
        if x not in known.fields:
            continue
        if shapes.isna().all():  # no other position: a field that is gone is an error
            require_text(layer, known, x, "the position")
            require_text(layer, known, y, "the position")
            shapes = shapes.set_crs(crs, allow_override=True)
        pair = [
            numbers_of(cells, source=layer.source, comma=layer.decimal_comma)
            for cells in (find_text(layer, known, x), find_text(layer, known, y))
            if cells is not None
        ]
        if len(pair) == 2:
            shapes = shapes.where(shapes.notna(), points_at(*pair, crs=crs).to_crs(shapes.crs))
    return shapes


def at_first_points(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Put a row that is several points at the first of them; other shapes stay."""
    shapes = np.array(rows.geometry.to_numpy(), dtype=object)
    several = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT
    shapes[several] = shapely.get_geometry(shapes[several], 0)
    return rows.set_geometry(gpd.GeoSeries(shapes, index=rows.index, crs=rows.crs))


def _in_force(layer: Layer, known: OpenSource, rows: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    begins = tuple(str(word).casefold() for word in known.settings.get("in_force", ()))
    if not begins:
        return rows, []
    status = require_text(layer, known, "status", "whether the facility exists").str.casefold()
    stands = status.str.startswith(begins).fillna(False).to_numpy(dtype=bool)
    past = rows[~stands]
    text = f"facilities of {layer.source} that are planned or closed, left out: {len(past)} of {len(rows)}"
    return rows[stands], finding("services_not_in_force", len(past), text, past["name"].dropna())


def _of_our_kinds(layer: Layer, known: OpenSource, rows: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    other = rows["category"].isna()
    kinds = rows.loc[other, "kind"]
    listed = kinds_with_numbers(kinds)
    if other.all():
        raise TableError(
            f"none of the {len(rows)} facilities in force is of a kind that is counted{listed}",
            where=layer.source,
            advice=f"give another file, or {change_of('settings.categories', known)}",
        )
    text = f"facilities of {layer.source} of kinds that are not counted, left out: {len(kinds)} of {len(rows)}{listed}"
    return rows[~other], finding("services_of_other_kinds", len(kinds), text, kinds.dropna())


def kinds_with_numbers(kinds: pd.Series) -> str:
    """List the most frequent kinds with their numbers, in brackets."""
    counts = kinds.value_counts().rename_axis("kind").reset_index(name="n")
    counts = counts.sort_values(["n", "kind"], ascending=[False, True])
    shown = [f"{kind} {n}" for kind, n in counts.head(KINDS_SHOWN).itertuples(index=False)]
    shown += [f"{len(counts) - KINDS_SHOWN} more kinds"] if len(counts) > KINDS_SHOWN else []
    return f" ({', '.join(shown)})" if shown else ""


def _located(layer: Layer, rows: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Keep what lies in Denmark or names its village; a postal town is no position, so it is not used as one."""
    middle = rows.geometry.to_crs(WGS84).representative_point()
    somewhere = in_denmark(middle.x.to_numpy(), middle.y.to_numpy())
    rows = rows.set_geometry(rows.geometry.where(somewhere, None))
    if "village_id" in rows:
        somewhere = somewhere | rows["village_id"].notna().to_numpy(dtype=bool)
    if not somewhere.any():
        raise TableError(
            f"none of the {len(rows)} facilities has a position in Denmark",
            where=layer.source,
            advice="add columns lat and lon, or village_id",
        )
    lost = rows[~somewhere]
    text = (
        f"facilities of {layer.source} without a position in Denmark, left out until columns lat and lon (or "
        f"village_id) are added by hand: {len(lost)} of {len(rows)}"
    )
    return rows[somewhere], finding("services_unlocated", len(lost), text, lost["name"].fillna(lost["service_id"]))


def _one_a_spot(layer: Layer, known: OpenSource, rows: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Keep the row with the lowest id of those of one category at one spot, to the metre, with their capacity."""
    rows = rows.sort_values("service_id")
    middle = rows.geometry.to_crs(DANISH_UTM).representative_point()
    spot = pd.DataFrame({"category": rows["category"], "x": middle.x.round(), "y": middle.y.round()})
    nowhere = spot["x"].isna().to_numpy()
    spot["row"] = np.where(nowhere, np.arange(len(rows)), -1)  # a row without a position is at no spot with another
    group = spot.groupby(["category", "x", "y", "row"], dropna=False, sort=False).ngroup()
    if "capacity" in rows:
        rows["capacity"] = rows["capacity"].groupby(group).transform("max")
    counted = rows["category"].isin(list(known.settings.get("counted_at_a_spot", ())))
    if counted.any():
        number = group.groupby(group).transform("size").astype("Float64")
        given = rows["capacity"] if "capacity" in rows else pd.Series(pd.NA, index=rows.index, dtype="Float64")
        rows["capacity"] = given.mask(counted, number)
    again = group.duplicated()
    text = f"facilities of {layer.source} at one spot with another of their category, counted as one: {again.sum()}"
    names = rows.loc[again, "name"].dropna()
    return rows[~again], finding("services_at_one_spot", int(again.sum()), text, names)
