"""A plan by topic is the best of the same candidates for that topic, and says where it differs from the whole."""

import json
from collections import Counter
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pages import with_moves
from worlds import pool_of, random_country, services_at, study, tables_of, travel_of, villages_at

from geoklynge.assessment import assess
from geoklynge.candidates import Pool
from geoklynge.clusters import describe
from geoklynge.exports import read_run, write_run
from geoklynge.maps import render_report
from geoklynge.maps.by_topic import topics_told
from geoklynge.maps.content import content_of
from geoklynge.maps.page import words_of
from geoklynge.pipeline import run
from geoklynge.selection import Plan, select
from geoklynge.study import default_categories, default_topics, read_study
from geoklynge.ties import tie_villages
from geoklynge.topics import _described, _with_weights, plan_topics, topic_columns
from geoklynge.travel import measure_other_modes, measure_travel
from geoklynge.village_sets import sets_of
from geoklynge.wishes import Wishes

OVERLAP_ONLY = {name: float(name == "overlap") for name in study().score.model_dump()}
SCHOOLS = [("school", "v00"), ("school", "v03")]  # 0 and 1 go to the one, 2 to 5 to the other
SHOPS = [("grocery", "v01"), ("grocery", "v04")]  # 0, 1 and 2 go to the one, 3 to 5 to the other
MINUTES = [[1, 1, 19, 19, 19, 19], [19, 19, 1, 1, 1, 1], [1, 1, 1, 19, 19, 19], [19, 19, 19, 1, 1, 1]]
CANDIDATES = ([0, 1, 2], [3, 4, 5], [0, 1], [2, 3, 4, 5])


def planned(tables, travel, wanted, candidates, **pool_parts):
    """Choose the whole plan of some candidates and those by topic."""
    ties = tie_villages(tables, travel, wanted)
    n = len(tables.villages)
    pool = Pool(
        sets_of(map(np.array, candidates), n), (("leiden",),) * len(candidates), np.zeros((1, n), dtype=np.int32),
        np.ones(n, dtype=bool), Wishes(**pool_parts),
    )  # fmt: skip
    assessment = assess(pool, tables, ties, wanted)
    plan = select(pool.sets, (assessment["score"] * assessment["served"]).to_numpy(), pool.wishes)
    villages = describe(plan, pool, assessment, tables, travel, ties, wanted).villages
    return plan, villages, plan_topics(pool, assessment, tables, ties, wanted, villages), pool


def two_schools_two_shops(**parts):
    """Six villages of which the third goes to school with the one side and shopping with the other."""
    tables = tables_of(
        villages_at([(1000.0 * k, 0) for k in range(6)], people=[100, 200, 400, 300, 300, 300]),
        services_at([(key, 0, 0, at) for key, at in SCHOOLS + SHOPS]),
    )
    travel = travel_of(tables, np.full((6, 6), 9.0), np.array(MINUTES).T)
    weights = {"grocery": 3.0, "school": 1.0}
    return tables, travel, study(services={"weights": weights}, score=OVERLAP_ONLY, **parts)


def names_of(plan):
    """Sets of a topic's plan as row numbers."""
    return [plan.sets.rows(k).tolist() for k in range(len(plan.sets))]


def test_a_village_goes_to_school_with_others_than_it_shops_with():
    plan, villages, topics, _ = planned(*two_schools_two_shops(), CANDIDATES)
    assert plan.chosen.tolist() == [0, 1]
    assert [topic.key for topic in topics] == ["learning", "shopping"]  # of sports the data knows nothing
    learning, shopping = topics
    assert (learning.categories, shopping.categories) == (("school",), ("grocery",))
    assert names_of(learning) == [[0, 1], [2, 3, 4, 5]]
    assert names_of(shopping) == [[0, 1, 2], [3, 4, 5]]
    assert learning.hubs.tolist() == [0, 3]  # where the schools are
    first, second = villages["cluster_id"].iloc[[0, 5]]
    assert learning.stays.to_dict("split")["data"] == [
        [first, pytest.approx(400 / 700), "v03", 2, 0],  # most of its people live in the one that goes over
        [second, 1.0, "v03", 0, 0],
    ]
    assert learning.moves["village_id"].tolist() == ["v01", "v00"]  # the larger first
    assert learning.moves["hub_id"].tolist() == ["v00", "v00"]


def test_who_leaves_is_named_with_the_hub_it_goes_to():
    tables, travel, wanted = two_schools_two_shops()
    people = [500, 200, 400, 300, 300, 300]
    villages = tables.villages.assign(population=pd.array(people, dtype="Int64"), people=np.array(people, dtype=float))
    plan, villages, (learning, shopping), _ = planned(replace(tables, villages=villages), travel, wanted, CANDIDATES)
    assert plan.chosen.tolist() == [0, 1]
    first, second = villages["cluster_id"].iloc[[0, 5]]
    stays = learning.stays.set_index("cluster_id")
    assert stays.loc[first].tolist() == [pytest.approx(700 / 1100), "v00", 1, 0]
    assert stays.loc[second].tolist() == [1.0, "v03", 0, 0]
    assert learning.moves.to_dict("records") == [{"cluster_id": first, "village_id": "v02", "hub_id": "v03"}]
    assert shopping.moves.empty
    assert shopping.stays["share"].tolist() == [1.0, 1.0]
    columns = topic_columns([learning, shopping], villages)
    assert columns["topic_learning"].tolist() == ["v00"] * 2 + ["v03"] * 4
    assert columns["topic_shopping"].tolist() == ["v01"] * 3 + ["v04"] * 3


def test_wishes_hold_in_every_topic():
    tables, travel, wanted = two_schools_two_shops()
    _, _, topics, _ = planned(tables, travel, wanted, CANDIDATES, together=((1, 2),))
    assert all(any({1, 2} <= set(rows) for rows in names_of(topic)) for topic in topics)


def test_a_topic_for_which_nothing_is_worth_choosing_is_left_out():
    tables, _, wanted = two_schools_two_shops()
    far = travel_of(tables, np.full((6, 6), 9.0), np.where(np.arange(4) < 2, np.inf, np.array(MINUTES).T))
    assert [topic.key for topic in planned(tables, far, wanted, CANDIDATES)[2]] == ["shopping"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([{}, {"car": 0.6, "bike": 0.4}]))
def test_ties_of_a_topic_are_those_of_a_study_in_which_all_else_weighs_nothing(seed, modes):
    tables, wanted = random_country(seed, villages=15, services=15), study(ties={"modes": modes})
    travel, also = measure_travel(tables, wanted.travel), measure_other_modes(tables, wanted)
    ties = tie_villages(tables, travel, wanted, also=also)
    for topic in ({"school"}, {"grocery", "doctor"}):
        weights = {key: one.weight if key in topic else 0.0 for key, one in default_categories().items()}
        alone = tie_villages(tables, travel, study(ties={"modes": modes}, services={"weights": weights}), also=also)
        found = _with_weights(ties, np.array([weights[key] for key in ties.shares.categories]), wanted)
        if alone.category_weight.sum() > 0:
            for layer in (*ties.layers, "weight", "category_weight"):
                np.testing.assert_array_equal(getattr(found, layer), getattr(alone, layer))
            assert found.layers_used == alone.layers_used


@pytest.mark.parametrize("seed", range(5))
def test_where_all_services_are_of_one_topic_its_plan_is_the_whole(seed):
    tables = random_country(seed, villages=24)
    tables = replace(tables, services=tables.services.assign(category="school"))
    wanted = study(ensemble={"members": 5})
    travel, ties, pool = pool_of(tables, wanted)
    assessment = assess(pool, tables, ties, wanted)
    plan = select(pool.sets, (assessment["score"] * assessment["served"]).to_numpy(), pool.wishes)
    villages = describe(plan, pool, assessment, tables, travel, ties, wanted).villages
    (topic,) = plan_topics(pool, assessment, tables, ties, wanted, villages)
    assert topic.key == "learning"
    assert topic.plan.chosen.tolist() == plan.chosen.tolist()
    assert topic.plan.objective == plan.objective
    assert topic.moves.empty
    assert (topic.stays["share"] == 1).all()
    own = villages["cluster_id"].str.removeprefix("cluster-")
    assert topic_columns([topic], villages)["topic_learning"].fillna("").tolist() == own.fillna("").tolist()


def random_candidates(seed, n):
    """Distinct sets of three to six villages."""
    rng = np.random.default_rng(seed)
    return sorted({tuple(np.sort(rng.choice(n, rng.integers(3, 7), replace=False)).tolist()) for _ in range(40)})


@pytest.mark.parametrize("seed", range(4))
def test_neither_the_order_nor_the_names_of_villages_matter(seed):
    tables, wanted = random_country(seed, villages=16), study()
    order = np.random.default_rng(seed).permutation(16)  # the new row k is the old row order[k]
    place = np.argsort(order)
    new_id = {f"v{old:02d}": f"x{place[old]:02d}" for old in range(16)}
    moved = tables.villages.iloc[order].reset_index(drop=True)
    moved["village_id"] = moved["village_id"].map(new_id).astype("string")
    services = tables.services.assign(village_id=tables.services["village_id"].map(new_id).astype("string"))
    other = replace(tables, villages=moved, services=services)
    candidates = random_candidates(seed, 16)
    renamed = [sorted(place[list(rows)].tolist()) for rows in candidates][::-1]
    _, _, topics, _ = planned(tables, measure_travel(tables, wanted.travel), wanted, candidates)
    _, again, topics_again, _ = planned(other, measure_travel(other, wanted.travel), wanted, renamed)
    assert len(topics) == len(topics_again) == 2
    for one, two in zip(topics, topics_again, strict=True):
        assert one.plan.objective == pytest.approx(two.plan.objective)
        sets = {frozenset(new_id[f"v{row:02d}"] for row in rows) for rows in names_of(one)}
        assert sets == {frozenset(again["village_id"].iloc[rows]) for rows in names_of(two)}
        moves = {(new_id[row.village_id], new_id[row.hub_id]) for row in one.moves.itertuples()}
        assert moves == {(row.village_id, row.hub_id) for row in two.moves.itertuples()}
        shares = [sorted(each.stays["share"].round(9)) for each in (one, two)]
        assert shares[0] == shares[1]


@st.composite
def two_partitions(draw):
    """Up to twelve villages in clusters of the whole plan and of a topic; some in none."""
    n = draw(st.integers(1, 12))
    label = st.lists(st.integers(-1, 3), min_size=n, max_size=n)
    people = draw(st.lists(st.integers(1, 6), min_size=n, max_size=n))
    return draw(label), draw(label), people


@settings(max_examples=60, deadline=None)
@given(two_partitions())
@example(([-1], [0], [1]))
def test_stays_and_moves_are_counted_village_by_village(partitions):
    whole, topic, people = partitions
    n, named = len(whole), sorted(set(topic) - {-1})
    members = [[row for row in range(n) if topic[row] == each] for each in named]
    tables = tables_of(villages_at([(1000.0 * k, 0) for k in range(n)], people=people))
    ties = tie_villages(tables, travel_of(tables, np.full((n, n), 5.0)), study())
    villages = tables.villages.assign(
        cluster_id=pd.array([None if each < 0 else f"c{each}" for each in whole], dtype="string")
    )
    pool = Pool(sets_of(map(np.array, members), n), (), np.zeros((1, n), dtype=np.int32), np.ones(n, bool), Wishes())
    found = _described("x", Plan(np.arange(len(members)), 1.0, 1.0, 0.0), pool, ties, villages)
    hubs = [max(rows, key=lambda row: (people[row], -row)) for rows in members]  # no services: the largest
    assert found.hubs.tolist() == hubs
    stays, moves = [], set()
    for cluster in sorted(set(whole) - {-1}):
        own = [row for row in range(n) if whole[row] == cluster]
        held = {
            k: (sum(people[row] for row in own if row in rows), sum(row in rows for row in own))
            for k, rows in enumerate(members)
        }
        home = max(held, key=lambda k: (*held[k], -k), default=None)
        home = None if home is None or not held[home][1] else home
        share = 0 if home is None else held[home][0] / sum(people[row] for row in own)
        gone = [row for row in own if topic[row] >= 0 and named.index(topic[row]) != home]
        alone = [row for row in own if topic[row] < 0]
        stays.append((f"c{cluster}", share, None if home is None else f"v{hubs[home]:02d}", len(gone), len(alone)))
        moves |= {(f"c{cluster}", f"v{row:02d}", f"v{hubs[named.index(topic[row])]:02d}") for row in gone}
    table = found.stays.astype({"hub_id": object})
    table["hub_id"] = table["hub_id"].where(table["hub_id"].notna(), None)
    assert list(table.itertuples(index=False, name=None)) == [
        (cluster, pytest.approx(share), *rest) for cluster, share, *rest in stays
    ]
    told = list(found.moves.itertuples(index=False, name=None))
    assert set(told) == moves
    assert len(told) == len(moves)
    groups = [move[::2] for move in told]
    assert [group for k, group in enumerate(groups) if not k or groups[k - 1] != group] == list(Counter(groups))


def test_topic_plans_of_the_sample_are_candidates_that_do_not_overlap(sample_run):
    assert [topic.key for topic in sample_run.topics] == ["learning", "sports", "shopping"]
    for topic in sample_run.topics:
        assert topic.plan.gap == 0
        assert np.bincount(topic.sets.member, minlength=len(sample_run.tables.villages)).max() == 1
        for number, chosen in enumerate(topic.plan.chosen):
            assert topic.sets.rows(number).tolist() == sample_run.pool.sets.rows(int(chosen)).tolist()
        column = sample_run.result.villages[f"topic_{topic.key}"]
        assert column.notna().sum() == len(topic.sets.member)
        assert column.nunique() == len(topic.sets)
        clusters = sample_run.result.clusters
        assert sorted(topic.stays["cluster_id"]) == sorted(clusters["cluster_id"])
        whole = clusters.set_index("cluster_id")["n_villages"]
        away = topic.stays.set_index("cluster_id")[["n_elsewhere", "n_alone"]].sum(axis=1)
        assert (away < whole.loc[away.index]).all()
        assert len(topic.moves) == topic.stays["n_elsewhere"].sum()


def test_the_same_seed_gives_the_same_topics(sample_run, sample_study):
    villages = sample_run.result.villages
    again = plan_topics(
        sample_run.pool, sample_run.assessment, sample_run.tables, sample_run.ties, sample_study, villages
    )
    for one, two in zip(sample_run.topics, again, strict=True):
        assert one.plan.chosen.tolist() == two.plan.chosen.tolist()
        pd.testing.assert_frame_equal(one.stays, two.stays)
        pd.testing.assert_frame_equal(one.moves, two.moves)


def test_how_many_topics_are_done_is_told(sample_run):
    told = []
    plan_topics(
        sample_run.pool, sample_run.assessment, sample_run.tables, sample_run.ties, sample_run.study,
        sample_run.result.villages,
        tell=lambda *news: told.append(news),
    )  # fmt: skip
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.fixture(scope="module")
def own_topics(tmp_path_factory):
    """A run of the sample with a topic of its own, one changed, one without data, written."""
    folder = tmp_path_factory.mktemp("own")
    sample = PROJECT / "data/syddjurs"
    text = (sample / "study.toml").read_text(encoding="utf-8")
    for name in ("villages", "parishes", "services", "links"):
        text = text.replace(f'"{name}.csv"', json.dumps(str(sample / f"{name}.csv")))
    text += """
[topics.faith]
da = "kirke"
en = "church"
categories = ["church"]
[topics.shopping]
da = "dagligvarer"
en = "groceries"
categories = ["grocery", "doctor"]
[topics.play]
da = "leg"
en = "play"
categories = ["playground"]
"""
    (folder / "study.toml").write_text(text, encoding="utf-8")
    made = run(read_study(folder / "study.toml"))
    write_run(made, folder / "out", pages={})
    return made, folder / "out"


def test_a_study_adds_and_changes_topics(own_topics):
    made, _ = own_topics
    assert [topic.key for topic in made.topics] == ["learning", "sports", "shopping", "faith"]
    assert made.topics[2].categories == ("grocery",)  # the sample knows no doctor
    assert "topic_faith" in made.result.villages


def test_a_written_run_records_its_topics(own_topics):
    made, folder = own_topics
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert list(record["topics"]) == ["learning", "sports", "shopping", "faith", "play"]
    assert record["topics"]["play"] is None
    for plan in made.topics:
        told = record["topics"][plan.key]
        assert told["categories"] == list(plan.categories)
        assert (told["objective"], told["bound"], told["gap"]) == (plan.plan.objective, plan.plan.bound, plan.plan.gap)
        assert told["clusters"] == len(plan.sets)
    assert record["topics"]["faith"]["da"] == "kirke"
    assert record["sensitivity"] == {"weightings": 1000, "factor": 2.0, "top_n": -(-len(made.result.clusters) // 3)}
    villages = gpd.read_file(folder / "villages.geojson")
    own = made.result.villages["topic_faith"]
    assert villages["topic_faith"].fillna("").tolist() == own.fillna("").tolist()
    assert set(own.dropna()) <= set(villages["village_id"])
    clusters = gpd.read_file(folder / "clusters.geojson")
    for column in ("top_share", "rank_low", "rank_high"):
        assert clusters[column].tolist() == made.result.clusters[column].tolist()
    assert read_run(folder).study.all_topics() == made.study.all_topics()


def test_topics_can_be_switched_off(sample_study):
    off = run(sample_study.model_validate({**sample_study.model_dump(), "topics": {"enabled": False}}))
    assert off.topics == ()
    assert not [column for column in off.result.villages if column.startswith("topic_")]
    content = content_of(off)
    assert {len(cluster["by_topic"]) for cluster in content["clusters"]} == {0}
    assert ("method.topics", {}) not in content["method"]


def test_default_topics_are_of_known_categories_each_in_one_topic():
    categories = [key for topic in default_topics().values() for key in topic.categories]
    assert set(categories) <= set(default_categories())
    assert len(categories) == len(set(categories))


def test_cards_say_where_a_topic_leads_elsewhere(sample_run):
    first, second = sample_run.result.clusters["cluster_id"].iloc[:2]
    hub_of = sample_run.result.clusters.set_index("cluster_id")["hub_id"]
    named = sample_run.result.villages.set_index("village_id")["name"]
    members = sample_run.result.clusters["village_ids"].iloc[0].split("; ")[1:]
    moved = with_moves(sample_run, "learning", {first: [(hub_of[second], members[:2]), (members[3], members[3:11])]})
    content = content_of(moved)
    learning = content["clusters"][0]["by_topic"][0]
    assert (learning["key"], learning["share"], learning["alone"]) == ("learning", 0.6, 2)
    hub, others = named[hub_of[second]], [named[each] for each in members[3:11]]
    english, danish = ([words_of(content, each).tell(one) for one in learning["told"]] for each in ("en", "da"))
    assert english == [
        f"For school and kindergarten, {named[members[0]]} and {named[members[1]]} would rather go with {hub}.",
        (
            f"For school and kindergarten, {', '.join(others[:5])} and {others[5]} and 2 more would rather be "
            f"a cluster of their own around {others[0]}."
        ),
    ]
    assert danish[0] == (
        f"Når det gælder skole og børnehave, hører {named[members[0]]} og {named[members[1]]} snarere sammen med {hub}."
    )
    assert content["topics"]["learning"] == {"da": "skole og børnehave", "en": "school and kindergarten"}
    report = render_report(moved, language="en")
    assert english[0] in report
    assert "60% stay together" in report
    assert "2 of its villages are then in no cluster." in report


def test_cards_say_how_sure_the_rank_is(sample_run):
    content = content_of(sample_run)
    words = words_of(content, "en")
    table = sample_run.result.clusters
    for cluster, row in zip(content["clusters"], table.to_dict("records"), strict=True):
        top, rank = (words.tell(sentence) for sentence in cluster["ranked"])
        top_n = -(-len(table) // 3)
        percent = f"{100 * row['top_share']:.0f}%"
        assert top == f"Among the {top_n} best clusters in {percent} of 1,000 other ways of weighing the measures."
        if row["rank_low"] == row["rank_high"]:
            assert rank.endswith(f"its rank is {row['rank_low']} of {len(table)}.")
        else:
            assert rank.endswith(f"between {row['rank_low']} and {row['rank_high']} of {len(table)}.")
    only = replace(sample_run.result, sensitivity=sample_run.result.sensitivity[:1])
    assert content_of(replace(sample_run, result=only))["clusters"][0]["ranked"] == []


def test_whoever_goes_with_a_place_in_no_cluster_is_told_of_too(sample_run):
    moved = next(topic for topic in sample_run.topics if len(topic.moves))
    hub = moved.moves["hub_id"].iloc[0]
    villages = sample_run.result.villages.copy()
    villages.loc[villages["village_id"] == hub, "cluster_id"] = pd.NA
    alone = replace(sample_run, result=replace(sample_run.result, villages=villages))
    cluster = moved.moves["cluster_id"].iloc[0]
    row = next(row for row in topics_told(alone)[cluster] if row["key"] == moved.key)
    assert row["told"][0][0].startswith("say.topic_with")
