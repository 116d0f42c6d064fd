"""A run as pages: the interactive map and the printed report."""

from .backgrounds import backgrounds_of
from .page import render_map
from .pages import render_pages
from .report import render_report

__all__ = ["backgrounds_of", "render_map", "render_pages", "render_report"]
