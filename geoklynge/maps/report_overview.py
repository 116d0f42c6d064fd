"""All clusters of a study on one small drawing: areas with their numbers, villages in and outside them."""

from __future__ import annotations

import numpy as np
import shapely
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDE, MARGIN = 660.0, 12.0  # units of the drawing
HIGHEST = 760.0
FINENESS = 1_500  # parts of the drawing's extent below which an outline is made simpler
MANY = 60  # clusters; above this their numbers are small
MOST_NUMBERED = 150  # above this they would cover one another

Floats = NDArray[np.float64]


def overview(areas: NDArray[np.object_], villages: Floats, placed: NDArray[np.bool_], title: str, about: str) -> Markup:
    """
    Draw the areas of all clusters as SVG, each with its number, as long as these can be read.

    Parameters
    ----------
    areas
        Of the clusters, the first in rank first, in metres.
    villages
        Their points, shape (villages, 2), in metres.
    placed
        Which of them are in a cluster, shape (villages,).
    title, about
        Read aloud in place of the drawing.
    """
    corners = np.vstack([villages, shapely.get_coordinates(areas)])
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    scale = min((WIDE - 2 * MARGIN) / max(east - west, 1.0), (HIGHEST - 2 * MARGIN) / max(north - south, 1.0))
    high = (north - south) * scale + 2 * MARGIN
    left = (WIDE - (east - west) * scale) / 2

    def placed_at(xy: Floats) -> Floats:
        at: Floats = (xy - [west, north]) * [scale, -scale] + [left, MARGIN]
        return at

    simple = shapely.simplify(areas, max(east - west, north - south) / FINENESS)
    rings = shapely.get_rings(shapely.get_parts(shapely.transform(simple, placed_at)))
    drawn = "".join(_outline(ring) for ring in rings)
    at = placed_at(villages)
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in at[placed].tolist())
    crosses = "".join(f"M{x - 1.8:.1f} {y - 1.8:.1f}l3.6 3.6m0-3.6l-3.6 3.6" for x, y in at[~placed].tolist())
    middles = placed_at(shapely.get_coordinates(shapely.point_on_surface(simple))).tolist()
    numbers = "".join(
        f'<text x="{x:.1f}" y="{y + 4:.1f}">{rank}</text>'
        for rank, (x, y) in enumerate(middles if len(areas) <= MOST_NUMBERED else [], start=1)
    )
    size = "many" if len(areas) > MANY else "few"
    head = f'<svg class="overview {size}" viewBox="0 0 {WIDE:.0f} {high:.0f}" role="img"><title>{escape(title)}</title>'
    lines = f'<path class="area" d="{drawn}"/><path class="dots" d="{dots}"/><path class="crosses" d="{crosses}"/>'
    return Markup(f"{head}<desc>{escape(about)}</desc>{lines}{numbers}</svg>")  # noqa: S704 - numbers, escaped words


def _outline(ring: shapely.LinearRing) -> str:
    return "M" + "L".join([f"{x:.1f} {y:.1f}" for x, y in shapely.get_coordinates(ring)[:-1].tolist()]) + "Z"
