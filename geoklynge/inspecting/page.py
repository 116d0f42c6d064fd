"""A look at the data as one page with small maps, which needs no script and no network."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2
import numpy as np
import shapely
from markupsafe import Markup

from .. import __version__
from ..maps.quality_notes import file_names, quality_notes
from ..maps.texts import Words, texts
from ..origins import INSIDE, OWN
from .drawing import Frame, frame_of, land, point_map, positions, sign
from .in_words import (
    MOST_ROWS,
    accounts_sheet,
    completeness_sheet,
    doubt_sheets,
    figures_sheet,
    words_for,
    years_sheet,
)
from .look import Look
from .sheet import findings_in_words, numbers_told


def as_page(look: Look, *, language: str) -> str:
    """
    Write a look at the data as one HTML page.

    Parameters
    ----------
    look
        As `look_at` gives it.
    language
        ``da`` or ``en``.

    Raises
    ------
    InputError
        If there is no such language.
    """
    texts(language)
    words, frame = words_for(look, language), frame_of(look.tables)
    return _environment().get_template("inspect.html.j2").render(
        words=words,
        study=look.study.name,
        numbers=numbers_told(look, words),
        findings=findings_in_words(look, words),
        completeness=completeness_sheet(look, words),
        said=[words.tell(sentence) for sentence in quality_notes(look.quality)["quality_said"][:1]],
        figures=figures_sheet(look, words),
        land=land(frame),
        places=_places(look, frame, words),
        doubts=_doubts(look, frame, words),
        services=_services(look, frame, words),
        sheets=doubt_sheets(look, words),
        accounts=accounts_sheet(look, words),
        years=years_sheet(look, words),
        sources=_sources(look, language),
        most=MOST_ROWS,
        version=__version__,
    )  # fmt: skip


def _places(look: Look, frame: Frame, words: Words) -> Markup:
    xy = shapely.get_coordinates(look.tables.villages.geometry.to_numpy())
    about = words.say("inspect.map_places_about", n=len(xy))
    return point_map(frame, [("dot", xy)], words.say("inspect.map_places"), about)


def _doubts(look: Look, frame: Frame, words: Words) -> dict[str, Any]:
    """Draw all doubts that have a position, and explain the signs that occur."""
    quality = look.quality
    layers = [
        ("square", "inspect.sign_people", positions(quality.without_people)),
        ("ring", "inspect.sign_merged", positions(quality.merged)),
        ("cross", "inspect.sign_far", positions(quality.far_services)),
        ("triangle", "inspect.sign_parish", positions(quality.outside_parish)),
    ]
    met = [layer for layer in layers if len(layer[2])]
    beyond = sum(len(xy) - len(frame.place(xy)) for _, _, xy in met)
    return {
        "map": point_map(
            frame,
            [(name, xy) for name, _, xy in met],
            words.say("inspect.map_doubts"),
            words.say("inspect.map_doubts_about"),
        ),
        "legend": [(sign(name), f"{words.say(key)}: {words.say('ui.whole', value=len(xy))}") for name, key, xy in met],
        "beyond": words.say("inspect.map_beyond", n=beyond) if beyond else "",
    }


def _services(look: Look, frame: Frame, words: Words) -> list[tuple[str, str, Markup]]:
    """Draw the services of each kind that the data knows any of: its name, how many, the map."""
    origins = look.tables.origins
    if origins is None:
        return []
    rows = origins.services[((origins.services["reason"] == OWN) & (origins.services["standing"] == INSIDE)).to_numpy()]
    kinds, xy = rows["category"].to_numpy(dtype=object), rows[["x", "y"]].to_numpy(dtype=float)
    maps = []
    for key, label in words.categories.items():
        here = xy[kinds == key]
        if len(here):
            about = words.say("inspect.map_category_about", n=len(here))
            drawn = here[np.isfinite(here).all(axis=1)]
            maps.append((label, about, point_map(frame, [("dot", drawn)], label, about)))
    return maps


def _sources(look: Look, language: str) -> list[dict[str, Any]]:
    return [
        {
            "title": source.title_da if language == "da" else source.title_en,
            "file": file_names(source.path),
            "rows": source.rows,
            "dated": source.dated,
            "licence": source.licence,
            "attribution": source.attribution,
        }
        for source in look.tables.sources
    ]


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("geoklynge", "inspecting"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
