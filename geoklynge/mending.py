"""Repair of village sets that break a limit: split where villages are far apart, trim what sticks out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import squareform

from .compiled import compiled
from .study import Limits
from .ties import Ties
from .village_sets import tie_rows
from .wishes import Wishes

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

FAR_MINUTES = 1e6  # stands in for "not within the horizon" where an algorithm needs a number


@dataclass(frozen=True)
class Mender:
    """Repairs a set that breaks limits: splits it where its villages are far apart, or trims what sticks out."""

    ties: Ties
    people: Floats
    limits: Limits
    wishes: Wishes

    def mend(self, rows: Ints) -> Iterator[Ints]:
        """Yield smaller sets, sorted; they may still break a limit that cannot be mended by leaving villages out."""
        for variant in self._with_wishes(rows):
            if len(variant) >= self.limits.min_villages:
                minutes, weight = self._matrices(variant)
                yield np.sort(self._trim(variant, minutes, weight))
                yield from (np.sort(part) for part in self._split(variant, minutes))

    def _with_wishes(self, rows: Ints) -> Iterator[Ints]:
        """Complete or remove together-groups, keep one of each apart-group."""
        held = set(rows.tolist())
        whole, without = set(held), set(held)
        for group in self.wishes.together:
            if held & set(group) and not set(group) <= held:
                whole |= set(group)
                without -= set(group)
        for group in self.wishes.apart:
            for several in (whole, without):
                for extra in sorted(several & set(group))[1:]:
                    several.discard(extra)
        yield np.array(sorted(whole), dtype=np.int32)
        if without != whole:
            yield np.array(sorted(without), dtype=np.int32)

    def _matrices(self, rows: Ints) -> tuple[Floats, Floats]:
        left, right = np.triu_indices(len(rows), 1)
        tie = tie_rows(self.ties, rows[left], rows[right])
        minutes, weight = np.zeros((len(rows), len(rows))), np.zeros((len(rows), len(rows)))
        minutes[left, right] = (
            np.where(tie >= 0, self.ties.minutes[tie], FAR_MINUTES) if len(self.ties.a) else FAR_MINUTES
        )
        weight[left, right] = np.where(tie >= 0, self.ties.weight[tie], 0.0) if len(self.ties.a) else 0.0
        return minutes + minutes.T, weight + weight.T

    def _fits(self, rows: Ints) -> bool:
        return len(rows) <= self.limits.max_villages and self.people[rows].sum() <= self.limits.max_people

    def _trim(self, rows: Ints, minutes: Floats, weight: Floats) -> Ints:
        """Leave out, one by one, the village with most others too far away, then the one with the weakest ties."""
        stays = np.ones(len(rows), dtype=bool)
        too_far = (minutes > self.limits.max_minutes).astype(np.int64)
        offences, belonging = too_far.sum(axis=1), weight.sum(axis=1)
        while stays.sum() > self.limits.min_villages:
            most = int(offences[stays].max())
            if most == 0 and self._fits(rows[stays]):
                break
            worst = np.flatnonzero(stays & (offences == most))
            out = worst[np.argmin(belonging[worst])]
            stays[out] = False
            offences, belonging = offences - too_far[out], belonging - weight[out]
        strong = (weight >= self.limits.weakest_tie) & stays[:, None] & stays[None, :]
        _, part = connected_components(csr_array(strong.astype(np.float64)), directed=False)
        size = np.bincount(part, weights=stays, minlength=part.max() + 1)
        largest: Ints = rows[stays & (part == np.argmax(size))]
        return largest

    def _split(self, rows: Ints, minutes: Floats) -> Iterator[Ints]:
        """Divide by complete linkage from the top until every part is near and small enough."""
        merges = linkage(squareform(minutes, checks=False), method="complete")
        limits = self.limits
        part = _largest_parts(merges, self.people[rows], limits.max_minutes, limits.max_villages, limits.max_people)
        for label in np.unique(part):
            members = rows[part == label]
            if len(members) >= limits.min_villages:
                yield members


@compiled
def _largest_parts(merges: Floats, people: Floats, max_minutes: float, max_size: int, max_people: float) -> Ints:
    """
    Label each leaf of a dendrogram with the largest subtree around it that keeps the limits.

    Heights, sizes and people only grow towards the root, so that the subtrees within the limits lie at the bottom.
    """
    n_leaves = len(people)
    size = np.ones(2 * n_leaves - 1, dtype=np.int64)
    total = np.zeros(2 * n_leaves - 1, dtype=np.float64)
    total[:n_leaves] = people
    fits = np.ones(2 * n_leaves - 1, dtype=np.bool_)
    label = np.arange(2 * n_leaves - 1).astype(np.int32)
    for step in range(n_leaves - 1):
        left, right, node = int(merges[step, 0]), int(merges[step, 1]), n_leaves + step
        size[node], total[node] = size[left] + size[right], total[left] + total[right]
        fits[node] = merges[step, 2] <= max_minutes and size[node] <= max_size and total[node] <= max_people
    for step in range(n_leaves - 2, -1, -1):
        node = n_leaves + step
        if fits[node]:
            label[int(merges[step, 0])] = label[node]
            label[int(merges[step, 1])] = label[node]
    return label[:n_leaves]
