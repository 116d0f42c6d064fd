"""Proposals that grow: by complete linkage, parish by parish, and around the planner's must-links."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from .mending import FAR_MINUTES
from .study import Limits
from .ties import Ties
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

PARISHES_IN_A_UNION = 12  # the largest known clusters have 11


def linked_sets(ties: Ties, eligible: Bools, limits: Limits) -> Iterator[Ints]:
    """
    Every set that complete linkage on minutes forms within the limit.

    Complete linkage (Sorensen 1948) merges the two sets whose farthest members are nearest, so that no two members
    of a set are ever farther apart than its height.
    """
    near = (ties.minutes <= limits.max_minutes) & eligible[ties.a] & eligible[ties.b]
    a, b, minutes = ties.a[near], ties.b[near], ties.minutes[near]
    n_villages = len(eligible)
    network = coo_array((np.ones(len(a)), (a, b)), shape=(n_villages, n_villages))
    _, component = connected_components(network.tocsr(), directed=False)
    for number in np.unique(component[a]):
        rows = np.flatnonzero(component == number).astype(np.int32)
        inside = component[a] == number
        left, right = np.searchsorted(rows, a[inside]), np.searchsorted(rows, b[inside])
        apart = np.full((len(rows), len(rows)), FAR_MINUTES)
        apart[left, right] = apart[right, left] = minutes[inside]
        np.fill_diagonal(apart, 0.0)
        yield from _merged_within(rows, apart, limits.max_minutes)


def _merged_within(rows: Ints, apart: Floats, max_minutes: float) -> Iterator[Ints]:
    merges = linkage(squareform(apart, checks=False), method="complete")
    held: dict[int, Ints] = {k: rows[k : k + 1] for k in range(len(rows))}
    for step, (left, right, height, _) in enumerate(merges):
        if height > max_minutes:
            break
        held[len(rows) + step] = np.concatenate([held.pop(int(left)), held.pop(int(right))])
        yield held[len(rows) + step]


def parish_unions(villages: pd.DataFrame, ties: Ties, eligible: Bools, limits: Limits) -> Iterator[Ints]:
    """From each parish, take in the parish with the strongest mean tie again and again; every stage is a proposal."""
    code, names = pd.factorize(villages["parish_id"], sort=True)
    code = np.where(eligible, code, -1)
    n_parishes = len(names)
    if not n_parishes:
        return
    inside = (code[ties.a] >= 0) & (code[ties.b] >= 0)
    strength = _strength(code[ties.a][inside], code[ties.b][inside], ties.weight[inside], n_parishes)
    size = np.bincount(code[code >= 0], minlength=n_parishes).astype(np.float64)
    by_parish = [np.flatnonzero(code == k).astype(np.int32) for k in range(n_parishes)]
    for start in np.flatnonzero(size > 0):
        unions = _grow([int(start)], strength, size, by_parish, limits.max_villages)
        yield from islice(unions, PARISHES_IN_A_UNION)


def _strength(a: NDArray[np.integer], b: NDArray[np.integer], weight: Floats, n_units: int) -> csr_array:
    """Sum of tie weights between units, both ways, shape (units, units)."""
    ends = np.concatenate([a, b]), np.concatenate([b, a])
    return csr_array(coo_array((np.tile(weight, 2), ends), shape=(n_units, n_units)))


def _grow(
    start: list[int], strength: csr_array, size: Floats, members: list[Ints], max_villages: int
) -> Iterator[Ints]:
    """Add unit after unit by the mean weight of its ties to the villages held so far."""
    held = list(start)
    pull = np.asarray(strength[held].sum(axis=0)).ravel()
    n_held = size[held].sum()
    while n_held <= max_villages:
        yield np.concatenate([members[unit] for unit in held])
        mean_tie = np.divide(pull, size * n_held, out=np.zeros_like(pull), where=size > 0)
        mean_tie[held] = 0.0
        best = int(np.argmax(mean_tie))
        if mean_tie[best] <= 0:
            return
        held.append(best)
        n_held += size[best]
        pull += np.asarray(strength[[best]].sum(axis=0)).ravel()


def sets_around(wishes: Wishes, ties: Ties, eligible: Bools, limits: Limits) -> Iterator[Ints]:
    """Grow village by village around each together-group, so that the pool has sets that hold it."""
    if not wishes.together:
        return
    n_villages = len(eligible)
    inside = eligible[ties.a] & eligible[ties.b]
    strength = _strength(ties.a[inside], ties.b[inside], ties.weight[inside], n_villages)
    one_each = [np.array([row], dtype=np.int32) for row in range(n_villages)]
    for group in wishes.together:
        yield from _grow(list(group), strength, eligible.astype(np.float64), one_each, limits.max_villages)
