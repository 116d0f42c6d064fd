"""Small maps of points as SVG: places, services of one kind, doubts; no script, no network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from markupsafe import Markup, escape
from numpy.typing import NDArray

from ..tables import Tables

WIDE, HIGHEST, MARGIN = 600.0, 620.0, 10.0  # units of the drawing
FINENESS = 900  # parts of the extent below which an outline is made simpler
STEP = 1.0  # units of the drawing within which two points are one dot

Floats = NDArray[np.float64]

# What is drawn at a point, around it.
SIGNS = {
    "dot": "h0",
    "ring": "m-3.4 0a3.4 3.4 0 1 0 6.8 0a3.4 3.4 0 1 0-6.8 0",
    "cross": "m-4-4l8 8m0-8l-8 8",
    "triangle": "m0-5l4.8 8.4h-9.6z",
    "square": "m-2.2-2.2h4.4v4.4h-4.4z",
}


@dataclass(frozen=True)
class Frame:
    """Where metres come to lie on the drawing, and the outline of the study's area."""

    west: float
    north: float
    scale: float
    wide: float
    high: float
    land: str

    def place(self, xy: Floats) -> Floats:
        """Turn metres into units of the drawing; what lies outside it is left out."""
        at: Floats = (xy - [self.west, self.north]) * [self.scale, -self.scale] + MARGIN
        inside = (at >= 0).all(axis=1) & (at[:, 0] <= self.wide) & (at[:, 1] <= self.high)
        return at[inside]


def frame_of(tables: Tables) -> Frame:
    """Fit the study's places, and the areas they lie in, on a drawing."""
    xy = shapely.get_coordinates(tables.villages.geometry.to_numpy())
    areas = _areas(tables)
    corners = np.vstack([xy, np.array(shapely.total_bounds(areas)).reshape(2, 2)]) if len(areas) else xy
    (west, south), (east, north) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    if not len(areas):  # room around the outermost places
        room = 0.04 * max(east - west, north - south, 1_000.0)
        west, south, east, north = west - room, south - room, east + room, north + room
    scale = min((WIDE - 2 * MARGIN) / max(east - west, 1.0), (HIGHEST - 2 * MARGIN) / max(north - south, 1.0))
    wide, high = (east - west) * scale + 2 * MARGIN, (north - south) * scale + 2 * MARGIN
    frame = Frame(west, north, scale, wide, high, "")
    simple = shapely.simplify(areas, max(east - west, north - south) / FINENESS)
    rings = shapely.get_rings(shapely.get_parts(simple))
    return Frame(west, north, scale, wide, high, "".join(_outline(frame, ring) for ring in rings))


def _areas(tables: Tables) -> NDArray[np.object_]:
    """Polygons of the municipalities, else of the parishes, that hold a village of the study."""
    for table, key in ((tables.municipalities, "municipality_id"), (tables.parishes, "parish_id")):
        if table is not None:
            here = table[table[key].isin(tables.villages[key].dropna()) & table.geometry.notna()]
            if len(here):
                return np.array(here.geometry.to_numpy(), dtype=object)
    return np.empty(0, dtype=object)


def _outline(frame: Frame, ring: shapely.LinearRing) -> str:
    at = (shapely.get_coordinates(ring) - [frame.west, frame.north]) * [frame.scale, -frame.scale] + MARGIN
    if len(at) < 4 or np.ptp(at, axis=0).max() < STEP:
        return ""
    return "M" + "L".join([f"{x:.1f} {y:.1f}" for x, y in at[:-1].tolist()]) + "Z"


def land(frame: Frame) -> Markup:
    """Define the outline once; every map uses it."""
    return Markup(f'<path id="land" d="{frame.land}"/>')  # noqa: S704 - numbers


def point_map(frame: Frame, layers: Sequence[tuple[str, Floats]], title: str, about: str) -> Markup:
    """
    Draw points.

    Parameters
    ----------
    frame
        Where they lie.
    layers
        Signs (see `SIGNS`) and the positions in metres that bear them, the lowest first.
    title, about
        Read aloud in place of the drawing.
    """
    paths = "".join(f'<path class="{sign}" d="{_signs(frame.place(xy), sign)}"/>' for sign, xy in layers)
    kilometres = _round_length(frame.wide / frame.scale / 4_000)
    bar = f'<path class="bar" d="M{MARGIN:.0f} {frame.high - 6:.1f}h{kilometres * 1000 * frame.scale:.1f}"/>'
    label = f'<text x="{MARGIN:.0f}" y="{frame.high - 10:.1f}">{kilometres:g} km</text>'
    head = f'<svg viewBox="0 0 {frame.wide:.0f} {frame.high:.0f}" role="img"><title>{escape(title)}</title>'
    drawn = f'<desc>{escape(about)}</desc><use href="#land"/>{paths}{bar}{label}</svg>'
    return Markup(head + drawn)  # noqa: S704 - numbers, our own signs, and escaped words


def sign(name: str) -> Markup:
    """Draw a sign alone, for the legend."""
    path = f'<path class="{name}" d="M8 8{SIGNS[name]}"/>'
    return Markup(f'<svg viewBox="0 0 16 16" class="sign" aria-hidden="true">{path}</svg>')  # noqa: S704 - our own


def _signs(at: Floats, name: str) -> str:
    """Draw a sign at each point; points on the same spot are one."""
    spots = np.unique((at / STEP).round(), axis=0) * STEP
    return "".join([f"M{x:g} {y:g}{SIGNS[name]}" for x, y in spots.tolist()])


def _round_length(kilometres: float) -> float:
    """Take 1, 2 or 5 times a power of ten, at most the length given."""
    power = 10.0 ** np.floor(np.log10(max(kilometres, 1e-3)))
    return float(max(step for step in (1, 2, 5) if step * power <= kilometres * 1.0001) * power)


def positions(table: pd.DataFrame) -> Floats:
    """Positions of the rows of a table with `x` and `y`; those that are no numbers are left out."""
    if table.empty:
        return np.empty((0, 2))
    xy = table[["x", "y"]].to_numpy(dtype=float)
    kept: Floats = xy[np.isfinite(xy).all(axis=1)]
    return kept
