"""Files of open sources in their own fields, brought to the columns of the tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pyproj import CRS

from ..open_data import OpenSource
from .fields import key_of, recognised
from .geofa import services_of_geofa
from .geonames import geonames_villages
from .gisco import gisco_municipalities
from .health import services_of_sor
from .institutions import services_of_institutions
from .layers import Layer, read_layer
from .overture import overture_services, overture_villages
from .overture_roads import overture_roads
from .stednavne import villages_of_stednavne

# For each open source with fields of its own: what makes a layer in our columns of a layer in its. The first whose
# fields a file has is taken for its source.
Adapter = Callable[[Layer, OpenSource], Layer]
ADAPTERS: dict[str, Adapter] = {
    "geofa_facilities": services_of_geofa,
    "school_register": services_of_institutions,
    "school_register_export": services_of_institutions,
    "school_register_extract": services_of_institutions,
    "daycare_register": services_of_institutions,
    "health_register": services_of_sor,
    "place_names_wide": villages_of_stednavne,
    "place_names": villages_of_stednavne,
    "geonames": geonames_villages,
    "gisco_lau": gisco_municipalities,
    "overture_places": overture_services,
    "overture_divisions": overture_villages,
    "overture_roads": overture_roads,
}


def in_our_columns(layer: Layer, table: str) -> Layer:
    """
    Bring a file of a known open source to our columns; any other file stays as it is.

    Parameters
    ----------
    layer
        As read.
    table
        The key of ``[sources]`` that the file stands under; only sources of this table are looked for.

    Raises
    ------
    TableError
        If the file is of a known source, but a field has a value that cannot be used.
    """
    known = recognised(list(layer.rows.columns), table, keys=ADAPTERS)
    return layer if known is None else replace(ADAPTERS[key_of(known)](layer, known), known=known)


def read_known(path: Path, *, source: str, table: str, crs: CRS | None = None) -> Layer:
    """Read one file of rows as `read_layer` does, and bring it to our columns where it is of a known open source."""
    return in_our_columns(read_layer(path, source=source, table=table, crs=crs), table)
