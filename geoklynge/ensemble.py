"""The ensemble: the tie network partitioned many times, each time a little different."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .incomplete import Versions, versions_of
from .leiden import leiden
from .progress import Tell, counted, told_nobody
from .study import Study
from .ties import Ties, layer_proportions, weighted_sum
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

SETTLED_SHARE = 0.95
TIES_WATCHED = 50_000  # of a large country's ties, so many tell whether more runs are needed
TIES_AT_ONCE = 1 << 14  # their layers and the steps between fit into a core's own cache


def partition_often(ties: Ties, eligible: Bools, wishes: Wishes, study: Study, *, tell: Tell = told_nobody) -> Ints:
    """
    Partition the tie network many times, each time a little different, until more times would change little.

    A run differs by its resolution, its random numbers, the weights of the layers, the travel times, and which of the
    services are there. Run k has its own random numbers, drawn from the study's seed and k alone: the result does not
    depend on how many cores share the work. The number of runs is doubled until it is enough (`is_settled`), or it
    was doubled as often as the study allows.

    Returns
    -------
    array
        Community of every village in every run, shape (runs, villages), numbered from 0 in the order of the villages;
        -1 for villages that may not be members.
    """
    noise = study.ensemble
    order, indptr, neighbour, tie = _near_to_near(ties)
    versions = versions_of(ties, noise.service_versions, noise.service_kept, study.seed)
    forced = _wish_overrides(wishes, ties)
    forced[~(eligible[ties.a] & eligible[ties.b])] = -1

    def run(number: int) -> Ints:
        rng = np.random.default_rng([study.seed, number])
        resolution = noise.resolutions[number % len(noise.resolutions)]
        version = number // len(noise.resolutions) % len(versions.overlap)
        weight = _shaken_weights(ties, versions, version, study, rng)
        weight[forced > 0], weight[forced < 0] = 1.0, 0.0
        partition = np.empty(len(eligible), dtype=np.int32)
        partition[order] = leiden(indptr, neighbour, weight[tie], resolution, rng)
        partition[eligible] = pd.factorize(partition[eligible])[0]
        partition[~eligible] = -1
        return partition

    strong = np.flatnonzero((ties.weight >= study.limits.weakest_tie) & (forced >= 0))
    strong = strong[:: max(1, len(strong) // TIES_WATCHED)]
    a, b = ties.a[strong], ties.b[strong]
    partitions: list[Ints] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        for doubling in range(noise.doublings + 1):
            more = range(len(partitions), noise.members * 2**doubling)
            partitions += counted(workers.map(run, more), len(more), tell)
            if is_settled(partitions, a, b, noise.settled):
                break
    return np.array(partitions, dtype=np.int32)


def is_settled(partitions: Sequence[Ints], a: Ints, b: Ints, change: float) -> bool:
    """
    Tell whether twice as many runs would change how often villages are together by less than `change`.

    Measured on the last doubling: what the whole says differs from what its first half says by less than ``sqrt(2)
    * change`` for 95 % of the pairs ``a[k]``, ``b[k]``. The standard deviation of that difference falls by the square
    root of 2 with each doubling, so that 95 % will change by less than `change` the next time, or a little less than
    95 %, as the pairs of a place change together.
    """
    half = len(partitions) // 2
    if not len(a) or not half:
        return True
    together = [np.mean([run[a] == run[b] for run in part], axis=0) for part in (partitions[:half], partitions)]
    return bool((np.abs(together[1] - together[0]) < np.sqrt(2) * change).mean() >= SETTLED_SHARE)


def _near_to_near(ties: Ties) -> tuple[Ints, Longs, Ints, Longs]:
    """
    Renumber the villages so that tied ones have near numbers: what a search touches then lies close in memory.

    Returns
    -------
    tuple of arrays
        The villages in the new order (reverse Cuthill and McKee 1969), and `Ties.around` in the new numbers.
    """
    around = ties.around
    n_villages = len(around.indptr) - 1
    number = np.arange(1, len(around.tie) + 1)  # from 1: a zero would be no entry
    rows = csr_array((number, around.village, around.indptr), shape=(n_villages, n_villages))
    order = reverse_cuthill_mckee(rows, symmetric_mode=True)
    rows = rows[order][:, order]
    rows.sort_indices()
    return order, rows.indptr.astype(np.int64), rows.indices.astype(np.int32), around.tie[rows.data - 1]


def shaken_ties(ties: Ties, study: Study, rng: np.random.Generator) -> Ties:
    """Ties as a run of the ensemble may see them, with all services there; see `_shaken_layers`."""
    shifted = _shifted_proportions(ties, study, rng)
    minutes, layers = _shaken_layers(ties, (ties.overlap, ties.complementarity), slice(None), study, rng)
    return replace(
        ties, minutes=minutes, proximity=layers[0], complementarity=layers[2], weight=weighted_sum(layers, shifted)
    )


def _shaken_weights(ties: Ties, versions: Versions, version: int, study: Study, rng: np.random.Generator) -> Floats:
    """Tie weights in one version of the services, every layer's weight and every travel time shifted at random."""
    shifted = _shifted_proportions(ties, study, rng)
    of_version = versions.overlap[version], versions.complementarity[version]
    weight = np.empty(len(ties.a))
    for start in range(0, len(weight), TIES_AT_ONCE):
        some = slice(start, start + TIES_AT_ONCE)
        _, layers = _shaken_layers(ties, of_version, some, study, rng)
        weight[some] = weighted_sum(layers, shifted)
    return weight


def _shifted_proportions(ties: Ties, study: Study, rng: np.random.Generator) -> Floats:
    """Shift the weight of every layer of the ties at random within the study's noise; they sum to 1."""
    noise, proportions = study.ensemble.weight_noise, layer_proportions(study.ties.weights, ties.layers_used)
    given = np.array([proportions[name] for name in ties.layers])
    shifted: Floats = given * rng.uniform(1 - noise, 1 + noise, len(ties.layers))
    summing_to_one: Floats = shifted / shifted.sum()
    return summing_to_one


def _shaken_layers(
    ties: Ties,
    of_services: tuple[NDArray[np.floating], NDArray[np.floating]],
    some: slice,
    study: Study,
    rng: np.random.Generator,
) -> tuple[Floats, list[Floats]]:
    """
    Shift the travel times of some ties at random within the study's noise: the times, and the layers they then have.

    Where ties mix several modes of travel, the times of the study's own mode are shifted, and the mixed proximity
    goes up and down with that mode's (by the same factor, to at most 1): a way that takes longer than thought does so
    by bike and by car. `of_services` are overlap and complementarity of all ties, in one version of the services.
    """
    noise, half_minutes = study.ensemble.minutes_noise, study.ties.half_minutes[study.travel.mode]
    mixed = {*study.mixture()} != {study.travel.mode}
    known = ties.minutes[some]
    minutes = known * rng.uniform(1 - noise, 1 + noise, len(known))
    proximity = np.exp2(-((minutes / half_minutes) ** 2))
    before = np.exp2(-((known / half_minutes) ** 2)) if mixed else ties.proximity[some]
    nearer = np.divide(proximity, before, out=np.ones_like(proximity), where=before > 0)
    if mixed:
        proximity = np.minimum(ties.proximity[some] * nearer, 1.0)
    overlap, complementarity = (layer[some] for layer in of_services)
    layers = [proximity, overlap, np.minimum(complementarity * nearer, 1.0), ties.identity[some]]
    return minutes, layers if ties.survey is None else [*layers, ties.survey[some]]


def _wish_overrides(wishes: Wishes, ties: Ties) -> NDArray[np.int8]:
    """+1 on ties inside a together-group, -1 inside an apart-group, else 0."""
    override = np.zeros(len(ties.a), dtype=np.int8)
    for groups, mark in ((wishes.apart, -1), (wishes.together, 1)):
        for group in groups:
            inside = np.isin(ties.a, group) & np.isin(ties.b, group)
            override[inside] = mark
    return override
