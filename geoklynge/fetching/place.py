"""What a fetch is about: municipalities by name or number, a box, or a polygon, and what lies around."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from ..errors import FetchError, InputError
from ..sources.layers import areas_of, read_layer
from ..sources.naming import code_key, name_key
from ..sources.positions import WGS84

BOX = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:,\s*(-?\d+(?:\.\d+)?)\s*){3}")
WHOLE_COUNTRY = frozenset({"danmark", "denmark", "dk"})
LAU_CODE = re.compile(r"([A-Z]{2})_[A-Z0-9]+")  # as Eurostat writes municipalities: SE_1280
EVERYTHING = shapely.box(-180.0, -90.0, 180.0, 90.0)
BETWEEN = re.compile(r"\s*[,;]\s*|\s+(?:og|and|&)\s+", re.IGNORECASE)  # several places in one word
FILE_ENDINGS = (".gpkg", ".geojson", ".json", ".shp", ".kml", ".gml", ".fgb", ".csv", ".parquet", ".zip", ".txt")
SIMPLER_BY_M = 200.0  # the border of a reach needs no more
STRAIGHT_DEGREES, STRAIGHT_M = (
    0.05,
    5_000.0,
)  # an edge that is longer is bent by a projection, and gets points on its way

# Denmark with the sea between its parts, drawn by hand: close along the border by Tønder and Padborg, in Flensborg
# Fjord, west of Fehmarn and in Øresund (Ven is Swedish, Saltholm Danish), wide where nobody lives. Bornholm apart.
DENMARK = shapely.from_wkt(
    "MULTIPOLYGON (((8.63 54.912, 8.68 54.908, 8.728 54.892, 8.777 54.892, 8.81 54.903, 8.848 54.896, 8.893 54.903, "
    "8.977 54.894, 9.048 54.87, 9.137 54.872, 9.205 54.857, 9.236 54.845, 9.25 54.808, 9.343 54.798, 9.374 54.819, "
    "9.385 54.837, 9.409 54.84, 9.418 54.831, 9.433 54.831, 9.486 54.845, 9.524 54.873, 9.557 54.874, 9.578 54.878, "
    "9.605 54.885, 9.63 54.862, 9.66 54.845, 9.72 54.828, 9.8 54.825, 10.05 54.8, 10.4 54.67, 10.75 54.6, "
    "11.1 54.57, 11.5 54.54, 11.9 54.5, 12.2 54.6, 12.6 54.8, 12.75 55.0, 12.6 55.3, 12.68 55.45, 12.75 55.52, "
    "12.83 55.58, 12.84 55.68, 12.72 55.8, 12.64 55.87, 12.62 55.93, 12.648 56.0, 12.65 56.04, 12.6 56.08, "
    "12.4 56.18, 12.2 56.35, 11.95 56.65, 11.85 56.9, 11.45 57.25, 11.2 57.6, 10.9 57.9, 10.4 57.95, 9.5 57.7, "
    "8.0 57.4, 7.7 56.6, 7.7 55.5, 7.9 55.07, 8.45 55.07, 8.55 55.0, 8.63 54.912)), "
    "((14.6 54.93, 15.2 54.93, 15.35 55.25, 15.35 55.4, 14.6 55.4, 14.6 54.93)))"
)


@dataclass(frozen=True)
class Asked:
    """
    What somebody asked for, before any source was asked.

    One of: municipalities by number (`codes`, with the `names` of those that are known), the `whole` of Denmark, or a
    `shape` (WGS84) of one's own.
    """

    name: str
    codes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    whole: bool = False
    shape: BaseGeometry | None = None
    in_denmark: bool = True


@dataclass(frozen=True)
class Place:
    """
    What a fetch is about, with its borders.

    Attributes
    ----------
    asked
        As it was asked for.
    area
        The study's area, WGS84.
    reach
        The area and what lies within the halo: services across the border count.
    countries
        As Eurostat writes them (``SE``; Greece is ``EL``); empty where they are not known.
    """

    asked: Asked
    area: BaseGeometry
    reach: BaseGeometry
    countries: tuple[str, ...] = ()

    def square_km(self) -> float:
        """Measure the reach."""
        return abs(Geod(ellps="WGS84").geometry_area_perimeter(self.reach)[0]) / 1e6


def read_place(words: Sequence[str], index: Mapping[str, str]) -> Asked:
    """
    Understand what somebody wants data of.

    Parameters
    ----------
    words
        Names or numbers of municipalities, also several in one word ("Aarhus, Syddjurs"), one box
        ``west,south,east,north`` in degrees, one file with polygons, ``Danmark``, or municipalities elsewhere in Europe
        as ``SE_1280``.
    index
        Danish municipalities: name by four-digit number; empty where no source could say.

    Raises
    ------
    InputError
        If a name is not known (the nearest one is named), a file is not there, a box is none, a word holds what cannot
        be printed, or kinds are mixed.
    """
    if len(words) == 1 and _is_file(words[0]):
        return _file(Path(words[0].strip()))
    parts = _parts(words)
    if not parts:
        raise InputError("no place", where="PLACE", advice="name a municipality, a box or a polygon file")
    if len(words) == 1:
        word = " ".join(words[0].split())
        if BOX.fullmatch(word):
            return _box(word)
        if word.casefold() in WHOLE_COUNTRY:
            return Asked("Danmark", whole=True)
    for part in parts:
        if not part.isprintable():
            raise InputError(f"{part!r} cannot be printed", where="PLACE", advice="write the name anew")
        if _like_file(part):
            raise InputError(f"no such file {part!r}", where="PLACE", advice="see its name and folder; give it alone")
    if all(LAU_CODE.fullmatch(part) for part in parts):
        codes = tuple(dict.fromkeys(parts))
        if not any(code.startswith("DK_") for code in codes):
            return Asked(", ".join(codes), codes, in_denmark=False)
        parts = [part.removeprefix("DK_") for part in parts]
    found = dict(_municipality(part, index) for part in parts)
    said = tuple(found.values())
    name = " og ".join(filter(None, [", ".join(said[:-1]), said[-1]]))
    return Asked(name, tuple(found), said if index else ())


def _parts(words: Sequence[str]) -> list[str]:
    """Divide words into places: several may stand in one, but for a box and a file."""
    found: list[str] = []
    for word in words:
        whole = BOX.fullmatch(word) or _is_file(word) or re.fullmatch(r"[-\d.,\s]*\d\.\d[-\d.,\s]*", word)
        found += [word] if whole else BETWEEN.split(word)
    return [" ".join(part.split()) for part in found if part.strip()]


def _is_file(word: str) -> bool:
    word = word.strip()
    if re.search(r"[\x00-\x1f\x7f]", word):
        return False
    try:
        return bool(Path(word).suffix) and Path(word).is_file()
    except (OSError, ValueError):  # no name that a file can have
        return False


def _like_file(word: str) -> bool:
    return word.casefold().endswith(FILE_ENDINGS) or "/" in word or "\\" in word


def spellings(name: str) -> set[str]:
    """
    List what a municipality's name may be compared by: Kommune and the genitive before it do not count.

    Examples
    --------
    >>> sorted(spellings("Københavns Kommune"))
    ['koebenhavn', 'koebenhavns']
    >>> spellings("Bornholm") <= spellings("Bornholms Regionskommune")
    True
    """
    bare = re.sub(r"^kommune\s+|\s*(?:(?:regions)?kommune|municipality)$", "", name.strip().casefold())
    return {key for key in (name_key(bare), name_key(re.sub(r"'?s$", "", bare))) if key}


def needs_index(words: Sequence[str]) -> bool:
    """Tell whether words may be names or numbers of Danish municipalities."""
    alone = len(words) == 1 and (BOX.fullmatch(" ".join(words[0].split())) or _is_file(words[0]))
    parts = _parts(words)
    if alone or any(_like_file(part) or not part.isprintable() for part in parts):
        return False
    return not all(LAU_CODE.fullmatch(part) and not part.startswith("DK_") for part in parts)


def countries_of(codes: Iterable[str]) -> tuple[str, ...]:
    """
    Name the countries of municipalities by their codes; a Danish one is bare digits.

    Examples
    --------
    >>> countries_of(["SE_0885", "SE_0840", "0706"])
    ('DK', 'SE')
    """
    found = {(LAU_CODE.fullmatch(code) or ["", "DK"])[1] for code in codes}
    return tuple(sorted(found))


def _municipality(word: str, index: Mapping[str, str]) -> tuple[str, str]:
    codes = {code_key(code): code for code in index}
    by_name = {name_key(name): code for code, name in index.items()}
    by_name |= {max(spellings(name), key=len, default=""): code for code, name in index.items()}
    keys = sorted(spellings(word), key=len, reverse=True)  # as it is written, then without the genitive
    code = codes.get(code_key(word)) or next((by_name[key] for key in keys if key in by_name), None)
    if code:
        return code, index[code]
    if not index and word.isdigit():
        return word.zfill(4), f"kommune {word.zfill(4)}"
    near = difflib.get_close_matches(keys[0] if keys else word, by_name, n=1, cutoff=0.5)
    hint = f"did you mean {index[by_name[near[0]]]!r}" if near else "give its code, a box or a polygon file"
    abroad = "outside Denmark write the code of a municipality, as SE_0885"
    raise InputError(f"no municipality {word!r}", where="PLACE", advice=f"{hint}; {abroad}")


def _box(word: str) -> Asked:
    west, south, east, north = (float(number) for number in word.split(","))
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(
            f"{word} is no box", where="PLACE", advice="write west,south,east,north in degrees, as 10.3,56.1,10.9,56.4"
        )
    return _of_shape(f"{west:g},{south:g},{east:g},{north:g}", shapely.box(west, south, east, north))


def _file(path: Path) -> Asked:
    layer = read_layer(path, source=str(path), table="area")
    areas, _ = areas_of(layer.rows, source=str(path))
    name = "".join(c for c in " ".join(path.stem.split()) if c.isprintable()) or "area"
    return _of_shape(name, shapely.union_all(areas.to_crs(WGS84).geometry.dropna().to_numpy()))


def _of_shape(name: str, shape: BaseGeometry) -> Asked:
    if shape.is_empty:
        raise InputError("holds no area", where="PLACE", advice="give a file with polygons")
    return Asked(name, shape=shape, in_denmark=bool(shapely.contains(DENMARK, shape.centroid)))


def placed(asked: Asked, area: BaseGeometry, halo_km: float) -> Place:
    """
    Put borders to what was asked for, and a halo of `halo_km` kilometres around it, at least.

    Raises
    ------
    FetchError
        If the borders hold no area.
    """
    if area.is_empty:
        raise FetchError(f"the border of {asked.name} holds no area", advice="give a box or a polygon file instead")
    countries = ("DK",) if asked.in_denmark else countries_of(asked.codes)
    if asked.whole:
        return Place(asked, area, shapely.box(*shapely.bounds(area)).buffer(0.05), countries)
    metres, to_degrees = _in_metres(shapely.segmentize(area, STRAIGHT_DEGREES))
    wide_m = max(halo_km, 0.1) * 1_000.0 + SIMPLER_BY_M  # what is made simpler may not fall short of the halo
    around = metres.buffer(wide_m, quad_segs=4).simplify(SIMPLER_BY_M)
    reach = to_degrees(shapely.segmentize(around, STRAIGHT_M))
    if not reach.covers(area):  # a projection bends
        reach = shapely.union(reach, shapely.make_valid(area).buffer(0.0))
    return Place(asked, area, reach, countries)


def _in_metres(shape: BaseGeometry):  # type: ignore[no-untyped-def]
    series = gpd.GeoSeries([shape], crs=WGS84)
    utm = series.estimate_utm_crs()
    return series.to_crs(utm).iloc[0], lambda back: gpd.GeoSeries([back], crs=utm).to_crs(WGS84).iloc[0]
