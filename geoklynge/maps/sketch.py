"""A cluster as a small drawing on paper: its area, its villages, their names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from markupsafe import Markup, escape
from numpy.typing import NDArray

WIDTH, HEIGHT, MARGIN = 420.0, 240.0, 24.0  # units of the drawing
TOLERANCE = 0.6  # units of the drawing: less is thinner than its lines
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
    xy = np.array([[dot.x, dot.y] for dot in dots])
    west, south, east, north = shapely.total_bounds([area, shapely.MultiPoint(xy)]).tolist()
    scale = min((WIDTH - 2 * MARGIN) / max(east - west, 1.0), (HEIGHT - 2 * MARGIN) / max(north - south, 1.0))
    centre = np.array([(west + east) / 2, (south + north) / 2])

    def place(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        placed: NDArray[np.float64] = (xy - centre) * [scale, -scale] + [WIDTH / 2, HEIGHT / 2]
        return placed

    at = place(xy)
    parts = [_area(shapely.simplify(area, TOLERANCE / scale), place, colour)]
    parts += [_circle(dot, x, y) for dot, (x, y) in zip(dots, at.tolist(), strict=True)]
    parts += _labels(dots, at)
    kilometre = f'<path d="M10 {HEIGHT - 8:.0f}h{1000 * scale:.1f}" class="scale"/>'
    parts.append(f'{kilometre}<text x="10" y="{HEIGHT - 13:.0f}">1 km</text>')
    head = f'<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img"><title>{escape(title)}</title>'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704 - numbers, our own colours, and escaped names


def _area(area: shapely.Geometry, place: Any, colour: str) -> str:
    rings = shapely.get_rings(shapely.get_parts(area))
    outline = "".join([_outline(place(shapely.get_coordinates(ring))) for ring in rings])
    return f'<path d="{outline}" fill="url(#{hatch_of(colour)})" class="area"/>'


def _outline(ring: NDArray[np.float64]) -> str:
    return "M" + "L".join([f"{x} {y}" for x, y in ring.round().astype(int)[:-1].tolist()]) + "Z"


def hatch_of(colour: str) -> str:
    """Name the pattern of a colour: tinted and hatched, as a light colour is none in grey print."""
    return f"hatch-{colour.removeprefix('#')}"


def hatches(colours: Iterable[str]) -> Markup:
    """Define the patterns that the areas of sketches are filled with, one a colour."""
    line = '<path d="M-1 10L10-1M-1 1L1-1M8 10L10 8"/>'
    patterns = [
        f'<pattern id="{hatch_of(colour)}" width="9" height="9" patternUnits="userSpaceOnUse">'
        f'<rect width="9" height="9" fill="{escape(colour)}"/>{line}</pattern>'
        for colour in colours
    ]
    return Markup("".join(patterns))  # noqa: S704 - our own colours


def _circle(dot: Dot, x: float, y: float) -> str:
    kind = f' class="{escape(dot.standing)}"' if dot.standing != "core" else ""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_radius(dot):.1f}"{kind}/>'


def _radius(dot: Dot) -> float:
    return float(min(2.6 + np.sqrt(dot.people) / 12, 10))


def _labels(dots: list[Dot], at: NDArray[np.float64]) -> list[str]:
    """Put each name beside its village where it covers nothing, else leave it out; the hub has its name always."""
    taken: list[Box] = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(at.tolist(), map(_radius, dots), strict=True)]
    labels = []
    for dot, (x, y) in zip(dots, at.tolist(), strict=True):
        wide, gap = len(dot.name) * LETTER * (1.12 if dot.is_hub else 1.0), _radius(dot) + 3
        anchors = (  # class of its anchor (the start has none), its point, left edge
            ("", x + gap, y + 4, x + gap),
            ("e", x - gap, y + 4, x - gap - wide),
            ("m", x, y - gap - 1, x - wide / 2),
            ("m", x, y + gap + 9, x - wide / 2),
            ("e", x + gap, y + gap + 9, x + gap - wide),
            ("", x - gap, y + gap + 9, x - gap),
            ("e", x + gap, y - gap - 1, x + gap - wide),
            ("", x - gap, y - gap - 1, x - gap),
        )
        placed = None
        for anchor, text_x, text_y, left in anchors:
            box = (left, text_y - 9, left + wide, text_y + 3)
            inside = box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT
            free = inside and not _covers_any(box, taken)
            if free or (inside and dot.is_hub and placed is None):
                placed = (anchor, text_x, text_y, box)
            if free:
                break
        if placed:
            labels.append(_label(dot, *placed[:3]))
            taken.append(placed[3])
    return labels


def _label(dot: Dot, anchor: str, x: float, y: float) -> str:
    style = f' class="{anchor}{" hub" if dot.is_hub else ""}"' if anchor or dot.is_hub else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{style}>{escape(dot.name)}</text>'


def _covers_any(box: Box, others: list[Box]) -> bool:
    left, top, right, bottom = box
    for other_left, other_top, other_right, other_bottom in others:  # the innermost loop of the report
        if left < other_right and other_left < right and top < other_bottom and other_top < bottom:
            return True
    return False
