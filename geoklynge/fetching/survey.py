"""What there is to fetch, and what a fetch would ask: told without asking anybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..open_data import open_source, open_sources
from .asking import MEGABYTE, Request
from .catalogue import BORDERS, FETCHERS, GROUPS, INDEX, keys_there
from .client import SECONDS_A_DAY, Client
from .drafts import Task
from .keys import key_of
from .place import EVERYTHING, Asked, Place, countries_of, needs_index, read_place
from .records import FileRecord, read_records
from .statbank import index_request
from .store import entry_of, kept_answer


@dataclass(frozen=True)
class Listed:
    """A source, and how it stands with it: its key, the file in a folder, the age of the copy."""

    key: str
    title: str
    table: str
    licence: str
    seen: str
    key_state: str  # what it needs: "no key needed", "key found" or "key missing"
    fetched: str
    rows: int | None


@dataclass(frozen=True)
class Planned:
    """One question that a fetch would ask: whom, and how much may come at most; `days_old` of a copy in the store."""

    key: str
    address: str
    at_most_mb: float
    days_old: float | None
    asked: str  # "asked", "copy is young enough" or "key missing"


def listed(folder: Path | None) -> list[Listed]:
    """
    List all sources with their state, in the order of `open_data.toml`.

    Parameters
    ----------
    folder
        Of an earlier fetch; None for none.

    Raises
    ------
    InputError
        If the folder's sources.json is none.
    """
    records: dict[str, FileRecord] = {}
    for one in read_records(folder)[0] if folder is not None else []:
        records.setdefault(one.source, one)
    found = []
    for key, source in open_sources().items():
        state = "no key needed" if not source.key else "key found" if key_of(source) else "key missing"
        record = records.get(key)
        found.append(
            Listed(
                key,
                source.en,
                source.table,
                source.licence,
                source.seen,
                state,
                record.fetched if record else "",
                record.rows if record else None,
            )
        )
    return found


def planned(words: Sequence[str], client: Client, only: Sequence[str] = ()) -> list[Planned]:
    """
    Tell what a fetch would ask first of each source, without asking; what follows depends on the answers.

    An address that depends on an answer, too, holds a word in angle brackets for that part: ``<newest release>``.

    Parameters
    ----------
    words
        The place, as it would be given to `fetch`; whether it is known is not looked at.
    client
        Whose store is looked into.
    only
        Keys of the sources, all by default.
    """
    place, found = _unlooked(words), list[Planned]()
    if needs_index(words):
        index = open_source(INDEX)
        found.append(_planned(index_request(INDEX, index), index.keep_days, client, key_missing=False))
    for group in (*BORDERS, *GROUPS):
        for key in keys_there(group, place.asked, only):
            if key not in FETCHERS or (only and key not in only):
                continue
            source = open_source(key)
            secret = key_of(source) if source.key else ""
            task = Task(key, source, place, Path(), secret)
            missing = bool(source.key) and not secret
            found += [
                _planned(request, request.keep_days, client, key_missing=missing)
                for request in FETCHERS[key].questions(task)
            ]
    return list(dict.fromkeys(found))


def _unlooked(words: Sequence[str]) -> Place:
    """Understand a place as far as that goes without asking: a name may be one of a Danish municipality."""
    asked = Asked(", ".join(words)) if needs_index(words) else read_place(words, {})
    countries = ("DK",) if asked.in_denmark else countries_of(asked.codes)
    return Place(asked, asked.shape or EVERYTHING, asked.shape or EVERYTHING, countries)


def _planned(request: Request, keep_days: float, client: Client, *, key_missing: bool) -> Planned:
    about = kept_answer(entry_of(client.store, request))
    days = (client.now() - about.asked_at) / SECONDS_A_DAY if about else None
    young = days is not None and days < keep_days and not client.refresh
    state = "key missing" if key_missing else "copy is young enough" if young else "asked"
    address = replace(request, secret=()).said()
    return Planned(
        request.source, address, request.at_most_bytes / MEGABYTE, None if days is None else round(days, 1), state
    )
