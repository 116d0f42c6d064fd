"""The plan: of all candidates, those that do not overlap and together serve people best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, vstack

from .errors import NoPlanError
from .village_sets import VillageSets
from .wishes import Wishes

Floats = NDArray[np.float64]


TIME_IS_UP = 1  # status of scipy.optimize.milp


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


def select(sets: VillageSets, values: Floats, wishes: Wishes | None = None, *, time_limit_s: float = 60.0) -> Plan:
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
    membership = sets.matrix()
    covers = csr_array(membership.T)
    rows, upper, lower = covers[covers.sum(axis=1) > 1], [], []
    upper.append(np.ones(rows.shape[0]))
    lower.append(np.zeros(rows.shape[0]))
    blocks = [rows] if rows.shape[0] else []
    for group in groups:
        holds = membership[:, list(group)].sum(axis=1) == len(group)
        blocks.append(csr_array(holds[None, :].astype(np.float64)))
        upper.append(np.ones(1))
        lower.append(np.ones(1))
    constraints = (
        [LinearConstraint(vstack(blocks).tocsr(), np.concatenate(lower), np.concatenate(upper))] if blocks else []
    )
    result = milp(
        -values,
        integrality=np.ones(len(sets), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=constraints,
        options={"mip_rel_gap": 0.0, "time_limit": time_limit_s},
    )
    if result.x is None and result.status == TIME_IS_UP:
        raise NoPlanError(f"no choice of candidates was found within {time_limit_s:g} seconds")
    if result.x is None:
        raise NoPlanError(
            "no choice of candidates keeps the planner's villages together and all limits; remove a must_link "
            "or loosen the limits"
        )
    chosen = np.flatnonzero(result.x > 0.5)
    if not len(chosen):
        raise NoPlanError("no candidate is worth choosing: all have a score of 0 or nobody lives in them")
    objective = float(values[chosen].sum())
    bound = max(float(-result.mip_dual_bound), objective) if result.mip_dual_bound is not None else objective
    gap = (bound - objective) / objective if objective > 0 else 0.0
    return Plan(chosen, objective, bound, 0.0 if gap < 1e-9 else gap)
