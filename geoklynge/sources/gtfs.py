"""Timetables: stops of a GTFS feed with their departures on an ordinary weekday become services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import CRS
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from ..origins import BEYOND, NOWHERE, OWN, SAME_SOURCE, SAME_STOP, UNSERVED
from ..tables import SERVICES, Finding
from .columns import only_declared, plain_text
from .feed_cells import degrees, require_times, rows_of, seconds_of, unique_ids, whole_numbers
from .feed_files import Bools, Feed, Ints, open_feed, read_columns, stream_columns
from .feed_weeks import ordinary_week, read_calendar
from .naming import name_keys, slug
from .positions import WGS84
from .records import finding

CATEGORY = "bus"
SAME_STOP_M = 150.0  # the two sides of a road, or of a square
PARENTS = 3  # boarding area, platform, station: more steps there are not
NO_BOARDING = "1"  # of pickup_type; 2 and 3 (by phone, by a sign to the driver) are departures
WEEKDAYS = 5
SPEAKS_M = 10_000.0  # a feed says something about the places that are at most this far from a stop it serves

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Timetable:
    """
    The stops of one feed as services, in the order of their ids, and the findings about them.

    `publisher` is who made it, empty where it does not say; `week` the Monday of the week that was counted. `stops`
    accounts for every stop of the feed: `row_id`, `name`, `category`, `year` and `reason` as in `Origins.services`,
    `x` and `y` (metres, nan where there is none), and `at`, the row of `services` that it is part of, -1 for none.
    """

    services: gpd.GeoDataFrame
    findings: list[Finding]
    publisher: str
    week: date
    stops: pd.DataFrame


def read_timetable(
    path: Path, *, source: str, crs: CRS, near: Callable[[gpd.GeoSeries], NDArray[np.bool_]]
) -> Timetable:
    """
    Read a GTFS feed (zip or folder): a stop becomes a service whose capacity is its departures on a weekday.

    Each rule in a sentence:

    - A weekday's departures are the mean over Monday to Friday of one ordinary week, see `ordinary_week`.
    - A departure is a call of a trip at a stop that is not the trip's last and where boarding is allowed
      (``pickup_type`` is not 1); a call without a time is one, and one after 24:00 belongs to the day before.
    - A trip of ``frequencies.txt`` runs at ``start_time`` and every ``headway_secs`` before ``end_time``, whether or
      not these times are exact.
    - Stops of one ``parent_station`` are one; stops of the same name within 150 m, also in a chain, are one: the
      departures are added up, and the position is that of the stop with most.
    - A stop without a position has that of its station, and is left out where that has none.
    - Stops that `near` does not keep are left out before anything is counted; stops where nothing departs on a weekday
      are left out, too. Findings tell how many.

    Parameters
    ----------
    path
        The feed.
    source
        The path as the study file writes it, for messages and ids.
    crs
        The study's reference system.
    near
        Tells which of some points, in that system, are near enough to the study.

    Raises
    ------
    TableError
        If the feed cannot be read, or a file, column or value of it cannot be used; names zip, file, row, column.
    """
    with open_feed(path, source=source) as feed:
        stops = _read_stops(feed, crs)
        kept = near(gpd.GeoSeries(gpd.points_from_xy(stops["x"], stops["y"]), crs=crs))
        trips = read_columns(feed, "trips.txt", ("trip_id", "service_id"))
        known = unique_ids(trips["trip_id"])
        runs = _runs(feed, known)
        calendar = read_calendar(feed, trips["service_id"])
        monday = ordinary_week(calendar, runs, feed)
        days = calendar.runs_on(monday + np.arange(WEEKDAYS)).sum(axis=1)
        a_week = days[calendar.service_of_trip] * runs
        departures = _departures(feed, known, stops, kept, a_week) / WEEKDAYS
        publisher = _publisher(feed)
    stops = stops.assign(departures=departures)
    joined, parts, findings = _join_stops(stops, kept, source=source)
    week = date.fromordinal(monday)
    services = _services(joined, source, publisher, week, crs)
    return Timetable(services, findings, publisher, week, _accounts(stops, parts, services, source, week))


def _service_ids(units: pd.Series, source: str) -> pd.Series:
    return slug(Path(source).with_suffix("").as_posix()) + "-" + units


def _accounts(
    stops: pd.DataFrame, parts: pd.DataFrame, services: gpd.GeoDataFrame, source: str, week: date
) -> pd.DataFrame:
    """Tell of each stop what became of it; `parts` as `_join_stops` gives them."""
    group = parts.reindex(stops["stop_id"])
    at = pd.Index(services["service_id"]).get_indexer(pd.Index(_service_ids(group["unit"], source)))
    placed, kept = stops["x"].notna().to_numpy(), group["unit"].notna().to_numpy()
    first = (group["first"] == group.index).to_numpy(dtype=bool)
    reason = np.select([~placed, ~kept, at < 0, first], [NOWHERE, BEYOND, UNSERVED, OWN], SAME_SOURCE)
    names = stops["name"].mask(stops["name"] == "").astype("string")
    told = pd.DataFrame({"row_id": stops["stop_id"].astype("string"), "name": names, "category": CATEGORY})
    told = told.assign(year=week.isocalendar().year, reason=reason, at=at, x=stops["x"], y=stops["y"])
    return told.astype({"category": "string", "year": "Int64"})


def _services(stops: pd.DataFrame, source: str, publisher: str, week: date, crs: CRS) -> gpd.GeoDataFrame:
    made = gpd.GeoDataFrame(
        {
            "service_id": _service_ids(stops["unit"], source).to_numpy(),
            "name": stops["name"].mask(stops["name"] == "").to_numpy(),
            "category": CATEGORY,
            "capacity": stops["departures"].to_numpy(dtype=np.float64),
            "source": publisher or "GTFS",
            "year": week.isocalendar().year,
        },
        geometry=gpd.points_from_xy(stops["x"], stops["y"]),
        crs=crs,
    )
    types = {column.name: column.dtype for column in SERVICES if column.name in made}
    return only_declared(made.astype(types).sort_values("service_id", ignore_index=True), SERVICES)


def _read_stops(feed: Feed, crs: CRS) -> pd.DataFrame:
    """Read the stops: `unit` is the station, or else the stop itself; x and y in `crs`, nan where there is none."""
    optional = ("stop_name", "location_type", "parent_station")
    columns = read_columns(feed, "stops.txt", ("stop_id", "stop_lat", "stop_lon"), optional)
    ids = unique_ids(columns["stop_id"])
    parents = pd.Index(columns["parent_station"].text())
    unit = np.where(parents == "", ids, parents).astype(object)
    for _ in range(PARENTS):
        at = ids.get_indexer(pd.Index(unit))
        above = np.where(at >= 0, parents[at], "")
        unit = np.where(above == "", unit, above)
    lat, lon = degrees(columns["stop_lat"], at_most=90), degrees(columns["stop_lon"], at_most=180)
    nowhere = np.isnan(lat) | np.isnan(lon) | ((lat == 0) & (lon == 0))  # 0, 0 is what feeds write for nothing
    station = ids.get_indexer(pd.Index(unit))
    points = gpd.GeoSeries(gpd.points_from_xy(lon, lat), crs=WGS84).to_crs(crs)
    own = np.column_stack([points.x, points.y])
    own[nowhere | ~np.isfinite(own).all(axis=1)] = np.nan
    above_xy = np.where((station >= 0)[:, None], own[station], np.nan)
    x, y = np.where(np.isnan(own), above_xy, own).T
    names = np.array([plain_text(name) for name in columns["stop_name"].text()], dtype=object)
    called = np.where(station >= 0, names[station], "")
    kinds = columns["location_type"].text()
    return pd.DataFrame(
        {
            "stop_id": ids,
            "unit": unit,
            "name": np.where(called == "", names, called),
            "x": x,
            "y": y,
            "calls": np.isin(kinds, ["", "0", "4"]),  # a stop or a boarding area, where vehicles call
        }
    )


def _runs(feed: Feed, known: pd.Index) -> Ints:
    """How often each trip runs on a day of its service: once, or as often as frequencies.txt says."""
    runs = np.ones(len(known), dtype=np.int64)
    name = "frequencies.txt"
    if name not in feed.names:
        return runs
    columns = read_columns(feed, name, ("trip_id", "start_time", "end_time", "headway_secs"))
    trip = rows_of(columns["trip_id"], known, listed_in="trips.txt")
    start, end = seconds_of(columns["start_time"]), seconds_of(columns["end_time"])
    headway = whole_numbers(columns["headway_secs"], at_least=1)
    a_row = np.maximum(-((start - end) // headway), 0)  # rounded up: the first run is at start_time itself
    runs[trip] = 0
    np.add.at(runs, trip, a_row)
    return runs


def _departures(feed: Feed, known: pd.Index, stops: pd.DataFrame, kept: Bools, a_week: Ints) -> Floats:
    """
    Count what departs at each stop in the week; nothing at stops that are not `kept`.

    The file is read once, in parts, and none of its rows stays in memory: all calls are counted, and the last one of
    each trip, known only at the end, is taken off again.
    """
    ids = pd.Index(stops["stop_id"])
    counted = np.zeros(len(stops))
    last = np.full(len(known), -1, dtype=np.int64)  # stop_sequence of the last call of each trip so far
    last_at = np.full(len(known), -1, dtype=np.int64)  # its stop, -1 where the call was not counted
    needed, optional = ("trip_id", "stop_id", "stop_sequence"), ("departure_time", "pickup_type")
    for columns in stream_columns(feed, "stop_times.txt", needed, optional):
        trip = rows_of(columns["trip_id"], known, listed_in="trips.txt")
        stop = rows_of(columns["stop_id"], ids, listed_in="stops.txt", or_none=True)  # GTFS-Flex calls by zone
        number = whole_numbers(columns["stop_sequence"], at_least=0)
        require_times(columns["departure_time"], or_none=True)
        pickup = columns["pickup_type"]
        boards = np.append(pickup.words != NO_BOARDING, True)[pickup.codes]
        counts = boards & (stop >= 0) & kept[stop]
        counted += np.bincount(stop[counts], weights=a_week[trip[counts]], minlength=len(stops))
        np.maximum.at(last, trip, number)
        latest = number == last[trip]
        last_at[trip[latest]] = np.where(counts, stop, -1)[latest]
    ends = last_at >= 0
    return counted - np.bincount(last_at[ends], weights=a_week[ends], minlength=len(stops))


def _publisher(feed: Feed) -> str:
    """Say who made the feed: its publisher, else its only producer, else its only agency; empty where none is said."""
    for name, column, only in (
        ("feed_info.txt", "feed_publisher_name", ""),
        ("attributions.txt", "organization_name", "is_producer"),
        ("agency.txt", "agency_name", ""),
    ):
        if name in feed.names:
            columns = read_columns(feed, name, (), (column, only) if only else (column,))
            said = columns[column].text()
            said = said[columns[only].text() == "1"] if only else said
            names = sorted({plain_text(text) for text in said} - {""})
            if len(names) == 1:
                return str(names[0])
    return ""


def _join_stops(stops: pd.DataFrame, kept: Bools, *, source: str) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """
    Make one of the stops of one station, then of those of one name within 150 m, and leave out the unserved.

    Also tells, by the id of each stop that is kept, the `unit` that its group goes by and the `first` stop of that.
    """
    nowhere = stops["x"].isna().to_numpy()
    placed = stops[~nowhere & kept].sort_values(["departures", "stop_id"], ascending=[False, True])
    stations = _one_each(placed, placed["unit"].to_numpy())
    group = _same_name_near(stations)
    joined = _one_each(stations, group)
    firsts = stations.groupby(group, sort=False)[["unit", "stop_id"]].transform("first").set_axis(stations["unit"])
    parts = firsts.reindex(placed["unit"]).set_axis(placed["stop_id"]).rename(columns={"stop_id": "first"})
    served = joined["departures"] > 0
    silent = joined[~served & joined["calls"]]
    lost, far = stops[nowhere & stops["calls"]], int((~nowhere & ~kept).sum())
    return (
        joined[served],
        parts,
        [
            *finding("stops_outside", far, f"stops of {source} too far from the study's area, left out: {far}"),
            *finding(
                "stops_without_position",
                len(lost),
                f"stops of {source} without a position, left out: {len(lost)}",
                lost["name"],
            ),
            *finding(
                "stops_without_departure",
                len(silent),
                f"stops of {source} where nothing departs on a weekday, left out: {len(silent)} of {len(joined)}",
                silent["name"],
            ),
        ],
    )


def _one_each(stops: pd.DataFrame, group: NDArray[np.generic]) -> pd.DataFrame:
    """Make one row of each group: that of the first, with the departures of all; `stops` have the busiest first."""
    how = {"stop_id": "first", "unit": "first", "name": "first", "x": "first", "y": "first"}
    joined = stops.groupby(group, sort=False).agg({**how, "calls": "any", "departures": "sum"})
    return joined.sort_values(["departures", "stop_id"], ascending=[False, True], ignore_index=True)


def _same_name_near(stops: pd.DataFrame) -> Ints:
    """Find the groups of stops of the same name within 150 m, chains included."""
    n = len(stops)
    if not n:
        return np.empty(0, dtype=np.int64)
    keys = name_keys(stops["name"]).to_numpy(dtype=object)
    i, j = cKDTree(stops[["x", "y"]].to_numpy()).query_pairs(SAME_STOP_M, output_type="ndarray").T
    same = (keys[i] == keys[j]) & (keys[i] != "")
    links = coo_array((np.ones(same.sum()), (i[same], j[same])), shape=(n, n))
    return connected_components(links, directed=False)[1].astype(np.int64)


def without_mapped_stops(
    mapped: gpd.GeoDataFrame, served: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, pd.DataFrame, list[Finding]]:
    """
    Leave the stops of a map out where timetables speak.

    A stop of the map within 150 m of one that a timetable serves is that one: the timetable's stays. One without such
    a neighbour, but within 10 km of a served stop, serves nobody, and findings tell how many there are. Farther away
    the timetables say nothing, and the map's stops stay: they have no capacity, so they count with the median one.

    Parameters
    ----------
    mapped
        Services of a map, of any category.
    served
        Stops of all timetables, in the same reference system.

    Returns
    -------
    tuple[gpd.GeoDataFrame, pd.DataFrame, list[Finding]]
        What stays; the stops that are left out, as `Timetable.stops` tells of its own, with `category` and `year`, and
        `at` a row of `served`; findings.
    """
    is_stop = ((mapped["category"] == CATEGORY) & mapped.geometry.notna()).to_numpy(dtype=bool)
    rows = np.flatnonzero(is_stop)
    if not (len(served) and len(rows)):
        return mapped, _left_out(mapped, rows[:0], rows[:0]), []
    xy, at = (np.column_stack([table.geometry.x, table.geometry.y]) for table in (mapped.iloc[rows], served))
    finite = np.isfinite(xy).all(axis=1)
    metres, nearest = np.full(len(rows), np.inf), np.full(len(rows), -1, dtype=np.int64)
    metres[finite], nearest[finite] = cKDTree(at).query(xy[finite])
    same, silent = metres <= SAME_STOP_M, (metres > SAME_STOP_M) & (metres <= SPEAKS_M)
    names = mapped["name"].iloc[rows].fillna(CATEGORY)
    gone, kept = same | silent, np.ones(len(mapped), dtype=bool)
    kept[rows[gone]] = False
    told = f"stops on the map within {SAME_STOP_M:g} m of one that a timetable serves, counted once: {same.sum()}"
    unserved = f"stops on the map that no timetable serves, left out: {silent.sum()} of {len(rows)}"
    left = _left_out(mapped, rows[gone], np.where(same, nearest, -1)[gone])
    return (
        mapped[kept].reset_index(drop=True),
        left,
        [
            *finding("stops_merged", int(same.sum()), told, names[same]),
            *finding("stops_not_served", int(silent.sum()), unserved, names[silent]),
        ],
    )


def _left_out(mapped: gpd.GeoDataFrame, rows: Ints, at: Ints) -> pd.DataFrame:
    """Account for the rows of a map that are left out for those of a timetable."""
    left = mapped.iloc[rows]
    told = pd.DataFrame(left[["service_id", "name", "category", "year"]]).rename(columns={"service_id": "row_id"})
    reason = np.where(at >= 0, SAME_STOP, UNSERVED)
    return told.assign(reason=reason, at=at, x=left.geometry.x, y=left.geometry.y)
