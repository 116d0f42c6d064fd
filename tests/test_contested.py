"""What speaks for either cluster of a contested village is what one gets by looking at each service and tie."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import row_of, services_at, study, tables_of, travel_of, villages_at

from geoklynge.certainty import Standing
from geoklynge.contested import contested_villages
from geoklynge.ties import tie_villages

INF = np.inf
CLUSTER = [0, 0, 0, 1, 1, -1]
PLACES = [0, 4, 6, 11, 12, 7]  # minutes along one road; v02 is contested, v05 in no cluster


def standing_of(cluster, contested):
    """Standing in which some villages, by row, are contested by another cluster in so many runs of ten."""
    word = np.array([None if own < 0 else "core" for own in cluster], dtype=object)
    other, share = np.full(len(cluster), -1, dtype=np.int32), np.zeros(len(cluster))
    for row, (rival, runs) in contested.items():
        word[row], other[row], share[row] = "contested", rival, runs / 10
    return Standing(np.where(np.array(cluster) < 0, np.nan, 0.5), other, share, word)


def compared(services, *, cluster=CLUSTER, contested=None, places=PLACES, weights=None, **columns):
    """Table of contested villages of a row of places, with services (category, row of the village or None)."""
    villages = villages_at([(1000.0 * at, 0) for at in places], **columns)
    rows = [(key, 0, 0, None if at is None else f"v{at:02d}") for key, at in services]
    tables = tables_of(villages, services_at(rows))
    stands = [7 if at is None else places[at] for _, at in services]
    there = np.abs(np.subtract.outer(places, stands)).astype(float).reshape(len(places), len(stands))
    travel = travel_of(tables, row_of(*places), np.where(there <= 20, there, INF))
    ties = tie_villages(tables, travel, study(services={"weights": weights or {}}))
    ids = np.array([f"cluster-{k}" for k in range(max(cluster) + 1)], dtype=object)
    standing = standing_of(cluster, {2: (1, 4)} if contested is None else contested)
    table = contested_villages(np.array(cluster, dtype=np.int32), ids, standing, tables, travel, ties)
    return table, ties


def way(services, **options):
    """Category, minutes and places told of v02; None where there is nothing to tell."""
    row = compared(services, **options)[0].iloc[0]
    names = ("category", "minutes_own", "place_own", "minutes_other", "place_other")
    return None if pd.isna(row["category"]) else tuple(row[name] for name in names)


def test_the_nearest_of_each_cluster_and_where_it_stands():
    table, _ = compared([("school", 0), ("school", 1), ("school", 3), ("school", 4), ("school", 5)])
    assert table.iloc[0].to_dict() | {"tie_own": 0, "tie_other": 0} == {
        "village_id": "v02", "cluster_id": "cluster-0", "other_cluster_id": "cluster-1", "other_share": 0.4,
        "category": "school", "minutes_own": 2, "place_own": "Village 1", "minutes_other": 5,
        "place_other": "Village 3", "tie_own": 0, "tie_other": 0, "parish_with_other": False,
        "municipality_with_other": False,
    }  # fmt: skip


def test_the_heaviest_category_that_both_have_is_told():
    assert way([("bank", 0), ("bank", 3), ("school", 1), ("church", 1), ("church", 3)]) == (
        "church", 2, "Village 1", 5, "Village 3",
    )  # fmt: skip


def test_of_equal_weights_the_one_in_which_they_differ_least():
    assert way([("school", 0), ("school", 3), ("grocery", 1), ("grocery", 4)]) == (
        "school", 6, "Village 0", 5, "Village 3",
    )  # fmt: skip
    assert way([("school", 1), ("school", 3), ("grocery", 0), ("grocery", 4)])[0] == "grocery"


def test_what_the_village_has_itself_nobody_travels_for():
    services = [("church", 1), ("church", 3), ("school", 1), ("school", 3)]
    assert way([*services, ("school", 2)])[0] == "church"
    assert way([*services, ("school", 2), ("church", 2)]) is None


def test_a_place_in_no_village_or_beyond_the_horizon_does_not_count():
    assert way([("school", None), ("school", 3)]) is None
    assert way([("school", 1), ("school", 3)], places=[0, 4, 6, 27, 28, 7]) is None
    assert way([("school", 1), ("school", 5)]) is None  # its village is in no cluster


def test_a_category_without_weight_is_not_told():
    services = [("school", 1), ("school", 3), ("church", 1), ("church", 3)]
    assert way(services)[0] == "school"
    assert way(services, weights={"school": 0.5})[0] == "church"  # the study's weights count
    assert way(services, weights={"school": 0, "church": 0}) is None
    assert way([]) is None


def test_ties_are_means_over_the_others_of_either_cluster():
    table, ties = compared([("school", 1)])
    weight = {(a, b): w for a, b, w in zip(ties.a.tolist(), ties.b.tolist(), ties.weight.tolist(), strict=True)}
    assert table["tie_own"][0] == pytest.approx((weight[0, 2] + weight[1, 2]) / 2, abs=5e-4)
    assert table["tie_other"][0] == pytest.approx((weight[2, 3] + weight[2, 4]) / 2, abs=5e-4)
    far, _ = compared([("school", 1)], places=[0, 4, 6, 25, 40, 7])  # 34 minutes are beyond the horizon
    assert far["tie_other"][0] == pytest.approx(weight_of_19_minutes() / 2, abs=5e-4)


def weight_of_19_minutes():
    _, ties = compared([("school", 1)], places=[0, 4, 6, 25, 40, 7])
    return ties.weight[(ties.a == 2) & (ties.b == 3)][0]


@pytest.mark.parametrize(
    ("parishes", "shared"),
    [(["p", "p", "q", "q", "r", "s"], True), (["q", "p", "q", "s", "r", "q"], False), ([None] * 6, False)],
)
def test_a_parish_shared_with_the_other_cluster(parishes, shared):
    assert compared([], parish_id=parishes)[0]["parish_with_other"].tolist() == [shared]


def test_an_unknown_parish_is_shared_with_nobody():
    last = {"cluster": [1, 1, 0, 0, 0, -1], "contested": {2: (1, 4)}, "parish_id": ["p", "q", None, "r", "s", None]}
    assert compared([], **last)[0]["parish_with_other"].tolist() == [False]
    beside = {"cluster": [0, 0, 1, 1, 1, -1], "contested": {2: (0, 4)}, "parish_id": ["p", "q", "s", None, "s", None]}
    assert compared([], **beside)[0]["parish_with_other"].tolist() == [False]


@pytest.mark.parametrize(
    ("old", "people", "points"),
    [
        (["e", "e", "r", "r", "r", "r"], None, True),
        (["r", "r", "r", "r", "r", "r"], None, False),  # its own cluster was there too
        (["r", "e", "r", "r", "r", "r"], None, True),  # half of its own
        (["e", "e", "r", "r", "e", "r"], None, False),  # half of the other
        (["e", "e", "r", "r", "e", "r"], [9, 9, 9, 300, 200, 9], True),  # people count, not villages
        (["r", "e", "r", "r", "r", "r"], [300, 200, 900, 9, 9, 9], False),
        (["e", "e", None, "r", "r", "r"], None, False),
        ([None] * 6, None, False),
    ],
)
def test_an_old_municipality_that_points_to_the_other_cluster(old, people, points):
    table, _ = compared([], people=people, former_municipality=old)
    assert table["municipality_with_other"].tolist() == [points]


def test_without_contested_villages_the_table_is_empty_and_whole():
    full, empty = compared([("school", 1), ("school", 3)])[0], compared([("school", 1)], contested={})[0]
    assert len(empty) == 0
    assert empty.columns.tolist() == full.columns.tolist()
    assert len(compared([], contested={})[0]) == 0


def test_numbers_are_given_as_pages_show_them():
    table, _ = compared([("school", 1), ("school", 3)], places=[0, 4.04, 6, 11.06, 12, 7])
    assert table[["minutes_own", "minutes_other"]].iloc[0].tolist() == [2.0, 5.1]


@st.composite
def worlds(draw):
    """Ten places on a road in three clusters, some contested, services of three weights here and there."""
    places = [draw(st.integers(0, 50)) / 2 for _ in range(10)]
    cluster = [0, 1, 2, *draw(st.lists(st.integers(-1, 2), min_size=7, max_size=7))]
    contested = {}
    for row, own in enumerate(cluster):
        if own >= 0 and draw(st.booleans()):
            contested[row] = ((own + draw(st.integers(1, 2))) % 3, draw(st.integers(3, 9)))
    kinds = st.sampled_from(["school", "grocery", "church", "bank"])
    services = draw(st.lists(st.tuples(kinds, st.one_of(st.none(), st.integers(0, 9))), min_size=8, max_size=30))
    return places, cluster, contested, services


def way_by_hand(row, own, other, world):
    places, cluster, _, services = world
    weights = {"school": 3, "grocery": 3, "church": 1, "bank": 0.5}
    found = {}
    for side in (own, other):
        for category, at in services:
            minutes = None if at is None else abs(places[row] - places[at])
            if at is not None and cluster[at] == side and minutes <= 20:
                found[category, side] = min(found.get((category, side), INF), minutes)
    here = {category for category, at in services if at == row}
    both = [key for key in weights if (key, own) in found and (key, other) in found and key not in here]
    order = [key for key in ("school", "grocery", "church", "bank") if key in both]
    best = min(order, key=lambda key: (-weights[key], abs(found[key, own] - found[key, other])), default=None)
    return best, found.get((best, own)), found.get((best, other))


@settings(max_examples=60, deadline=None)
@given(worlds())
def test_every_row_is_what_looking_at_each_service_gives(world):
    places, cluster, contested, services = world
    table, ties = compared(services, cluster=cluster, contested=contested, places=places)
    assert table["village_id"].tolist() == [f"v{row:02d}" for row in sorted(contested)]
    dense = np.zeros((10, 10))
    dense[ties.a, ties.b] = dense[ties.b, ties.a] = ties.weight
    name = {f"Village {k}": k for k in range(10)}
    for found, row in zip(table.itertuples(), sorted(contested), strict=True):
        own, other = cluster[row], contested[row][0]
        assert (found.cluster_id, found.other_cluster_id) == (f"cluster-{own}", f"cluster-{other}")
        best, minutes_own, minutes_other = way_by_hand(row, own, other, world)
        assert (None if pd.isna(found.category) else found.category) == best
        if best:
            assert (found.minutes_own, found.minutes_other) == pytest.approx((minutes_own, minutes_other), abs=0.051)
            for place, side in ((found.place_own, own), (found.place_other, other)):
                assert cluster[name[place]] == side
                assert (best, name[place]) in services
        for tie, side in ((found.tie_own, own), (found.tie_other, other)):
            members = [k for k in range(10) if cluster[k] == side and k != row]
            mean = dense[row, members].mean() if members else 0
            assert tie == pytest.approx(mean, abs=5.1e-4)
