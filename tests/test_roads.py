"""Roads become a graph without changing a single travel time, and places find a useful road."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import grid_roads, roads_of, villages_at

from geoklynge.errors import InputError
from geoklynge.roads import RoadNetwork, contract, graph_of_arcs, link_network, read_network, snap
from geoklynge.study import TravelOptions

CAR = TravelOptions()
POSTED_60 = 60 * 0.85  # km/h that a trip keeps on a secondary road posted 60


def as_networkx(network: RoadNetwork) -> nx.DiGraph:
    """Every open way of the whole network; of several between two vertices the fastest."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(network.xy)))
    arcs = zip(network.tail, network.head, network.forward, network.backward, strict=True)
    for tail, head, forward, backward in arcs:
        for a, b, minutes in ((tail, head, forward), (head, tail, backward)):
            if np.isfinite(minutes) and minutes < graph.get_edge_data(a, b, {"minutes": np.inf})["minutes"]:
                graph.add_edge(int(a), int(b), minutes=float(minutes))
    return graph


def minutes_in(graph, start):
    """Minutes from one node of a RoadGraph to every other, by networkx."""
    tails = np.repeat(np.arange(graph.n_nodes), np.diff(graph.indptr))
    plain = nx.DiGraph()
    plain.add_nodes_from(range(graph.n_nodes))
    for tail, head, minutes in zip(tails.tolist(), graph.targets.tolist(), graph.minutes.tolist(), strict=True):
        plain.add_edge(tail, head, minutes=minutes)
    return nx.single_source_dijkstra_path_length(plain, start, weight="minutes")


def test_minutes_are_length_over_posted_speed_times_factor():
    network = read_network(roads_of([[(0, 0), (1000, 0), (1000, 2000)]], speed_kmh=60), CAR)
    np.testing.assert_allclose(np.sort(network.forward), [1 / POSTED_60 * 60, 2 / POSTED_60 * 60])
    np.testing.assert_array_equal(network.forward, network.backward)


def test_a_road_without_a_posted_limit_takes_its_class():
    known = read_network(roads_of([[(0, 0), (1000, 0)]], speed_kmh=70, road_class="unclassified"), CAR)
    assumed = read_network(roads_of([[(0, 0), (1000, 0)]], speed_kmh=None, road_class="unclassified"), CAR)
    assert CAR.speed_of_class()["unclassified"].posted_kmh == 70
    np.testing.assert_allclose(known.forward, assumed.forward)


def test_lines_join_where_they_share_a_vertex_and_not_where_they_cross():
    sharing = read_network(roads_of([[(0, 0), (500, 0), (1000, 0)], [(500, 0), (500, 500)]]), CAR)
    crossing = read_network(roads_of([[(0, 0), (1000, 0)], [(500, -500), (500, 500)]]), CAR)
    assert len(sharing.xy) == 4
    assert len(set(sharing.component)) == 1
    assert len(crossing.xy) == 4
    assert len(set(crossing.component)) == 2


def test_a_one_way_road_is_closed_the_other_way():
    lines = [[(0, 0), (1000, 0)], [(0, 0), (0, 1000)]]
    network = read_network(roads_of(lines, oneway=["forward", "backward"]), CAR)
    assert np.isfinite(network.forward).tolist() == [True, False]
    assert np.isfinite(network.backward).tolist() == [False, True]


def test_bikes_keep_their_own_speed_and_off_the_motorway():
    bike = TravelOptions(mode="bike")
    network = read_network(roads_of([[(0, 0), (1000, 0)]], speed_kmh=130), bike)
    np.testing.assert_allclose(network.forward, [4.0])
    with pytest.raises(InputError, match="no road is open to mode 'bike'"):
        read_network(roads_of([[(0, 0), (1000, 0)]], road_class="motorway"), bike)


def test_a_class_that_is_not_driven_on_is_left_out():
    roads = roads_of([[(0, 0), (1000, 0)], [(0, 0), (0, 900)]])
    roads["road_class"] = ["secondary", "footway"]
    assert len(read_network(roads, CAR).tail) == 1


@settings(max_examples=40, deadline=None)
@given(
    side=st.integers(3, 9), seed=st.integers(0, 10_000), oneway=st.sampled_from([0.0, 0.3]), wanted=st.integers(1, 12)
)
def test_contraction_changes_no_travel_time(side, seed, oneway, wanted):
    network = read_network(grid_roads(side, seed=seed, oneway=oneway, drop=0.35), CAR)
    keep = np.random.default_rng(seed).choice(len(network.xy), min(wanted, len(network.xy)), replace=False)
    graph, node_of = contract(network, keep.astype(np.int32))
    assert (node_of[keep] >= 0).all()
    whole = as_networkx(network)
    for start in keep[:3]:
        before = nx.single_source_dijkstra_path_length(whole, int(start), weight="minutes")
        after = minutes_in(graph, int(node_of[start]))
        for end in keep:
            assert (int(end) in before) == (int(node_of[end]) in after)
            if int(end) in before:
                assert after[int(node_of[end])] == pytest.approx(before[int(end)], abs=1e-9)


def test_contraction_leaves_out_bends_and_dead_ends():
    bent = [[(k * 100, (k % 2) * 10) for k in range(11)]]
    dead_end = [[(500, 10), (500, 400), (700, 400)]]
    network = read_network(roads_of(bent + dead_end), CAR)
    ends = np.flatnonzero((network.xy[:, 0] == 0) | (network.xy[:, 0] == 1000)).astype(np.int32)
    graph, _ = contract(network, ends)
    assert graph.n_nodes == 2
    length_km = 10 * np.hypot(100, 10) / 1000
    np.testing.assert_allclose(graph.minutes, [length_km / POSTED_60 * 60] * 2)


def test_of_parallel_arcs_the_fastest_stays():
    arcs = np.array([0, 0, 1], dtype=np.int32), np.array([1, 1, 0], dtype=np.int32)
    graph = graph_of_arcs(*arcs, np.array([3.0, 2.0, 5.0]), n_nodes=2)
    assert graph.minutes.tolist() == [2.0, 5.0]
    assert graph.reversed().minutes.tolist() == [5.0, 2.0]


def long_road(y: float, x_from: float = 0, n: int = 600) -> list[tuple[float, float]]:
    """One road of n vertices, ten metres apart."""
    return [(x_from + 10 * k, y) for k in range(n)]


def test_a_place_prefers_a_useful_road_to_a_nearer_loose_end():
    network = read_network(roads_of([long_road(0), [(2990, 190), (3010, 190)]]), CAR)
    snapped = snap(np.array([[3000.0, 200.0]]), network)
    assert network.xy[snapped.vertex[0]].tolist() == [3000.0, 0.0]
    np.testing.assert_allclose(snapped.distance_m, [200.0])


@pytest.mark.parametrize(("vertices", "nearest_y"), [(499, 0.0), (500, 900.0)])
def test_a_road_is_useful_from_500_vertices(vertices, nearest_y):
    network = read_network(roads_of([long_road(0), long_road(900, n=vertices)]), CAR)
    snapped = snap(np.array([[2000.0, 800.0]]), network)
    assert network.xy[snapped.vertex[0]].tolist() == [2000.0, nearest_y]


def test_on_an_island_the_largest_road_within_2_km_serves():
    small = [[(0, 0), (100, 0)], [(0, 900), (100, 900), (200, 900)]]
    network = read_network(roads_of([*small, long_road(0, x_from=50_000)]), CAR)
    snapped = snap(np.array([[90.0, 100.0], [20_000.0, 0.0]]), network)
    assert network.xy[snapped.vertex[0]].tolist() == [100.0, 900.0]  # three vertices beat two, though farther
    assert snapped.vertex[1] == -1
    assert np.isinf(snapped.distance_m[1])


@pytest.mark.parametrize(("away_m", "found"), [(2_000.0, True), (2_000.5, False)])
def test_beyond_2_km_there_is_no_road(away_m, found):
    network = read_network(roads_of([long_road(0)]), CAR)
    snapped = snap(np.array([[3000.0, away_m]]), network)
    assert bool(snapped.vertex[0] >= 0) is found


def test_one_way_streets_that_lead_nowhere_are_not_useful():
    loop = roads_of([long_road(0), [(0, 100), (0, 0)]], oneway=["both", "forward"])
    network = read_network(loop, CAR)
    trapped = int(np.flatnonzero(network.xy[:, 1] == 100)[0])
    assert network.component[trapped] not in network.component[np.flatnonzero(network.xy[:, 1] == 0)]
    assert network.xy[snap(np.array([[0.0, 101.0]]), network).vertex[0]].tolist() == [0.0, 0.0]


def test_links_join_villages_at_the_speed_of_their_class():
    import pandas as pd

    links = pd.DataFrame({"village_a": ["v00"], "village_b": ["v02"], "road_km": [6.8], "road_class": ["main"]})
    network = link_network(links, villages_at([(0, 0), (1, 1), (5000, 0)]), CAR)
    np.testing.assert_allclose(network.forward, [6.0])  # 6.8 km at 80 km/h x 0.85
    assert (network.tail.tolist(), network.head.tolist()) == ([0], [2])
    assert len(set(network.component)) == 2
