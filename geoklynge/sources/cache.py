"""Parsed sources, kept in the user's cache folder under what they were made of; a second run starts from them."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import platformdirs

T = TypeVar("T")

FOLDER_VARIABLE = "GEOKLYNGE_CACHE"  # takes the place of the user's cache folder
MOST_ENTRIES = 24  # those not used for longest go
ENTRY = re.compile(r"[0-9a-f]{40}-(points|roads-[0-9a-f]{40})")  # nothing else in the folder is ours to remove
MADE_BESIDE = ".new-"  # how the folder of an entry begins while it is written

log = logging.getLogger(__name__)


def default_cache() -> Path:
    """Name the folder of the cache: ``$GEOKLYNGE_CACHE``, else geoklynge's in the user's cache folder."""
    given = os.environ.get(FOLDER_VARIABLE)
    return Path(given) if given else platformdirs.user_cache_path("geoklynge")


def clear_cache(folder: Path) -> int:
    """
    Remove everything that runs have kept.

    Returns
    -------
    int
        Bytes that are free now.
    """
    entries = _entries(folder)
    before = sum(_bytes_in(entry) for entry in entries)
    for entry in entries:
        shutil.rmtree(entry, ignore_errors=True)
    return before - sum(_bytes_in(entry) for entry in entries)


def _bytes_in(entry: Path) -> int:
    total = 0
    for file in entry.rglob("*"):
        with suppress(FileNotFoundError):
            total += file.stat().st_size if file.is_file() else 0
    return total


def cache_key(**parts: object) -> str:
    """
    Make a name of everything that a parsed source depends on.

    Examples
    --------
    >>> cache_key(version=1, tags=["a"]) == cache_key(tags=["a"], version=1) != cache_key(version=2, tags=["a"])
    True
    """
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def file_sha256(path: Path) -> str:
    """Sum up a file's bytes; of a folder, the names and bytes of the files that stand in it."""
    if path.is_dir():
        inside = [f"{file_sha256(file)}  {file.name}\n" for file in sorted(path.iterdir()) if file.is_file()]
        return hashlib.sha256("".join(inside).encode()).hexdigest()
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def kept(
    folder: Path | None, key: str, *, make: Callable[[], T], save: Callable[[T, Path], None], load: Callable[[Path], T]
) -> T:
    """
    Load what an earlier run has made, or make it and keep it.

    Safe under runs at the same time: an entry is written beside and moved into place when it is whole, and never
    changed after that. An entry that cannot be read is made anew; a cache that cannot be written to is done without.

    Parameters
    ----------
    folder
        The cache; None for none.
    key
        As `cache_key` makes it.
    make, save, load
        How to make the thing, to write it into a folder, and to read it back.
    """
    if folder is None:
        return make()
    entry = folder / key
    if entry.is_dir():
        try:
            found = load(entry)
        except Exception as error:
            log.warning("the cache entry %s cannot be read (%s), made anew", entry, error)
            shutil.rmtree(entry, ignore_errors=True)
        else:
            with suppress(OSError):  # somebody else's folder: read, but not marked as used
                os.utime(entry)
            return found
    made = make()
    try:
        _write_entry(folder, key, lambda beside: save(made, beside))
    except Exception as error:
        log.warning("nothing is kept in the cache %s (%s)", folder, error)
    return made


def _write_entry(folder: Path, key: str, save: Callable[[Path], None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=MADE_BESIDE, dir=folder))
    try:
        save(beside)
        if not (folder / key).exists():  # another run may have been faster, with the same result
            beside.rename(folder / key)
    except OSError:
        if not (folder / key).is_dir():
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    for entry in _entries(folder)[:-MOST_ENTRIES]:
        shutil.rmtree(entry, ignore_errors=True)


def _entries(folder: Path) -> list[Path]:
    """List the entries, the one not used for longest first; those being written by another run are none."""
    if not folder.is_dir():
        return []
    ages: dict[Path, float] = {}
    for entry in folder.iterdir():
        if ENTRY.fullmatch(entry.name):
            with suppress(FileNotFoundError):  # another run has just removed it
                ages[entry] = entry.stat().st_mtime
    return sorted(ages, key=lambda entry: (ages[entry], entry.name))
