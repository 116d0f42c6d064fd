"""Whose people a village's number counts: those of the place, of the open country around it, or a default."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def people_assumed(villages: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell which places count with a default: neither a population is known nor does a grid know people of them."""
    unknown: NDArray[np.bool_] = villages["population"].isna().to_numpy(dtype=bool)
    if "people_around" not in villages:
        return unknown
    return unknown & (villages["people_around"] == 0).to_numpy(dtype=bool)


def people_of_place(villages: pd.DataFrame) -> NDArray[np.float64]:
    """
    Count the people of each place itself, without the open country around it.

    Of a place without a known population a grid cannot tell the two apart: all its people count.
    """
    people = villages["people"].to_numpy(dtype=np.float64)
    if "people_around" not in villages:
        return people
    around = villages["people_around"].to_numpy(dtype=np.float64)
    return np.where(villages["population"].isna().to_numpy(dtype=bool), people, people - around)
