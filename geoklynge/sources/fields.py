"""The fields of an open source, as `open_data.toml` calls them, found in a file or missed in one line."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from ..errors import TableError
from ..open_data import FILE_VARIABLE, OpenSource
from .columns import find_column
from .layers import Layer

SHOWN = 12  # fields of the file that a message lists


def require_field(layer: Layer, known: OpenSource, name: str, *, key: str) -> pd.Series:
    """
    Take the field of a file that holds one of our columns.

    Parameters
    ----------
    layer
        The file, in its own fields.
    known
        The open source that it is of.
    name
        Which entry of its `fields`.
    key
        What `open_data.toml` calls the source, for the message.

    Raises
    ------
    TableError
        If the file has no such field; names those it has and where to change the name.
    """
    wanted = known.fields[name]
    found = find_column(layer.rows, [wanted])
    if found is None:
        raise _missing(layer.source, wanted, [str(c) for c in layer.rows.columns], name, key)
    cells: pd.Series = layer.rows[found]
    return cells


def find_field(layer: Layer, known: OpenSource, name: str) -> pd.Series | None:
    """Take a field that a file may lack, or that the source no longer has; None without it."""
    wanted = known.fields.get(name)
    found = None if wanted is None else find_column(layer.rows, [wanted])
    return None if found is None else layer.rows[found]


def require_parts(cells: pd.Series, known: OpenSource, names: tuple[str, ...], *, source: str, key: str) -> None:
    """
    Require that the things which a column lists have all of some parts.

    Parameters
    ----------
    cells
        Lists of things with named parts, as `read_geoparquet` gives them; of no known type where all are empty.
    known
        The open source.
    names
        Which entries of its `fields`.
    source, key
        The file and what `open_data.toml` calls the source, for the message.

    Raises
    ------
    TableError
        If a part is missing.
    """
    kind = getattr(cells.dtype, "pyarrow_dtype", pa.null())
    thing = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else pa.null()
    if not pa.types.is_struct(thing):
        return
    parts = [thing.field(number).name for number in range(thing.num_fields)]
    for name in names:
        if known.fields[name] not in parts:
            raise _missing(f"{source}, column {cells.name!r}", known.fields[name], parts, name, key)


def _missing(where: str, wanted: str, found: list[str], name: str, key: str) -> TableError:
    found = [field for field in found if field != "geometry"]
    shown = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    return TableError(
        f"no field {wanted!r} (the {name.replace('_', ' ')})",
        where=where,
        advice=f"found {shown or 'none'}; change fields.{name} of {key} in a file named by ${FILE_VARIABLE}",
    )
