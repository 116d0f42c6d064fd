"""Web Feature Services (OGC WFS 2.0): features of one type within the place's reach, in pages, counted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import geopandas as gpd
from pyproj import CRS

from ..errors import FetchError, NothingThereError
from ..sources.positions import WGS84
from .asking import JSON, MEGABYTE, Request
from .client import Client
from .drafts import Draft, Fetcher, Task, question_of
from .paging import Page, ask_pages, require_objects


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the first page of the features within the box around the reach."""
    source = task.source
    asking = source.settings["asking"]
    srid = int(asking["srid"])
    west, south, east, north = gpd.GeoSeries([task.place.reach], crs=WGS84).to_crs(CRS.from_epsg(srid)).total_bounds
    asked = {
        **source.parameters,
        "bbox": f"{west:.0f},{south:.0f},{east:.0f},{north:.0f},EPSG:{srid}",
        "count": str(asking["page"]),
        "startIndex": "0",
    }
    return (
        Request(
            task.key,
            source.address,
            JSON,
            tuple(asked.items()),
            keep_days=source.keep_days,
            at_most_bytes=int(source.at_most_mb * MEGABYTE),
        ),
    )


def read_page(answer: Any, request: Request) -> Page:
    """Read one page of GeoJSON; a service that does not know how many there are ends with a page of nothing new."""
    if not isinstance(answer, dict) or not isinstance(answer.get("features"), list):
        found = ", ".join(sorted(answer)) if isinstance(answer, dict) else type(answer).__name__
        raise FetchError(
            f"no features in its answer (found {found})",
            source=request.source,
            advice="see whether the service has changed",
        )
    features = require_objects(answer["features"], request)
    matched = answer.get("numberMatched", answer.get("totalFeatures"))
    total = matched if isinstance(matched, int) and not isinstance(matched, bool) else None
    asked = dict(request.parameters)
    come = int(asked["startIndex"]) + len(features)
    if total is not None and come >= total:
        return Page(features, total)
    # fewer than asked for need not be the last: a server may give at most so many of its own
    onward = replace(request, parameters=tuple({**asked, "startIndex": str(come)}.items()))
    return Page(features, total, onward, open=total is None)


def _id_of(feature: dict[str, Any]) -> str | None:
    found = feature.get("id")
    return None if found is None or found == "" else str(found)


def fetch(client: Client, task: Task) -> Draft:
    """Write the features as one GeoJSON file, in the order of their ids and in the service's own reference system."""
    (first,) = questions(task)
    features, answers = ask_pages(client, first, read_page, id_of=_id_of)
    if not features:
        raise NothingThereError("it has none there", source=task.key, advice="see whether the place is right")
    ids = [_id_of(feature) or "" for feature in features]
    collection = {
        "type": "FeatureCollection",
        "crs": {
            "type": "name",
            "properties": {"name": f"urn:ogc:def:crs:EPSG::{task.source.settings['asking']['srid']}"},
        },
        "features": [feature for _, feature in sorted(zip(ids, features, strict=True), key=lambda pair: pair[0])],
    }
    task.file().write_text(json.dumps(collection, ensure_ascii=False) + "\n", encoding="utf-8")
    asked = tuple(question_of(answer) for answer in answers)
    return Draft(((task.source.file, task.source.table),), asked, dated=asked[-1].fetched[:10])


WFS = Fetcher(questions, fetch)
