"""The open sources that geoklynge knows: addresses, fields, licences, limits. All of it stands in open_data.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from .errors import StudyError
from .limits import Part, Positive

FILE_VARIABLE = "GEOKLYNGE_OPEN_DATA"  # names a TOML file whose entries are laid over those of open_data.toml

Table = Literal[
    "municipalities", "parishes", "villages", "population", "grid", "osm", "roads", "services", "timetables"
]


class OpenSource(Part):
    """
    One open source: what it is, where it is asked, what its fields are called, and what it asks to be said of it.

    `table` is the key of a study's ``[sources]`` that its file goes under, and `file` what that file is called.
    `fields` maps a column of ours to the field of the source; `recognised_by` are fields by which a reader knows a
    file of this source that somebody has downloaded by hand. `seen` says how the address is known: ``documented``
    where a document of the publisher or a public project was read, else ``unverified``. `keep_days` is how old a
    copy may be before the source is asked whether there is a newer one. `key` names the environment variable (and
    the entry of the keyring) that holds a free key, where the source wants one.
    """

    da: str
    en: str
    table: Table
    file: str
    address: str = ""
    parameters: dict[str, str] = Field(default_factory=dict)
    fields: dict[str, str] = Field(default_factory=dict)
    recognised_by: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    licence: Annotated[str, Field(min_length=1)]
    attribution: Annotated[str, Field(min_length=1)]
    homepage: str
    by_hand: str
    seen: Literal["documented", "unverified"] = "unverified"
    keep_days: Annotated[float, Field(ge=0)] = 30.0
    at_most_mb: Positive = 200.0
    key: str = ""
    key_from: str = ""

    def all_files(self) -> tuple[str, ...]:
        """Name the files of the source: most have one, some several."""
        files = self.settings.get("files")
        return tuple(map(str, files.values())) if isinstance(files, dict) else (self.file,)


def open_sources() -> Mapping[str, OpenSource]:
    """
    Read the open sources, in their fixed order; a file named by ``$GEOKLYNGE_OPEN_DATA`` changes single entries.

    That file holds tables of the same names; what it says of an entry is laid over ours, `fields`, `parameters` and
    `settings` key by key. So a source that has moved or renamed a field is mended by one line.

    Raises
    ------
    StudyError
        If that file cannot be read, or names a source or a key that there is none of.
    """
    given = os.environ.get(FILE_VARIABLE)
    if not given:
        return _own()
    try:
        return _changed(Path(given).read_text(encoding="utf-8-sig"), given)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StudyError(f"not readable as TOML ({error})", where=given, advice=f"correct ${FILE_VARIABLE}") from None


@lru_cache(maxsize=4)
def _changed(text: str, where: str) -> Mapping[str, OpenSource]:
    """Lay changes over our entries; the same text gives the same sources, however often it is read."""
    changes = tomllib.loads(text)
    strangers = sorted({*changes} - {*_entries()})
    if strangers:
        raise StudyError(f"no source {strangers[0]!r}", where=where, advice=f"known are {', '.join(_entries())}")
    return _described({key: _laid_over(entry, changes.get(key, {})) for key, entry in _entries().items()}, where=where)


def open_source(key: str) -> OpenSource:
    """Read one of the open sources by its key."""
    return open_sources()[key]


@cache
def _entries() -> dict[str, dict[str, Any]]:
    return tomllib.loads(resources.files(__package__).joinpath("open_data.toml").read_text(encoding="utf-8"))


@cache
def _own() -> Mapping[str, OpenSource]:
    return _described(_entries(), where="open_data.toml")


def _laid_over(entry: dict[str, Any], changes: object) -> dict[str, Any]:
    if not isinstance(changes, dict):
        return {**entry, "": changes}  # refused by the check, with its place
    tables = {key: {**entry.get(key, {}), **value} for key, value in changes.items() if isinstance(value, dict)}
    return {**entry, **changes, **tables}


def _described(entries: Mapping[str, dict[str, Any]], *, where: str) -> Mapping[str, OpenSource]:
    found = {}
    for key, entry in entries.items():
        try:
            found[key] = OpenSource(**entry)
        except (ValidationError, TypeError) as error:
            said = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
            place = ".".join([key, *(str(step) for step in said["loc"])])
            raise StudyError(f"{place}: {said['msg']}", where=where, advice="correct the entry") from None
    return found
