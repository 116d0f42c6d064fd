"""Overture Maps: places as services, localities as villages. Its roads are in `overture_roads`."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from ..errors import TableError
from ..open_data import OpenSource
from .columns import numbers_of, text_of, year_of
from .fields import find_field, require_field, require_parts
from .layers import Layer
from .records import finding

OVERTURE = "Overture Maps"


def overture_services(layer: Layer, known: OpenSource) -> Layer:
    """
    Take services out of a file of the theme places (schema 2.0 of September 2026, or one before).

    A place is of the category that `open_data.toml` gives for Overture's own (`categories`), else for the nearest
    category above it (`groups`); other places are no services. Places that are closed for good, or that Overture holds
    for less sure than `at_least_confidence`, are left out and told; without a score a place counts. The year is that
    of the newest record that the place was made of.

    Raises
    ------
    TableError
        If a field is missing, or no place is a service.
    """
    category = _categories(layer, known)
    wanted = category.notna().to_numpy()
    if not wanted.any():
        raise TableError(
            f"none of its {len(wanted)} places is of a category that counts as a service",
            where=layer.source,
            advice="give another file, or add to categories of overture_places",
        )
    closed = text_of(require_field(layer, known, "status")).isin(known.settings["not_status"])
    score = numbers_of(require_field(layer, known, "confidence"), source=layer.source)
    least = float(known.settings["at_least_confidence"])
    unsure = score.lt(least).fillna(False).to_numpy(dtype=bool) & ~closed.to_numpy(dtype=bool)
    gone = closed.to_numpy(dtype=bool)
    names = text_of(require_field(layer, known, "name"))
    kept = wanted & ~gone & ~unsure
    rows = gpd.GeoDataFrame(
        {
            "service_id": "overture-" + text_of(require_field(layer, known, "service_id")),
            "name": names,
            "category": category,
            "source": pd.Series(OVERTURE, index=names.index, dtype="string"),
        },
        geometry=layer.rows.geometry,
        crs=layer.rows.crs,
    )[kept]
    rows = rows.assign(year=_years(layer, known, kept)).reset_index(drop=True)
    doubts = [
        ("places_closed", wanted & gone, "closed for good"),
        ("places_unsure", wanted & unsure, f"that Overture gives a confidence below {least:g}"),
    ]
    findings = [
        found
        for code, of, said in doubts
        for found in finding(
            code,
            int(of.sum()),
            f"services of {layer.source} {said}, left out: {of.sum()} of {wanted.sum()}",
            names[of].fillna(category[of]),
        )
    ]
    return Layer(rows, layer.source, findings=(*layer.findings, *findings))


def _categories(layer: Layer, known: OpenSource) -> pd.Series:
    """Tell our category of each place; missing where it is no service."""
    before = find_field(layer, known, "category_before")
    own = find_field(layer, known, "category")
    if own is None and before is None:
        own = require_field(layer, known, "category")
    said = text_of(own if own is not None else pd.Series(pd.NA, index=layer.rows.index))
    if before is not None:
        said = said.fillna(text_of(before))
    ours = said.map(known.settings["categories"]).astype("string")
    above = find_field(layer, known, "hierarchy")
    if own is not None:
        above = require_field(layer, known, "hierarchy")
    if above is None:
        return ours.fillna(said.map(known.settings["groups"]).astype("string"))
    groups: dict[str, str] = known.settings["groups"]
    open_ = ours.isna().to_numpy() & above.notna().to_numpy()
    found = [next((groups[name] for name in reversed(path) if name in groups), None) for path in above[open_].tolist()]
    filled = ours.to_numpy(dtype=object)
    filled[open_] = found
    return pd.Series(filled, index=ours.index, dtype="string").fillna(said.map(groups).astype("string"))


def _years(layer: Layer, known: OpenSource, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> pd.Series:
    """Find the year of the newest record behind each place that is kept."""
    records = require_field(layer, known, "records")
    require_parts(records, known, ("updated",), source=layer.source)
    part, years = known.fields["updated"], list[int | None]()
    for listed in records[kept].tolist():
        found = [year_of(record.get(part) or "") for record in (listed if isinstance(listed, list) else ())]
        years.append(max((year for year in found if year), default=None))
    return pd.Series(years, index=layer.rows.index[kept], dtype="Int64")


def overture_villages(layer: Layer, known: OpenSource) -> Layer:
    """
    Take villages out of a file of the theme divisions, feature type division.

    A division of the subtype locality is a place; its class is its kind, and where it has none the population
    decides. Divisions without a name are left out, for nobody could tell them on a map.

    Raises
    ------
    TableError
        If a field is missing, or no division is a place.
    """
    fields = {name: require_field(layer, known, name) for name in known.fields}
    names = text_of(fields["name"])
    kept = text_of(fields["subtype"]).isin(known.settings["subtypes"]).to_numpy(dtype=bool) & names.notna().to_numpy()
    if not kept.any():
        raise TableError(
            f"none of its {len(kept)} divisions is a place with a name",
            where=layer.source,
            advice=f"give a file with divisions of the subtype {', '.join(known.settings['subtypes'])}",
        )
    rows = gpd.GeoDataFrame(
        {
            "village_id": "overture-" + text_of(fields["village_id"]),
            "name": names,
            "kind": text_of(fields["kind"]).map(known.settings["kinds"]).astype("string"),
            "population": numbers_of(fields["population"], source=layer.source, whole=True).astype("Int64"),
            "source": pd.Series(OVERTURE, index=names.index, dtype="string"),
        },
        geometry=layer.rows.geometry,
        crs=layer.rows.crs,
    )[kept]
    return Layer(rows.reset_index(drop=True), layer.source, findings=layer.findings)
