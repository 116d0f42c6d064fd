"""The fields of an open source, as `open_data.toml` calls them, found in a file or missed in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import pandas as pd
import pyarrow as pa

from ..errors import TableError
from ..open_data import FILE_VARIABLE, OpenSource, open_sources
from .columns import find_column, text_of
from .layers import Layer

FOUND_SHOWN = 12  # fields of the file that a message lists; the health register has about a hundred


def key_of(known: OpenSource) -> str:
    """Tell under which key a source stands in open_data.toml."""
    return next(key for key, source in open_sources().items() if source == known)


def change_of(entry: str, *sources: OpenSource) -> str:
    """Advise to change an entry (such as ``fields.name``) of some sources in a file of the user's own."""
    return f"change {entry} of {' or '.join(map(key_of, sources))} in a file named by ${FILE_VARIABLE}"


def recognised(names: Sequence[str], table: str, *, keys: Iterable[str] | None = None) -> OpenSource | None:
    """
    Tell which open source a file is of: the first of a table whose `recognised_by` are all among its columns.

    Parameters
    ----------
    names
        The columns of the file.
    table
        The key of ``[sources]`` that the file stands under.
    keys
        The sources to look among, in this order; all by default.
    """
    frame = pd.DataFrame(columns=list(names))
    for key in open_sources() if keys is None else keys:
        known = open_sources()[key]
        fields = known.recognised_by if known.table == table else ()
        if fields and all(find_column(frame, [field]) is not None for field in fields):
            return known
    return None


def field_name(
    frame: pd.DataFrame, known: OpenSource, column: str, *, source: str, about: str = "", also: Iterable[str] = ()
) -> str:
    """
    Name the column of a file that holds one of our columns.

    Parameters
    ----------
    frame
        The file, in its own fields; its rows are not looked at.
    known
        The open source that it is of.
    column
        Which entry of its `fields`.
    source
        The path as the study file writes it, for the message.
    about
        What the field holds, for the message; by default what `column` is called.
    also
        Other names that will do.

    Raises
    ------
    TableError
        If there is no such field; names those there are, the likeliest first, and where the name can be changed.
    """
    found = find_column(frame, [known.fields[column], *also])
    if found is None:
        raise _missing(list(frame.columns), known, column, about, source)
    return found


def require_field(layer: Layer, known: OpenSource, column: str, about: str = "") -> pd.Series:
    """Take the field that holds a column of ours as it is in the file; without it raise as `field_name` does."""
    cells: pd.Series = layer.rows[field_name(layer.rows, known, column, source=layer.source, about=about)]
    return cells


def find_field(layer: Layer, known: OpenSource, column: str) -> pd.Series | None:
    """Take a field that a file may lack, or that `known` does not name; None without it."""
    wanted = known.fields.get(column)
    found = None if wanted is None else find_column(layer.rows, [wanted])
    return None if found is None else layer.rows[found]


def require_text(layer: Layer, known: OpenSource, column: str, about: str = "") -> pd.Series:
    """Take a field as text, as `require_field` takes it raw."""
    return text_of(require_field(layer, known, column, about))


def find_text(layer: Layer, known: OpenSource, column: str) -> pd.Series | None:
    """Take a field as text, as `find_field` takes it raw."""
    cells = find_field(layer, known, column)
    return None if cells is None else text_of(cells)


def require_parts(cells: pd.Series, known: OpenSource, names: tuple[str, ...], *, source: str) -> None:
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
    source
        The file, for the message.

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
            raise _missing(parts, known, name, "", f"{source}, column {cells.name!r}")


def found_fields(names: Iterable[object], wanted: Iterable[str]) -> str:
    """
    List the fields that a file has, those most like the wanted ones first, and how many more there are.

    Examples
    --------
    >>> found_fields(["id", "geometry", "navne"], ["navn"])
    'found navne, id'
    """
    there = [str(name) for name in names if name != "geometry"]
    likely = [near for field in wanted for near in difflib.get_close_matches(field, there, n=3)]
    listed = list(dict.fromkeys([*likely, *there]))
    more = f" and {len(listed) - FOUND_SHOWN} more" if len(listed) > FOUND_SHOWN else ""
    return f"found {', '.join(listed[:FOUND_SHOWN]) or 'none'}{more}"


def _missing(names: Iterable[object], known: OpenSource, column: str, about: str, where: str) -> TableError:
    wanted = known.fields[column]
    about = about or f"the {column.replace('_', ' ')}"
    return TableError(
        f"no field {wanted!r} ({about}); {found_fields(names, [wanted])}",
        where=where,
        advice=change_of(f"fields.{column}", known),
    )
