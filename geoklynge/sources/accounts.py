"""Accounts of the rows of all sources: where each stands now; see `Origins`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..origins import AROUND, INSIDE, NEAR, OUTSIDE, OWN
from ..study import Study
from .merge import Merged, MergedServices
from .place import SERVICES_BEYOND_M, StudyArea


def osm_label(study: Study) -> str:
    """Name the OSM files of a study as one source: they are read together."""
    return ", ".join(study.sources.osm) or "osm"


def village_rows(study: Study, merged: Merged, kept: gpd.GeoDataFrame) -> pd.DataFrame:
    """Account for every row of the sources of villages, of which `kept` are the study's own."""
    names = [osm_label(study) if source == "osm" else source for source in study.sources.villages or ("osm",)]
    told = [rows.assign(source=name) for name, rows in zip(names, merged.rows, strict=True)]
    rows: pd.DataFrame = pd.concat(told, ignore_index=True)
    rows["standing"] = np.where(rows["village_id"].isin(kept["village_id"]), INSIDE, OUTSIDE)
    return rows


def stated_parishes(villages: gpd.GeoDataFrame) -> pd.DataFrame:
    """List the parishes that the villages' own rows name; `villages` as they were merged."""
    stated = villages["parish_id"].fillna(villages["parish"])
    known = stated.notna().to_numpy()
    return pd.DataFrame({"village_id": villages["village_id"][known], "stated": stated[known]})


def rows_as_read(
    tables: Sequence[gpd.GeoDataFrame],
    names: Sequence[str],
    *,
    stops: Mapping[int, pd.DataFrame],
    left: Sequence[pd.DataFrame],
) -> pd.DataFrame:
    """
    List every row of the sources of services: `at` is its row in all `tables`, one after the other, -1 for none.

    Parameters
    ----------
    tables, names
        The sources as they are to be merged, and what the study file calls them.
    stops
        Of those tables that are timetables, by number: their `Timetable.stops`, which are more.
    left
        Rows with their `source` that are in no table, as `without_mapped_stops` gives them: `at` counts from the first
        timetable.
    """
    starts = np.cumsum([0, *map(len, tables)])
    parts = [stops.get(number, _as_they_are(table)) for number, table in enumerate(tables)]
    parts = [part.assign(source=name) for part, name in zip(parts, names, strict=True)] + [*left]
    firsts = [*starts[:-1], *[starts[min(stops, default=0)]] * len(left)]
    counted = [part.assign(at=np.where(part["at"] < 0, -1, part["at"] + first))
               for part, first in zip(parts, firsts, strict=True)]  # fmt: skip
    rows: pd.DataFrame = pd.concat(counted, ignore_index=True)
    return rows


def _as_they_are(table: gpd.GeoDataFrame) -> pd.DataFrame:
    """Account for a table of which every row is a service."""
    rows = pd.DataFrame(table[["service_id", "name", "category", "year"]]).rename(columns={"service_id": "row_id"})
    return rows.assign(reason=OWN, at=np.arange(len(rows)), x=np.nan, y=np.nan)


def service_rows(
    rows: pd.DataFrame, told: MergedServices, services: gpd.GeoDataFrame, standing: NDArray[np.str_], area: StudyArea
) -> pd.DataFrame:
    """
    Account for every row of the sources of services.

    Parameters
    ----------
    rows
        As `rows_as_read` lists them.
    told
        How the tables were merged.
    services
        What they became, row by row as in `told`, with positions.
    standing
        Of each of `services`; see `Origins`.
    area
        The study's, for the rows that stand in none of them.
    """
    at, n = rows["at"].to_numpy(np.int64), len(rows)
    there, own = at >= 0, (rows["reason"] == OWN).to_numpy(dtype=bool)
    into, apart = told.into[at[there]], np.full(n, np.nan)
    apart[there] = told.metres[at[there]]
    merged = own & ~np.isnan(apart)
    ids, points = pd.array([pd.NA] * n, dtype="string"), services.geometry.to_numpy()[into]
    ids[there] = services["service_id"].array[into]
    xy = rows[["x", "y"]].to_numpy(dtype=float)
    last = xy.copy()
    last[there] = np.column_stack([shapely.get_x(points), shapely.get_y(points)])
    moved = np.where(there, np.hypot(*(xy - last).T), np.nan)
    stands = np.empty(n, dtype=object)
    stands[there] = standing[into]
    stands[~there] = standings(gpd.GeoSeries(gpd.points_from_xy(*xy[~there].T), crs=services.crs), area)
    return rows.drop(columns="at").assign(
        service_id=ids,
        reason=rows["reason"].mask(merged, NEAR),
        metres=np.where(own, np.where(merged, apart, 0.0), moved),
        standing=stands,
        x=last[:, 0],
        y=last[:, 1],
    )


def standings(points: gpd.GeoSeries, area: StudyArea) -> NDArray[np.str_]:
    """Tell which points stand inside the study's area, around it, or outside."""
    inside, near = area.inside_and_near(points, beyond_m=SERVICES_BEYOND_M)
    return np.where(inside, INSIDE, np.where(near, AROUND, OUTSIDE))
