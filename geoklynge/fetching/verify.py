"""Every file that was fetched is read by the reader that a run will use, before it counts as fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from ..source_options import Sources
from ..sources.areas import read_areas
from ..sources.grid import read_grid
from ..sources.gtfs import read_timetable
from ..sources.lines import read_roads
from ..sources.osm import read_osm
from ..sources.positions import WGS84
from ..sources.services import read_services
from ..sources.statbank import read_counts
from ..sources.villages import read_villages
from ..study import Study, default_categories
from .place import Place


def rows_of(path: Path, table: str, place: Place) -> int:
    """
    Count the rows that a run will read from a file.

    Parameters
    ----------
    path
        The file.
    table
        The key of ``[sources]`` that it stands under.
    place
        What it was fetched for: of a timetable or a grid only what lies in its reach is counted.

    Raises
    ------
    TableError
        If its reader refuses it, with the reader's words.
    """
    if table in {"timetables", "grid"}:
        return _rows_near(path, table, place)
    readers: dict[str, Callable[[], int]] = {
        "parishes": lambda: len(read_areas(path, source=path.name, table=table)[0]),
        "municipalities": lambda: len(read_areas(path, source=path.name, table=table)[0]),
        "villages": lambda: len(read_villages(path, source=path.name)[0]),
        "services": lambda: len(read_services(path, source=path.name, categories=default_categories())[0]),
        "roads": lambda: len(read_roads(path, source=path.name, mode="car")[0]),
        "population": lambda: read_counts(path, source=path.name)[0].read,
        "osm": lambda: sum(read_osm([(path, path.name)], _study_of(path)).rows),
    }
    return readers[table]()


def _study_of(path: Path) -> Study:
    """Make the study that an OSM file is read for: the default categories, by car."""
    return Study(name=path.name, folder=path.parent, sources=Sources(osm=(path.name,)))


def _rows_near(path: Path, table: str, place: Place) -> int:
    reach = gpd.GeoSeries([place.reach], crs=WGS84)
    crs = reach.estimate_utm_crs()
    (shape,) = reach.to_crs(crs)
    if table == "grid":
        return len(read_grid(path, source=path.name, box=tuple(shape.bounds), crs=crs)[0])

    def near(points: gpd.GeoSeries) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = points.within(shape).to_numpy(dtype=bool)
        return inside

    return len(read_timetable(path, source=path.name, crs=crs, near=near).services)
