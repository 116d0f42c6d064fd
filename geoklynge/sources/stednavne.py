"""Danske Stednavne: the official names of built-up places, with the code that Statistics Denmark knows them by."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pandas as pd

from ..errors import TableError
from ..open_data import OpenSource
from ..tables import Finding
from .fields import change_of, find_text, require_text
from .layers import Layer
from .records import finding
from .registers import at_first_points, kinds_with_numbers


def villages_of_stednavne(layer: Layer, known: OpenSource) -> Layer:
    """
    Make villages of the entity Bebyggelse, each with its name.

    `known.settings["kinds"]` tells which types of built-up place are villages, and what kind each is where its
    people are not known; where they are, they decide. Other types (parts of towns, holiday houses, industry,
    allotments, conurbations) are left out, and said so. Rows of one id are spellings of one place: that of first
    priority stays.

    Raises
    ------
    TableError
        If a field is gone, or no place is left.
    """
    rows = _rows_of(layer, known)
    types = rows["type"]
    kinds = {str(name).casefold(): kind for name, kind in known.settings["kinds"].items()}
    rows["kind"] = types.str.casefold().map(kinds).astype("string")
    ours = rows["kind"].notna()
    listed = kinds_with_numbers(types[~ours])
    if not ours.any():
        raise TableError(
            f"none of the {len(rows)} places is of a type that is a village{listed}",
            where=layer.source,
            advice=f"give another file, or {change_of('settings.kinds', known)}",
        )
    text = f"built-up places of {layer.source} that are no villages, left out: {(~ours).sum()} of {len(rows)}{listed}"
    found = finding("places_of_other_kinds", int((~ours).sum()), text, types[~ours].dropna())
    rows, spelt = _one_an_id(layer, rows[ours])
    nameless = rows["name"].isna()
    text = f"built-up places of {layer.source} without a name, left out: {nameless.sum()}"
    found += spelt + finding("places_without_name", int(nameless.sum()), text, rows.loc[nameless, "village_id"])
    rows["kind"] = rows["kind"].mask(rows["population"].notna())  # people decide where they are known
    return replace(layer, rows=rows[~nameless].reset_index(drop=True), findings=(*layer.findings, *found))


def _rows_of(layer: Layer, known: OpenSource) -> gpd.GeoDataFrame:
    """Name the fields of every row as ours; `later` tells a spelling that is not the first."""
    ids = require_text(layer, known, "village_id", "the id of the place")
    priority = find_text(layer, known, "priority")
    columns = {
        "village_id": known.settings["id_prefix"] + ids,
        "name": require_text(layer, known, "name", "the name, from the entity Stednavn"),
        "type": require_text(layer, known, "kind", "the type of the built-up place"),
        "population": require_text(layer, known, "population", "the inhabitants"),
        "statbank_code": require_text(layer, known, "statbank_code", "the code of the urban area"),
        "source": pd.Series(known.settings["source"], index=ids.index, dtype="string"),
        "later": False if priority is None else (priority != known.settings["first"]).fillna(True),
    }
    return gpd.GeoDataFrame(columns, geometry=at_first_points(layer.rows).geometry)


def _one_an_id(layer: Layer, rows: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Keep the first spelling of each place, in the order of the file."""
    rows = rows.sort_values(["village_id", "later"], kind="stable")
    again = rows["village_id"].duplicated() & rows["village_id"].notna()
    text = f"further spellings of places of {layer.source}, left out: {again.sum()}"
    found = finding("places_spelt_otherwise", int(again.sum()), text, rows.loc[again, "name"].dropna())
    return rows[~again].sort_index().drop(columns=["later", "type"]), found
