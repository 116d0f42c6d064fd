"""The study's reference system and area, and which parish and municipality a village lies in."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from ..errors import CrsError, StudyError
from ..tables import Roads, check_crs
from .naming import code_key, municipality_key, name_key, name_keys
from .positions import DANISH_UTM, WGS84, in_denmark

BORDER_M = 1_000.0  # how far outside its area a place may lie: borders are drawn coarsely, harbours stand in the sea
SERVICES_BEYOND_M = 20_000.0  # services across the border count; no trip inside 20 minutes is longer by car
ROADS_BEYOND_M = 25_000.0  # room to drive round

GIVEN_BY_PARISHES = (  # what holds for all villages of a parish, where a village's own row says nothing else
    "municipality_id",
    "historic_district",
    "former_municipality",
    "former_municipality_1970",
    "school_district",
    "pastorate",
)

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def wanted_crs(wanted: str | None) -> CRS | None:
    """
    Read the reference system that a study file asks for, if it does; anything pyproj understands.

    Raises
    ------
    CrsError
        If it is unknown, no projection, or not in metres.
    """
    if wanted is None:
        return None
    try:
        crs = CRS.from_user_input(wanted)
    except ProjError:
        raise CrsError(
            f"unknown reference system {wanted!r}",
            where="study.crs",
            advice='write for example "EPSG:25832"',
        ) from None
    check_crs(crs, source=f"study.crs {wanted!r}")
    return crs


def study_crs(wanted: CRS | None, villages: Sequence[gpd.GeoDataFrame]) -> CRS:
    """
    Choose the reference system of a study.

    Parameters
    ----------
    wanted
        What the study file asks for.
    villages
        Points in any reference systems. Without `wanted`, their middle decides: EPSG:25832 in Denmark, else
        the local UTM zone.

    Raises
    ------
    CrsError
        If `wanted` stretches distances at the villages' middle by more than 1 %.
    """
    points = pd.concat([table.geometry.to_crs(WGS84) for table in villages])
    lon, lat = float(np.nanmedian(points.x)), float(np.nanmedian(points.y))
    if wanted is not None:
        check_crs(wanted, source=f"study.crs {wanted.to_string()!r}", middle=(lon, lat))
        return wanted
    if in_denmark(np.array([lon]), np.array([lat])).all():
        return CRS.from_user_input(DANISH_UTM)
    middle: CRS = gpd.GeoSeries(gpd.points_from_xy([lon], [lat]), crs=WGS84).estimate_utm_crs()
    return middle


@dataclass(frozen=True)
class StudyArea:
    """
    What belongs to a study.

    `polygons` are empty where no bounds are known; `chosen` are the municipalities asked for; `others` are areas of
    the same kind that do not belong to it.
    """

    polygons: NDArray[np.object_]
    chosen: frozenset[str] | None = None
    others: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=object))

    def within(self, points: gpd.GeoSeries, *, beyond_m: float) -> Bools:
        """Tell which points lie in the area or at most `beyond_m` metres outside."""
        return self.inside_and_near(points, beyond_m=beyond_m)[1]

    def inside_and_near(self, points: gpd.GeoSeries, *, beyond_m: float) -> tuple[Bools, Bools]:
        """Tell which points lie in the area, and which there or at most `beyond_m` metres outside."""
        finite: Bools = np.isfinite(np.column_stack([points.x, points.y])).all(axis=1)
        if not len(self.polygons):
            return finite, finite
        inside = np.zeros(len(points), dtype=bool)
        # a polygon is prepared once for all points; only those in none of them need a distance
        _, held = shapely.STRtree(points.to_numpy()).query(self.polygons, predicate="intersects")
        inside[held] = True
        kept, rows = inside.copy(), np.flatnonzero(finite & ~inside)
        near, _ = shapely.STRtree(self.polygons).query_nearest(
            points.to_numpy()[rows], max_distance=beyond_m, all_matches=False
        )
        kept[rows[near]] = True
        return inside, kept

    def holds(self, points: gpd.GeoSeries, *, beyond_m: float) -> Bools:
        """Tell which points are the area's: inside it, or inside no area and nearest to it within `beyond_m` metres."""
        shapes, everywhere = points.to_numpy(), np.concatenate([self.polygons, self.others])
        tree = shapely.STRtree(shapes)
        held, ours = np.zeros(len(points), dtype=bool), np.zeros(len(points), dtype=bool)
        held[tree.query(everywhere, predicate="intersects")[1]] = True
        ours[tree.query(self.polygons, predicate="intersects")[1]] = True
        nowhere = np.flatnonzero(~held)
        at, area = shapely.STRtree(everywhere).query_nearest(shapes[nowhere], max_distance=beyond_m, all_matches=True)
        ours[nowhere[at[area < len(self.polygons)]]] = True
        return ours

    def touched_by(self, roads: Roads) -> Bools:
        """Tell which roads touch the area's box plus 25 km; all, where no municipality was chosen."""
        if self.chosen is None or not len(self.polygons) or not len(roads):
            return np.ones(len(roads), dtype=bool)
        low, high = np.split(shapely.total_bounds(self.polygons), 2)
        points, starts = roads.xy[roads.vertex], roads.indptr[:-1]
        left_or_below = np.minimum.reduceat(points, starts) <= high + ROADS_BEYOND_M
        right_or_above = np.maximum.reduceat(points, starts) >= low - ROADS_BEYOND_M
        near = left_or_below & right_or_above
        touched: Bools = near[:, 0] & near[:, 1]
        return touched


def study_area(
    wanted: Sequence[str],
    villages: gpd.GeoDataFrame,
    parishes: gpd.GeoDataFrame | None,
    municipalities: gpd.GeoDataFrame | None,
) -> StudyArea:
    """
    Find the area of a study.

    The municipalities it names, or all; without their polygons the parishes; without those everything.

    Parameters
    ----------
    wanted
        Codes or names of municipalities; leading zeros do not count.
    villages
        Joined with parishes and municipalities.
    parishes, municipalities
        In the study's reference system, if there are any.

    Raises
    ------
    StudyError
        If a municipality is not in the sources; names the nearest.
    """
    chosen = _chosen(wanted, villages, municipalities) if wanted else None
    for known in (municipalities, parishes):
        if known is not None and known.geometry.notna().any():
            kept = known if chosen is None else known[known["municipality_id"].isin(chosen)]
            break
    else:
        return StudyArea(np.empty(0, dtype=object), chosen)
    others = known.drop(index=kept.index)
    return StudyArea(kept.geometry.dropna().to_numpy(), chosen, others.geometry.dropna().to_numpy())


def _chosen(
    wanted: Sequence[str], villages: gpd.GeoDataFrame, municipalities: gpd.GeoDataFrame | None
) -> frozenset[str]:
    """Turn the codes and names that a study file gives into ids."""
    known = villages[["municipality_id", "municipality"]].set_axis(["id", "name"], axis=1)
    if municipalities is not None:
        own = municipalities[["municipality_id", "name"]].set_axis(["id", "name"], axis=1)
        known = pd.concat([known, own])
    known = known.dropna(subset="id").drop_duplicates()
    if known.empty:
        raise StudyError(
            "municipalities are named, but no source says which municipality a village lies in",
            where="study.municipalities",
            advice="add sources.municipalities, or a municipality_id column",
        )
    ids = {code_key(text): text for text in known["id"]}
    ids |= {
        municipality_key(name): text for text, name in zip(known["id"], known["name"], strict=True) if not pd.isna(name)
    }
    return frozenset(_one_chosen(text, ids, known) for text in wanted)


def _one_chosen(text: str, ids: dict[str, str], known: pd.DataFrame) -> str:
    for form in (code_key(text), name_key(text), municipality_key(text)):
        if form in ids:
            return ids[form]
    spellings = sorted({*known["id"], *known["name"].dropna()})
    near = difflib.get_close_matches(text, spellings, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(spellings[:6])} …"
    raise StudyError(f"no municipality {text!r} in the sources", where="study.municipalities", advice=hint)


def join_areas_by_place(
    villages: gpd.GeoDataFrame, parishes: gpd.GeoDataFrame | None, municipalities: gpd.GeoDataFrame | None
) -> gpd.GeoDataFrame:
    """
    Give each village its parish and municipality.

    A parish that the village's own row names wins, if it exists; otherwise the polygon that holds the
    village, or the nearest one within 1 km. The parish fills municipality, historic district, former
    municipalities, school district and pastorate where the village says none. A municipality polygon decides before
    anything a row says.
    A village that only says the name of its municipality, or of its parish where there are no parishes, gets the
    id that the sources have for that name, else the name in the sense of `name_key`.

    Parameters
    ----------
    villages, parishes, municipalities
        All in the study's reference system.
    """
    villages = villages.copy()
    if parishes is not None:
        _join_parishes(villages, parishes)
    else:
        _fill_ids(villages, "parish_id", "parish", name_key)
    if municipalities is not None:
        _join_municipalities(villages, municipalities)
    if municipalities is None or municipalities.geometry.isna().all():
        _fill_ids(villages, "municipality_id", "municipality", municipality_key, municipalities)
    return villages


def _fill_ids(
    villages: gpd.GeoDataFrame,
    id_name: str,
    name: str,
    key: Callable[[str], str],
    areas: gpd.GeoDataFrame | None = None,
) -> None:
    """Fill missing ids from names: the one id that `areas` and villages have for a name, else the key itself."""
    known = [villages[[id_name, name]].set_axis(["id", "key"], axis=1)]
    if areas is not None:
        known.append(areas[[id_name, "name"]].set_axis(["id", "key"], axis=1))
    pairs = pd.concat(known, ignore_index=True).dropna()
    pairs = pairs.assign(key=pairs["key"].map(key)).drop_duplicates()
    pairs = pairs[~pairs["key"].duplicated(keep=False)]
    keys = villages[name].map(key, na_action="ignore").astype("string")
    ids = keys.map(dict(zip(pairs["key"], pairs["id"], strict=True))).astype("string").fillna(keys)
    villages[id_name] = villages[id_name].fillna(ids)


def _join_parishes(villages: gpd.GeoDataFrame, parishes: gpd.GeoDataFrame) -> None:
    own_id = pd.Series(pd.Index(parishes["parish_id"]).get_indexer(villages["parish_id"]), index=villages.index)
    rows = _first_known(own_id.to_numpy(), _parish_by_name(villages, parishes), _holding(villages, parishes))
    known = rows >= 0
    found = parishes.iloc[rows[known]].set_axis(villages.index[known])
    for name, column in (("parish_id", "parish_id"), ("parish", "name")):
        villages.loc[known, name] = found[column]
    for name in GIVEN_BY_PARISHES:
        villages.loc[known, name] = villages.loc[known, name].fillna(found[name])


def _first_known(*choices: Ints) -> Ints:
    """Take in each row the first choice that is not -1."""
    result = choices[0]
    for choice in choices[1:]:
        result = np.where(result >= 0, result, choice)
    return result


def _parish_by_name(villages: gpd.GeoDataFrame, parishes: gpd.GeoDataFrame) -> Ints:
    """Find the parish that a village's row names; among parishes of one name the nearest."""
    left = pd.DataFrame({"key": name_keys(villages["parish"]), "village": np.arange(len(villages))}).dropna()
    right = pd.DataFrame({"key": name_keys(parishes["name"]), "parish": np.arange(len(parishes))})
    pairs = left.merge(right, on="key")
    points = villages.geometry.to_numpy()[pairs["village"].to_numpy()]
    metres = shapely.distance(points, parishes.geometry.to_numpy()[pairs["parish"].to_numpy()])
    pairs = pairs.assign(metres=metres).sort_values(["village", "metres", "parish"]).drop_duplicates("village")
    rows = np.full(len(villages), -1, dtype=np.int64)
    rows[pairs["village"].to_numpy()] = pairs["parish"].to_numpy()
    return rows


def _holding(points: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> Ints:
    """Find the row of the area that holds each point, or of the nearest within 1 km; else -1."""
    rows = np.full(len(points), -1, dtype=np.int64)
    shaped = np.flatnonzero(areas.geometry.notna())
    finite = np.flatnonzero(np.isfinite(np.column_stack([points.geometry.x, points.geometry.y])).all(axis=1))
    if not (len(shaped) and len(finite)):
        return rows
    polygons, places = areas.geometry.to_numpy()[shaped], points.geometry.to_numpy()[finite]
    area, at = shapely.STRtree(places).query(polygons, predicate="intersects")
    outside = np.setdiff1d(np.arange(len(finite)), at)
    far, nearest = shapely.STRtree(polygons).query_nearest(places[outside], max_distance=BORDER_M, all_matches=True)
    at, area = np.concatenate([at, outside[far]]), np.concatenate([area, nearest])
    first = pd.DataFrame({"at": finite[at], "area": shaped[area]}).groupby("at")["area"].min()
    rows[first.index.to_numpy()] = first.to_numpy()
    return rows


def _join_municipalities(villages: gpd.GeoDataFrame, municipalities: gpd.GeoDataFrame) -> None:
    if municipalities.geometry.notna().any():
        rows = _holding(villages, municipalities)
        held = rows >= 0
        ids = municipalities["municipality_id"].iloc[rows[held]].set_axis(villages.index[held])
        villages.loc[held, "municipality_id"] = ids
        villages.loc[held, "municipality"] = pd.NA
        villages.loc[~held, "municipality_id"] = pd.NA  # what the polygons do not hold is in none of them
    names = municipalities.set_index("municipality_id")["name"]
    named = villages["municipality_id"].map(names).astype("string")
    villages["municipality"] = villages["municipality"].fillna(named)


def inside_study(villages: gpd.GeoDataFrame, area: StudyArea) -> Bools:
    """Tell which villages belong to the study: in a chosen municipality, or at most 1 km outside."""
    if area.chosen is not None:
        finite = np.isfinite(np.column_stack([villages.geometry.x, villages.geometry.y])).all(axis=1)
        chosen: Bools = villages["municipality_id"].isin(area.chosen).to_numpy(dtype=bool) & finite
        return chosen
    return area.within(villages.geometry, beyond_m=BORDER_M)
