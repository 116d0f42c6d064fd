"""The ensemble: many partitions, each a little different, the same for a seed whoever shares the work."""

import os

import numpy as np
import pandas as pd
import pytest
from test_candidates import FEW_RUNS, sets_in
from worlds import pool_of, random_country, row_of, study, tables_of, travel_of, villages_at

from geoklynge.certainty import judge_standing
from geoklynge.ensemble import partition_often
from geoklynge.ties import tie_villages
from geoklynge.wishes import Wishes

INF = np.inf


def test_the_pool_does_not_depend_on_the_number_of_threads(monkeypatch):
    tables, wanted = random_country(5), study(ensemble=FEW_RUNS)
    pools = []
    for cores in (1, 3):
        monkeypatch.setattr(os, "cpu_count", lambda n=cores: n)
        pools.append(pool_of(tables, wanted)[2])
    np.testing.assert_array_equal(pools[0].partitions, pools[1].partitions)
    assert sets_in(pools[0]) == sets_in(pools[1])
    assert pools[0].proposed_by == pools[1].proposed_by


def test_the_same_seed_gives_the_same_partitions_and_another_seed_others():
    tables = random_country(5)
    once, again, other = (pool_of(tables, study(seed=seed, ensemble=FEW_RUNS))[2] for seed in (3, 3, 4))
    np.testing.assert_array_equal(once.partitions, again.partitions)
    assert sets_in(once) == sets_in(again)
    assert (once.partitions != other.partitions).any()


def test_a_run_does_not_depend_on_how_many_others_there_are():
    tables = random_country(5)
    few, many = (pool_of(tables, study(ensemble={"members": n, "doublings": 0}))[2].partitions for n in (4, 9))
    np.testing.assert_array_equal(few, many[:4])
    assert len({partition.tobytes() for partition in many}) > 1


def test_each_eligible_village_is_in_one_community_of_each_run():
    tables = random_country(2, villages=20, islands=True)
    _, ties, pool = pool_of(tables, study(ensemble=FEW_RUNS))
    assert pool.partitions.shape == (8, 20)
    assert (pool.eligible == (tables.villages["people"] <= 5000).to_numpy()).all()
    assert ((pool.partitions >= 0) == pool.eligible).all()
    side = tables.villages["municipality_id"].to_numpy()
    for partition in pool.partitions:  # no community reaches over the water
        assert all(len(set(side[partition == k])) == 1 for k in range(partition.max() + 1))
    assert len(ties.a)


def test_a_finer_resolution_gives_smaller_communities():
    tables = random_country(7)
    coarse, fine = (
        pool_of(tables, study(ensemble={"members": 4, "resolutions": [r]}))[2].partitions.max(axis=1)
        for r in (0.05, 0.4)
    )
    assert fine.min() > coarse.max()


def test_resolutions_take_turns():
    tables = random_country(7)
    turns = study(ensemble={"members": 6, "resolutions": [0.05, 0.4]})
    communities = pool_of(tables, turns)[2].partitions.max(axis=1)
    assert communities[1::2].min() > communities[::2].max()


def test_runs_of_one_resolution_differ():
    partitions = pool_of(random_country(7), study(ensemble={"members": 6, "resolutions": [0.2]}))[2].partitions
    assert len({partition.tobytes() for partition in partitions}) > 1


@pytest.mark.parametrize(
    ("noise", "columns", "least", "most"),
    [
        ({"weight_noise": 0, "minutes_noise": 0.1}, {}, 2**-1.21, 2**-0.81),
        # identity 0.5 and proximity 0.5 ** 4 of a tie of 12 minutes; their weights are 0.15 and 0.35
        (
            {"weight_noise": 0.5, "minutes_noise": 0},
            {"former_municipality": ["f", "f"]},
            (1.5 * 0.35 / 16 + 0.5 * 0.15 / 2) / (1.5 * 0.35 + 0.5 * 0.15),
            (0.5 * 0.35 / 16 + 1.5 * 0.15 / 2) / (0.5 * 0.35 + 1.5 * 0.15),
        ),
    ],
    ids=["minutes", "layer weights"],
)
def test_noise_stays_within_its_bounds_and_reaches_for_them(noise, columns, least, most):
    tables = tables_of(villages_at([(0, 0)] * 2, **columns))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 12 if columns else 6)), study())

    def runs_together(resolution):
        """In how many of 60 runs the tie weighs more than this."""
        wanted = study(ensemble={"members": 60, "resolutions": [resolution], **noise})
        partitions = partition_often(ties, np.ones(2, dtype=bool), Wishes(), wanted)
        return int((partitions[:, 0] == partitions[:, 1]).sum())

    spread = most - least
    assert (runs_together(least - 1e-6), runs_together(most + 1e-6)) == (60, 0)
    assert 40 <= runs_together(least + 0.2 * spread) < 60
    assert 0 < runs_together(most - 0.2 * spread) <= 20


def test_villages_tied_to_nobody_are_communities_of_their_own():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, np.full((4, 4), INF)), study())
    partitions = partition_often(ties, np.array([True, False, True, True]), Wishes(), study(ensemble={"members": 2}))
    assert partitions.tolist() == [[0, -1, 1, 2]] * 2
    minutes = np.full((4, 4), INF)
    minutes[1, 2] = minutes[2, 1] = 0.0
    ties = tie_villages(tables, travel_of(tables, minutes), study())
    partitions = partition_often(ties, np.ones(4, dtype=bool), Wishes(), study(ensemble={"members": 3}))
    assert (partitions[:, 1] == partitions[:, 2]).all()
    assert all(len(set(partition.tolist())) == 3 for partition in partitions)


def test_wishes_bind_the_ensemble():
    tables = tables_of(villages_at([(0, 0)] * 4))
    ties = tie_villages(tables, travel_of(tables, row_of(0, 0, 5, 11)), study())
    strict = study(ensemble={"members": 6, "resolutions": [0.99], "minutes_noise": 0})

    def partitions(wishes):
        return partition_often(ties, np.ones(4, dtype=bool), wishes, strict).tolist()

    assert partitions(Wishes()) == [[0, 0, 1, 2]] * 6
    assert partitions(Wishes(together=((2, 3),))) == [[0, 0, 1, 1]] * 6
    assert partitions(Wishes(apart=((0, 1),))) == [[0, 1, 2, 3]] * 6


def test_twice_as_many_runs_change_certainty_by_less_than_five_hundredths(sample_run):
    """The promise behind the number of runs, kept on the sample: for 95 % of the villages."""
    pool, study_of_it = sample_run.pool, sample_run.study
    n_runs = len(pool.partitions)
    twice = study_of_it.model_copy(
        update={"ensemble": study_of_it.ensemble.model_copy(update={"members": 2 * n_runs, "doublings": 0})}
    )
    more = partition_often(sample_run.ties, pool.eligible, pool.wishes, twice)
    np.testing.assert_array_equal(more[:n_runs], pool.partitions)
    cluster = pd.factorize(sample_run.result.villages["cluster_id"])[0].astype(np.int32)
    before, after = (judge_standing(cluster, runs).certainty for runs in (pool.partitions, more))
    assert (np.abs(after - before)[cluster >= 0] < 0.05).mean() >= 0.95
