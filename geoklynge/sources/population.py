"""People of urban areas and parishes, as Statistics Denmark counts them, given to places and parishes of a study."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import TableError
from ..tables import KINDS, Finding
from .merge import match_once
from .naming import code_key, place_key
from .records import finding
from .statbank import Counts, municipality_keys
from .villages import KIND_FROM, kind_by_people

URBAN_FROM = KIND_FROM[0][0]  # people from which Statistics Denmark lists an urban area
IN_ONE_PARISH = ("hamlet", "village")  # larger places reach over several parishes

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def people_to_places(
    counts: Counts, villages: gpd.GeoDataFrame, *, source: str, now: Mapping[str, str], inside: Bools
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Give places the people of the urban area that they are.

    An area is the place whose `village_id` or `statbank_code` is its code, else the place of its name (in the sense
    of `place_key`) in its municipality. Of several such places it is the one of the larger kind, then the one with
    more people known. Where the municipality of the area or of the place is not known, the name must be borne by one
    of each alone. The place takes people and year if it says no people, no year, or an older one. A hamlet that takes
    them becomes what its people make it, as an urban area is no hamlet.

    Parameters
    ----------
    counts
        Of urban areas.
    villages
        All that were read, with municipality where it is known.
    source
        The file, for messages.
    now
        Id of a place that was read -> id that holds.
    inside
        Which of them belong to the study; findings are about these and their municipalities.

    Raises
    ------
    TableError
        If the areas have codes only, and no place says one of them.
    """
    areas = counts.rows
    by_code = _by_code(areas, villages, now)
    if (by_code < 0).all() and (areas["name"] == "").all():
        raise TableError(
            f"areas have codes only ({areas['code'].iloc[0]}), and no place says one of them",
            where=source,
            advice="ask for codes and texts (valuePresentation CodeAndValue)",
        )
    place, area = _of_one_name(areas, villages)
    free = (by_code[area] < 0) & ~np.isin(place, by_code)
    place, area = place[free], area[free]
    several = np.bincount(area, minlength=len(areas)) > 1
    by_name = _largest_first(areas, villages, place, area)
    place = np.concatenate([by_code[by_code >= 0], by_name[0]])
    area = np.concatenate([np.flatnonzero(by_code >= 0), by_name[1]])
    given = _with_people(villages, place, areas["people"].to_numpy()[area], counts.year)
    taken = given.iloc[place]
    small = taken.index[(taken["kind"] == KINDS[0]).to_numpy(dtype=bool)]
    given.loc[small, "kind"] = kind_by_people(given.loc[small, "population"])
    told = areas["name"][several & np.isin(np.arange(len(areas)), area)]
    text = f"urban areas of {source} whose name several places of one municipality bear, given to the largest"
    return given, [
        *_about_places(counts, given, np.isin(np.arange(len(areas)), area), place, inside=inside, source=source),
        *finding("population_several_places", len(told), f"{text}: {len(told)}", told),
    ]


def _by_code(areas: pd.DataFrame, villages: gpd.GeoDataFrame, now: Mapping[str, str]) -> Ints:
    """
    Find for each area the place that says its code, -1 for none.

    A `statbank_code` may be the whole code, or its last five digits: those of the area, without the municipality.
    """
    ids = pd.Index([now.get(code, "") for code in areas["code"]], dtype=object)
    found: Ints = pd.Index(villages["village_id"]).get_indexer(ids).astype(np.int64)
    if "statbank_code" not in villages:
        return found
    said = pd.DataFrame(
        {"code": villages["statbank_code"].astype("string"), "place": np.arange(len(villages))}
    ).dropna()
    codes = [pd.DataFrame({"code": areas["code"].str[cut:], "area": np.arange(len(areas))}) for cut in (0, 3)]
    pairs = said.merge(pd.concat(codes).astype({"code": "string"}), on="code").sort_values(["area", "place"])
    place, area = pairs["place"].to_numpy(np.int64), pairs["area"].to_numpy(np.int64)
    sure = _in_one_municipality(areas, villages, place, area)
    place, area = match_once(place[sure], area[sure], -areas["people"].to_numpy(dtype=float)[area[sure]])
    found[area] = np.where(found[area] >= 0, found[area], place)
    return found


def _of_one_name(areas: pd.DataFrame, villages: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
    """Pair places and areas of one name that are in one municipality, or the only ones of their name."""
    left = pd.DataFrame({"key": villages["name"].map(place_key), "place": np.arange(len(villages))})
    named = areas["name"] != ""
    right = pd.DataFrame({"key": areas["name"][named].map(place_key), "area": np.flatnonzero(named)})
    pairs = left.merge(right, on="key").sort_values(["area", "place"])
    place, area = pairs["place"].to_numpy(np.int64), pairs["area"].to_numpy(np.int64)
    sure = _in_one_municipality(areas, villages, place, area)
    return place[sure], area[sure]


def _in_one_municipality(areas: pd.DataFrame, villages: gpd.GeoDataFrame, place: Ints, area: Ints) -> Bools:
    """Tell which pairs lie in one municipality; where one of it is not known, which are the only one of their ends."""
    own = [municipality_keys(*said) for said in zip(villages["municipality_id"], villages["municipality"], strict=True)]
    theirs = areas["municipalities"].tolist()
    alone = ~(pd.Series(place).duplicated(keep=False) | pd.Series(area).duplicated(keep=False))
    sure = [
        bool(own[p] & theirs[a]) if own[p] and theirs[a] else only
        for p, a, only in zip(place.tolist(), area.tolist(), alone.tolist(), strict=True)
    ]
    return np.array(sure, dtype=bool)


def _largest_first(areas: pd.DataFrame, villages: gpd.GeoDataFrame, place: Ints, area: Ints) -> tuple[Ints, Ints]:
    """Match each place and each area once: the largest areas first, each with its largest place."""
    size = villages["kind"].map({kind: rank for rank, kind in enumerate(KINDS)}).to_numpy(dtype=float)[place]
    known = villages["population"].to_numpy(dtype=float, na_value=-1.0)[place]
    people = areas["people"].to_numpy(dtype=float)[area]
    return match_once(place, area, -people, -size, -known)


def _with_people(table: gpd.GeoDataFrame, at: Ints, people: Ints, year: int) -> gpd.GeoDataFrame:
    """Write people and year into the rows `at` that say no people, no year, or an older one."""
    old = table["population_year"].iloc[at].to_numpy(dtype=float, na_value=-np.inf)
    takes = table["population"].iloc[at].isna().to_numpy(dtype=bool) | (old < year)
    given, rows = table.copy(), table.index[at[takes]]
    given.loc[rows, "population"] = people[takes]
    given.loc[rows, "population_year"] = year
    return given


def _about_places(
    counts: Counts, villages: gpd.GeoDataFrame, matched: Bools, place: Ints, *, inside: Bools, source: str
) -> list[Finding]:
    """List the areas of the study's municipalities that are no place, and the places that should be one."""
    ours = _lies_in(counts, villages[inside])
    lost = counts.rows[ours & ~matched]
    large = (villages["population"] >= URBAN_FROM).fillna(False).to_numpy(dtype=bool) & inside
    without = villages[large & ~np.isin(np.arange(len(villages)), place)]
    areas = f"urban areas of {source} in the study's municipalities with no place of their name: "
    places = f"places of {URBAN_FROM} people or more that are no urban area of {source}: "
    return [
        *finding("population_areas_unmatched", len(lost), f"{areas}{len(lost)} of {ours.sum()}", _called(lost)),
        *finding("population_not_listed", len(without), f"{places}{len(without)} of {large.sum()}", without["name"]),
    ]


def _lies_in(counts: Counts, villages: gpd.GeoDataFrame) -> Bools:
    """Tell which areas lie in the municipalities of some villages."""
    said = set(zip(villages["municipality_id"], villages["municipality"], strict=True))
    here = frozenset[str]().union(*(municipality_keys(code, name) for code, name in said))
    return np.array([bool(keys & here) for keys in counts.rows["municipalities"]], dtype=bool)


def _called(areas: pd.DataFrame) -> pd.Series:
    return areas["name"].where(areas["name"] != "", areas["code"])


def people_to_parishes(
    counts: Counts, parishes: gpd.GeoDataFrame | None, villages: gpd.GeoDataFrame, *, source: str, inside: Bools
) -> tuple[gpd.GeoDataFrame | None, list[Finding]]:
    """
    Give parishes their people, by code; the newer year holds.

    A finding names the parishes whose places say more people than live there. Parishes that hold a town are left
    aside, as towns reach over several.

    Parameters
    ----------
    counts
        Of parishes.
    parishes
        All that were read; None where the study names none, and then nobody is given anything.
    villages
        All that were read, with their people, parish and municipality.
    source
        The file, for messages.
    inside
        Which of the villages belong to the study; findings are about these and their municipalities.
    """
    areas = counts.rows
    if parishes is None:
        text = f"parishes of {source} that are of no use, as the study names no file of parishes: {len(areas)}"
        return None, finding("population_parishes_unused", len(areas), text)
    known = parishes["parish_id"].map(code_key)
    rows = dict(zip(known[::-1], range(len(known) - 1, -1, -1), strict=True))  # of two ids with one key the first
    at = np.array([rows.get(code_key(code), -1) for code in areas["code"]], dtype=np.int64)
    found = at >= 0
    given = _with_people(parishes, at[found], areas["people"].to_numpy()[found], counts.year)
    ours = _lies_in(counts, villages[inside])
    lost = areas[ours & ~found]
    text = f"parishes of {source} in the study's municipalities that its parishes lack: {len(lost)} of {ours.sum()}"
    return given, [
        *finding("population_parishes_unmatched", len(lost), text, _called(lost)),
        *_crowded(given, villages[inside]),
    ]


def _crowded(parishes: gpd.GeoDataFrame, villages: gpd.GeoDataFrame) -> list[Finding]:
    people = villages.groupby("parish_id")["population"].sum()
    towns = villages.loc[~villages["kind"].isin(IN_ONE_PARISH), "parish_id"]
    there = parishes["parish_id"].map(people).fillna(0).astype("Int64")
    more = (there > parishes["population"]).fillna(False).to_numpy(dtype=bool) & ~parishes["parish_id"].isin(towns)
    called = parishes["name"] + " (" + there.astype("string") + " > " + parishes["population"].astype("string") + ")"
    text = f"parishes whose places say more people than live in the parish: {more.sum()}"
    return finding("population_above_parish", int(more.sum()), text, called[more])
