"""On which days the services of a timetable feed run, and which of its weeks is an ordinary one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from .feed_cells import ordinals, unique_ids
from .feed_files import Bools, Cells, Feed, Ints, read_columns

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
WEEK = 7
WEEKDAYS = 5


@dataclass(frozen=True)
class Calendar:
    """
    When the services run that trips name; days are proleptic Gregorian ordinals, of which a Monday is 1 modulo 7.

    Attributes
    ----------
    service_of_trip
        For each trip its service, as a number.
    on
        For each service the days of the week on which it runs, Monday first, shape (services, 7).
    start, end
        First and last day of each service's regular running; `end` lies before `start` where it has none.
    service, day, added
        Exceptions: on that day the service runs although it would not (`added`), or does not although it would.
    said
        First and last day of the feed's own statement of its validity; each is 0 where it makes none.
    """

    service_of_trip: Ints
    on: Bools
    start: Ints
    end: Ints
    service: Ints
    day: Ints
    added: Bools
    said: tuple[int, int]

    def regular(self, service: Ints, day: Ints) -> Bools:
        """Tell whether services run on days, exceptions aside; both of one shape, or of shapes that broadcast."""
        runs: Bools = self.on[service, (day - 1) % WEEK] & (self.start[service] <= day) & (day <= self.end[service])
        return runs

    def runs_on(self, days: Ints) -> Bools:
        """Tell which services run on which of some days; shape (services, days)."""
        runs = self.regular(np.arange(len(self.start))[:, None], days[None, :])
        at = pd.Index(days).get_indexer(pd.Index(self.day))
        here = at >= 0
        runs[self.service[here], at[here]] = self.added[here]
        return runs

    def trips_by_day(self, trips: Ints) -> tuple[int, Ints]:
        """
        Count the trips of each day, where `trips` is how many each service has on a day.

        Returns
        -------
        tuple[int, array]
            The first day, and the trips from then on; no days where no trip ever runs.
        """
        regular = (self.end >= self.start) & self.on.any(axis=1)
        starts, ends = (np.concatenate([days[regular], self.day[self.added]]) for days in (self.start, self.end))
        if not len(starts):
            return 1, np.empty(0, dtype=np.int64)
        first, last = int(starts.min()), int(ends.max())
        change = np.zeros((WEEK, last - first + 2), dtype=np.int64)
        for weekday in range(WEEK):
            rows = regular & self.on[:, weekday]
            np.add.at(change[weekday], self.start[rows] - first, trips[rows])
            np.subtract.at(change[weekday], self.end[rows] - first + 1, trips[rows])
        running = change.cumsum(axis=1)[:, :-1]
        days = np.arange(last - first + 1)
        counted = running[(first + days - 1) % WEEK, days]
        differs = self.regular(self.service, self.day) != self.added
        inside = differs & (first <= self.day) & (self.day <= last)
        sign = np.where(self.added[inside], 1, -1)
        np.add.at(counted, self.day[inside] - first, sign * trips[self.service[inside]])
        return first, counted


def ordinary_week(calendar: Calendar, runs: Ints, feed: Feed) -> int:
    """
    Choose the week to count: its Monday, as an ordinal.

    Of the weeks (Monday to Sunday) that lie wholly inside the feed's validity it is the one whose trips from Monday to
    Friday are the median, the lower one of two, so that holidays do not decide. Weeks with fewer than half the trips
    of the fullest are left aside: there a part of the timetables has run out, or not begun. The feed is valid from the
    first to the last day on which a service may run, and not beyond what ``feed_info.txt`` says.

    Parameters
    ----------
    calendar
        When the services run.
    runs
        How often each trip runs on a day of its service.
    feed
        For the message.

    Raises
    ------
    TableError
        If no trip runs from Monday to Friday of any such week.
    """
    trips = np.bincount(calendar.service_of_trip, weights=runs, minlength=len(calendar.start)).astype(np.int64)
    first, counted = calendar.trips_by_day(trips)
    last = first + len(counted) - 1
    start, end = calendar.said
    inside = (max(first, start), min(last, end or last))
    low, high = inside if inside[0] <= inside[1] else (first, last)  # a statement about other days says nothing
    monday = low + (1 - low) % WEEK
    weeks = max((high - monday + 1) // WEEK, 0)
    of_week = counted[monday - first :][: weeks * WEEK].reshape(weeks, WEEK)[:, :WEEKDAYS].sum(axis=1)
    if not of_week.any():
        span = f"{date.fromordinal(low)} to {date.fromordinal(high)}" if len(counted) else "no day at all"
        problem = f"no trip runs from Monday to Friday of a whole week (valid: {span})"
        feed.refuse("trips.txt", problem, advice="give a longer feed")
    able = np.flatnonzero(2 * of_week >= of_week.max())
    by_trips = able[np.argsort(of_week[able], kind="stable")]
    return int(monday + WEEK * by_trips[(len(able) - 1) // 2])


def read_calendar(feed: Feed, service_of_trip: Cells) -> Calendar:
    """
    Read when services run, from calendar.txt, calendar_dates.txt or both; a service in neither never runs.

    Raises
    ------
    TableError
        If both files are missing, or one of them cannot be used.
    """
    known = pd.Index(pd.unique(service_of_trip.text()))
    of_trip = known.get_indexer(pd.Index(service_of_trip.words))[service_of_trip.codes].astype(np.int64)
    n = len(known)
    on, start, end = np.zeros((n, WEEK), dtype=bool), np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    if not feed.names & {"calendar.txt", "calendar_dates.txt"}:
        feed.refuse("calendar.txt", "neither it nor calendar_dates.txt is there", advice="give a feed that has one")
    if "calendar.txt" in feed.names:
        _read_regular(feed, known, on, start, end)
    exceptions = _read_exceptions(feed, known) if "calendar_dates.txt" in feed.names else _no_exceptions()
    return Calendar(of_trip, on, start, end, *exceptions, _said(feed))


def _read_regular(feed: Feed, known: pd.Index, on: Bools, start: Ints, end: Ints) -> None:
    """Fill in what calendar.txt says."""
    name = "calendar.txt"
    columns = read_columns(feed, name, ("service_id", *DAYS, "start_date", "end_date"))
    at = known.get_indexer(unique_ids(columns["service_id"]))
    used = at >= 0
    for weekday, day in enumerate(DAYS):
        cells = columns[day]
        cells.refuse(~np.isin(cells.words, ["0", "1"]), advice="write 0 or 1")
        on[at[used], weekday] = (cells.words == "1")[cells.codes][used]
    start[at[used]] = ordinals(columns["start_date"])[used]
    end[at[used]] = ordinals(columns["end_date"])[used]


def _read_exceptions(feed: Feed, known: pd.Index) -> tuple[Ints, Ints, Bools]:
    """Read calendar_dates.txt; of two rows about one service and day the later one holds."""
    name = "calendar_dates.txt"
    columns = read_columns(feed, name, ("service_id", "date", "exception_type"))
    kind, service = columns["exception_type"], columns["service_id"]
    kind.refuse(~np.isin(kind.words, ["1", "2"]), advice="write 1 (added) or 2 (removed)")
    rows = pd.DataFrame(
        {
            "service": known.get_indexer(pd.Index(service.words))[service.codes],
            "day": ordinals(columns["date"]),
            "added": (kind.words == "1")[kind.codes],
        }
    )
    rows = rows[rows["service"] >= 0].drop_duplicates(["service", "day"], keep="last")
    return rows["service"].to_numpy(np.int64), rows["day"].to_numpy(np.int64), rows["added"].to_numpy(bool)


def _no_exceptions() -> tuple[Ints, Ints, Bools]:
    return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, bool)


def _said(feed: Feed) -> tuple[int, int]:
    """Read the feed's own statement of its validity."""
    name, columns = "feed_info.txt", ("feed_start_date", "feed_end_date")
    if name not in feed.names:
        return 0, 0
    cells = read_columns(feed, name, (), columns)
    start, end = (ordinals(cells[column], or_none=True) for column in columns)
    return (int(start[0]), int(end[0])) if len(start) else (0, 0)
