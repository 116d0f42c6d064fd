"""The same place, or the same facility, told by two sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..errors import TableError
from ..origins import NEAR, OWN, SAME_NAME, SAME_SOURCE
from ..tables import KINDS, Finding
from .naming import name_keys
from .records import finding

# Metres. A parish-wide place can be marked kilometres apart by two mappers, but hardly under the same name;
# two names 300 m apart are one built-up place.
SAME_NAME_M = 3_000.0
SAME_SPOT_M = 300.0
SAME_FACILITY_M = 60.0  # an address point and a mapper's node of one shop; next-door shops are about as far apart

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Merged:
    """
    Villages of all sources, and under which id each id that was read now stands.

    `named` gives for each name that was read, as `name_key`, the ids that hold for the places that bear it. `rows`
    accounts for the rows of each source: see `Origins.villages`, without `source` and `standing`.
    """

    villages: gpd.GeoDataFrame
    now: Mapping[str, str]
    named: Mapping[str, tuple[str, ...]]
    findings: tuple[Finding, ...] = ()
    rows: tuple[pd.DataFrame, ...] = ()


@dataclass(frozen=True)
class MergedServices:
    """
    Services of all sources.

    `into` gives for each row of the sources, one source after the other, the row of `services` that it stands in now;
    `metres` the distance between the two where an earlier source told the facility, else nan.
    """

    services: gpd.GeoDataFrame
    into: Ints
    metres: NDArray[np.float64]
    findings: tuple[Finding, ...] = ()


def merge_villages(sources: Sequence[gpd.GeoDataFrame]) -> Merged:
    """
    Join the villages of several sources, in the order in which a study lists them.

    A row is the same place as one of an earlier source if both bear the same name (in the sense of
    `name_key`) within 3 km, or any names within 300 m; each place is matched once, same names first, then the
    nearest. The earlier row keeps its id and position, its empty cells are filled, the larger kind holds.
    Where the names differ, the row with the larger known population gives name, population and year. Within
    one source, rows of one name within 300 m are one place: the one with the most people known.

    Parameters
    ----------
    sources
        Tables of villages, all in one reference system in metres.

    Raises
    ------
    TableError
        If two sources use one id for different places.
    """
    merged, now = _within_one_source(sources[0].sort_values("village_id", ignore_index=True))
    told = [_account(sources[0], now, {})]
    for later in sources[1:]:
        rows, own = _within_one_source(later.sort_values("village_id", ignore_index=True))
        merged, found = _join(merged, rows)
        _refuse_clashes(now, {read: found[kept][0] if kept in found else None for read, kept in own.items()})
        told.append(_account(later, own, found))
        now |= dict(zip(told[-1]["row_id"], told[-1]["village_id"], strict=True))
    names = [name for rows in told for name in rows.loc[rows["reason"] != OWN, "name"]]
    text = f"places told by more than one row or source, merged: {len(names)}"
    return Merged(
        merged.sort_values("village_id", ignore_index=True),
        now,
        _bearers(sources, now),
        tuple(finding("villages_merged", len(names), text, names)),
        _measured(told),
    )


def _account(rows: gpd.GeoDataFrame, own: Mapping[str, str], found: Mapping[str, tuple[str, str]]) -> pd.DataFrame:
    """Tell of each row of a source where it stands and why: `own` and `found` as the two joins give them."""
    ids = rows["village_id"].tolist()
    stays = [own[each] for each in ids]
    ends = [found.get(kept, (kept, OWN)) for kept in stays]
    reasons = [why if read == kept else SAME_SOURCE for read, kept, (_, why) in zip(ids, stays, ends, strict=True)]
    return pd.DataFrame(
        {
            "row_id": rows["village_id"],
            "name": rows["name"],
            "year": rows["population_year"],
            "village_id": pd.array([place for place, _ in ends], dtype="string"),
            "reason": pd.array(reasons, dtype="string"),
            "x": rows.geometry.x,
            "y": rows.geometry.y,
        }
    ).reset_index(drop=True)


def _measured(told: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, ...]:
    """Add how far each row lies from the place it stands in: from the row that gave it id and position."""
    everything = pd.concat(told, ignore_index=True)
    begun = everything[everything["row_id"] == everything["village_id"]].drop_duplicates("village_id")
    at = begun.set_index("village_id")[["x", "y"]]

    def metres(rows: pd.DataFrame) -> NDArray[np.float64]:
        gap, moved = np.zeros((len(rows), 2)), (rows["reason"] != OWN).to_numpy(dtype=bool)
        gap[moved] = rows.loc[moved, ["x", "y"]].to_numpy() - at.loc[rows.loc[moved, "village_id"]].to_numpy()
        return np.hypot(gap[:, 0], gap[:, 1])

    return tuple(rows.assign(metres=metres(rows)) for rows in told)


def _bearers(sources: Sequence[gpd.GeoDataFrame], now: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Collect the ids behind each name, also names that a place lost when it was merged."""
    read = pd.concat([table[["village_id", "name"]] for table in sources], ignore_index=True)
    pairs = pd.DataFrame({"key": name_keys(read["name"]), "id": read["village_id"].map(now)})
    pairs = pairs.drop_duplicates().sort_values(["key", "id"])
    found: dict[str, list[str]] = {}
    for key, held in zip(pairs["key"].tolist(), pairs["id"].tolist(), strict=True):
        found.setdefault(key, []).append(held)
    return {key: tuple(ids) for key, ids in found.items()}


def _refuse_clashes(now: Mapping[str, str], own: Mapping[str, str | None]) -> None:
    """Refuse an id of a later source that stands there for another place (None: a new one) than before."""
    clash = sorted(read for read, place in own.items() if read in now and now[read] != place)
    if clash:
        raise TableError(
            f"village_id {clash[0]!r} stands for different places in two sources",
            where="sources.villages",
            advice="rename one of the two",
        )


def _xy(table: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Coordinates in metres; a point that the projection cannot place lies far from everything."""
    xy = np.column_stack([table.geometry.x, table.geometry.y])
    return np.where(np.isfinite(xy), xy, 1e12 * (1 + np.arange(len(xy), dtype=float)[:, None]))


def _pairs_within(
    a: NDArray[np.float64], b: NDArray[np.float64], metres: float
) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """List all pairs of a point of `a` and one of `b` that are at most `metres` apart."""
    if not (len(a) and len(b)):
        return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0)
    found = cKDTree(a).sparse_distance_matrix(cKDTree(b), metres, output_type="ndarray")
    return found["i"].astype(np.int64), found["j"].astype(np.int64), found["v"]


def match_once(i: Ints, j: Ints, *order: NDArray[np.generic]) -> tuple[Ints, Ints]:
    """Match each i and each j at most once, the pairs that come first in `order` first."""
    by_rank = np.lexsort((j, i, *reversed(order)))
    left = pd.DataFrame({"i": i[by_rank], "j": j[by_rank]})
    chosen = []
    while len(left):
        best = left[~left["i"].duplicated() & ~left["j"].duplicated()]
        chosen.append(best)
        left = left[~left["i"].isin(best["i"]) & ~left["j"].isin(best["j"])]
    pairs = pd.concat(chosen) if chosen else left
    return pairs["i"].to_numpy(np.int64), pairs["j"].to_numpy(np.int64)


def _within_one_source(rows: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, dict[str, str]]:
    """Make one place of rows of one name within 300 m; `rows` are sorted by id. Also: id -> id that stays."""
    keys, xy = name_keys(rows["name"]).to_numpy(dtype=object), _xy(rows)
    i, j, _ = _pairs_within(xy, xy, SAME_SPOT_M)
    same = keys[i] == keys[j]
    n = len(rows)
    group = connected_components(coo_array((np.ones(same.sum()), (i[same], j[same])), shape=(n, n)), directed=False)[1]
    people = rows["population"].to_numpy(dtype=float, na_value=-1.0)
    order = np.lexsort((np.arange(n), -people, group))
    best = pd.Series(order).groupby(group[order], sort=True).first().to_numpy()[group]
    ids = rows["village_id"].to_numpy(dtype=object)
    stays = dict(zip(ids.tolist(), ids[best].tolist(), strict=True))
    gone = best != np.arange(n)
    return rows[~gone].reset_index(drop=True), stays


def _join(merged: gpd.GeoDataFrame, later: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, dict[str, tuple[str, str]]]:
    """Fill `merged` from its matches in `later` and append what is new. Also: id in `later` -> id in `merged`, why."""
    i, j, metres = _pairs_within(_xy(merged), _xy(later), SAME_NAME_M)
    names = [name_keys(table["name"]).to_numpy(dtype=object) for table in (merged, later)]
    same = names[0][i] == names[1][j]
    near = same | (metres <= SAME_SPOT_M)
    i, j = match_once(i[near], j[near], ~same[near], metres[near])
    renamed = names[0][i] != names[1][j]
    filled = _fill(merged, later, i, j, renamed)
    why = np.where(renamed, NEAR, SAME_NAME).tolist()
    ends = zip(merged["village_id"].iloc[i], why, strict=True)
    found = dict(zip(later["village_id"].iloc[j], ends, strict=True))
    return pd.concat([filled, later.drop(index=later.index[j])], ignore_index=True), found


def _fill(
    merged: gpd.GeoDataFrame, later: gpd.GeoDataFrame, i: Ints, j: Ints, renamed: NDArray[np.bool_]
) -> gpd.GeoDataFrame:
    """Fill the matched rows `i` of `merged` from the rows `j` of `later`."""
    merged = merged.copy()
    old, new = merged.iloc[i], later.iloc[j].set_axis(merged.index[i])
    people = [table["population"].to_numpy(dtype=float, na_value=-1.0) for table in (old, new)]
    takes_name = renamed & (people[1] > people[0])
    takes_people = takes_name | ((people[0] < 0) & (people[1] >= 0))
    whole = {"village_id", "geometry", "kind", "name", "population", "population_year"}
    cells = {name: old[name].fillna(new[name]) for name in merged.columns if name not in whole}
    cells["name"] = old["name"].mask(takes_name, new["name"])
    cells |= {name: old[name].mask(takes_people, new[name]) for name in ("population", "population_year")}
    size = [table["kind"].map({kind: rank for rank, kind in enumerate(KINDS)}).to_numpy(int) for table in (old, new)]
    cells["kind"] = old["kind"].mask(size[1] > size[0], new["kind"])
    for name, values in cells.items():
        merged.loc[merged.index[i], name] = values
    return merged


def merge_services(sources: Sequence[gpd.GeoDataFrame]) -> MergedServices:
    """
    Join the services of several sources; a facility told by two of them counts once.

    Rows of one category within 60 m in two different sources are one facility: the row of the earlier source
    stays, and takes the later one's name or capacity where it has none. Two rows of one source stay two. A
    row without a position of its own (it only names its village) is never merged.

    Parameters
    ----------
    sources
        Tables of services in one reference system in metres, the ones to keep first.

    Raises
    ------
    TableError
        If two sources use one id.
    """
    merged, told = sources[0].reset_index(drop=True), []
    into, apart = [np.arange(len(merged))], [np.full(len(merged), np.nan)]
    for later in sources[1:]:
        rows = later.reset_index(drop=True)
        at_a, at_b = (np.flatnonzero(table.geometry.notna()) for table in (merged, rows))
        i, j, metres = _pairs_within(_xy(merged.iloc[at_a]), _xy(rows.iloc[at_b]), SAME_FACILITY_M)
        i, j = at_a[i], at_b[j]
        same = merged["category"].to_numpy(object)[i] == rows["category"].to_numpy(object)[j]
        i, j = match_once(i[same], j[same], metres[same])
        into.append(_places_of(i, j, len(merged), len(rows)))
        apart.append(np.full(len(rows), np.nan))
        apart[-1][j] = shapely.distance(merged.geometry.to_numpy()[i], rows.geometry.to_numpy()[j])
        for name in ("name", "capacity"):
            filled = merged[name].iloc[i].fillna(rows[name].iloc[j].set_axis(merged.index[i]))
            merged.loc[merged.index[i], name] = filled
        told += rows["name"].iloc[j].fillna(rows["category"].iloc[j]).tolist()
        merged = pd.concat([merged, rows.drop(index=rows.index[j])], ignore_index=True)
    twice = merged.loc[merged["service_id"].duplicated(), "service_id"]
    if len(twice):
        raise TableError(
            f"service_id {twice.iloc[0]!r} is used in two sources",
            where="sources.services",
            advice="rename one",
        )
    text = f"services told by two sources within {SAME_FACILITY_M:g} m, counted once: {len(told)}"
    findings = tuple(finding("services_merged", len(told), text, told))
    return MergedServices(merged, np.concatenate(into), np.concatenate(apart), findings)


def _places_of(i: Ints, j: Ints, before: int, later: int) -> Ints:
    """Tell where each of the later rows comes to stand: `j` in `i`, the others one by one behind those before."""
    stands = np.full(later, -1, dtype=np.int64)
    stands[j] = i
    new = stands < 0
    stands[new] = before + np.arange(new.sum())
    return stands
