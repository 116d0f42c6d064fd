"""The place found by its borders, and the file of municipalities that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import geopandas as gpd
import shapely

from ..errors import FetchError, InputError, TableError
from ..open_data import OpenSource, open_source
from ..sources.areas import read_areas
from ..sources.positions import DENMARK_LAT, DENMARK_LON, WGS84
from .catalogue import BORDERS, INDEX, keys_for
from .client import Client
from .dagi import read_areas_of, write_areas
from .desk import Desk, all_reasons, give_up, keep, note, reasons_for, task_of, telling
from .drafts import Draft, Question, Task
from .earlier import lying_there, own_records, require_same_place
from .gisco import read_near
from .osm_borders import read_borders
from .place import EVERYTHING, Asked, Place, countries_of, needs_index, placed, read_place
from .records import FileRecord, records_of
from .statbank import read_index
from .store import forget

Borders = tuple[gpd.GeoDataFrame, tuple[Question, ...]]
BORDER_READERS: dict[str, Callable[[Client, Task], Borders]] = {
    "dagi_municipalities": read_areas_of,
    "osm_municipality": read_borders,
    "gisco_lau": read_near,
}
AREA_KEY = "area"
# The area that somebody drew himself: it bounds the study where no source of municipalities has come.
AREA = OpenSource(
    da="Området, som der blev spurgt om",
    en="The area that was asked for",
    table="municipalities",
    file="area.geojson",
    fields={"municipality_id": "municipality_id", "name": "name"},
    licence="of whoever drew it",
    attribution="the area that was asked for",
    homepage="",
    by_hand="Made of the box or polygon that was asked for.",
)


def find_place(desk: Desk) -> Place:
    """
    Understand the words, and find the borders of what they name; note the files of municipalities on the way.

    Raises
    ------
    InputError
        If the words name no place, or the folder holds another one.
    FetchError
        If no source has the borders of the municipalities that were named, or tells their numbers.
    """
    asked = _asked(desk)
    require_same_place(desk.earlier, asked, desk.wish.halo_km, desk.wish.only)
    for group in BORDERS:
        keys = keys_for(group, Place(asked, EVERYTHING, EVERYTHING), float("inf"))
        for key in sorted(keys, key=lambda one: not lying_there(desk.earlier, one)):
            found = _by_municipalities(desk, key, asked)
            if found is not None:
                return found
    if asked.shape is not None:
        return _by_shape(desk, asked, asked.shape)
    if asked.whole:
        box = shapely.box(DENMARK_LON[0], DENMARK_LAT[0], DENMARK_LON[1], DENMARK_LAT[1])
        return placed(asked, box, desk.wish.halo_km)
    reasons = all_reasons(desk) or "no source of borders was asked"
    raise FetchError(f"no borders of {asked.name} ({reasons})", advice="give a box or a polygon file instead")


def _asked(desk: Desk) -> Asked:
    """Understand the words; without the list of municipalities numbers are understood, and names are not."""
    words = desk.wish.words
    index = (_index(desk) or _index_at_hand(desk)) if needs_index(words) else {}
    try:
        return read_place(words, index)
    except InputError:
        reason = all_reasons(desk, [INDEX])
        if not reason:
            raise
        raise FetchError(
            f"names of municipalities are not known ({reason.partition(': ')[2].partition(': ')[0]})",
            source=INDEX,
            advice="give the four-digit number, as 0706 for Syddjurs",
        ) from None


def _index(desk: Desk) -> dict[str, str]:
    """List Danish municipalities; where their list does not come, numbers, boxes and files still do."""
    source = open_source(INDEX)
    try:
        return read_index(desk.client, INDEX, source)
    except FetchError as error:
        for entry in desk.client.used:
            forget(entry)
        reasons_for(desk, error)[INDEX] = str(error)
        return {}


def _index_at_hand(desk: Desk) -> dict[str, str]:
    """List the municipalities of a file that lies in the folder: somebody's own, or of an earlier fetch."""
    for key in BORDER_READERS:
        source = open_source(key)
        path = desk.earlier.folder / source.file
        if path.is_file():
            try:
                areas, _ = read_areas(path, source=source.file, table="municipalities")
            except TableError:  # told where the file is read for its borders
                continue
            return dict(zip(areas["municipality_id"].astype(str), areas["name"].astype(str), strict=True))
    return {}


def _by_municipalities(desk: Desk, key: str, asked: Asked) -> Place | None:
    """Find a place by the borders of one source; None where that source cannot. Somebody's own file comes first."""
    if lying_there(desk.earlier, key):
        return _at_hand(desk, key, asked)
    found = _fetched(desk, key, asked)
    return found or (_at_hand(desk, key, asked) if desk.earlier.of([key]) else None)


def _fetched(desk: Desk, key: str, asked: Asked) -> Place | None:
    task = task_of(desk, key, Place(asked, EVERYTHING, EVERYTHING))
    if task is None:
        return None
    try:
        areas, questions = BORDER_READERS[key](telling(desk, key), task)
        place = _placed_by(areas, asked, open_source(key), desk)
        note(desk, key, place, write_areas(areas, questions, replace(task, place=place)))
    except (FetchError, TableError) as error:
        give_up(desk, key, error)
        return None
    return place


def _at_hand(desk: Desk, key: str, asked: Asked) -> Place | None:
    """Find a place by borders that lie in the folder: somebody's own, or those of an earlier fetch."""
    source, own = open_source(key), bool(lying_there(desk.earlier, key))
    try:
        areas, _ = read_areas(desk.earlier.folder / source.file, source=source.file, table="municipalities")
        areas = areas.to_crs(WGS84).rename(columns={"municipality_id": source.fields["municipality_id"]})
        place = _placed_by(areas, asked, source, desk)
        records = own_records(desk.earlier, key, place) if own else desk.earlier.of([key])
        if own and asked.shape is not None:
            desk.records += _cut(desk, key, place, areas, records[0])
        else:
            keep(desk, records)
    except (FetchError, TableError) as error:
        reasons_for(desk, error).setdefault(key, f"{key}: {error}")
        return None
    return place


def _cut(desk: Desk, key: str, place: Place, areas: gpd.GeoDataFrame, own: FileRecord) -> list[FileRecord]:
    """Cut somebody's own borders to the shape that was asked for, into a file of ours; his stays as it is."""
    source = open_source(key).model_copy(update={"file": f"cut_{own.file}"})
    draft = write_areas(areas, own.questions, Task(key, source, place, desk.beside))
    made = records_of(draft, key, source, desk.beside, {source.file: own.rows})
    return [replace(record, fetched=own.fetched, dated=own.dated) for record in made]


def _placed_by(areas: gpd.GeoDataFrame, asked: Asked, source: OpenSource, desk: Desk) -> Place:
    """Put borders to what was asked for, and the countries that lie in its reach."""
    place = placed(asked, _area_of(areas, asked, source), desk.wish.halo_km)
    near = areas[areas.intersects(place.reach)]
    return replace(place, countries=countries_of(near[source.fields["municipality_id"]].astype("string")))


def _area_of(areas: gpd.GeoDataFrame, asked: Asked, source: OpenSource) -> shapely.geometry.base.BaseGeometry:
    if asked.shape is not None:
        return asked.shape
    codes = areas[source.fields["municipality_id"]].astype("string")
    lacking = sorted(set(asked.codes) - set(codes))
    if lacking:
        raise FetchError(f"it has no municipality {', '.join(lacking)}", advice="see whether the number is right")
    chosen = areas if asked.whole else areas[codes.isin(asked.codes)]
    return shapely.union_all(shapely.make_valid(chosen.geometry.to_numpy()))


def _by_shape(desk: Desk, asked: Asked, shape: shapely.geometry.base.BaseGeometry) -> Place:
    """Bound a study by the shape itself."""
    countries = ("DK",) if asked.in_denmark else ()
    place = replace(placed(asked, shape, desk.wish.halo_km), countries=countries)
    row = {"municipality_id": [AREA_KEY], "name": [asked.name]}
    frame = gpd.GeoDataFrame(row, geometry=[shape], crs=WGS84)
    frame.to_file(desk.beside / AREA.file, driver="GeoJSON", COORDINATE_PRECISION=7, engine="pyogrio")
    desk.records += records_of(Draft(((AREA.file, AREA.table),), ()), AREA_KEY, AREA, desk.beside, {AREA.file: 1})
    return place
