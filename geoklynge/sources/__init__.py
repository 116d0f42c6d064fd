"""Source files to tables: the only modules of geoklynge that open a file of data."""

from __future__ import annotations

from .assembly import read_tables
from .cache import clear_cache, default_cache

__all__ = ["clear_cache", "default_cache", "read_tables"]
