"""Where every row of a source now stands, and why: what joining the sources knows and the tables no longer show."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

# Why a row stands where it does. `own`: it is a place or a facility of its own, and the row that keeps id and position.
OWN, SAME_NAME, NEAR, SAME_SOURCE = "own", "same_name", "near", "same_source"
# Of stops, where a study has timetables: the last three stand in nothing.
SAME_STOP, UNSERVED, BEYOND, NOWHERE = "same_stop", "unserved", "beyond", "nowhere"
REASONS = (OWN, SAME_NAME, NEAR, SAME_SOURCE, SAME_STOP, UNSERVED, BEYOND, NOWHERE)
INSIDE, AROUND, OUTSIDE = "inside", "around", "outside"  # of the study's area; around: not inside, but kept
STANDINGS = (INSIDE, AROUND, OUTSIDE)


@dataclass(frozen=True)
class Origins:
    """
    Every row that was read of the sources of villages and services, exactly once, in the order of the sources.

    Rows of a register that are no villages or services of ours (kinds that are not counted, what is closed) are not
    among them: findings tell how many its reader left out.

    Attributes
    ----------
    villages
        A row of a source each: `source` (as the study file names it), `row_id` and `name` as read, `year` that its
        population speaks of, `village_id` of the place it stands in now, `reason` (`own`; `same_name`: an earlier
        source has the name within 3 km; `near`: an earlier source has another name within 300 m; `same_source`: the
        same source has the name within 300 m), `metres` from its own position to that of the place, `standing`
        (`inside` or `outside` the study), and its own position `x`, `y` in metres.
    services
        Likewise: `source`, `row_id`, `name`, `category`, `year`, `service_id` of the facility it stands in now,
        `reason` (`own`, or `near`: an earlier source has one of the category within 60 m), `metres`, `standing`
        (`around`: at most 20 km outside), and `x`, `y` of that facility. Of a timetable every stop has a row. Stops
        have further reasons: `same_source` (one with another stop of the timetable, by station or by name within
        150 m), `same_stop` (a stop on the map within 150 m of one that a timetable serves), and three that leave a
        stop in no facility, `service_id` and `metres` missing and `x`, `y` its own: `unserved` (no timetable serves
        it), `beyond` (of a timetable, too far from the study) and `nowhere` (of a timetable, without a position).
    stated_parishes
        `village_id` and `stated`: the parish that a place's own row names, by id or name; before any polygon spoke.
    """

    villages: pd.DataFrame
    services: pd.DataFrame
    stated_parishes: pd.DataFrame
