"""How time and memory grow with the size of the country."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_POINTS = 3
ROUNDING = 1e-20  # what logarithms of equal values may differ by, squared


@dataclass(frozen=True)
class Growth:
    """``factor * size ** exponent``, fitted on `points` sizes; `r2` is the share of the variance it explains."""

    exponent: float
    factor: float
    r2: float
    points: int


def fit_growth(sizes: Sequence[float], values: Sequence[float], *, at_least: float = 0.0) -> Growth | None:
    """
    Fit a power law by least squares on logarithms.

    Parameters
    ----------
    sizes
        How large each country is, above 0.
    values
        What was measured on it.
    at_least
        Smaller values are noise and left out.

    Returns
    -------
    Growth or None
        None where fewer than three usable sizes are left.

    Examples
    --------
    >>> fit_growth([1, 2, 4], [3, 12, 48]).exponent
    2.0
    """
    x, y = np.asarray(sizes, dtype=float), np.asarray(values, dtype=float)
    usable = (x > 0) & (y > 0) & (y >= at_least) & np.isfinite(y)
    x, y = np.log(x[usable]), np.log(y[usable])
    if len(np.unique(x)) < FEWEST_POINTS:
        return None
    slope, intercept = np.polyfit(x, y, 1)
    spread = ((y - y.mean()) ** 2).sum()
    r2 = 1 - ((y - slope * x - intercept) ** 2).sum() / spread if spread > ROUNDING else 1.0
    return Growth(round(float(slope), 6), float(np.exp(intercept)), float(r2), len(x))
