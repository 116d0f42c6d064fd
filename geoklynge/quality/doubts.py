"""Single rows that look wrong: a place outside its parish, a service far from everything, a position that cannot be."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from scipy.spatial import cKDTree

from ..origins import INSIDE, OWN, Origins

Floats = NDArray[np.float64]

OFF_BORDER_M = 100.0  # how far outside its parish a place is a doubt: borders of 1:500,000 are off by some 40 m
# How far from every place a service is a doubt: in Denmark 99 of 100 services lie within 4.4 km of one.
FAR_M = 5_000.0
NULL_ISLAND_M = 1_000.0  # how near to 0, 0 a position is one that nobody filled in
AWAY_SHARE, AWAY_TIMES, AWAY_M = 0.95, 3.0, 100_000.0


def outside_parish(villages: gpd.GeoDataFrame, parishes: gpd.GeoDataFrame | None, origins: Origins) -> pd.DataFrame:
    """
    Find places whose own row names a parish that they do not lie in, by more than 100 m.

    Parameters
    ----------
    villages
        Joined with their parishes; a parish that a village's own row names wins there.
    parishes
        Those without a polygon tell nothing.
    origins
        Which villages' own rows name a parish.

    Returns
    -------
    pd.DataFrame
        `village_id`, `name`, `parish` (as stated), `lies_in` (the parish whose polygon holds it; empty where none
        does), `metres` to the stated parish, `x`, `y`.
    """
    columns = ["village_id", "name", "parish", "lies_in", "metres", "x", "y"]
    stated = villages[villages["village_id"].isin(origins.stated_parishes["village_id"])]
    if parishes is None or stated.empty or parishes.geometry.isna().all():
        return pd.DataFrame(columns=columns)
    shapes = parishes.geometry.to_numpy()
    at = pd.Index(parishes["parish_id"]).get_indexer(stated["parish_id"])
    known = np.flatnonzero(at >= 0)
    points = stated.geometry.to_numpy()[known]
    metres = shapely.distance(points, shapes[at[known]])  # nan where the parish has no polygon
    off = metres > OFF_BORDER_M
    rows, points = stated.iloc[known[off]], points[off]
    shaped = np.flatnonzero(parishes.geometry.notna())
    holds, held = shapely.STRtree(points).query(shapes[shaped], predicate="intersects")
    first = pd.DataFrame({"held": held, "holds": shaped[holds]}).groupby("held")["holds"].min()
    lies_in = parishes["name"].iloc[first.to_numpy()].set_axis(first.index).reindex(range(len(rows))).fillna("")
    return pd.DataFrame(
        {
            "village_id": rows["village_id"].to_numpy(),
            "name": rows["name"].to_numpy(),
            "parish": rows["parish"].to_numpy(),
            "lies_in": lies_in.to_numpy(),
            "metres": metres[off].round(1),
            "x": shapely.get_x(points),
            "y": shapely.get_y(points),
        }
    )


def without_people(villages: gpd.GeoDataFrame) -> pd.DataFrame:
    """List the places whose people nobody knows: `village_id`, `name`, `kind`, `people` (assumed), `x`, `y`."""
    rows = villages[villages["population"].isna().to_numpy()]
    table = pd.DataFrame(rows[["village_id", "name", "kind", "people"]]).reset_index(drop=True)
    return table.assign(x=rows.geometry.x.to_numpy(), y=rows.geometry.y.to_numpy())


def far_services(services: gpd.GeoDataFrame, origins: Origins) -> pd.DataFrame:
    """
    Find services inside the study's area that lie more than 5 km from every place of the sources.

    A service that stands in a place, within the reach of that place's kind, is none of them.

    Returns
    -------
    pd.DataFrame
        `service_id`, `name`, `category`, `metres` to the nearest place, `nearest` (its name), `x`, `y`; the farthest
        first.
    """
    columns = ["service_id", "name", "category", "metres", "nearest", "x", "y"]
    rows = origins.services
    ours = np.flatnonzero(((rows["standing"] == INSIDE) & (rows["reason"] == OWN)).to_numpy())
    places, names = _placed(origins.villages)
    if not (len(ours) and len(places)):
        return pd.DataFrame(columns=columns)
    xy = rows[["x", "y"]].to_numpy()[ours]
    metres, nearest = (np.asarray(part) for part in cKDTree(places).query(xy))
    far = metres > FAR_M
    ids = rows["service_id"].iloc[ours[far]]
    there = services.iloc[pd.Index(services["service_id"]).get_indexer(ids)]
    table: pd.DataFrame = pd.DataFrame(
        {
            **{name: there[name].to_numpy() for name in ("service_id", "name", "category")},
            "metres": metres[far].round(1),
            "nearest": names[nearest[far]],
            "x": xy[far, 0],
            "y": xy[far, 1],
        }
    )[there["village_id"].isna().to_numpy()]
    return table.sort_values(["metres", "service_id"], ascending=[False, True], ignore_index=True)


def _placed(rows: pd.DataFrame) -> tuple[Floats, NDArray[np.object_]]:
    """Positions and names of the places that the projection can place."""
    xy = rows[["x", "y"]].to_numpy()
    finite = np.isfinite(xy).all(axis=1)
    return xy[finite], rows["name"].to_numpy(dtype=object)[finite]


def odd_positions(origins: Origins, crs: CRS) -> pd.DataFrame:
    """
    Find positions that cannot be meant: at 0, 0; beyond the projection; or far away from all the others.

    Far away is more than three times as far from the middle of the places as 95 of 100 of them, and at least 100 km.

    Returns
    -------
    pd.DataFrame
        `table` (villages, services), `source`, `row_id`, `name`, `reason` (``zero``, ``unplaceable``, ``away``), `km`
        from the middle of the places (nan where that cannot be told), `x`, `y`.
    """
    columns = ["table", "source", "row_id", "name", "reason", "km", "x", "y"]
    places, _ = _placed(origins.villages)
    if not len(places):
        return pd.DataFrame(columns=columns)
    middle = np.median(places, axis=0)
    limit = max(AWAY_M, AWAY_TIMES * float(np.quantile(np.hypot(*(places - middle).T), AWAY_SHARE)))
    null_island = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(0.0, 0.0)
    zeros = [np.zeros(2), np.array(null_island)]
    services = np.flatnonzero((origins.services["reason"] == OWN).to_numpy())
    found = [
        _odd(origins.villages, np.arange(len(origins.villages)), middle, limit, zeros).assign(table="villages"),
        _odd(origins.services, services, middle, limit, zeros).assign(table="services"),
    ]
    return pd.concat(found, ignore_index=True)[columns]


def _odd(rows: pd.DataFrame, at: NDArray[np.int64], middle: Floats, limit: float, zeros: list[Floats]) -> pd.DataFrame:
    """Choose the odd ones of the rows `at`, with why."""
    xy = rows[["x", "y"]].to_numpy(dtype=float)[at]
    finite = np.isfinite(xy).all(axis=1)
    xy[~finite] = np.nan
    zero = np.any([np.hypot(*(xy - point).T) <= NULL_ISLAND_M for point in zeros], axis=0)
    metres = np.hypot(*(xy - middle).T)
    odd = np.flatnonzero(~finite | zero | (metres > limit))
    reason = np.select([~finite[odd], zero[odd]], ["unplaceable", "zero"], "away")
    chosen = rows[["source", "row_id", "name"]].iloc[at[odd]]
    return chosen.assign(reason=reason, km=(metres[odd] / 1000).round(1), x=xy[odd, 0], y=xy[odd, 1])
