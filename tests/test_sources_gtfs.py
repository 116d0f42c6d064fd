"""A feed's departures on an ordinary weekday, counted by hand and by another library; one line for what is wrong."""

import zipfile
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely import box
from source_files import finding, pbf, read, study_in, write

from geoklynge.errors import TableError
from geoklynge.inspecting.in_words import accounts_sheet, words_for
from geoklynge.inspecting.look import look_at
from geoklynge.origins import REASONS
from geoklynge.sources import feed_files
from geoklynge.sources.gtfs import read_timetable

UTM = CRS("EPSG:25832")
# All feeds here are made up, in the form of https://gtfs.org/documentation/schedule/reference/ .
FEED = {
    "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n1,Midttrafik,https://x.dk,Europe/Copenhagen\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n"
    "K,Knebel Kirke,56.2141,10.4887\nV,Vistoft,56.1960,10.5090\nA,Agri,56.2320,10.5260\nR,Rønde,56.3015,10.4751\n",
    "trips.txt": "route_id,service_id,trip_id\n123,weekdays,t1\n123,weekdays,t2\n123,fridays,t3\n123,weekend,t4\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "weekdays,1,1,1,1,1,0,0,20261102,20261129\n"
    "fridays,0,0,0,0,1,0,0,20261102,20261129\n"
    "weekend,0,0,0,0,0,1,1,20261102,20261129\n",
    "stop_times.txt": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t1,08:00:00,08:00:00,K,1\nt1,08:05:00,08:05:00,V,2\nt1,08:20:00,08:20:00,R,3\n"
    "t2,16:00:00,16:00:00,R,1\nt2,16:15:00,16:15:00,V,2\nt2,16:20:00,16:20:00,K,3\n"
    "t3,23:50:00,23:50:00,R,1\nt3,25:10:00,25:10:00,V,2\nt3,25:20:00,25:20:00,K,3\n"
    "t4,10:00:00,10:00:00,A,1\nt4,10:10:00,10:10:00,K,2\n",
}
# t1 leaves K and V, t2 R and V on five days of five; t3 R and V on one of five; A has a bus at the weekend only
BY_HAND = {"K": 1.0, "V": 2.2, "R": 1.2}


def pack(folder, name="gtfs.zip", *, without=(), encoding="utf-8", **changed):
    """Write FEED as a zip, with other texts for some files (`stops` stands for stops.txt), and give back its name."""
    files = {**FEED, **{f"{key}.txt": text for key, text in changed.items()}}
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, text in files.items():
            if file not in without:
                packed.writestr(file, text.encode(encoding))
    return name


def everywhere(points):
    return np.isfinite(points.x.to_numpy())


def counted(folder, name="gtfs.zip", near=everywhere):
    return read_timetable(folder / name, source=name, crs=UTM, near=near)


def departures(folder, name="gtfs.zip", near=everywhere):
    services = counted(folder, name, near).services
    ids = services["service_id"].str.removeprefix("gtfs-")
    return dict(zip(ids, services["capacity"].round(9), strict=True))


def told(timetable, code):
    return sum(each.count for each in timetable.findings if each.code == code)


def test_departures_a_weekday_as_counted_by_hand(tmp_path):
    pack(tmp_path)
    found = counted(tmp_path)
    assert departures(tmp_path) == BY_HAND
    assert found.services["service_id"].tolist() == ["gtfs-K", "gtfs-R", "gtfs-V"]
    assert found.services["name"].tolist() == ["Knebel Kirke", "Rønde", "Vistoft"]
    assert set(found.services["category"]) == {"bus"}
    assert set(found.services["source"]) == {"Midttrafik"}
    assert found.services["year"].tolist() == [2026] * 3
    assert found.services.crs == UTM
    assert found.services.geometry[0].distance(box(592_329, 6_230_905, 592_330, 6_230_906)) < 1
    assert found.week == date(2026, 11, 9)  # of four equal weeks the second
    assert [(each.code, each.count, each.examples) for each in found.findings] == [
        ("stops_without_departure", 1, ("Agri",))
    ]


def rows(file, **cells):
    """Add columns to a file of FEED: a cell for every row, or one for each."""
    header, *lines = FEED[f"{file}.txt"].splitlines()
    columns = [[cell] * len(lines) if isinstance(cell, str) else cell for cell in cells.values()]
    return "\n".join([",".join([header, *cells]), *(",".join(parts) for parts in zip(lines, *columns, strict=True))])


def test_no_boarding_is_no_departure_and_booking_by_phone_is_one(tmp_path):
    pickup = ["0", "1", "1", "2", "3", "0", "", "0", "0", "0", "0"]
    pack(tmp_path, stop_times=rows("stop_times", pickup_type=pickup))
    assert departures(tmp_path) == {"K": 1.0, "V": 1.2, "R": 1.2}


def test_a_trip_by_headway_leaves_from_its_start_until_before_its_end(tmp_path):
    header = "trip_id,start_time,end_time,headway_secs,exact_times\n"
    pack(
        tmp_path, frequencies=header + "t1,06:00:00,08:00:00,1800,0\nt1,08:00:00,09:00:00,2400,1\n"
    )  # t1 at 6:00, 6:30, 7:00, 7:30, 8:00 and 8:40
    assert departures(tmp_path) == {"K": 6.0, "V": 7.2, "R": 1.2}


def test_a_stop_without_time_is_called_at_and_a_zone_is_no_stop(tmp_path):
    text = FEED["stop_times.txt"].replace("08:05:00,08:05:00", ",")
    pack(tmp_path, stop_times=text + "t4,,,,0\n")  # GTFS-Flex: a zone, so no stop_id
    assert departures(tmp_path) == BY_HAND


STATION = """stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
S,Rønde Rutebilstation,56.3,10.47,1,
R,Rønde perron 1,56.3015,10.4751,0,S
V,Rønde perron 2,56.3012,10.4750,,S
K,Rønde perron 2 nord,,,4,V
A,Agri,56.2320,10.5260,0,
E,Indgang,56.3013,10.4750,2,S
X,Indgang uden station,56.25,10.60,2,
"""


def test_stops_of_one_station_are_one_at_the_busiest(tmp_path):
    pack(tmp_path, stops=STATION)
    found = counted(tmp_path)
    assert departures(tmp_path) == {"S": pytest.approx(sum(BY_HAND.values()))}
    assert found.services["name"].tolist() == ["Rønde Rutebilstation"]
    assert found.services.to_crs(4326).geometry[0].y == pytest.approx(56.3012)  # platform 2 has 2.2, the most
    assert told(found, "stops_without_departure") == 1  # Agri; an entrance is no stop


def test_both_sides_of_the_road_are_one_and_150_m_is_the_limit(tmp_path):
    metres = 1 / 111_320  # a degree of latitude, near enough
    text = "stop_id,stop_name,stop_lat,stop_lon\n"
    for stop, name, north in [("K", "Kirken", 0), ("V", "KIRKEN ", 140), ("A", "Skolen", 70), ("R", "Kirken", 300)]:
        text += f"{stop},{name},{56.2 + north * metres:.7f},10.5\n"
    pack(tmp_path, stops=text)
    assert departures(tmp_path) == {"V": 3.2, "R": 1.2}
    pack(tmp_path, stops=text.replace(f"{56.2 + 300 * metres:.7f}", f"{56.2 + 280 * metres:.7f}"))  # a chain
    assert departures(tmp_path) == {"V": 4.4}
    pack(tmp_path, stops=text.replace("Kirken", "").replace("KIRKEN ", ""))  # no name is no common name
    assert departures(tmp_path) == BY_HAND


@pytest.mark.parametrize("nowhere", [",", "0,0", "0.0,0.000"])
def test_stops_without_a_position_are_left_out_and_told(tmp_path, nowhere):
    pack(tmp_path, stops=FEED["stops.txt"].replace("56.1960,10.5090", nowhere))
    assert departures(tmp_path) == {"K": 1.0, "R": 1.2}
    assert told(counted(tmp_path), "stops_without_position") == 1


def test_stops_far_away_are_dropped_but_end_the_trips_that_go_there(tmp_path):
    pack(tmp_path)
    near = lambda points: everywhere(points) & (points.y < 6_235_000).to_numpy()  # noqa: E731 - without Rønde
    assert departures(tmp_path, near=near) == {"K": 1.0, "V": 2.2}
    found = counted(tmp_path, near=near)
    assert told(found, "stops_outside") == 1
    assert told(found, "stops_without_departure") == 1  # Agri, not Rønde, of which nothing is known


VARIANTS = {
    "byte order mark": lambda text: "\ufeff" + text,
    "Windows line ends": lambda text: text.replace("\n", "\r\n"),
    "quotes": lambda text: "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()),
    "spaces": lambda text: text.replace(",", " , "),
    "empty lines": lambda text: text.replace("\n", "\n\n"),
    "a column nobody knows": lambda text: "".join(f"x,{line}\n" for line in text.splitlines()),
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_variants_say_the_same(tmp_path, variant):
    pack(tmp_path, **{name.removesuffix(".txt"): variant(text) for name, text in FEED.items()})
    assert departures(tmp_path) == BY_HAND


def test_a_folder_says_the_same_as_a_zip(tmp_path):
    (tmp_path / "gtfs").mkdir()
    for name, text in FEED.items():
        write(tmp_path / "gtfs", name, text)
    assert departures(tmp_path, "gtfs") == BY_HAND
    tables = read(tmp_path, timetables="gtfs")
    before = tables.sources[-1].sha256
    write(tmp_path / "gtfs", "agency.txt", FEED["agency.txt"] + "\n")
    assert read(tmp_path, timetables="gtfs").sources[-1].sha256 != before


def test_blocks_of_a_file_are_read_as_one(tmp_path, monkeypatch):
    monkeypatch.setattr(feed_files, "BLOCK_BYTES", 110)
    pack(tmp_path)
    assert departures(tmp_path) == BY_HAND
    pack(tmp_path, stop_times=FEED["stop_times.txt"].replace("t4,10:10:00", "t5,10:10:00"))
    with pytest.raises(TableError, match=r"stop_times.txt, row 11, column 'trip_id': 't5' cannot be used"):
        counted(tmp_path)


# ---- which days, which week --------------------------------------------------------------------------------------


def dates(*services):
    """Write calendar_dates.txt of services {id: days}."""
    return "service_id,date,exception_type\n" + "".join(
        f"{service},{day:%Y%m%d},1\n" for service, days in services for day in days
    )


def from_monday(number, *weekdays):
    """Name days of a week, the weeks counted from 2 November 2026."""
    return [date(2026, 11, 2) + timedelta(days=7 * number + day) for day in weekdays]


def test_a_feed_of_dates_alone(tmp_path):
    days = [day for week in range(3) for day in from_monday(week, 0, 1, 2, 3, 4)]
    weekend = [day for week in range(3) for day in from_monday(week, 5, 6)]
    text = dates(("weekdays", days), ("fridays", days[4::5]), ("weekend", weekend))
    pack(tmp_path, without=["calendar.txt"], calendar_dates=text)
    assert departures(tmp_path) == BY_HAND


def test_days_are_added_to_and_removed_from_a_calendar(tmp_path):
    header = "service_id,date,exception_type\n"
    every_week = "".join(
        f"weekdays,202611{day:02d},2\nfridays,202611{day:02d},1\n" for day in (4, 11, 18, 25)
    )  # Wednesdays: t1 and t2 do not run, t3 does
    pack(tmp_path, calendar_dates=header + every_week)
    assert departures(tmp_path) == {"K": 0.8, "V": 2.0, "R": 1.2}


@pytest.mark.parametrize("quiet", [[0], [3], [1, 2]])
def test_holidays_do_not_decide(tmp_path, quiet):
    removed = "".join(f"weekdays,{day:%Y%m%d},2\n" for week in quiet for day in from_monday(week, 0, 1, 2, 3))
    pack(tmp_path, calendar_dates="service_id,date,exception_type\n" + removed)
    found = counted(tmp_path)
    assert (found.week - date(2026, 11, 2)).days // 7 not in quiet
    assert departures(tmp_path) == BY_HAND


def test_of_an_even_number_of_weeks_the_lower_middle_one_counts(tmp_path):
    runs = [5, 4, 3, 5]  # days with a trip: of 3, 4, 5, 5 the second; the first of November is no whole week
    days = [day for week, number in enumerate(runs) for day in from_monday(week, *range(number), 5, 6)]
    text = dates(("weekdays", [date(2026, 10, 30), *days]))
    pack(tmp_path, without=["calendar.txt"], calendar_dates=text)
    assert counted(tmp_path).week == date(2026, 11, 9)
    assert departures(tmp_path) == {"K": 0.8, "V": 1.6, "R": 0.8}


def test_a_day_that_runs_anyway_is_not_added_twice(tmp_path):
    again = "".join(f"weekdays,{day:%Y%m%d},1\n" for week in (0, 2, 3) for day in from_monday(week, 0, 1, 2))
    pack(tmp_path, calendar_dates="service_id,date,exception_type\n" + again)
    assert counted(tmp_path).week == date(2026, 11, 9)  # all weeks alike, so the second
    assert departures(tmp_path) == BY_HAND


def test_a_calendar_runs_on_its_last_day(tmp_path):
    text = FEED["calendar.txt"].replace("20261129", "20261115").replace("20261102,20261115", "20261109,20261113", 1)
    text = text.replace("fridays,0,0,0,0,1", "fridays,0,0,0,0,0")
    pack(
        tmp_path,
        calendar=text,
        calendar_dates=dates(("weekdays", from_monday(0, 0, 1, 2, 3)), ("fridays", [date(2026, 11, 6)])),
    )
    assert counted(tmp_path).week == date(
        2026, 11, 2
    )  # nine trips; the other week has ten, two of them on the last day
    assert departures(tmp_path) == {"K": 0.8, "V": 1.8, "R": 1.0}


def test_services_without_trips_do_not_lengthen_the_feed(tmp_path):
    late = FEED["calendar.txt"].replace("20261102", "20261103").replace("20261129", "20261108")
    pack(tmp_path, calendar=late + "none,1,1,1,1,1,1,1,20261101,20261231\n")
    with pytest.raises(TableError, match="valid: 2026-11-03 to 2026-11-08"):
        counted(tmp_path)


def test_weeks_in_which_timetables_have_run_out_are_not_ordinary(tmp_path):
    long = FEED["calendar.txt"].replace(
        "fridays,0,0,0,0,1,0,0,20261102,20261129", "fridays,0,0,0,0,1,0,0,20200106,20991231"
    )
    pack(tmp_path, calendar=long)  # of over 4,000 weeks, four have more than t3
    assert departures(tmp_path) == BY_HAND


def test_only_whole_weeks_inside_the_stated_validity_count(tmp_path):
    header = "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date\n"
    pack(tmp_path, feed_info=header + "Rejseplanen,https://x.dk,da,20261110,20261122\n")
    found = counted(tmp_path)
    assert found.week == date(2026, 11, 16)
    assert found.publisher == "Rejseplanen"
    pack(tmp_path, feed_info=header + "Rejseplanen,https://x.dk,da,20200101,20200131\n")  # about other days: nothing
    assert counted(tmp_path).week == date(2026, 11, 9)
    pack(tmp_path, feed_info=header + "Rejseplanen,https://x.dk,da,20261110,20261121\n")
    with pytest.raises(TableError, match=r"whole week \(valid: 2026-11-10 to 2026-11-21\): give a longer feed"):
        counted(tmp_path)


def test_a_feed_of_several_agencies_is_called_by_its_producer_or_its_form(tmp_path):
    pack(tmp_path, agency=FEED["agency.txt"] + "2,DSB,https://y.dk,Europe/Copenhagen\n")
    assert set(counted(tmp_path).services["source"]) == {"GTFS"}
    assert counted(tmp_path).publisher == ""
    header = "attribution_id,organization_name,attribution_url,is_producer,is_operator\n"
    agencies = FEED["agency.txt"] + "2,DSB,https://y.dk,Europe/Copenhagen\n"
    pack(tmp_path, agency=agencies, attributions=header + "rp,Rejseplanen,https://x.dk,1,\nd,DSB,https://y.dk,,1\n")
    assert set(counted(tmp_path).services["source"]) == {"Rejseplanen"}
    record = read(tmp_path, timetables="gtfs.zip").sources[-1]
    assert (record.licence, record.attribution) == ("CC BY 4.0", "Rejseplanen")


# ---- another library as the oracle -------------------------------------------------------------------------------


@st.composite
def feeds(draw):
    """Draw a small feed: five weeks, a few services, trips and calls in any order."""
    flag, day = (
        st.sampled_from("01"),
        st.integers(0, 34).map(lambda n: f"{date(2026, 11, 2) + timedelta(days=n):%Y%m%d}"),
    )
    services = ["a", "b", "c"]
    regular = draw(st.lists(st.sampled_from(services), unique=True, max_size=3))
    calendar = FEED["calendar.txt"].splitlines()[0] + "\n"
    for service in regular:
        start, end = sorted(draw(st.tuples(day, day)))
        calendar += ",".join([service, *draw(st.lists(flag, min_size=7, max_size=7)), start, end]) + "\n"
    pairs = st.tuples(st.sampled_from(services), day)
    extra = draw(st.lists(pairs, unique=True, min_size=0 if regular else 1, max_size=25))
    exceptions = "service_id,date,exception_type\n" + "".join(
        f"{service},{when},{draw(st.sampled_from('12')) if service in regular else 1}\n" for service, when in extra
    )
    trips, calls = "route_id,service_id,trip_id\n", []
    for number in range(draw(st.integers(1, 5))):
        trips += f"r,{draw(st.sampled_from(services))},t{number}\n"
        sequence = draw(st.lists(st.integers(0, 12), unique=True, min_size=2, max_size=5))
        for place, at in enumerate(sorted(sequence)):
            stop, pickup = draw(st.sampled_from("KVAR")), draw(st.sampled_from(["", "0", "1", "2"]))
            calls.append(f"t{number},{22 + place}:00:00,{22 + place}:00:00,{stop},{at},{pickup}\n")
    header = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type\n"
    return {
        "calendar": calendar,
        "calendar_dates": exceptions,
        "trips": trips,
        "stop_times": header + "".join(draw(st.permutations(calls))),
    }


def by_gtfs_kit(path):
    """Count the departures of each stop in the ordinary week, day by day, with gtfs-kit; None without such a week."""
    import gtfs_kit

    feed = gtfs_kit.read_feed(path, dist_units="km")
    days = [date(2026, 11, 2) + timedelta(days=n) for n in range(35)]
    text = [f"{day:%Y%m%d}" for day in days]
    trips = [len(feed.get_trips(day)) for day in text]
    used = set(feed.trips["service_id"])
    able = []
    if feed.calendar is not None:
        regular = feed.calendar[feed.calendar["service_id"].isin(used) & (feed.calendar.iloc[:, 1:8].sum(axis=1) > 0)]
        able += [*regular["start_date"], *regular["end_date"]]
    if feed.calendar_dates is not None:
        added = feed.calendar_dates[feed.calendar_dates["exception_type"] == 1]
        able += [*added[added["service_id"].isin(used)]["date"]]
    first, last = min(able, default="99999999"), max(able, default="0")
    weeks = [w for w in range(5) if first <= text[7 * w] and text[7 * w + 6] <= last]
    of_week = {w: sum(trips[7 * w : 7 * w + 5]) for w in weeks}
    able = sorted((w for w in weeks if of_week[w] and 2 * of_week[w] >= max(of_week.values())), key=of_week.get)
    if not able:
        return None
    week, found = able[(len(able) - 1) // 2], {}
    for day in text[7 * week : 7 * week + 5]:
        calls = feed.get_stop_times(day)
        end = calls.groupby("trip_id")["stop_sequence"].transform("max")
        leaves = calls[(calls["stop_sequence"] < end) & (calls["pickup_type"].fillna(0) != 1)]
        for stop, number in leaves["stop_id"].value_counts().items():
            found[stop] = found.get(stop, 0) + number
    return {stop: round(number / 5, 9) for stop, number in found.items()}


@pytest.mark.filterwarnings("ignore")  # of gtfs-kit and what it imports
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=feeds())
def test_departures_are_those_that_gtfs_kit_counts_day_by_day(tmp_path, files):
    pack(tmp_path, **files)
    expected = by_gtfs_kit(tmp_path / "gtfs.zip")
    if expected is None:
        with pytest.raises(TableError, match="no trip runs from Monday to Friday of a whole week"):
            counted(tmp_path)
    else:
        assert departures(tmp_path) == expected


# ---- beside the stops of a map, in a study -----------------------------------------------------------------------

WEST, EAST = (10.4887, 56.2141), (10.4897, 56.2141)  # 62 m apart: two sides of the road at Knebel church


def osm_stop(name, lon, lat, **tags):
    return (lon, lat, {"name": name, "highway": "bus_stop", **tags})


def test_a_study_takes_its_stops_from_the_timetable(tmp_path):
    pack(tmp_path)
    nodes = {
        1: (10.4887, 56.2145, {"place": "village", "name": "Knebel", "population": "628"}),
        2: osm_stop("Knebel Kirke", *WEST),
        3: osm_stop("Knebel Kirke", *EAST),
        4: osm_stop("Nedlagt", 10.60, 56.21),  # 6 km from a served stop
        5: osm_stop("Uden for", 10.90, 56.40),  # 24 km: another feed's land
        6: (10.4890, 56.2142, {"amenity": "school", "name": "Molsskolen"}),
    }
    tables = read(tmp_path, osm=pbf(tmp_path, "x.osm.pbf", nodes), timetables="gtfs.zip")
    stops = tables.services[tables.services["category"] == "bus"].set_index("name")
    assert stops["capacity"].drop("Uden for").to_dict() == {"Knebel Kirke": 1.0, "Rønde": 1.2, "Vistoft": 2.2}
    assert np.isnan(stops.loc["Uden for", "capacity"])
    assert stops.loc["Knebel Kirke", "village_id"] == tables.villages["village_id"][0]
    assert "Molsskolen" in set(tables.services["name"])
    assert finding(tables, "stops_merged") == 2
    assert finding(tables, "stops_not_served") == 1
    record = next(each for each in tables.sources if each.table == "timetables")
    assert (record.rows, record.attribution, record.dated) == (4, "Midttrafik", "2026-11-09")


def test_two_feeds_that_know_one_stop_count_it_once(tmp_path):
    pack(tmp_path, "one.zip")
    pack(tmp_path, "two.zip")
    tables = read(tmp_path, timetables=["one.zip", "two.zip"])
    assert tables.services["service_id"].tolist() == ["one-K", "one-R", "one-V"]
    assert finding(tables, "services_merged") == 3


def test_stops_far_from_the_study_are_not_even_counted(tmp_path):
    far = FEED["stops.txt"].replace("R,Rønde,56.3015,10.4751", "R,Skagen,57.72,10.58")
    pack(tmp_path, stops=far)
    write(tmp_path, "p.csv", 'parish_id,name,wkt\n8256,Knebel,"POLYGON((10.4 56.1,10.6 56.1,10.6 56.4,10.4 56.1))"\n')
    tables = read(tmp_path, timetables="gtfs.zip", parishes="p.csv")
    assert tables.services["name"].tolist() == ["Knebel Kirke", "Vistoft"]
    assert finding(tables, "stops_outside") == 1


# ---- every stop is accounted for exactly once --------------------------------------------------------------------

PARISH = 'parish_id,name,wkt\n8256,Knebel,"POLYGON((10.4 56.1,10.6 56.1,10.6 56.4,10.4 56.4,10.4 56.1))"\n'
METRES = 1 / 111_320  # a degree of latitude, near enough
NORTH = st.sampled_from([0, 40, 90, 140, 400, 9_000, 12_000, 120_000])  # metres from Knebel; the last leave the study
FEED_STOP = st.tuples(st.one_of(st.none(), NORTH), st.sampled_from(["Kirken", "Skolen", ""]), st.booleans())


def feed_of(stops):
    """Texts of a feed whose stops are (metres north or None, name, whether a bus leaves there); P is a stop of each."""
    table = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station\nP,Endestation,56.25,10.45,0,\n"
    times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    for number, (north, name, served) in enumerate(stops):
        lat = "" if north is None else f"{56.2 + north * METRES:.7f}"
        table += f"{number},{name},{lat},{'' if north is None else 10.5},0,{'0' if number == 3 else ''}\n"
        times += f"t1,,,{number},{number + 1}\n" if served else ""
    return {"stops": table, "stop_times": times + "t1,09:00:00,09:00:00,P,99\nt2,08:00:00,08:00:00,P,1\nt2,,,P,2\n"}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    feeds=st.lists(st.lists(FEED_STOP, max_size=6), min_size=1, max_size=2),
    mapped=st.lists(NORTH, max_size=5),
    listed=st.lists(NORTH, min_size=1, max_size=4),
)
@example(  # a station whose stops lie far apart
    feeds=[[(0, "Kirken", True), (None, "Kirken", False), (None, "Kirken", False), (9_000, "Kirken", False)]],
    mapped=[],
    listed=[0],
)
def test_every_row_of_every_source_of_services_is_accounted_for_once(tmp_path, feeds, mapped, listed):
    for number, stops in enumerate(feeds):
        pack(tmp_path, f"feed{number}.zip", **feed_of(stops))
    nodes = {n + 1: osm_stop("Kirken", 10.5, 56.2 + north * METRES) for n, north in enumerate(mapped)}
    nodes[90] = (10.4887, 56.2145, {"place": "village", "name": "Knebel"})
    nodes[91] = (10.4890, 56.2142, {"amenity": "school", "name": "Molsskolen"})
    own = "".join(f"own{n},bus,{56.2 + north * METRES:.7f},10.5\n" for n, north in enumerate(listed))
    schools = "".join(f"{n},Skole {n},1012,{56.2 + north * METRES:.7f},10.51\n" for n, north in enumerate(listed))
    (tmp_path / "x.osm.pbf").unlink(missing_ok=True)
    write(tmp_path, "own.csv", f"service_id,category,lat,lon\n{own}")
    write(tmp_path, "schools.csv", f"INST_NR,INST_NAVN,INST_TYPE_NR,GEO_BREDDE_GRAD,GEO_LAENGDE_GRAD\n{schools}")
    timetables = tuple(f"feed{number}.zip" for number in range(len(feeds)))
    tables = read(
        tmp_path,
        osm=pbf(tmp_path, "x.osm.pbf", nodes),
        parishes=write(tmp_path, "p.csv", PARISH),
        services=("own.csv", "schools.csv"),
        timetables=timetables,
    )
    rows = tables.origins.services
    read_of = {each.path: each.rows for each in tables.sources if each.table in {"services", "timetables"}}
    assert [read_of[name] for name in timetables] == [len(stops) + 1 for stops in feeds]
    expected = {name: n for name, n in {**read_of, "x.osm.pbf": len(mapped) + 1}.items() if n}
    assert rows["source"].value_counts().to_dict() == expected
    assert not rows.duplicated(["source", "row_id"]).any()
    assert set(rows["reason"]) <= set(REASONS)
    nowhere = rows["reason"].isin(["unserved", "beyond", "nowhere"])
    assert (rows["service_id"].isna() == nowhere).all()
    assert (rows["metres"].isna() == nowhere).all()
    # stops of one station are one however far apart (stop 3 is of station 0); those of one name are in chains of 150 m
    of_station = set(rows.loc[rows["source"].isin(timetables) & rows["row_id"].eq("3"), "service_id"].dropna())
    chained = ~rows["service_id"].isin(of_station)
    norths = [north for stops in feeds for north, _, _ in stops if north is not None] or [0]
    assert (rows.loc[chained, "metres"].fillna(0) <= 150 * 6 + 60).all()
    assert (rows["metres"].fillna(0) <= (max(norths) - min(norths)) + 150 * 6 + 60).all()
    kept = rows[(rows["reason"] == "own") & (rows["standing"] != "outside")]
    assert sorted(kept["service_id"]) == sorted(tables.services["service_id"])
    assert (rows.loc[rows["reason"] == "beyond", "standing"] == "outside").all()
    fed = rows["source"].isin(timetables)
    lost = [sum(each is None for each, _, _ in stops) for stops in feeds]
    # a stop without position stands where its station does
    assert (rows.loc[fed, "reason"] == "nowhere").sum() <= sum(lost)
    assert (rows["reason"] == "same_stop").sum() == finding(tables, "stops_merged")
    assert (rows.loc[~fed, "reason"] == "unserved").sum() == finding(tables, "stops_not_served")
    assert (rows["reason"] == "near").sum() == finding(tables, "services_merged")
    assert (rows["reason"] == "beyond").sum() == finding(tables, "stops_outside")


def test_what_became_of_each_stop(tmp_path):
    stops = [(0, "Kirken", True), (90, "Kirken", True), (9_000, "Skolen", False), (None, "", True), (120_000, "", True)]
    pack(tmp_path, **feed_of([*stops[:3], (9_000, "", False), (None, "", True), stops[4]]))
    nodes = {
        1: osm_stop("Kirken", 10.5, 56.2 + 140 * METRES),
        2: osm_stop("Nedlagt", 10.5, 56.2 - 400 * METRES),
        3: (10.4887, 56.2145, {"place": "village", "name": "Knebel"}),
    }
    sources = {"osm": pbf(tmp_path, "x.osm.pbf", nodes), "parishes": write(tmp_path, "p.csv", PARISH)}
    tables = read(tmp_path, **sources, timetables="gtfs.zip")
    told = tables.origins.services.set_index("row_id")
    # both sides of the road leave once a weekday, so the first by id is where they count; 3 is a part of station 0
    assert told["reason"].to_dict() == {
        "P": "own",
        "0": "own",
        "1": "same_source",
        "2": "unserved",
        "3": "same_source",
        "4": "nowhere",
        "5": "beyond",
        "osm-n1": "same_stop",
        "osm-n2": "unserved",
    }
    assert told["service_id"].dropna().to_dict() == {
        "P": "gtfs-P",
        "0": "gtfs-0",
        "1": "gtfs-0",
        "3": "gtfs-0",
        "osm-n1": "gtfs-0",
    }
    assert told.loc[["1", "osm-n1"], "metres"].round().tolist() == [90, 140]
    assert told["standing"].drop("5").drop("4").eq("inside").all()
    assert told.loc[["4", "5"], "standing"].tolist() == ["outside", "outside"]
    assert told.loc["osm-n2", "y"] == pytest.approx(told.loc["0", "y"] - 400, abs=3)
    look = look_at(study_in(tmp_path, **sources, timetables="gtfs.zip"))
    assert look.quality.accounts["rows"].sum() == 10
    for language, words in (("en", "no timetable serves it"), ("da", "ingen køreplan betjener det")):
        sheet = accounts_sheet(look, words_for(look, language))
        assert ["gtfs.zip", words, "1"] in [[row[0].split(":")[0], row[1], row[3]] for row in sheet.rows]
    assert look.quality.merged.empty


# ---- what is wrong is said in one line ---------------------------------------------------------------------------

TIMES = FEED["stop_times.txt"]
NO_TRIP = "trips.txt: no trip runs from Monday to Friday of a whole week"
MALFORMED = {
    "no stops": ({"without": ["stops.txt"]}, "stops.txt: no such file: give a GTFS feed that has it"),
    "no calendar": (
        {"without": ["calendar.txt"]},
        "calendar.txt: neither it nor calendar_dates.txt is there: give a feed that has one",
    ),
    "no column": (
        {"stop_times": "trip_id,stop_id,number\n"},
        "stop_times.txt: no column 'stop_sequence'; found trip_id, stop_id, number: give a feed that has it",
    ),
    "column twice": (
        {"trips": "trip_id,service_id,trip_id\n1,weekdays,1\n"},
        "trips.txt: column 'trip_id' stands twice in the header: rename one",
    ),
    "time": (
        {"stop_times": TIMES.replace("08:05:00,08:05:00", "08:05:00,8.05")},
        "stop_times.txt, row 2, column 'departure_time': '8.05' cannot be used: write HH:MM:SS",
    ),
    "unknown trip": (
        {"stop_times": TIMES.replace("t2,16:00", "t9,16:00")},
        "stop_times.txt, row 4, column 'trip_id': 't9' cannot be used: give an id that trips.txt has",
    ),
    "unknown stop": (
        {"stop_times": TIMES.replace("K,1", "X,1")},
        "stop_times.txt, row 1, column 'stop_id': 'X' cannot be used: give an id that stops.txt has",
    ),
    "sequence": (
        {"stop_times": TIMES.replace("R,3", "R,third")},
        "stop_times.txt, row 3, column 'stop_sequence': 'third' cannot be used: write a whole number from 0",
    ),
    "no trip": (
        {"stop_times": TIMES.replace("t1,08:20", ",08:20")},
        "stop_times.txt, row 3, column 'trip_id': is empty: give an id that trips.txt has",
    ),
    "stop twice": (
        {"stops": FEED["stops.txt"] + "K,Knebel,56.2,10.5\n"},
        "stops.txt, row 5, column 'stop_id': 'K' stands twice: give every row an id of its own",
    ),
    "degrees": (
        {"stops": FEED["stops.txt"].replace("56.1960", "561960")},
        "stops.txt, row 2, column 'stop_lat': '561960' cannot be used: write degrees with a point, at most 90",
    ),
    "weekday": (
        {"calendar": FEED["calendar.txt"].replace("fridays,0,0,0,0,1", "fridays,0,0,0,0,yes")},
        "calendar.txt, row 2, column 'friday': 'yes' cannot be used: write 0 or 1",
    ),
    "date": (
        {"calendar": FEED["calendar.txt"].replace("20261129", "20261131", 1)},
        "calendar.txt, row 1, column 'end_date': '20261131' cannot be used: write YYYYMMDD",
    ),
    "exception": (
        {"calendar_dates": "service_id,date,exception_type\nfridays,20261103,3\n"},
        "calendar_dates.txt, row 1, column 'exception_type': '3' cannot be used: write 1 (added) or 2 (removed)",
    ),
    "headway": (
        {"frequencies": "trip_id,start_time,end_time,headway_secs\nt1,06:00:00,07:00:00,0\n"},
        "frequencies.txt, row 1, column 'headway_secs': '0' cannot be used: write a whole number from 1",
    ),
    "never": (
        {"calendar": FEED["calendar.txt"].replace("1,1,1,1,1", "0,0,0,0,0").replace("0,0,0,0,1", "0,0,0,0,0")},
        f"{NO_TRIP} (valid: 2026-11-02 to 2026-11-29): give a longer feed",
    ),
    "no trips": (
        {"trips": "route_id,service_id,trip_id\n", "stop_times": "trip_id,stop_id,stop_sequence\n"},
        f"{NO_TRIP} (valid: no day at all): give a longer feed",
    ),
}


@pytest.mark.parametrize(("spoilt", "says"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_feed_is_refused_in_one_line(tmp_path, spoilt, says):
    pack(tmp_path, **spoilt)
    with pytest.raises(TableError) as refused:
        read(tmp_path, timetables="gtfs.zip")
    assert str(refused.value) == f"gtfs.zip, {says}"


def test_a_ragged_row_and_latin_1_are_refused(tmp_path):
    pack(tmp_path, stop_times=TIMES + "t1,08:00:00\n")
    with pytest.raises(TableError, match=r"^gtfs.zip, stop_times.txt: not readable as CSV in UTF-8 \(CSV parse error"):
        counted(tmp_path)
    pack(tmp_path, encoding="latin-1")
    with pytest.raises(TableError, match=r"^gtfs.zip, stops.txt: not readable as CSV in UTF-8 \(.*UTF8"):
        counted(tmp_path)


def test_what_is_no_feed_is_refused(tmp_path):
    write(tmp_path, "gtfs.zip", "<html>")
    with pytest.raises(TableError, match=r"^gtfs.zip: the archive cannot be read \(.*\): download it again"):
        counted(tmp_path)
    with pytest.raises(TableError, match=r"^no.zip: no such file"):
        counted(tmp_path, "no.zip")
    pack(tmp_path)
    whole = (tmp_path / "gtfs.zip").read_bytes()
    (tmp_path / "gtfs.zip").write_bytes(whole[:60] + bytes(8) + whole[68:])  # agency.txt, read last
    with pytest.raises(TableError, match=r"^gtfs.zip, agency.txt: not readable"):
        counted(tmp_path)
    with zipfile.ZipFile(tmp_path / "gtfs.zip", "w") as packed:
        packed.writestr("GTFS/stops.txt", FEED["stops.txt"])
    with pytest.raises(TableError, match=r"no such file, but GTFS/stops.txt: pack the files, not their folder"):
        counted(tmp_path)


@pytest.mark.parametrize("name", ["../stops.txt", "/etc/stops.txt", "a/../../b.txt", "C:/stops.txt"])
def test_a_zip_whose_names_lead_out_of_it_is_refused(tmp_path, name):
    pack(tmp_path)
    with zipfile.ZipFile(tmp_path / "gtfs.zip", "a") as packed:
        packed.writestr(name, "x")
    with pytest.raises(TableError, match=r"^gtfs.zip: the archive holds a file of an odd name, '.*': do not use it, "):
        counted(tmp_path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_one_name_twice_is_refused(tmp_path):
    pack(tmp_path)
    with zipfile.ZipFile(tmp_path / "gtfs.zip", "a") as packed:
        packed.writestr("stops.txt", FEED["stops.txt"])
    with pytest.raises(TableError, match=r"^gtfs.zip: the archive holds 'stops.txt' twice: download it again"):
        counted(tmp_path)


def test_a_zip_that_declares_less_than_it_holds_is_read_no_further_and_refused(tmp_path):
    pack(tmp_path)
    content = (tmp_path / "gtfs.zip").read_bytes()
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(b"stop_times.txt"))
    (tmp_path / "gtfs.zip").write_bytes(content[: entry + 24] + (80).to_bytes(4, "little") + content[entry + 28 :])
    with pytest.raises(TableError, match=r"^gtfs.zip, stop_times.txt: not readable as CSV in UTF-8 \(Bad CRC-32"):
        counted(tmp_path)


def test_a_bomb_and_a_locked_file_are_refused(tmp_path):
    pack(tmp_path, stops="0" * 20_000_000)
    with pytest.raises(TableError, match=r"^gtfs.zip, stops.txt: would have 20 MB, packed 0.0 MB: take"):
        counted(tmp_path)
    pack(tmp_path)
    data = bytearray((tmp_path / "gtfs.zip").read_bytes())
    data[data.rindex(b"PK\x01\x02", 0, data.rindex(b"trips.txt")) + 8] |= 1
    (tmp_path / "gtfs.zip").write_bytes(data)
    with pytest.raises(TableError, match=r"^gtfs.zip, trips.txt: is locked with a password"):
        counted(tmp_path)


def test_the_ceiling_is_on_the_declared_size(tmp_path, monkeypatch):
    pack(tmp_path)
    monkeypatch.setattr(feed_files, "LARGEST_BYTES", len(TIMES) - 1)
    with pytest.raises(TableError, match=r"^gtfs.zip, stop_times.txt: would have 0 MB, packed 0.0 MB: take"):
        counted(tmp_path)
    assert study_in(tmp_path, timetables="gtfs.zip").sources.timetables == ("gtfs.zip",)
