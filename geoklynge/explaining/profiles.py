"""What a village is like: how large, what stands in it, how near the others are; its strengths and challenges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..people import people_assumed, people_of_place
from ..tables import Tables
from ..ties import Ties
from ..travel import Travel
from ..village_sets import PairsInside, VillageSets

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]
Bools = NDArray[np.bool_]

SIZES = {"hamlet": 0, "small": 50, "village": 200, "large": 1_000}  # from so many people; 200 is a byområde
SERVICES = {"none": 0, "some": 1, "many": 4}  # from so many kinds of services in the village
MOST_FROM = 3  # kinds of services: with fewer, having the most says little
DAILY = ("grocery", "school")
WANTED_NEAR = ("grocery", "school", "doctor")
CLOSE_MINUTES = 5.0
FAR_MINUTES = 10.0
FEW_PEOPLE = 50
OUTLYING = 1.5  # times the mean minutes of the cluster
TRAITS = ("only", "most", "central", "daily", "bare", "far", "few", "outlying")  # in the order in which they are told
STRENGTHS = ("only", "most", "central", "daily")


def profiles_of(sets: VillageSets, pairs: PairsInside, tables: Tables, ties: Ties) -> pd.DataFrame:
    """
    Give every village a plain type.

    Returns
    -------
    pd.DataFrame
        One row a village of the study, in the table's order: `village_id`; `size`, by people of the place itself:
        ``hamlet`` below 50, ``small`` below 200, ``village`` below 1,000, else ``large``; `services`, by kinds that
        stand in it: ``none``, ``some`` (1-3), ``many``; `kinds`, how many; `mean_minutes` to the other members of its
        cluster (the slower direction; missing outside clusters).
    """
    people = people_of_place(tables.villages)
    kinds = ties.has.sum(axis=1)
    return pd.DataFrame(
        {
            "village_id": tables.villages["village_id"].to_numpy(dtype=object),
            "size": _class_of(people, SIZES),
            "services": _class_of(kinds, SERVICES),
            "kinds": kinds,
            "mean_minutes": _mean_minutes(sets, pairs, ties).round(2),
        }
    )


def profile_columns(profiles: pd.DataFrame) -> dict[str, NDArray[np.generic]]:
    """Name the columns of the profiles as the villages table bears them."""
    names = {
        "size": "size_class",
        "services": "services_class",
        "kinds": "n_service_kinds",
        "mean_minutes": "mean_minutes",
    }
    return {name: profiles[column].to_numpy() for column, name in names.items()}


def _class_of(value: NDArray[np.generic], bounds: Mapping[str, float]) -> NDArray[np.object_]:
    """Name the last class whose bound a value reaches."""
    place = np.searchsorted(np.array(list(bounds.values())), value, side="right") - 1
    names: NDArray[np.object_] = np.array(list(bounds), dtype=object)[place]
    return names


def _mean_minutes(sets: VillageSets, pairs: PairsInside, ties: Ties) -> Floats:
    """Mean minutes from each village to the other members of its cluster; nan outside clusters."""
    minutes = pairs.values(ties.minutes, absent=np.nan)
    ends = np.concatenate([pairs.left, pairs.right])
    total = np.bincount(ends, weights=np.tile(minutes, 2), minlength=len(sets.member))
    others = sets.sizes()[sets.set_of_member()] - 1
    mean = np.full(sets.n_villages, np.nan)
    mean[sets.member] = total / np.maximum(others, 1)
    return mean


def traits_of(sets: VillageSets, profiles: pd.DataFrame, tables: Tables, travel: Travel, ties: Ties) -> pd.DataFrame:
    """
    List the strengths and challenges of each village, as far as the data shows them.

    Returns
    -------
    pd.DataFrame
        One row a trait, in the order of the villages and, in each, of this list: `village_id`, `kind` (``strength``,
        ``challenge``), `code`, `category` and `minutes` (missing where the code has none).

        - ``only``: the one village of its cluster with this category;
        - ``most``: no village of its cluster has more kinds of services, some have fewer, and it has three or more;
        - ``central``: its mean minutes to the others are the least of the cluster, and not all are the same;
        - ``daily``: a grocery and a school at most 5 minutes away (`minutes` to the farther);
        - ``bare``: no service of any kind that the data knows stands in it (not told where none stands in any);
        - ``far``: the nearest of this category (grocery, school, doctor) is more than 10 minutes away; `minutes` is
          missing where no road leads to one;
        - ``few``: fewer than 50 people live there (not told where their number is unknown);
        - ``outlying``: its mean minutes to the others are the most of the cluster, and over 1.5 times its mean.
    """
    bare = np.flatnonzero(~ties.has.any(axis=1) & ties.has.any())
    known = ~people_assumed(tables.villages)
    of_place = tables.villages["population"].astype("Float64").fillna(tables.villages["people"])
    few = np.flatnonzero(known & (of_place < FEW_PEOPLE).to_numpy(dtype=bool))
    parts = [
        _only_one(sets, ties),
        *_by_place(sets, profiles),
        *_by_reach(travel),
        _told("bare", bare),
        _told("few", few),
    ]
    row = np.concatenate([part.rows for part in parts])
    place = np.repeat([TRAITS.index(part.code) for part in parts], [len(part.rows) for part in parts])
    category = np.concatenate([part.category for part in parts])
    order = np.lexsort((pd.factorize(category, sort=True)[0], place, row))
    code = np.array(TRAITS, dtype=object)[place[order]]
    return pd.DataFrame(
        {
            "village_id": tables.villages["village_id"].to_numpy(dtype=object)[row[order]],
            "kind": np.where(np.isin(code, STRENGTHS), "strength", "challenge").astype(object),
            "code": code,
            "category": pd.array(category[order], dtype="string"),
            "minutes": np.concatenate([part.minutes for part in parts])[order],
        }
    )


class _Trait(NamedTuple):
    """The villages that have a trait, by row, and of each the category and the minutes that belong to it."""

    code: str
    rows: Longs
    category: NDArray[np.object_]
    minutes: Floats


def _told(
    code: str,
    rows: NDArray[np.integer],
    *,
    category: str | NDArray[np.object_] | None = None,
    minutes: Floats | float = np.nan,
) -> _Trait:
    """Make a trait; a category or minutes given once hold for all its villages."""
    kinds, far = np.empty(len(rows), dtype=object), np.empty(len(rows))
    kinds[:], far[:] = category, minutes
    return _Trait(code, rows.astype(np.int64), kinds, far)


def _only_one(sets: VillageSets, ties: Ties) -> _Trait:
    have = sets.matrix() @ ties.has.astype(np.int64)
    entry, category = np.nonzero(ties.has[sets.member] & (have[sets.set_of_member()] == 1))
    names = np.array(ties.shares.categories, dtype=object)
    return _told("only", sets.member[entry], category=names[category])


def _by_place(sets: VillageSets, profiles: pd.DataFrame) -> list[_Trait]:
    """Traits of a village among the others of its cluster."""
    here = profiles.iloc[sets.member].assign(row=sets.member, cluster=sets.set_of_member())
    by_cluster = here.groupby("cluster")
    kinds, minutes, row = here["kinds"], here["mean_minutes"], here["row"].to_numpy()
    fewest, most_kinds = (by_cluster["kinds"].transform(each) for each in ("min", "max"))
    least, mean, longest = (by_cluster["mean_minutes"].transform(each) for each in ("min", "mean", "max"))
    most = (kinds == most_kinds) & (fewest < most_kinds) & (kinds >= MOST_FROM)
    central = (minutes == least) & (least < longest)  # of two villages neither is nearer to the other
    outlying = (minutes == longest) & (minutes > OUTLYING * mean)
    return [
        _told("most", row[most.to_numpy()]),
        _told("central", row[central.to_numpy()], minutes=minutes[central].to_numpy()),
        _told("outlying", row[outlying.to_numpy()], minutes=minutes[outlying].to_numpy()),
    ]


def _by_reach(travel: Travel) -> list[_Trait]:
    """Traits of the way to the nearest of a category; where no road leads anywhere, nothing is said."""
    on_road = travel.component >= 0
    parts = []
    if all(category in travel.nearest for category in DAILY):
        farther = travel.nearest[list(DAILY)].max(axis=1, skipna=False).to_numpy(dtype=np.float64)
        near = np.flatnonzero(farther <= CLOSE_MINUTES)
        parts.append(_told("daily", near, minutes=farther[near].round(1)))
    for category in WANTED_NEAR:
        if category in travel.nearest:
            minutes = travel.nearest[category].to_numpy(dtype=np.float64)
            far = np.flatnonzero(on_road & ~(minutes <= FAR_MINUTES))
            parts.append(_told("far", far, category=category, minutes=minutes[far].round(1)))
    return parts
