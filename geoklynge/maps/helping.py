"""What every number on the page means, in plain words, and its formula where it has one."""

from __future__ import annotations

from ..pipeline import Run
from .explained import measures_shown

TIE, TIE_WITH_SURVEY = "T = λ₁ p + λ₂ o + λ₃ m + λ₄ d", "T = λ₁ p + λ₂ o + λ₃ m + λ₄ d + λ₅ a"
FIGURES = (  # text of the name, text that explains, formula; `help.where` says what each letter means
    ("ui.score", "help.score", "100 · Σ v · x / Σ v"),
    ("ui.rank", "help.rank", ""),
    ("ui.people", "help.people", ""),
    ("ui.area", "help.area", ""),
    ("ui.longest", "help.longest", "max t(i, j)"),
    ("ui.mean", "help.mean", "Σ t(i, j) / n"),
    ("help.certainty", "help.certainty_about", "r(i) / r"),
    ("help.tie", "help.tie_about", TIE),
    ("method.proximity", "help.proximity", "p = 2^(-(t / h)²)"),
    ("method.huff", "help.huff", "q(i, f) = k(f) · e^(-β · t(i, f)) / Σ"),
    ("method.overlap", "help.overlap", "o = Σ w(c) · Σ min(q(i, f), q(j, f)) / Σ w(c)"),
    ("method.complementarity", "help.complementarity", "m = p · Σ w(c) · [i ≠ j] / Σ w(c)"),
    ("method.identity", "help.identity", ""),
)
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
    """List the numbers that the page shows: keys of name and explanation, and the formula."""
    measures = [(f"measure.{name}", f"measure.{name}_about", MEASURES[name]) for name in measures_shown(run)]
    asked = run.ties.survey is not None
    figures = [
        (name, text, TIE_WITH_SURVEY if formula == TIE and asked else formula) for name, text, formula in FIGURES
    ]
    return [*figures, *measures]
