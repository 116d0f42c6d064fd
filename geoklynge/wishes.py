"""A planner's wishes, found in the villages table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .errors import InputError
from .study import Planner


@dataclass(frozen=True)
class Wishes:
    """A planner's wishes as row numbers: groups that stay together, groups whose members all stay apart."""

    together: tuple[tuple[int, ...], ...] = ()
    apart: tuple[tuple[int, ...], ...] = ()


def read_wishes(planner: Planner, villages: pd.DataFrame) -> Wishes:
    """
    Find the villages that a planner named, by id or by name.

    Raises
    ------
    InputError
        If no village has that name, or several have.
    """
    return Wishes(
        tuple(tuple(_find(name, villages, "must_link") for name in group) for group in planner.must_link),
        tuple(tuple(_find(name, villages, "cannot_link") for name in group) for group in planner.cannot_link),
    )


def _find(name: str, villages: pd.DataFrame, key: str) -> int:
    rows = np.flatnonzero(villages["village_id"] == name)
    if not len(rows):
        rows = np.flatnonzero(villages["name"].str.casefold() == name.casefold())
    if len(rows) != 1:
        ids = ", ".join(villages["village_id"].iloc[rows])
        problem = f"{name!r} is the name of {len(rows)} villages ({ids})" if len(rows) else f"no village {name!r}"
        raise InputError(problem, where=f"planner.{key}", advice="give a name or village_id of the villages table")
    return int(rows[0])
