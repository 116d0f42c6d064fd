"""All pages of a run at once: what they say is gathered once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from ..pipeline import Run
from .backgrounds import backgrounds_of
from .content import content_of
from .folium_map import border_shapes
from .page import map_page
from .report import report_page
from .texts import texts


def render_pages(run: Run, *, language: str = "da", backgrounds: Sequence[str] = ()) -> dict[str, str]:
    """
    Render a run's pages.

    Parameters
    ----------
    run
        A checked run.
    language
        ``da`` or ``en``.
    backgrounds
        As for `render_map`.

    Returns
    -------
    dict
        The pages by file name: as `render_map` and `render_report` give them.

    Raises
    ------
    InputError
        If there is no such language or background map.
    """
    texts(language)
    backgrounds_of(backgrounds)
    with ThreadPoolExecutor(max_workers=1) as beside:  # GEOS draws without the interpreter
        borders = beside.submit(border_shapes, run)
        content = content_of(run)
        report = report_page(run, content, language)
    return {"map.html": map_page(run, content, borders.result(), language, backgrounds), "report.html": report}
