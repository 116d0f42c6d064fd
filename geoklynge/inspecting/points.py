"""All doubts that have a position as one layer of points, to be opened in a GIS."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from pyproj import Transformer

from ..quality import WHOLE, rows_of
from .look import Look

DEGREE_DIGITS = 6  # a tenth of a metre


def as_geojson(look: Look) -> str:
    """
    Write the doubts as GeoJSON (RFC 7946): points in WGS84, a doubt each.

    Properties are `doubt` (`merged`, `outside_parish`, `without_people`, `far_services`, `odd_positions`) and the
    columns of that table of `Quality`. A doubt whose position is none is left out.
    """
    to_degrees = Transformer.from_crs(look.tables.crs, "EPSG:4326", always_xy=True)
    features = []
    for doubt in WHOLE:
        rows = [row for row in rows_of(getattr(look.quality, doubt)) if row["x"] is not None and row["y"] is not None]
        if not rows:
            continue
        metres = np.array([[row.pop("x"), row.pop("y")] for row in rows], dtype=float)
        at = np.column_stack(to_degrees.transform(*metres.T)).tolist()
        features += [_feature(lon_lat, {"doubt": doubt, **row}) for row, lon_lat in zip(rows, at, strict=True)]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False, allow_nan=False)


def _feature(lon_lat: list[float], properties: dict[str, Any]) -> dict[str, Any]:
    point = {"type": "Point", "coordinates": [round(value, DEGREE_DIGITS) for value in lon_lat]}
    return {"type": "Feature", "geometry": point, "properties": properties}
