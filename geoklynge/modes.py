"""One mode of travel or several: what each says of the pairs of villages, and their mixture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .huff import Shares, huff_shares, overlap_of_pairs
from .study import HALF_MINUTES, Mode, Study
from .tables import Tables
from .travel import Travel
from .trips import Trips

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class ByMode:
    """
    What travel by one mode says of the ties.

    `share` is the mode's part in the mixture, 0..1; `minutes` the slower direction of each tie by this mode, nan
    beyond the horizon: there the mode ties nothing; `shares` where people go by this mode.
    """

    mode: Mode
    share: float
    minutes: Floats
    shares: Shares


def mutual_pairs(between: Trips) -> tuple[Ints, Ints, Floats, Floats]:
    """
    Pair up villages that reach each other both ways.

    Returns
    -------
    tuple of four arrays
        Row numbers a < b, sorted; the minutes from a to b, and those from b to a.
    """
    origin, destination = between.origins().astype(np.int64), between.destination.astype(np.int64)
    n_villages = len(between.indptr) - 1
    out = origin < destination
    there = origin[out] * n_villages + destination[out]
    back = destination[~out] * n_villages + origin[~out]
    key, at_there, at_back = np.intersect1d(there, back, assume_unique=True, return_indices=True)
    a, b = np.divmod(key, max(n_villages, 1))
    return a.astype(np.int32), b.astype(np.int32), between.minutes[out][at_there], between.minutes[~out][at_back]


def shares_by(mode: Mode, tables: Tables, travel: Travel, study: Study) -> Shares:
    """Tell where people go by one mode: its Huff shares, the categories' half-minutes being those by car."""
    categories, mode_ratio = study.services.all_categories(), HALF_MINUTES[mode] / HALF_MINUTES["car"]
    return huff_shares(tables, travel.to_services, categories, mode_ratio=mode_ratio)


def mix_modes(
    own: ByMode, pairs: tuple[Ints, Ints], also: Mapping[Mode, Travel], tables: Tables, study: Study
) -> tuple[ByMode, ...]:
    """
    Measure each mode of the study's mixture on the pairs that its own mode ties.

    Parameters
    ----------
    own
        What the study's own mode says, which need not be in the mixture.
    pairs
        Row numbers a < b of the pairs, sorted.
    also
        Travel by the other modes.
    tables, study
        For the services and their categories, and for the shares of the modes.

    Raises
    ------
    InputError
        If a mode of the mixture was not measured.
    """
    n_villages = max(len(tables.villages), 1)
    key = pairs[0].astype(np.int64) * n_villages + pairs[1]
    mixed = []
    for mode, share in study.mixture().items():
        if mode == own.mode:
            mixed.append(replace(own, share=share))
            continue
        if mode not in also:
            raise InputError(
                f"travel by mode {mode!r} was not measured",
                where="ties.modes",
                advice="measure it with measure_other_modes and hand it over as also",
            )
        a, b, there, back = mutual_pairs(also[mode].between)
        found_key = a.astype(np.int64) * n_villages + b
        _, at, found = np.intersect1d(key, found_key, assume_unique=True, return_indices=True)
        minutes = np.full(len(key), np.nan)
        minutes[at] = np.maximum(there, back)[found]
        mixed.append(ByMode(mode, share, minutes, shares_by(mode, tables, also[mode], study)))
    return tuple(mixed)


def mixed_proximity(by_mode: tuple[ByMode, ...], study: Study) -> Floats:
    """Average over the modes ``2 ** -((t / h) ** 2)``, t and h the minutes and half-minutes of each; 0..1."""
    mixed = np.zeros(len(by_mode[0].minutes))
    for one in by_mode:  # over modes, not pairs
        near = np.isfinite(one.minutes)
        mixed[near] += one.share * np.exp2(-((one.minutes[near] / study.ties.half_minutes[one.mode]) ** 2))
    return np.minimum(mixed, 1.0)


def mixed_overlap(by_mode: tuple[ByMode, ...], weights: Floats, a: Ints, b: Ints) -> Floats:
    """Average `overlap_of_pairs` over the modes; by a mode that does not tie a pair it shares nothing."""
    mixed = np.zeros(len(a))
    for one in by_mode:
        near = np.isfinite(one.minutes)
        mixed[near] += one.share * overlap_of_pairs(one.shares, weights, a[near], b[near])
    return np.minimum(mixed, 1.0)
