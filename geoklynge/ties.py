"""How much two villages already share: four layers, five with a survey; one tie network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from .errors import InputError
from .huff import Shares, overlap_by_category_of
from .identity import identity_of_pairs, knows_identity
from .modes import ByMode, mix_modes, mixed_overlap, mixed_proximity, mutual_pairs, shares_by
from .study import Mode, Study, TieWeights
from .tables import Finding, Tables
from .travel import Travel

if TYPE_CHECKING:
    import networkx as nx

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

LAYERS = ("proximity", "overlap", "complementarity", "identity")  # every tie has them
SURVEY = "survey"  # the fifth, where people were asked


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

    Attributes
    ----------
    village_ids
        Those of the villages table, in its order.
    a, b
        Row numbers of the villages table, ``a < b``, sorted.
    minutes
        By the study's mode of travel, the slower direction; `minutes_ab` and `minutes_ba` are the two directions.
    proximity, overlap, complementarity, identity, weight
        0..1, one number a tie.
    layers_used
        Layers that the data could say something about; the weights of the others went to them.
    shares
        Where people go by the study's mode of travel.
    has
        Which categories stand in each village, shape (villages, categories of `shares`).
    category_weight
        How much each of these categories counts.
    by_mode
        The modes that the ties mix, in a fixed order; the study's mode alone where they mix none.
    survey
        0..1, nan for a tie that nobody was asked about; None where no survey says anything of any tie.
    """

    village_ids: NDArray[np.object_]
    a: Ints
    b: Ints
    minutes: Floats
    minutes_ab: Floats
    minutes_ba: Floats
    proximity: Floats
    overlap: Floats
    complementarity: Floats
    identity: Floats
    weight: Floats
    layers_used: tuple[str, ...]
    shares: Shares
    stands_in: Ints
    has: NDArray[np.bool_]
    category_weight: Floats
    by_mode: tuple[ByMode, ...]
    findings: tuple[Finding, ...]
    survey: Floats | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """Name the layers that these ties have."""
        return LAYERS if self.survey is None else (*LAYERS, SURVEY)

    def asymmetric(self, at_least_minutes: float) -> NDArray[np.int64]:
        """Find the ties whose two directions differ by at least so many minutes: row numbers, ascending."""
        return np.flatnonzero(np.abs(self.minutes_ab - self.minutes_ba) >= at_least_minutes)

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
        """
        Show ties of some weight as a table: `village_a`, `village_b`, `minutes`, the layers, `weight`.

        `survey` is a column only where there is one, empty for ties that nobody was asked about.
        """
        shown = np.flatnonzero(self.weight >= at_least)
        ends = {"village_a": self.village_ids[self.a[shown]], "village_b": self.village_ids[self.b[shown]]}
        names = ("minutes", *self.layers, "weight")
        return pd.DataFrame({**ends, **{name: getattr(self, name)[shown] for name in names}})

    def graph(self, *, at_least: float = 0.0) -> nx.Graph[str]:
        """Build the network for networkx: all villages as nodes, ties of `weight` above `at_least` as edges."""
        import networkx as nx  # a run of the command line does without, and it takes long to load

        rows = self.table()
        graph = nx.from_pandas_edgelist(
            rows[rows["weight"] > at_least], "village_a", "village_b", edge_attr=["minutes", *self.layers, "weight"]
        )
        graph.add_nodes_from(self.village_ids)
        return graph


def tie_villages(tables: Tables, travel: Travel, study: Study, *, also: Mapping[Mode, Travel] | None = None) -> Ties:
    """
    Measure the ties of all pairs of villages within the horizon.

    For villages i, j that are t minutes apart in the slower direction:

    - proximity ``p = 2 ** -((t / h) ** 2)``, h the study's half-minutes;
    - overlap ``o = sum_c w_c sum_f min(q_if, q_jf) / sum_c w_c``, q the Huff (1964) shares of category c;
    - complementarity ``m = p * sum_c w_c [one of i, j has c, the other not] / sum_c w_c``;
    - identity: the value of the strongest of the study's `IdentitySteps` that i and j share, else 0;
    - survey: the mean of the shares of answers, in i about j and in j about i, as far as they are given;
    - weight: the sum of the layers, each times its weight, the weights summing to 1.

    Where the study mixes modes of travel, p and o are means over the modes, each measured with the mode's own minutes
    and half-minutes and weighed by its share; a mode by which a pair is beyond the horizon adds 0. Which pairs are
    tied, and their minutes, is the study's own mode's to say.

    Categories that no service of the study has are left out of the sums, layers that the data says nothing about
    out of the weight; for a pair that no answer speaks of, the survey is left out likewise.

    Parameters
    ----------
    tables
        The study's tables.
    travel
        By the study's mode.
    study
        Weights, half-minutes, categories, the mixture of modes.
    also
        Travel by the other modes of the mixture; see `measure_other_modes`.

    Raises
    ------
    InputError
        If a mode of the mixture was not measured, or no layer with a weight has data.

    References
    ----------
    Huff, D. L. (1964). Defining and estimating a trading area. Journal of Marketing 28(3), 34-38.
    """
    a, b, minutes_ab, minutes_ba = mutual_pairs(travel.between)
    minutes = np.maximum(minutes_ab, minutes_ba)
    shares = shares_by(study.travel.mode, tables, travel, study)
    own = ByMode(study.travel.mode, 1.0, minutes, shares)
    by_mode = mix_modes(own, (a, b), also or {}, tables, study)
    categories = study.services.all_categories()
    weights = np.array([categories[key].weight for key in shares.categories])
    stands_in = _villages_of_services(tables)
    has = services_in_villages(stands_in, shares.category, (len(tables.villages), len(shares.categories)))
    proximity = mixed_proximity(by_mode, study)
    layers = {
        "proximity": proximity,
        "overlap": mixed_overlap(by_mode, weights, a, b),
        "complementarity": proximity * share_that_one_has(has, weights, a, b),
        "identity": identity_of_pairs(tables, study.ties.identity_steps, a, b),
    }
    survey = _answers(tables, a, b)
    used, findings = _layers_with_data(tables, weights, study, survey)
    known = layers if survey is None else {**layers, SURVEY: survey}
    weight = weighted_sum(known.values(), layer_proportions(study.ties.weights, used).values())
    return Ties(
        tables.villages["village_id"].to_numpy(dtype=object),
        a,
        b,
        minutes,
        minutes_ab,
        minutes_ba,
        **layers,
        weight=np.clip(weight, 0.0, 1.0),
        layers_used=used,
        shares=shares,
        stands_in=stands_in,
        has=has,
        category_weight=weights,
        by_mode=by_mode,
        findings=findings,
        survey=survey,
    )


def overlap_by_category(ties: Ties, rows: NDArray[np.integer]) -> Floats:
    """
    Tell what an overlap is made of: the share of trips of each category that both ends of a tie send to one place.

    Weighed by `Ties.category_weight`, the categories' mean is the tie's overlap.

    Parameters
    ----------
    ties
        The network.
    rows
        Numbers of ties.

    Returns
    -------
    array
        0..1, shape (rows, categories of ``ties.shares``).
    """
    return sum_overlap_by_category(ties, rows, np.arange(len(rows)), len(rows))


def sum_overlap_by_category(ties: Ties, rows: NDArray[np.integer], group: NDArray[np.integer], n_groups: int) -> Floats:
    """
    Add up `overlap_by_category` over groups of ties, without the table of all of them.

    Parameters
    ----------
    ties
        The network.
    rows
        Numbers of ties.
    group
        The group of each.
    n_groups
        How many groups there are.

    Returns
    -------
    array
        Shape (groups, categories of ``ties.shares``).
    """
    total = np.zeros((n_groups, len(ties.shares.categories)))
    for one in ties.by_mode:
        near = np.isfinite(one.minutes[rows])
        pairs = np.stack([ties.a[rows[near]], ties.b[rows[near]], group[near].astype(np.int32)])
        total += one.share * overlap_by_category_of(one.shares, pairs, n_groups)
    return total


def _answers(tables: Tables, a: Ints, b: Ints) -> Floats | None:
    """Average, for each pair, the shares given in either direction; nan without any, None where no pair has one."""
    survey = tables.survey
    if survey is None:
        return None
    place, n_villages = pd.Index(tables.villages["village_id"]), max(len(tables.villages), 1)
    ends = [place.get_indexer(pd.Index(survey[end])).astype(np.int64) for end in ("village_a", "village_b")]
    known = np.minimum(*ends) >= 0
    key = np.where(known, np.minimum(*ends) * n_villages + np.maximum(*ends), -1)
    mean = survey["share"].groupby(key).mean()
    answers = mean.reindex(a.astype(np.int64) * n_villages + b).to_numpy(dtype=np.float64)
    return answers if np.isfinite(answers).any() else None


def weighted_sum(layers: Iterable[Floats], proportions: Iterable[float]) -> Floats:
    """
    Weigh layers by pair.

    Parameters
    ----------
    layers
        In the order of `Ties.layers`; the fifth may be nan.
    proportions
        Their weights in the same order, summing to 1.

    Returns
    -------
    array
        For a pair whose survey is nan, the sum of the others divided by the sum of their weights.
    """
    pairs = list(zip(layers, proportions, strict=True))
    total: Floats = np.asarray(sum(share * layer for layer, share in pairs[: len(LAYERS)]))
    for layer, share in pairs[len(LAYERS) :]:
        asked = np.isfinite(layer)
        alone = total / (1 - share) if share < 1 else total
        total = np.where(asked, total + share * np.where(asked, layer, 0.0), alone)
    return total


def layer_proportions(weights: TieWeights, used: tuple[str, ...]) -> dict[str, float]:
    """Scale the weights of the layers in use to sum to 1; of the four that every tie has, the others get 0."""
    names = (*LAYERS, SURVEY) if SURVEY in used else LAYERS
    raw = {name: getattr(weights, name) if name in used else 0.0 for name in names}
    total = sum(raw.values())
    if sum(raw[name] for name in LAYERS) <= 0:  # a survey alone would tie those who were asked and nobody else
        raise InputError(
            f"no tie layer with a weight has data for every pair ({', '.join(used)} have)",
            where="ties.weights",
            advice="give proximity a weight",
        )
    return {name: value / total for name, value in raw.items()}


def _layers_with_data(
    tables: Tables, category_weights: Floats, study: Study, survey: Floats | None
) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    weights = study.ties.weights
    services = len(tables.services) > 0 and category_weights.sum() > 0
    has_data = {
        "proximity": True,
        "overlap": services,
        "complementarity": services and bool(tables.services["village_id"].notna().any()),
        "identity": knows_identity(tables, study.ties.identity_steps),
        **({} if tables.survey is None else {SURVEY: survey is not None}),
    }
    used = tuple(name for name, known in has_data.items() if known)
    missing = [name for name, known in has_data.items() if not known and getattr(weights, name) > 0]
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


def _villages_of_services(tables: Tables) -> Ints:
    """Row of the village that each service stands in, -1 for none."""
    row = pd.Series(np.arange(len(tables.villages)), index=tables.villages["village_id"])
    stands_in: Ints = tables.services["village_id"].map(row).fillna(-1).to_numpy(dtype=np.int32)
    return stands_in


def services_in_villages(stands_in: Ints, category: Ints, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Say which categories stand in which village, shape (villages, categories)."""
    has = np.zeros(shape, dtype=bool)
    stands = stands_in >= 0
    has[stands_in[stands], category[stands]] = True
    return has


def share_that_one_has(has: NDArray[np.bool_], weights: Floats, a: Ints, b: Ints) -> Floats:
    """Weighted share of categories that exactly one of two villages has."""
    total = weights.sum()
    share = np.zeros(len(a))
    for k, weight in enumerate(weights):  # over categories, not pairs
        share += weight * (has[a, k] != has[b, k])
    return share / total if total > 0 else share
