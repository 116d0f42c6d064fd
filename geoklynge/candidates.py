"""The pool: village sets within all limits, proposed by an ensemble of partitions and three ways of growing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .ensemble import partition_often
from .errors import InputError, NoPlanError
from .growing import linked_sets, parish_unions, sets_around, sets_around_hubs, whole_parishes
from .limits import Facts, Limits
from .mending import mend
from .people import people_of_place
from .progress import Tell, told_nobody
from .study import Study
from .tables import Tables
from .ties import Ties
from .travel import Travel
from .village_sets import (
    VillageSets,
    distinct_sets,
    each_fact,
    facts_in_blocks,
    join_sets,
    keep_limits,
    order_of_members,
    sets_by_label,
    tie_rows,
)
from .wishes import Wishes, read_wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Pool:
    """
    The candidates, all within the limits and all different, in a fixed order.

    Attributes
    ----------
    sets
        The candidates.
    proposed_by
        For each, which ways of proposing found it: hubs, leiden, linkage, municipalities, parishes, search (later),
        whole_parishes, wishes.
    partitions
        Community of every village in every run of the ensemble, shape (runs, villages); -1 for non-members.
    eligible
        Villages that may be members: within the town limit and with a road.
    wishes
        The planner's wishes as row numbers.
    """

    sets: VillageSets
    proposed_by: tuple[tuple[str, ...], ...]
    partitions: Ints
    eligible: Bools
    wishes: Wishes


def propose(tables: Tables, travel: Travel, ties: Ties, study: Study, *, tell: Tell = told_nobody) -> Pool:
    """
    Propose candidate clusters.

    An ensemble of Leiden partitions (Traag, Waltman and van Eck 2019) under the constant Potts model, complete
    linkage on minutes, unions of neighbouring parishes, growth around hubs, and around the planner's must-links; each
    of these also cut along municipal borders, and rounded to whole parishes; sets that break a limit are split or
    trimmed, and what still breaks one is dropped. `tell` is told how many partitions are made.

    Raises
    ------
    InputError
        If the planner's wishes contradict the limits.
    NoPlanError
        If no set of villages keeps all limits.

    References
    ----------
    Traag, V. A., Waltman, L., van Eck, N. J. (2019). From Louvain to Leiden: guaranteeing well-connected communities.
    Scientific Reports 9, 5233.
    """
    villages = tables.villages
    eligible = (people_of_place(villages) <= study.limits.town_people) & (travel.component >= 0)
    wishes = read_wishes(study.planner, villages)
    _refuse_impossible_wishes(wishes, villages, travel, ties, study)
    if not eligible.any():
        raise NoPlanError(_why_nobody(villages, travel, study.limits))
    partitions = partition_often(ties, eligible, wishes, study, tell=tell)
    proposals = {
        "leiden": _communities(partitions),
        "linkage": linked_sets(ties, eligible, study.limits),
        "parishes": parish_unions(villages, ties, eligible, study.limits),
        "hubs": sets_around_hubs(ties, eligible, study.limits),
        "wishes": sets_around(wishes, ties, eligible, study.limits),
    }
    municipality = pd.factorize(villages["municipality_id"])[0].astype(np.int64)
    if study.limits.one_municipality:
        proposals = {name: _within_municipalities(sets, municipality) for name, sets in proposals.items()}
    else:
        proposals["municipalities"] = _within_municipalities(_all_of(proposals, len(villages)), municipality)
    proposals["whole_parishes"] = whole_parishes(_all_of(proposals, len(villages)), villages, eligible)
    sets, found_by = _kept(proposals, tables, ties, study.limits, wishes)
    if not len(sets):
        raise NoPlanError(_why_none(_communities(partitions), tables, ties, study.limits, wishes))
    names = np.array(list(proposals), dtype=object)
    proposed_by = tuple(tuple(sorted(names[row])) for row in found_by)
    return Pool(sets, proposed_by, partitions, eligible, wishes)


def _communities(partitions: Ints) -> VillageSets:
    """Every community of every run."""
    n_villages = partitions.shape[1]
    inside = [np.flatnonzero(partition >= 0).astype(np.int32) for partition in partitions]
    of_run = [
        sets_by_label(part[members], members, n_villages) for part, members in zip(partitions, inside, strict=True)
    ]
    return join_sets(of_run, n_villages)


def _all_of(proposals: Mapping[str, VillageSets], n_villages: int) -> VillageSets:
    """Put all proposals of two villages or more together, equal ones once."""
    everything = join_sets(list(proposals.values()), n_villages)
    return distinct_sets(everything.take(everything.sizes() >= 2))[0]


def _within_municipalities(sets: VillageSets, municipality: NDArray[np.integer]) -> VillageSets:
    """Cut every proposal along municipal borders."""
    owner, code = sets.set_of_member().astype(np.int64), municipality[sets.member] + 1  # those of none stay together
    return sets_by_label(owner * (int(code.max(initial=0)) + 1) + code, sets.member, sets.n_villages)


def _kept(
    proposals: Mapping[str, VillageSets], tables: Tables, ties: Ties, limits: Limits, wishes: Wishes
) -> tuple[VillageSets, Bools]:
    """
    Take the proposals that keep the limits; mend the others and take what then keeps them.

    Returns
    -------
    tuple of VillageSets and array
        The distinct sets in the order of their members, and which way of proposing found each, shape (sets, ways).
    """
    everything = join_sets(list(proposals.values()), len(tables.villages))
    way = np.repeat(np.arange(len(proposals)), [len(sets) for sets in proposals.values()])
    several = everything.sizes() >= 2
    proposed, found_by = _merge_equals(everything.take(several), np.eye(len(proposals), dtype=bool)[way[several]])
    fine = keep_limits(proposed, ties, tables.villages, limits, wishes)
    people = tables.villages["people"].to_numpy(dtype=np.float64)
    mended, origin = mend(proposed.take(~fine), ties, people, limits, wishes)
    mended, mended_by = _merge_equals(mended, found_by[~fine][origin])
    repaired = keep_limits(mended, ties, tables.villages, limits, wishes)
    sets, found_by = _merge_equals(
        join_sets([proposed.take(fine), mended.take(repaired)], len(tables.villages)),
        np.concatenate([found_by[fine], mended_by[repaired]]),
    )
    order = order_of_members(sets)
    return sets.take(order), found_by[order]


def _merge_equals(sets: VillageSets, found_by: Bools) -> tuple[VillageSets, Bools]:
    """Make one of equal sets, found by all the ways in which they were."""
    distinct, same_as = distinct_sets(sets)
    merged = np.zeros((len(distinct), found_by.shape[1]), dtype=bool)
    np.logical_or.at(merged, same_as, found_by)
    return distinct, merged


def _refuse_impossible_wishes(wishes: Wishes, villages: pd.DataFrame, travel: Travel, ties: Ties, study: Study) -> None:
    """Refuse wishes that no plan can keep, with the reason."""
    names = villages["name"].to_numpy(dtype=object)
    for group in wishes.together:
        for apart in wishes.apart:
            both = sorted(set(group) & set(apart))
            if len(both) > 1:
                raise InputError(
                    f"{names[both[0]]} and {names[both[1]]} are both to be linked and to be kept apart",
                    where="planner",
                    advice="remove one of the two wishes",
                )
        _refuse_oversized(group, villages, study.limits)
        _refuse_distant(group, names, travel, ties, study.limits)


def _refuse_oversized(group: tuple[int, ...], villages: pd.DataFrame, limits: Limits) -> None:
    """Refuse a group with a town in it, or one that is beyond a limit before anyone else joins."""
    names, people = (villages[column].to_numpy()[list(group)] for column in ("name", "people"))
    inside = people_of_place(villages)[list(group)]
    largest = int(inside.argmax())
    if inside[largest] > limits.town_people:
        raise InputError(
            f"{names[largest]} has {inside[largest]:g} people, more than limits.town_people {limits.town_people:g}",
            where="planner.must_link",
            advice="raise the limit or leave the town out",
        )
    facts = Facts(
        n_villages=max(len(group), limits.min_villages),
        people=max(float(people.sum()), limits.min_people),
        max_minutes=0.0,
        n_municipalities=int(villages["municipality_id"].iloc[list(group)].nunique()),
        largest_place=float(inside[largest]),
        connected=True,
    )
    broken = limits.broken_by(facts)
    if broken:
        raise InputError(
            f"{', '.join(names)} cannot be in one cluster ({'; '.join(broken)})",
            where="planner.must_link",
            advice="raise the limit or remove the wish",
        )


def _refuse_distant(
    group: tuple[int, ...], names: NDArray[np.object_], travel: Travel, ties: Ties, limits: Limits
) -> None:
    """Refuse a group of which two are too many minutes apart."""
    left, right = np.array([(a, b) for a in group for b in group if a < b], dtype=np.int32).reshape(-1, 2).T
    tie = tie_rows(ties, left, right)
    minutes = np.where(tie >= 0, ties.minutes[tie], np.inf) if len(ties.a) else np.full(len(tie), np.inf)
    far = np.flatnonzero(minutes > limits.max_minutes)
    if len(far):
        a, b = int(left[far[0]]), int(right[far[0]])
        why = f"{minutes[far[0]]:.1f} minutes" if np.isfinite(minutes[far[0]]) else travel.why_absent(a, b).value
        raise InputError(
            f"{names[a]} and {names[b]} cannot be in one cluster ({why}; limits.max_minutes is {limits.max_minutes:g})",
            where="planner.must_link",
            advice="raise the limit or remove the wish",
        )


def _why_nobody(villages: pd.DataFrame, travel: Travel, limits: Limits) -> str:
    """Say why not a single village may be a member."""
    towns, no_road = int((people_of_place(villages) > limits.town_people).sum()), int((travel.component < 0).sum())
    return (
        f"none of the {len(villages)} villages may be a member: {towns} have more than {limits.town_people:.0f} people "
        f"(limits.town_people), {no_road} have no road within 2 km"
    )


def _why_none(sets: VillageSets, tables: Tables, ties: Ties, limits: Limits, wishes: Wishes) -> str:
    """Name the limit that most proposals of two villages or more break, with the numbers of the first of them."""
    sets = sets.take(sets.sizes() >= 2)
    facts = facts_in_blocks(sets, ties, tables.villages, limits, wishes)
    broken = [sentence for part in facts for fact in each_fact(part) for sentence in limits.broken_by(fact)]
    limit_of = [re.sub(r"[\d.]+|inf", "", sentence) for sentence in broken]  # the same words, whatever the numbers
    most = Counter(limit_of).most_common(1)
    example = broken[limit_of.index(most[0][0])] if most else "no two villages are tied"
    return f"no set of villages keeps all limits (for example: {example}); loosen the limits in the study file"
