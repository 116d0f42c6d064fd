"""Minutes between the villages of a cluster, searched in as much of the network as they can depend on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from .network import Network

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

WIDEST_M = 25_000.0  # of the margin in the first look: a stray road at 300 km/h must not make every cut-out a country
ENTRIES = 1 << 23  # of a table of minutes from a few nodes to all; a country's nodes times a cluster's are too many


def minutes_within(network: Network, here: Longs, horizon: float) -> Floats:
    """
    Search the surroundings of a cluster for ways that take no longer than a horizon.

    A way of so many minutes that leaves a box by half of what the fastest road covers in them does not come back in
    time, so the cut-out holds all such ways; except that its margin is at most 25 km, and minutes may be too long (or
    infinite) where fast roads lead farther. What lies beyond the horizon is infinite.

    Parameters
    ----------
    network
        The checker's own.
    here
        Rows of the cluster's villages.
    horizon
        Minutes.

    Returns
    -------
    array
        Minutes between any two of them, the slower direction, shape (villages, villages).
    """
    return _minutes(network, here, min(horizon * network.metres_per_minute / 2, WIDEST_M), horizon)


def minutes_anyhow(network: Network, here: Longs) -> Floats:
    """
    Search as `minutes_within`, without a horizon, and in the whole network where need be.

    What the surroundings offer is an upper bound; by it, one knows how far a faster way can lead at most.
    """
    bound = float(_minutes(network, here, WIDEST_M, np.inf).max(initial=0.0))
    return _minutes(network, here, bound * network.metres_per_minute / 2, bound)


def _minutes(network: Network, here: Longs, margin_m: float, horizon: float) -> Floats:
    """Minutes between villages, the slower direction, by the roads within a margin around them."""
    node = network.node[here]
    if network.arcs is None:
        apart_m = network.xy[node][:, None] - network.xy[node][None, :]
        straight: Floats = np.hypot(apart_m[:, :, 0], apart_m[:, :, 1]) / network.metres_per_minute
        return straight
    if (node < 0).any():
        return np.full((len(here), len(here)), np.inf)
    arcs, node = _cut_out(network, node, margin_m)
    access = network.access_minutes[here]
    at_once = max(1, ENTRIES // arcs.shape[0])
    on_road = np.concatenate([
        np.atleast_2d(dijkstra(arcs, indices=node[start : start + at_once], limit=horizon))[:, node]
        for start in range(0, len(node), at_once)
    ])  # fmt: skip
    minutes = on_road + access[:, None] + access[None, :]
    np.fill_diagonal(minutes, 0.0)
    slower: Floats = np.maximum(minutes, minutes.T)
    return slower


def _cut_out(network: Network, node: Longs, margin_m: float) -> tuple[csr_array, Longs]:
    """
    Cut out the arcs between the nodes around some; in steps that grow with the cut-out, not with the country.

    SciPy's own indexing would run over all nodes for each cluster.

    Returns
    -------
    tuple of matrix and array
        The arcs, and the numbers of `node` in it.
    """
    assert network.arcs is not None  # noqa: S101  # the caller looked
    low, high = network.xy[node].min(axis=0) - margin_m, network.xy[node].max(axis=0) + margin_m
    first, after = network.cells.ranges(low, high)
    if (after - first).sum() == len(network.xy):
        return network.arcs, node
    lower = np.cumsum(after - first) - after  # what a node's number in the cut-out is smaller than its own, negative
    bounds = list(zip(network.arcs.indptr[first].tolist(), network.arcs.indptr[after].tolist(), strict=True))
    heads = np.concatenate([network.arcs.indices[a:b] for a, b in bounds])
    minutes = np.concatenate([network.arcs.data[a:b] for a, b in bounds])
    degree = np.concatenate([np.diff(network.arcs.indptr[a : b + 1]) for a, b in zip(first, after, strict=True)])
    stretch = np.searchsorted(first, heads, side="right") - 1
    inside = (stretch >= 0) & (heads < after[stretch])
    kept_before = np.concatenate([[0], np.cumsum(inside)])
    indptr = kept_before[np.concatenate([[0], np.cumsum(degree)])].astype(np.int32)
    heads = (heads + lower[stretch])[inside].astype(np.int32)
    arcs = csr_array((minutes[inside], heads, indptr), shape=(len(degree), len(degree)))
    return arcs, node + lower[np.searchsorted(first, node, side="right") - 1]
