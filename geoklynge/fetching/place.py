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

from ..errors import InputError
from ..sources.layers import areas_of, read_layer
from ..sources.naming import code_key, municipality_key
from ..sources.positions import DENMARK_LAT, DENMARK_LON, WGS84

BOX = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(?:,\s*(-?\d+(?:\.\d+)?)\s*){3}")
WHOLE_COUNTRY = frozenset({"danmark", "denmark", "dk"})
LAU_CODE = re.compile(r"([A-Z]{2})_[A-Z0-9]+")  # as Eurostat writes municipalities: SE_1280
EVERYTHING = shapely.box(-180.0, -90.0, 180.0, 90.0)


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
        Names or numbers of municipalities, one box ``west,south,east,north`` in degrees, one file with polygons,
        ``Danmark``, or municipalities elsewhere in Europe as ``SE_1280``.
    index
        Danish municipalities: name by four-digit number; empty where no source could say.

    Raises
    ------
    InputError
        If a name is not known (the nearest one is named), a box is none, or kinds are mixed.
    """
    if not words or not any(word.strip() for word in words):
        raise InputError("no place", where="PLACE", advice="name a municipality, a box or a polygon file")
    if len(words) == 1:
        word = words[0].strip()
        if BOX.fullmatch(word):
            return _box(word)
        if Path(word).suffix and Path(word).is_file():
            return _file(Path(word))
        if word.casefold() in WHOLE_COUNTRY:
            return Asked("Danmark", whole=True)
    if all(LAU_CODE.fullmatch(word.strip()) for word in words):
        codes = tuple(dict.fromkeys(word.strip() for word in words))
        if not any(code.startswith("DK_") for code in codes):
            return Asked(", ".join(codes), codes, in_denmark=False)
        words = [word.strip().removeprefix("DK_") for word in words]
    found = dict(_municipality(word, index) for word in words)
    names = tuple(found.values())
    return Asked(" og ".join(filter(None, [", ".join(names[:-1]), names[-1]])), tuple(found), names)


def needs_index(words: Sequence[str]) -> bool:
    """Tell whether words may be names or numbers of Danish municipalities."""
    words = [word.strip() for word in words]
    alone = len(words) == 1 and (BOX.fullmatch(words[0]) or Path(words[0]).is_file())
    return not alone and not all(LAU_CODE.fullmatch(word) and not word.startswith("DK_") for word in words)


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
    by_name = {municipality_key(name): code for code, name in index.items()}
    code = codes.get(code_key(word)) or by_name.get(municipality_key(word))
    if code:
        return code, index[code]
    if not index and word.strip().isdigit():
        return word.strip().zfill(4), f"kommune {word.strip().zfill(4)}"
    near = difflib.get_close_matches(municipality_key(word), by_name, n=1, cutoff=0.5)
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
    return _of_shape(path.stem, shapely.union_all(areas.to_crs(WGS84).geometry.dropna().to_numpy()))


def _of_shape(name: str, shape: BaseGeometry) -> Asked:
    if shape.is_empty:
        raise InputError("holds no area", where="PLACE", advice="give a file with polygons")
    denmark = shapely.box(DENMARK_LON[0], DENMARK_LAT[0], DENMARK_LON[1], DENMARK_LAT[1])
    return Asked(name, shape=shape, in_denmark=bool(denmark.contains(shape.centroid)))


def placed(asked: Asked, area: BaseGeometry, halo_km: float) -> Place:
    """Put borders to what was asked for, and a halo of `halo_km` kilometres around it."""
    countries = ("DK",) if asked.in_denmark else countries_of(asked.codes)
    if asked.whole:
        return Place(asked, area, shapely.box(*shapely.bounds(area)).buffer(0.05), countries)
    metres, to_degrees = _in_metres(area)
    around = metres.buffer(max(halo_km, 0.1) * 1_000.0, quad_segs=4).simplify(200.0)
    return Place(asked, area, to_degrees(around), countries)


def _in_metres(shape: BaseGeometry):  # type: ignore[no-untyped-def]
    series = gpd.GeoSeries([shape], crs=WGS84)
    utm = series.estimate_utm_crs()
    return series.to_crs(utm).iloc[0], lambda back: gpd.GeoSeries([back], crs=utm).to_crs(WGS84).iloc[0]
