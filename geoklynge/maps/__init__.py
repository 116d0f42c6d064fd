"""A run as pages: the interactive map and the printed report."""

from .backgrounds import backgrounds_of
from .page import render_map
from .pages import render_pages
from .pdf import print_pdf
from .report import render_report

__all__ = ["backgrounds_of", "print_pdf", "render_map", "render_pages", "render_report"]
