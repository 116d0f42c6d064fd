"""Candidate village clusters (landsbyklynger) from open data: proposed, scored, explained, mapped."""

from importlib.metadata import version

__version__ = version("geoklynge")

from .errors import GeoklyngeError
from .exports import read_run, write_run
from .maps import render_map, render_report
from .pipeline import Run, run
from .study import Study, read_study
from .tables import Tables

__all__ = [
    "GeoklyngeError",
    "Run",
    "Study",
    "Tables",
    "__version__",
    "read_run",
    "read_study",
    "render_map",
    "render_report",
    "run",
    "write_run",
]
