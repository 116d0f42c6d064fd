"""How much two villages already share: four layers, one tie network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .compiled import compiled
from .errors import InputError
from .study import HALF_MINUTES, Category, Study, TieWeights
from .tables import Finding, Tables
from .travel import Travel
from .trips import Trips

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

LAYERS = ("proximity", "overlap", "complementarity", "identity")
IDENTITY_STEPS = (  # the first that two villages share decides
    ("parish_id", 1.0),
    ("school_district", 0.75),
    ("former_municipality", 0.5),
    ("historic_district", 0.25),
)
PAIRS_A_TASK = 50_000


@dataclass(frozen=True)
class Shares:
    """
    Huff shares of every village over the facilities it reaches, in compressed sparse rows.

    Village i sends ``share[indptr[i]:indptr[i + 1]]`` of its trips to the facilities ``facility`` of the same slice
    (ascending). `category` gives each facility's category as a number into `categories`. Shares of one village and
    one category sum to 1, or to 0 where it reaches none.
    """

    indptr: NDArray[np.int64]
    facility: Ints
    share: Floats
    category: Ints
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Around:
    """
    The ties of each village, every tie at both its ends.

    Village i is tied to ``village[indptr[i]:indptr[i + 1]]`` (ascending row numbers) by the ties ``tie`` of the same
    slice.
    """

    indptr: NDArray[np.int64]
    village: Ints
    tie: NDArray[np.int64]


@dataclass(frozen=True)
class Ties:
    """
    The tie network: one entry a pair of villages that reach each other within the horizon, both ways.

    `a` < `b` are row numbers of the villages table, sorted; `minutes` is the slower direction; the four layers and
    `weight` are 0..1. `layers_used` are those the data could say something about; the weights of the others went to
    them. `has` tells which categories stand in each village, shape (villages, categories of `shares`), and
    `category_weight` how much each of these categories counts.
    """

    village_ids: NDArray[np.object_]
    a: Ints
    b: Ints
    minutes: Floats
    proximity: Floats
    overlap: Floats
    complementarity: Floats
    identity: Floats
    weight: Floats
    layers_used: tuple[str, ...]
    shares: Shares
    has: NDArray[np.bool_]
    category_weight: Floats
    findings: tuple[Finding, ...]

    @cached_property
    def around(self) -> Around:
        """The ties of each village in compressed rows."""
        n_villages, n_ties = len(self.village_ids), len(self.a)
        ends = np.concatenate([self.a, self.b]), np.concatenate([self.b, self.a])
        number = np.tile(np.arange(1, n_ties + 1), 2)  # from 1: a zero would be no entry
        rows = csr_array(coo_array((number, ends), shape=(n_villages, n_villages)))
        return Around(rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data - 1)

    @cached_property
    def first_of(self) -> NDArray[np.int64]:
        """Say where the ties of each village as `a` begin, and at last where the final ones end."""
        return np.searchsorted(self.a, np.arange(len(self.village_ids) + 1)).astype(np.int64)

    def table(self, *, at_least: float = 0.0) -> pd.DataFrame:
        """Show ties of some weight as a table: `village_a`, `village_b`, `minutes`, the layers, `weight`."""
        shown = np.flatnonzero(self.weight >= at_least)
        ends = {"village_a": self.village_ids[self.a[shown]], "village_b": self.village_ids[self.b[shown]]}
        return pd.DataFrame({**ends, **{name: getattr(self, name)[shown] for name in ("minutes", *LAYERS, "weight")}})

    def graph(self, *, at_least: float = 0.0) -> nx.Graph[str]:
        """Build the network for networkx: all villages as nodes, ties of `weight` above `at_least` as edges."""
        rows = self.table()
        graph = nx.from_pandas_edgelist(
            rows[rows["weight"] > at_least], "village_a", "village_b", edge_attr=["minutes", *LAYERS, "weight"]
        )
        graph.add_nodes_from(self.village_ids)
        return graph


def tie_villages(tables: Tables, travel: Travel, study: Study) -> Ties:
    """
    Measure the ties of all pairs of villages within the horizon.

    For villages i, j that are t minutes apart in the slower direction:

    - proximity ``p = 2 ** -((t / h) ** 2)``, h the study's half-minutes;
    - overlap ``o = sum_c w_c sum_f min(q_if, q_jf) / sum_c w_c``, q the Huff (1964) shares of category c;
    - complementarity ``m = p * sum_c w_c [one of i, j has c, the other not] / sum_c w_c``;
    - identity: 1 in one parish, else 0.75 in one school district, 0.5 in one municipality of before 2007, 0.25 in
      one historic district;
    - weight: the sum of the four, each times its weight, the weights summing to 1.

    Categories that no service of the study has are left out of the sums, layers that the data says nothing about
    out of the weight.

    References
    ----------
    Huff, D. L. (1964). Defining and estimating a trading area. Journal of Marketing 28(3), 34-38.
    """
    categories = study.services.all_categories()
    mode_ratio = HALF_MINUTES[study.travel.mode] / HALF_MINUTES["car"]
    shares = huff_shares(tables, travel.to_services, categories, mode_ratio=mode_ratio)
    weights = np.array([categories[key].weight for key in shares.categories])
    a, b, minutes = mutual_pairs(travel.between)
    proximity = np.exp2(-((minutes / study.ties.half_minutes[study.travel.mode]) ** 2))
    has = _services_in_villages(tables, shares)
    layers = {
        "proximity": proximity,
        "overlap": overlap_of_pairs(shares, weights, a, b),
        "complementarity": proximity * _share_that_one_has(has, weights, a, b),
        "identity": _identity(tables.villages, a, b),
    }
    used, findings = _layers_with_data(tables, weights, study.ties.weights)
    proportions = layer_proportions(study.ties.weights, used)
    weight = np.clip(sum(proportions[name] * layers[name] for name in LAYERS), 0.0, 1.0)
    return Ties(
        tables.villages["village_id"].to_numpy(dtype=object),
        a,
        b,
        minutes,
        **layers,
        weight=weight,
        layers_used=used,
        shares=shares,
        has=has,
        category_weight=weights,
        findings=findings,
    )


def layer_proportions(weights: TieWeights, used: tuple[str, ...]) -> dict[str, float]:
    """Scale the weights of the layers in use to sum to 1; the others get 0."""
    raw = {name: getattr(weights, name) if name in used else 0.0 for name in LAYERS}
    total = sum(raw.values())
    if total <= 0:
        raise InputError(
            f"no tie layer with a weight has data ({', '.join(used)} have)",
            where="ties.weights",
            advice="give proximity a weight",
        )
    return {name: value / total for name, value in raw.items()}


def _layers_with_data(
    tables: Tables, category_weights: Floats, weights: TieWeights
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    services = len(tables.services) > 0 and category_weights.sum() > 0
    identity = any(column in tables.villages and tables.villages[column].notna().any() for column, _ in IDENTITY_STEPS)
    placed = services and bool(tables.services["village_id"].notna().any())
    has_data = {"proximity": True, "overlap": services, "complementarity": placed, "identity": identity}
    used = tuple(name for name in LAYERS if has_data[name])
    missing = [name for name in LAYERS if not has_data[name] and getattr(weights, name) > 0]
    findings = (
        (
            Finding(
                "layers_without_data",
                len(missing),
                f"no data for {' and '.join(missing)}: ties rest on {', '.join(used)}",
                tuple(missing),
            ),
        )
        if missing
        else ()
    )
    return used, findings


def mutual_pairs(between: Trips) -> tuple[Ints, Ints, Floats]:
    """
    Pair up villages that reach each other both ways.

    Returns
    -------
    tuple of three arrays
        Row numbers a < b, sorted, and the minutes of the slower direction.
    """
    origin, destination = between.origins().astype(np.int64), between.destination.astype(np.int64)
    n_villages = len(between.indptr) - 1
    out = origin < destination
    there = origin[out] * n_villages + destination[out]
    back = destination[~out] * n_villages + origin[~out]
    key, at_there, at_back = np.intersect1d(there, back, assume_unique=True, return_indices=True)
    minutes = np.maximum(between.minutes[out][at_there], between.minutes[~out][at_back])
    return (key // max(n_villages, 1)).astype(np.int32), (key % max(n_villages, 1)).astype(np.int32), minutes


def huff_shares(
    tables: Tables, to_services: Trips, categories: Mapping[str, Category], *, mode_ratio: float = 1.0
) -> Shares:
    """
    Share of each village's trips of a category that goes to each facility.

    The pull of facility f on village i is ``capacity[f] * exp(-beta * minutes[i, f])`` with beta = ln 2 / the
    category's half-minutes; a share is a pull divided by the sum of pulls of that category on that village (Huff
    1964). A facility without a capacity counts with its category's median, or 1.

    Parameters
    ----------
    tables
        For the services and their order.
    to_services
        Minutes from villages to services within the horizon.
    categories
        The study's categories.
    mode_ratio
        Lengthens half-minutes for slower modes: people accept longer trips by bike than by car.

    Raises
    ------
    InputError
        If a capacity is not above 0.
    """
    services = tables.services
    present = tuple(key for key in categories if key in set(services["category"]))
    number = services["category"].map({key: k for k, key in enumerate(present)}).to_numpy(dtype=np.int32)
    half_minutes = np.array([categories[key].half_minutes for key in present]) * mode_ratio
    capacity = _capacities(services)
    village, facility = to_services.origins(), to_services.destination
    group = village.astype(np.int64) * max(len(present), 1) + number[facility]
    n_groups = (len(to_services.indptr) - 1) * max(len(present), 1)
    nearest = np.full(n_groups, np.inf)
    np.minimum.at(nearest, group, to_services.minutes)
    delay = to_services.minutes - nearest[group]  # counted from the nearest: no underflow, same shares
    pull = capacity[facility] * np.exp2(-delay / half_minutes[number[facility]]) if len(group) else np.empty(0)
    total = np.bincount(group, weights=pull, minlength=n_groups)
    return Shares(to_services.indptr, facility, pull / total[group], number, present)


def _capacities(services: pd.DataFrame) -> Floats:
    if "capacity" not in services:
        return np.ones(len(services))
    given = services["capacity"].astype("float64")
    if (given <= 0).any():
        row = int((given <= 0).to_numpy().argmax()) + 1
        raise InputError(
            f"row {row}, column 'capacity': {given.iloc[row - 1]:g} is not above 0",
            where="services",
            advice="leave the cell empty or give the facility's size",
        )
    typical = given.groupby(services["category"]).transform("median").fillna(1.0).to_numpy(dtype=np.float64)
    return np.where(given.isna(), typical, given.to_numpy(dtype=np.float64))


def overlap_of_pairs(shares: Shares, weights: Floats, a: Ints, b: Ints) -> Floats:
    """
    Share of everyday trips that two villages send to the same places, for each pair.

    Parameters
    ----------
    shares
        Huff shares.
    weights
        Weight of each category of `shares.categories`; categories of weight 0 do not count.
    a, b
        Row numbers of the pairs' villages.

    Returns
    -------
    array
        0..1, shape (pairs,).
    """
    total = weights.sum()
    if total <= 0 or not len(a):
        return np.zeros(len(a))
    weighted = shares.share * weights[shares.category[shares.facility]] / total
    starts = range(0, len(a), PAIRS_A_TASK)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        parts = workers.map(
            lambda start: _sum_of_minima(
                shares.indptr, shares.facility, weighted, a[start : start + PAIRS_A_TASK],
                b[start : start + PAIRS_A_TASK],
            ),
            starts,
        )  # fmt: skip
        overlap: Floats = np.minimum(np.concatenate(list(parts)), 1.0)
    return overlap


@compiled
def _sum_of_minima(indptr: NDArray[np.int64], column: Ints, value: Floats, a: Ints, b: Ints) -> Floats:
    """Sum, over the columns that rows a[k] and b[k] share, the smaller value; both rows sorted by column."""
    sums = np.zeros(len(a), dtype=np.float64)
    for pair in range(len(a)):
        left, left_end = indptr[a[pair]], indptr[a[pair] + 1]
        right, right_end = indptr[b[pair]], indptr[b[pair] + 1]
        total = 0.0
        while left < left_end and right < right_end:
            if column[left] == column[right]:
                total += min(value[left], value[right])
                left += 1
                right += 1
            elif column[left] < column[right]:
                left += 1
            else:
                right += 1
        sums[pair] = total
    return sums


def _services_in_villages(tables: Tables, shares: Shares) -> NDArray[np.bool_]:
    """Which categories stand in which village, shape (villages, categories)."""
    row = pd.Series(np.arange(len(tables.villages)), index=tables.villages["village_id"])
    village = tables.services["village_id"].map(row)
    stands = village.notna().to_numpy()
    has = np.zeros((len(tables.villages), len(shares.categories)), dtype=bool)
    has[village[stands].to_numpy(dtype=np.int64), shares.category[stands]] = True
    return has


def _share_that_one_has(has: NDArray[np.bool_], weights: Floats, a: Ints, b: Ints) -> Floats:
    """Weighted share of categories that exactly one of two villages has."""
    total = weights.sum()
    share = np.zeros(len(a))
    for k, weight in enumerate(weights):  # over categories, not pairs
        share += weight * (has[a, k] != has[b, k])
    return share / total if total > 0 else share


def _identity(villages: pd.DataFrame, a: Ints, b: Ints) -> Floats:
    identity = np.zeros(len(a))
    for column, value in IDENTITY_STEPS:
        if column in villages:
            code = pd.factorize(villages[column])[0]
            same = (code[a] == code[b]) & (code[a] >= 0)
            identity = np.maximum(identity, np.where(same, value, 0.0))
    return identity
