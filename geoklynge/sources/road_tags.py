"""What the tags of a road mean: class, posted limit, direction; in OSM's words."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from ..study import Mode

KMH_PER_MPH = 1.609344
NAMED_LIMITS = {"urban": 50.0, "rural": 80.0, "motorway": 130.0}  # Danish general limits, km/h
CLOSED = "closed"  # what a column ``oneway_<mode>`` says of a road that the mode may not use
# Ways that cars do not use. Nobody rides stairs.
EXTRA_CLASSES: dict[Mode, frozenset[str]] = {
    "car": frozenset(),
    "bike": frozenset({"cycleway", "path", "footway", "pedestrian"}),
    "walk": frozenset({"cycleway", "path", "footway", "pedestrian", "steps"}),
}
_FORWARD, _BACKWARD, _BOTH = (
    {"yes", "true", "1", "forward"},
    {"-1", "reverse", "backward"},
    {"no", "false", "0", "both"},
)


def road_class(highway: str) -> str:
    """Name the class of a road; a slip road is of the class of its road."""
    return highway.strip().casefold().removesuffix("_link")


def posted_kmh(maxspeed: str | None) -> float:
    """
    Read a posted limit.

    Returns
    -------
    float
        km/h; nan where none is said, or none that can be understood.

    Examples
    --------
    >>> posted_kmh("50"), posted_kmh("DK:rural"), round(posted_kmh("30 mph"), 1), posted_kmh("signals")
    (50.0, 80.0, 48.3, nan)
    """
    text = (maxspeed or "").strip().casefold()
    number = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*(km/?h|kph|kmt|mph)?", text)
    if number:
        value = float(number[1].replace(",", "."))
        value *= KMH_PER_MPH if number[2] == "mph" else 1.0
        return value if 0 < value <= 300 else np.nan
    return NAMED_LIMITS.get(text.rsplit(":", 1)[-1], np.nan) if ":" in text else np.nan


def posted_limits(values: pd.Series) -> pd.Series:
    """Read a column of posted limits, numbers or text, as km/h; missing where not understood."""
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.astype("float64")
        return numbers.where((numbers > 0) & (numbers <= 300))
    return values.astype("string").map(posted_kmh, na_action="ignore").astype("float64")


def direction(
    oneway: str | None,
    *,
    highway: str = "",
    junction: str | None = None,
    bicycle: str | None = None,
    mode: Mode = "car",
) -> str:
    """
    Tell which way a road may be used.

    Parameters
    ----------
    oneway, highway, junction, bicycle
        The values of the tags ``oneway``, ``highway``, ``junction`` and ``oneway:bicycle``.
    mode
        People on foot walk both ways; bicycles where ``oneway:bicycle`` is ``no``.

    Returns
    -------
    str
        ``both``, ``forward`` or ``backward``, as the line is drawn.

    Examples
    --------
    >>> direction(None), direction("-1"), direction(None, highway="motorway"), direction("yes", mode="walk")
    ('both', 'backward', 'forward', 'both')
    """
    said = (oneway or "").strip().casefold()
    if mode == "walk" or said in _BOTH or (mode == "bike" and bicycle == "no"):
        return "both"
    if said in _BACKWARD:
        return "backward"
    if said in _FORWARD or highway in {"motorway", "motorway_link"} or junction in {"roundabout", "circular"}:
        return "forward"
    return "both"
