"""Every file that was fetched is read by the reader that a run will use, before it counts as fetched."""

from __future__ import annotations

from pathlib import Path

from ..errors import TableError
from ..source_options import Sources
from ..sources.areas import read_areas
from ..sources.delimited import read_delimited
from ..sources.lines import read_roads
from ..sources.osm import read_osm
from ..sources.services import read_services
from ..sources.villages import read_villages
from ..study import Study, default_categories


def rows_of(path: Path, table: str) -> int:
    """
    Count the rows that a run will read from a file.

    Parameters
    ----------
    path
        The file.
    table
        The key of ``[sources]`` that it stands under.

    Raises
    ------
    TableError
        If its reader refuses it, with the reader's words.
    """
    name = path.name
    if table in {"parishes", "municipalities"}:
        return len(read_areas(path, source=name, table=table)[0])
    if table == "villages":
        return len(read_villages(path, source=name)[0])
    if table == "services":
        return len(read_services(path, source=name, categories=default_categories())[0])
    if table == "roads":
        return len(read_roads(path, source=name, mode="car")[0])
    if table == "population":
        return len(read_delimited(path, source=name)[0])
    if table == "osm":
        study = Study(name=name, folder=path.parent, sources=Sources(osm=(name,)))
        return sum(read_osm([(path, name)], study).rows)
    raise TableError(f"nobody reads {table!r}", where=name)
