"""Whether two libraries found the same: a disagreement is told in words and never passes for agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

SAME_MINUTES = 0.001  # peers round minutes of an arc to 1e-6; a route has some hundred arcs


@dataclass(frozen=True)
class Check:
    """A verdict on a peer's result, and what it rests on."""

    agrees: bool
    text: str

    def as_json(self) -> dict[str, bool | str]:
        """Make it ready for a results file."""
        return {"agrees": bool(self.agrees), "text": self.text}


@dataclass(frozen=True)
class Pairs:
    """Minutes from one village to another, by row number; one entry a directed pair."""

    origin: Longs
    destination: Longs
    minutes: Floats

    def of_origins(self, origins: Longs) -> Pairs:
        """Keep the pairs that begin in one of `origins`."""
        chosen = np.isin(self.origin, origins)
        return Pairs(self.origin[chosen], self.destination[chosen], self.minutes[chosen])


def compare_pairs(ours: Pairs, peer: Pairs, *, limit: float, tolerance: float = SAME_MINUTES) -> Check:
    """
    Compare two sets of pairs within a limit.

    A pair that only one side has may differ if it lies within `tolerance` of the limit; such pairs are counted apart.
    """
    size = 1 + max(int(side.max(initial=0)) for side in (ours.origin, ours.destination, peer.origin, peer.destination))
    left, right = (pairs.origin * size + pairs.destination for pairs in (ours, peer))
    _, at_left, at_right = np.intersect1d(left, right, assume_unique=True, return_indices=True)
    apart = np.abs(ours.minutes[at_left] - peer.minutes[at_right]).max(initial=0.0)
    only_ours = np.delete(ours.minutes, at_left)
    only_peer = np.delete(peer.minutes, at_right)
    missing, extra = (int((side < limit - tolerance).sum()) for side in (only_ours, only_peer))
    border = len(only_ours) + len(only_peer) - missing - extra
    text = f"{len(at_left):,} pairs in common, {missing} missing, {extra} extra, {border} at the limit; "
    return Check(
        agrees=bool(not missing and not extra and apart <= tolerance and len(at_left) > 0),
        text=text + f"largest difference {apart:.2g} min",
    )


def compare_minutes(
    ours: Mapping[str, Floats], peer: Mapping[str, Floats], *, tolerance: float = SAME_MINUTES
) -> Check:
    """Compare minutes by name, each an array of the same places; infinite where nothing is reached."""
    if set(ours) != set(peer):
        return Check(agrees=False, text=f"not the same columns: {', '.join(sorted(set(ours) ^ set(peer)))}")
    unreached = sum(int((np.isfinite(ours[key]) != np.isfinite(peer[key])).sum()) for key in ours)
    apart, compared = 0.0, 0
    for key in ours:
        both = np.isfinite(ours[key]) & np.isfinite(peer[key])
        compared += int(both.sum())
        apart = max(apart, float(np.abs(ours[key][both] - peer[key][both]).max(initial=0.0)))
    text = f"{compared:,} times compared, {unreached} reached by one only; largest difference {apart:.2g} min"
    return Check(agrees=unreached == 0 and apart <= tolerance and compared > 0, text=text)


def compare_counts(ours: Mapping[str, float], peer: Mapping[str, float], *, tolerance: float) -> Check:
    """Compare counts by name; `tolerance` is the share by which they may differ."""
    differ = [
        f"{key} {peer.get(key, 0):,} instead of {value:,}"
        for key, value in ours.items()
        if abs(peer.get(key, 0) - value) > tolerance * value
    ]
    text = ", ".join(differ) if differ else f"same {', '.join(ours)} (within {tolerance:.1%})"
    return Check(agrees=not differ, text=text)


def both(*checks: Check) -> Check:
    """Join checks: all have to agree."""
    return Check(agrees=all(check.agrees for check in checks), text="; ".join(check.text for check in checks))


def cpm_quality(a: Longs, b: Longs, weight: Floats, community: Longs, resolution: float) -> float:
    """
    Quality of a partition under the constant Potts model (Traag et al. 2011), the same function for every library.

    The weight of ties inside communities, less `resolution` for every pair of villages that share one.
    """
    inside = weight[community[a] == community[b]].sum()
    size = np.unique(community, return_counts=True)[1].astype(float)
    return float(inside - resolution * (size * (size - 1) / 2).sum())
