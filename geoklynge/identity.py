"""How much of parish, school and history two villages share."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

IDENTITY_STEPS = (  # the first that two villages share decides
    ("parish_id", 1.0),
    ("school_district", 0.75),
    ("former_municipality", 0.5),
    ("historic_district", 0.25),
)


def identity_of_pairs(villages: pd.DataFrame, a: Ints, b: Ints) -> Floats:
    """Give each pair of villages (row numbers) the value of the first step that the two share, else 0."""
    identity = np.zeros(len(a))
    for column, value in IDENTITY_STEPS:
        if column in villages:
            code = pd.factorize(villages[column])[0]
            same = (code[a] == code[b]) & (code[a] >= 0)
            identity = np.maximum(identity, np.where(same, value, 0.0))
    return identity
