"""People in the open country, cell by cell of a population grid, counted to the village that they reach first."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .compiled import compiled
from .progress import Tell, told_nobody
from .sources.assembly import defaults_told
from .sources.grid import TOUCHES_M
from .sources.records import finding
from .sources.services import REACH_M
from .study import Study
from .tables import Finding, Tables
from .travel import travel_to_villages
from .trips import Trips

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]


@dataclass(frozen=True)
class Count:
    """
    Who is counted where; ``own.sum() + around.sum() + unreached.sum()`` are the people of the grid.

    Attributes
    ----------
    own
        By village: people of the cells around that make up its known population.
    around
        By village: people of the open country who reach it first; of a village whose population is not known, its own
        people too.
    unreached
        By cell: people who reach no village within the horizon.
    """

    own: Longs
    around: Longs
    unreached: Longs


def count_open_country(tables: Tables, study: Study, *, tell: Tell = told_nobody) -> Tables:
    """
    Count the people of the open country to the village that they reach first.

    Parameters
    ----------
    tables
        As read; without a grid they stay as they are.
    study
        For mode, horizon and speeds.
    tell
        Told how far the search for ways has come.

    Returns
    -------
    Tables
        `villages` with `people_around`, and with `people` that holds them: known population + people around; where the
        population is not known, the people around are all there are. A village of which neither is known keeps the
        default of its kind. Findings tell of cells from which no village is reached, and of villages with more people
        than the grid has near them.
    """
    if tables.grid is None:
        return tables
    villages, cells = tables.villages, tables.grid
    trips = travel_to_villages(tables, _xy(cells), study.travel, tell=tell)
    count = count_people(villages, cells, trips)
    population = villages["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    inside = np.where(np.isnan(population), 0.0, population)
    default = np.isnan(population) & (count.around == 0)
    people = np.where(default, villages["people"].to_numpy(dtype=np.float64), inside + count.around)
    counted = villages.assign(people=people, people_around=pd.array(count.around, dtype="Int64"))
    findings = [found for found in tables.findings if found.code != "population_missing"]
    findings += [*defaults_told(counted), *_findings(count, counted, cells, study.travel.max_minutes)]
    return replace(tables, villages=counted, findings=tuple(findings))


def count_people(villages: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, trips: Trips) -> Count:
    """
    Count the people of cells to villages, each person once.

    First each village with a known population takes so many people, and never more, from the cells around it. Pairs of
    village and cell take their turn by minutes, then metres, then the village's and the cell's place in their tables;
    pairs without minutes come last. Then all who are left in a cell go to the village that they reach first; of
    villages reached in the same time the nearer one in metres, then the earlier in the table.

    Parameters
    ----------
    villages
        `kind`, `population` and points.
    cells
        `people` and points, in the same reference system.
    trips
        Minutes from cells (destinations) to villages (origins), as `travel_to_villages` gives them.
    """
    population = villages["population"].to_numpy(dtype=np.float64, na_value=0.0).astype(np.int64)
    left = cells["people"].to_numpy(dtype=np.int64, copy=True)
    village, cell = _own_pairs(villages, cells, trips)
    own = _take_own(village, cell, population, left)
    first, to = _reached_first(villages, cells, trips)
    around = np.zeros(len(villages), dtype=np.int64)
    np.add.at(around, to, left[first])
    left[first] = 0
    return Count(own, around, left)


def _own_pairs(villages: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, trips: Trips) -> tuple[Longs, Longs]:
    """List the cells in which a village of known population may lie, in the order in which they take their turn."""
    homes, there = _xy(villages), _xy(cells)
    known = np.flatnonzero(villages["population"].notna().to_numpy(dtype=bool))
    reach = villages["kind"].map(REACH_M).to_numpy(dtype=np.float64)[known] + TOUCHES_M
    near = cKDTree(there).query_ball_point(homes[known], reach) if len(cells) else [[] for _ in known]
    sizes = np.array([len(rows) for rows in near], dtype=np.int64)
    village = np.repeat(known, sizes).astype(np.int64)
    cell = np.concatenate([np.empty(0, dtype=np.int64), *(np.asarray(rows, dtype=np.int64) for rows in near)])
    metres = np.hypot(*(there[cell] - homes[village]).T)
    order = np.lexsort((cell, village, metres, _minutes(trips, village, cell, len(cells))))
    return village[order], cell[order]


def _minutes(trips: Trips, village: Longs, cell: Longs, n_cells: int) -> Floats:
    """Minutes of pairs; infinite where the cell does not reach the village."""
    reached = trips.origins().astype(np.int64) * n_cells + trips.destination  # ascending
    wanted = village * n_cells + cell
    at = np.minimum(np.searchsorted(reached, wanted), max(len(reached) - 1, 0))
    if not len(reached):
        return np.full(len(wanted), np.inf)
    return np.where(reached[at] == wanted, trips.minutes[at], np.inf)


@compiled
def _take_own(village: Longs, cell: Longs, wanted: Longs, left: Longs) -> Longs:
    """Let villages take the people they want from cells, pair after pair; what is `left` in the cells goes down."""
    taken = np.zeros(len(wanted), dtype=np.int64)
    for k in range(len(village)):
        here, there = village[k], cell[k]
        some = min(wanted[here] - taken[here], left[there])
        taken[here] += some
        left[there] -= some
    return taken


def _reached_first(villages: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, trips: Trips) -> tuple[Longs, Longs]:
    """Find the cells that reach a village, and the village that each reaches first."""
    least = np.full(len(cells), np.inf)
    np.minimum.at(least, trips.destination, trips.minutes)
    best = np.flatnonzero(trips.minutes == least[trips.destination])
    village, cell = trips.origins()[best].astype(np.int64), trips.destination[best].astype(np.int64)
    metres = np.hypot(*(_xy(villages)[village] - _xy(cells)[cell]).T)
    order = np.lexsort((village, metres, cell))
    cell, at = np.unique(cell[order], return_index=True)
    return cell, village[order][at]


def _findings(count: Count, villages: gpd.GeoDataFrame, cells: gpd.GeoDataFrame, horizon: float) -> list[Finding]:
    lost = np.flatnonzero(count.unreached)
    text = (
        f"cells of the grid from which no village is reached within {horizon:g} minutes, counted to none: "
        f"{len(lost)} of {len(cells)}, with {count.unreached.sum()} people"
    )
    findings = finding("grid_unreached", len(lost), text, cells["cell_id"].iloc[lost])
    lacking = villages["population"].to_numpy(dtype=np.float64, na_value=0.0) - count.own
    short = np.flatnonzero(lacking > 0)
    text = (
        f"villages with more people than the cells around them have left: {len(short)} of {len(villages)}, "
        f"by {lacking.sum():.0f} people in all"
    )
    return findings + finding("grid_too_few", len(short), text, villages["name"].iloc[short])


def _xy(table: gpd.GeoDataFrame) -> Floats:
    points: Floats = shapely.get_coordinates(table.geometry.to_numpy())
    return points
