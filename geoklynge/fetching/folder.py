"""From a place to a folder of source files and a study over them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import geopandas as gpd
import shapely

from ..errors import FetchError, GeoklyngeError, InputError, NotAskedError, NothingThereError, TableError
from ..open_data import OpenSource, open_source, open_sources
from ..placing import move_all, require_folder
from ..sources.areas import read_areas
from ..sources.positions import DENMARK_LAT, DENMARK_LON, WGS84
from .catalogue import BORDERS, FETCHERS, GROUPS, INDEX, Group, keys_for
from .client import Client
from .dagi import read_areas_of, write_areas
from .drafts import Draft, Question, Task
from .gisco import read_near
from .keys import how_to_get, key_of
from .osm_borders import read_borders
from .place import EVERYTHING, Asked, Place, countries_of, needs_index, placed, read_place
from .records import (
    BY_HAND,
    SOURCES_FILE,
    STUDY_BESIDE,
    STUDY_FILE,
    FileRecord,
    read_records,
    records_of,
    study_text,
    write_records,
)
from .statbank import read_index
from .store import forget
from .verify import rows_of

Report = Callable[[str, int, int], None]
Borders = tuple[gpd.GeoDataFrame, tuple[Question, ...]]
BORDER_READERS: dict[str, Callable[[Client, Task], Borders]] = {
    "dagi_municipalities": read_areas_of,
    "osm_municipality": read_borders,
    "gisco_lau": read_near,
}


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


@dataclass(frozen=True)
class Outcome:
    """What a fetch brought: its files, and for each source that did not come, or has nothing there, the reason."""

    place: Place
    records: tuple[FileRecord, ...]
    missing: dict[str, str]
    nothing_there: dict[str, str]
    left_out: dict[str, str]
    kept: tuple[str, ...] = ()
    study_left_alone: bool = False


@dataclass
class _Desk:
    """One fetch on its way: where it writes, what came, and what did not."""

    client: Client
    wish: Wish
    beside: Path
    report: Report
    earlier: list[FileRecord]
    records: list[FileRecord] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    nothing_there: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)

    def wanted(self, key: str) -> bool:
        return not self.wish.only or key in self.wish.only


def fetch(wish: Wish, client: Client, *, report: Report) -> Outcome:
    """
    Fetch open data for a place, and write it with a study over it.

    Everything is written beside the folder and moved into it at the end: whatever interrupts a fetch, an earlier one is
    still there. A source that does not come costs only itself, unless it is essential; of one that came before, the
    earlier file stays. A file that somebody has downloaded by hand and laid into the folder under the name that
    `open_data.toml` gives it is taken as it is.

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
        If the place is not known, a key names no source, or the folder cannot be written to.
    FetchError
        If an essential source does not come: then nothing is changed.
    """
    _require_known(wish.only)
    beside = require_folder(wish.into, option="--into")
    try:
        earlier, earlier_study = read_records(wish.into)
        desk = _Desk(client, wish, beside, report, earlier)
        place = _find_place(desk)
        for group in GROUPS:
            _fetch_group(desk, group, place)
        return _finish(desk, place, earlier_study)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _require_known(keys: Sequence[str]) -> None:
    known = [key for key in open_sources() if key in FETCHERS]
    for key in keys:
        if key not in known:
            raise InputError(f"no source {key!r}", where="--only", advice=f"known are {', '.join(known)}")


def _find_place(desk: _Desk) -> Place:
    """Understand the words, and find the borders of what they name; note the files of municipalities on the way."""
    words = desk.wish.words
    asked = read_place(words, _index(desk) if needs_index(words) else {})
    for group in BORDERS:
        for key in keys_for(group, Place(asked, EVERYTHING, EVERYTHING), float("inf")):
            found = _municipalities(desk, key, asked)
            if found is not None:
                return found
    if asked.shape is not None:
        return placed(asked, asked.shape, desk.wish.halo_km)
    if asked.whole:
        box = shapely.box(DENMARK_LON[0], DENMARK_LAT[0], DENMARK_LON[1], DENMARK_LAT[1])
        return placed(asked, box, desk.wish.halo_km)
    reasons = "; ".join({**desk.missing, **desk.left_out}.values())
    raise FetchError(f"no borders of {asked.name} ({reasons})", advice="give a box or a polygon file instead")


def _index(desk: _Desk) -> dict[str, str]:
    """List Danish municipalities; where their list does not come, numbers, boxes and files still do."""
    source = open_source(INDEX)
    try:
        return read_index(desk.client, INDEX, source)
    except FetchError as error:
        for entry in desk.client.used:
            forget(entry)
        _reasons(desk, error)[INDEX] = str(error)
        return {}


def _municipalities(desk: _Desk, key: str, asked: Asked) -> Place | None:
    """Find a place by the borders of one source, and note their file; None where that source cannot."""
    source = open_source(key)
    fetched = any(record.source == key for record in desk.earlier)
    earlier = desk.wish.into / source.file if fetched else None
    at_hand = _by_hand(desk, source) or (None if desk.wanted(key) else earlier)
    found = _borders_at_hand(desk, key, asked, at_hand) if at_hand else _asked_borders(desk, key, asked)
    return found or (_borders_at_hand(desk, key, asked, earlier) if earlier and at_hand != earlier else None)


def _borders_at_hand(desk: _Desk, key: str, asked: Asked, path: Path) -> Place | None:
    """Find a place by borders that somebody has laid there, or an earlier fetch."""
    source = open_source(key)
    try:
        areas = _read_at_hand(path, source)
        place = _placed_by(areas, asked, source, desk)
        _take_at_hand(desk, key, place, path)
    except (FetchError, TableError) as error:
        _reasons(desk, error).setdefault(key, f"{key}: {error}")
        return None
    return place


def _asked_borders(desk: _Desk, key: str, asked: Asked) -> Place | None:
    """Find a place by borders that a source is asked for."""
    source = open_source(key)
    task = _task(desk, key, Place(asked, EVERYTHING, EVERYTHING))
    if task is None:
        return None
    try:
        areas, questions = BORDER_READERS[key](_telling(desk, key), task)
        place = _placed_by(areas, asked, source, desk)
        _note(desk, key, place, write_areas(areas, questions, Task(key, source, place, desk.beside)))
    except (FetchError, TableError) as error:
        _give_up(desk, key, source, error)
        return None
    return place


def _placed_by(areas: gpd.GeoDataFrame, asked: Asked, source: OpenSource, desk: _Desk) -> Place:
    """Put borders to what was asked for, and the countries that lie in its reach."""
    place = placed(asked, _area_of(areas, asked, source), desk.wish.halo_km)
    near = areas[areas.intersects(place.reach)]
    return replace(place, countries=countries_of(near[source.fields["municipality_id"]].astype("string")))


def _read_at_hand(path: Path, source: OpenSource) -> gpd.GeoDataFrame:
    areas, _ = read_areas(path, source=source.file, table="municipalities")
    return areas.to_crs(WGS84).rename(columns={"municipality_id": source.fields["municipality_id"]})


def _take_at_hand(desk: _Desk, key: str, place: Place, path: Path) -> None:
    if any(record.source == key for record in desk.earlier):
        _keep_earlier(desk, (key,))
    else:
        _take_by_hand(desk, key, place, path)


def _area_of(areas: gpd.GeoDataFrame, asked: Asked, source: OpenSource) -> shapely.geometry.base.BaseGeometry:
    if asked.shape is not None:
        return asked.shape
    field_name = source.fields["municipality_id"]
    chosen = areas if asked.whole else areas[areas[field_name].astype("string").isin(asked.codes)]
    lacking = sorted(set(asked.codes) - set(chosen[field_name].astype("string")))
    if lacking:
        raise FetchError(f"it has no municipality {', '.join(lacking)}", advice="see whether the number is right")
    return shapely.union_all(shapely.make_valid(chosen.geometry.to_numpy()))


def _task(desk: _Desk, key: str, place: Place) -> Task | None:
    """Prepare to ask a source; None, and a note of the reason, where it is not wanted or its key is not here."""
    source = open_source(key)
    secret = key_of(source) if source.key else ""
    if not desk.wanted(key) or key not in FETCHERS:
        return None
    if source.key and not secret:
        desk.left_out[key] = how_to_get(source)
        return None
    return Task(key, source, place, desk.beside, secret)


def _telling(desk: _Desk, key: str) -> Client:
    desk.report(key, 0, 0)
    desk.client.used.clear()
    return replace(desk.client, tell=partial(desk.report, key))


def _fetch_group(desk: _Desk, group: Group, place: Place) -> None:
    """Ask the sources of a group, one after the other, until one comes."""
    at_most = float(open_source("overpass").settings["at_most_km2"])
    come = [record.source for record in desk.records]
    wished = {*desk.wish.only, *(record.source for record in desk.earlier)}
    keys = keys_for(group, place, at_most, wished=wished, come=come)
    for key in keys:
        source = open_source(key)
        by_hand = _by_hand(desk, source)
        task = _task(desk, key, place)
        try:
            if by_hand is not None:
                _take_by_hand(desk, key, place, by_hand)
                return
            if task is not None:
                _note(desk, key, place, FETCHERS[key].fetch(_telling(desk, key), task))
                _keep_what_lacks(desk, keys, key)
                return
        except (FetchError, TableError) as error:
            _give_up(desk, key, source, error)
    if any(record.source in keys for record in desk.earlier):
        _keep_earlier(desk, keys)
    elif keys and group.essential and not desk.wish.only:
        reasons = {**desk.missing, **desk.nothing_there, **desk.left_out}
        raise FetchError("; ".join(reasons[key] for key in keys if key in reasons))


def _keep_what_lacks(desk: _Desk, keys: Sequence[str], come: str) -> None:
    """Keep of an earlier fetch what a stand-in does not bring: places and services, where only roads have come."""
    tables = {record.table for record in desk.records if record.source == come}
    lacking = {"roads", "villages", "services"} - tables if "osm" not in tables else set()
    kept = [one for one in desk.earlier if one.source in keys and one.source != come and one.table in lacking]
    desk.records += kept
    desk.kept += [record.file for record in kept]


def _note(desk: _Desk, key: str, place: Place, draft: Draft) -> None:
    """Have each file read as a run will read it, and note it."""
    source = open_source(key)
    rows = {name: rows_of(desk.beside / name, table, place) for name, table in draft.files}
    desk.records += records_of(draft, key, source, desk.beside, rows)


def _give_up(desk: _Desk, key: str, source: OpenSource, error: GeoklyngeError) -> None:
    """Forget the answers that were of no use, so that the next fetch asks anew; half-made files go."""
    said = str(error)
    _reasons(desk, error)[key] = said if said.startswith(f"{key}:") else f"{key}: {said}"
    for entry in desk.client.used:
        forget(entry)
    files = source.settings.get("files")
    names = [source.file, *(files.values() if isinstance(files, dict) else ())]
    for name in names:
        (desk.beside / str(name)).unlink(missing_ok=True)


def _reasons(desk: _Desk, error: GeoklyngeError) -> dict[str, str]:
    """Tell where a reason belongs: a source that was not to be asked has not failed."""
    if isinstance(error, NotAskedError):
        return desk.left_out
    return desk.nothing_there if isinstance(error, NothingThereError) else desk.missing


def _by_hand(desk: _Desk, source: OpenSource) -> Path | None:
    """Find a file that somebody has laid into the folder: under the source's name, and not fetched by us."""
    path = desk.wish.into / source.file
    ours = any(record.file == source.file and record.fetched != BY_HAND for record in desk.earlier)
    return path if path.is_file() and not ours else None


def _take_by_hand(desk: _Desk, key: str, place: Place, path: Path) -> None:
    source = open_source(key)
    shutil.copyfile(path, desk.beside / source.file)
    rows = {source.file: rows_of(desk.beside / source.file, source.table, place)}
    draft = Draft(((source.file, source.table),), (), notes=(BY_HAND,))
    made = records_of(draft, key, source, desk.beside, rows)
    desk.records += [replace(record, fetched=BY_HAND) for record in made]


def _keep_earlier(desk: _Desk, keys: Sequence[str]) -> None:
    """Keep what an earlier fetch brought of a group."""
    kept = [record for record in desk.earlier if record.source in keys]
    desk.records += kept
    desk.kept += [record.file for record in kept]


def _finish(desk: _Desk, place: Place, earlier_study: str) -> Outcome:
    """Write the records and the study, and move everything into place."""
    into, beside = desk.wish.into, desk.beside
    if not any(record.table in {"osm", "villages"} for record in desk.records):
        raise FetchError("no source of villages came", advice="fetch without --only first")
    command = f"geoklynge fetch {' '.join(desk.wish.words)}"
    text = study_text(place, desk.records, command)
    not_fetched = {**desk.missing, **desk.nothing_there, **desk.left_out}
    write_records(beside, place, desk.records, not_fetched, text)
    mine = into / STUDY_FILE
    changed = mine.is_file() and mine.read_text(encoding="utf-8") not in {text, earlier_study}
    study_name = STUDY_BESIDE if changed else STUDY_FILE
    (beside / study_name).write_text(text, encoding="utf-8")
    fetched = [record.file for record in desk.records if record.file not in desk.kept]
    move_all(beside, into, [*fetched, SOURCES_FILE, study_name])
    reasons = (desk.missing, desk.nothing_there, desk.left_out)
    return Outcome(place, tuple(desk.records), *reasons, tuple(desk.kept), changed)
