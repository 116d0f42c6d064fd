"""People in the open country: counted once, to the village that they reach first, and told where they are not."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import CRS_DK, roads_of, study, tables_of, trips_of, villages_at

from geoklynge.open_country import Count, count_open_country, count_people
from geoklynge.people import people_assumed, people_of_place
from geoklynge.sources.grid import TOUCHES_M
from geoklynge.sources.services import REACH_M
from geoklynge.tables import Tables
from geoklynge.travel import travel_to_villages

STUDY = study()
REACH = REACH_M["village"] + TOUCHES_M


def cells_at(rows) -> gpd.GeoDataFrame:
    """Cells (x, y, people)."""
    columns = {
        "cell_id": pd.array([f"c{k:03d}" for k in range(len(rows))], dtype="string"),
        "people": np.array([row[2] for row in rows], dtype=np.int64),
    }
    points = shapely.points(np.array([row[:2] for row in rows], dtype=float).reshape(-1, 2))
    return gpd.GeoDataFrame(columns, geometry=points, crs=CRS_DK)


def world(points, people, cells, *, roads=None, links=None) -> Tables:
    return replace(tables_of(villages_at(points, people=people), roads=roads, links=links), grid=cells_at(cells))


def counted(tables: Tables, a_study=STUDY) -> pd.DataFrame:
    return count_open_country(tables, a_study).villages


def count_of(tables: Tables, a_study=STUDY) -> Count:
    xy = shapely.get_coordinates(tables.grid.geometry.to_numpy())
    return count_people(tables.villages, tables.grid, travel_to_villages(tables, xy, a_study.travel))


def finding(tables: Tables, code: str):
    return next((found for found in tables.findings if found.code == code), None)


def test_without_a_grid_nothing_changes():
    tables = tables_of(villages_at([(0, 0)], people=[100]))
    assert count_open_country(tables, STUDY) is tables


def test_a_village_takes_its_own_people_and_the_rest_go_to_the_nearest():
    # 628 of the 700 at the village are its own; the 72 left there and the 138 of a farm land are around it
    tables = world([(0, 0), (9_000, 0)], [628, 100], [(0, 100, 700), (3_000, 0, 138), (9_000, 0, 100)])
    villages = counted(tables)
    assert villages["people_around"].tolist() == [210, 0]
    assert villages["people"].tolist() == [838, 100]
    assert people_of_place(villages).tolist() == [628, 100]


def test_the_own_people_are_taken_from_the_nearest_cells_first():
    tables = world([(0, 0)], [250], [(0, 900, 100), (0, 0, 200), (0, 500, 100)])
    count = count_of(tables)
    assert count.own.tolist() == [250]
    assert count.around.tolist() == [150]


def test_a_village_never_takes_more_than_its_population_nor_beyond_its_reach():
    near, far = (0, REACH - 1, 50), (0, REACH + 1, 500)
    count = count_of(world([(0, 0)], [200], [near, far]))
    assert (count.own.tolist(), count.around.tolist()) == ([50], [500])
    told = count_open_country(world([(0, 0)], [200], [near, far]), STUDY)
    assert finding(told, "grid_too_few").count == 1
    assert "by 150 people in all" in finding(told, "grid_too_few").text
    assert told.villages["people"].tolist() == [700]  # its known population, not what the grid found of it


def test_two_villages_in_one_cell_share_it_by_turns():
    tables = world([(-200, 0), (300, 0)], [60, 80], [(0, 0, 100)])
    count = count_of(tables)
    assert count.own.tolist() == [60, 40]
    assert count.around.sum() == 0


def test_ties_go_to_the_village_that_stands_first():
    count = count_of(world([(-3_000, 0), (3_000, 0)], [0, 0], [(0, 0, 7)]))
    assert count.around.tolist() == [7, 0]


def test_of_villages_at_the_same_minutes_the_nearer_one_has_its_turn_first():
    villages, cells = villages_at([(0, 0), (1_000, 0)], people=[10, 10]), cells_at([(600, 0, 10)])
    count = count_people(villages, cells, trips_of([[1.0], [1.0]]))
    assert count.own.tolist() == [0, 10]
    count = count_people(villages, cells, trips_of([[1.0], [2.0]]))
    assert count.own.tolist() == [10, 0]
    nobody = villages.assign(population=pd.array([0, 0], dtype="Int64"))
    assert count_people(nobody, cells, trips_of([[1.0], [1.0]])).around.tolist() == [0, 10]


def test_a_village_of_unknown_population_has_the_people_that_reach_it_first():
    tables = world([(0, 0), (6_000, 0)], [None, 100], [(0, 0, 40), (1_000, 0, 9), (6_000, 0, 130)])
    told = count_open_country(tables, STUDY)
    assert told.villages["people"].tolist() == [49, 130]
    assert told.villages["people_around"].tolist() == [49, 30]
    assert people_assumed(told.villages).tolist() == [False, False]
    assert people_of_place(told.villages).tolist() == [49, 100]
    assert finding(told, "population_missing") is None


def test_where_neither_population_nor_grid_knows_anybody_the_default_stays():
    tables = world([(0, 0), (500, 0)], [None, 100], [(500, 0, 130)])
    told = count_open_country(tables, STUDY)
    assert told.villages["people"].tolist() == [300, 130]
    assert people_assumed(told.villages).tolist() == [True, False]
    assert finding(told, "population_missing").count == 1


def test_a_neighbour_of_unknown_population_leaves_the_known_one_its_own():
    # the cell is nearer to the hamlet, but the village is known to have 100
    count = count_of(world([(0, 0), (600, 0)], [None, 100], [(200, 0, 120)]))
    assert count.own.tolist() == [0, 100]
    assert count.around.tolist() == [20, 0]


def test_people_who_reach_no_village_in_time_are_told():
    far_m = STUDY.travel.max_minutes / 60 * STUDY.travel.plain_speed_kmh["car"] / STUDY.travel.detour * 1000 + 100
    told = count_open_country(world([(0, 0)], [10], [(0, 0, 10), (far_m, 0, 33)]), STUDY)
    assert told.villages["people"].tolist() == [10]
    lost = finding(told, "grid_unreached")
    assert lost.count == 1
    assert "with 33 people" in lost.text
    assert lost.examples == ("c001",)


def fjord() -> Tables:
    """Two shores 2 km apart; the bridge is far, and the cell on the western shore is nearer to the east by air."""
    shores = [
        [(0, 0), (0, 1_000), (0, 12_000), (2_000, 12_000), (2_000, 1_000), (2_000, 0)],
        [(0, 1_000), (-3_000, 1_000)],
        [(60_000, 0), (61_000, 0)],
    ]
    return world(
        [(-3_000, 1_000), (2_000, 1_000)], [0, 0], [(100, 1_000, 12), (60_500, 100, 5)], roads=roads_of(shores)
    )


def test_the_road_decides_and_not_the_way_as_the_crow_flies():
    count = count_of(fjord())
    assert count.around.tolist() == [12, 0]
    assert count.unreached.tolist() == [0, 5]  # an island without a village


def test_the_way_is_that_of_people_to_the_village():
    # one way round: from the cell to the first village it is short, from that village to the cell it is long
    lines = [[(0, 0), (2_000, 0)], [(0, 0), (0, -6_000)], [(0, -6_000), (2_000, -6_000)], [(2_000, -6_000), (2_000, 0)],
             [(2_000, 0), (5_000, 0)]]  # fmt: skip
    roads = roads_of(lines, oneway=["backward", "both", "both", "both", "both"])
    count = count_of(world([(0, 0), (5_000, 0)], [0, 0], [(2_000, 0, 4)], roads=roads))
    assert count.around.tolist() == [4, 0]
    roads = roads_of(lines, oneway=["forward", "both", "both", "both", "both"])
    assert count_of(world([(0, 0), (5_000, 0)], [0, 0], [(2_000, 0, 4)], roads=roads)).around.tolist() == [0, 4]


def test_a_village_without_a_road_has_its_own_people_all_the_same():
    roads = roads_of([[(0, 0), (3_000, 0)]])
    tables = world([(0, 0), (0, 40_000)], [5, 30], [(0, 0, 5), (300, 40_000, 42)], roads=roads)
    count = count_of(tables)
    assert count.own.tolist() == [5, 30]
    assert count.unreached.tolist() == [0, 12]


def test_over_links_cells_are_counted_at_the_nearest_village():
    links = pd.DataFrame({"village_a": ["v00"], "village_b": ["v01"], "road_km": [4.0], "road_class": ["secondary"]})
    count = count_of(world([(0, 0), (4_000, 0)], [10, 0], [(0, 0, 10), (2_500, 0, 3)], links=links))
    assert (count.own.tolist(), count.around.tolist()) == ([10, 0], [0, 3])


def slowly(tables: Tables) -> tuple[list[int], list[int], list[int]]:
    """Count by straight lines as the rule is told, one village and cell at a time."""
    options = STUDY.travel
    homes = shapely.get_coordinates(tables.villages.geometry.to_numpy()).tolist()
    there = shapely.get_coordinates(tables.grid.geometry.to_numpy()).tolist()
    population = [None if pd.isna(one) else int(one) for one in tables.villages["population"]]
    left = tables.grid["people"].tolist()
    per_m = options.detour / 1000 / options.plain_speed_kmh["car"] * 60
    pairs = []
    for v, (x, y) in enumerate(homes):
        for c, (a, b) in enumerate(there):
            metres = float(np.hypot(a - x, b - y))
            pairs.append((metres * per_m, metres, v, c))
    own, around = [0] * len(homes), [0] * len(homes)
    for _, metres, v, c in sorted(pairs, key=lambda p: (p[0] if p[0] <= options.max_minutes else np.inf, *p[1:])):
        reach = REACH_M[tables.villages["kind"].iloc[v]] + TOUCHES_M
        if population[v] is not None and metres <= reach:
            some = min(population[v] - own[v], left[c])
            own[v] += some
            left[c] -= some
    for c in range(len(there)):
        ways = [
            (minutes, metres, v) for minutes, metres, v, cell in pairs if cell == c and minutes <= options.max_minutes
        ]
        if ways:
            around[min(ways)[2]] += left[c]
            left[c] = 0
    return own, around, left


steps = st.integers(-12, 12).map(lambda k: k * 1_500)  # on a raster, so that ties come up
positions = st.tuples(steps, steps)


@given(
    homes=st.lists(positions, min_size=1, max_size=6),
    people=st.lists(st.one_of(st.none(), st.integers(0, 400)), min_size=6, max_size=6),
    cells=st.lists(st.tuples(steps, steps, st.integers(1, 300)), max_size=12),
    kinds=st.lists(st.sampled_from(["hamlet", "village", "town", "city"]), min_size=6, max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_everybody_is_counted_once_and_as_the_rule_says(homes, people, cells, kinds):
    tables = world(homes, people[: len(homes)], cells)
    tables = replace(tables, villages=tables.villages.assign(kind=pd.array(kinds[: len(homes)], dtype="string")))
    count = count_of(tables)
    assert (count.own.tolist(), count.around.tolist(), count.unreached.tolist()) == slowly(tables)
    assert count.own.sum() + count.around.sum() + count.unreached.sum() == tables.grid["people"].sum()
    villages = counted(tables)
    known = villages["population"].notna()
    assert (villages["people"] == villages["population"].astype(float) + villages["people_around"])[known].all()
    assert (villages["people"] == villages["people_around"])[~known & (villages["people_around"] > 0)].all()


@given(st.permutations(range(8)))
@settings(max_examples=20, deadline=None)
def test_the_order_of_cells_in_the_file_does_not_matter(order):
    rows = [(k * 700.0, (k % 3) * 400.0, 20 + k) for k in range(8)]
    plain = count_of(world([(0, 0), (4_000, 0)], [60, None], rows))
    mixed = count_of(world([(0, 0), (4_000, 0)], [60, None], [rows[k] for k in order]))
    assert (mixed.own.tolist(), mixed.around.tolist()) == (plain.own.tolist(), plain.around.tolist())


@pytest.mark.denmark
def test_on_the_roads_of_syddjurs_everybody_is_counted_once(syddjurs_tables, syddjurs_study):
    # a made-up grid: cells of a kilometre over the whole municipality, with 0 to 60 people each
    west, south, east, north = syddjurs_tables.municipalities.query("municipality_id == '0706'").total_bounds
    x, y = np.meshgrid(np.arange(west, east, 1_000), np.arange(south, north, 1_000))
    people = np.random.default_rng(7).integers(0, 61, x.size)
    cells = cells_at(np.column_stack([x.ravel(), y.ravel(), people]).tolist())
    tables = replace(syddjurs_tables, grid=cells[cells["people"] > 0].reset_index(drop=True))
    count = count_of(tables, syddjurs_study)
    assert count.own.sum() + count.around.sum() + count.unreached.sum() == people.sum()
    assert (count.own <= tables.villages["population"].fillna(0).astype(int)).all()
    assert count.around.sum() > 0.5 * people.sum()
