"""The formulas that pages show, each written once; what the letters mean stands in the texts beside them."""

from __future__ import annotations

from ..pipeline import Run

SCORE = "100 · Σ v · x / Σ v"
OF_LAYER = {  # by the text that names it
    "method.proximity": "p = 2^(-(t / h)²)",
    "method.huff": "q(i, f) = k(f) · e^(-β · t(i, f)) / Σ",
    "method.overlap": "o = Σ w(c) · Σ min(q(i, f), q(j, f)) / Σ w(c)",
    "method.complementarity": "m = p · Σ w(c) · [i ≠ j] / Σ w(c)",
    "method.identity": "",  # the strongest of its steps
}


def tie_weight(run: Run) -> str:
    """Give the weight of a tie, with people's answers where there are any."""
    return "λ₁ p + λ₂ o + λ₃ m + λ₄ d" + (" + λ₅ a" if run.ties.survey is not None else "")
