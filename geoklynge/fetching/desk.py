"""One fetch on its way: what was wished, what has come, and what has not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ..errors import GeoklyngeError, NotAskedError, NothingThereError
from ..open_data import open_source
from .catalogue import FETCHERS
from .client import Client
from .drafts import Draft, Task
from .earlier import Earlier
from .keys import how_to_get, key_of
from .place import Place
from .records import FileRecord, records_of
from .store import forget
from .verify import rows_of

Report = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Wish:
    """
    What somebody wants fetched.

    `words` name the place (see `read_place`), `halo_km` is how far around it sources are asked, `only` are the keys
    of the sources to ask, all by default; what an earlier fetch brought of the others stays.
    """

    words: tuple[str, ...]
    into: Path
    halo_km: float = 10.0
    only: tuple[str, ...] = ()


@dataclass
class Desk:
    """
    One fetch on its way.

    `beside` is the folder that it writes to, `earlier` what lies in the folder that it is for. `missing` are reasons
    why sources did not come, by key; `nothing_there` those of sources that have nothing at the place, `left_out` those
    of sources that were not asked. `kept` are the files that stay as they lie.
    """

    client: Client
    wish: Wish
    beside: Path
    report: Report
    earlier: Earlier
    records: list[FileRecord] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    nothing_there: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def wanted(self, key: str) -> bool:
        """Tell whether a source is to be asked."""
        return key in FETCHERS and (not self.wish.only or key in self.wish.only)


def task_of(desk: Desk, key: str, place: Place) -> Task | None:
    """Prepare to ask a source; None, and a note of the reason, where it is not wanted or its key is not here."""
    source = open_source(key)
    if not desk.wanted(key):
        return None
    secret = key_of(source) if source.key else ""
    if source.key and not secret:
        desk.left_out[key] = f"{key}: {how_to_get(source)}"
        return None
    return Task(key, source, place, desk.beside, secret)


def telling(desk: Desk, key: str) -> Client:
    """Give the client that asks a source: it tells how that comes forward."""
    desk.report(key, 0, 0)
    desk.client.used.clear()
    return replace(desk.client, tell=partial(desk.report, key))


def note(desk: Desk, key: str, place: Place, draft: Draft) -> None:
    """
    Have each file of a draft read as a run will read it, and note it.

    Raises
    ------
    TableError
        If its reader refuses one.
    """
    rows = {name: rows_of(desk.beside / name, table, place) for name, table in draft.files}
    desk.records += records_of(draft, key, open_source(key), desk.beside, rows)


def keep(desk: Desk, records: Sequence[FileRecord]) -> None:
    """Keep files as they lie in the folder."""
    desk.records += records
    desk.kept += [record.file for record in records]


def give_up(desk: Desk, key: str, error: GeoklyngeError) -> None:
    """Note why a source did not come; forget the answers that were of no use, and what was half made of them."""
    said, reasons = str(error), reasons_for(desk, error)
    reasons[key] = said if said.startswith(f"{key}:") else f"{key}: {said}"
    for entry in desk.client.used:
        forget(entry)
    for name in open_source(key).all_files():
        (desk.beside / name).unlink(missing_ok=True)


def reasons_for(desk: Desk, error: GeoklyngeError) -> dict[str, str]:
    """Tell where a reason belongs: a source that was not to be asked, or has nothing there, has not failed."""
    if isinstance(error, NotAskedError):
        return desk.left_out
    return desk.nothing_there if isinstance(error, NothingThereError) else desk.missing


def all_reasons(desk: Desk, keys: Sequence[str] | None = None) -> str:
    """Say in one line why sources did not come: those of `keys`, or all."""
    reasons = {**desk.left_out, **desk.nothing_there, **desk.missing}
    return "; ".join(said for key, said in reasons.items() if keys is None or key in keys)
