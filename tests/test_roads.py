"""Roads become a graph without changing a single travel time, and places find a useful road."""

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree
from worlds import roads_of, villages_at

from geoklynge.errors import InputError
from geoklynge.roads import (
    MS_PER_MINUTE,
    USEFUL_NODES,
    RoadGraph,
    RoadNetwork,
    graph_of,
    graph_of_arcs,
    link_network,
    read_network,
    snap,
)
from geoklynge.study import TravelOptions

CAR = TravelOptions()
NOWHERE = np.empty(0, dtype=np.int32)
POSTED_60 = 60 * 0.85  # km/h that a trip keeps on a secondary road posted 60


def as_networkx(network: RoadNetwork) -> nx.DiGraph:
    """Every open way of the whole network, vertex by vertex and unrounded; of several between two the fastest."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(network.xy)))
    for line, way in enumerate(network.oneway.tolist()):
        part = slice(network.indptr[line], network.indptr[line + 1])
        steps = zip(itertools.pairwise(network.vertex[part].tolist()), np.diff(network.along_ms[part]), strict=True)
        for (tail, head), ms in steps:
            for a, b, is_open in ((tail, head, way >= 0), (head, tail, way <= 0)):
                minutes = float(ms) / MS_PER_MINUTE
                if is_open and minutes < graph.get_edge_data(a, b, {"minutes": np.inf})["minutes"]:
                    graph.add_edge(a, b, minutes=minutes)
    return graph


def minutes_along(network: RoadNetwork) -> list[float]:
    """Minutes from end to end of each line."""
    return (network.along_ms[network.indptr[1:] - 1] / MS_PER_MINUTE).tolist()


def ms_in(graph: RoadGraph, start: int) -> dict[int, int]:
    """Milliseconds from one node of a graph to every other, by networkx."""
    plain = nx.DiGraph()
    plain.add_nodes_from(range(graph.n_nodes))
    for tail, head, ms in zip(graph.tails().tolist(), graph.targets.tolist(), graph.ms.tolist(), strict=True):
        plain.add_edge(tail, head, ms=min(ms, plain.get_edge_data(tail, head, {"ms": ms})["ms"]))
    return nx.single_source_dijkstra_path_length(plain, start, weight="ms")


def test_minutes_are_length_over_posted_speed_times_factor():
    network = read_network(roads_of([[(0, 0), (1000, 0), (1000, 2000)]], speed_kmh=60), CAR)
    np.testing.assert_allclose(network.along_ms / MS_PER_MINUTE, [0, 1 / POSTED_60 * 60, 3 / POSTED_60 * 60])


def test_a_road_without_a_posted_limit_takes_its_class():
    known = read_network(roads_of([[(0, 0), (1000, 0)]], speed_kmh=70, road_class="unclassified"), CAR)
    assumed = read_network(roads_of([[(0, 0), (1000, 0)]], speed_kmh=None, road_class="unclassified"), CAR)
    assert CAR.speed_of_class()["unclassified"].posted_kmh == 70
    np.testing.assert_allclose(minutes_along(known), minutes_along(assumed))
    np.testing.assert_allclose(minutes_along(known), [60 / (70 * CAR.speed_of_class()["unclassified"].factor)])


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
    graph, node_of = graph_of(network, NOWHERE)
    at = {tuple(network.xy[vertex]): node for vertex, node in enumerate(node_of)}
    ways = set(zip(graph.tails().tolist(), graph.targets.tolist(), strict=True))
    assert ways == {(at[0, 0], at[1000, 0]), (at[0, 1000], at[0, 0])}


def test_bikes_keep_their_own_speed_and_off_the_motorway():
    bike = TravelOptions(mode="bike")
    network = read_network(roads_of([[(0, 0), (1000, 0)]], speed_kmh=130), bike)
    np.testing.assert_allclose(minutes_along(network), [4.0])
    with pytest.raises(InputError, match="no road is open to mode 'bike'"):
        read_network(roads_of([[(0, 0), (1000, 0)]], road_class="motorway"), bike)


def test_a_class_that_is_not_driven_on_is_left_out():
    roads = roads_of([[(0, 0), (1000, 0)], [(0, 0), (0, 900)]], road_class=["secondary", "footway"])
    network = read_network(roads, CAR)
    assert network.xy.tolist() == [[0, 0], [1000, 0]]


def test_a_stretch_of_no_length_still_takes_a_millisecond():
    network = read_network(roads_of([[(0, 0), (0.004, 0), (0.02, 0), (0.02, 50)]]), CAR)
    graph, _ = graph_of(network, np.arange(len(network.xy), dtype=np.int32))
    assert graph.ms.min() == 1


def test_times_are_rounded_once_a_stretch_and_not_once_a_bend():
    bends = [[(0.3 * k, 0) for k in range(1001)]]  # each bend takes 17.65 ms; rounded one by one, 2 % too much
    graph, _ = graph_of(read_network(roads_of(bends, speed_kmh=72), CAR), NOWHERE)
    assert graph.ms.tolist() == [round(300 / (72 * 0.85 / 3.6) * 1000)] * 2


def test_several_roads_between_the_same_places_stay_and_turn_round_together():
    arcs = np.array([0, 0, 1], dtype=np.int32), np.array([1, 1, 0], dtype=np.int32)
    graph = graph_of_arcs(*arcs, np.array([3, 2, 5], dtype=np.int32), n_nodes=2)
    assert graph.ms.tolist() == [3, 2, 5]
    assert graph.reversed().ms.tolist() == [5, 3, 2]
    assert graph.reversed().tails().tolist() == [0, 1, 1]


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


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([300.0, 3_000.0, 30_000.0]))
def test_the_grid_finds_the_vertex_that_a_tree_finds(seed, spread):
    rng = np.random.default_rng(seed)
    lines = [rng.normal(0, spread, 2) + np.cumsum(rng.normal(0, 40, (550, 2)), axis=0) for _ in range(3)]
    network = read_network(roads_of([[tuple(point) for point in line] for line in lines]), CAR)
    assert np.bincount(network.component).min() >= USEFUL_NODES
    points = rng.normal(0, 1.5 * spread, (60, 2))
    snapped = snap(points, network)
    away, nearest = cKDTree(network.xy).query(points)
    near = away <= 2_000
    assert snapped.vertex[near].tolist() == nearest[near].tolist()
    assert (snapped.vertex[~near] == -1).all()
    np.testing.assert_allclose(snapped.distance_m[near], away[near])


def test_a_road_on_the_other_side_of_the_earth_fills_no_memory():
    network = read_network(roads_of([long_road(0), long_road(9e6, x_from=9e6)]), CAR)
    snapped = snap(np.array([[3000.0, 10.0], [9e6 + 100, 9e6]]), network)
    assert network.xy[snapped.vertex].tolist() == [[3000.0, 0.0], [9e6 + 100, 9e6]]


def test_links_join_villages_at_the_speed_of_their_class():
    import pandas as pd

    links = pd.DataFrame({"village_a": ["v00"], "village_b": ["v02"], "road_km": [6.8], "road_class": ["main"]})
    network = link_network(links, villages_at([(0, 0), (1, 1), (5000, 0)]), CAR)
    np.testing.assert_allclose(minutes_along(network), [6.0])  # 6.8 km at 80 km/h x 0.85
    assert network.vertex.tolist() == [0, 2]
    assert len(set(network.component)) == 2
