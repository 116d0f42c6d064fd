"""Why a village could belong with the neighbours too: how far it is to what both have, its ties, its old borders."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from .certainty import Standing
from .tables import Tables
from .ties import Ties
from .travel import Travel

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Texts = NDArray[np.object_]

OWN, OTHER = 0, 1  # the row of `sides` that a cluster stands in


def contested_villages(
    cluster: Ints, ids: Texts, standing: Standing, tables: Tables, travel: Travel, ties: Ties
) -> pd.DataFrame:
    """
    Hold, for every contested village, its own cluster against the one that it could also belong to.

    Parameters
    ----------
    cluster
        Cluster of every village, -1 for none.
    ids
        Id of each cluster.
    standing
        As `judge_standing` gives it for these clusters.
    tables
        For the villages' names and areas, and where services stand.
    travel
        Minutes from villages to services.
    ties
        Weights of ties and of categories.

    Returns
    -------
    pd.DataFrame
        One row a contested village, in the order of the villages table:

        - `village_id`, `cluster_id`, `other_cluster_id`, and `other_share`, the share of runs that put it there;
        - `category`: of those that both clusters have within the horizon, and that the village has not itself, the
          one that counts most; of equals the one in which the minutes differ least; missing where there is none;
        - `minutes_own`, `place_own`, `minutes_other`, `place_other`: the way to the nearest of that category in either
          cluster, and the name of the village that it stands in;
        - `tie_own`, `tie_other`: mean weight, 0..1, of its ties to the other members of either cluster; one beyond
          the horizon counts 0;
        - `parish_with_other`: whether a member of the other cluster lies in its parish;
        - `municipality_with_other`: whether more than half of the other cluster's people live in its municipality of
          before 2007, and of its own cluster's, itself left out, no more than half.
    """
    rows = np.flatnonzero(standing.word == "contested")
    sides = np.stack([cluster[rows], standing.other[rows]]).astype(np.int64)
    villages = tables.villages
    people = villages["people"].to_numpy(dtype=np.float64)
    tie_own, tie_other = _mean_ties(rows, sides, cluster, ties)
    _, in_parish = _parts_in_area(rows, sides, cluster, villages.get("parish_id"), np.ones(len(villages)))
    own_part, other_part = _parts_in_area(rows, sides, cluster, villages.get("former_municipality"), people)
    nearest = _nearest_in_both(rows, sides, cluster, tables, travel, ties)
    names = villages["name"].astype("string")
    return pd.DataFrame(
        {
            "village_id": villages["village_id"].to_numpy(dtype=object)[rows],
            "cluster_id": ids[sides[OWN]],
            "other_cluster_id": ids[sides[OTHER]],
            "other_share": standing.other_share[rows].round(3),
            "category": nearest["category"].array,
            "minutes_own": nearest["minutes_own"].round(1).array,
            "place_own": nearest["at_own"].map(names).array,
            "minutes_other": nearest["minutes_other"].round(1).array,
            "place_other": nearest["at_other"].map(names).array,
            "tie_own": tie_own.round(3),
            "tie_other": tie_other.round(3),
            "parish_with_other": in_parish > 0,
            "municipality_with_other": (other_part > 0.5) & (own_part <= 0.5),
        }
    )


def _entries(indptr: Longs, rows: Longs) -> tuple[Longs, Longs]:
    """List the entries of some of the rows of compressed rows: the place among `rows` and the number of each."""
    counts = indptr[rows + 1] - indptr[rows]
    place = np.repeat(np.arange(len(rows)), counts)
    return place, np.arange(len(place)) + np.repeat(indptr[rows] - np.cumsum(counts) + counts, counts)


def _nearest_in_both(
    rows: Longs, sides: Longs, cluster: Ints, tables: Tables, travel: Travel, ties: Ties
) -> pd.DataFrame:
    """Find for each row the category to tell of, and on either side the minutes and the village of its nearest."""
    place, entry = _entries(travel.to_services.indptr, rows)
    facility = travel.to_services.destination[entry]
    stands = pd.Index(tables.villages["village_id"]).get_indexer(pd.Index(tables.services["village_id"]))
    trips = pd.DataFrame(
        {
            "place": place,
            "kind": ties.shares.category[facility],
            "facility": facility,
            "at": stands[facility],
            "minutes": travel.to_services.minutes[entry],
        }
    )
    weight = ties.category_weight
    asked = (trips["at"] >= 0) & (weight[trips["kind"]] > 0) & ~ties.has[rows[place], trips["kind"]]
    trips = trips[asked].sort_values(["minutes", "facility"])
    own, other = (
        trips[cluster[trips["at"]] == sides[side][trips["place"]]].drop_duplicates(["place", "kind"])
        for side in (OWN, OTHER)
    )
    both = own.merge(other, on=["place", "kind"], suffixes=("_own", "_other"))
    both["less_weight"] = -weight[both["kind"]]
    both["apart"] = (both["minutes_own"] - both["minutes_other"]).abs().round(9)
    told = both.sort_values(["less_weight", "apart", "kind"]).drop_duplicates("place").set_index("place")
    told["category"] = np.array(ties.shares.categories, dtype=object)[told["kind"]]
    every_row: pd.DataFrame = told.reindex(np.arange(len(rows)))
    return every_row


def _mean_ties(rows: Longs, sides: Longs, cluster: Ints, ties: Ties) -> tuple[Floats, Floats]:
    """Mean weight of the ties of each row to the members of either side, itself left out."""
    place, entry = _entries(ties.around.indptr, rows)
    away, weight = cluster[ties.around.village[entry]], ties.weight[ties.around.tie[entry]]
    size = np.bincount(cluster[cluster >= 0], minlength=1)
    n_own, n_other = size[sides[OWN]] - 1, size[sides[OTHER]]
    own, other = (
        np.bincount(place, weights=np.where(away == sides[side][place], weight, 0.0), minlength=len(rows))
        for side in (OWN, OTHER)
    )
    return own / np.maximum(n_own, 1), other / np.maximum(n_other, 1)


def _parts_in_area(
    rows: Longs, sides: Longs, cluster: Ints, area: pd.Series | None, counted: Floats
) -> tuple[Floats, Floats]:
    """Share of either side, itself left out, that lies in the area of each row; 0 where that is unknown."""
    if area is None:
        return np.zeros(len(rows)), np.zeros(len(rows))
    code = pd.factorize(area)[0].astype(np.int64)
    width = int(code.max(initial=0)) + 1
    placed = cluster >= 0
    total = np.bincount(cluster[placed], weights=counted[placed], minlength=1)
    known = placed & (code >= 0)
    key, number = np.unique(cluster[known].astype(np.int64) * width + code[known], return_inverse=True)
    held = np.bincount(number, weights=counted[known], minlength=1)

    def part(side: int, less: Floats) -> Floats:
        wanted = sides[side] * width + code[rows]
        at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
        here = np.where((code[rows] >= 0) & (key[at] == wanted), held[at], 0.0) if len(key) else np.zeros(len(rows))
        whole = total[sides[side]] - less
        share: Floats = np.divide(here - less * (code[rows] >= 0), whole, out=np.zeros(len(rows)), where=whole > 0)
        return share

    return part(OWN, counted[rows]), part(OTHER, np.zeros(len(rows)))
