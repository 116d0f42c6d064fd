"""CSV files: separator, encoding and decimal sign found out, every cell kept as text."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd

from ..errors import TableError
from ..open_data import open_sources
from .packed import PACKED_ENDING, read_packed

CSV_ENDINGS = (".csv", ".tsv", ".txt")
SEPARATORS = ",;\t"
CHARACTERS_A_CELL = 50_000_000  # a parish border as WKT is far longer than the csv module's own limit


def read_delimited(path: Path, *, source: str) -> tuple[pd.DataFrame, bool]:
    """
    Read a CSV file as text, also one that lies in a ZIP archive.

    A file that an open source publishes without a header (its ``settings.columns``) is known by its tabs and the
    number that it begins with. Of any other file the separator is whichever of comma, semicolon and tab the header
    holds most of. The encoding is UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252,
    else Latin-1. Empty lines are left out.

    Returns
    -------
    tuple[pd.DataFrame, bool]
        Text with missing cells as NA, and whether numbers may have a decimal comma (not in comma-separated
        files).

    Raises
    ------
    TableError
        If the file is empty, repeats a column name, has a row longer than its header, or its quotes do not
        close; or if an archive does not hold one such file.
    """
    packed = path.suffix.lower() == PACKED_ENDING
    data = read_packed(path, source=source, endings=CSV_ENDINGS) if packed else path.read_bytes()
    text = _decode(data, source)
    if "\0" in text:
        raise TableError("not a text file (it holds NUL characters)", where=source, advice="save it as CSV in UTF-8")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise TableError("the file is empty", where=source, advice="give a file with a header and rows")
    known = _columns_without_header(first)
    if known:
        return _read_bare(text, known, source), False
    separator = max(SEPARATORS, key=first.count)
    header, *rows = _rows(text, separator, source)
    names = [name.strip() for name in header]
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise TableError(f"column {twice[0]!r} stands twice in the header", where=source, advice="rename one")
    cells = [_fit(row, len(names), number, source) for number, row in enumerate(rows, start=1)]
    frame = pd.DataFrame(cells, columns=names, dtype="string")
    return frame.loc[:, [bool(name) for name in names]], separator != ","


def _columns_without_header(first: str) -> list[str]:
    """Name the columns of a file whose first line is no header; none where it is one."""
    cells = first.split("\t")
    if not cells[0].strip().isdigit():
        return []
    published = (known.settings.get("columns", []) for known in open_sources().values())
    return next((columns for columns in published if len(columns) == len(cells)), [])


def _read_bare(text: str, names: list[str], source: str) -> pd.DataFrame:
    """Split a file without header at its tabs; a quotation mark in it is part of a name."""
    cells = [line.rstrip("\r").split("\t") for line in text.split("\n") if line.strip()]
    short = next((number for number, row in enumerate(cells, start=1) if len(row) != len(names)), None)
    if short is not None:
        raise TableError(
            f"{len(cells[short - 1])} cells, but such a file has {len(names)}",
            where=f"{source}, row {short}",
            advice="download it again",
        )
    frame = pd.DataFrame(cells, columns=names, dtype="string")
    return frame.mask(frame == "")


def _decode(data: bytes, source: str) -> str:
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if marked else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TableError("the text cannot be decoded", where=source, advice="save it as UTF-8")


def _rows(text: str, separator: str, source: str) -> list[list[str]]:
    """Split the text into rows of cells; a quote left open is an error, not one long cell."""
    before = csv.field_size_limit(CHARACTERS_A_CELL)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise TableError(f"not readable as CSV ({error})", where=source, advice="check the quotation marks") from None
    finally:
        csv.field_size_limit(before)
    return [line for line in lines if any(cell.strip() for cell in line)]


def _fit(row: list[str], width: int, number: int, source: str) -> list[str | None]:
    """Give a row as many cells as the header has."""
    if any(cell.strip() for cell in row[width:]):
        raise TableError(
            f"{len(row)} cells, but the header has {width}",
            where=f"{source}, row {number}",
            advice="put quotation marks around a cell that holds the separator",
        )
    cells: list[str | None] = [cell.strip() or None for cell in row[:width]]
    return cells + [None] * (width - len(cells))
