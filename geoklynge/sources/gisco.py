"""Eurostat GISCO: the local administrative units of Europe, which are its municipalities."""

from __future__ import annotations

import geopandas as gpd

from ..open_data import OpenSource
from .columns import text_of
from .fields import require_field
from .layers import Layer


def gisco_municipalities(layer: Layer, known: OpenSource) -> Layer:
    """
    Take municipalities out of a file of LAU.

    Their id is GISCO's, country and national code (``SE_1290``), except where `open_data.toml` gives the digits of the
    national code, which then stands alone (``DK_706`` is ``0706``), so that it agrees with other sources. A unit
    without a name is called by its id. Of a file of all Europe only the `countries` of `open_data.toml` are kept, where
    it names some.

    Raises
    ------
    TableError
        If a field is missing.
    """
    ids = text_of(require_field(layer, known, "municipality_id"))
    parts = ids.str.extract(r"^([A-Za-z]{2})_(.+)$")
    for country, digits in known.settings["national_digits"].items():
        here = parts[0].eq(country).fillna(False).to_numpy(dtype=bool)
        ids = ids.mask(here, parts[1].str.zfill(int(digits)))
    names = text_of(require_field(layer, known, "name")).fillna(ids)
    rows = gpd.GeoDataFrame(
        {"municipality_id": ids.astype("string"), "name": names}, geometry=layer.rows.geometry, crs=layer.rows.crs
    )
    countries = text_of(require_field(layer, known, "country"))
    wanted = known.settings["countries"]
    kept = countries.isin(wanted).to_numpy(dtype=bool) if wanted else slice(None)
    return Layer(rows[kept].reset_index(drop=True), layer.source, findings=layer.findings)
