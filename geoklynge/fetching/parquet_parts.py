"""GeoParquet files read where they lie: the row groups and columns that are wanted, cut to the place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from ..errors import FetchError
from ..open_data import FILE_VARIABLE
from .asking import PARQUET, Kind
from .drafts import Task
from .ranges import RangeFile, Span, too_much

PART_OF_PARQUET = Kind(PARQUET.name, PARQUET.accept, PARQUET.types, lambda _part: "")
ID, GEOMETRY, BBOX = "id", "geometry", "bbox"
SIDES = ("xmin", "ymin", "xmax", "ymax")
ROUNDED = 1e-4  # degrees; the edges of a bbox are single precision numbers

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class Wanted:
    """Of one file: the row groups that may hold something there, the leaves of columns, and the bytes of both."""

    file: RangeFile
    about: pq.FileMetaData
    groups: tuple[int, ...]
    leaves: tuple[str, ...]
    spans: tuple[tuple[Span, ...], ...]  # of each group

    def size(self) -> int:
        """Tell how many bytes have to come."""
        return sum(end - first for first, end in self.file.lacking(span for group in self.spans for span in group))


def look_into(file: RangeFile, task: Task) -> Wanted:
    """
    Read what a file says of itself, and choose what is wanted of it.

    A row group is left out if the statistics of its bboxes say that nothing in it touches the reach. Of columns come
    the fields of the source, those by which a reader knows it, the shape and its bbox; of one that only tells what the
    file is, the leaf that is smallest.

    Raises
    ------
    FetchError
        If it is no parquet file, or lacks what every file of its source has.
    """
    try:
        about = pq.read_metadata(file)
    except (pa.ArrowException, OSError) as error:
        said = " ".join(str(error).split())[:120]
        raise FetchError(f"no parquet file ({said})", source=task.key, advice="run the command again later") from None
    if about.num_row_groups == 0:
        return Wanted(file, about, (), (), ())
    bounds = task.place.reach.bounds
    leaves = _leaves(about, task)
    groups = tuple(group for group in range(about.num_row_groups) if _may_touch(about.row_group(group), bounds))
    spans = tuple(tuple(_spans(about.row_group(group), set(leaves))) for group in groups)
    return Wanted(file, about, groups, leaves, spans)


def _columns(group: pq.RowGroupMetaData) -> dict[str, pq.ColumnChunkMetaData]:
    return {group.column(k).path_in_schema: group.column(k) for k in range(group.num_columns)}


def _leaves(about: pq.FileMetaData, task: Task) -> tuple[str, ...]:
    """Name the leaves of columns that are wanted."""
    columns = _columns(about.row_group(0))
    fields = [*task.source.fields.values(), ID, GEOMETRY, *(f"{BBOX}.{side}" for side in SIDES)]
    wanted = {leaf for leaf in columns for name in fields if leaf == name or leaf.startswith(f"{name}.")}
    lacking = [name for name in (GEOMETRY, *(f"{BBOX}.{side}" for side in SIDES)) if name not in columns]
    for name in task.source.recognised_by:
        leaves = [leaf for leaf in columns if leaf == name or leaf.startswith(f"{name}.")]
        if not leaves:
            lacking.append(name)
        elif wanted.isdisjoint(leaves):
            wanted.add(min(leaves, key=lambda leaf: (columns[leaf].total_compressed_size, leaf)))
    if lacking:
        found = ", ".join(dict.fromkeys(leaf.partition(".")[0] for leaf in columns))
        raise FetchError(
            f"no field {lacking[0]!r} any more; found {found}",
            source=task.key,
            advice=f"change {task.key} in a file that ${FILE_VARIABLE} names",
        )
    return tuple(leaf for leaf in columns if leaf in wanted)


def _may_touch(group: pq.RowGroupMetaData, bounds: Bounds) -> bool:
    """Tell whether the statistics of a row group leave it possible that something in it touches the bounds."""
    columns = _columns(group)
    stats = {side: columns[f"{BBOX}.{side}"].statistics for side in SIDES}
    if any(found is None or not found.has_min_max for found in stats.values()):
        return True
    west, south, east, north = bounds
    return bool(
        stats["xmin"].min <= east + ROUNDED
        and stats["xmax"].max >= west - ROUNDED
        and stats["ymin"].min <= north + ROUNDED
        and stats["ymax"].max >= south - ROUNDED
    )


def _spans(group: pq.RowGroupMetaData, leaves: set[str]) -> Iterator[Span]:
    for name, column in _columns(group).items():
        if name in leaves:
            first = column.data_page_offset
            if column.dictionary_page_offset is not None:
                first = min(first, column.dictionary_page_offset)
            yield first, first + column.total_compressed_size


def read_parts(wanted: Sequence[Wanted], task: Task) -> pa.Table | None:
    """
    Read what touches the reach out of several files; None where nothing does.

    Raises
    ------
    FetchError
        If more would have to come than may, a part does not come, or a file is not what it says of itself.
    """
    total = sum(one.size() for one in wanted)
    if wanted and total > wanted[0].file.request.at_most_bytes:
        raise too_much(wanted[0].file.request, total)
    tables: list[pa.Table] = []
    for one in wanted:
        if not one.groups:
            continue
        one.file.need(span for group in one.spans for span in group)
        try:
            tables += _tables(one, task)
        except (pa.ArrowException, OSError, shapely.errors.GEOSException) as error:
            said = " ".join(str(error).split())[:120]
            raise FetchError(
                f"a file cannot be read ({said})", source=task.key, advice="run the command again later"
            ) from None
    found = pa.concat_tables(tables, promote_options="permissive") if tables else None
    return found if found is not None and found.num_rows else None


def _tables(one: Wanted, task: Task) -> Iterator[pa.Table]:
    reach = task.place.reach
    west, south, east, north = shapely.bounds(reach)
    shapely.prepare(reach)
    with pq.ParquetFile(one.file, metadata=one.about) as reader:
        for group in one.groups:
            table = reader.read_row_group(group, columns=list(one.leaves), use_threads=False)
            box = {side: _numbers(table, side) for side in SIDES}
            near = (box["xmin"] <= east + ROUNDED) & (box["xmax"] >= west - ROUNDED)
            near &= (box["ymin"] <= north + ROUNDED) & (box["ymax"] >= south - ROUNDED)
            table = table.filter(pa.array(near))
            shapes = shapely.from_wkb(table[GEOMETRY].to_numpy())
            yield table.filter(pa.array(np.atleast_1d(shapely.intersects(shapes, reach))))


def _numbers(table: pa.Table, side: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    found = pa.compute.struct_field(table[BBOX].combine_chunks(), side)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.float64)


def write_geoparquet(table: pa.Table, path: Path) -> None:
    """Write a table with shapes (WKB, degrees) as GeoParquet, in the order of its ids."""
    said = json.loads((table.schema.metadata or {}).get(b"geo", b"{}"))
    crs = said.get("columns", {}).get(GEOMETRY, {}).get("crs")
    column = {"encoding": "WKB", "geometry_types": []} | ({"crs": crs} if crs else {})
    geo = {"version": "1.1.0", "primary_column": GEOMETRY, "columns": {GEOMETRY: column}}
    if ID in table.column_names:
        table = table.sort_by(ID)
    table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, path, compression="zstd")
