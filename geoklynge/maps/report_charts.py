"""Charts of the report: inline SVG that reads in grey, with every number written on it and read aloud."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

ROW, THICK = 15, 9  # height of a row of bars, and of a bar, in units of the drawing (a unit is a CSS pixel on paper)
LETTER = 5.8  # width of a letter at the charts' type size
WIDE, COLUMNS_HIGH = 330, 66  # of a chart that takes half a page; height of the tallest column
COLUMN_FOOT = 28  # below the columns: the minutes, and what they are


class Bar(NamedTuple):
    """
    A bar within a bar: a part of a whole.

    `inner` and `outer` are shares 0..1 of the chart's span, `said` the two in words.
    """

    label: str
    inner: float
    outer: float
    said: str


def bars(rows: Sequence[Bar], kind: str, title: str, *, label: int = 144, span: int = 112) -> Markup:
    """
    Draw bars, each in another: the inner one is filled, the outer one outlined or hatched as the style says.

    Parameters
    ----------
    rows
        The bars, from the top.
    kind
        Class of the drawing, for the style.
    title
        What it shows; read aloud first, then each row.
    label, span
        Width of the labels, and of a bar that is whole.
    """
    names, inner, outer, numbers = [], [], [], []
    for place, row in enumerate(rows):
        top, part, whole = place * ROW + 3, span * row.inner, span * row.outer
        names.append(f'<text y="{top + 8}">{escape(_shortened(row.label, label - 6))}</text>')
        inner.append(f"M{label} {top}h{part:.1f}v{THICK}h-{part:.1f}z")
        outer.append(f"M{label} {top}h{whole:.1f}v{THICK}h-{whole:.1f}z")
        numbers.append(f'<text x="{label + whole + 5:.0f}" y="{top + 8}">{escape(row.said)}</text>')
    drawn = (
        f'<g class="l" transform="translate({label - 6})">{"".join(names)}</g>'
        f'<path class="o" d="{"".join(outer)}"/><path class="i" d="{"".join(inner)}"/>{"".join(numbers)}'
    )
    about = "; ".join([f"{row.label}: {row.said}" for row in rows])
    return _chart(kind, max(WIDE, label + span + 75), len(rows) * ROW + 3, title, about, drawn)


def columns(edges: Sequence[str], counts: Sequence[int], title: str, axis: str) -> Markup:
    """
    Draw counts by step as columns with their number on top.

    Parameters
    ----------
    edges
        Bounds of the steps in words, one more than there are counts.
    counts
        How many in each step.
    title
        What is counted; read aloud first, then each step.
    axis
        What the steps measure.
    """
    step, foot, tallest = (WIDE - 20) / max(len(counts), 1), COLUMNS_HIGH + 14, max([*counts, 1])
    tops, drawn = [], []
    for place, count in enumerate(counts):
        high, left = COLUMNS_HIGH * count / tallest, 10 + place * step
        drawn.append(f"M{left + 3:.1f} {foot}v-{high:.1f}h{step - 6:.1f}v{high:.1f}z")
        tops.append(f'<text x="{left + step / 2:.0f}" y="{foot - high - 3:.0f}">{count}</text>')
    below = [
        f'<text x="{10 + place * step:.0f}" y="{foot + 12}">{escape(edge)}</text>' for place, edge in enumerate(edges)
    ]
    inner = (
        f'<path class="a" d="M8 {foot}h{WIDE - 16}"/><path class="i" d="{"".join(drawn)}"/><g class="m">'
        f'{"".join(tops)}{"".join(below[::2])}<text x="{WIDE // 2}" y="{foot + 25}">{escape(axis)}</text></g>'
    )
    steps = zip(edges, edges[1:], counts, strict=False)
    about = "; ".join([f"{low}-{high} {axis}: {count}" for low, high, count in steps])
    return _chart("columns", WIDE, foot + COLUMN_FOOT, title, about, inner)


def _chart(kind: str, wide: float, high: float, title: str, about: str, inner: str) -> Markup:
    head = f'<svg class="chart {kind}" viewBox="0 0 {wide:.0f} {high:.0f}" role="img"><title>{escape(title)}</title>'
    return Markup(f"{head}<desc>{escape(about)}</desc>{inner}</svg>")  # noqa: S704 - numbers and escaped words


def _shortened(label: str, wide: float) -> str:
    most = int(wide / LETTER)
    return label if len(label) <= most else f"{label[: most - 1]}…"
