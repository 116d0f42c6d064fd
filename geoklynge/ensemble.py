"""The ensemble: the tie network partitioned many times, each time a little different."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from .leiden import leiden
from .progress import Tell, counted, told_nobody
from .study import Study
from .ties import LAYERS, Ties, layer_proportions
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]


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
    around, forced = ties.around, _wish_overrides(wishes, ties)
    forced[~(eligible[ties.a] & eligible[ties.b])] = -1

    def run(number: int) -> Ints:
        rng = np.random.default_rng([study.seed, number])
        weight = _shaken_weights(ties, study, rng)
        weight[forced > 0], weight[forced < 0] = 1.0, 0.0
        resolution = study.ensemble.resolutions[number % len(study.ensemble.resolutions)]
        community = leiden(around.indptr, around.village, weight[around.tie], resolution, rng)
        partition = np.full(len(eligible), -1, dtype=np.int32)
        partition[eligible] = np.unique(community[eligible], return_inverse=True)[1]
        return partition

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        members = study.ensemble.members
        return np.array(list(counted(workers.map(run, range(members)), members, tell)), dtype=np.int32)


def _shaken_weights(ties: Ties, study: Study, rng: np.random.Generator) -> Floats:
    """Tie weights with every layer's weight and every travel time shifted at random within the study's noise."""
    noise = study.ensemble
    proportions = layer_proportions(study.ties.weights, ties.layers_used)
    shifted = np.array([proportions[name] for name in LAYERS]) * rng.uniform(
        1 - noise.weight_noise, 1 + noise.weight_noise, len(LAYERS)
    )
    shifted /= shifted.sum()
    minutes = ties.minutes * rng.uniform(1 - noise.minutes_noise, 1 + noise.minutes_noise, len(ties.minutes))
    proximity = np.exp2(-((minutes / study.ties.half_minutes[study.travel.mode]) ** 2))
    nearer = np.divide(proximity, ties.proximity, out=np.ones_like(proximity), where=ties.proximity > 0)
    layers = (proximity, ties.overlap, np.minimum(ties.complementarity * nearer, 1.0), ties.identity)
    weight: Floats = sum(share * layer for share, layer in zip(shifted, layers, strict=True))
    return weight


def _wish_overrides(wishes: Wishes, ties: Ties) -> NDArray[np.int8]:
    """+1 on ties inside a together-group, -1 inside an apart-group, else 0."""
    override = np.zeros(len(ties.a), dtype=np.int8)
    for groups, mark in ((wishes.apart, -1), (wishes.together, 1)):
        for group in groups:
            inside = np.isin(ties.a, group) & np.isin(ties.b, group)
            override[inside] = mark
    return override
