"""From a place to a folder of source files and a study over them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import FetchError, InputError, TableError
from ..open_data import open_source, open_sources
from ..placing import move_all, require_folder
from .borders import find_place
from .catalogue import FETCHERS, GROUPS, Group, keys_for
from .client import Client
from .desk import Desk, Report, Wish, all_reasons, give_up, keep, note, task_of, telling
from .earlier import CHANGED, lying_there, own_records, read_earlier
from .place import Place
from .records import SOURCES_FILE, STUDY_BESIDE, STUDY_FILE, FileRecord, study_text, write_records

DATA_ENDINGS = (".geojson", ".gpkg", ".csv", ".pbf", ".zip", ".parquet", ".shp", ".txt")


@dataclass(frozen=True)
class Outcome:
    """
    What a fetch brought.

    `records` are its files, `kept` names those that stay as they lay there, `changed` those of them that somebody has
    changed since they were fetched, `same` those that came anew and are what they were; `unused` are files there that
    are of no source. `missing`, `nothing_there` and `left_out` are reasons by source, see `Desk`.
    """

    place: Place
    records: tuple[FileRecord, ...]
    missing: dict[str, str]
    nothing_there: dict[str, str]
    left_out: dict[str, str]
    kept: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    study_left_alone: bool = False


def fetch(wish: Wish, client: Client, *, report: Report) -> Outcome:
    """
    Fetch open data for a place, and write it with a study over it.

    Everything is written beside the folder and moved into it at the end: whatever interrupts a fetch, an earlier one is
    still there. A source that does not come costs only itself, unless it is essential; of one that came before, the
    earlier file stays. A file that somebody has laid into the folder under the name that `open_data.toml` gives it, or
    has changed since it was fetched, is taken as it is, and its source is not asked. Files of an earlier fetch that no
    longer belong to the study go.

    Parameters
    ----------
    wish
        What to fetch, and where to.
    client
        Asks.
    report
        Called with the key of a source as it begins and as its megabytes come.

    Raises
    ------
    InputError
        If the place is not known, the folder holds another place, a key names no source, or the folder cannot be
        written to.
    FetchError
        If an essential source does not come: then nothing is changed.
    """
    require_known(wish.only)
    beside = require_folder(wish.into, option="--into")
    try:
        desk = Desk(client, wish, beside, report, read_earlier(wish.into))
        place = find_place(desk)
        for group in GROUPS:
            _fetch_group(desk, group, place)
        return _finish(desk, place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def require_known(keys: Sequence[str]) -> None:
    """
    Refuse a key that names no source which can be asked.

    Raises
    ------
    InputError
        Names those that can.
    """
    known = [key for key in open_sources() if key in FETCHERS]
    for key in keys:
        if key not in known:
            raise InputError(f"no source {key!r}", where="--only", advice=f"known are {', '.join(known)}")


def _fetch_group(desk: Desk, group: Group, place: Place) -> None:
    """Take what is somebody's own of a group, else ask its sources, one after the other, until one comes."""
    at_most = float(open_source("overpass").settings["at_most_km2"])
    come = [record.source for record in desk.records]
    wished = {*desk.wish.only, *(record.source for record in desk.earlier.whole)}
    keys = keys_for(group, place, at_most, wished=wished, come=come)
    if _took_own(desk, keys, place):
        return
    for key in keys:
        task = task_of(desk, key, place)
        if task is None:
            continue
        try:
            note(desk, key, place, FETCHERS[key].fetch(telling(desk, key), task))
        except (FetchError, TableError) as error:
            give_up(desk, key, error)
            continue
        _keep_what_lacks(desk, keys, key)
        return
    earlier = [record for record in desk.earlier.of(keys) if record.source not in desk.nothing_there]
    keep(desk, earlier)
    failed = all_reasons(desk, keys)
    if keys and group.essential and not earlier and (failed or not desk.wish.only):
        raise FetchError(failed)


def _took_own(desk: Desk, keys: Sequence[str], place: Place) -> bool:
    """Take somebody's own files of the first source of a group that has some; one that no reader reads is told."""
    for key in keys:
        if not lying_there(desk.earlier, key):
            continue
        try:
            keep(desk, own_records(desk.earlier, key, place))
        except TableError as error:
            desk.missing[key] = f"{key}: {error}, or remove the file to have it fetched"
        return True
    return False


def _keep_what_lacks(desk: Desk, keys: Sequence[str], come: str) -> None:
    """Keep of an earlier fetch what a stand-in does not bring: places and services, where only roads have come."""
    tables = {record.table for record in desk.records if record.source == come}
    lacking = {"roads", "villages", "services"} - tables if "osm" not in tables else set()
    keep(desk, [one for one in desk.earlier.of(keys) if one.source != come and one.table in lacking])


def _finish(desk: Desk, place: Place) -> Outcome:
    """Write the records and the study, move everything into place, and remove what no longer belongs there."""
    into, beside, records = desk.wish.into, desk.beside, desk.records
    if not any(record.table in {"osm", "villages"} for record in records):
        reasons = all_reasons(desk)
        raise FetchError(f"no source of villages came{f' ({reasons})' if reasons else ''}")
    text = study_text(place, records, desk.wish.words)
    not_fetched = {**desk.left_out, **desk.nothing_there, **desk.missing}
    write_records(beside, place, records, not_fetched, text, halo_km=desk.wish.halo_km)
    mine = into / STUDY_FILE
    known = {text.encode(), desk.earlier.study.encode()}
    changed = mine.is_file() and mine.read_bytes().replace(b"\r\n", b"\n") not in known
    study_name = STUDY_BESIDE if changed else STUDY_FILE
    (beside / study_name).write_text(text, encoding="utf-8", newline="\n")
    names = [record.file for record in records]
    move_all(beside, into, [*(name for name in names if name not in desk.kept), SOURCES_FILE, study_name])
    for record in desk.earlier.whole:
        if record.file not in names:
            (into / record.file).unlink(missing_ok=True)
    sums = {record.file: record.sha256 for record in desk.earlier.whole}
    return Outcome(
        place,
        tuple(records),
        desk.missing,
        desk.nothing_there,
        desk.left_out,
        kept=tuple(desk.kept),
        changed=tuple(record.file for record in records if CHANGED in record.notes),
        same=tuple(record.file for record in records if sums.get(record.file) == record.sha256),
        unused=tuple(sorted(path.name for path in into.iterdir() if _might_be_data(path) and path.name not in names)),
        study_left_alone=changed,
    )


def _might_be_data(path: Path) -> bool:
    """Tell whether a file looks like one that somebody has laid there to be used."""
    return path.is_file() and path.suffix.lower() in DATA_ENDINGS and path.name != SOURCES_FILE
