"""How well sets of villages agree with other sets of the same villages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..village_sets import VillageSets

Floats = NDArray[np.float64]


def jaccard(found: VillageSets, real: VillageSets, weight: Floats | None = None) -> Floats:
    """
    Compare every set of one kind with every set of the other: what both hold, out of what either holds.

    ``J = sum of weight in both / sum of weight in either`` (Jaccard 1901): 1 for equal sets, 0 for sets that share
    no village, and 0 where neither weighs anything.

    Parameters
    ----------
    found, real
        Sets of the same villages.
    weight
        How much each village counts, 0 or more, such as its people; None: each counts 1. Shape (villages,).

    Returns
    -------
    Floats
        0..1, shape (sets found, sets real).

    References
    ----------
    Jaccard, P. (1901). Étude comparative de la distribution florale dans une portion des Alpes et des Jura. Bulletin
    de la Société vaudoise des sciences naturelles 37, 547-579.
    """
    counts = np.ones(found.n_villages) if weight is None else np.asarray(weight, dtype=np.float64)
    in_found, in_real = found.matrix(), real.matrix()
    both: Floats = (in_found @ csr_array((in_real * counts).T)).toarray()
    either = (in_found @ counts)[:, None] + (in_real @ counts)[None, :] - both
    agreement: Floats = np.divide(both, either, out=np.zeros(both.shape), where=either > 0)
    return np.clip(agreement, 0.0, 1.0)  # sums of weights may be off by a rounding
