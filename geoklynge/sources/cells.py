"""Files whose cells have European ids: read no further than ids and people, part after part."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from ..errors import TableError
from ..open_data import OpenSource
from .columns import find_column
from .delimited import CSV_ENDINGS
from .fields import field_name, recognised
from .layers import PARQUET_ENDINGS, VECTOR_ENDINGS

GRID_CRS = "EPSG:3035"  # what the ids of European grids speak of
# The lower left corner in metres (CRS3035RES1000mN3497000E4321000), or in cells (1kmN3497E4321); a country may precede.
CELL_ID = (
    r"^(?:[A-Z]{2}_)?(?:CRS3035RES(?P<metres>[0-9]{1,6})m|(?P<size>[0-9]{1,6})(?P<unit>km|m))"
    r"N(?P<north>[0-9]{1,8})E(?P<east>[0-9]{1,8})$"
)
CELL_NAMES = ("cell_id", "grd_id")
PEOPLE_NAMES = ("people", "population", "befolkning", "folketal", "indbyggere")

Box: TypeAlias = tuple[float, float, float, float]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Fields:
    """What a file's columns are called; `only` keeps rows in which one has a value; `known` is its open source."""

    cell: str
    people: str
    only: tuple[str, str] | None = None
    known: OpenSource | None = None

    def names(self) -> list[str]:
        """List the columns that are read."""
        return [self.cell, self.people, *([self.only[0]] if self.only else [])]


@dataclass
class _Count:
    """What was met on the way through a file: cells in the box by id, and rows that lie nowhere."""

    cells: list[pd.DataFrame] = field(default_factory=list)
    without_position: int = 0


def columns_of(path: Path, source: str) -> list[str]:
    """Name the columns of a file without reading its rows."""
    ending = path.suffix.lower()
    try:
        if ending in CSV_ENDINGS:
            return _header(path)[0]
        if ending in PARQUET_ENDINGS:
            return [str(name) for name in pq.read_schema(path).names]
        if ending in VECTOR_ENDINGS:
            return [str(name) for name in pyogrio.read_info(path, layer=_layer(path, source))["fields"]]
    except (pa.ArrowException, pyogrio.errors.DataSourceError, UnicodeDecodeError, OSError, csv.Error) as error:
        raise _unreadable(source, error) from None
    known = ", ".join((*CSV_ENDINGS, *VECTOR_ENDINGS, *PARQUET_ENDINGS))
    raise TableError(f"unknown kind of file {path.suffix!r}", where=source, advice=f"known are {known}")


def _header(path: Path) -> tuple[list[str], str]:
    """Read the first line of a CSV file: the names, and what stands between them."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        line = stream.readline()
    separator = max(",;\t", key=line.count)
    return [name.strip() for name in next(csv.reader([line], delimiter=separator), [])], separator


def _layer(path: Path, source: str) -> str:
    layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    named = [name for name in layers if name == "grid"]
    if len(layers) > 1 and not named:
        raise TableError(
            f"{len(layers)} layers ({', '.join(layers)}), none called 'grid'",
            where=source,
            advice="keep one layer, or call it grid",
        )
    return (named or layers)[0]


def _unreadable(source: str, error: Exception) -> TableError:
    said = " ".join(str(error).split())[:160]
    return TableError(f"the file cannot be read ({said})", where=source, advice="save it anew, as UTF-8 if it is text")


def fields_of(names: list[str], source: str) -> Fields | None:
    """
    Find the columns of cell ids and people; None where the file has no column of ids.

    Raises
    ------
    TableError
        If there is a column of ids, but none of people.
    """
    frame, known = pd.DataFrame(columns=names), recognised(names, "grid")
    if known is not None:
        return _fields_of_known(frame, known, source)
    cell = find_column(frame, CELL_NAMES)
    return None if cell is None else Fields(cell, people_column(frame, source))


def _fields_of_known(frame: pd.DataFrame, known: OpenSource, source: str) -> Fields:
    """Find the fields of an open source by what open_data.toml calls them."""
    cell = field_name(frame, known, "cell_id", source=source, about="the id of the cell")
    also = [*known.settings.get("people_also", []), *PEOPLE_NAMES]
    people = field_name(frame, known, "people", source=source, also=also)
    if "statistic" not in known.fields:
        return Fields(cell, people, known=known)
    statistic = field_name(frame, known, "statistic", source=source, about="what is counted")
    return Fields(cell, people, (statistic, str(known.settings["statistic"])), known)


def people_column(frame: pd.DataFrame, source: str) -> str:
    """
    Find the column of people of a table of no known source.

    Raises
    ------
    TableError
        If there is none.
    """
    people = find_column(frame, PEOPLE_NAMES)
    if people is None:
        raise TableError(
            f"no column 'people' (people of the cell, also read from {', '.join(PEOPLE_NAMES[1:])}); "
            f"found {', '.join(map(str, frame.columns))}",
            where=source,
            advice="name the column of people so",
        )
    return people


def read_cells(path: Path, *, source: str, fields: Fields, box: Box, crs: CRS) -> tuple[gpd.GeoDataFrame, int] | None:
    """
    Read the cells whose ids say that they lie in a box.

    Parameters
    ----------
    path, source
        The file, and what the study calls it.
    fields
        Its columns.
    box
        West, south, east, north, in `crs`; cells just outside of it may come too.
    crs
        The study's reference system.

    Returns
    -------
    tuple[gpd.GeoDataFrame, int] | None
        `cell_id`, `people`, centre in `crs`, and how many rows tell no cell; None where no row does.
    """
    to_study = Transformer.from_crs(GRID_CRS, crs, always_xy=True)
    bounds = to_study.transform_bounds(*box, direction="INVERSE")
    count, rows, told = _Count(), 0, 0
    try:
        for part in _parts(path, source, fields, bounds):
            told += _take(part, fields, bounds, rows, source, count)
            rows += part.num_rows
    except (pa.ArrowException, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise _unreadable(source, error) from None
    if rows and not told:
        return None
    cells = summed(count.cells)
    points = shapely.points(*to_study.transform(cells["x"].to_numpy(), cells["y"].to_numpy()))
    table = gpd.GeoDataFrame(cells[["cell_id", "people"]], geometry=points, crs=crs)
    return table, count.without_position


def _parts(path: Path, source: str, fields: Fields, bounds: Box) -> Iterator[pa.Table]:
    """Read the columns of a file part after part, beyond the bounds as little as the format allows."""
    ending, names = path.suffix.lower(), fields.names()
    if ending in CSV_ENDINGS:
        _, separator = _header(path)
        reader = pyarrow.csv.open_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(block_size=1 << 24),
            parse_options=pyarrow.csv.ParseOptions(delimiter=separator),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=names, column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
    elif ending in PARQUET_ENDINGS:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1 << 18, columns=names):
                yield pa.Table.from_batches([batch])
    else:
        layer = _layer(path, source)
        info = pyogrio.read_info(path, layer=layer)
        shaped = info["geometry_type"] is not None and info["crs"] is not None
        there = (
            Transformer.from_crs(GRID_CRS, info["crs"], always_xy=True).transform_bounds(*bounds) if shaped else None
        )
        _, table = pyogrio.read_arrow(path, layer=layer, columns=names, bbox=there, read_geometry=False)
        yield table


def _take(part: pa.Table, fields: Fields, bounds: Box, before: int, source: str, count: _Count) -> int:
    """Take the cells of one part that lie in the bounds; returns how many of its ids tell a cell."""
    row = np.arange(part.num_rows)
    if fields.only is not None:
        name, value = fields.only
        row = np.flatnonzero(pc.fill_null(pc.equal(part[name].cast(pa.string()), value), False).to_numpy())
        part = part.take(pa.array(row))
    ids = part[fields.cell].cast(pa.string())
    x, y = _centres(ids)
    told = np.isfinite(x)
    count.without_position += int((~told).sum())
    west, south, east, north = bounds
    near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
    people = part[fields.people].take(pa.array(near)).to_pandas()
    frame = pd.DataFrame({"cell_id": ids.take(pa.array(near)).to_pandas(), "x": x[near], "y": y[near]})
    count.cells.append(frame.assign(people=_people(people, row[near] + before, fields.people, source)))
    return int(told.sum())


def _centres(ids: Any) -> tuple[Floats, Floats]:
    """Find the centre that each cell id speaks of, in metres; nan where it speaks of none."""
    parts = pc.extract_regex(ids.combine_chunks(), pattern=CELL_ID)

    def number(name: str) -> Floats:
        texts = pc.struct_field(parts, name)
        values = pc.cast(pc.if_else(pc.equal(texts, ""), None, texts), pa.float64())
        found: Floats = values.to_numpy(zero_copy_only=False)
        return found

    metres, size = number("metres"), number("size")
    unit = np.where(pc.fill_null(pc.equal(pc.struct_field(parts, "unit"), "km"), False).to_numpy(False), 1000.0, 1.0)
    side = np.where(np.isnan(metres), size * unit, metres)
    step = np.where(np.isnan(metres), side, 1.0)  # short ids count in cells
    return number("east") * step + side / 2, number("north") * step + side / 2


def _people(values: pd.Series, rows: NDArray[np.integer], name: str, source: str) -> pd.Series:
    """Read people as numbers; what is below zero (-8888 secret, -9999 not known) is missing."""
    texts = values.set_axis(range(len(values))).rename(name)
    if not pd.api.types.is_numeric_dtype(texts):
        texts = texts.astype("string").str.strip()
        texts = texts.mask(texts == "")
        plain = pd.to_numeric(texts.str.replace(",", ".", regex=False), errors="coerce").astype("Float64")
        bad = (texts.notna() & plain.isna()).to_numpy(dtype=bool)
        if bad.any():
            at = int(bad.argmax())
            raise TableError(
                f"{texts.iloc[at]!r} is not a number",
                where=f"{source}, row {rows[at] + 1}, column {name!r}",
                advice="write digits only, or leave the cell empty",
            )
    else:
        plain = texts.astype("float64").astype("Float64")
    return plain.mask((plain < 0).fillna(False) | plain.isna())


def summed(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Bring the rows of one cell together: a cell on a border is told by both countries."""
    none = pd.DataFrame({"cell_id": [], "x": [], "y": [], "people": []}, dtype="float64")
    rows = pd.concat(parts, ignore_index=True) if parts else none
    rows = rows.assign(cell_id=rows["cell_id"].astype("string"), people=rows["people"].astype("Float64"))
    if not rows["cell_id"].duplicated().any():
        return rows.sort_values("cell_id", ignore_index=True)
    by_cell = rows.groupby("cell_id", sort=True)
    told = by_cell[["x", "y"]].first().assign(people=by_cell["people"].sum(min_count=1))
    return told.reset_index()
