"""What people see of a plan: clusters by rank, every village accounted for, what each brings and what is missing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import pool_of, random_country, services_at, study, tables_of, travel_of, villages_at

from geoklynge.assessment import MEASURES, assess
from geoklynge.candidates import Pool
from geoklynge.clusters import describe
from geoklynge.errors import NoPlanError
from geoklynge.huff import overlap_of_pairs
from geoklynge.selection import Plan, select
from geoklynge.ties import tie_villages
from geoklynge.village_sets import sets_of
from geoklynge.wishes import Wishes

INF = np.inf
PLACES = [0, 1, 2, 9, 10, 11, 19, 20]  # minutes along one road; 6 is a town, 7 has no road
NAMES = ["Ærø", "Ålbæk", "Balle </script>", "Agri", "Egens", "Fuglsø", "Grenaa", "Hjelm"]
PEOPLE = [100, None, 300, 500, 200, 200, 9000, 40]
SERVICES = [("school", "v02"), ("church", "v00"), ("church", "v00"), ("grocery", "v05"), ("grocery", "v06"),
            ("doctor", None)]  # fmt: skip
DOCTOR_AT = 8  # minutes along the road


@pytest.fixture(scope="module")
def shown():
    """Two clusters of three villages, v00-v02 and v03-v05, described."""
    villages = villages_at(
        [(1000.0 * place, 0) for place in PLACES], people=PEOPLE, name=NAMES,
        parish=["Vistoft", "Agri", "Agri", None, None, None, "Grenaa", None], municipality=["Syddjurs"] * 8,
    )  # fmt: skip
    tables = tables_of(villages, services_at([(key, 0, 0, at) for key, at in SERVICES]))
    minutes = np.abs(np.subtract.outer(PLACES, PLACES)).astype(float)
    minutes[7, :] = minutes[:, 7] = INF
    stands = [DOCTOR_AT if at is None else PLACES[int(at[1:])] for _, at in SERVICES]
    there = np.abs(np.subtract.outer(PLACES, stands)).astype(float)
    there[7, :] = INF
    travel = travel_of(tables, minutes, there)
    travel.component[7] = -1
    ties = tie_villages(tables, travel, study())
    pool = Pool(
        sets_of([np.array(rows) for rows in ([0, 1], [0, 1, 2], [2, 3], [3, 4, 5])], 8),
        (("leiden",),) * 4,
        np.array([[0, 0, 0, 1, 1, 1, -1, -1]] * 6 + [[0, 0, 1, 1, 1, 1, -1, -1]] * 4, dtype=np.int32),
        np.array([True] * 6 + [False] * 2),
        Wishes(),
    )
    assessment = assess(pool, tables, ties, study())
    assessment.loc[[1, 3], "score"] = [61.24, 70.36]
    plan = Plan(np.array([1, 3]), 0.0, 0.0, 0.0)
    return describe(plan, pool, assessment, tables, travel, ties, study()), assessment


def test_the_table_of_clusters_has_the_columns_of_the_design(shown):
    table = shown[0].clusters
    wanted = [
        "cluster_id", "rank", "name", "villages", "village_ids", "n_villages", "population", "parishes",
        "municipalities", "score", *MEASURES, "max_minutes", "mean_minutes", "services_present", "services_missing",
        "hub", "geometry",
    ]  # fmt: skip
    assert set(wanted) <= set(table.columns)
    assert set(table.columns) - set(wanted) == {
        "hub_id", "n_people_assumed", "name_reason", "name_from", "name_share", "top_share", "rank_low", "rank_high",
        "area_km2", "overlap_school", "overlap_church", "overlap_grocery", "overlap_doctor",
    }  # fmt: skip
    assert table.crs == 25832


def test_clusters_stand_in_order_of_their_score(shown):
    table = shown[0].clusters
    assert table["rank"].tolist() == [1, 2]
    assert table["score"].tolist() == [70.4, 61.2]
    assert table["village_ids"].tolist() == ["v03; v04; v05", "v02; v01; v00"]


def test_members_are_named_by_people_then_by_name(shown):
    assert shown[0].clusters["villages"].tolist() == ["Agri; Egens; Fuglsø", "Balle </script>; Ålbæk; Ærø"]


def test_the_hub_has_most_of_services_and_people(shown):
    table = shown[0].clusters
    assert table["hub"].tolist() == ["Fuglsø", "Balle </script>"]  # a grocery; a school outweighs two churches
    assert table["hub_id"].tolist() == ["v05", "v02"]
    assert table["cluster_id"].tolist() == ["cluster-v05", "cluster-v02"]


def test_clusters_are_named_and_say_after_what(shown):
    table = shown[0].clusters
    assert table["name"].tolist() == ["Fuglsø", "Balle </script>"]
    assert table["name_reason"].tolist() == ["around", "hub"]  # no parish is known; 200 of 900; 600 of 700 in Agri
    assert table["name_from"].tolist() == table["name"].tolist()
    assert table["name_share"].tolist() == [0.222, 0.857]


def test_facts_of_a_cluster(shown):
    second = shown[0].clusters.iloc[1]
    assert (second["n_villages"], second["population"], second["n_people_assumed"]) == (3, 700, 1)
    assert (second["parishes"], second["municipalities"]) == ("Agri; Vistoft", "Syddjurs")
    assert (second["services_present"], second["services_missing"]) == ("school; church", "grocery; doctor")
    assert (second["max_minutes"], second["mean_minutes"]) == (2, 1.33)
    assert shown[0].clusters["parishes"].iloc[0] == ""


def test_measures_are_those_of_the_assessment_rounded(shown):
    result, assessment = shown
    expected = assessment.loc[[3, 1], list(MEASURES)].round(3)
    np.testing.assert_array_equal(result.clusters[list(MEASURES)], expected)


def test_every_village_outside_has_its_reason(shown):
    villages = shown[0].villages
    assert villages["why_alone"].fillna("").tolist() == [""] * 6 + ["town", "no_road"]
    assert villages["cluster_id"].fillna("").tolist() == ["cluster-v02"] * 3 + ["cluster-v05"] * 3 + [""] * 2


def test_standing_of_villages(shown):
    villages = shown[0].villages.set_index("village_id")
    assert villages["certainty"].fillna(-1).tolist() == [1, 1, 0.6, 1, 1, 1, -1, -1]
    assert villages["standing"].fillna("").tolist() == ["core", "core", "contested", "core", "core", "core", "", ""]
    assert villages["other_cluster_id"].dropna().to_dict() == {"v02": "cluster-v05"}
    assert villages["other_share"].dropna().to_dict() == {"v02": 0.4}


def test_a_contested_village_is_compared(shown):
    table = shown[0].contested
    assert table["village_id"].tolist() == ["v02"]
    row = table.iloc[0]
    assert (row["cluster_id"], row["other_cluster_id"], row["other_share"]) == ("cluster-v02", "cluster-v05", 0.4)
    assert pd.isna(row["category"])  # school and church stand in its own cluster only, the grocery in the other
    assert row["tie_own"] > row["tie_other"] > 0


def test_the_table_of_villages_holds_what_is_compared(shown):
    villages = shown[0].villages.set_index("village_id")
    compared = [name for name in villages if name.startswith("contested_")]
    row = shown[0].contested.iloc[0]
    assert len(compared) == 9
    for name in compared:
        column, value = villages[name], row[name.removeprefix("contested_")]
        assert column.drop("v02").isna().all()
        assert pd.isna(column["v02"]) if pd.isna(value) else column["v02"] == value


def test_minutes_to_the_nearest_of_each_category_and_none_without_a_road(shown):
    villages = shown[0].villages
    assert villages["minutes_doctor"].fillna(-1).tolist() == [8, 7, 6, 1, 2, 3, 11, -1]
    assert villages["minutes_grocery"].fillna(-1).tolist() == [11, 10, 9, 2, 1, 0, 0, -1]
    assert {f"minutes_{key}" for key, _ in SERVICES} <= set(villages.columns)


def test_what_each_village_brings(shown):
    assert shown[0].brings.to_dict("split")["data"] == [
        ["cluster-v05", "v05", "grocery", 1],
        ["cluster-v02", "v00", "church", 2],
        ["cluster-v02", "v02", "school", 1],
    ]


def test_what_is_missing_and_how_far_from_the_hub_it_is(shown):
    missing = shown[0].missing.set_index(["cluster_id", "category"])["minutes"].to_dict()
    assert missing == {
        ("cluster-v05", "school"): 9,
        ("cluster-v05", "church"): 11,
        ("cluster-v05", "doctor"): 3,
        ("cluster-v02", "grocery"): 9,
        ("cluster-v02", "doctor"): 6,
    }


def test_trips_shared_by_category(shown):
    shared = shown[0].shared.set_index(["cluster_id", "category"])["share"].to_dict()
    assert len(shared) == 2 * 4
    assert shared["cluster-v02", "doctor"] == 1  # there is one doctor
    assert shared["cluster-v02", "church"] == 1  # two at one place: all villages go alike
    assert shared["cluster-v05", "school"] == 1
    assert 0 < shared["cluster-v05", "grocery"] <= 1
    table = shown[0].clusters.set_index("cluster_id")
    assert shared == {(key, kind): table.loc[key, f"overlap_{kind}"] for key, kind in shared}


def described(tables, wanted):
    """A described plan, and what it was made of."""
    travel, ties, pool = pool_of(tables, wanted)
    assessment = assess(pool, tables, ties, wanted)
    plan = select(pool.sets, (assessment["score"] * assessment["served"]).to_numpy(), pool.wishes)
    return describe(plan, pool, assessment, tables, travel, ties, wanted), pool, plan, travel


def hub_by_hand(rows, tables, weights):
    def worth(row):
        of_village = (tables.services["village_id"] == tables.villages["village_id"].iloc[row]).fillna(False)
        return sum(weights[key] for key in set(tables.services["category"][of_village]))

    people = tables.villages["people"]
    all_worth, all_people = sum(map(worth, rows)), sum(people.iloc[row] for row in rows)

    def standing(row):
        return people.iloc[row] / all_people + (worth(row) / all_worth if all_worth else 0)

    return min(rows, key=lambda row: (-round(standing(row), 9), row))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.integers(0, 25))
def test_every_plan_is_described_as_it_is(seed, islands, services):
    tables = random_country(seed, villages=24, islands=islands, services=services)
    wanted = study(ensemble={"members": 5})
    try:
        result, pool, plan, travel = described(tables, wanted)
    except NoPlanError:
        return
    clusters, villages = result.clusters, result.villages
    weights = {key: one.weight for key, one in wanted.services.all_categories().items()}
    ids = tables.villages["village_id"]
    chosen = {frozenset(ids.iloc[pool.sets.rows(k)]) for k in plan.chosen}
    assert {frozenset(one.split("; ")) for one in clusters["village_ids"]} == chosen
    assert clusters["cluster_id"].is_unique
    assert clusters["rank"].tolist() == list(range(1, len(clusters) + 1))
    assert (clusters["score"].diff().dropna() <= 1e-9).all()
    for one in clusters.itertuples():
        rows = sorted(int(village_id[1:]) for village_id in one.village_ids.split("; "))
        assert one.hub_id == ids.iloc[hub_by_hand(rows, tables, weights)]
        assert one.cluster_id == f"cluster-{one.hub_id}"
        assert one.population == round(tables.villages["people"].iloc[rows].sum())
        assert one.n_people_assumed == tables.villages["population"].iloc[rows].isna().sum()
        assert set(villages["village_id"][villages["cluster_id"] == one.cluster_id]) == set(one.village_ids.split("; "))
        brought = tables.services[tables.services["village_id"].isin(one.village_ids.split("; "))]
        assert set(filter(None, one.services_present.split("; "))) == set(brought["category"])
        assert set(filter(None, one.services_missing.split("; "))) == set(tables.services["category"]) - set(
            brought["category"]
        )
        assert result.brings.query("cluster_id == @one.cluster_id")["facilities"].sum() == len(brought)
        missing = result.missing.query("cluster_id == @one.cluster_id").set_index("category")["minutes"]
        for category, minutes in missing.items():
            there = travel.nearest.loc[one.hub_id, category]
            assert (np.isnan(minutes) and np.isnan(there)) or minutes == pytest.approx(there, abs=0.051)
    assert len(villages) == len(ids)
    members = set(pool.sets.member.tolist())
    for row, one in enumerate(villages.itertuples()):
        if pd.isna(one.cluster_id):
            town = tables.villages["people"].iloc[row] > wanted.limits.town_people
            assert one.why_alone == ("town" if town else "not_chosen" if row in members else "no_candidate")
            assert pd.isna(one.standing)
            assert pd.isna(one.certainty)
        else:
            assert pd.isna(one.why_alone)
            assert one.standing in {"core", "edge", "contested"}
            assert (one.standing == "contested") == (not pd.isna(one.other_cluster_id))
        assert pd.isna(one.other_cluster_id) or one.other_cluster_id in set(clusters["cluster_id"])
        assert pd.isna(one.other_share) == pd.isna(one.other_cluster_id)
    assert clusters["name"].is_unique
    assert (
        result.contested["village_id"].tolist() == villages["village_id"][villages["standing"] == "contested"].tolist()
    )
    assert result.shared["share"].between(0, 1).all()


def test_a_plan_without_any_service():
    result = described(random_country(3, services=0), study(ensemble={"members": 5}))[0]
    assert len(result.clusters) > 1
    assert set(result.clusters["services_present"]) == set(result.clusters["services_missing"]) == {""}
    for table in (result.brings, result.missing, result.shared):
        assert len(table) == 0
        assert {"cluster_id", "category"} <= set(table.columns)
    assert not [name for name in result.clusters if name.startswith("overlap_")]
    # without any service the one with most people is the hub
    people = result.villages.set_index("village_id")["people"]
    for one in result.clusters.itertuples():
        assert people[one.hub_id] == people[one.village_ids.split("; ")].max()


def test_equal_scores_are_ranked_by_people_then_by_the_hubs_id():
    tables = tables_of(villages_at([(0, 0)] * 6, people=[100, 100, 200, 200, 100, 100]))
    travel = travel_of(tables, np.ones((6, 6)))
    ties = tie_villages(tables, travel, study())
    pool = Pool(sets_of([np.array(rows) for rows in ([0, 1], [2, 3], [4, 5])], 6), (("leiden",),) * 3,
                np.zeros((1, 6), dtype=np.int32), np.ones(6, dtype=bool), Wishes())  # fmt: skip
    assessment = assess(pool, tables, ties, study()).assign(score=[50.0, 50.0, 50.0 + 1e-9])
    clusters = describe(Plan(np.arange(3), 0.0, 0.0, 0.0), pool, assessment, tables, travel, ties, study()).clusters
    assert clusters["hub_id"].tolist() == ["v02", "v00", "v04"]


def test_trips_shared_are_the_mean_overlap_of_each_category_alone():
    tables = random_country(11, villages=20, services=30)
    result, _, _, travel = described(tables, study(ensemble={"members": 5}))
    ties = tie_villages(tables, travel, study())
    ids = tables.villages["village_id"].tolist()
    shared = result.shared.set_index(["cluster_id", "category"])["share"]
    for one in result.clusters.itertuples():
        rows = np.array([ids.index(village_id) for village_id in one.village_ids.split("; ")])
        a, b = (rows[side] for side in np.triu_indices(len(rows), 1))
        for k, category in enumerate(ties.shares.categories):
            alone = np.eye(len(ties.shares.categories))[k]
            mean = overlap_of_pairs(ties.shares, alone, a, b).mean()
            assert shared[one.cluster_id, category] == pytest.approx(mean, abs=5.1e-4)
