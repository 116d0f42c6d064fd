"""From a plan to the tables that people see: clusters, villages, and what stands behind each card."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.extensions import ExtensionArray

from .areas import cluster_areas
from .assessment import MEASURES, facility_counts, score_proportions
from .candidates import Pool
from .certainty import CONTESTED_SHARE, Standing, judge_standing
from .cluster_names import JOIN, hubs_of, name_clusters
from .contested import contested_villages
from .people import people_assumed, people_of_place
from .selection import Plan
from .sensitivity import rank_order, rank_sensitivity
from .study import Study
from .tables import Tables
from .ties import Ties, sum_overlap_by_category
from .travel import Travel
from .village_sets import VillageSets, pairs_inside

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

COMPARED_AS = {  # columns of the contested villages that the villages table bears, and how
    "category": "string",
    "minutes_own": "float64",
    "place_own": "string",
    "minutes_other": "float64",
    "place_other": "string",
    "tie_own": "float64",
    "tie_other": "float64",
    "parish_with_other": "boolean",
    "municipality_with_other": "boolean",
}


@dataclass(frozen=True)
class Clusters:
    """
    The chosen clusters, ready to be shown.

    Attributes
    ----------
    clusters
        One row a cluster in order of rank, with its area; the columns of ``clusters.geojson``, among them those of
        `name_clusters`, `n_people_assumed`, the number of members whose people are a default, `people_around`, those
        of its people who live in the open country (where a grid is given), `area_km2`, and `overlap_<category>`, the
        shares of `shared`. The pipeline adds `change_columns`.
    villages
        The study's villages with `cluster_id`, `certainty`, `standing`, `other_cluster_id`, `other_share` (of the
        runs, that put it with the other cluster; missing where that is), `why_alone` (town, no_road, no_candidate,
        not_chosen; missing inside a cluster), `minutes_<category>`, and the columns of `contested` that compare the
        two clusters, as ``contested_category``, ``contested_minutes_own`` and so on. The pipeline adds
        `topic_columns` and `profile_columns`.
    brings
        One row a cluster, village and category that stands there: `cluster_id`, `village_id`, `category`,
        `facilities`.
    missing
        One row a cluster and category of the data that no member has: `cluster_id`, `category`, `minutes` from the
        hub to the nearest (missing where no road leads to one).
    shared
        One row a cluster and category: `cluster_id`, `category`, `share` of trips of this category that two members
        send to the same places, mean over pairs.
    contested
        One row a village that another cluster could have too, with what speaks for either: see `contested_villages`.
    sensitivity
        How much each cluster's rank depends on the weights of the measures: see `rank_sensitivity`.
    """

    clusters: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    brings: pd.DataFrame
    missing: pd.DataFrame
    shared: pd.DataFrame
    contested: pd.DataFrame
    sensitivity: pd.DataFrame


def describe(  # noqa: PLR0913, PLR0917 - what every stage before it found
    plan: Plan, pool: Pool, assessment: pd.DataFrame, tables: Tables, travel: Travel, ties: Ties, study: Study
) -> Clusters:
    """Describe the chosen candidates; ranked by score, then people, then the hub's id."""
    ids = tables.villages["village_id"].to_numpy(dtype=object)
    in_pool = pool.sets.take(plan.chosen)
    service_weight = ties.has @ ties.category_weight
    people = tables.villages["people"].to_numpy(dtype=np.float64)
    hubs = hubs_of(in_pool, service_weight, people)
    facts = assessment.iloc[plan.chosen].reset_index(drop=True)
    order = rank_order(facts["score"].to_numpy(), facts["people"].to_numpy(), ids[hubs])
    sets = in_pool.take(order)
    chosen = _Chosen(
        sets,
        hubs[order],
        np.array([f"cluster-{ids[hub]}" for hub in hubs[order]], dtype=object),
        name_clusters(sets, service_weight, pool.eligible, tables.villages),
        facts.iloc[order].reset_index(drop=True),
        facility_counts(ties),
        np.array(ties.shares.categories, dtype=object),
    )
    ranked = chosen.facts.assign(cluster_id=chosen.ids, hub_id=ids[chosen.hubs])
    sensitivity = rank_sensitivity(ranked, score_proportions(study.score, ties.layers_used), study.seed)
    cluster = sets.set_of_village()
    standing = judge_standing(cluster, pool.partitions)
    contested = contested_villages(cluster, chosen.ids, standing, tables, travel, ties)
    shares = _shares_by_category(chosen, ties)
    return Clusters(
        _cluster_table(chosen, sensitivity, shares, tables),
        _village_table(chosen, cluster, standing, pool, tables, travel).assign(**_comparisons(contested, ids)),
        _brings(chosen, ids),
        _missing(chosen, travel),
        _shared(chosen, shares),
        contested,
        sensitivity,
    )


@dataclass(frozen=True)
class _Chosen:
    """The chosen sets in order of rank: the row of each one's hub, its id, name, assessment; facilities by village."""

    sets: VillageSets
    hubs: NDArray[np.int64]
    ids: NDArray[np.object_]
    names: pd.DataFrame
    facts: pd.DataFrame
    counts: Floats
    categories: NDArray[np.object_]


def _cluster_table(chosen: _Chosen, sensitivity: pd.DataFrame, shares: Floats, tables: Tables) -> gpd.GeoDataFrame:
    sets, hubs, facts, categories = chosen.sets, chosen.hubs, chosen.facts, chosen.categories
    villages = tables.villages
    names, called = villages["name"].to_numpy(dtype=object), chosen.names["name"].to_numpy(dtype=object)
    ids = villages["village_id"].to_numpy(dtype=object)
    people = villages["people"].to_numpy(dtype=np.float64)
    assumed, around = people_assumed(villages), people - people_of_place(villages)
    rows = []
    present = sets.matrix() @ chosen.counts > 0
    parishes, municipalities = (_texts(villages, column) for column in ("parish", "municipality"))
    in_order = _by_people(sets, people, names.astype(str))
    for number, hub in enumerate(hubs.tolist()):
        members = in_order[sets.indptr[number] : sets.indptr[number + 1]]
        rows.append(
            {
                "cluster_id": chosen.ids[number],
                "rank": number + 1,
                "name": called[number],
                "villages": JOIN.join(names[members]),
                "village_ids": JOIN.join(ids[members]),
                "n_villages": len(members),
                "population": round(float(people[members].sum())),
                "n_people_assumed": int(assumed[members].sum()),
                **({"people_around": round(float(around[members].sum()))} if "people_around" in villages else {}),
                "parishes": _distinct(parishes[members]),
                "municipalities": _distinct(municipalities[members]),
                "services_present": JOIN.join(categories[present[number]]),
                "services_missing": JOIN.join(categories[~present[number]]),
                "hub": names[hub],
                "hub_id": ids[hub],
            }
        )
    table = pd.DataFrame(rows)
    numbers = facts[["score", *MEASURES, "max_minutes", "mean_minutes"]].round(
        {"score": 1, **dict.fromkeys(MEASURES, 3), "max_minutes": 2, "mean_minutes": 2}
    )
    ranks = sensitivity[["top_share", "rank_low", "rank_high"]]
    by_category = pd.DataFrame(shares, columns=[f"overlap_{category}" for category in categories])
    table = pd.concat([table, chosen.names.drop(columns="name"), numbers, ranks, by_category], axis=1)
    areas = cluster_areas(sets, tables)
    table["area_km2"] = (areas.area.to_numpy() / 1e6).round(1)
    return gpd.GeoDataFrame(table, geometry=areas.to_numpy(), crs=tables.crs)


def _by_people(sets: VillageSets, people: Floats, names: NDArray[np.str_]) -> Ints:
    """Members of each set after the other, in each those with most people first, then by name."""
    order: Ints = sets.member[np.lexsort((names[sets.member], -people[sets.member], sets.set_of_member()))]
    return order


def _texts(villages: pd.DataFrame, column: str) -> NDArray[np.object_]:
    """Read a column that the table may not have; None for a missing cell."""
    if column not in villages:
        return np.full(len(villages), None, dtype=object)
    texts = villages[column].to_numpy(dtype=object, copy=True)
    texts[villages[column].isna().to_numpy()] = None
    return texts


def _distinct(texts: NDArray[np.object_]) -> str:
    return JOIN.join(sorted({str(text) for text in texts if text is not None}))


def _village_table(
    chosen: _Chosen, cluster: Ints, standing: Standing, pool: Pool, tables: Tables, travel: Travel
) -> gpd.GeoDataFrame:
    villages = tables.villages.copy()
    named = np.array([*chosen.ids, None], dtype=object)  # number -1 is no cluster
    villages["cluster_id"] = pd.array(named[cluster], dtype="string")
    villages["certainty"] = standing.certainty.round(3)
    villages["standing"] = pd.array(standing.word, dtype="string")
    other = np.where(standing.other_share >= CONTESTED_SHARE, standing.other, -1)
    villages["other_cluster_id"] = pd.array(named[other], dtype="string")
    villages["other_share"] = np.where(other >= 0, standing.other_share.round(3), np.nan)
    in_pool = np.isin(np.arange(len(villages)), pool.sets.member)
    why = np.where(in_pool, "not_chosen", "no_candidate").astype(object)
    why[~pool.eligible] = "town"
    why[travel.component < 0] = "no_road"
    why[cluster >= 0] = None
    villages["why_alone"] = pd.array(why, dtype="string")
    for category in travel.nearest:
        villages[f"minutes_{category}"] = travel.nearest[category].to_numpy().round(1)
    return villages


def _comparisons(contested: pd.DataFrame, village_ids: NDArray[np.object_]) -> dict[str, ExtensionArray]:
    """Give each contested village what compares its two clusters, for the villages table."""
    told = contested.set_index("village_id")[[*COMPARED_AS]].reindex(village_ids).astype(COMPARED_AS)
    return {f"contested_{name}": told[name].array for name in told.columns}


def _brings(chosen: _Chosen, village_ids: NDArray[np.object_]) -> pd.DataFrame:
    entry, category = np.nonzero(chosen.counts[chosen.sets.member])
    village = chosen.sets.member[entry]
    return pd.DataFrame(
        {
            "cluster_id": chosen.ids[chosen.sets.set_of_member()[entry]],
            "village_id": village_ids[village],
            "category": chosen.categories[category],
            "facilities": chosen.counts[village, category].astype(int),
        }
    )


def _missing(chosen: _Chosen, travel: Travel) -> pd.DataFrame:
    cluster, category = np.nonzero(chosen.sets.matrix() @ chosen.counts == 0)
    nearest = travel.nearest.reindex(columns=chosen.categories).to_numpy(dtype=np.float64)
    return pd.DataFrame(
        {
            "cluster_id": chosen.ids[cluster],
            "category": chosen.categories[category],
            "minutes": nearest[chosen.hubs[cluster], category].round(1),
        }
    )


def _shares_by_category(chosen: _Chosen, ties: Ties) -> Floats:
    """Share of trips of each category that two members send to the same places, shape (clusters, categories)."""
    sets = chosen.sets
    pairs = pairs_inside(sets, ties)
    tied = pairs.tie >= 0  # others share nothing
    sums = sum_overlap_by_category(ties, pairs.tie[tied], pairs.of_set[tied], len(sets))
    mean: Floats = sums / np.maximum(np.bincount(pairs.of_set, minlength=len(sets)), 1)[:, None]
    return mean.round(3)


def _shared(chosen: _Chosen, shares: Floats) -> pd.DataFrame:
    columns = {
        "cluster_id": np.repeat(chosen.ids, len(chosen.categories)),
        "category": np.tile(chosen.categories, len(chosen.sets)),
        "share": shares.ravel(),
    }
    return pd.DataFrame(columns).sort_values(["cluster_id", "category"], ignore_index=True)
