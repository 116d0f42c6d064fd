"""OpenStreetMap files that an earlier run has read: from the cache, where it has them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache as once
from pathlib import Path

import geopandas as gpd
import numpy as np
from pyproj import CRS

from ..errors import TableError
from ..study import Study
from ..tables import Finding, Roads
from .cache import cache_key, file_sha256, kept
from .lines import project_roads
from .osm import OsmTables, read_osm, require_osm, what_matters

ROAD_ARRAYS = ("xy", "vertex", "indptr", "class_of", "speed_kmh", "oneway")


@dataclass(frozen=True)
class StoredOsm:
    """
    What OSM files hold: places and services as points in WGS84, and the rows of each file.

    `roads_in` gives the roads in a reference system in metres: which one is known only when the places are.
    """

    places: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    rows: tuple[int, ...]
    findings: tuple[Finding, ...]
    roads_in: Callable[[CRS], Roads]


def read_stored_osm(paths: Sequence[tuple[Path, str]], study: Study, *, cache: Path | None = None) -> StoredOsm:
    """
    Read OSM files as `read_osm` does, or take from the cache what an earlier run has read of the same bytes.

    Points are kept as GeoParquet, projected roads as arrays, under the content of the files, what of the study
    matters, and the version of the reader.

    Parameters
    ----------
    paths
        Where each file is, and how the study file writes it.
    study
        See `read_osm`.
    cache
        Folder of the cache; None for none.

    Raises
    ------
    TableError
        If a file is missing, of an unknown kind or broken, or changes while it is read.
    """
    require_osm(paths)
    files = [file_sha256(path) for path, _ in paths] if cache else []
    key = cache_key(files=files, **what_matters(study))

    @once
    def read() -> OsmTables:
        osm = read_osm(paths, study)
        if cache and [file_sha256(path) for path, _ in paths] != files:
            raise TableError(
                "the file changed while it was read",
                where=", ".join(source for _, source in paths),
                advice="run again when it is whole",
            )
        return osm

    def roads_in(crs: CRS) -> Roads:
        name = f"{key}-roads-{cache_key(crs=crs.to_wkt())}"
        return kept(cache, name, make=lambda: project_roads(read().roads, crs), save=_save_roads, load=_load_roads)

    def points() -> _Points:
        osm = read()
        return _Points(osm.places, osm.services, osm.rows, osm.findings)

    stored = kept(cache, f"{key}-points", make=points, save=_save_points, load=_load_points)
    return StoredOsm(stored.places, stored.services, stored.rows, stored.findings, roads_in)


@dataclass(frozen=True)
class _Points:
    places: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    rows: tuple[int, ...]
    findings: tuple[Finding, ...]


def _save_points(points: _Points, folder: Path) -> None:
    points.places.to_parquet(folder / "places.parquet")
    points.services.to_parquet(folder / "services.parquet")
    record = {"rows": points.rows, "findings": [asdict(each) for each in points.findings]}
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")


def _load_points(folder: Path) -> _Points:
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    findings = [Finding(**{**each, "examples": tuple(each["examples"])}) for each in record["findings"]]
    places, services = (gpd.read_parquet(folder / f"{name}.parquet") for name in ("places", "services"))
    return _Points(places, services, tuple(record["rows"]), tuple(findings))


def _save_roads(roads: Roads, folder: Path) -> None:
    arrays = {name: getattr(roads, name) for name in ROAD_ARRAYS}
    np.savez(folder / "roads.npz", classes=np.array(roads.classes, dtype=np.str_), **arrays)


def _load_roads(folder: Path) -> Roads:
    with (folder / "roads.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        classes = tuple(str(name) for name in arrays["classes"])
        return Roads(classes=classes, **{name: arrays[name] for name in ROAD_ARRAYS})
