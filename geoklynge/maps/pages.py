"""All pages of a run at once: what they say is gathered once."""

from __future__ import annotations

from ..pipeline import Run
from .content import content_of
from .page import map_page
from .report import report_page
from .texts import texts


def render_pages(run: Run, *, language: str = "da") -> dict[str, str]:
    """
    Render a run's pages.

    Parameters
    ----------
    run
        A checked run.
    language
        ``da`` or ``en``.

    Returns
    -------
    dict
        The pages by file name: as `render_map` and `render_report` give them.

    Raises
    ------
    InputError
        If there is no such language.
    """
    texts(language)
    content = content_of(run)
    return {"map.html": map_page(run, content, language), "report.html": report_page(run, content, language)}
