"""A planner's wishes, found in the villages table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .errors import InputError
from .study import Planner


@dataclass(frozen=True)
class Wishes:
    """
    A planner's wishes as row numbers, ascending: groups that stay together, groups whose members all stay apart.

    No village is in two together-groups: who is to be with A, where A is to be with B, is to be with B.
    """

    together: tuple[tuple[int, ...], ...] = ()
    apart: tuple[tuple[int, ...], ...] = ()


def read_wishes(planner: Planner, villages: pd.DataFrame) -> Wishes:
    """
    Find the villages that a planner named, by id or by name.

    Raises
    ------
    InputError
        If no village has that name, several have, or a group is one village only.
    """
    together: list[set[int]] = []
    for names in planner.must_link:
        group = _find_group(names, villages, "must_link")
        linked = [other for other in together if other & group]
        together = [other for other in together if not other & group] + [group.union(*linked)]
    apart = [_find_group(names, villages, "cannot_link") for names in planner.cannot_link]
    return Wishes(tuple(tuple(sorted(group)) for group in together), tuple(tuple(sorted(group)) for group in apart))


def _find_group(names: tuple[str, ...], villages: pd.DataFrame, key: str) -> set[int]:
    group = {_find(name, villages, key) for name in names}
    if len(group) < 2:
        raise InputError(f"{', '.join(names)}: one village", where=f"planner.{key}", advice="name two or more")
    return group


def _find(name: str, villages: pd.DataFrame, key: str) -> int:
    rows = np.flatnonzero(villages["village_id"] == name)
    if not len(rows):
        rows = np.flatnonzero(villages["name"].str.casefold() == name.casefold())
    if len(rows) != 1:
        ids = ", ".join(villages["village_id"].iloc[rows])
        problem = f"{name!r} is the name of {len(rows)} villages ({ids})" if len(rows) else f"no village {name!r}"
        raise InputError(problem, where=f"planner.{key}", advice="give a name or village_id of the villages table")
    return int(rows[0])
