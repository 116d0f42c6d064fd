"""Runs changed by hand, for the tests of map and report."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pandas as pd
import shapely

from geoklynge.pipeline import Run
from geoklynge.study import Category
from geoklynge.tables import Finding, SourceRecord
from geoklynge.topic_options import Topic, TopicOptions
from geoklynge.topics import TopicPlan

HOSTILE = "</script><img src=x onerror=window.hacked=1>\"'&\N{LINE SEPARATOR}{{7*7}}<!--"


def with_certainty(run: Run, standing: dict[str, tuple[str, float, str | None]]) -> Run:
    """Give villages another standing: id to word, certainty and the other cluster, to which all other runs go."""
    villages = run.result.villages.copy()
    for village_id, (word, certainty, other) in standing.items():
        row = villages["village_id"] == village_id
        villages.loc[row, ["standing", "certainty", "other_cluster_id"]] = [word, certainty, other]
        villages.loc[row, "other_share"] = round(1 - certainty, 3) if other else None
    contested = run.result.contested[~run.result.contested["village_id"].isin(list(standing))]
    return replace(run, result=replace(run.result, villages=villages, contested=contested))


def with_comparison(run: Run, village_id: str, **facts: object) -> Run:
    """Say of a contested village how it stands to both clusters."""
    village = run.result.villages.set_index("village_id").loc[village_id]
    row = {
        "village_id": village_id, "cluster_id": village["cluster_id"], "other_cluster_id": village["other_cluster_id"],
        "other_share": village["other_share"], "category": "school", "minutes_own": 7.0, "place_own": "Knebel",
        "minutes_other": 6.4, "place_other": "Rønde", "tie_own": 0.31, "tie_other": 0.3, "parish_with_other": False,
        "municipality_with_other": False, **facts,
    }  # fmt: skip
    return replace(run, result=replace(run.result, contested=pd.DataFrame([row])))


def with_moves(run: Run, key: str, moves: dict[str, list[tuple[str, list[str]]]]) -> Run:
    """Let villages of clusters go elsewhere for a topic: cluster to pairs of the hub and those who go there."""
    rows = [(cluster, each, hub) for cluster, groups in moves.items() for hub, members in groups for each in members]
    table = pd.DataFrame(rows, columns=["cluster_id", "village_id", "hub_id"])

    def moved(topic: TopicPlan) -> TopicPlan:
        stays = topic.stays.copy()
        stays.loc[stays["cluster_id"].isin(list(moves)), ["share", "n_alone"]] = [0.6, 2]
        return replace(topic, stays=stays, moves=table)

    return replace(run, topics=tuple(moved(topic) if topic.key == key else topic for topic in run.topics))


def with_borders(run: Run) -> Run:
    """Give the study borders: two municipalities side by side, four parishes in them."""
    west, south, east, north = run.tables.villages.total_bounds
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    halves = [shapely.box(west, south, middle_x, north), shapely.box(middle_x, south, east, north)]
    quarters = [
        shapely.box(*corner) for corner in (
            (west, south, middle_x, middle_y), (middle_x, south, east, middle_y),
            (west, middle_y, middle_x, north), (middle_x, middle_y, east, north),
        )
    ]  # fmt: skip
    far_away = shapely.box(west - 500_000, south, west - 400_000, north)
    crs = run.tables.crs
    tables = replace(
        run.tables,
        municipalities=gpd.GeoDataFrame(
            {"municipality_id": ["1", "2", "3"], "name": ["V", "Ø", "Langt væk"]}, geometry=[*halves, far_away], crs=crs
        ),
        parishes=gpd.GeoDataFrame(
            {"parish_id": list("1234"), "name": list("abcd")}, geometry=gpd.GeoSeries(quarters, crs=crs)
        ),
    )
    return replace(run, tables=tables)


def with_hostile_names(run: Run) -> Run:
    """Put markup wherever a name comes from data."""
    villages = run.result.villages.copy()
    for column in ("name", "parish", "municipality", "historic_district", "former_municipality"):
        villages[column] = HOSTILE
    clusters = run.result.clusters.copy()
    for column in ("name", "name_from", "hub", "villages", "parishes", "municipalities"):
        clusters[column] = HOSTILE
    reasons = ("around", "district", "pair", "municipality")
    clusters["name_reason"] = [reasons[k % len(reasons)] for k in range(len(clusters))]
    contested = run.result.contested.assign(place_own=HOSTILE, place_other=HOSTILE, category="school")
    contested = contested.assign(parish_with_other=True, municipality_with_other=True)
    tables = replace(
        run.tables,
        villages=run.tables.villages.assign(name=HOSTILE),
        services=run.tables.services.assign(name=HOSTILE),
        findings=(Finding(HOSTILE, 1, HOSTILE, (HOSTILE,)),),
        sources=(SourceRecord(HOSTILE, "villages", "0", 1, HOSTILE, HOSTILE, HOSTILE),),
    )
    labels = {key: Category(da=HOSTILE, en=HOSTILE) for key in ("school", "church")}
    services = run.study.services.model_copy(update={"categories": labels})
    planner = run.study.planner.model_copy(update={"must_link": ((HOSTILE, HOSTILE),)})
    topics = TopicOptions(learning=Topic(da=HOSTILE, en=HOSTILE, categories=("school",)))
    study = run.study.model_copy(update={"name": HOSTILE, "services": services, "planner": planner, "topics": topics})
    result = replace(run.result, villages=villages, clusters=clusters, contested=contested)
    quality = replace(run.quality, years=run.quality.years.assign(source=HOSTILE, table=HOSTILE))
    return replace(run, study=study, tables=tables, result=result, quality=quality)


def with_names(run: Run, names: list[str]) -> Run:
    """Give villages, clusters, parishes, municipalities and services names of a list, in turn."""
    villages = run.result.villages.copy()
    for shift, column in enumerate(("name", "parish", "municipality", "historic_district", "former_municipality")):
        villages[column] = [names[(row + shift) % len(names)] for row in range(len(villages))]
    clusters = run.result.clusters.copy()
    for shift, column in enumerate(("name", "name_from", "hub")):
        clusters[column] = [names[(7 * row + shift) % len(names)] for row in range(len(clusters))]
    services = run.tables.services.copy()
    services["name"] = [names[(3 * row) % len(names)] for row in range(len(services))]
    tables = replace(run.tables, services=services)
    study = run.study.model_copy(update={"name": names[0]})
    return replace(run, study=study, tables=tables, result=replace(run.result, villages=villages, clusters=clusters))
