"""Why a plan does not hold a cluster that really exists: the first of six checks that finds something."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ..limits import Facts
from ..pipeline import Run
from ..village_sets import PairsInside, each_fact, facts_of, pairs_inside, sets_of
from .known import Matched

Ints = NDArray[np.int32]

FOUND, PARTLY = 0.5, 0.3  # Jaccard by villages from which a cluster is found, and found in part
NAMES_SHOWN = 5

Code = Literal["found", "no_data", "limit", "border", "no_tie", "not_proposed", "outbid"]


@dataclass(frozen=True)
class Reason:
    """Why a known cluster is not in the plan (or that it is), as a stable code and one sentence with figures."""

    code: Code
    text: str


@dataclass(frozen=True)
class Rival:
    """A chosen cluster, and what the plan holds it worth: its score times the people it serves."""

    name: str
    value: float


@dataclass(frozen=True)
class Case:
    """
    What is known of one real cluster when its reason is looked for.

    Attributes
    ----------
    matched
        The cluster among the study's villages.
    members
        Those of its villages that may be members, as ascending row numbers.
    in_plan, in_pool
        Jaccard by villages of the best chosen cluster, and of the best candidate.
    sharing
        How many candidates share a village with it.
    candidate_value
        What the best candidate is worth: score times people served.
    rivals
        The chosen clusters that share a village with the best candidate.
    """

    matched: Matched
    members: Ints
    in_plan: float
    in_pool: float
    sharing: int
    candidate_value: float
    rivals: tuple[Rival, ...]


def explain(case: Case, run: Run) -> Reason:
    """
    Find the likely reason why a known cluster is not among the chosen ones.

    In this order: too little of it is in the study's data; its villages break a limit, lie in several municipalities
    where one is allowed, or are not connected by ties; no candidate agrees with it; the plan holds clusters in its
    place. Limits, borders and ties are judged on the villages that may be members, for no candidate has others.
    """
    if case.in_plan >= FOUND:
        return Reason("found", f"the plan holds a cluster that agrees by {case.in_plan:.2f}")
    text = _too_little_data(case, run)
    if text:
        return Reason("no_data", text)
    sets = sets_of([case.members], len(run.tables.villages))
    pairs = pairs_inside(sets, run.ties)
    facts = next(each_fact(facts_of(sets, pairs, run.ties, run.tables.villages, run.study.limits, run.pool.wishes)))
    found_anyway = case.in_pool >= FOUND
    yet = f"; yet a candidate agrees by {case.in_pool:.2f}" if found_anyway else ""
    in_the_way: tuple[tuple[Code, str], ...] = (
        ("limit", _broken_limits(case, run, facts, pairs)),
        ("border", _border(case, run, facts)),
        ("no_tie", _parts(case, run, facts, pairs)),
    )
    for code, text in in_the_way:
        if text:
            return Reason(code, text + yet)
    return Reason("outbid", _outbid(case)) if found_anyway else Reason("not_proposed", _not_proposed(case))


def _too_little_data(case: Case, run: Run) -> str:
    members, unmatched = len(case.matched.known.members), len(case.matched.unmatched)
    fewest, n_villages = run.study.limits.min_villages, len(case.matched.rows)
    if unmatched == members:
        return f"none of its {members} members is in the study's data"
    if n_villages < fewest:
        return f"its members have {n_villages} villages in the study's data, and a cluster needs {fewest}"
    if 2 * unmatched > members:
        return f"{unmatched} of its {members} members are not in the study's data"
    return ""


def _broken_limits(case: Case, run: Run, facts: Facts, pairs: PairsInside) -> str:
    limits, n_villages = run.study.limits, len(case.matched.rows)
    # minutes beyond the horizon are not measured: pairs are counted instead; border and ties have reasons of their own
    others = replace(facts, max_minutes=0.0, n_municipalities=1, connected=True)
    broken = [*limits.broken_by(others), *_pairs_too_far(case, run, pairs)]
    if broken or len(case.members) / n_villages < FOUND:
        left_out = _not_eligible(case, run)
        return "it breaks a limit: " + "; ".join([*broken, *left_out])
    return ""


def _pairs_too_far(case: Case, run: Run, pairs: PairsInside) -> list[str]:
    limit = run.study.limits.max_minutes
    too_far = pairs.values(run.ties.minutes, absent=np.inf) > limit
    part = run.travel.component[case.members]
    no_road = part[pairs.left] != part[pairs.right]
    cases = (
        (int((too_far & ~no_road).sum()), f"are more than {limit:g} minutes apart"),
        (int(no_road.sum()), "have no road between them"),
    )
    return [f"{count} of {len(too_far)} pairs of its villages {what}" for count, what in cases if count]


def _not_eligible(case: Case, run: Run) -> list[str]:
    """Say which of its villages may not be members, the largest first."""
    rows = np.setdiff1d(case.matched.rows, case.members)
    if not len(rows):
        return []
    names = run.tables.villages["name"].to_numpy(dtype=object)
    people = run.tables.villages["people"].to_numpy(dtype=np.float64)
    rows = rows[np.argsort(-people[rows], kind="stable")]
    shown = [
        f"{names[row]}, " + ("no road" if run.travel.component[row] < 0 else f"{people[row]:,.0f} people")
        for row in rows[:NAMES_SHOWN].tolist()
    ]
    more = f"; and {len(rows) - NAMES_SHOWN} more" if len(rows) > NAMES_SHOWN else ""
    return [f"{len(rows)} of its {len(case.matched.rows)} villages may not be members ({'; '.join(shown)}{more})"]


def _border(case: Case, run: Run, facts: Facts) -> str:
    if not run.study.limits.one_municipality or facts.n_municipalities <= 1:
        return ""
    villages = run.tables.villages.iloc[case.members]
    names = sorted({str(name) for name in villages["municipality"].fillna(villages["municipality_id"])})
    return f"it lies in {facts.n_municipalities} municipalities ({'; '.join(names)}), and the study allows one"


def _parts(case: Case, run: Run, facts: Facts, pairs: PairsInside) -> str:
    if facts.connected:
        return ""
    weakest, n_villages = run.study.limits.weakest_tie, len(case.members)
    linked = pairs.values(run.ties.weight, absent=-np.inf) >= weakest
    arcs = coo_array((np.ones(linked.sum()), (pairs.left[linked], pairs.right[linked])), shape=(n_villages, n_villages))
    sizes = np.sort(np.bincount(connected_components(arcs.tocsr(), directed=False)[1]))[::-1]
    parts = ", ".join(str(size) for size in sizes[:NAMES_SHOWN]) + (", …" if len(sizes) > NAMES_SHOWN else "")
    return f"ties of at least {weakest:g} do not connect it: {len(sizes)} parts of {parts} villages"


def _not_proposed(case: Case) -> str:
    if not case.sharing:
        return "no candidate shares a village with it"
    return f"no candidate agrees with it by half; the best of {case.sharing} that share a village by {case.in_pool:.2f}"


def _outbid(case: Case) -> str:
    together = sum(rival.value for rival in case.rivals)
    names = ", ".join(f"{rival.name} {rival.value:,.0f}" for rival in case.rivals[:NAMES_SHOWN])
    more = f" and {len(case.rivals) - NAMES_SHOWN} more" if len(case.rivals) > NAMES_SHOWN else ""
    return (
        f"a candidate agrees by {case.in_pool:.2f} and is worth {case.candidate_value:,.0f} (score x people served), "
        f"but in its place the plan holds clusters worth {together:,.0f} ({names}{more})"
    )
