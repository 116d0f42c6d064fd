"""Source files to tables: the only modules of geoklynge that open a file of data."""

from __future__ import annotations

from .assembly import read_tables

__all__ = ["read_tables"]
