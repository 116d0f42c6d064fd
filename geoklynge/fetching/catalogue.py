"""Which sources are asked for which places, in which order, and which of them can stand in for another."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from .dagi import DAGI
from .drafts import Fetcher
from .eurostat import EUROSTAT_GRID
from .geofabrik import GEOFABRIK
from .geonames import GEONAMES
from .gisco import GISCO
from .osm_borders import OSM_BORDERS
from .overpass import OVERPASS
from .overture import OVERTURE
from .place import Asked, Place
from .place_names import PLACE_NAMES
from .registers import LIST_REGISTER, TABLE_REGISTER
from .statbank import STATBANK
from .wfs import WFS
from .whole_file import WHOLE_FILE


@dataclass(frozen=True)
class Group:
    """
    Sources that stand in for one another: the first that comes is taken.

    `where` says for which places; ``wished`` means in Denmark, where somebody names the source, or has done so for this
    folder. Without an `essential` one there is no study. A group is left out where the source `unless` has come: it has
    nothing to add to that.
    """

    keys: tuple[str, ...]
    where: Literal["denmark", "elsewhere", "anywhere", "wished"]
    essential: bool = False
    unless: str = ""


INDEX = "municipality_index"
BORDERS = (
    Group(("dagi_municipalities", "osm_municipality"), "denmark"),
    Group(("gisco_lau",), "elsewhere"),
)
# In the order in which a study lists them: of two sources that know one thing the first stands.
GROUPS = (
    Group(("dagi_parishes",), "denmark"),
    Group(("place_names", "place_names_wide"), "denmark"),
    Group(("geofa_facilities",), "denmark"),
    Group(("school_register", "school_register_export", "school_register_extract"), "denmark"),
    Group(("daycare_register",), "denmark"),
    Group(("health_register",), "denmark"),
    Group(("gtfs",), "denmark"),
    Group(("overpass", "geofabrik"), "denmark", essential=True),
    Group(("overpass", "overture_roads"), "elsewhere", essential=True),
    Group(("overture_divisions",), "elsewhere", unless="overpass"),  # made of OpenStreetMap's places
    Group(("overture_places",), "elsewhere"),
    Group(("overture_divisions",), "wished"),
    Group(("overture_places",), "wished"),
    Group(("overture_roads",), "wished"),
    Group(("geonames",), "anywhere"),
    Group(("eurostat_grid", "eurostat_grid_long"), "anywhere"),
    Group(("statbank_places",), "denmark"),
    Group(("statbank_parishes",), "denmark"),
)
# A source that is not among these is taken where somebody has downloaded it by hand.
FETCHERS: dict[str, Fetcher] = {
    "dagi_municipalities": DAGI,
    "osm_municipality": OSM_BORDERS,
    "dagi_parishes": DAGI,
    "gtfs": WHOLE_FILE,
    "overpass": OVERPASS,
    "geofabrik": GEOFABRIK,
    "place_names": PLACE_NAMES,
    "geofa_facilities": WFS,
    "school_register": LIST_REGISTER,
    "health_register": TABLE_REGISTER,
    "statbank_places": STATBANK,
    "statbank_parishes": STATBANK,
    "geonames": GEONAMES,
    "gisco_lau": GISCO,
    "eurostat_grid": EUROSTAT_GRID,
    "overture_places": OVERTURE,
    "overture_divisions": OVERTURE,
    "overture_roads": OVERTURE,
}


def keys_for(
    group: Group, place: Place, at_most_km2: float, *, wished: Collection[str] = (), come: Collection[str] = ()
) -> tuple[str, ...]:
    """
    Name the sources of a group that come into question for a place; a large one is not asked of Overpass.

    `wished` are those that somebody has named, `come` those that have come already.
    """
    keys = keys_there(group, place.asked, wished)
    if group.unless in come and not {*keys} & {*wished}:
        return ()
    if len(keys) > 1 and "overpass" in keys and place.square_km() > at_most_km2:
        return keys[1:]
    return keys


def keys_there(group: Group, asked: Asked, wished: Collection[str] = ()) -> tuple[str, ...]:
    """Name the sources of a group for a place, whatever its size."""
    if group.where == "wished":
        return tuple(key for key in group.keys if key in wished) if asked.in_denmark else ()
    fits = group.where == "anywhere" or (group.where == "denmark") == asked.in_denmark
    return group.keys if fits else ()
