"""Candidate village clusters (landsbyklynger) from open data: proposed, scored, explained, mapped."""

from importlib.metadata import version

from .errors import GeoklyngeError

__version__ = version("geoklynge")

__all__ = ["GeoklyngeError", "__version__"]
