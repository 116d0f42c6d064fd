"""Accounts of the rows of all sources: where each stands now; see `Origins`."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..origins import INSIDE, NEAR, OUTSIDE, OWN
from ..study import Study
from .merge import Merged, MergedServices


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


def service_rows(
    tables: Sequence[gpd.GeoDataFrame],
    names: Sequence[str],
    told: MergedServices,
    services: gpd.GeoDataFrame,
    standing: NDArray[np.str_],
) -> pd.DataFrame:
    """
    Account for every row of the sources of services.

    Parameters
    ----------
    tables, names
        The sources as they were merged, and what the study file calls them.
    told
        How they were merged.
    services
        What they became, row by row as in `told`, with positions.
    standing
        Of each of `services`; see `Origins`.
    """
    columns = ["service_id", "name", "category", "year"]
    rows: pd.DataFrame = pd.concat([pd.DataFrame(table[columns]) for table in tables], ignore_index=True)
    rows = rows.rename(columns={"service_id": "row_id"})
    own = np.isnan(told.metres)
    rows["source"] = np.repeat(np.array(names, dtype=object), [len(table) for table in tables])
    rows["service_id"] = services["service_id"].array[told.into]
    rows["reason"] = np.where(own, OWN, NEAR)
    rows["metres"] = np.where(own, 0.0, told.metres)
    rows["standing"] = standing[told.into]
    for name, coordinate in (("x", shapely.get_x), ("y", shapely.get_y)):
        rows[name] = coordinate(services.geometry.to_numpy())[told.into]
    return rows
