"""What each source file is and asks to be said of it, and findings about its rows."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ..errors import TableError
from ..open_data import OpenSource, open_sources
from ..tables import Finding, SourceRecord
from .cache import file_sha256

OSM_LICENCE = {"licence": "ODbL 1.0", "attribution": "© OpenStreetMap contributors"}
EXAMPLES = 5  # names shown with a finding


def require_file(path: Path, source: str, *, named: str = "in the study file") -> None:
    """
    Refuse a path that is no file; `named` says where the user gave it.

    Raises
    ------
    TableError
        If nothing is there, a folder, or a file that may not be read.
    """
    if path.is_dir():
        raise TableError("is a folder", where=source, advice=f"name a file {named}")
    if not path.is_file():
        raise TableError(f"no such file ({path.resolve()})", where=source, advice=f"correct the path {named}")
    if not os.access(path, os.R_OK):
        raise TableError("the file may not be read", where=source, advice="change its permissions")


def record_of(
    path: Path,
    *,
    source: str,
    table: str,
    rows: int,
    known: OpenSource | None = None,
    said: Mapping[str, str] = MappingProxyType({}),
) -> SourceRecord:
    """
    Describe one source file.

    Parameters
    ----------
    path
        Where the file is.
    source
        The path as the study file writes it.
    table
        The table it was read into; ``osm`` for an OSM file, which holds several.
    rows
        Rows read from it.
    known
        The open source that its reader recognised it to be of; where none was, the name of the file may tell.
    said
        What the file itself says of licence, attribution and date, which decides before its source; a
        ``sources.toml`` beside the file decides before both.

    Raises
    ------
    TableError
        If a ``sources.toml`` beside the file cannot be read.
    """
    beside = _said_beside(path)
    known = open_sources().get(str(beside.get("source", ""))) or known or _source_of_name(path, table)
    asked = {"licence": known.licence, "attribution": known.attribution} if known else {}
    titles = {"title_da": known.da, "title_en": known.en} if known else {}
    all_said: dict[str, Any] = {**(OSM_LICENCE if table == "osm" else {}), **asked, **titles, **said, **beside}
    words = {key: str(all_said.get(key, "")) for key in ("licence", "attribution", "dated", "title_da", "title_en")}
    return SourceRecord(path=source, table=table, sha256=file_sha256(path), rows=rows, **words)


def _said_beside(path: Path) -> dict[str, Any]:
    """Read what ``sources.toml`` (written by hand) or ``sources.json`` (by a fetch) beside a file says of it."""
    return _said_by_hand(path) or _said_by_fetch(path)


def _source_of_name(path: Path, table: str) -> OpenSource | None:
    """Tell which open source a file is of that bears the name which `open_data.toml` gives it."""
    sources = open_sources().values()
    return next((source for source in sources if (source.file, source.table) == (path.name, table)), None)


def _said_by_hand(path: Path) -> dict[str, Any]:
    beside = path.parent / "sources.toml"
    if not beside.is_file():
        return {}
    try:
        entry = tomllib.loads(beside.read_text(encoding="utf-8-sig")).get(path.name, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TableError(f"not readable as TOML ({error})", where=str(beside), advice="save it as UTF-8 TOML") from None
    if not isinstance(entry, dict):
        raise TableError(
            f"{path.name!r} is not a table",
            where=str(beside),
            advice=f'write ["{path.name}"] and licence = "…"',
        )
    return entry


def _said_by_fetch(path: Path) -> dict[str, Any]:
    beside = path.parent / "sources.json"
    if not beside.is_file():
        return {}
    try:
        files = json.loads(beside.read_text(encoding="utf-8"))["files"]
        entry: dict[str, Any] = next((entry for entry in files if entry["file"] == path.name), {})
        fetched = str(entry.get("fetched", ""))[:10]  # a date, or words where it was downloaded by hand
        dated = entry.get("dated") or (fetched if fetched[:4].isdecimal() else "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"not a record of a fetch ({error})", where=str(beside), advice="fetch again") from None
    return {**entry, "dated": dated}


def finding(code: str, count: int, text: str, names: Iterable[object] = ()) -> list[Finding]:
    """
    Note a doubt about the data; nothing where it concerns no row.

    Parameters
    ----------
    code
        Stable key, snake_case.
    count
        Rows concerned.
    text
        One line of plain English, with the numbers.
    names
        What the rows are called; the first few distinct ones, sorted, are kept as examples.
    """
    if not count:
        return []
    return [Finding(code, count, text, tuple(sorted({str(name) for name in names})[:EXAMPLES]))]
