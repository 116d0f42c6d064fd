"""What is told of a plan beyond its measures is what one gets by looking at every set, pair and village."""

import itertools
from dataclasses import dataclass, replace
from functools import cache, cached_property

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import pool_of, random_country, row_of, services_at, study, tables_of, travel_of, villages_at

from geoklynge.assessment import assess, assess_sets, places_of, worth
from geoklynge.candidates import Pool
from geoklynge.clusters import Clusters, describe
from geoklynge.explaining import Explanation, change_columns, explain, profile_columns, sets_in_order
from geoklynge.explaining import changes as changes_module
from geoklynge.explaining.alternatives import alternatives_of
from geoklynge.explaining.changes import changes_of
from geoklynge.explaining.profiles import profiles_of, traits_of
from geoklynge.explaining.sharing import HELD_IN_COMMON, coverage_of, doubles_of, spread_of
from geoklynge.maps.content import content_of
from geoklynge.pipeline import run
from geoklynge.selection import select
from geoklynge.study import Study
from geoklynge.tables import Tables
from geoklynge.ties import Ties, tie_villages
from geoklynge.travel import Travel
from geoklynge.village_sets import pairs_inside, sets_of
from geoklynge.wishes import Wishes

WORLDS = ["sample", "country 1", "country 2", "country 3", "islands 4", "wishes 5", "bare 6", "pairs 7"]
TRAITS = ["only", "most", "central", "daily", "bare", "far", "few", "outlying"]


@dataclass(frozen=True)
class World:
    """A plan, all that it was made of, and what is told of it."""

    study: Study
    tables: Tables
    travel: Travel
    ties: Ties
    pool: Pool
    assessment: pd.DataFrame
    result: Clusters
    explanation: Explanation

    @cached_property
    def clusters(self) -> list[tuple[str, set[int]]]:
        """Id of each cluster and the rows of its villages."""
        row = {village: k for k, village in enumerate(self.tables.villages["village_id"])}
        table = self.result.clusters
        return [
            (key, {row[one] for one in ids.split("; ")})
            for key, ids in zip(table["cluster_id"], table["village_ids"], strict=True)
        ]

    @cached_property
    def ids(self) -> list[str]:
        """Ids of the villages."""
        return self.tables.villages["village_id"].tolist()

    @cached_property
    def people(self) -> list[float]:
        """People of the villages."""
        return self.tables.villages["people"].tolist()

    @cached_property
    def minutes(self) -> dict[frozenset[int], float]:
        """Minutes between two villages that reach each other."""
        return of_pairs(self.ties, self.ties.minutes)

    @cached_property
    def weights(self) -> dict[frozenset[int], float]:
        """Weights of their ties."""
        return of_pairs(self.ties, self.ties.weight)

    @cached_property
    def stands(self) -> list[tuple[str, int]]:
        """Category and village row of each service that stands in a village."""
        known = self.tables.services.dropna(subset="village_id")
        return [(key, self.ids.index(at)) for key, at in zip(known["category"], known["village_id"], strict=True)]


def of_pairs(ties, values):
    return {
        frozenset(ends): value for *ends, value in zip(ties.a.tolist(), ties.b.tolist(), values.tolist(), strict=True)
    }


def described(tables, wanted):
    travel, ties, pool = pool_of(tables, wanted)
    assessment = assess(pool, tables, ties, wanted)
    plan = select(pool.sets, worth(assessment), pool.wishes)
    result = describe(plan, pool, assessment, tables, travel, ties, wanted)
    told = explain(result, pool, assessment, tables, travel, ties, wanted)
    return World(wanted, tables, travel, ties, pool, assessment, result, told)


@cache
def made_up(name):
    kind, seed = name.split()
    tables = random_country(
        int(seed), villages=26, services=0 if kind == "bare" else 40, islands=kind == "islands", side_m=14_000.0
    )
    kinds = tables.services["category"].replace({"doctor": "sports_hall", "church": "community_hall"})
    tables = replace(tables, services=tables.services.assign(category=kinds))
    options = {
        "wishes": {"planner": {"must_link": [["Village 3", "Village 5"]], "cannot_link": [["Village 6", "Village 7"]]}},
        "pairs": {"limits": {"min_villages": 2, "max_villages": 4, "min_people": 0, "max_minutes": 8}},
    }
    return described(tables, study(ensemble={"members": 6}, **options.get(kind, {})))


@pytest.fixture(params=WORLDS)
def world(request, sample_run):
    if request.param != "sample":
        return made_up(request.param)
    r = sample_run
    return World(r.study, r.tables, r.travel, r.ties, r.pool, r.assessment, r.result, r.explanation)


# Alternatives


def likeness(one, other, people):
    counted = [each + 1 for each in people]
    return sum(counted[row] for row in one & other) / sum(counted[row] for row in one | other)


def alternatives_by_hand(clusters, candidates, value, people):
    """Cluster, candidate and likeness, in the order in which they are told."""
    order = sorted(range(len(candidates)), key=lambda k: (-value[k], k))
    for key, rows in clusters:
        taken = []
        for number in order:
            share = likeness(rows, candidates[number], people)
            unlike = all(likeness(candidates[number], candidates[other], people) <= 0.8 for other in taken)
            if 0.3 <= share <= 0.8 and unlike and len(taken) < 3:
                taken.append(number)
                yield key, number, share


def assert_alternatives(told, clusters, candidates, value, people, ids):
    expected = list(alternatives_by_hand(clusters, candidates, value, people))
    assert told["cluster_id"].tolist() == [key for key, _, _ in expected]
    for row, (_, number, share) in zip(told.itertuples(), expected, strict=True):
        assert row.village_ids.split("; ") == [ids[each] for each in sorted(candidates[number])]
        assert row.in_common == round(share, 3)
        own, other = dict(clusters)[row.cluster_id], candidates[number]
        living = {"both": sum(people[k] for k in own & other), "either": sum(people[k] for k in own | other)}
        if living["either"]:
            assert row.people_in_common == round(living["both"] / living["either"], 3)
        else:
            assert row.people_in_common == round(len(own & other) / len(own | other), 3)
        assert row.displaces.split("; ") == [key for key, rows in clusters if rows & candidates[number]]
        assert row.cluster_id in row.displaces.split("; ")


def test_alternatives_are_those_worth_most_that_are_alike_but_not_the_same(world):
    candidates = [set(world.pool.sets.rows(k).tolist()) for k in range(len(world.pool.sets))]
    table, value = world.explanation.alternatives, (world.assessment["score"] * world.assessment["served"]).tolist()
    assert_alternatives(table, world.clusters, candidates, value, world.people, world.ids)
    number = {frozenset(rows): k for k, rows in enumerate(candidates)}
    for row in table.itertuples():
        members = [world.ids.index(one) for one in row.village_ids.split("; ")]
        facts = world.assessment.iloc[number[frozenset(members)]]
        assert row.n_villages == len(members)
        assert row.population == round(sum(world.people[each] for each in members))
        assert (row.score, row.max_minutes) == (round(facts["score"], 1), round(facts["max_minutes"], 2))
        reached = [world.minutes[frozenset(pair)] for pair in itertools.combinations(members, 2)]
        assert row.max_minutes == pytest.approx(max(reached), abs=0.0051)
        assert row.max_minutes <= world.study.limits.max_minutes


def choose(clusters, candidates, worths, people):
    """Alternatives of made-up clusters and candidates; ids are c0, c1, ... and v00, v01, ..."""
    n_villages = len(people)
    sets = sets_of([np.array(sorted(rows)) for rows in candidates], n_villages)
    pool = Pool(sets, (("leiden",),) * len(sets), np.zeros((1, n_villages), dtype=np.int32),
                np.ones(n_villages, dtype=bool), Wishes())  # fmt: skip
    assessment = pd.DataFrame(
        {
            "score": np.array(worths, dtype=float), "served": 1.0, "n_villages": [len(rows) for rows in candidates],
            "people": [float(sum(people[row] for row in rows)) for rows in candidates], "max_minutes": 1.0,
        }
    )  # fmt: skip
    tables = tables_of(villages_at([(0, 0)] * n_villages))
    tables = replace(tables, villages=tables.villages.assign(people=np.array(people, dtype=float)))
    table = pd.DataFrame({"cluster_id": [f"c{k}" for k in range(len(clusters))]})
    chosen = sets_of([np.array(sorted(rows)) for rows in clusters], n_villages)
    return alternatives_of(chosen, table, pool, assessment, tables)


@st.composite
def choices(draw):
    """Some clusters of twelve villages that do not overlap, candidates with few different worths, few people."""
    label = draw(st.lists(st.integers(-1, 2), min_size=12, max_size=12))
    clusters = [{row for row in range(12) if label[row] == k} for k in range(3)]
    rows = st.sets(st.integers(0, 11), min_size=2, max_size=9)
    candidates = list(map(set, dict.fromkeys(map(frozenset, draw(st.lists(rows, min_size=1, max_size=25))))))
    worths = draw(st.lists(st.integers(1, 6), min_size=len(candidates), max_size=len(candidates)))
    return (
        [rows for rows in clusters if rows] or [{0, 1}],
        candidates,
        worths,
        draw(st.lists(st.integers(0, 3), min_size=12, max_size=12)),
    )


@settings(deadline=None)
@given(choices())
def test_alternatives_of_any_candidates_are_those_found_one_by_one(choice):
    clusters, candidates, worths, people = choice
    named = [(f"c{k}", rows) for k, rows in enumerate(clusters)]
    assert_alternatives(choose(*choice), named, candidates, worths, people, [f"v{k:02d}" for k in range(12)])


@pytest.mark.parametrize(
    ("candidate", "common"),
    [
        ({0, 1, 2, 3}, 0.8),
        ({0, 1, 2, 3, 4, 5}, None),  # 5 of 6 in common: the same one
        ({0, 1, 2, 3, 4}, None),
        ({0, 1, 2, 5, 6, 7, 8, 9}, 0.3),
        ({0, 1, 5, 6}, None),  # 2 of 7: another one
        ({5, 6, 7}, None),
    ],
)
def test_the_bounds_of_likeness_belong_to_it(candidate, common):
    told = choose([{0, 1, 2, 3, 4}], [candidate], [1], [0] * 10)
    assert told["in_common"].tolist() == ([] if common is None else [common])


def test_people_decide_how_alike_two_sets_are_not_villages():
    told = choose([{0, 1, 2}], [{0, 3, 4}, {1, 2, 3}], [2, 1], [97, 0, 0, 49, 49])
    assert told["in_common"].tolist() == [round(98 / 200, 3)]  # 2 of 4 villages, but 2 of 150 people: not alike


def test_what_is_worth_most_comes_first_and_of_equals_the_first():
    told = choose([{0, 1, 2, 3}], [{0, 1, 4, 5}, {2, 3, 6, 7}, {0, 1, 2}, {1, 2, 3}], [1, 1, 3, 2], [0] * 8)
    assert told["village_ids"].tolist() == ["v00; v01; v02", "v01; v02; v03", "v00; v01; v04; v05"]


def test_without_alternatives_the_table_is_empty_and_whole():
    full, empty = choose([{0, 1, 2}], [{0, 1, 3}], [1], [0] * 4), choose([{0, 1, 2}], [{0, 1, 2}], [1], [0] * 4)
    assert len(full) == 1
    assert len(empty) == 0
    assert empty.columns.tolist() == full.columns.tolist()
    assert {full[name].dtype.kind for name in ("n_villages", "population")} == {"i"}


# Changes


def keeps_limits(rows, world):
    """Judge a set of villages by the study's limits and wishes, one after the other."""
    limits, minutes, people = world.study.limits, world.minutes, [world.people[row] for row in rows]
    weights = world.weights
    pairs = [frozenset(pair) for pair in itertools.combinations(sorted(rows), 2)]
    network = nx.Graph([tuple(pair) for pair in pairs if weights.get(pair, -1) >= limits.weakest_tie])
    network.add_nodes_from(rows)
    wishes = world.pool.wishes
    return (
        limits.min_villages <= len(rows) <= limits.max_villages
        and limits.min_people <= sum(people) <= limits.max_people
        and max(people) <= limits.town_people
        and all(minutes.get(pair, np.inf) <= limits.max_minutes for pair in pairs)
        and nx.is_connected(network)
        and all(len(rows & set(group)) in {0, len(group)} for group in wishes.together)
        and all(len(rows & set(group)) <= 1 for group in wishes.apart)
    )


def strongest_outside(rows, world):
    """The twelve villages with the strongest ties to a set."""
    pull = {}
    for pair, weight in world.weights.items():
        outside = pair - rows
        if weight >= world.study.limits.weakest_tie and len(outside) == 1:
            pull[min(outside)] = pull.get(min(outside), 0) + weight
    may = [row for row in pull if world.pool.eligible[row]]
    return sorted(may, key=lambda row: (-round(pull[row], 9), row))[:12]


def scores(sets, world):
    packed = sets_of([np.array(sorted(rows)) for rows in sets], len(world.ids))
    return assess_sets(packed, places_of(world.pool, world.tables, world.ties), world.ties, world.study)[
        "score"
    ].tolist()


def test_a_change_is_the_best_of_all_with_one_village_more_or_less(world):
    told = {row["cluster_id"]: row for row in world.explanation.changes.to_dict("records")}
    assert len(told) == len(world.explanation.changes)
    assert list(told) == [key for key, _ in world.clusters if key in told]
    for key, rows in world.clusters:
        tried = {row: rows - {row} for row in rows} | {row: rows | {row} for row in strongest_outside(rows, world)}
        tried = {row: changed for row, changed in tried.items() if len(changed) > 1 and keeps_limits(changed, world)}
        before, *after = scores([rows, *tried.values()], world)
        best = max(zip(after, [-row for row in tried], strict=True), default=(-np.inf, 0))
        if best[0] - before < 0.05 or round(best[0], 1) == round(before, 1):
            assert key not in told, key
            continue
        score, row = best[0], -best[1]
        home = next((other for other, members in world.clusters if row in members), None)
        assert told[key]["village_id"] == world.ids[row]
        assert told[key]["kind"] == ("without" if row in rows else "with")
        assert told[key]["score"] == round(score, 1)
        assert (None if pd.isna(told[key]["from_cluster_id"]) else told[key]["from_cluster_id"]) == (
            None if row in rows else home
        )


def test_changes_are_told_and_not_told_in_these_worlds(sample_run):
    kinds = [set(made_up(name).explanation.changes["kind"]) for name in WORLDS[1:]]
    assert set().union(*kinds, set(sample_run.explanation.changes["kind"])) == {"with", "without"}
    assert any(len(made_up(name).explanation.changes) < len(made_up(name).result.clusters) for name in WORLDS[1:])


def test_scores_of_the_clusters_are_those_that_changes_are_held_against(world):
    assert world.result.clusters["score"].tolist() == [
        round(score, 1) for score in scores([rows for _, rows in world.clusters], world)
    ]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (60.0, 60.3, True),
        (60.04, 60.06, False),  # 60.0 and 60.1, but hardly more
        (59.96, 60.04, False),  # 60.0 and 60.0
        (59.94, 60.0, True),  # 59.9 and 60.0
        (60.0, 59.0, False),
    ],
)
def test_a_gain_is_told_if_it_is_one_and_the_reader_can_see_it(monkeypatch, before, after, told):
    whole = made_up("country 1")
    first = whole.clusters[0][1]

    def assessed(sets, *_):
        one_less = [len(sets.rows(k)) == len(first) - 1 and {*sets.rows(k)} < first for k in range(len(sets))]
        return pd.DataFrame({"score": np.where(one_less, after, before)})

    monkeypatch.setattr(changes_module, "assess_sets", assessed)
    table = changes_of(
        sets_in_order(whole.result), whole.result.clusters, whole.pool, whole.tables, whole.ties, whole.study
    )
    assert table["cluster_id"].tolist() == ([whole.clusters[0][0]] if told else [])
    assert table["kind"].tolist() == (["without"] if told else [])


def changed_again(whole, **of_pool):
    """Changes of the same clusters by cluster, with another pool around them."""
    pool = replace(whole.pool, **of_pool)
    table = changes_of(sets_in_order(whole.result), whole.result.clusters, pool, whole.tables, whole.ties, whole.study)
    return table.set_index("cluster_id")["village_id"].to_dict()


def test_no_change_goes_against_a_wish_or_takes_in_who_may_be_no_member():
    tried = set()
    for whole in map(made_up, WORLDS[1:]):
        rows = dict(whole.clusters)
        for told in whole.explanation.changes.itertuples():
            row, other = (
                whole.ids.index(told.village_id),
                min(rows[told.cluster_id] - {whole.ids.index(told.village_id)}),
            )
            pair = (min(row, other), max(row, other))
            wishes = Wishes(together=(pair,)) if told.kind == "without" else Wishes(apart=(pair,))
            assert changed_again(whole, wishes=wishes).get(told.cluster_id) != told.village_id
            if told.kind == "with":
                eligible = whole.pool.eligible & (np.arange(len(whole.ids)) != row)
                assert changed_again(whole, eligible=eligible).get(told.cluster_id) != told.village_id
            tried.add(told.kind)
    assert tried == {"with", "without"}


def test_with_two_villages_nothing_can_change():
    tables = tables_of(villages_at([(0, 0), (1000, 0)]))
    whole = described(tables, study(limits={"min_villages": 2}, ensemble={"members": 2}))
    assert len(whole.result.clusters) == 1
    assert len(whole.explanation.changes) == len(whole.explanation.alternatives) == len(whole.explanation.doubles) == 0
    assert set(whole.explanation.traits["code"]) == set()
    assert change_columns(whole.explanation.changes, whole.result.clusters["cluster_id"])["change_score"].isna().all()


def test_the_table_of_clusters_bears_the_changes(sample_run):
    clusters = sample_run.result.clusters.set_index("cluster_id")
    changes = sample_run.explanation.changes.set_index("cluster_id")
    for name in ("kind", "village_id", "score"):
        assert clusters[f"change_{name}"].dropna().to_dict() == changes[name].to_dict()
    assert clusters["change_score"].notna().sum() == len(changes)


# Doubles, spread, coverage


def test_doubles_are_the_nearest_two_with_the_same_kind_of_place(world):
    told = world.explanation.doubles.to_dict("records")
    minutes, services, expected = world.minutes, world.stands, []
    for key, rows in world.clusters:
        for category in world.ties.shares.categories:
            have = {at for kind, at in services if kind == category and at in rows}
            pairs = [(minutes[frozenset(pair)], *pair) for pair in itertools.combinations(sorted(have), 2)]
            if category in HELD_IN_COMMON and pairs and min(pairs)[0] <= 10:
                near, a, b = min(pairs)
                count = sum(kind == category and at in rows for kind, at in services)
                expected.append(
                    {
                        "cluster_id": key, "category": category, "facilities": count, "village_a": world.ids[a],
                        "village_b": world.ids[b], "minutes": round(near, 1),
                    }
                )  # fmt: skip
    assert told == expected


def test_doubles_occur_in_these_worlds(sample_run):
    assert len(sample_run.explanation.doubles) > 0
    assert sum(len(made_up(name).explanation.doubles) > 0 for name in WORLDS[1:]) >= 4


@dataclass(frozen=True)
class Row:
    """Villages along one road, at minutes from its end, and the sets they are in."""

    tables: Tables
    travel: Travel
    ties: Ties
    sets: object
    clusters: pd.DataFrame

    @property
    def pairs(self):
        """Pairs of villages of one set."""
        return pairs_inside(self.sets, self.ties)

    @property
    def profiles(self):
        """What each village is like."""
        return profiles_of(self.sets, self.pairs, self.tables, self.ties)

    @property
    def traits(self):
        """What is told of each village."""
        return traits_of(self.sets, self.profiles, self.tables, self.travel, self.ties)


def in_a_row(places, sets=(), services=(), *, people=None, no_road=(), order=None):
    """
    Villages at `places`, services (category, row of the village) or (category, minutes from the end, None).

    With `order` the villages table has its rows in another order; ids and all else stay.
    """
    order = list(range(len(places))) if order is None else order
    villages = villages_at([(1000.0 * at, 0) for at in places], people=people)
    villages = villages.iloc[order].reset_index(drop=True)
    rows = [(one[0], 0, 0, f"v{one[1]:02d}" if len(one) == 2 else None) for one in services]
    tables = tables_of(villages, services_at(rows))
    at = np.array(places, dtype=float)[order]
    stood = np.array([places[one[1]] if len(one) == 2 else one[1] for one in services], dtype=float)
    between, there = row_of(*at), np.abs(np.subtract.outer(at, stood)).reshape(len(at), len(stood))
    cut = [order.index(row) for row in no_road]
    between[cut, :] = between[:, cut] = np.inf
    there[cut, :] = np.inf
    travel = travel_of(tables, between, there)
    travel.component[cut] = -1
    ties = tie_villages(tables, travel, study())
    table = pd.DataFrame({"cluster_id": [f"c{k}" for k in range(len(sets))]})
    packed = sets_of([np.array(sorted(order.index(row) for row in rows)) for rows in sets], len(places))
    return Row(tables, travel, ties, packed, table)


def test_ten_minutes_are_near_and_only_what_villages_run_in_common_is_told():
    row = in_a_row(
        [0, 10, 30, 40.1], [[0, 1], [2, 3]], [("school", k) for k in range(4)] + [("church", 0), ("church", 1)]
    )
    told = doubles_of(row.sets, row.pairs, row.clusters, row.ties)
    assert told.to_dict("split")["data"] == [["c0", "school", 2, "v00", "v01", 10.0]]


def test_two_places_in_one_village_are_no_double_but_count():
    row = in_a_row([0, 4, 8], [[0, 1, 2]], [("library", 0), ("library", 0)])
    assert len(doubles_of(row.sets, row.pairs, row.clusters, row.ties)) == 0
    row = in_a_row([0, 4, 8], [[0, 1, 2]], [("library", 0), ("library", 0), ("library", 2), ("library", 9, None)])
    told = doubles_of(row.sets, row.pairs, row.clusters, row.ties)
    assert told[["facilities", "minutes"]].to_numpy().tolist() == [[3, 8]]
    assert told["facilities"].dtype.kind == "i"


def test_without_doubles_the_table_is_empty_and_whole():
    some, none = in_a_row([0, 4], [[0, 1]], [("school", 0), ("school", 1)]), in_a_row([0, 4], [[0, 1]])
    full, empty = (doubles_of(row.sets, row.pairs, row.clusters, row.ties) for row in (some, none))
    assert (len(full), len(empty)) == (1, 0)
    assert empty.columns.tolist() == full.columns.tolist()


def test_spread_counts_every_pair_once(world):
    table, minutes, most = world.explanation.spread, world.minutes, world.study.limits.max_minutes
    assert table["cluster_id"].tolist() == [key for key, _ in world.clusters for _ in range(8)]
    for key, rows in world.clusters:
        own = table[table["cluster_id"] == key]
        assert own["pairs"].sum() == len(rows) * (len(rows) - 1) // 2
        assert own["from_minutes"].tolist() == pytest.approx([most * k / 8 for k in range(8)])
        assert own["to_minutes"].tolist() == pytest.approx([most * (k + 1) / 8 for k in range(8)])
        apart = [minutes[frozenset(pair)] for pair in itertools.combinations(rows, 2)]
        for step in own.itertuples():
            first = step.from_minutes == 0
            inside = [one for one in apart if step.from_minutes < one <= step.to_minutes or (first and one == 0)]
            assert step.pairs == len(inside)
    assert table["pairs"].dtype.kind == "i"


@pytest.mark.parametrize(
    ("minutes", "step"), [(0, 0), (0.1, 0), (2.5, 0), (2.6, 1), (5, 1), (17.5, 6), (17.6, 7), (19.9, 7), (20, 7)]
)
def test_the_end_of_a_step_is_part_of_it(minutes, step):
    row = in_a_row([0, minutes], [[0, 1]])
    counts = spread_of(row.pairs, row.clusters, row.ties, 20.0)["pairs"].tolist()
    assert counts == [int(k == step) for k in range(8)]


def test_coverage_is_the_share_of_people_with_a_service_there_and_around(world):
    services, people = world.stands, world.people
    placed = [(row, rows) for _, rows in world.clusters for row in rows]
    everyone = sum(people[row] for row, _ in placed)
    told = world.explanation.coverage
    assert told["category"].tolist() == list(world.ties.shares.categories)
    for row in told.itertuples():
        have = {at for kind, at in services if kind == row.category}
        own = sum(people[each] for each, _ in placed if each in have)
        around = sum(people[each] for each, rows in placed if rows & have)
        assert (row.own_village, row.own_cluster) == (round(own / everyone, 3), round(around / everyone, 3))
        assert 0 <= row.own_village <= row.own_cluster <= 1


def test_coverage_of_nobody_is_none():
    row = in_a_row([0, 4], [[0, 1]], [("school", 0)], people=[200, 200])
    tables = replace(row.tables, villages=row.tables.villages.assign(people=0.0))
    told = coverage_of(row.sets, tables, row.ties)
    assert told[["own_village", "own_cluster"]].to_numpy().tolist() == [[0, 0]]


# Profiles and traits


def test_sizes_begin_at_their_bounds():
    people = [0, 49, 50, 199, 200, 999, 1000, 4000, None]
    told = in_a_row(list(range(9)), people=people).profiles["size"].tolist()
    small = ["hamlet"] * 2 + ["small"] * 2
    assert told == [*small, "village", "village", "large", "large", "village"]  # unknown counts as 300


def test_services_are_counted_by_kind():
    kinds = ["school", "grocery", "church", "doctor"]
    services = [(kind, at) for at, n in ((1, 1), (2, 3), (3, 4)) for kind in kinds[:n]] + [("school", 1)] * 5
    table = in_a_row([0, 1, 2, 3], services=services).profiles
    assert table["services"].tolist() == ["none", "some", "some", "many"]
    assert table["kinds"].tolist() == [0, 1, 3, 4]
    assert in_a_row([0, 1]).profiles["kinds"].tolist() == [0, 0]


def test_mean_minutes_are_to_the_others_of_the_cluster():
    table = in_a_row([0, 3, 10, 11, 12], [[0, 1, 2], [3]]).profiles
    assert table["mean_minutes"].tolist()[:3] == [6.5, 5.0, 8.5]
    assert np.isnan(table["mean_minutes"].iloc[4])


def test_profiles_are_those_of_the_villages_one_by_one(world):
    minutes, services = world.minutes, world.stands
    home = {row: rows for _, rows in world.clusters for row in rows}
    table = world.explanation.profiles
    assert table["village_id"].tolist() == world.ids
    for row, one in enumerate(table.itertuples()):
        kinds = len({kind for kind, at in services if at == row})
        people = world.people[row]
        assert one.kinds == kinds
        assert one.size == (
            "hamlet" if people < 50 else "small" if people < 200 else "village" if people < 1000 else "large"
        )
        assert one.services == ("none" if kinds == 0 else "some" if kinds < 4 else "many")
        others = home.get(row, set()) - {row}
        assert np.isnan(one.mean_minutes) == (not others)
        if others:
            mean = sum(minutes[frozenset((row, other))] for other in others) / len(others)
            assert one.mean_minutes == pytest.approx(mean, abs=0.0051)


def test_the_table_of_villages_bears_the_profiles(sample_run):
    villages, profiles = sample_run.result.villages, sample_run.explanation.profiles
    names = {
        "size_class": "size",
        "services_class": "services",
        "n_service_kinds": "kinds",
        "mean_minutes": "mean_minutes",
    }
    assert set(profile_columns(profiles)) == set(names)
    for name, column in names.items():
        assert villages[name].astype(object).where(villages[name].notna(), None).tolist() == (
            profiles[column].astype(object).where(profiles[column].notna(), None).tolist()
        )


def codes(row):
    """Traits of each village that has some, by id: code, or code and category, or code and minutes."""
    found = {}
    for one in row.traits.itertuples():
        more = [value for value in (one.category, one.minutes) if not pd.isna(value)]
        found.setdefault(one.village_id, []).append((one.code, *more) if more else one.code)
    return found


def only(row, *wanted):
    """Those of some codes, villages without any left out."""
    kept = {
        village: [one for one in traits if (one if isinstance(one, str) else one[0]) in wanted]
        for village, traits in codes(row).items()
    }
    return {village: traits for village, traits in kept.items() if traits}


def test_strengths_are_strengths_and_challenges_challenges(world):
    kinds = world.explanation.traits.groupby("code")["kind"].unique().map(list).to_dict()
    strengths = {"only", "most", "central", "daily"}
    assert kinds == {code: ["strength" if code in strengths else "challenge"] for code in kinds}


def test_groceries_and_school_at_five_minutes_are_a_strength():
    row = in_a_row([0, 0.5, 5, 9], services=[("grocery", 5, None), ("school", 5.5, None)])
    assert only(row, "daily") == {"v01": [("daily", 5.0)], "v02": [("daily", 0.5)], "v03": [("daily", 4.0)]}
    assert only(in_a_row([0], services=[("grocery", 0)]), "daily") == {}
    assert only(in_a_row([0], services=[("school", 0)]), "daily") == {}
    assert only(in_a_row([0], services=[("school", 0), ("grocery", np.inf, None)]), "daily") == {}


def test_more_than_ten_minutes_are_far():
    services = [("school", 0), ("doctor", 0), ("church", 0), ("grocery", 20, None)]
    row = in_a_row([0, 10, 10.1], services=services)
    assert only(row, "far") == {
        "v00": [("far", "grocery", 20.0)],
        "v02": [("far", "doctor", 10.1), ("far", "school", 10.1)],  # churches are not asked about
    }


def test_a_kind_that_the_data_does_not_know_is_far_from_nobody():
    assert only(in_a_row([0, 30], services=[("church", 0)]), "far", "daily") == {}


def test_where_no_road_leads_there_are_no_minutes_and_without_any_road_nothing_is_told():
    services = [("school", np.inf, None), ("grocery", 0)]
    row = in_a_row([0, 30, 31], services=services, no_road=[2], people=[200, 200, 20])
    assert only(row, "far", "daily") == {
        "v00": [("far", "school")],
        "v01": [("far", "grocery", 30.0), ("far", "school")],
    }
    assert codes(row)["v02"] == ["bare", "few"]


def test_few_are_fewer_than_fifty_as_far_as_is_known():
    row = in_a_row([0, 1, 2, 3], people=[0, 49, 50, None])
    assert only(row, "few") == {"v00": ["few"], "v01": ["few"]}
    kinds = row.tables.villages.assign(kind="hamlet", people=10.0)
    assert only(replace(row, tables=replace(row.tables, villages=kinds)), "few") == {"v00": ["few"], "v01": ["few"]}


def test_a_village_is_bare_only_where_the_data_knows_of_services_elsewhere():
    assert only(in_a_row([0, 1], services=[("bank", 0)]), "bare") == {"v01": ["bare"]}
    assert only(in_a_row([0, 1]), "bare") == {}
    assert only(in_a_row([0, 1], services=[("bank", 0.5, None)]), "bare") == {}  # nobody knows in which village


def test_the_only_one_of_its_cluster():
    services = [("bank", 0), ("bank", 0), ("fuel", 0), ("fuel", 1), ("church", 2), ("church", 3), ("library", 4)]
    row = in_a_row([0, 1, 2, 3, 4], [[0, 1, 2], [3]], services)
    assert only(row, "only") == {
        "v00": [("only", "bank")], "v02": [("only", "church")], "v03": [("only", "church")],
    }  # fmt: skip  # v04 is in no cluster


@pytest.mark.parametrize(
    ("kinds", "most"),
    [([3, 1, 0], [0]), ([2, 1, 0], []), ([3, 3, 1], [0, 1]), ([4, 4, 4], []), ([4, 3, 3], [0]), ([0, 0, 0], [])],
)
def test_most_kinds_are_three_or_more_and_more_than_some_other_has(kinds, most):
    named = ["school", "grocery", "church", "bank"]
    row = in_a_row([0, 1, 2, 3], [[0, 1, 2]], [(kind, at) for at, n in enumerate([*kinds, 4]) for kind in named[:n]])
    assert only(row, "most") == {f"v{at:02d}": ["most"] for at in most}


@pytest.mark.parametrize(
    ("places", "central", "outlying"),
    [
        ([0, 4, 10], {1: 5.0}, {}),
        ([0, 7], {}, {}),  # of two neither is nearer
        ([3, 3, 3], {}, {}),
        ([0, 0, 6], {0: 3.0, 1: 3.0}, {}),  # 6 minutes are just 1.5 times the mean of 4
        ([0, 0, 0, 6], {0: 2.0, 1: 2.0, 2: 2.0}, {3: 6.0}),
        ([0, 1, 2, 3], {1: 1.33, 2: 1.33}, {}),
    ],
)
def test_the_nearest_to_the_others_and_the_farthest(places, central, outlying):
    row = in_a_row([*places, 40], [list(range(len(places)))])
    assert only(row, "central") == {f"v{at:02d}": [("central", far)] for at, far in central.items()}
    assert only(row, "outlying") == {f"v{at:02d}": [("outlying", far)] for at, far in outlying.items()}


def standing_by_hand(row, world):
    """Code, category and minutes of what a village is among the others of its cluster."""
    rows = next((rows for _, rows in world.clusters if row in rows), set())
    if not rows:
        return
    have = {each: {kind for kind, at in world.stands if at == each} for each in rows}
    mean = world.explanation.profiles["mean_minutes"]
    far = {each: mean[each] for each in rows}
    for kind in have[row] - set().union(*(have[other] for other in rows - {row})):
        yield "only", kind, None
    n_kinds = {each: len(have[each]) for each in rows}
    if n_kinds[row] >= 3 and n_kinds[row] == max(n_kinds.values()) > min(n_kinds.values()):
        yield "most", None, None
    if far[row] == min(far.values()) < max(far.values()):
        yield "central", None, far[row]
    if far[row] == max(far.values()) > 1.5 * np.mean(list(far.values())):
        yield "outlying", None, far[row]


def traits_by_hand(row, world):
    """Code, category and minutes of all that is told of a village."""
    yield from standing_by_hand(row, world)
    nearest, services = world.travel.nearest, world.stands
    way = {kind: nearest[kind].iloc[row] for kind in ("grocery", "school", "doctor") if kind in nearest}
    if {"grocery", "school"} <= {*way} and way["grocery"] <= 5 and way["school"] <= 5:
        yield "daily", None, round(max(way["grocery"], way["school"]), 1)
    if services and row not in {at for _, at in services}:
        yield "bare", None, None
    for kind, minutes in way.items():
        if world.travel.component[row] >= 0 and not minutes <= 10:
            yield "far", kind, None if np.isnan(minutes) else round(minutes, 1)
    known = world.tables.villages["population"].iloc[row]
    if not pd.isna(known) and known < 50:
        yield "few", None, None


def test_traits_are_those_of_the_villages_one_by_one(world):
    table = world.explanation.traits
    found = [
        (one.village_id, one.code, None if pd.isna(one.category) else one.category,
         None if pd.isna(one.minutes) else one.minutes)
        for one in table.itertuples()
    ]  # fmt: skip
    expected = [
        (key, *one)
        for row, key in enumerate(world.ids)
        for one in sorted(traits_by_hand(row, world), key=lambda one: (TRAITS.index(one[0]), one[1] or ""))
    ]
    assert found == expected


def test_every_trait_occurs_in_these_worlds(sample_run):
    seen = set(sample_run.explanation.traits["code"]).union(
        *(made_up(n).explanation.traits["code"] for n in WORLDS[1:])
    )
    assert seen == set(TRAITS)


@st.composite
def rows_of_villages(draw):
    """Eight villages along a road in two clusters or none, services here and there, some without a road."""
    places = [draw(st.integers(0, 40)) / 2 for _ in range(8)]
    label = draw(st.lists(st.integers(-1, 1), min_size=8, max_size=8))
    sets = [[row for row in range(8) if label[row] == k] for k in range(2)]
    kinds = st.sampled_from(["school", "grocery", "doctor", "church"])
    services = draw(st.lists(st.tuples(kinds, st.integers(0, 7)), max_size=20))
    no_road = [row for row in range(8) if label[row] < 0 and draw(st.booleans())]
    people = draw(st.lists(st.one_of(st.none(), st.integers(0, 1200)), min_size=8, max_size=8))
    return {
        "places": places, "sets": [rows for rows in sets if len(rows) > 1], "services": services, "no_road": no_road,
        "people": [None if one is None else one for one in people],
    }  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(rows_of_villages(), st.permutations(range(8)))
def test_what_is_told_does_not_hang_on_the_order_of_villages(given_row, order):
    one, other = in_a_row(**given_row), in_a_row(**given_row, order=list(order))
    assert codes(one) == codes(other)
    first, second = (row.profiles.set_index("village_id").sort_index() for row in (one, other))
    pd.testing.assert_frame_equal(first, second)
    spread, again = (spread_of(row.pairs, row.clusters, row.ties, 20.0) for row in (one, other))
    pd.testing.assert_frame_equal(spread, again)
    shares, same = (coverage_of(row.sets, row.tables, row.ties) for row in (one, other))
    pd.testing.assert_frame_equal(shares, same)


@settings(max_examples=40, deadline=None)
@given(rows_of_villages())
def test_more_services_take_no_strength_of_daily_life_and_add_no_way(given_row):
    """One more grocery and school in every village: nobody is far from them, and all have them near."""
    more = [(kind, row) for kind in ("school", "grocery") for row in range(8)]
    row = in_a_row(**{**given_row, "services": [*given_row["services"], *more]})
    told = only(row, "daily", "far", "bare")
    on_road = [f"v{k:02d}" for k in range(8) if k not in given_row["no_road"]]
    assert [village for village, traits in told.items() if ("daily", 0.0) in traits] == on_road
    assert {one[1] for traits in told.values() for one in traits if one[0] == "far"} <= {"doctor"}
    assert not any("bare" in traits for traits in told.values())


# All of it


def test_clusters_are_told_in_their_order(world):
    sets = sets_in_order(world.result)
    assert [set(sets.rows(k).tolist()) for k in range(len(sets))] == [rows for _, rows in world.clusters]
    order = {key: k for k, (key, _) in enumerate(world.clusters)}
    for table in (world.explanation.alternatives, world.explanation.changes, world.explanation.doubles):
        place = table["cluster_id"].map(order).tolist()
        assert place == sorted(place)


def test_the_same_twice(world):
    again = explain(world.result, world.pool, world.assessment, world.tables, world.travel, world.ties, world.study)
    for name in ("alternatives", "changes", "doubles", "spread", "coverage", "profiles", "traits"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(world.explanation, name))


def test_a_run_without_services_and_one_without_anything_to_tell_reach_the_page(sample_study, sample_run):
    sources = sample_study.sources.model_copy(update={"services": ()})
    plain = run(
        sample_study.model_copy(
            update={
                "sources": sources,
                "ensemble": sample_study.ensemble.model_copy(update={"members": 4, "doublings": 0}),
            }
        )
    )
    assert len(plain.explanation.coverage) == len(plain.explanation.doubles) == 0
    assert "bare" not in set(plain.explanation.traits["code"])
    content = content_of(plain)
    assert content["coverage"] == []
    empty = {
        name: getattr(sample_run.explanation, name).iloc[:0]
        for name in ("alternatives", "changes", "doubles", "traits")
    }
    content = content_of(replace(sample_run, explanation=replace(sample_run.explanation, **empty)))
    for cluster in content["clusters"]:
        assert cluster["alternatives"] == cluster["doubles"] == []
        assert [key for key, _ in cluster["change"]] == ["say.change_none", "say.weakest"]
    assert all(village["strengths"] == village["challenges"] == [] for village in content["villages"])
