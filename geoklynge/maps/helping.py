"""What every number on the page means, in plain words, and its formula where it has one."""

from __future__ import annotations

from ..pipeline import Run
from .explained import measures_shown
from .formulas import OF_LAYER, SCORE, tie_weight

MEASURES = {
    "cohesion": "2 · Σ T(i, j) / Σ T(i)",
    "overlap": "Σ o(i, j) / n",
    "complementarity": "",
    "identity": "",
    "compactness": "",
    "stretch": "e^(-z² / 2), z = 2 · ln(D / 11) / ln(E / 11)",
    "viability": "Σ w(c) · min(1, b / (F(c) · G(c))) / Σ w(c)",
    "balance": "min(1, (1 - u) / (2 / 3))",
    "stability": "Σ r(i, j) / (r · n)",
}


def help_of(run: Run) -> list[tuple[str, str, str]]:
    """
    List the numbers that the page shows: keys of name and explanation, and the formula.

    The text ``help.where`` says what each letter means.
    """
    measures = [(f"measure.{name}", f"measure.{name}_about", MEASURES[name]) for name in measures_shown(run)]
    return [
        ("ui.score", "help.score", SCORE),
        ("ui.rank", "help.rank", ""),
        ("ui.people", "help.people", ""),
        ("ui.area", "help.area", ""),
        ("ui.longest", "help.longest", "max t(i, j)"),
        ("ui.mean", "help.mean", "Σ t(i, j) / n"),
        ("help.certainty", "help.certainty_about", "r(i) / r"),
        ("help.tie", "help.tie_about", f"T = {tie_weight(run)}"),
        *((key, key.replace("method.", "help."), formula) for key, formula in OF_LAYER.items()),
        *measures,
    ]
