"""The plan: of all candidates, those that do not overlap and together serve people best."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import block_array, csr_array, vstack
from scipy.sparse.csgraph import connected_components

from .errors import NoPlanError, OutOfTimeError
from .progress import Tell, counted, told_nobody
from .village_sets import VillageSets
from .wishes import Wishes

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


SOLVED = 0  # status of scipy.optimize.linprog
FIRST_SLACK = 2e-4  # of the bound: the best choice seldom lacks more
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
    OutOfTimeError
        If no choice was found in time.

    References
    ----------
    Dantzig, G., Fulkerson, R., Johnson, S. (1954). Solution of a large-scale traveling-salesman problem. Journal of the
    Operations Research Society of America 2(4), 393-410.

    Huangfu, Q., Hall, J. A. J. (2018). Parallelizing the dual revised simplex method. Mathematical Programming
    Computation 10, 119-142.
    """
    groups = wishes.together if wishes else ()
    if any(not np.isin(group, sets.member).any() for group in groups):
        raise NoPlanError(TORN_APART)
    disputes, ends = _disputes(sets), time.monotonic() + time_limit_s

    def choose(disputed: Longs) -> tuple[Longs, float]:
        part = sets.take(disputed)
        own_groups = tuple(group for group in groups if np.isin(group, part.member).any())
        best, at_most = _choose(part, values[disputed], own_groups, max(ends - time.monotonic(), 1.0), time_limit_s)
        return disputed[best], at_most

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:  # HiGHS works without the interpreter
        found = list(counted(workers.map(choose, disputes), len(disputes), tell))
    best = np.sort(np.concatenate([np.empty(0, dtype=np.int64), *(chosen for chosen, _ in found)]))
    if not len(best):
        raise NoPlanError("no candidate is worth choosing: all have a score of 0 or nobody lives in them")
    objective = float(values[best].sum())
    bound = max(sum(at_most for _, at_most in found), objective)
    gap = (bound - objective) / objective if objective > 0 else 0.0
    return Plan(best, objective, bound, 0.0 if gap < 1e-9 else gap)


def _disputes(sets: VillageSets) -> list[Longs]:
    """
    Divide the sets so that sets of different parts have no village in common, not even through third ones.

    The largest part comes first, so that none is left to be waited for at the end.

    Each part can be chosen from by itself, and a country's islands and gaps make several of it: the work grows with
    the country and not with a power of it.
    """
    membership = sets.matrix()
    bipartite = block_array([[None, membership], [csr_array(membership.T), None]]).tocsr()
    _, label = connected_components(bipartite, directed=False)
    by_part = np.argsort(label[: len(sets)], kind="stable")
    parts = np.split(by_part, np.flatnonzero(np.diff(label[by_part])) + 1) if len(sets) else []
    return sorted(parts, key=len, reverse=True)


@dataclass(frozen=True)
class _Programme:
    """
    Maximise ``values @ x`` over x of zeros and ones.

    `most` says which sets hold a village, at most one of which is chosen; `one` which hold a together-group of the
    planner, exactly one of which is chosen. Both have a column a set.
    """

    values: Floats
    most: csr_array
    one: csr_array

    def take(self, numbers: Longs) -> _Programme:
        """Keep some of the sets."""
        return _Programme(self.values[numbers], self.most[:, numbers], self.one[:, numbers])


def _choose(
    sets: VillageSets, values: Floats, groups: tuple[tuple[int, ...], ...], time_left_s: float, time_limit_s: float
) -> tuple[Longs, float]:
    """
    Solve one part: the numbers of the chosen sets, and what no choice can be worth more than.

    Sets with a loss larger than what the best choice may still lack are in no best choice. It is looked for among
    those of little loss, and again among more of them where it lacks more than they may lose: exact, and a fraction
    of the work, as few sets come near.
    """
    programme = _programme(sets, values, groups)
    ends = time.monotonic() + time_left_s
    bound, loss = _bound_and_losses(programme, time_left_s)
    slack = FIRST_SLACK * bound
    while True:
        kept = np.flatnonzero(loss <= slack)
        found = _solve(programme.take(kept), max(ends - time.monotonic(), 1.0))
        if found is None and len(kept) == len(sets):
            if time.monotonic() >= ends:
                raise OutOfTimeError(f"no choice of candidates was found within {time_limit_s:g} seconds")
            raise NoPlanError(TORN_APART)
        if found is None:
            slack = np.inf
            continue
        chosen, at_most = kept[found[0]], found[1]
        objective = float(values[chosen].sum())
        if len(kept) == len(sets) or bound - objective <= slack:
            return chosen, max(at_most, objective)
        slack = bound - objective


def _programme(sets: VillageSets, values: Floats, groups: tuple[tuple[int, ...], ...]) -> _Programme:
    membership = sets.matrix()
    covers = csr_array(membership.T)
    holds = [membership[:, list(group)].sum(axis=1) == len(group) for group in groups]
    return _Programme(
        values,
        csr_array(covers[covers.sum(axis=1) > 1]),  # a village in one set only is disputed by nobody
        csr_array(np.array(holds, dtype=np.float64).reshape(len(groups), len(sets))),
    )


def _bound_and_losses(programme: _Programme, time_left_s: float) -> tuple[float, Floats]:
    """
    Bound what a choice can be worth, and how much less one with a certain set can at most be.

    Prices y of villages and groups, from the linear relaxation, give the bound ``sum y + sum max(0, v - y(s))`` over
    the sets s, whatever y is (Lagrangian relaxation, y not negative for villages); a choice with set s is worth at
    most that less ``max(0, y(s) - v(s))`` (fixing by reduced costs; Dantzig, Fulkerson and Johnson 1954).

    Returns
    -------
    tuple of float and array
        The bound, and the loss of each set. Without prices no loss is known, and all are 0.
    """
    values, most, one = programme.values, programme.most, programme.one
    relaxed = linprog(  # type: ignore[call-overload]  # its stubs know no sparse rows
        -values,
        A_ub=most if most.shape[0] else None,
        b_ub=np.ones(most.shape[0]) if most.shape[0] else None,
        A_eq=one if one.shape[0] else None,
        b_eq=np.ones(one.shape[0]) if one.shape[0] else None,
        bounds=(0, 1),
        method="highs-ds",
        options={"time_limit": time_left_s, "presolve": False},  # there is nothing to simplify: half of the time
    )
    if relaxed.status != SOLVED:
        return float(values.sum()), np.zeros(len(values))
    of_village, of_group = np.maximum(-relaxed.ineqlin.marginals, 0.0), -relaxed.eqlin.marginals
    gain = values - most.T @ of_village - one.T @ of_group
    bound = float(of_village.sum() + of_group.sum() + np.maximum(gain, 0.0).sum())
    return bound, np.maximum(-gain, 0.0)


def _solve(programme: _Programme, time_left_s: float) -> tuple[Longs, float] | None:
    """Find the best choice, and what no choice can be worth more than; None where none was found."""
    rows = vstack([programme.most, programme.one]).tocsr()
    lower = np.repeat([0.0, 1.0], [programme.most.shape[0], programme.one.shape[0]])
    result = milp(
        -programme.values,
        integrality=np.ones(len(programme.values), dtype=np.int64),
        bounds=Bounds(0, 1),
        constraints=[LinearConstraint(rows, lower, np.ones(rows.shape[0]))] if rows.shape[0] else [],
        options={"mip_rel_gap": 0.0, "time_limit": time_left_s},
    )
    if result.x is None:
        return None
    worth = (programme.values > 0) | (programme.one.sum(axis=0) > 0)  # a set worth nothing could be chosen for nothing
    chosen = np.flatnonzero((result.x > 0.5) & worth)
    told = -result.mip_dual_bound if result.mip_dual_bound is not None else float(programme.values[chosen].sum())
    stopped_too_soon = not np.isfinite(told)  # before it had found a bound
    return chosen, float(programme.values.sum() if stopped_too_soon else told)
