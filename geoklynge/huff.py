"""Where people go: the share of a village's trips that goes to each facility, and what two villages have in common."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .compiled import compiled
from .errors import InputError
from .study import Category
from .tables import Tables
from .trips import Trips

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Values = TypeVar("Values", bound=NDArray[Any])

PAIRS_A_TASK = 50_000


@dataclass(frozen=True)
class Shares:
    """
    Huff shares of every village over the facilities it reaches, in compressed sparse rows.

    Village i sends ``share[indptr[i]:indptr[i + 1]]`` of its trips to the facilities ``facility`` of the same slice
    (ascending). `category` gives each facility's category as a number into `categories`. Shares of one village and
    one category sum to 1, or to 0 where it reaches none.
    """

    indptr: NDArray[np.int64]
    facility: Ints
    share: Floats
    category: Ints
    categories: tuple[str, ...]


def huff_shares(
    tables: Tables, to_services: Trips, categories: Mapping[str, Category], *, mode_ratio: float = 1.0
) -> Shares:
    """
    Share of each village's trips of a category that goes to each facility.

    The pull of facility f on village i is ``capacity[f] * exp(-beta * minutes[i, f])`` with beta = ln 2 / the
    category's half-minutes; a share is a pull divided by the sum of pulls of that category on that village (Huff
    1964). A facility without a capacity counts with its category's median, or 1.

    Parameters
    ----------
    tables
        For the services and their order.
    to_services
        Minutes from villages to services within the horizon.
    categories
        The study's categories.
    mode_ratio
        Lengthens half-minutes for slower modes: people accept longer trips by bike than by car.

    Raises
    ------
    InputError
        If a capacity is not above 0.
    """
    services = tables.services
    present = tuple(key for key in categories if key in set(services["category"]))
    number = services["category"].map({key: k for k, key in enumerate(present)}).to_numpy(dtype=np.int32)
    half_minutes = np.array([categories[key].half_minutes for key in present]) * mode_ratio
    capacity = _capacities(services)
    village, facility = to_services.origins(), to_services.destination
    group = village.astype(np.int64) * max(len(present), 1) + number[facility]
    n_groups = (len(to_services.indptr) - 1) * max(len(present), 1)
    nearest = np.full(n_groups, np.inf)
    np.minimum.at(nearest, group, to_services.minutes)
    delay = to_services.minutes - nearest[group]  # counted from the nearest: no underflow, same shares
    pull = capacity[facility] * np.exp2(-delay / half_minutes[number[facility]]) if len(group) else np.empty(0)
    total = np.bincount(group, weights=pull, minlength=n_groups)
    return Shares(to_services.indptr, facility, pull / total[group], number, present)


def _capacities(services: pd.DataFrame) -> Floats:
    if "capacity" not in services:
        return np.ones(len(services))
    given = services["capacity"].astype("float64")
    if (given <= 0).any():
        row = int((given <= 0).to_numpy().argmax()) + 1
        raise InputError(
            f"row {row}, column 'capacity': {given.iloc[row - 1]:g} is not above 0",
            where="services",
            advice="leave the cell empty or give the facility's size",
        )
    typical = given.groupby(services["category"]).transform("median").fillna(1.0).to_numpy(dtype=np.float64)
    return np.where(given.isna(), typical, given.to_numpy(dtype=np.float64))


def overlap_of_pairs(shares: Shares, weights: Floats, a: Ints, b: Ints) -> Floats:
    """
    Share of everyday trips that two villages send to the same places, for each pair.

    Parameters
    ----------
    shares
        Huff shares.
    weights
        Weight of each category of `shares.categories`; categories of weight 0 do not count.
    a, b
        Row numbers of the pairs' villages.

    Returns
    -------
    array
        0..1, shape (pairs,).
    """
    total = weights.sum()
    if total <= 0 or not len(a):
        return np.zeros(len(a))
    weighted = shares.share * weights[shares.category[shares.facility]] / total
    parts = _in_tasks(lambda a, b: sum_of_minima(shares.indptr, shares.facility, weighted, a, b), a, b)
    overlap: Floats = np.minimum(np.concatenate(parts), 1.0)
    return overlap


def _in_tasks(kernel: Callable[[Ints, Ints], Values], a: Ints, b: Ints) -> list[Values]:
    """Measure the pairs some at a time, shared by the cores; the parts in the order of the pairs."""
    starts = range(0, len(a), PAIRS_A_TASK)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        tasks = workers.map(lambda at: kernel(a[at : at + PAIRS_A_TASK], b[at : at + PAIRS_A_TASK]), starts)
        return list(tasks)


def overlaps_without_some(
    shares: Shares, kept: NDArray[np.bool_], weights: Floats, a: Ints, b: Ints
) -> NDArray[np.float32]:
    """
    Measure `overlap_of_pairs` in several versions at once, each of them without some facilities.

    The trips to a facility that is not there go to the others of its category that the village reaches. The versions
    differ in shares only, not in who reaches what: one walk along the facilities of two villages serves them all.

    Parameters
    ----------
    shares, weights, a, b
        As for `overlap_of_pairs`.
    kept
        Whether each facility is there, shape (versions, facilities).

    Returns
    -------
    array
        0..1, shape (versions, pairs).
    """
    weight = weights / max(weights.sum(), np.finfo(float).tiny)
    there = np.ascontiguousarray(kept.T)
    weighted = _thinned(shares.indptr, shares.facility, shares.share, shares.category, there, weight)
    parts = _in_tasks(lambda a, b: _sums_of_minima(shares.indptr, shares.facility, weighted, a, b), a, b)
    sums = np.concatenate([np.zeros((0, len(kept)), dtype=np.float32), *parts])
    return np.ascontiguousarray(np.minimum(sums, 1.0, out=sums).T)


@compiled
def _thinned(
    indptr: NDArray[np.int64],
    facility: Ints,
    share: Floats,
    category: Ints,
    there: NDArray[np.bool_],
    weight: Floats,
) -> NDArray[np.float32]:
    """
    Share out every village's trips among the facilities that are there, each category times its weight.

    `there` has a row a facility and a column a version; the result a row an entry of `share` and a column a version.
    """
    n_versions = there.shape[1]
    thinned = np.zeros((len(share), n_versions), dtype=np.float32)
    total = np.zeros((len(weight), n_versions), dtype=np.float64)
    for village in range(len(indptr) - 1):
        total[:] = 0.0
        for k in range(indptr[village], indptr[village + 1]):
            for version in range(n_versions):
                if there[facility[k], version]:
                    total[category[facility[k]], version] += share[k]
        for k in range(indptr[village], indptr[village + 1]):
            kind = category[facility[k]]
            for version in range(n_versions):
                if there[facility[k], version] and total[kind, version] > 0:
                    thinned[k, version] = weight[kind] * share[k] / total[kind, version]
    return thinned


@compiled
def _sums_of_minima(
    indptr: NDArray[np.int64], column: Ints, values: NDArray[np.float32], a: Ints, b: Ints
) -> NDArray[np.float32]:
    """Do as `sum_of_minima` with several values an entry, shape (entries, versions); shape (pairs, versions)."""
    n_versions = values.shape[1]
    sums = np.empty((len(a), n_versions), dtype=np.float32)
    total = np.zeros(n_versions, dtype=np.float32)
    for pair in range(len(a)):
        left, left_end = indptr[a[pair]], indptr[a[pair] + 1]
        right, right_end = indptr[b[pair]], indptr[b[pair] + 1]
        total[:] = 0.0
        while left < left_end and right < right_end:
            if column[left] == column[right]:
                for version in range(n_versions):
                    total[version] += min(values[left, version], values[right, version])
                left += 1
                right += 1
            elif column[left] < column[right]:
                left += 1
            else:
                right += 1
        sums[pair] = total
    return sums


@compiled
def sum_of_minima(indptr: NDArray[np.int64], column: Ints, value: Floats, a: Ints, b: Ints) -> Floats:
    """Sum, over the columns that rows a[k] and b[k] share, the smaller value; both rows sorted by column."""
    sums = np.zeros(len(a), dtype=np.float64)
    for pair in range(len(a)):
        left, left_end = indptr[a[pair]], indptr[a[pair] + 1]
        right, right_end = indptr[b[pair]], indptr[b[pair] + 1]
        total = 0.0
        while left < left_end and right < right_end:
            if column[left] == column[right]:
                total += min(value[left], value[right])
                left += 1
                right += 1
            elif column[left] < column[right]:
                left += 1
            else:
                right += 1
        sums[pair] = total
    return sums


def overlap_by_category_of(shares: Shares, pairs: Ints, n_groups: int) -> Floats:
    """
    Add up, for the pairs of each group, the share of trips of each category that both villages send to one place.

    Parameters
    ----------
    shares
        Huff shares.
    pairs
        Three rows: the one village, the other, and the group of the pair.
    n_groups
        How many groups there are.

    Returns
    -------
    array
        Sums, shape (groups, categories); each pair adds 0..1 to a category.
    """
    sums = np.zeros((n_groups, len(shares.categories)))
    _add_by_category(shares.indptr, shares.facility, shares.share, shares.category, pairs, sums)
    return sums


@compiled
def _add_by_category(
    indptr: NDArray[np.int64], facility: Ints, share: Floats, category: Ints, pairs: Ints, sums: Floats
) -> None:
    """
    Do the work of `overlap_by_category_of`.

    `indptr`, `facility`, `share` and `category` are those of `Shares`; the rows of `pairs` are the one village, the
    other, and the group of the pair. `sums`, of shape (groups, categories), is added to.
    """
    of_pair = np.zeros(sums.shape[1])
    for pair in range(pairs.shape[1]):
        of_pair[:] = 0.0
        a, b, group = pairs[0, pair], pairs[1, pair], pairs[2, pair]
        left, left_end = indptr[a], indptr[a + 1]
        right, right_end = indptr[b], indptr[b + 1]
        while left < left_end and right < right_end:
            if facility[left] == facility[right]:
                of_pair[category[facility[left]]] += min(share[left], share[right])
                left += 1
                right += 1
            elif facility[left] < facility[right]:
                left += 1
            else:
                right += 1
        for k in range(len(of_pair)):
            sums[group, k] += min(of_pair[k], 1.0)  # sums of shares may exceed it by a rounding
