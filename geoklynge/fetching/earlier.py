"""What lies in the folder already: what an earlier fetch brought, what was changed since, and what came by hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..open_data import open_source
from ..sources.cache import file_sha256
from .drafts import Draft
from .place import Asked, Place
from .records import BY_HAND, FileRecord, place_asked, read_records, records_of
from .verify import rows_of

CHANGED = "changed by hand since it was fetched"


@dataclass(frozen=True)
class Earlier:
    """
    What lies in a folder.

    Attributes
    ----------
    folder
        The folder, which need not be there.
    whole
        Records of files that are as an earlier fetch left them, or as they were laid there by hand.
    changed
        Records of files that somebody has changed since: they are his, and stay.
    study
        The text of the study that the earlier fetch wrote.
    place
        What the earlier fetch was asked for, as `place_asked` writes it; empty without one.
    """

    folder: Path
    whole: tuple[FileRecord, ...] = ()
    changed: tuple[FileRecord, ...] = ()
    study: str = ""
    place: dict[str, Any] | None = None

    def of(self, keys: Collection[str]) -> list[FileRecord]:
        """List the whole files of some sources."""
        return [record for record in self.whole if record.source in keys]


def read_earlier(folder: Path) -> Earlier:
    """
    Look at what lies in a folder.

    Raises
    ------
    InputError
        If its sources.json is none.
    """
    records, study, place = read_records(folder)
    there = [record for record in records if (folder / record.file).is_file()]
    same = [file_sha256(folder / record.file) == record.sha256 for record in there]
    whole = [record for record, is_same in zip(there, same, strict=True) if is_same]
    changed = [record for record, is_same in zip(there, same, strict=True) if not is_same]
    by_hand = [record for record in changed if record.fetched == BY_HAND]  # a newer one was laid there: as if new
    return Earlier(folder, tuple(whole), tuple(one for one in changed if one not in by_hand), study, place)


def require_same_place(earlier: Earlier, asked: Asked, halo_km: float, only: Collection[str]) -> None:
    """
    Refuse to mix the data of two places in one folder, or of two halos where only some sources are asked.

    Raises
    ------
    InputError
        If the folder holds another place.
    """
    now = place_asked(asked, halo_km)
    if earlier.place is None or earlier.place == now:
        return
    name, halo = earlier.place.get("name"), earlier.place.get("halo_km")
    if {**earlier.place, "halo_km": halo_km, "name": asked.name} != now:
        raise InputError(
            f"this folder holds {name}", where=str(earlier.folder), advice="fetch into another folder, or remove this"
        )
    if only and halo != halo_km:
        raise InputError(
            f"this folder was fetched with --halo-km {halo:g}",
            where=str(earlier.folder),
            advice="give the same, or fetch all sources anew without --only",
        )


def lying_there(earlier: Earlier, key: str) -> list[Path]:
    """
    Find the files of a source that are somebody's own: changed since they were fetched, or laid there by hand.

    A source of several files comes by hand only as files of its other kind (an extract instead of Overpass).
    """
    source = open_source(key)
    own = (*(record for record in earlier.changed if record.source == key), *earlier.of([key]))
    if any(_is_changed(record, earlier) for record in own):
        return [earlier.folder / record.file for record in own]
    path = earlier.folder / source.file
    ours = any(record.file == source.file and record.fetched != BY_HAND for record in earlier.whole)
    alone = len(source.all_files()) == 1
    return [path] if alone and path.is_file() and not ours else []


def _is_changed(record: FileRecord, earlier: Earlier) -> bool:
    """Tell whether somebody has changed a file since it was fetched: now, or before a fetch that left it alone."""
    return record in earlier.changed or CHANGED in record.notes


def own_records(earlier: Earlier, key: str, place: Place) -> list[FileRecord]:
    """
    Describe the files of a source that are somebody's own, as they lie there.

    Raises
    ------
    TableError
        If a reader refuses one.
    """
    source, made = open_source(key), []
    before = {record.file: record for record in (*earlier.changed, *earlier.whole)}
    for path in lying_there(earlier, key):
        record = before.get(path.name)
        table = record.table if record else source.table
        rows = {path.name: rows_of(path, table, place)}
        questions = record.questions if record else ()
        (new,) = records_of(Draft(((path.name, table),), questions), key, source, earlier.folder, rows)
        is_changed = record is not None and _is_changed(record, earlier)
        fetched = record.fetched if record and record.fetched != BY_HAND else BY_HAND
        dated = record.dated if record else ""
        made.append(replace(new, fetched=fetched, dated=dated, notes=(CHANGED,) if is_changed else (BY_HAND,)))
    return made
