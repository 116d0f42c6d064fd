"""GeoFA: facilities for leisure and culture as the municipalities register them (theme 5800 of the FKG data model)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..open_data import OpenSource
from .fields import find_text, require_text
from .layers import Layer
from .records import finding
from .registers import at_first_points, services_of


def services_of_geofa(layer: Layer, known: OpenSource) -> Layer:
    """
    Make services of GeoFA's facilities, points (5800) or areas (5801).

    A point of several parts counts at its first. A version that has been replaced (it has an end in system time) is
    left out: the WFS gives none, an export of the history does. See `services_of`.

    Raises
    ------
    TableError
        If a field is gone, or no row is left.
    """
    ended = find_text(layer, known, "replaced")
    past = np.zeros(len(layer.rows), dtype=bool) if ended is None else ended.notna().to_numpy(dtype=bool)
    names = require_text(layer, known, "name", "the name of the facility")
    text = f"versions of facilities of {layer.source} that newer ones have replaced, left out: {past.sum()}"
    found = finding("services_replaced", int(past.sum()), text, names[past].dropna())
    rows = at_first_points(layer.rows[~past]).reset_index(drop=True)
    return services_of(replace(layer, rows=rows, findings=(*layer.findings, *found)), known)
