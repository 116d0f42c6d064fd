"""Village sets changed a little: a village or a parish less, one more, one for another, two sets in one, one in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiled import compiled, grown
from .limits import Limits
from .ties import Ties
from .village_sets import VillageSets, join_sets

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEAREST_UNITS = 3  # of those around a set, by mean tie, that are tried as members
SWAPPED_UNITS = 1  # of them, those that are also tried in the place of the unit with the weakest ties
LOOSEST_UNITS = 5  # of its own, by mean tie to the others, that are tried without


class _Rows(NamedTuple):
    """The ties of each village in compressed rows, as the kernels take them."""

    indptr: Longs
    village: Ints
    weight: Floats
    minutes: Floats


class _Units(NamedTuple):
    """Unit of each village, -1 for none; unit u holds ``village[indptr[u]:indptr[u + 1]]``."""

    of_village: Longs
    indptr: Longs
    village: Ints


@dataclass(frozen=True)
class Surroundings:
    """What sets can change by: the ties, the units that may join or leave, and how many villages a set may have."""

    rows: _Rows
    units: tuple[_Units, ...]
    fewest: int
    most: int


def surroundings_of(ties: Ties, eligible: Bools, parish: Longs, limits: Limits) -> Surroundings:
    """
    Prepare what `variants_of` needs.

    Parameters
    ----------
    ties, limits
        The tie network, and how many villages a set may have.
    eligible
        Which villages may be members.
    parish
        Number of each village's parish, -1 for none.
    """
    around = ties.around
    rows = _Rows(around.indptr, around.village, ties.weight[around.tie], ties.minutes[around.tie])
    codes = (np.arange(len(eligible)), parish)
    units = tuple(_units_of(np.where(eligible, code, -1)) for code in codes)
    return Surroundings(rows, units, limits.min_villages, limits.max_villages)


def variants_of(
    sets: VillageSets, wanted: Bools, partner: Longs, surroundings: Surroundings
) -> tuple[VillageSets, Longs]:
    """
    Make the neighbours of some sets: sets that differ from them by one move.

    A move leaves out one of the villages, or all villages of one of the parishes, that are tied most weakly; takes in
    one of the villages or parishes tied most strongly; puts the strongest in the place of the weakest; joins the set
    with its partner; or divides it in two around the villages that are farthest apart. What has too few or too many
    villages is not made.

    Parameters
    ----------
    sets
        Sets of two villages or more.
    wanted
        Which of them to change.
    partner
        For each village the number of the set that a set tied most strongly to it is joined with, -1 for none.
    surroundings
        Of all sets.

    Returns
    -------
    tuple of VillageSets and array
        The variants, some of them equal, and for each the number of the set it was made of.
    """
    numbers, here = np.flatnonzero(wanted), surroundings
    parts, parents = [], []
    for units in here.units:
        made = _neighbours(sets.indptr, sets.member, numbers, here.rows, units, partner, here.fewest, here.most)
        parts.append(VillageSets(made[0], made[1], sets.n_villages))
        parents.append(made[2])
    return join_sets(parts, sets.n_villages), np.concatenate(parents)


def _units_of(code: Longs) -> _Units:
    order = np.argsort(code, kind="stable")[np.count_nonzero(code < 0) :]
    indptr = np.searchsorted(code[order], np.arange(int(code.max(initial=-1)) + 2)).astype(np.int64)
    return _Units(code.astype(np.int64), indptr, order.astype(np.int32))


@compiled
def _append(out: Ints, indptr: Longs, parent: Longs, n_sets: int, members: Ints, of: int) -> tuple[Ints, Longs, Longs]:
    """Write one more set, sorted, after `n_sets`; the arrays, longer where they had to grow."""
    start = indptr[n_sets]
    while start + len(members) > len(out):
        out = grown(out)
    if n_sets + 1 == len(indptr):
        indptr, parent = grown(indptr), grown(parent)
    out[start : start + len(members)] = np.sort(members)
    indptr[n_sets + 1] = start + len(members)
    parent[n_sets] = of
    return out, indptr, parent


@compiled
def _neighbours(  # noqa: C901, PLR0912, PLR0913, PLR0917
    indptr: Longs, member: Ints, wanted: Longs, rows: _Rows, units: _Units, partner: Longs, fewest: int, most: int
) -> tuple[Longs, Ints, Longs]:
    """Make the variants of the wanted sets by whole units; see `variants_of`."""
    n_units = len(units.indptr) - 1
    inside = np.zeros(len(units.of_village), dtype=np.bool_)
    pull = np.zeros(n_units, dtype=np.float64)
    touched = np.empty(n_units, dtype=np.int32)
    own = np.empty(len(units.of_village), dtype=np.int32)
    loose = np.empty(len(units.of_village), dtype=np.float64)
    out, out_indptr = np.empty(4096, dtype=np.int32), np.zeros(1024, dtype=np.int64)
    parent, n_sets = np.empty(1024, dtype=np.int64), 0
    for number in wanted:
        here = member[indptr[number] : indptr[number + 1]]
        inside[here] = True
        n_touched = _pull_of(here, rows, units, inside, pull, touched)
        n_own = _own_units(here, rows, units, inside, own, loose)
        for k in range(min(n_own, LOOSEST_UNITS) if n_own > 1 else 0):
            rest = here[units.of_village[here] != own[k]]
            if len(rest) >= fewest:
                out, out_indptr, parent = _append(out, out_indptr, parent, n_sets, rest, number)
                n_sets += 1
        for rank in range(min(NEAREST_UNITS, n_touched)):
            best = rank
            for k in range(rank + 1, n_touched):
                if pull[touched[k]] > pull[touched[best]] or (
                    pull[touched[k]] == pull[touched[best]] and touched[k] < touched[best]
                ):
                    best = k
            touched[rank], touched[best] = touched[best], touched[rank]
            added = units.village[units.indptr[touched[rank]] : units.indptr[touched[rank] + 1]]
            added = added[~inside[added]]
            if len(here) + len(added) <= most:
                out, out_indptr, parent = _append(
                    out, out_indptr, parent, n_sets, np.concatenate((here, added)), number
                )
                n_sets += 1
            if rank < SWAPPED_UNITS and n_own > 1:
                rest = here[units.of_village[here] != own[0]]
                if fewest <= len(rest) + len(added) <= most:
                    out, out_indptr, parent = _append(
                        out, out_indptr, parent, n_sets, np.concatenate((rest, added)), number
                    )
                    n_sets += 1
            if rank == 0 and partner[added[0]] >= 0 and partner[added[0]] != number:
                other = member[indptr[partner[added[0]]] : indptr[partner[added[0]] + 1]]
                other = other[~inside[other]]
                if 0 < len(other) <= most - len(here):
                    out, out_indptr, parent = _append(
                        out, out_indptr, parent, n_sets, np.concatenate((here, other)), number
                    )
                    n_sets += 1
        nearer = _nearer_half(here, rows, inside)
        for half in (here[nearer], here[~nearer]):
            if len(half) >= fewest and len(half) < len(here):
                out, out_indptr, parent = _append(out, out_indptr, parent, n_sets, half, number)
                n_sets += 1
        inside[here] = False
        pull[touched[:n_touched]] = 0.0
    return out_indptr[: n_sets + 1].copy(), out[: out_indptr[n_sets]].copy(), parent[:n_sets].copy()


@compiled
def _pull_of(here: Ints, rows: _Rows, units: _Units, inside: Bools, pull: Floats, touched: Ints) -> int:
    """Find the units that hold villages outside a set but tied to it, and the mean weight of those ties; how many."""
    n_touched = 0
    for village in here:
        for arc in range(rows.indptr[village], rows.indptr[village + 1]):
            other = rows.village[arc]
            unit = units.of_village[other]
            if not inside[other] and unit >= 0 and rows.weight[arc] > 0:
                if pull[unit] == 0:
                    touched[n_touched] = unit
                    n_touched += 1
                pull[unit] += rows.weight[arc]
    for k in range(n_touched):
        outside = 0
        for village in units.village[units.indptr[touched[k]] : units.indptr[touched[k] + 1]]:
            outside += not inside[village]
        pull[touched[k]] /= outside * len(here)
    return n_touched


@compiled
def _own_units(here: Ints, rows: _Rows, units: _Units, inside: Bools, own: Ints, loose: Floats) -> int:
    """
    List the units of a set, those with the weakest mean tie to the other members first; how many they are.

    `own` takes the units, `loose` their mean ties; a unit that is the whole set comes last.
    """
    n_own = 0
    for village in here:
        unit = units.of_village[village]
        is_new = unit >= 0
        for k in range(n_own):
            is_new = is_new and own[k] != unit
        if not is_new:
            continue
        total, size = 0.0, 0
        for mine in here:
            if units.of_village[mine] == unit:
                size += 1
                for arc in range(rows.indptr[mine], rows.indptr[mine + 1]):
                    if inside[rows.village[arc]] and units.of_village[rows.village[arc]] != unit:
                        total += rows.weight[arc]
        mean = total / (size * (len(here) - size)) if size < len(here) else np.inf
        place = n_own
        while place > 0 and loose[place - 1] > mean:
            own[place], loose[place] = own[place - 1], loose[place - 1]
            place -= 1
        own[place], loose[place] = unit, mean
        n_own += 1
    return n_own


@compiled
def _nearer_half(here: Ints, rows: _Rows, inside: Bools) -> Bools:
    """Mark the members nearer to the one than to the other of the two that are farthest apart."""
    first, second, farthest = here[0], here[0], -1.0
    for village in here:
        for arc in range(rows.indptr[village], rows.indptr[village + 1]):
            other = rows.village[arc]
            if inside[other] and other > village and rows.minutes[arc] > farthest:
                first, second, farthest = village, other, rows.minutes[arc]
    to_first, to_second = _minutes_to(first, here, rows), _minutes_to(second, here, rows)
    nearer: Bools = to_first <= to_second
    return nearer


@compiled
def _minutes_to(village: int, here: Ints, rows: _Rows) -> Floats:
    """Minutes from one village to each of some, infinite where they are not tied."""
    minutes = np.full(len(here), np.inf)
    for k in range(len(here)):
        if here[k] == village:
            minutes[k] = 0.0
        for arc in range(rows.indptr[here[k]], rows.indptr[here[k] + 1]):
            if rows.village[arc] == village:
                minutes[k] = rows.minutes[arc]
    return minutes
