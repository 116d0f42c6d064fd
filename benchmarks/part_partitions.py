"""Part d: one partition, and an ensemble of partitions, of the tie network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import ours
from .cases import Case, prepared
from .checks import Check, cpm_quality
from .measure import timed
from .part_pairs import import_all, use_cores
from .settings import Settings

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Network = tuple[int, Longs, Longs, Floats, float]
Partition = Callable[[Network, int], Longs]

TITLE = "Partitions of the tie network"
ABOUT = """
Member k of an ensemble is one partition of the tie network with its own weights and resolution. Every library gets
the same members. Building its graph counts: once for geoklynge and igraph, which take weights apart from the graph,
for each member by the others. For geoklynge, shaking the weights counts too. `quality` is that of the constant Potts
model (CPM), the mean over members, recomputed by one function for all. igraph optimises the same; networkx and
networkit know modularity only and get the resolution at which modularity's penalty equals CPM's for villages of mean
strength, so their quality is what comes closest to it, not a fault of theirs. Where a peer makes fewer members, its
time is scaled up and qualities are compared on those members. Memory includes geoklynge's for all, as it is what
hands them the networks.
"""
FACTS = ("members", "made", "quality", "communities")
LEAST_QUALITY = 0.01  # ours may be this share below a library that optimises the same


def cases(settings: Settings) -> Sequence[Case]:
    """One partition by each library, then an ensemble by each."""
    folder = prepared("partitions", f"partitions-{ours.code_stamp()}", settings, files=settings.base.files())
    kept, inputs = str(folder / "ties.pickle"), (folder / "digest").read_text(encoding="ascii")

    def case(method: str, label: str, members: int, made: int | None = None, cores: int | None = None) -> Case:
        name = f"{method}{'-one-core' if cores else ''}-{members}"
        arguments = {"kept": kept, "method": method, "members": members, "made": made or members, "cores": cores}
        return Case(
            name, f"{label}, {members} partition{'s' if members > 1 else ''}", f"{__name__}:partitions", arguments,
            f"{inputs}-{made or members}", is_ours=method == "ours", check=f"{__name__}:check",
        )  # fmt: skip

    many, few = settings.members, settings.slow_members
    return (
        case("ours", "geoklynge", many),
        case("ours", "geoklynge, one core", many, cores=1),
        case("igraph", "igraph Leiden (CPM)", many),
        case("networkit-leiden", "networkit ParallelLeiden (modularity)", many),
        case("networkit-plm", "networkit PLM (modularity)", many),
        case("networkx", "networkx Louvain (modularity)", many, few),
        case("ours", "geoklynge", 1),
        case("igraph", "igraph Leiden (CPM)", 1),
        case("networkit-leiden", "networkit ParallelLeiden (modularity)", 1),
        case("networkit-plm", "networkit PLM (modularity)", 1),
        case("networkx", "networkx Louvain (modularity)", 1),
    )


def partitions(  # noqa: PLR0913, PLR0917 - called with keywords, from JSON
    kept: str, found: str, method: str, members: int, made: int, repetitions: int, cores: int | None = None
) -> dict[str, Any]:
    """Let one library make the partitions."""
    use_cores(cores)
    if method == "ours":
        ours.ensemble(kept, 1)()  # loads its code
        make = ours.ensemble(kept, members)
    else:
        import_all(method.partition("-")[0])
        make = _peer(kept, made, METHODS[method])
    clocks, communities = [], np.empty((0, 0), dtype=np.int64)
    for _ in range(repetitions):
        with timed() as clock:
            communities = make()
        clocks.append(clock)
    networks = list(ours.ensemble_networks(kept, made))
    quality = [_quality(network, row) for network, row in zip(networks, communities, strict=True)]
    np.savez(found, quality=quality, same_objective=method in {"ours", "igraph"}, whole=_whole(communities, networks))
    facts = {
        "members": members,
        "made": made,
        "quality": float(np.mean(quality)),
        "communities": float(np.mean([len(np.unique(row)) for row in communities])),
    }
    note = {"note": f"{made} of {members} partitions made, scaled up"} if made < members else {}
    seconds = [clock.seconds * members / made for clock in clocks]
    return {"seconds": seconds, "peak_mb": max(clock.peak_mb for clock in clocks), "facts": facts, **note}


def _quality(network: Network, community: Longs) -> float:
    _, a, b, weight, resolution = network
    return cpm_quality(a, b, weight, community, resolution)


def _whole(communities: Longs, networks: Sequence[Network]) -> bool:
    """Tell whether every village of every member has a community."""
    return communities.shape == (len(networks), networks[0][0]) and bool((communities >= 0).all())


def _peer(kept: str, made: int, start: Callable[[Network], Partition]) -> Callable[[], Longs]:
    networks = list(ours.ensemble_networks(kept, made))

    def make() -> Longs:
        partition = start(networks[0])
        return np.array([partition(network, seed) for seed, network in enumerate(networks)])

    return make


def check(ours: str, peer: str) -> dict[str, Any]:
    """Compare qualities on the members that both made; ours must not be below one that optimises the same."""
    with np.load(ours) as us, np.load(peer) as them:
        made = len(them["quality"])
        mine, theirs = us["quality"][:made].mean(), them["quality"].mean()
        whole, same = bool(us["whole"] and them["whole"]), bool(them["same_objective"])
    return compare_quality(mine, theirs, same_objective=same, whole=whole).as_json()


def compare_quality(mine: float, theirs: float, *, same_objective: bool, whole: bool) -> Check:
    """Judge our quality beside a peer's."""
    if not whole:
        return Check(agrees=False, text="a village has no community")
    apart = (theirs - mine) / abs(mine)
    text = f"quality {apart:+.2%} beside geoklynge's"
    if not same_objective:
        return Check(agrees=True, text=f"{text}; another objective")
    if apart > LEAST_QUALITY:
        return Check(agrees=False, text=f"{text}: geoklynge's partitions are worse")
    return Check(agrees=True, text=text)


def modularity_resolution(network: Network) -> float:
    """
    Translate a CPM resolution r for modularity.

    Modularity's penalty of a pair is ``gamma k_i k_j / 2m``; where both strengths are the mean k = 2m / n it equals r
    at ``gamma = r n / k``.
    """
    n, _, _, weight, resolution = network
    return resolution * n / (2 * weight.sum() / n)


def _start_igraph(first: Network) -> Partition:
    """Build the graph that all members share."""
    import random

    import igraph

    n, a, b, *_ = first
    graph = igraph.Graph(n=n, edges=np.column_stack([a, b]))

    def partition(network: Network, seed: int) -> Longs:
        _, _, _, weight, resolution = network
        random.seed(seed)
        found = graph.community_leiden("CPM", weights=weight.tolist(), resolution=resolution, n_iterations=2)
        return np.array(found.membership)

    return partition


def _networkx(network: Network, seed: int) -> Longs:
    import networkx as nx

    n, a, b, weight, _ = network
    graph = nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_weighted_edges_from(zip(a.tolist(), b.tolist(), weight.tolist(), strict=True))
    gamma = modularity_resolution(network)
    community = np.full(n, -1)
    for number, members in enumerate(nx.community.louvain_communities(graph, resolution=gamma, seed=seed)):
        community[list(members)] = number
    return community


def _networkit_graph(network: Network) -> Any:
    import networkit

    n, a, b, weight, _ = network
    return networkit.GraphFromCoo((weight, (a, b)), n=n, weighted=True, directed=False)


def _networkit_leiden(network: Network, seed: int) -> Longs:
    import networkit

    networkit.setSeed(seed, useThreadId=False)
    found = networkit.community.ParallelLeiden(_networkit_graph(network), gamma=modularity_resolution(network))
    return np.array(found.run().getPartition().getVector())


def _networkit_plm(network: Network, seed: int) -> Longs:
    import networkit

    networkit.setSeed(seed, useThreadId=False)
    found = networkit.community.PLM(_networkit_graph(network), refine=True, gamma=modularity_resolution(network))
    return np.array(found.run().getPartition().getVector())


METHODS: dict[str, Callable[[Network], Partition]] = {
    "igraph": _start_igraph,
    "networkx": lambda _: _networkx,
    "networkit-leiden": lambda _: _networkit_leiden,
    "networkit-plm": lambda _: _networkit_plm,
}
