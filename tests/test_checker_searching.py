"""The checker's own search: no horizon and no cut-out may hide a way, and no shortcut changes what it finds."""

import itertools
from contextlib import contextmanager

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_checker import plan_of, slower_minutes
from worlds import grid_roads, roads_of, study, tables_of, villages_at

from geoklynge.checker import cells, check, searching, snapping
from geoklynge.checker.network import build_network, meeting_points, sizes_of_parts
from geoklynge.checker.snapping import nearest_vertices
from geoklynge.roads import read_network, snap
from geoklynge.study import TravelOptions

KMH = 60 * 0.85  # that a trip keeps on a secondary road posted 60
LINE = [(100.0 * k, 0.0) for k in range(601)]  # 60 km, a vertex each 100 m


def step_by_step(roads):
    """Every open way from vertex to vertex with its minutes; of several between two the fastest."""
    graph = nx.DiGraph()
    graph.add_nodes_from(range(len(roads.xy)))
    for line, way in enumerate(roads.oneway.tolist()):
        kmh = roads.speed_kmh[line] * 0.85
        for tail, head in itertools.pairwise(roads.vertex[roads.indptr[line] : roads.indptr[line + 1]].tolist()):
            minutes = float(np.hypot(*(roads.xy[tail] - roads.xy[head]))) * 60 / (1000 * kmh)
            for a, b, is_open in ((tail, head, way >= 0), (head, tail, way <= 0)):
                if is_open and minutes < graph.get_edge_data(a, b, {"minutes": np.inf})["minutes"]:
                    graph.add_edge(a, b, minutes=minutes)
    return graph


def slower_by_brute_force(graph, vertices):
    """Minutes between vertices, the slower direction, without any limit."""
    lengths = [nx.single_source_dijkstra_path_length(graph, one, weight="minutes") for one in vertices]
    minutes = np.array([[row.get(other, np.inf) for other in vertices] for row in lengths])
    return np.maximum(minutes, minutes.T)


def world_of(seed, n_villages=5):
    """A small town of bent streets, villages on vertices of its largest part, and their minutes by brute force."""
    rng = np.random.default_rng(seed)
    roads = grid_roads(int(rng.integers(4, 8)), seed=seed, oneway=float(rng.choice([0, 0.3])), drop=0.25)
    graph = step_by_step(roads)
    parts = sorted(nx.strongly_connected_components(graph), key=len)
    assume(len(parts[-1]) >= n_villages and (len(parts) < 2 or len(parts[-1]) > len(parts[-2])))
    vertices = rng.choice(sorted(parts[-1]), n_villages, replace=False)
    tables = tables_of(villages_at([tuple(roads.xy[one]) for one in vertices]), roads=roads)
    return tables, slower_by_brute_force(graph, vertices.tolist())


WIDE, FINE, NARROW = (2_000.0, 25_000.0), (150.0, 25_000.0), (150.0, 100.0)  # size of a cell, widest first look


@contextmanager
def looking(cell_m, widest_m):
    """Cells and first looks of some size: none may matter."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "CELL_M", cell_m)
        patch.setattr(searching, "WIDEST_M", widest_m)
        yield


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 10_000), horizon=st.floats(0.01, 8), sizes=st.sampled_from([WIDE, FINE, NARROW]))
def test_within_a_horizon_all_is_found_and_nothing_beyond(seed, horizon, sizes):
    tables, truth = world_of(seed)
    here = np.arange(len(truth))
    assume((np.abs(truth - horizon) > 1e-9).all())
    with looking(*sizes):
        network = build_network(here, tables, TravelOptions())
        found = searching.minutes_within(network, here, horizon)
        anyhow = searching.minutes_anyhow(network, here)
    if sizes != NARROW:
        np.testing.assert_allclose(found, np.where(truth <= horizon, truth, np.inf), rtol=1e-9)
    assert (found >= truth - 1e-9).all()
    np.testing.assert_allclose(anyhow, truth, rtol=1e-9)


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0.3, 1.5),
    lie=st.sampled_from([0.0, 0.004, -0.004, 0.02, -0.02, 1.0, -1.0, 30.0]),
    tie_lie=st.sampled_from([0.0, 0.0, 0.02, -0.02]),
    sizes=st.sampled_from([WIDE, FINE, NARROW]),
)
def test_a_limit_is_broken_just_when_brute_force_says_so(seed, share, lie, tie_lie, sizes):
    tables, truth = world_of(seed)
    longest, limit = truth.max(), max(truth.max() * share, 0.1)
    assume(abs(longest - limit) > 2e-3)
    clusters, ties = plan_of(tables, np.arange(len(truth)), truth)
    clusters["max_minutes"] += lie
    ties.loc[0, "minutes"] += tie_lie
    limits = {"max_minutes": limit, "min_people": 0}
    with looking(*sizes):
        verdict = check(clusters, ties.assign(weight=0.2), tables, study(travel={"max_minutes": 60}, limits=limits))
    expected = []
    if longest > limit:
        expected.append(f"cluster-x: {longest:.6g} minutes between two members, at most {limit:g} allowed")
    gap = max(abs(lie), abs(tie_lie))
    if gap > 0.01:
        expected.append(f"cluster-x: minutes differ by {gap:.3g} from those written")
    assert list(verdict.broken) == expected
    assert verdict.largest_difference_minutes == pytest.approx(gap, abs=1e-9)


def test_a_cluster_in_two_far_places_is_measured_from_end_to_end():
    tables = tables_of(villages_at([(0, 0), (1000, 0), (59_000, 0), (60_000, 0)]), roads=roads_of([LINE]))
    minutes = slower_minutes(tables, TravelOptions(max_minutes=90))
    plan = plan_of(tables, np.arange(4), minutes)
    plan[1]["weight"] = 0.1
    wide = study(travel={"max_minutes": 90}, limits={"max_minutes": 90})
    assert check(*plan, tables, wide).broken == ()
    assert check(*plan, tables, study()).broken == (
        f"cluster-x: {60 / KMH * 60:.6g} minutes between two members, at most 20 allowed",
    )


def test_a_far_member_that_claims_to_be_near_is_found():
    tables = tables_of(villages_at([(0, 0), (1000, 0), (2000, 0), (60_000, 0)]), roads=roads_of([LINE]))
    clusters, ties = plan_of(tables, np.arange(4), np.full((4, 4), 3.0))
    broken = check(clusters, ties, tables, study()).broken
    assert any("70.5882 minutes between two members, at most 20 allowed" in line for line in broken)
    assert any("minutes differ by 67.6 from those written" in line for line in broken)


def two_clusters(tables, minutes, groups):
    """A plan of several clusters, and the ties inside them."""
    parts = [plan_of(tables, np.array(group), minutes) for group in groups]
    clusters = pd.concat([part[0] for part in parts], ignore_index=True)
    return clusters.assign(cluster_id=[f"c{k}" for k in range(len(groups))]), pd.concat([part[1] for part in parts])


def test_clusters_that_lie_in_one_another_are_judged_each_by_its_own():
    tables = tables_of(villages_at([(1000.0 * k, 0) for k in range(8)]), roads=roads_of([LINE]))
    minutes = slower_minutes(tables, TravelOptions())
    clusters, ties = two_clusters(tables, minutes, [[0, 2, 4, 6], [7, 5, 3, 1]])
    across = pd.DataFrame({"village_a": ["v00"], "village_b": ["v01"], "minutes": [99.0], "weight": [0.9]})
    ties = pd.concat([across, ties], ignore_index=True)
    assert check(clusters, ties, tables, study()).broken == ()
    assert check(clusters, ties.sample(frac=1, random_state=1), tables, study()).pairs == 12
    later = ties.assign(minutes=np.where(ties["village_a"] == "v05", 9.0, ties["minutes"]))
    assert [line[:2] for line in check(clusters, later, tables, study()).broken] == ["c1"]
    apart = ties[ties["village_a"] != "v02"]  # no longer hangs together, though the other cluster lies between
    assert check(clusters, apart, tables, study()).broken == ("c0: not connected by ties of at least 0.1",)


def test_ties_of_no_village_in_the_plan_are_passed_over():
    tables = tables_of(villages_at([(1000.0 * k, 0) for k in range(6)]), roads=roads_of([LINE]))
    clusters, ties = plan_of(tables, np.array([0, 1, 5]), slower_minutes(tables, TravelOptions()))
    strangers = [("v02", "v03"), ("atlantis", "v05"), ("v05", "atlantis"), ("atlantis", "thule"), ("v00", "v02")]
    a, b = zip(*strangers, strict=True)
    more = pd.DataFrame({"village_a": a, "village_b": b, "minutes": 99.0, "weight": 1.0})
    assert check(clusters, pd.concat([more, ties]), tables, study()).broken == ()


@pytest.mark.parametrize("honest", [True, False])
def test_the_second_look_reaches_as_far_as_the_fastest_road_could_lead(monkeypatch, honest):
    """A slow road near, and a fast one round that leaves the first look: only the second knows the minutes."""
    near = [(10.0 * k, 0.0) for k in range(601)]
    fast = [[(0, 0), (0, 3000)], [(0, 3000), (6000, 3000)], [(6000, 3000), (6000, 0)]]
    beyond = [(0, 3000), (0, 4000), (6000, 4000), (6000, 3000)]  # makes the corners junctions
    roads = roads_of([near, *fast, beyond], speed_kmh=[25.0, 150.0, 150.0, 150.0, 25.0])
    tables = tables_of(villages_at([(0, 0), (3000, 0), (6000, 0)]), roads=roads)
    minutes = slower_minutes(tables, TravelOptions())
    by_the_near_road = 6 / (25 * 0.85) * 60
    assert minutes[0, 2] < by_the_near_road < 20
    clusters, ties = plan_of(tables, np.arange(3), minutes)
    looked = []
    second_look = searching.minutes_anyhow
    monkeypatch.setattr(cells, "CELL_M", 500.0)
    monkeypatch.setattr(searching, "WIDEST_M", 1000.0)
    monkeypatch.setattr("geoklynge.checker.verdict.minutes_anyhow", lambda *a: looked.append(1) or second_look(*a))
    if not honest:
        clusters["max_minutes"] += 0.02
    broken = check(clusters, ties, tables, study()).broken
    assert looked
    assert list(broken) == ([] if honest else ["cluster-x: minutes differ by 0.02 from those written"])


@pytest.mark.parametrize("out_m", [300.0, 2_000.0, 9_000.0])
def test_a_way_that_leads_out_and_only_just_back_in_time_is_within_the_first_look(monkeypatch, out_m):
    monkeypatch.setattr(cells, "CELL_M", 50.0)
    round_about = [[(0, 0), (0, out_m)], [(0, out_m), (100, out_m)], [(100, out_m), (100, 0)]]
    roads = roads_of([[(0, 0), (100, 0)], *round_about], speed_kmh=[0.1, 60.0, 60.0, 60.0])
    network = build_network(np.arange(2), tables_of(villages_at([(0, 0), (100, 0)]), roads=roads), TravelOptions())
    minutes = (2 * out_m + 100) * 60 / (1000 * KMH)
    found = searching.minutes_within(network, np.arange(2), minutes + 1e-9)
    assert found[0, 1] == pytest.approx(minutes, rel=1e-12)
    assert searching.minutes_within(network, np.arange(2), minutes - 1e-9)[0, 1] == np.inf


def test_an_honest_plan_needs_no_second_look(sample_run, monkeypatch):
    monkeypatch.setattr("geoklynge.checker.verdict.minutes_anyhow", lambda *_: pytest.fail("looked twice"))
    assert check(sample_run.result.clusters, sample_run.shown_ties(), sample_run.tables, sample_run.study).passed


@pytest.mark.parametrize("speeds", [[50.0, 80.0, 30.0, 60.0], [80.0, 50.0, 30.0, 60.0], [30.0, 50.0, 80.0, 60.0]])
def test_of_several_stretches_between_two_junctions_the_fastest_counts(speeds):
    lines = [[(0, 0), (3000, 900 * k), (6000, 0)] for k in range(3)]
    tables = tables_of(
        villages_at([(0, 0), (6000, 0), (7000, 0)]), roads=roads_of([*lines, [(6000, 0), (7000, 0)]], speed_kmh=speeds)
    )
    verdict = check(*plan_of(tables, np.arange(3), slower_minutes(tables, TravelOptions())), tables, study())
    assert verdict.passed
    assert verdict.largest_difference_minutes < 1e-3


def test_links_that_are_shorter_than_the_crow_flies_are_followed():
    """Bad data, but nobody may be told of a broken limit for it: a way may then lead far outside and back in time."""
    ends = [("v00", "v01", 9.0), ("v01", "v02", 9.0), ("v00", "v03", 1.0), ("v02", "v03", 1.0)]
    a, b, km = zip(*ends, strict=True)
    links = pd.DataFrame({"village_a": a, "village_b": b, "road_km": km, "road_class": "secondary"})
    tables = tables_of(villages_at([(0, 0), (9000, 0), (18_000, 0), (0, 200_000)]), links=links)
    minutes = slower_minutes(tables, TravelOptions())
    assert minutes[0, 2] < 2
    assert check(*plan_of(tables, np.arange(3), minutes), tables, study()).broken == ()


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_the_size_of_a_part_counts_what_can_be_reached_and_left(seed):
    rng = np.random.default_rng(seed)
    roads = grid_roads(5, seed=seed, oneway=float(rng.choice([0, 0.4])), drop=0.4)
    sizes = np.zeros(len(roads.xy), dtype=int)
    for part in nx.strongly_connected_components(step_by_step(roads)):
        sizes[list(part)] = len(part)
    assert sizes_of_parts(roads, meeting_points(roads)).tolist() == sizes.tolist()


def nearest_by_brute_force(point, xy, sizes):
    away = np.hypot(*(xy - point).T)
    within = away <= snapping.FAR_M
    useful = within & (sizes >= snapping.LARGE_PART)
    if not useful.any():
        useful = within & (sizes == sizes[within].max(initial=0))
    return np.where(useful, away, np.inf).min(initial=np.inf)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), side_m=st.sampled_from([500.0, 5_000.0, 50_000.0]), large=st.floats(0, 0.2))
def test_the_nearest_useful_vertex_is_the_one_of_a_look_at_all(seed, side_m, large):
    rng = np.random.default_rng(seed)
    xy, points = rng.uniform(-side_m, side_m, (300, 2)), rng.uniform(-1.2 * side_m, 1.2 * side_m, (25, 2))
    points[0] = xy[0] + (0, snapping.FAR_M)
    xy[1], points[1] = (5e6, -5e6), (5e6, -5e6 + 1)  # the other side of the Earth
    points[2] = np.nan
    sizes = np.where(rng.random(300) < large, 500, rng.integers(1, 4, 300)).astype(np.int32)
    joins, distance_m = nearest_vertices(points, xy, sizes)
    expected = [nearest_by_brute_force(point, xy, sizes) for point in points]
    np.testing.assert_allclose(distance_m, expected)
    assert (joins >= 0).tolist() == np.isfinite(expected).tolist()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.sampled_from([40, 400]), n=st.sampled_from([3, 600]))
def test_of_equally_near_vertices_pipeline_and_checker_take_the_same(seed, spread, n):
    """Roads and villages on a grid of 20 m, where many vertices are equally near, in large parts and in small ones."""
    rng = np.random.default_rng(seed)
    lines = [[(20.0 * k, 20.0 * y) for k in range(n)] for y in rng.choice(spread, 6, replace=False)]
    roads = roads_of(lines)
    network = read_network(roads, TravelOptions())
    points = 10.0 * rng.integers(0, 2 * spread, (80, 2))
    ours = snap(points, network)
    joins, distance_m = nearest_vertices(points, roads.xy, np.bincount(network.component)[network.component])
    np.testing.assert_array_equal(joins >= 0, ours.vertex >= 0)
    both = joins >= 0
    np.testing.assert_array_equal(roads.xy[joins[both]], network.xy[ours.vertex[both]])
    np.testing.assert_allclose(distance_m[both], ours.distance_m[both])
    for place in np.flatnonzero(both)[:20]:
        away = np.hypot(*(roads.xy - points[place]).T)
        nearest = roads.xy[np.isclose(away, distance_m[place], rtol=0, atol=1e-7)]
        assert roads.xy[joins[place]].tolist() == min(nearest.tolist())
