"""Minutes are those of any other Dijkstra, whoever computes them; what is absent has a reason."""

from pathlib import Path

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from test_roads import as_networkx, long_road
from worlds import grid_roads, roads_of, services_at, tables_of, villages_at

from geoklynge.contraction import eliminate
from geoklynge.roads import MS_PER_MINUTE, graph_of, read_network, snap
from geoklynge.routing import NEVER, nearest_seed
from geoklynge.study import TravelOptions
from geoklynge.travel import Absence, Basis, measure_travel, places_on
from geoklynge.trips import Places, travel_between

DENMARK = Path(__file__).parents[2] / "shared/data/denmark"


def pairs_of(trips):
    """Trips as a dict (origin, destination) -> minutes."""
    return dict(zip(zip(trips.origins().tolist(), trips.destination.tolist(), strict=True), trips.minutes, strict=True))


def oracle(network, snapped, access, limit):
    """The same by networkx on the whole, uncontracted network."""
    whole = as_networkx(network)
    found = {}
    for origin, start in enumerate(snapped.vertex):
        if start < 0:
            continue
        reached = nx.single_source_dijkstra_path_length(whole, int(start), weight="minutes")
        for destination, end in enumerate(snapped.vertex):
            if end >= 0 and int(end) in reached:
                minutes = access[origin] + reached[int(end)] + access[destination]
                if minutes <= limit:
                    found[origin, destination] = minutes
    return found


DRIFT = 1e-3  # minutes; milliseconds are rounded stretch by stretch
MS = 1 / MS_PER_MINUTE


def graph_and_places(network, snapped, options=None):
    """The graph with few nodes, and the snapped places on it."""
    whole, node_of = graph_of(network, snapped.vertex[snapped.vertex >= 0])
    places = places_on(node_of, snapped, options or TravelOptions())
    graph, stays = eliminate(whole, places.node[places.node >= 0])
    return graph, Places(np.where(places.node >= 0, stays[places.node], -1).astype(np.int32), places.access_ms)


@settings(max_examples=25, deadline=None)
@given(
    side=st.integers(4, 12), seed=st.integers(0, 10_000), oneway=st.sampled_from([0.0, 0.3]), limit=st.floats(0.5, 8)
)
def test_kernel_scipy_and_networkx_agree(side, seed, oneway, limit):
    network = read_network(grid_roads(side, seed=seed, oneway=oneway, drop=0.3), TravelOptions())
    points = np.random.default_rng(seed).uniform(-100, side * 300 + 100, (15, 2))
    snapped = snap(points, network)
    graph, places = graph_and_places(network, snapped)
    access = snapped.distance_m / 1000 / 20 * 60
    kernel = pairs_of(travel_between(graph, places, places, limit, engine="numba"))
    scipy = pairs_of(travel_between(graph, places, places, limit, engine="scipy"))
    assert kernel == scipy
    expected = oracle(network, snapped, access, limit)
    on_the_edge = {pair for pair, minutes in {**expected, **kernel}.items() if abs(minutes - limit) < DRIFT}
    assert set(kernel) - on_the_edge == set(expected) - on_the_edge
    for pair in set(kernel) & set(expected):
        assert kernel[pair] == pytest.approx(expected[pair], abs=DRIFT)


@settings(max_examples=25, deadline=None)
@given(side=st.integers(3, 9), seed=st.integers(0, 10_000), n_seeds=st.integers(1, 5))
def test_the_nearest_seed_is_the_nearest_of_all(side, seed, n_seeds):
    network = read_network(grid_roads(side, seed=seed, oneway=0.2), TravelOptions())
    whole, node_of = graph_of(network, np.arange(0, len(network.xy), 7, dtype=np.int32))
    graph, _ = eliminate(whole, node_of[::7])
    rng = np.random.default_rng(seed)
    seeds = rng.integers(0, graph.n_nodes, n_seeds).astype(np.int32)
    access = rng.integers(0, 180_000, n_seeds).astype(np.int32)
    found = nearest_seed(graph.indptr, graph.targets, graph.ms, seeds, access)
    matrix = csr_array((graph.ms.astype(float), graph.targets, graph.indptr), shape=(graph.n_nodes,) * 2)
    each = dijkstra(matrix, indices=seeds) + access[:, None]
    np.testing.assert_array_equal(np.where(found < NEVER, found, np.inf), each.min(axis=0))


def two_ways_round():
    """Three villages on one road, a fourth on an island, a fifth nowhere near a road."""
    villages = villages_at([(0, 100), (3000, 0), (5990, 0), (20_000, 0), (40_000, 0)])
    services = services_at([("school", 3000, 0, "v01"), ("grocery", 20_000, 0, "v03")])
    return tables_of(villages, services, roads=roads_of([long_road(0), long_road(0, x_from=17_000)]))


def test_minutes_count_the_way_to_the_road_at_both_ends():
    travel = measure_travel(two_ways_round(), TravelOptions(max_minutes=20, off_road_speed_kmh=20))
    minutes = pairs_of(travel.between)
    road = 3.0 / (60 * 0.85) * 60
    assert minutes[0, 1] == pytest.approx(0.1 / 20 * 60 + road, abs=MS)
    assert minutes[1, 0] == pytest.approx(minutes[0, 1])
    assert pairs_of(travel.to_services)[1, 0] == 0.0  # zero is a time, not an absence
    assert travel.basis is Basis.ROADS


def test_no_pair_is_longer_than_the_horizon_and_none_within_is_missing():
    tables = two_ways_round()
    near = pairs_of(measure_travel(tables, TravelOptions(max_minutes=5)).between)
    far = pairs_of(measure_travel(tables, TravelOptions(max_minutes=60)).between)
    assert near == {pair: minutes for pair, minutes in far.items() if minutes <= 5}
    assert 0 < len(near) < len(far)


def test_the_horizon_itself_is_within():
    tables = two_ways_round()
    exact = pairs_of(measure_travel(tables, TravelOptions(max_minutes=60)).between)[0, 1]
    assert (0, 1) in pairs_of(measure_travel(tables, TravelOptions(max_minutes=exact)).between)
    assert (0, 1) not in pairs_of(measure_travel(tables, TravelOptions(max_minutes=exact - 1e-6)).between)


def test_absence_has_a_reason():
    travel = measure_travel(two_ways_round(), TravelOptions(max_minutes=5))
    assert travel.why_absent(0, 2) is Absence.OVER_LIMIT
    assert travel.why_absent(0, 3) is Absence.OTHER_COMPONENT
    assert travel.why_absent(0, 4) is Absence.FAR_FROM_ROAD


def test_the_nearest_service_is_known_however_far_and_missing_where_no_road_leads():
    travel = measure_travel(two_ways_round(), TravelOptions(max_minutes=1))
    nearest = travel.nearest
    assert nearest.loc["v02", "school"] == pytest.approx(2.99 / 51 * 60, abs=MS)
    assert nearest.loc["v03", "grocery"] == 0.0
    assert nearest["school"].isna().tolist() == [False, False, False, True, True]


def test_places_without_a_road_and_long_ways_are_findings():
    tables = two_ways_round()
    tables.villages.loc[1, "geometry"] = tables.villages.geometry[1].__class__(3000, 700)
    findings = {finding.code: finding for finding in measure_travel(tables, TravelOptions()).findings}
    assert findings["villages_without_road"].count == 1
    assert findings["villages_without_road"].examples == ("Village 4",)
    assert "700 m" in findings["villages_far_from_road"].text
    assert findings["villages_cut_off"].examples == ("Village 3",)


def test_a_one_way_road_makes_the_way_back_longer():
    ring = [[(0, 0), (4000, 0)], [(4000, 0), (4000, 2000), (0, 2000), (0, 0)]]
    tables = tables_of(villages_at([(0, 0), (4000, 0)]), roads=roads_of(ring, oneway=["forward", "both"]))
    minutes = pairs_of(measure_travel(tables, TravelOptions(max_minutes=30)).between)
    assert minutes[0, 1] == pytest.approx(4 / 51 * 60, abs=MS)
    assert minutes[1, 0] == pytest.approx(8 / 51 * 60, abs=MS)


@pytest.mark.parametrize(("stands_in", "minutes"), [(1, 4 / 51 * 60), (0, 8 / 51 * 60)])
def test_the_nearest_service_is_nearest_on_the_way_there_not_back(stands_in, minutes):
    ring = [[(0, 0), (4000, 0)], [(4000, 0), (4000, 2000), (0, 2000), (0, 0)]]
    services = services_at([("school", 4000 * stands_in, 0, f"v0{stands_in}")])
    villages = villages_at([(0, 0), (4000, 0)])
    tables = tables_of(villages, services, roads=roads_of(ring, oneway=["forward", "both"]))
    nearest = measure_travel(tables, TravelOptions(max_minutes=30)).nearest
    assert nearest.loc[f"v0{1 - stands_in}", "school"] == pytest.approx(minutes, abs=MS)


def test_links_carry_villages_and_the_services_that_stand_in_them():
    links = pd.DataFrame(
        {
            "village_a": ["v00", "v01"],
            "village_b": ["v01", "v02"],
            "road_km": [3.4, 3.4],
            "road_class": ["main", "main"],
        }
    )
    services = services_at([("school", 0, 0, "v02"), ("grocery", 3300, 0, None)])
    tables = tables_of(villages_at([(0, 0), (3000, 0), (6000, 0), (9000, 0)]), services, links=links)
    travel = measure_travel(tables, TravelOptions())
    assert travel.basis is Basis.LINKS
    minutes = pairs_of(travel.between)
    assert minutes[0, 2] == pytest.approx(6.0)
    assert (0, 3) not in minutes
    assert travel.why_absent(0, 3) is Absence.OTHER_COMPONENT
    # the shop names no village: it joins the nearest, 300 m away at 20 km/h
    assert pairs_of(travel.to_services)[0, 1] == pytest.approx(3.0 + 0.9)


def test_straight_lines_are_lengthened_and_say_so():
    services = services_at([("school", 0, 0, "v00")])
    tables = tables_of(villages_at([(0, 0), (10_000, 0), (60_000, 0)]), services)
    travel = measure_travel(tables, TravelOptions())
    assert travel.basis is Basis.STRAIGHT_LINES
    assert pairs_of(travel.between) == {(0, 1): pytest.approx(15.6), (1, 0): pytest.approx(15.6)}
    assert travel.nearest["school"].tolist() == pytest.approx([0, 15.6, 93.6])


def test_where_no_place_is_near_a_road_nothing_is_reached_and_nothing_fails():
    services = services_at([("school", 0, 9000, "v00")])
    tables = tables_of(villages_at([(0, 9000), (3000, 9000)]), services, roads=roads_of([long_road(0)]))
    travel = measure_travel(tables, TravelOptions())
    assert len(travel.between.minutes) == len(travel.to_services.minutes) == 0
    assert travel.nearest["school"].isna().all()
    assert travel.why_absent(0, 1) is Absence.FAR_FROM_ROAD


@pytest.mark.parametrize("roads", [None, roads_of([long_road(0)])], ids=["straight", "roads"])
def test_a_country_without_services_has_travel_all_the_same(roads):
    travel = measure_travel(tables_of(villages_at([(0, 0), (3000, 0)]), roads=roads), TravelOptions())
    assert len(travel.between.minutes) == 2
    assert len(travel.to_services.minutes) == 0
    assert travel.nearest.shape == (2, 0)


@pytest.mark.denmark
@pytest.mark.skipif(not DENMARK.is_dir(), reason="the real data in ../shared/data/denmark is not here")
def test_on_real_roads_minutes_equal_networkx(syddjurs_tables):
    tables = syddjurs_tables
    options = TravelOptions()
    network = read_network(tables.roads, options)
    points = np.array([(point.x, point.y) for point in tables.villages.geometry])
    services = np.array([(point.x, point.y) for point in tables.services.geometry])
    rng = np.random.default_rng(7)
    origins = np.concatenate([points, services])[rng.permutation(len(points) + len(services))[:100]]
    snapped = snap(origins, network)
    graph, places = graph_and_places(network, snapped)
    access = snapped.distance_m / 1000 / options.off_road_speed_kmh * 60
    kernel = pairs_of(travel_between(graph, places, places, options.max_minutes, engine="numba"))
    assert kernel == pairs_of(travel_between(graph, places, places, options.max_minutes, engine="scipy"))
    expected = oracle(network, snapped, access, options.max_minutes)
    assert set(kernel) == set(expected)
    assert len(kernel) > 1000
    assert max(abs(kernel[pair] - expected[pair]) for pair in kernel) <= DRIFT


def test_an_absurdly_slow_road_takes_long_and_does_not_turn_to_no_time():
    tables = tables_of(villages_at([(0, 0), (5990, 0)]), roads=roads_of([long_road(0)], speed_kmh=0.005))
    for options in (TravelOptions(), TravelOptions(off_road_speed_kmh=1e-9)):
        travel = measure_travel(tables, options)
        assert len(travel.between.minutes) == 0
        assert travel.why_absent(0, 1) is Absence.OVER_LIMIT
