"""Roads without what no fastest way from stop to stop needs: dead ends, and nodes at which nothing branches off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

FEW = 0.002  # of the ways: to look once more for so few dead ends costs more than to carry them along


@dataclass(frozen=True)
class Ways:
    """
    Stretches of road between nodes.

    `minutes` are those from `tail` to `head`, and back; `oneway` is 1 where only the former is allowed, -1 where only
    the latter, else 0.
    """

    tail: Ints
    head: Ints
    minutes: Floats
    oneway: NDArray[np.int8]

    def take(self, numbers: Longs | Bools) -> Ways:
        """Keep some of the ways."""
        return Ways(self.tail[numbers], self.head[numbers], self.minutes[numbers], self.oneway[numbers])

    def ends_at(self, n_nodes: int) -> Longs:
        """Count the ends of ways at each node."""
        count: Longs = np.bincount(self.tail, minlength=n_nodes) + np.bincount(self.head, minlength=n_nodes)
        return count


def thinned(ways: Ways, is_stop: Bools) -> Ways:
    """
    Leave out dead ends, and join ways at nodes that only lead on; minutes from stop to stop stay as they are.

    Parameters
    ----------
    ways
        All of them.
    is_stop
        For each node, whether somebody starts or arrives there.
    """
    return _without_waypoints(_without_dead_ends(ways, is_stop), is_stop)


def _without_dead_ends(ways: Ways, is_stop: Bools) -> Ways:
    """Drop each way to a node where no other ends and nobody stops; then what this makes a dead end, and so on."""
    ways = ways.take(ways.tail != ways.head)
    n_gone = len(ways.tail)
    while n_gone > FEW * len(ways.tail):
        leads_on = is_stop | (ways.ends_at(len(is_stop)) > 1)
        stays = leads_on[ways.tail] & leads_on[ways.head]
        n_gone = int((~stays).sum())
        ways = ways.take(stays)
    return ways


def _without_waypoints(ways: Ways, is_stop: Bools) -> Ways:
    """Join two ways, open in both directions, that meet where no third one ends and nobody stops; and so on."""
    n_nodes = len(is_stop)
    restricted = ways.take(ways.oneway != 0).ends_at(n_nodes) > 0
    passed = (ways.ends_at(n_nodes) == 2) & ~restricted & ~is_stop
    inner = ways.take(passed[ways.tail] & passed[ways.head])
    steps = coo_array((np.ones(len(inner.tail), dtype=np.int8), (inner.tail, inner.head)), shape=(n_nodes, n_nodes))
    chain = connected_components(steps.tocsr(), directed=False)[1]
    leads_in = passed[ways.tail] | passed[ways.head]
    parts = ways.take(leads_in)
    of_part = chain[np.where(passed[parts.tail], parts.tail, parts.head)]
    minutes = np.bincount(of_part, weights=parts.minutes, minlength=n_nodes)
    ends, of_end = np.concatenate([parts.tail, parts.head]), np.tile(of_part, 2)
    outer = np.flatnonzero(~passed[ends])
    outer = outer[np.argsort(of_end[outer], kind="stable")]  # a ring on its own has none, any other chain two
    plain, tail, head = ways.take(~leads_in), outer[::2], outer[1::2]
    return Ways(
        np.concatenate([plain.tail, ends[tail]]),
        np.concatenate([plain.head, ends[head]]),
        np.concatenate([plain.minutes, minutes[of_end[tail]]]),
        np.concatenate([plain.oneway, np.zeros(len(tail), dtype=np.int8)]),
    )
