"""A cluster as a small drawing on paper: its area, its villages, their names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDTH, HEIGHT, MARGIN = 420.0, 290.0, 34.0  # units of the drawing
TOLERANCE_M = 40.0
LETTER = 6.0  # width of a letter at the drawing's type size
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Dot:
    """A village on the drawing; `x`, `y` in metres."""

    name: str
    x: float
    y: float
    people: float
    standing: str
    is_hub: bool


def sketch(area: shapely.Geometry, dots: list[Dot], colour: str, title: str) -> Markup:
    """
    Draw a cluster as SVG.

    Parameters
    ----------
    area
        Its area, in metres.
    dots
        Its villages, the most important first: names that would cover another are left out.
    colour
        Of its area.
    title
        Read aloud in place of the drawing.
    """
    simple = shapely.simplify(area, TOLERANCE_M)
    xy = np.array([[dot.x, dot.y] for dot in dots])
    corners = np.vstack([xy, shapely.get_coordinates(simple)])
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    scale = min((WIDTH - 2 * MARGIN) / max(east - west, 1.0), (HEIGHT - 2 * MARGIN) / max(north - south, 1.0))
    centre = np.array([(west + east) / 2, (south + north) / 2])

    def place(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        placed: NDArray[np.float64] = (xy - centre) * [scale, -scale] + [WIDTH / 2, HEIGHT / 2]
        return placed

    at = place(xy)
    parts = [_area(simple, place, colour)]
    parts += [_circle(dot, x, y) for dot, (x, y) in zip(dots, at.tolist(), strict=True)]
    parts += _labels(dots, at)
    kilometre = f'<path d="M10 {HEIGHT - 8:.0f}h{1000 * scale:.1f}" class="scale"/>'
    parts.append(f'{kilometre}<text x="10" y="{HEIGHT - 13:.0f}">1 km</text>')
    head = f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img"><title>{escape(title)}</title>'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704 - numbers, our own colours, and escaped names


def _area(area: shapely.Geometry, place: Any, colour: str) -> str:
    rings = [ring for part in shapely.get_parts(area) for ring in (part.exterior, *part.interiors)]
    paths = [
        "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in place(shapely.get_coordinates(ring)).tolist()) + "Z"
        for ring in rings
    ]
    outline = "".join(paths)  # tinted, and hatched over it: in grey print a light colour is no colour
    return f'<path d="{outline}" fill="{colour}" class="area"/><path d="{outline}" class="hatched"/>'


def _circle(dot: Dot, x: float, y: float) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_radius(dot):.1f}" class="{escape(dot.standing)}"/>'


def _radius(dot: Dot) -> float:
    return float(min(2.6 + np.sqrt(dot.people) / 12, 10))


def _labels(dots: list[Dot], at: NDArray[np.float64]) -> list[str]:
    """Put each name beside its village where it covers nothing, else leave it out."""
    taken: list[Box] = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(at.tolist(), map(_radius, dots), strict=True)]
    labels = []
    for dot, (x, y) in zip(dots, at.tolist(), strict=True):
        wide, gap = len(dot.name) * LETTER * (1.12 if dot.is_hub else 1.0), _radius(dot) + 3
        anchors = (  # text anchor, its point, left edge
            ("start", x + gap, y + 4, x + gap),
            ("end", x - gap, y + 4, x - gap - wide),
            ("middle", x, y - gap - 1, x - wide / 2),
            ("middle", x, y + gap + 9, x - wide / 2),
            ("end", x + gap, y + gap + 9, x + gap - wide),
            ("start", x - gap, y + gap + 9, x - gap),
            ("end", x + gap, y - gap - 1, x + gap - wide),
            ("start", x - gap, y - gap - 1, x - gap),
        )
        for anchor, text_x, text_y, left in anchors:
            box = (left, text_y - 9, left + wide, text_y + 3)
            outside = box[0] < 0 or box[2] > WIDTH or box[1] < 0 or box[3] > HEIGHT
            if outside or any(_cover(box, other) for other in taken):
                continue
            taken.append(box)
            bold = ' class="hub"' if dot.is_hub else ""
            text = f'<text x="{text_x:.1f}" y="{text_y:.1f}" text-anchor="{anchor}"{bold}>{escape(dot.name)}</text>'
            labels.append(text)
            break
    return labels


def _cover(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
