"""GeoParquet with columns inside columns, as Overture Maps has it, made flat."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def read_geoparquet(path: Path) -> gpd.GeoDataFrame:
    """
    Read a GeoParquet file; a column of named parts becomes a column for each part, ``names.primary``.

    Lists and dictionaries (names by language) stay what they are, kept by Arrow until somebody looks at them, for most
    are looked at in few rows.

    Raises
    ------
    pyarrow.lib.ArrowException, ValueError, OSError
        If the file cannot be read, or is no GeoParquet.
    """
    schema = pq.read_schema(path)
    shapes = _geometry_columns(schema)
    nested = [field.name for field in schema if pa.types.is_nested(field.type) and field.name not in shapes]
    if not nested:
        return gpd.read_parquet(path)
    plain = [field.name for field in schema if field.name not in nested]
    frame = gpd.read_parquet(path, columns=plain).reset_index(drop=True)
    table = pq.read_table(path, columns=nested, partitioning=None)
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    flat = {field.name: _column(table[field.name]) for field in table.schema}
    return frame.assign(**flat)


def _geometry_columns(schema: pa.Schema) -> set[str]:
    said = json.loads((schema.metadata or {}).get(b"geo", b"{}"))
    return set(said.get("columns", {}))


def _column(cells: pa.ChunkedArray) -> pd.Series:
    if pa.types.is_nested(cells.type):
        return pd.Series(pd.arrays.ArrowExtensionArray(cells))
    found: pd.Series = cells.to_pandas()
    return found
