"""What there is to fetch, and what a fetch would ask: told without asking anybody."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import FetchError
from ..open_data import open_source, open_sources
from .asking import MEGABYTE, Request
from .borders import find_place
from .catalogue import BORDERS, FETCHERS, GROUPS, INDEX, keys_there
from .client import SECONDS_A_DAY, Client
from .desk import Desk, Wish
from .drafts import Task
from .earlier import lying_there, read_earlier
from .folder import require_known
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
    asked: str  # "asked", "copy is young enough", "key missing" or "lies in the folder"


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


def planned(wish: Wish, client: Client) -> list[Planned]:
    """
    Tell what a fetch would ask first of each source, without asking; what follows depends on the answers.

    An address that depends on an answer, too, holds a word in angle brackets for that part: ``<newest release>``. The
    place's borders are known where an earlier fetch has left them, in the folder or in the store; else the box that
    a question would hold is left out.

    Parameters
    ----------
    wish
        As it would be given to `fetch`; its folder need not be there.
    client
        Whose store is looked into.

    Raises
    ------
    InputError
        If the place or a source is not known.
    """
    require_known(wish.only)
    place, earlier = _known_place(wish, client), read_earlier(wish.into)
    there, found = place or _unlooked(wish.words), list[Planned]()
    if needs_index(wish.words):
        index = open_source(INDEX)
        found.append(_planned(index_request(INDEX, index), client, state="", whole=True))
    for group in (*BORDERS, *GROUPS):
        keys = keys_there(group, there.asked, wish.only)
        own = next((key for key in keys if lying_there(earlier, key)), None)
        for key in keys:
            source = open_source(key)
            if own is not None:
                if key == own:
                    found.append(Planned(key, source.file, 0.0, None, "lies in the folder"))
                continue
            if key not in FETCHERS or (wish.only and key not in wish.only):
                continue
            secret = key_of(source) if source.key else ""
            state = "key missing" if source.key and not secret else ""
            # the borders themselves are asked for before any are known
            about = Place(there.asked, EVERYTHING, EVERYTHING, there.countries) if group in BORDERS else there
            task = Task(key, source, about, Path(), secret)
            found += [
                _planned(request, client, state=state, whole=place is not None)
                for request in FETCHERS[key].questions(task)
            ]
    return list(dict.fromkeys(found))


def _known_place(wish: Wish, client: Client) -> Place | None:
    """Find the place by what was kept of earlier fetches; None where nobody knows its borders yet."""
    with tempfile.TemporaryDirectory() as beside:
        nobody = replace(client, offline=True)
        desk = Desk(nobody, replace(wish, only=()), Path(beside), lambda *_: None, read_earlier(wish.into))
        try:
            return find_place(desk)
        except FetchError:
            return None


def _unlooked(words: Sequence[str]) -> Place:
    """Understand a place as far as that goes without asking: a name may be one of a Danish municipality."""
    asked = Asked(", ".join(words)) if needs_index(words) else read_place(words, {})
    countries = ("DK",) if asked.in_denmark else countries_of(asked.codes)
    return Place(asked, asked.shape or EVERYTHING, asked.shape or EVERYTHING, countries)


def _planned(request: Request, client: Client, *, state: str, whole: bool) -> Planned:
    """Describe a question; one about borders that nobody knows yet is told without its box, and has no copy."""
    about = kept_answer(entry_of(client.store, request)) if whole else None
    days = (client.now() - about.asked_at) / SECONDS_A_DAY if about else None
    young = days is not None and days < request.keep_days and not client.refresh
    said = state or ("copy is young enough" if young else "asked")
    address = request.said() if whole else request.address
    return Planned(
        request.source, address, request.at_most_bytes / MEGABYTE, None if days is None else round(days, 1), said
    )
