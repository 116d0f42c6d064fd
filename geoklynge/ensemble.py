"""The ensemble: the tie network partitioned many times, each time a little different."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee

from .leiden import leiden
from .progress import Tell, counted, told_nobody
from .study import Study
from .ties import LAYERS, Ties, layer_proportions
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

TIES_AT_ONCE = 1 << 14  # their layers and the steps between fit into a core's own cache


def partition_often(ties: Ties, eligible: Bools, wishes: Wishes, study: Study, *, tell: Tell = told_nobody) -> Ints:
    """
    Partition the tie network many times, each time a little different.

    Run k has its own random numbers, drawn from the study's seed and k alone: the result does not depend on how many
    cores share the work.

    Returns
    -------
    array
        Community of every village in every run, shape (runs, villages), numbered from 0 in the order of the villages;
        -1 for villages that may not be members.
    """
    order, indptr, neighbour, tie = _near_to_near(ties)
    forced = _wish_overrides(wishes, ties)
    forced[~(eligible[ties.a] & eligible[ties.b])] = -1

    def run(number: int) -> Ints:
        rng = np.random.default_rng([study.seed, number])
        weight = _shaken_weights(ties, study, rng)
        weight[forced > 0], weight[forced < 0] = 1.0, 0.0
        resolution = study.ensemble.resolutions[number % len(study.ensemble.resolutions)]
        partition = np.empty(len(eligible), dtype=np.int32)
        partition[order] = leiden(indptr, neighbour, weight[tie], resolution, rng)
        partition[eligible] = pd.factorize(partition[eligible])[0]
        partition[~eligible] = -1
        return partition

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        members = study.ensemble.members
        return np.array(list(counted(workers.map(run, range(members)), members, tell)), dtype=np.int32)


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
    """Ties as a run of the ensemble may see them: layer weights and travel times shifted within the study's noise."""
    shifted = _shifted_proportions(ties, study, rng)
    minutes, layers = _shaken_layers(ties, slice(None), study, rng)
    proximity, _, complementarity, _ = layers
    weight = np.asarray(sum(share * layer for share, layer in zip(shifted, layers, strict=True)))
    return replace(ties, minutes=minutes, proximity=proximity, complementarity=complementarity, weight=weight)


def _shaken_weights(ties: Ties, study: Study, rng: np.random.Generator) -> Floats:
    """Tie weights with every layer's weight and every travel time shifted at random within the study's noise."""
    shifted = _shifted_proportions(ties, study, rng)
    weight = np.empty(len(ties.a))
    for start in range(0, len(weight), TIES_AT_ONCE):
        some = slice(start, start + TIES_AT_ONCE)
        _, layers = _shaken_layers(ties, some, study, rng)
        weight[some] = sum(share * layer for share, layer in zip(shifted, layers, strict=True))
    return weight


def _shifted_proportions(ties: Ties, study: Study, rng: np.random.Generator) -> Floats:
    """How much each layer counts, shifted at random; they sum to 1."""
    noise = study.ensemble.weight_noise
    proportions = layer_proportions(study.ties.weights, ties.layers_used)
    shifted = np.array([proportions[name] for name in LAYERS]) * rng.uniform(1 - noise, 1 + noise, len(LAYERS))
    summing_to_one: Floats = shifted / shifted.sum()
    return summing_to_one


def _shaken_layers(
    ties: Ties, some: slice, study: Study, rng: np.random.Generator
) -> tuple[Floats, tuple[Floats, Floats, Floats, Floats]]:
    """Travel times of some ties, each shifted at random, and the four layers that follow from them."""
    noise = study.ensemble.minutes_noise
    minutes = ties.minutes[some]
    minutes = minutes * rng.uniform(1 - noise, 1 + noise, len(minutes))
    proximity = np.exp2(-((minutes / study.ties.half_minutes[study.travel.mode]) ** 2))
    before = ties.proximity[some]
    nearer = np.divide(proximity, before, out=np.ones_like(proximity), where=before > 0)
    complementarity = np.minimum(ties.complementarity[some] * nearer, 1.0)
    return minutes, (proximity, ties.overlap[some], complementarity, ties.identity[some])


def _wish_overrides(wishes: Wishes, ties: Ties) -> NDArray[np.int8]:
    """+1 on ties inside a together-group, -1 inside an apart-group, else 0."""
    override = np.zeros(len(ties.a), dtype=np.int8)
    for groups, mark in ((wishes.apart, -1), (wishes.together, 1)):
        for group in groups:
            inside = np.isin(ties.a, group) & np.isin(ties.b, group)
            override[inside] = mark
    return override
