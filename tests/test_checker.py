"""The checker finds every lie that a plan could tell, and agrees with an honest one."""

import dataclasses

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from test_roads import as_networkx, long_road
from worlds import grid_roads, roads_of, study, tables_of, villages_at

from geoklynge.checker import check
from geoklynge.errors import CheckFailedError
from geoklynge.roads import read_network, snap
from geoklynge.study import TravelOptions
from geoklynge.travel import measure_travel


def verdict_on(run, clusters=None, ties=None, **limits):
    """What the checker says of a run, with something changed."""
    changed = run.study.model_copy(update={"limits": run.study.limits.model_copy(update=limits)})
    return check(
        run.result.clusters if clusters is None else clusters,
        run.shown_ties() if ties is None else ties,
        run.tables,
        changed,
    )


def test_an_honest_plan_passes(sample_run):
    verdict = verdict_on(sample_run)
    assert verdict.passed
    assert verdict.clusters == len(sample_run.result.clusters)
    sizes = sample_run.result.clusters["n_villages"]
    assert verdict.pairs == (sizes * (sizes - 1) // 2).sum()
    assert verdict.largest_difference_minutes <= 0.005 + 1e-9  # written to 0.01


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"max_minutes": 15.0}, "minutes between two members, at most 15 allowed"),
        ({"max_villages": 10}, "villages, at most 10 allowed"),
        ({"min_villages": 8}, "villages, at least 8 wanted"),
        ({"min_people": 400}, "people, at least 400 wanted"),
        ({"max_people": 7000}, "people, at most 7000 allowed"),
        ({"town_people": 2000}, "a place of .* people, at most 2000 allowed"),
        ({"weakest_tie": 0.9}, "not connected by ties of at least 0.9"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_tighter_limit_is_found_broken(sample_run, limits, says):
    ties = sample_run.shown_ties()
    ties = ties[ties["weight"] >= limits.get("weakest_tie", 0)]
    verdict = verdict_on(sample_run, ties=ties, **limits)
    with pytest.raises(CheckFailedError, match=says):
        verdict.raise_if_broken()


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("max_minutes", 3.0, "minutes differ by"),
        ("n_villages", 99, "n_villages is .*, not 99"),
        ("population", 1, "population is .*, not 1"),
    ],
)
def test_a_wrong_number_is_found(sample_run, column, value, says):
    clusters = sample_run.result.clusters.copy()
    clusters.loc[0, column] = value
    with pytest.raises(CheckFailedError, match=says):
        verdict_on(sample_run, clusters).raise_if_broken()


def test_a_wrong_tie_is_found(sample_run):
    ties = sample_run.shown_ties()
    members = sample_run.result.clusters["village_ids"][0].split("; ")
    inside = ties["village_a"].isin(members) & ties["village_b"].isin(members)
    ties.loc[ties.index[inside][0], "minutes"] += 1
    with pytest.raises(CheckFailedError, match="minutes differ by 1"):
        verdict_on(sample_run, ties=ties).raise_if_broken()


def test_a_village_in_two_clusters_and_a_stranger_are_found(sample_run):
    clusters = sample_run.result.clusters.copy()
    village = clusters["village_ids"][0].split("; ")[0]
    clusters.loc[1, "village_ids"] += f"; {village}; atlantis"
    broken = verdict_on(sample_run, clusters).broken
    assert f"village {village} is in two clusters" in broken
    assert "village atlantis is not in the study" in broken


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ({"must_link": [["Knebel", "Rønde"]]}, "Knebel, Rønde are to be linked"),
        ({"cannot_link": [["Knebel", "Vistoft"]]}, "Knebel, Vistoft are to be kept apart"),
    ],
)
def test_a_broken_wish_is_found(sample_run, wish, says):
    changed = sample_run.study.model_validate({**sample_run.study.model_dump(), "planner": wish})
    verdict = check(sample_run.result.clusters, sample_run.shown_ties(), sample_run.tables, changed)
    with pytest.raises(CheckFailedError, match=says):
        verdict.raise_if_broken()


def plan_of(tables, members, minutes):
    """A plan of one cluster, and ties that hold it together."""
    ids = list(tables.villages["village_id"].iloc[members])
    clusters = pd.DataFrame(
        {
            "cluster_id": ["cluster-x"],
            "village_ids": ["; ".join(ids)],
            "n_villages": [len(ids)],
            "population": [int(tables.villages["people"].iloc[members].sum())],
            "max_minutes": [minutes[np.ix_(members, members)].max()],
        }
    )
    ends = [(members[k], members[k + 1]) for k in range(len(members) - 1)]
    ties = pd.DataFrame(
        {
            "village_a": [tables.villages["village_id"].iloc[a] for a, _ in ends],
            "village_b": [tables.villages["village_id"].iloc[b] for _, b in ends],
            "minutes": [minutes[a, b] for a, b in ends],
            "weight": 0.5,
        }
    )
    return clusters, ties


def slower_minutes(tables, options):
    """The pipeline's minutes as a dense matrix, the slower direction."""
    between = measure_travel(tables, options).between
    n_villages = len(tables.villages)
    minutes = np.full((n_villages, n_villages), np.inf)
    minutes[between.origins(), between.destination] = between.minutes
    np.fill_diagonal(minutes, 0)
    return np.maximum(minutes, minutes.T)


@pytest.mark.parametrize("mode", ["car", "bike"])
@pytest.mark.parametrize("seed", range(4))
def test_its_minutes_are_the_pipelines_on_one_way_streets_and_detours(seed, mode):
    options = TravelOptions(mode=mode, max_minutes=60)
    roads = grid_roads(16, seed=seed, oneway=0.2, drop=0.25)
    points = np.random.default_rng(seed).uniform(0, 4800, (6, 2))
    tables = tables_of(villages_at([tuple(point) for point in points]), roads=roads)
    minutes = slower_minutes(tables, options)
    members = np.flatnonzero(np.isfinite(minutes[0]))
    assert len(members) >= 3
    wide = study(travel=options.model_dump(), limits={"max_minutes": 60, "weakest_tie": 0.1})
    verdict = check(*plan_of(tables, members, minutes), tables, wide)
    assert verdict.broken == ()
    assert verdict.largest_difference_minutes < 1e-3


def test_a_detour_outside_the_cut_out_is_still_found():
    """The only road leaves the cluster's surroundings; the first look cannot see it, the second must."""
    far = [[(0, 0), (0, 30_000), (3000, 30_000), (3000, 0)], [(0, 30_000), (0, 31_000)]]
    many = [[(x, y) for y in np.arange(0, 3000, 10)] for x in (0, 3000)]
    tables = tables_of(villages_at([(0, 0), (3000, 0), (3000, 2000)]), roads=roads_of(far + many, speed_kmh=110))
    options = TravelOptions(max_minutes=60)
    minutes = slower_minutes(tables, options)
    wide = study(travel=options.model_dump(), limits={"max_minutes": 60})
    verdict = check(*plan_of(tables, np.arange(3), minutes), tables, wide)
    assert verdict.passed
    assert minutes[0, 1] > 20
    tight = wide.model_copy(update={"limits": wide.limits.model_copy(update={"max_minutes": 20.0})})
    assert not check(*plan_of(tables, np.arange(3), minutes), tables, tight).passed


def test_of_two_roads_between_the_same_places_the_faster_counts():
    lines = [long_road(0), [(0, 0), (0, 3000), (5990, 3000), (5990, 0)]]
    tables = tables_of(villages_at([(0, 0), (3000, 0), (5990, 0)]), roads=roads_of(lines, speed_kmh=[60.0, 110.0]))
    minutes = slower_minutes(tables, TravelOptions())
    verdict = check(*plan_of(tables, np.arange(3), minutes), tables, study())
    assert verdict.passed
    assert verdict.largest_difference_minutes < 1e-3


def test_villages_without_a_road_between_break_the_limit():
    tables = tables_of(
        villages_at([(0, 0), (100, 0), (20_000, 0)]), roads=roads_of([long_road(0), long_road(0, 18_000)])
    )
    minutes = slower_minutes(tables, TravelOptions())
    clusters, ties = plan_of(tables, np.arange(3), minutes)
    clusters["max_minutes"] = 5.0
    broken = check(clusters, ties.assign(minutes=1.0), tables, study()).broken
    assert any("inf minutes between two members" in line for line in broken)


def test_a_pair_exactly_at_the_limit_keeps_it():
    links = pd.DataFrame(
        {"village_a": ["v00", "v01", "v02"], "village_b": ["v01", "v02", "v03"], "road_km": [3.3, 5.3, 5.0],
         "road_class": "main"}
    )  # fmt: skip
    tables = tables_of(villages_at([(0, 0), (3000, 0), (8000, 0), (13_000, 0)]), links=links)
    options = TravelOptions(max_minutes=12)
    minutes = slower_minutes(tables, options)
    twelve = study(travel=options.model_dump(), limits={"max_minutes": 12})
    assert check(*plan_of(tables, np.arange(4), minutes), tables, twelve).broken == ()
    shorter = twelve.model_copy(update={"limits": twelve.limits.model_copy(update={"max_minutes": 11.99})})
    assert not check(*plan_of(tables, np.arange(4), minutes), tables, shorter).passed


def test_a_fast_way_round_outside_the_cut_out_is_found_though_the_near_one_is_within_the_limit(monkeypatch):
    monkeypatch.setattr("geoklynge.checker.searching.WIDEST_M", 8_000.0)
    near = [(10 * k, 0) for k in range(601)]
    fast = [[(0, 0), (0, 10_300)], [(0, 10_300), (6000, 10_300)], [(6000, 10_300), (6000, 0)]]
    tables = tables_of(
        villages_at([(0, 0), (3000, 0), (6000, 0)]),
        roads=roads_of([near, *fast], speed_kmh=[25.0, 150.0, 150.0, 150.0]),
    )
    minutes = slower_minutes(tables, TravelOptions())
    assert minutes[0, 2] < 6 / (25 * 0.85) * 60
    assert check(*plan_of(tables, np.arange(3), minutes), tables, study()).broken == ()


def test_between_roads_of_equal_size_the_nearer_counts_for_both():
    lines = [[(0, 0), (3000, 0), (6000, 0)], [(0, 300), (3000, 300), (6000, 300)]]
    for flipped in (roads_of(lines), roads_of(lines[::-1])):
        tables = tables_of(villages_at([(0, 100), (3000, 100), (6000, 100)]), roads=flipped)
        minutes = slower_minutes(tables, TravelOptions())
        assert np.isfinite(minutes).all()
        assert check(*plan_of(tables, np.arange(3), minutes), tables, study()).broken == ()


@pytest.mark.parametrize("weight", [0.0, 0.05])
def test_faint_ties_hold_nothing_together(sample_run, weight):
    broken = verdict_on(sample_run, ties=sample_run.shown_ties().assign(weight=weight)).broken
    assert len(broken) == len(sample_run.result.clusters)
    assert all("not connected by ties of at least 0.1" in line for line in broken)


def test_a_tie_too_strong_for_its_minutes_is_found(sample_run):
    broken = verdict_on(sample_run, ties=sample_run.shown_ties().assign(weight=1.0)).broken
    assert all("a tie weighs more than its minutes allow" in line for line in broken)
    assert broken


@pytest.mark.parametrize(("column", "says"), [("max_minutes", "minutes differ"), ("population", "population is")])
def test_a_number_that_is_none_is_found(sample_run, column, says):
    clusters = sample_run.result.clusters.copy()
    clusters[column] = np.nan
    assert all(says in line for line in verdict_on(sample_run, clusters).broken)
    assert verdict_on(sample_run, clusters).broken
    assert not verdict_on(sample_run, ties=sample_run.shown_ties().assign(minutes=np.nan)).passed


def test_a_plan_without_clusters_does_not_pass(sample_run):
    assert verdict_on(sample_run, sample_run.result.clusters.iloc[:0]).broken == ("there is no cluster",)


def test_straight_lines_are_checked_too():
    tables = tables_of(villages_at([(0, 0), (4000, 0), (4000, 3000)]))
    minutes = slower_minutes(tables, TravelOptions())
    assert check(*plan_of(tables, np.arange(3), minutes), tables, study()).passed
    assert not check(*plan_of(tables, np.arange(3), minutes * 0.9), tables, study()).passed


def test_it_snaps_as_the_pipeline_does():
    """Two ways of finding the useful road: a grid, and a tree."""
    from geoklynge.checker.network import meeting_points, sizes_of_parts
    from geoklynge.checker.snapping import nearest_vertices

    small = [[(2990, 190), (3010, 190)], [(50_000, 0), (50_100, 0)], long_road(-900, n=499), long_road(1500, n=500)]
    roads = roads_of([long_road(0), *small])
    points = [(3000.0, 200.0), (50_050.0, 500.0), (80_000.0, 0.0), (10.0, -1999.0), (1000.0, -800.0), (1000.0, 1400.0)]
    network = read_network(roads, TravelOptions())
    ours = snap(np.array(points), network)
    sizes = sizes_of_parts(roads, meeting_points(roads))
    joins, distance = nearest_vertices(np.array(points), roads.xy, sizes)
    assert joins.tolist() == ours.vertex.tolist()
    np.testing.assert_allclose(distance, ours.distance_m)
    assert len(as_networkx(network)) == len(network.xy)


def test_only_one_municipality_where_the_study_says_so(sample_run):
    villages = sample_run.tables.villages.copy()
    villages.loc[villages["name"] == "Vistoft", "municipality_id"] = "0707"
    tables = dataclasses.replace(sample_run.tables, villages=gpd.GeoDataFrame(villages))
    strict = sample_run.study.model_copy(
        update={"limits": sample_run.study.limits.model_copy(update={"one_municipality": True})}
    )
    verdict = check(sample_run.result.clusters, sample_run.shown_ties(), tables, strict)
    assert [line for line in verdict.broken if "2 municipalities, one allowed" in line]
    assert shapely.is_valid(villages.geometry).all()
