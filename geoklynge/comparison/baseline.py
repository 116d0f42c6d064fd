"""What blind chance finds: connected sets of villages grown at random over the same ties."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..compiled import compiled
from ..ties import Ties
from ..village_sets import VillageSets, sets_of

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]


def random_sets(
    ties: Ties, member_of: Longs, starts: Ints, *, size: int, weakest_tie: float, draws: Floats
) -> VillageSets:
    """
    Grow connected sets of villages at random.

    Each begins with one of the `starts` and takes in one of its neighbours after the other, all neighbours of the set
    being equally likely, until it has `size` villages or no neighbour is left.

    Parameters
    ----------
    ties
        The tie network.
    member_of
        The group that each village belongs to; a set keeps to the group it begins in. -1 for villages that may not
        be members. Shape (villages,).
    starts
        Villages to begin with, as row numbers, none of them without a group; at least one.
    size
        Villages a set, 1 or more.
    weakest_tie
        Two villages are neighbours when their tie weighs at least so much.
    draws
        Random numbers from 0 to below 1, a row a set, shape (sets, 1 + `size`).

    Returns
    -------
    VillageSets
        A set a row of `draws`.
    """
    around = ties.around
    near = ((ties.weight >= weakest_tie) & (member_of[ties.a] == member_of[ties.b]))[around.tie]
    indptr = np.concatenate([[0], np.cumsum(near)]).astype(np.int64)[around.indptr]
    first = starts[(draws[:, 0] * len(starts)).astype(np.int64)].astype(np.int32)
    picks = np.ascontiguousarray(draws[:, 1 : 1 + size])
    member, sizes = _grow(indptr, around.village[near], first, picks)
    return sets_of([rows[:n] for rows, n in zip(member, sizes.tolist(), strict=True)], len(member_of))


@compiled
def _grow(indptr: Longs, neighbour: Ints, first: Ints, picks: Floats) -> tuple[Ints, Longs]:
    """
    Grow a set a row of `picks`, which choose among the villages that wait at its border, one after the other.

    Returns the members of each in the order of joining, shape of `picks`, and how many there are.
    """
    n_sets, most = picks.shape
    member = np.zeros((n_sets, most), dtype=np.int32)
    sizes = np.zeros(n_sets, dtype=np.int64)
    seen_by = np.full(len(indptr) - 1, -1, dtype=np.int64)  # the last set that a village waited for
    waiting = np.empty(len(indptr) - 1, dtype=np.int32)
    for number in range(n_sets):
        waiting[0] = first[number]
        seen_by[first[number]] = number
        n_waiting = 1
        while n_waiting > 0 and sizes[number] < most:
            at = int(picks[number, sizes[number]] * n_waiting)
            village = waiting[at]
            n_waiting -= 1
            waiting[at] = waiting[n_waiting]
            member[number, sizes[number]] = village
            sizes[number] += 1
            for k in range(indptr[village], indptr[village + 1]):
                if seen_by[neighbour[k]] != number:
                    seen_by[neighbour[k]] = number
                    waiting[n_waiting] = neighbour[k]
                    n_waiting += 1
    return member, sizes
