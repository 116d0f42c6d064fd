"""Other methods that group villages, each a function from the same task to a label for every village."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from ..errors import InputError
from ..leiden import leiden
from ..limits import Limits
from ..study import Study
from ..tables import Tables
from ..ties import Ties

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Labels = NDArray[np.int64]
Setting = Mapping[str, float | str]

MOST_IN_A_TABLE = 20_000  # villages; a table of all their pairs takes 3.2 GB
BEYOND_HORIZON = 2.0  # pairs that are not tied count as this many times the horizon
SERVICES_IN_KM = 1.0  # a village with every service is this far from one with none
MAX_P_CONSTRUCTIONS, MAX_P_ANNEALINGS = 20, 1  # of spopt's 99 and 10, which take a country hours


@dataclass(frozen=True)
class Task:
    """
    What every method gets: the villages that may be members, numbered from 0, their ties, and the limits.

    Attributes
    ----------
    row
        Each village's row in the villages table.
    xy_m, people
        Position in metres, shape (villages, 2), and inhabitants.
    parish
        Number of the parish, -1 where it is not known.
    services
        Weighted share of service categories that stand in the village, 0..1.
    a, b, minutes, weight
        The ties between these villages: two ends a < b, minutes of the slower direction, weight 0..1.
    limits
        What a cluster must keep.
    horizon_minutes
        No tie is longer, unless it was shaken.
    resolutions
        Mean tie weights that the study's ensemble asks of a community.
    seed
        Of everything random.
    """

    row: Ints
    xy_m: Floats
    people: Floats
    parish: Longs
    services: Floats
    a: Ints
    b: Ints
    minutes: Floats
    weight: Floats
    limits: Limits
    horizon_minutes: float
    resolutions: tuple[float, ...]
    seed: int

    def __len__(self) -> int:
        """How many villages there are."""
        return len(self.row)


def task_of(tables: Tables, ties: Ties, eligible: NDArray[np.bool_], study: Study) -> Task:
    """Gather what the methods get; `eligible` marks the villages that may be members."""
    number = np.where(eligible, np.cumsum(eligible) - 1, -1).astype(np.int32)
    inside = eligible[ties.a] & eligible[ties.b]
    weights = ties.category_weight
    villages = tables.villages
    return Task(
        row=np.flatnonzero(eligible).astype(np.int32),
        xy_m=shapely.get_coordinates(villages.geometry.to_numpy())[eligible],
        people=villages["people"].to_numpy(dtype=np.float64)[eligible],
        parish=pd.factorize(villages["parish_id"], sort=True)[0].astype(np.int64)[eligible],
        services=(ties.has @ weights / max(weights.sum(), 1e-9))[eligible],
        a=number[ties.a[inside]],
        b=number[ties.b[inside]],
        minutes=ties.minutes[inside],
        weight=ties.weight[inside],
        limits=study.limits,
        horizon_minutes=study.travel.max_minutes,
        resolutions=study.ensemble.resolutions,
        seed=study.seed,
    )


def louvain(task: Task, *, resolution: float) -> Labels:
    """
    Label by modularity of the tie network.

    References
    ----------
    Blondel, V. D., Guillaume, J.-L., Lambiotte, R., Lefebvre, E. (2008). Fast unfolding of communities in large
    networks. Journal of Statistical Mechanics P10008.
    """
    import networkx as nx

    graph: nx.Graph[int] = nx.Graph()
    graph.add_nodes_from(range(len(task)))
    graph.add_weighted_edges_from(zip(task.a.tolist(), task.b.tolist(), task.weight.tolist(), strict=True))
    labels = np.full(len(task), -1, dtype=np.int64)
    for number, members in enumerate(nx.community.louvain_communities(graph, resolution=resolution, seed=task.seed)):
        labels[list(members)] = number
    return labels


def leiden_alone(task: Task, *, resolution: float) -> Labels:
    """Label by one partition under the constant Potts model, the study's mean weights unshaken; see `leiden`."""
    rows = _rows_of(task, task.weight)
    rng = np.random.default_rng(task.seed)
    indptr, targets = rows.indptr.astype(np.int64), rows.indices.astype(np.int32)
    return leiden(indptr, targets, rows.data.astype(np.float64), resolution, rng).astype(np.int64)


def hdbscan(task: Task, *, villages: int, clusters: str) -> Labels:
    """
    Label by density of minutes; villages where it is thin stay alone.

    References
    ----------
    Campello, R. J. G. B., Moulavi, D., Sander, J. (2013). Density-based clustering based on hierarchical density
    estimates. PAKDD 2013, 160-172.
    """
    from sklearn.cluster import HDBSCAN

    found = HDBSCAN(
        metric="precomputed",
        min_cluster_size=villages,
        max_cluster_size=task.limits.max_villages if clusters == "eom" else None,  # leaves know no size
        cluster_selection_method=clusters,
        copy=False,
    ).fit(minutes_of_all_pairs(task))
    return _as_labels(found.labels_)


def complete_linkage(task: Task, *, minutes: float) -> Labels:
    """
    Label by complete linkage on minutes: two members are never farther apart than the cut.

    References
    ----------
    Sorensen, T. (1948). A method of establishing groups of equal amplitude in plant sociology. Biologiske Skrifter 5.
    """
    from sklearn.cluster import AgglomerativeClustering

    if len(task) < 2:
        return np.zeros(len(task), dtype=np.int64)
    found = AgglomerativeClustering(
        n_clusters=None, metric="precomputed", linkage="complete", distance_threshold=minutes
    ).fit(minutes_of_all_pairs(task))
    return _as_labels(found.labels_)


def k_means(task: Task, *, clusters: int) -> Labels:
    """
    Label by the nearest of k means of positions.

    References
    ----------
    Lloyd, S. P. (1982). Least squares quantization in PCM. IEEE Transactions on Information Theory 28(2).
    """
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):  # the order in which threads add up would show in the last digit
        found = KMeans(n_clusters=clusters, n_init=3, random_state=task.seed).fit(task.xy_m)
    return _as_labels(found.labels_)


def parishes(task: Task) -> Labels:
    """Label by parish; a village without one stays alone."""
    return task.parish


def parish_pairs(task: Task) -> Labels:
    """
    Label each parish and the one it is most strongly tied to alike.

    The tie of two parishes is the mean over all pairs of their villages, those that are not tied counting as 0. The
    strongest pair is joined first, then the strongest of what is left; a parish that is left over stays alone.
    """
    n_parishes = int(task.parish.max(initial=-1)) + 1
    ends = np.sort(np.stack([task.parish[task.a], task.parish[task.b]]), axis=0)
    between = (ends[0] >= 0) & (ends[0] < ends[1])
    total = coo_array((task.weight[between], tuple(ends[:, between])), shape=(n_parishes, n_parishes)).tocsr().tocoo()
    size = np.bincount(task.parish[task.parish >= 0], minlength=n_parishes)
    first, second = total.coords
    mean_tie = total.data / (size[first] * size[second])
    partner = np.arange(n_parishes)
    for k in np.lexsort((second, first, -mean_tie)).tolist():
        if mean_tie[k] > 0 and partner[first[k]] == first[k] and partner[second[k]] == second[k]:
            partner[first[k]], partner[second[k]] = second[k], first[k]
    label = np.minimum(np.arange(n_parishes), partner)
    return np.append(label, -1)[task.parish]  # number -1 is no parish


def max_p(task: Task, *, people: float, near_minutes: float) -> Labels:
    """
    Label by as many connected regions of at least so many people as there can be, alike inside.

    References
    ----------
    Wei, R., Rey, S., Knaap, E. (2021). Efficient regionalization for spatially explicit neighborhood delineation.
    International Journal of Geographical Information Science 35(1).
    """
    from spopt.region import MaxPHeuristic

    _refuse_too_many(task)

    def method(table: Any, near: Any, attributes: list[str]) -> Any:
        return MaxPHeuristic(
            table, near, attributes, "people", people, 2, MAX_P_CONSTRUCTIONS, MAX_P_ANNEALINGS, policy="keep"
        )

    with _global_seed(task.seed):
        return _regions(task, method, near_minutes, least_people=people)


def skater(task: Task, *, clusters: int, near_minutes: float) -> Labels:
    """
    Label by cutting the tree that spans all villages where that makes the parts most alike.

    References
    ----------
    Assuncao, R. M., Neves, M. C., Camara, G., Da Costa Freitas, C. (2006). Efficient regionalization techniques for
    socio-economic geographical units using minimum spanning trees. International Journal of Geographical Information
    Science 20(7), 797-811.
    """
    from spopt.region import Skater

    _refuse_too_many(task)

    def method(table: Any, near: Any, attributes: list[str]) -> Any:
        return Skater(table, near, attributes, min(clusters, len(table)), task.limits.min_villages, islands="ignore")

    return _regions(task, method, near_minutes)


def ward(task: Task, *, clusters: int, near_minutes: float) -> Labels:
    """
    Label by joining, of two connected parts, those that stay most alike.

    References
    ----------
    Ward, J. H. (1963). Hierarchical grouping to optimize an objective function. Journal of the American Statistical
    Association 58(301), 236-244.
    """
    from spopt.region import WardSpatial

    def method(table: Any, near: Any, attributes: list[str]) -> Any:
        return WardSpatial(table, near, attributes, min(clusters, len(table)))

    return _regions(task, method, near_minutes)


def _regions(
    task: Task, method: Callable[[Any, Any, list[str]], Any], near_minutes: float, *, least_people: float = 0.0
) -> Labels:
    """
    Let one of spopt's methods label the villages.

    Two villages are neighbours where they are near enough. They are alike by position (km) and by the services that
    stand in them. Parts of the network with too few villages or people to be a region, which the methods stumble
    over, are left out.
    """
    import geopandas as gpd
    from libpysal.weights import W

    rows = _rows_of(task, (task.minutes <= near_minutes).astype(np.float64))
    rows.eliminate_zeros()
    _, part = connected_components(rows, directed=False)
    large = np.bincount(part) >= task.limits.min_villages
    kept = np.flatnonzero((large & (np.bincount(part, task.people) >= least_people))[part])
    labels = np.full(len(task), -1, dtype=np.int64)
    if not len(kept):
        return labels
    rows = rows[kept][:, kept]
    neighbours = dict(enumerate(np.split(rows.indices, rows.indptr[1:-1])))
    attributes = {"x_km": task.xy_m[kept, 0] / 1000, "y_km": task.xy_m[kept, 1] / 1000}
    attributes["services"] = SERVICES_IN_KM * task.services[kept]
    points = shapely.points(task.xy_m[kept])
    table = gpd.GeoDataFrame({**attributes, "people": task.people[kept]}, geometry=points)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there are several parts is known
        weights = W({k: near_k.tolist() for k, near_k in neighbours.items()}, silence_warnings=True)
        model = method(table, weights, list(attributes))
        model.solve()
    labels[kept] = _as_labels(np.asarray(model.labels_))
    return labels


@contextmanager
def _global_seed(seed: int) -> Iterator[None]:
    """Give NumPy's old global stream, which is all that spopt draws from, a seed for a while."""
    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002


def minutes_of_all_pairs(task: Task) -> Floats:
    """
    Minutes between all villages, shape (villages, villages); pairs without a tie at twice the horizon.

    Raises
    ------
    InputError
        If there are so many villages that the table would not fit into memory.
    """
    _refuse_too_many(task)
    minutes = np.full((len(task), len(task)), BEYOND_HORIZON * task.horizon_minutes)
    minutes[task.a, task.b] = minutes[task.b, task.a] = task.minutes
    np.fill_diagonal(minutes, 0.0)
    return minutes


def _refuse_too_many(task: Task) -> None:
    if len(task) > MOST_IN_A_TABLE:
        raise InputError(f"needs a table of all pairs of {len(task)} villages; {MOST_IN_A_TABLE} are the most allowed")


def _rows_of(task: Task, value: Floats) -> csr_array:
    """Put a value of every tie into compressed rows, each at both its ends."""
    ends = np.concatenate([task.a, task.b]), np.concatenate([task.b, task.a])
    return csr_array(coo_array((np.tile(value, 2), ends), shape=(len(task), len(task))))


def _as_labels(found: NDArray[np.integer]) -> Labels:
    """Labels as numbers from -1; HDBSCAN also has -2 and -3 for what it cannot read."""
    labels: Labels = np.maximum(found.astype(np.int64), -1)
    return labels
