"""Repair of village sets that break a limit: split where villages are far apart, trim what sticks out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled, grown
from .limits import Limits
from .linkage import complete_linkage, largest_parts
from .ties import Ties
from .village_sets import VillageSets, join_sets, keeps_wishes, sets_of
from .wishes import Wishes

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

SETS_A_TASK = 256


class _Bounds(NamedTuple):
    """The limits that leaving villages out can mend, as the kernels take them."""

    max_minutes: float
    min_villages: int
    max_villages: int
    max_people: float
    weakest_tie: float


def mend(sets: VillageSets, ties: Ties, people: Floats, limits: Limits, wishes: Wishes) -> tuple[VillageSets, Longs]:
    """
    Make smaller sets of sets that break limits.

    Each set gives one that is trimmed, village by village, until all are near enough and few enough, and of that the
    largest part that hangs together; and the parts into which complete linkage divides it. Where a wish is broken,
    that is done twice: with the group completed, and without it. What comes out may still break a limit that leaving
    villages out cannot mend.

    Returns
    -------
    tuple of VillageSets and array
        The new sets, and for each the number of the set that it came from.
    """
    variants, origin = _with_wishes(sets, wishes)
    bounds = _Bounds(*(getattr(limits, name) for name in _Bounds._fields))
    around = ties.around
    rows = (around.indptr, around.village, ties.minutes[around.tie], ties.weight[around.tie])

    def work(start: int) -> tuple[Longs, Ints, Longs]:
        stop = min(start + SETS_A_TASK, len(variants))
        return _mend(variants.indptr[start : stop + 1], variants.member, *rows, people, bounds)

    starts = range(0, len(variants), SETS_A_TASK)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        parts = list(workers.map(work, starts))
    mended = join_sets([VillageSets(part[0], part[1], sets.n_villages) for part in parts], sets.n_villages)
    came_from = [part[2] + start for part, start in zip(parts, starts, strict=True)]
    return mended, origin[np.concatenate([np.empty(0, dtype=np.int64), *came_from])]


def _with_wishes(sets: VillageSets, wishes: Wishes) -> tuple[VillageSets, Longs]:
    """Complete or remove together-groups and keep one of each apart-group, where a set breaks a wish."""
    kept = keeps_wishes(sets, wishes)
    if kept.all():
        return sets, np.arange(len(sets))
    variants: list[Ints] = []
    origin: list[int] = []
    for number in range(len(sets)):
        for variant in [sets.rows(number)] if kept[number] else _variants(sets.rows(number), wishes):
            variants.append(variant)
            origin.append(number)
    return sets_of(variants, sets.n_villages), np.array(origin, dtype=np.int64)


def _variants(rows: Ints, wishes: Wishes) -> Iterator[Ints]:
    held = set(rows.tolist())
    whole, without = set(held), set(held)
    for group in wishes.together:
        if held & set(group) and not set(group) <= held:
            whole |= set(group)
            without -= set(group)
    for group in wishes.apart:
        for several in (whole, without):
            for extra in sorted(several & set(group))[1:]:
                several.discard(extra)
    yield np.array(sorted(whole), dtype=np.int32)
    if without != whole:
        yield np.array(sorted(without), dtype=np.int32)


@compiled
def _mend(  # noqa: PLR0913, PLR0917
    indptr: Longs,
    member: Ints,
    tie_indptr: Longs,
    tie_village: Ints,
    tie_minutes: Floats,
    tie_weight: Floats,
    people: Floats,
    bounds: _Bounds,
) -> tuple[Longs, Ints, Longs]:
    """Trim and split every set; the new sets in compressed rows, and the number of the set each came from."""
    place = np.full(len(people), -1, dtype=np.int32)
    out = np.empty(1024, dtype=np.int32)
    out_indptr = np.zeros(1024, dtype=np.int64)
    origin = np.empty(1024, dtype=np.int64)
    n_sets, n_out = 0, 0
    for number in range(len(indptr) - 1):
        rows = member[indptr[number] : indptr[number + 1]]
        if len(rows) < bounds.min_villages:
            continue
        for k in range(len(rows)):
            place[rows[k]] = k
        inside, other, minutes, weight = _ties_inside(rows, place, tie_indptr, tie_village, tie_minutes, tie_weight)
        for k in range(len(rows)):
            place[rows[k]] = -1
        here = people[rows]
        stays = _trim(inside, other, minutes, weight, here, bounds)
        near_indptr, near_other, near_minutes = _near_only(inside, other, minutes, bounds.max_minutes)
        merges, _ = complete_linkage(near_indptr, near_other, near_minutes)
        part = largest_parts(merges, here, bounds.max_villages, bounds.max_people)
        n_members = np.zeros(len(rows), dtype=np.int64)
        for k in range(len(rows)):
            n_members[part[k]] += 1
        for label in range(-1, len(rows)):  # -1 is what was trimmed
            if label >= 0 and n_members[label] < bounds.min_villages:
                continue
            while n_out + len(rows) > len(out):
                out = grown(out)
            for k in range(len(rows)):
                if (stays[k] and label < 0) or (label >= 0 and part[k] == label):
                    out[n_out] = rows[k]
                    n_out += 1
            if n_sets + 1 == len(out_indptr):
                out_indptr, origin = grown(out_indptr), grown(origin)
            origin[n_sets] = number
            n_sets += 1
            out_indptr[n_sets] = n_out
    return out_indptr[: n_sets + 1].copy(), out[:n_out].copy(), origin[:n_sets].copy()


@compiled
def _ties_inside(
    rows: Ints, place: Ints, tie_indptr: Longs, tie_village: Ints, tie_minutes: Floats, tie_weight: Floats
) -> tuple[Longs, Ints, Floats, Floats]:
    """Gather the ties between members in compressed rows; members are numbered by their place in `rows`."""
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    for k in range(len(rows)):
        indptr[k + 1] = indptr[k]
        for tie in range(tie_indptr[rows[k]], tie_indptr[rows[k] + 1]):
            indptr[k + 1] += place[tie_village[tie]] >= 0
    other = np.empty(indptr[len(rows)], dtype=np.int32)
    minutes = np.empty(len(other), dtype=np.float64)
    weight = np.empty(len(other), dtype=np.float64)
    free = 0
    for k in range(len(rows)):
        for tie in range(tie_indptr[rows[k]], tie_indptr[rows[k] + 1]):
            if place[tie_village[tie]] >= 0:
                other[free] = place[tie_village[tie]]
                minutes[free], weight[free] = tie_minutes[tie], tie_weight[tie]
                free += 1
    return indptr, other, minutes, weight


@compiled
def _near_only(indptr: Longs, other: Ints, minutes: Floats, max_minutes: float) -> tuple[Longs, Ints, Floats]:
    """Keep the pairs that are near enough."""
    near = minutes <= max_minutes
    kept = np.zeros(len(indptr), dtype=np.int64)
    for k in range(len(indptr) - 1):
        kept[k + 1] = kept[k] + near[indptr[k] : indptr[k + 1]].sum()
    return kept, other[near], minutes[near]


@compiled
def _trim(
    indptr: Longs,
    other: Ints,
    minutes: Floats,
    weight: Floats,
    people: Floats,
    bounds: _Bounds,
) -> Bools:
    """
    Leave out, one by one, the village with most others too far away, of those the one with the weakest ties.

    Returns
    -------
    array
        Which villages stay: the largest part of the rest that hangs together.
    """
    n_rows = len(people)
    stays = np.ones(n_rows, dtype=np.bool_)
    near = np.zeros(n_rows, dtype=np.int64)
    belonging = np.zeros(n_rows, dtype=np.float64)
    for k in range(n_rows):
        for tie in range(indptr[k], indptr[k + 1]):
            near[k] += minutes[tie] <= bounds.max_minutes
            belonging[k] += weight[tie]
    n_stay, n_people = n_rows, people.sum()
    while n_stay > bounds.min_villages:
        worst = -1
        for k in range(n_rows):
            if stays[k] and (
                worst < 0 or near[k] < near[worst] or (near[k] == near[worst] and belonging[k] < belonging[worst])
            ):
                worst = k
        if near[worst] == n_stay - 1 and n_stay <= bounds.max_villages and n_people <= bounds.max_people:
            break
        stays[worst] = False
        n_stay -= 1
        n_people -= people[worst]
        for tie in range(indptr[worst], indptr[worst + 1]):
            near[other[tie]] -= minutes[tie] <= bounds.max_minutes
            belonging[other[tie]] -= weight[tie]
    return _largest_part(indptr, other, weight, stays, bounds.weakest_tie)


@compiled
def _largest_part(indptr: Longs, other: Ints, weight: Floats, stays: Bools, weakest_tie: float) -> Bools:
    """Find the largest part of some villages that hangs together by strong ties; of equals the one named first."""
    part = np.full(len(stays), -1, dtype=np.int32)
    stack = np.empty(len(stays), dtype=np.int32)
    largest, most = -1, 0
    for start in range(len(stays)):
        if not stays[start] or part[start] >= 0:
            continue
        stack[0], n_stack, size = start, 1, 0
        part[start] = start
        while n_stack > 0:
            n_stack -= 1
            here = stack[n_stack]
            size += 1
            for tie in range(indptr[here], indptr[here + 1]):
                there = other[tie]
                if stays[there] and part[there] < 0 and weight[tie] >= weakest_tie:
                    part[there] = start
                    stack[n_stack] = there
                    n_stack += 1
        if size > most:
            largest, most = start, size
    is_largest: Bools = part == largest
    return is_largest
