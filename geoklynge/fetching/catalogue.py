"""Which sources are asked for which places, in which order, and which of them can stand in for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .dagi import DAGI
from .drafts import Fetcher
from .geofabrik import GEOFABRIK
from .osm_borders import OSM_BORDERS
from .overpass import OVERPASS
from .place import Place
from .place_names import PLACE_NAMES
from .registers import LIST_REGISTER, TABLE_REGISTER
from .statbank import STATBANK
from .wfs import WFS
from .whole_file import WHOLE_FILE


@dataclass(frozen=True)
class Group:
    """
    Sources that stand in for one another: the first that comes is taken.

    `where` says for which places; without an `essential` one there is no study.
    """

    keys: tuple[str, ...]
    where: Literal["denmark", "elsewhere", "anywhere"]
    essential: bool = False


INDEX = "municipality_index"
BORDERS = (
    Group(("dagi_municipalities", "osm_municipality"), "denmark"),
)  # fmt: skip
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
    Group(("overpass",), "elsewhere", essential=True),
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
}


def keys_for(group: Group, place: Place, at_most_km2: float) -> tuple[str, ...]:
    """Name the sources of a group that come into question for a place; a large one is not asked of Overpass."""
    if group.where == "denmark" and not place.asked.in_denmark:
        return ()
    if group.where == "elsewhere" and place.asked.in_denmark:
        return ()
    if "geofabrik" in group.keys and place.square_km() > at_most_km2:
        return ("geofabrik",)
    return group.keys
