"""Open data fetched from the services that offer it: the only modules of geoklynge that use a network."""

from __future__ import annotations

from .client import open_client
from .folder import Outcome, Wish, fetch
from .instructions import instructions
from .store import FOLDER as STORE_FOLDER
from .store import clear_store
from .survey import Listed, Planned, listed, planned

__all__ = [
    "STORE_FOLDER",
    "Listed",
    "Outcome",
    "Planned",
    "Wish",
    "clear_store",
    "fetch",
    "instructions",
    "listed",
    "open_client",
    "planned",
]
