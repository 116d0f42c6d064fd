"""A look at the data of a study before it is used: on the screen, as one document, as a page with small maps."""

from __future__ import annotations

from .look import Look, look_at, study_at
from .page import as_page
from .points import as_geojson
from .sheet import as_document, print_look

__all__ = ["Look", "as_document", "as_geojson", "as_page", "look_at", "print_look", "study_at"]
