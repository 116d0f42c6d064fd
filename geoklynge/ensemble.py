"""The ensemble: the tie network partitioned many times, each time a little different."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import graspologic_native
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .study import Study
from .ties import LAYERS, Ties, layer_proportions
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]

FAINT_TIE = 0.02  # no resolution is so low that a weaker tie could hold a community together
LEIDEN_ITERATIONS = 1  # a second cycle doubles the time; the quality stays the same to four digits


def partition_often(ties: Ties, eligible: Bools, wishes: Wishes, study: Study) -> Ints:
    """
    Partition the tie network many times, each time a little different.

    Run k has its own random numbers, drawn from the study's seed and k alone: the result does not depend on how many
    cores share the work.

    Returns
    -------
    array
        Community of every village in every run, shape (runs, villages); -1 for villages that may not be members.
    """
    strong = np.flatnonzero((ties.weight >= FAINT_TIE) & eligible[ties.a] & eligible[ties.b])
    rows = np.flatnonzero(eligible)
    place = np.full(len(eligible), -1, dtype=np.int32)
    place[rows] = np.arange(len(rows), dtype=np.int32)
    both = np.concatenate([strong, strong])
    shape = (len(rows), len(rows))
    tails = place[np.concatenate([ties.a[strong], ties.b[strong]])]
    heads = place[np.concatenate([ties.b[strong], ties.a[strong]])]
    structure = csr_array(coo_array((np.arange(1, len(both) + 1, dtype=np.float64), (tails, heads)), shape=shape))
    tie_of_entry = both[structure.data.astype(np.int64) - 1]
    forced = _wish_overrides(wishes, ties)

    def run(number: int) -> Ints:
        rng = np.random.default_rng([study.seed, number])
        weight = _shaken_weights(ties, study, rng)
        weight[forced > 0], weight[forced < 0] = 1.0, 0.0
        resolution = study.ensemble.resolutions[number % len(study.ensemble.resolutions)]
        partition = np.full(len(eligible), -1, dtype=np.int32)
        if len(tie_of_entry):
            _, community = graspologic_native.leiden_csr(
                structure.indptr.astype(np.int64),
                structure.indices.astype(np.int32),
                weight[tie_of_entry],
                len(rows),
                resolution=resolution,
                use_modularity=False,
                iterations=LEIDEN_ITERATIONS,
                seed=int(rng.integers(2**31)),
            )
            found = np.fromiter((community.get(k, -1) for k in range(len(rows))), np.int64, len(rows))
            alone = found < 0
            found[alone] = len(rows) + np.flatnonzero(alone)
            partition[rows] = np.unique(found, return_inverse=True)[1]
        else:
            partition[rows] = np.arange(len(rows))
        return partition

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        return np.array(list(workers.map(run, range(study.ensemble.members))), dtype=np.int32)


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
