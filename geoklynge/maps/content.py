"""What the pages say, as plain data: the clusters with their reasons, the villages, the services, the ties."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..people import people_assumed, people_of_place
from ..pipeline import Run
from .by_topic import ranks_told, topic_labels, topics_told
from .drawing import DEGREE_DIGITS, cluster_colours, service_signs
from .explained import clusters_explained, coverage_told, measures_shown, steps_told, villages_explained
from .helping import help_of
from .notes import notes_of
from .reasons import MEMBER_TEXTS, Member, Offer, certainty_of, label_of, reasons_of
from .texts import Sentence

BIG_STUDY = 1_500  # villages; above this not everything is embedded
TIES_OF_A_BIG_STUDY = 8_000

Content = dict[str, Any]


def content_of(run: Run) -> Content:
    """
    Gather all that map and report tell of a run.

    Sentences are pairs of a text's key and the numbers in it, so that one content serves every language. Villages are
    named by their row in ``content["villages"]``, clusters by theirs in ``content["clusters"]``.

    Parameters
    ----------
    run
        A checked run.

    Returns
    -------
    dict
        Only lists, dicts, strings, numbers, booleans and None: it goes into the page as JSON.
    """
    villages = run.result.villages.reset_index(drop=True)
    row_of = {village: row for row, village in enumerate(villages["village_id"])}
    cluster_of = {cluster: row for row, cluster in enumerate(run.result.clusters["cluster_id"])}
    categories = run.study.services.all_categories()
    signs = service_signs(list(categories))
    return {
        "study": run.study.name,
        "mode": run.study.travel.mode,
        "categories": {
            key: {"da": category.da, "en": category.en, **signs[key]} for key, category in categories.items()
        },
        "measures": list(measures_shown(run).items()),
        "topics": topic_labels(run),
        "villages": [
            {**village, **explained}
            for village, explained in zip(
                _villages(villages, cluster_of, _measured(run, categories)), villages_explained(run), strict=True
            )
        ],
        "clusters": _clusters(run, villages, row_of, cluster_of),
        "steps": steps_told(run),
        "coverage": coverage_told(run),
        "help": help_of(run),
        "nearest": _measured(run, categories),
        "services": _services(run.tables.services, row_of),
        "ties": _ties(run, row_of),
        **notes_of(run),
    }


def degrees(table: gpd.GeoDataFrame) -> list[list[float]]:
    """Latitude and longitude of each point."""
    lon_lat = shapely.get_coordinates(table.geometry.to_crs(4326).to_numpy()).round(DEGREE_DIGITS)
    pairs: list[list[float]] = lon_lat[:, ::-1].tolist()
    return pairs


def _measured(run: Run, categories: Iterable[str]) -> list[str]:
    """Name the categories that have minutes to the nearest."""
    return [key for key in categories if key in run.travel.nearest]


def _villages(villages: gpd.GeoDataFrame, cluster_of: dict[str, int], measured: list[str]) -> list[Content]:
    assumed, of_place = people_assumed(villages), people_of_place(villages)
    around = villages["people"].to_numpy(dtype=np.float64) - of_place
    minutes = villages[[f"minutes_{key}" for key in measured]].astype("float64").to_numpy()
    columns = {
        "name": column(villages, "name"),
        "at": degrees(villages),
        "people": [round(people) for people in villages["people"]],
        "assumed": assumed.tolist(),
        "around": around.round().astype(int).tolist(),
        "from_grid": _from_grid(villages).tolist(),
        "kind": column(villages, "kind"),
        "parish": column(villages, "parish"),
        "municipality": column(villages, "municipality"),
        "cluster": [cluster_of.get(str(each), -1) for each in column(villages, "cluster_id")],
        "standing": column(villages, "standing"),
        "certainty": [None if np.isnan(share) else float(share) for share in villages["certainty"].astype(float)],
        "other": [cluster_of.get(str(each), -1) for each in column(villages, "other_cluster_id")],
        "other_share": [None if np.isnan(share) else float(share) for share in villages["other_share"].astype(float)],
        "why": column(villages, "why_alone"),
        "minutes": [[None if np.isnan(each) else each for each in row] for row in minutes.tolist()],
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _clusters(
    run: Run, villages: gpd.GeoDataFrame, row_of: dict[str, int], cluster_of: dict[str, int]
) -> list[Content]:
    table, measures = run.result.clusters, list(measures_shown(run))
    colours = cluster_colours(table.geometry.to_numpy())
    bounds = table.geometry.to_crs(4326).bounds.round(DEGREE_DIGITS)
    from_grid = _from_grid(villages)
    members, told = _members(villages), _told(villages, run.result.contested)
    brings = _by_cluster(run.result.brings, "village_id", "category", "facilities")
    missing = _by_cluster(run.result.missing, "category", "minutes")
    shared = _by_cluster(run.result.shared, "category", "share")
    plain = table.drop(columns="geometry").to_dict("records")
    labels = {str(row["cluster_id"]): label_of(row) for row in plain}
    ranks, by_topic = ranks_told(run), topics_told(run)
    explained = clusters_explained(run, row_of, cluster_of, labels)
    content = []
    for row, (west, south, east, north), colour in zip(plain, bounds.to_numpy().tolist(), colours, strict=True):
        key = row["cluster_id"]
        own = [told[member] for member in members[key]]
        found = _by_village(brings.get(key, []), row_of)
        absent = [[kind, None if np.isnan(minutes) else minutes] for kind, minutes in missing.get(key, [])]
        content.append(
            {
                "name": str(row["name"]),
                "label": labels[key],
                "rank": int(row["rank"]),
                "score": float(row["score"]),
                "population": int(row["population"]),
                "assumed": int(row["n_people_assumed"]),
                "open_country": _open_country(row, some_from_grid=bool(from_grid[members[key]].any())),
                "longest": float(row["max_minutes"]),
                "mean": float(row["mean_minutes"]),
                "hub": row_of[row["hub_id"]],
                "members": members[key],
                "colour": colour,
                "bounds": [[south, west], [north, east]],
                "measures": [float(row[name]) for name in measures],
                "why": reasons_of(run, row, own, Offer(found, absent, shared.get(key, []))),
                "certainty": certainty_of(own, labels),
                "ranked": ranks.get(key, []),
                "by_topic": by_topic.get(key, []),
                "brings": found,
                "missing": absent,
                "shared": [[kind, share] for kind, share in shared.get(key, []) if share > 0],
                "id": str(key),
                "parishes": str(row["parishes"]),
                "municipalities": str(row["municipalities"]),
                **explained[str(key)],
            }
        )
    return content


def _from_grid(villages: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    """Tell which villages have all their people from a population grid, which cannot part them from those around."""
    told: NDArray[np.bool_] = villages["population"].isna().to_numpy(dtype=bool) & ~people_assumed(villages)
    return told


def _open_country(row: dict[Any, Any], *, some_from_grid: bool) -> list[Sentence]:
    """Tell how many of a cluster's people live in the open country; of some villages that may not be known."""
    around = int(row.get("people_around", 0))
    key = "say.open_country_least" if some_from_grid else "say.open_country"
    return [(key, {"n": int(row["population"]), "around": around})] if around else []


def _told(villages: gpd.GeoDataFrame, contested: pd.DataFrame) -> list[Member]:
    """List the villages as the sentences about a cluster take them."""
    columns: dict[str, list[Any]] = {name: column(villages, name) for name in MEMBER_TEXTS}
    for name in ("certainty", "other_share"):
        columns[name] = villages[name].astype("float64").tolist()
    compared = {row["village_id"]: row for row in contested.to_dict("records")}
    columns["compared"] = [compared.get(village) for village in villages["village_id"]]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _members(villages: gpd.GeoDataFrame) -> dict[str, list[int]]:
    """Rows of each cluster's villages, the largest first."""
    inside = villages[villages["cluster_id"].notna()].sort_values(
        ["people", "name", "village_id"], ascending=[False, True, True]
    )
    return {str(key): [int(row) for row in rows] for key, rows in inside.groupby("cluster_id").groups.items()}


def _by_cluster(table: pd.DataFrame, *names: str) -> dict[str, list[list[Any]]]:
    """Give each cluster's rows of a table, one pass for all clusters."""
    rows: dict[str, list[list[Any]]] = {}
    columns = [table[name].tolist() for name in names]
    for key, values in zip(table["cluster_id"].tolist(), zip(*columns, strict=True), strict=True):
        rows.setdefault(key, []).append(list(values))
    return rows


def _by_village(brings: list[list[Any]], row_of: dict[str, int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for village, category, facilities in brings:
        found.setdefault(row_of[village], {})[category] = int(facilities)
    return found


def _services(services: gpd.GeoDataFrame, row_of: dict[str, int]) -> dict[str, list[list[Any]]]:
    """Facilities by category: name, latitude, longitude, row of the village it stands in (-1 for none)."""
    by_category: dict[str, list[list[Any]]] = {}
    for name, category, village, (lat, lon) in zip(
        column(services, "name"),
        column(services, "category"),
        column(services, "village_id"),
        degrees(services),
        strict=True,
    ):
        by_category.setdefault(str(category), []).append([name, lat, lon, row_of.get(str(village), -1)])
    return by_category


def _ties(run: Run, row_of: dict[str, int]) -> Content:
    """Gather the ties to be drawn, faint ones first, so that strong ones lie on top; a big study's strongest only."""
    table = run.shown_ties()
    total = len(table)
    if len(row_of) > BIG_STUDY and total > TIES_OF_A_BIG_STUDY:
        weakest = np.partition(table["weight"].to_numpy(), -TIES_OF_A_BIG_STUDY)[-TIES_OF_A_BIG_STUDY]
        table = table[table["weight"] >= weakest]  # with its equals: fewer to sort
    table = table.sort_values(["weight", "village_a", "village_b"], ascending=[False, True, True])
    if len(row_of) > BIG_STUDY:
        table = table.head(TIES_OF_A_BIG_STUDY)
    ends = (table[end].map(row_of).tolist() for end in ("village_a", "village_b"))
    numbers = (table[name].tolist() for name in ("weight", "minutes"))
    lines = [[a, b, round(weight, 2), round(minutes, 1)] for a, b, weight, minutes in zip(*ends, *numbers, strict=True)]
    return {"lines": lines[::-1], "total": total}


def column(table: pd.DataFrame, name: str) -> list[str | None]:
    """Read a text column that a table may not have; None for a missing cell."""
    if name not in table:
        return [None] * len(table)
    known = table[name].notna().tolist()
    return [str(value) if there else None for value, there in zip(table[name].tolist(), known, strict=True)]
