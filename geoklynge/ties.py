"""How much two villages already share: four layers, one tie network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .errors import InputError
from .huff import Shares, huff_shares, overlap_of_pairs
from .identity import IDENTITY_STEPS, identity_of_pairs
from .study import HALF_MINUTES, Study, TieWeights
from .tables import Finding, Tables
from .travel import Travel
from .trips import Trips

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

LAYERS = ("proximity", "overlap", "complementarity", "identity")


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
        "identity": identity_of_pairs(tables.villages, a, b),
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
