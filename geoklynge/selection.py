"""The plan: of all candidates, those that do not overlap and together serve people best."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import block_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from .errors import NoPlanError
from .progress import Tell, counted, told_nobody
from .village_sets import VillageSets
from .wishes import Wishes

Floats = NDArray[np.float64]


TIME_IS_UP = 1  # status of scipy.optimize.milp
TORN_APART = (
    "no choice of candidates keeps the planner's villages together and all limits; remove a must_link or loosen "
    "the limits"
)


@dataclass(frozen=True)
class Plan:
    """
    The chosen candidates.

    Attributes
    ----------
    chosen
        Their numbers in the pool, ascending; no two share a village.
    objective
        Sum of their values.
    bound
        No choice can be worth more than this.
    gap
        ``(bound - objective) / objective``; 0 is proven optimal.
    """

    chosen: NDArray[np.int64]
    objective: float
    bound: float
    gap: float


def select(
    sets: VillageSets,
    values: Floats,
    wishes: Wishes | None = None,
    *,
    time_limit_s: float = 60.0,
    tell: Tell = told_nobody,
) -> Plan:
    """
    Choose sets that do not overlap and are worth most together: weighted set packing, solved exactly.

    An integer programme for HiGHS (Huangfu and Hall 2018): maximise the sum of the chosen sets' values, every
    village in at most one of them, every together-group of the planner wholly inside exactly one.

    Parameters
    ----------
    sets
        The candidates.
    values
        Worth of each, above 0; shape (sets,).
    wishes
        The planner's groups.
    time_limit_s
        After this the best choice so far is taken, and its gap says how far from the best it may be.
    tell
        Told how many of the parts that do not touch are done.

    Raises
    ------
    NoPlanError
        If no choice keeps the planner's groups together, or no candidate is worth anything.

    References
    ----------
    Huangfu, Q., Hall, J. A. J. (2018). Parallelizing the dual revised simplex method. Mathematical Programming
    Computation 10, 119-142.
    """
    groups = wishes.together if wishes else ()
    if any(not np.isin(group, sets.member).any() for group in groups):
        raise NoPlanError(TORN_APART)
    chosen, bound, ends = [], 0.0, time.monotonic() + time_limit_s
    disputes = _disputes(sets)
    for disputed in counted(disputes, len(disputes), tell):
        part = sets.take(disputed)
        own_groups = tuple(group for group in groups if np.isin(group, part.member).any())
        best, at_most = _choose(part, values[disputed], own_groups, max(ends - time.monotonic(), 1.0), time_limit_s)
        chosen.append(disputed[best])
        bound += at_most
    best = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *chosen]))
    if not len(best):
        raise NoPlanError("no candidate is worth choosing: all have a score of 0 or nobody lives in them")
    objective = float(values[best].sum())
    bound = max(bound, objective)
    gap = (bound - objective) / objective if objective > 0 else 0.0
    return Plan(best, objective, bound, 0.0 if gap < 1e-9 else gap)


def _disputes(sets: VillageSets) -> list[NDArray[np.int64]]:
    """
    Divide the sets so that sets of different parts have no village in common, not even through third ones.

    Each part can be chosen from by itself, and a country's islands and gaps make several of it: the work grows with
    the country and not with a power of it.
    """
    membership = sets.matrix()
    bipartite = block_array([[None, membership], [csr_array(membership.T), None]]).tocsr()
    _, label = connected_components(bipartite, directed=False)
    by_part = np.argsort(label[: len(sets)], kind="stable")
    return np.split(by_part, np.flatnonzero(np.diff(label[by_part])) + 1) if len(sets) else []


def _choose(
    sets: VillageSets, values: Floats, groups: tuple[tuple[int, ...], ...], time_left_s: float, time_limit_s: float
) -> tuple[NDArray[np.int64], float]:
    """Solve one part: the numbers of the chosen sets, and what no choice can be worth more than."""
    membership = sets.matrix()
    covers = csr_array(membership.T)
    blocks = [covers[covers.sum(axis=1) > 1]]  # a village in one set only is disputed by nobody
    for group in groups:
        holds = membership[:, list(group)].sum(axis=1) == len(group)
        blocks.append(csr_array(holds[None, :].astype(np.float64)))
    rows = vstack(blocks).tocsr()
    lower = np.concatenate([np.zeros(rows.shape[0] - len(groups)), np.ones(len(groups))])
    result = milp(
        -values,
        integrality=np.ones(len(sets), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(rows, lower, np.ones(rows.shape[0]))] if rows.shape[0] else [],
        options={"mip_rel_gap": 0.0, "time_limit": time_left_s},
    )
    if result.x is None:
        raise NoPlanError(
            f"no choice of candidates was found within {time_limit_s:g} seconds"
            if result.status == TIME_IS_UP
            else TORN_APART
        )
    chosen = np.flatnonzero(result.x > 0.5)
    objective = float(values[chosen].sum())
    told = -result.mip_dual_bound if result.mip_dual_bound is not None else objective
    at_most = float(told) if np.isfinite(told) else float(values.sum())  # stopped before it had found a bound
    return chosen, max(at_most, objective)
