"""The same ties as they would look if the data missed some services, which open data always does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .huff import overlaps_without_some
from .ties import Ties, services_in_villages, share_that_one_has

Singles = NDArray[np.float32]

STREAM = 2**32  # of random numbers, beside those of the runs of the ensemble, which are numbered from 0


@dataclass(frozen=True)
class Versions:
    """Two layers of every tie in several versions of the services, each of shape (versions, ties), 0..1."""

    overlap: Singles
    complementarity: Singles


def versions_of(ties: Ties, count: int, kept_share: float, seed: int) -> Versions:
    """
    Measure overlap and complementarity again, several times, with each service kept by chance alone.

    Parameters
    ----------
    ties
        With where people go, and in which village each service stands.
    count
        How many versions.
    kept_share
        How likely each service is kept; with 1 there is one version, the services as they are.
    seed
        Decides which are kept.
    """
    n_services, shape = len(ties.stands_in), (len(ties.village_ids), len(ties.shares.categories))
    if kept_share >= 1 or not n_services:
        return Versions(*(layer[None].astype(np.float32) for layer in (ties.overlap, ties.complementarity)))
    rng = np.random.default_rng([seed, STREAM])
    kept = rng.random((count, n_services)) < kept_share
    complementarity = np.empty((count, len(ties.a)), dtype=np.float32)
    for version, some in enumerate(kept):
        has = services_in_villages(np.where(some, ties.stands_in, -1), ties.shares.category, shape)
        complementarity[version] = ties.proximity * share_that_one_has(has, ties.category_weight, ties.a, ties.b)
    overlap = np.zeros((count, len(ties.a)), dtype=np.float32)
    for one in ties.by_mode:
        near = np.isfinite(one.minutes)
        of_mode = overlaps_without_some(one.shares, kept, ties.category_weight, ties.a[near], ties.b[near])
        overlap[:, near] += np.float32(one.share) * of_mode
    return Versions(np.minimum(overlap, 1.0), complementarity)
