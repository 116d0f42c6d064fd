"""GeoNames: the populated places of a country, or of the world above 500 people."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd

from ..errors import TableError
from ..open_data import OpenSource
from .columns import numbers_of, text_of, year_of
from .fields import change_of, require_field
from .layers import Layer
from .records import finding


def geonames_villages(layer: Layer, known: OpenSource) -> Layer:
    """
    Take the places where people live out of a file of GeoNames.

    Feature class P with the codes PPL*, without parts of places and what is abandoned, historical or destroyed.
    A population of 0 means that none is known. GeoNames says only when a row was last changed: that year stands as
    the year of the population, which is as old or older, and a finding says so.

    Raises
    ------
    TableError
        If a field is missing, no row is such a place, or the file is one of the world and no country was named.
    """
    fields = {name: require_field(layer, known, name) for name in known.fields}
    codes = text_of(fields["feature_code"]).fillna("")
    lived_in = text_of(fields["feature_class"]).eq(known.settings["feature_class"]).fillna(False)
    lived_in &= codes.str.startswith(known.settings["codes_begin"]) & ~codes.isin(known.settings["not_codes"])
    lived_in &= _in_countries(text_of(fields["country"]), known, layer.source)
    kept = lived_in.to_numpy(dtype=bool)
    if not kept.any():
        raise TableError(
            f"none of its {len(kept)} rows is a populated place", where=layer.source, advice="give another file"
        )
    people = numbers_of(fields["population"], source=layer.source, whole=True).astype("Int64")
    people = people.mask(people <= 0)
    years = pd.Series([year_of(date) for date in fields["changed"].fillna("")], index=people.index, dtype="Int64")
    rows = gpd.GeoDataFrame(
        {
            "village_id": "geonames-" + text_of(fields["village_id"]),
            "name": text_of(fields["name"]),
            "population": people,
            "population_year": years.where(people.notna()),
            "source": pd.Series("GeoNames", index=people.index, dtype="string"),
        },
        geometry=layer.rows.geometry,
        crs=layer.rows.crs,
    )[kept].reset_index(drop=True)
    dated = int(rows["population_year"].notna().sum())
    text = f"places of {layer.source} whose year of population is that of GeoNames' last change of the row: {dated}"
    return Layer(rows, layer.source, findings=(*layer.findings, *finding("population_year_of_change", dated, text)))


def _in_countries(codes: pd.Series, known: OpenSource, source: str) -> pd.Series:
    """Tell which rows are of a country that is wanted; all, where none is named."""
    wanted, most = known.settings["countries"], int(known.settings["most_countries"])
    if not wanted and codes.nunique() > most:
        raise TableError(
            f"holds places of {codes.nunique()} countries",
            where=source,
            advice=f'take the file of one country, or {change_of("settings.countries", known)} (to ["DK"])',
        )
    return codes.isin(wanted) if wanted else pd.Series(data=True, index=codes.index)
