"""Nodes leave the graph, and no time between those that stay changes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_roads import CAR, POSTED_60, as_networkx, ms_in
from worlds import grid_roads, roads_of

from geoklynge.contraction import ALONG_A_ROAD, MOST_NEIGHBOURS, eliminate
from geoklynge.roads import MS_PER_MINUTE, graph_of, graph_of_arcs, read_network


@settings(max_examples=60, deadline=None)
@given(
    side=st.integers(3, 9),
    seed=st.integers(0, 10_000),
    oneway=st.sampled_from([0.0, 0.3]),
    wanted=st.integers(1, 12),
    most=st.sampled_from([1, ALONG_A_ROAD, 3, 4, MOST_NEIGHBOURS, 20]),
)
def test_elimination_changes_no_time(side, seed, oneway, wanted, most):
    network = read_network(grid_roads(side, seed=seed, oneway=oneway, drop=0.35), CAR)
    keep = np.random.default_rng(seed).choice(len(network.xy), min(wanted, len(network.xy)), replace=False)
    whole, node_of = graph_of(network, keep.astype(np.int32))
    graph, stays = eliminate(whole, node_of[keep], most_neighbours=most)
    assert (stays[node_of[keep]] >= 0).all()
    assert graph.n_nodes <= whole.n_nodes
    for start in node_of[keep][:4]:
        before, after = ms_in(whole, int(start)), ms_in(graph, int(stays[start]))
        reached = {int(stays[node]): ms for node, ms in before.items() if stays[node] >= 0}
        assert after == reached


@settings(max_examples=30, deadline=None)
@given(side=st.integers(3, 8), seed=st.integers(0, 10_000))
def test_milliseconds_add_up_to_the_unrounded_minutes_of_the_roads(side, seed):
    import networkx as nx

    network = read_network(grid_roads(side, seed=seed, oneway=0.2, drop=0.3), CAR)
    keep = np.random.default_rng(seed).choice(len(network.xy), 6, replace=False).astype(np.int32)
    whole, node_of = graph_of(network, keep)
    graph, stays = eliminate(whole, node_of[keep])
    for start in keep[:3]:
        exact = nx.single_source_dijkstra_path_length(as_networkx(network), int(start), weight="minutes")
        rounded = ms_in(graph, int(stays[node_of[start]]))
        for end in keep:
            assert (int(end) in exact) == (int(stays[node_of[end]]) in rounded)
            if int(end) in exact:
                stretches = 2 * side * side
                ms = rounded[int(stays[node_of[end]])]
                assert ms == pytest.approx(exact[int(end)] * MS_PER_MINUTE, abs=0.5 * stretches)


def test_bends_and_dead_ends_go_and_the_road_is_one_arc():
    bent = [[(k * 100, (k % 2) * 10) for k in range(11)]]
    dead_end = [[(500, 10), (500, 400), (700, 400)], [(700, 400), (800, 400)]]
    network = read_network(roads_of(bent + dead_end), CAR)
    ends = np.flatnonzero(np.isin(network.xy[:, 0], [0, 1000])).astype(np.int32)
    whole, node_of = graph_of(network, ends)
    graph, _ = eliminate(whole, node_of[ends], most_neighbours=ALONG_A_ROAD)
    assert graph.n_nodes == 2
    minutes = 10 * np.hypot(100, 10) / 1000 / POSTED_60 * 60
    np.testing.assert_allclose(graph.ms, [minutes * MS_PER_MINUTE] * 2, atol=2)


def arcs_both_ways(*roads):
    """Graph of roads (a, b, ms), open both ways."""
    a, b, ms = (np.array(column, dtype=np.int32) for column in zip(*roads, strict=True))
    ends = np.concatenate([a, b]), np.concatenate([b, a])
    return graph_of_arcs(*ends, np.tile(ms, 2), n_nodes=int(max(a.max(), b.max())) + 1)


def test_a_crossing_of_three_becomes_a_triangle_and_a_shorter_road_stays():
    star = arcs_both_ways((0, 3, 10), (1, 3, 20), (2, 3, 30), (0, 1, 25), (1, 2, 70))
    graph, node_of = eliminate(star, np.array([0, 1, 2], dtype=np.int32))
    assert node_of.tolist() == [0, 1, 2, -1]
    times = {
        (a, b): ms for a, b, ms in zip(graph.tails().tolist(), graph.targets.tolist(), graph.ms.tolist(), strict=True)
    }
    assert times == {(0, 1): 25, (1, 0): 25, (0, 2): 40, (2, 0): 40, (1, 2): 50, (2, 1): 50}


def test_a_busy_crossing_stays_where_more_arcs_would_come_than_go():
    spokes = [(k, 5, 10 + k) for k in range(5)]
    star = arcs_both_ways(*spokes)
    rim = np.arange(5, dtype=np.int32)
    assert eliminate(star, rim, most_neighbours=20)[0].n_nodes == 6  # ten pairs against five spokes
    ring = arcs_both_ways(*spokes, *((k, (k + 1) % 5, 99) for k in range(5)))
    assert eliminate(ring, rim, most_neighbours=20)[0].n_nodes == 5  # five of the ten are there
    assert eliminate(ring, rim, most_neighbours=4)[0].n_nodes == 6


def test_of_parallel_roads_the_fastest_counts_each_way():
    tails, heads = np.array([0, 0, 1], dtype=np.int32), np.array([1, 1, 0], dtype=np.int32)
    graph = graph_of_arcs(tails, heads, np.array([9, 4, 7], dtype=np.int32), n_nodes=2)
    assert eliminate(graph, np.array([0, 1], dtype=np.int32))[0].ms.tolist() == [4, 7]


def test_without_anything_to_keep_nothing_is_left_and_nothing_fails():
    nobody = np.empty(0, dtype=np.int32)
    assert eliminate(arcs_both_ways((0, 1, 5), (1, 2, 5)), nobody)[0].n_nodes <= 1
    assert eliminate(graph_of_arcs(nobody, nobody, nobody, n_nodes=0), nobody)[0].n_nodes == 0
