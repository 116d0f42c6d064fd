"""What the checker leaves out of the roads changes no way from stop to stop, and leaves little to search."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geoklynge.checker.thinning import Ways, thinned


def ways_of(rows):
    """Ways from rows of tail, head, minutes, oneway."""
    tail, head, minutes, oneway = zip(*rows, strict=True)
    return Ways(
        np.array(tail, dtype=np.int32), np.array(head, dtype=np.int32),
        np.array(minutes, dtype=np.float64), np.array(oneway, dtype=np.int8),
    )  # fmt: skip


def graph_of(ways, n_nodes):
    """The same as a directed graph, of several ways between two nodes the fastest."""
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(n_nodes))
    for tail, head, minutes, oneway in zip(ways.tail, ways.head, ways.minutes, ways.oneway, strict=True):
        if oneway >= 0:
            graph.add_edge(int(tail), int(head), minutes=float(minutes))
        if oneway <= 0:
            graph.add_edge(int(head), int(tail), minutes=float(minutes))
    return graph


def minutes_between(ways, is_stop):
    graph, stops = graph_of(ways, len(is_stop)), np.flatnonzero(is_stop).tolist()
    found = {stop: nx.single_source_dijkstra_path_length(graph, stop, weight="minutes") for stop in stops}
    return np.array([[found[a].get(b, np.inf) for b in stops] for a in stops])


@st.composite
def some_ways(draw):
    n_nodes = draw(st.integers(2, 14))
    nodes = st.integers(0, n_nodes - 1)
    way = st.tuples(nodes, nodes, st.integers(1, 30), st.sampled_from([0, 0, 0, 1, -1]))
    ways = draw(st.lists(way, min_size=1, max_size=24))
    stops = draw(st.sets(nodes, min_size=1, max_size=4))
    is_stop = np.isin(np.arange(n_nodes), list(stops))
    return ways_of(ways), is_stop


@settings(deadline=None, max_examples=400)
@given(some_ways())
def test_minutes_from_stop_to_stop_stay_as_they_are(world):
    ways, is_stop = world
    left = thinned(ways, is_stop)
    np.testing.assert_array_equal(minutes_between(left, is_stop), minutes_between(ways, is_stop))
    assert len(left.tail) <= len(ways.tail)


@settings(deadline=None, max_examples=200)
@given(some_ways())
def test_of_open_ways_only_stops_and_junctions_are_left(world):
    ways, is_stop = world
    open_ways = Ways(ways.tail, ways.head, ways.minutes, np.zeros_like(ways.oneway))
    left = thinned(open_ways, is_stop)
    ends = left.ends_at(len(is_stop))
    loops = left.ends_at(len(is_stop)) - left.take(left.tail != left.head).ends_at(len(is_stop))
    assert not ((ends == 1) & ~is_stop).any()
    assert not ((ends == 2) & ~is_stop & (loops == 0)).any()


def test_dead_ends_go_with_all_that_hangs_on_them_and_chains_become_one_way():
    #   0 - 1 - 2 - 3 (stops 0 and 3), a side road 2 - 4 - 5, another ring 6 - 7 on its own
    ends = [(0, 1), (2, 1), (2, 3), (2, 4), (4, 5), (6, 7), (7, 6)]
    ways = ways_of(
        [(a, b, minutes, 0) for (a, b), minutes in zip(ends, [2.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0], strict=True)]
    )
    left = thinned(ways, np.isin(np.arange(8), [0, 3]))
    assert sorted((left.tail[0], left.head[0])) == [0, 3]
    assert left.minutes.tolist() == [9.0]


@pytest.mark.parametrize("oneway", [1, -1])
def test_a_one_way_stretch_keeps_its_direction(oneway):
    left = thinned(ways_of([(0, 1, 2.0, oneway), (1, 2, 3.0, 0)]), np.array([True, False, True]))
    there, back = (5.0, np.inf) if oneway == 1 else (np.inf, 5.0)
    assert minutes_between(left, np.array([True, False, True])).tolist() == [[0.0, there], [back, 0.0]]
