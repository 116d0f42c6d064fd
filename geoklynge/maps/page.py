"""The map's page: one HTML file with data, script and style inside."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from ..pipeline import Run
from .backgrounds import backgrounds_of
from .content import Content, content_of
from .folium_map import Borders, border_shapes, build_map
from .leaflet import leaflet_script, leaflet_style
from .texts import LANGUAGES, Words, texts

SCRIPTS = (
    "words.js",
    "ranking.js",
    "cards.js",
    "signs.js",
    "shading.js",
    "draw.js",
    "layers.js",
    "tables.js",
    "quality.js",
    "panel.js",
)  # in the order of need


def render_map(run: Run, *, language: str = "da", backgrounds: Sequence[str] = ()) -> str:
    """
    Render a run as one HTML page that needs no network: map, cards, search, legend.

    Parameters
    ----------
    run
        A checked run.
    language
        ``da`` or ``en``: what the page opens in; it holds both.
    backgrounds
        Keys of background maps from a network that the page offers, off until its reader turns one on. Without any,
        the page cannot ask any network for anything.

    Returns
    -------
    str
        The page. The same run gives the same bytes.

    Raises
    ------
    InputError
        If there is no such language or background map.
    """
    texts(language)
    return map_page(run, content_of(run), border_shapes(run), language, backgrounds)


def map_page(run: Run, content: Content, borders: Borders, language: str, backgrounds: Sequence[str] = ()) -> str:
    """Render the map of a run whose content and borders are at hand."""
    offered = backgrounds_of(backgrounds)
    words = {name: texts(name) for name in LANGUAGES}
    place, script = build_map(run, content, borders)
    data = {
        **content,
        "villages": _columns(content["villages"]),
        "backgrounds": offered,
        "language": language,
        "texts": words,
    }
    parts = (leaflet_script(), script, *(asset(name) for name in SCRIPTS))
    scripts = [part.replace("</script", "<\\/script") for part in parts]
    return (
        environment()
        .get_template("map.html.j2")
        .render(
            words=words_of(content, language),
            content=content,
            place=Markup(place),  # noqa: S704 - made by Folium from our own ids
            scripts=[Markup(part) for part in scripts],  # noqa: S704
            styles=[Markup(leaflet_style()), Markup(asset("panel.css"))],  # noqa: S704
            data=Markup(json_for_script(data)),  # noqa: S704
            policy=content_policy(scripts, [each["origin"] for each in offered]),
        )
    )


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Name the columns of a table once and not in every row: half the bytes for a country."""
    columns = list(rows[0]) if rows else []
    return {"columns": columns, "rows": [[row[name] for name in columns] for row in rows]}


def words_of(content: dict[str, Any], language: str) -> Words:
    """Words of a language, with the study's labels of service categories and topics."""
    categories, topics = (
        {key: label[language] for key, label in content[kind].items()} for kind in ("categories", "topics")
    )
    return Words(language, categories, topics)


def json_for_script(data: object) -> str:
    r"""
    Write data as JSON that cannot end the script it stands in.

    Examples
    --------
    >>> print(json_for_script("</script>"))
    "\u003c/script\u003e"
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for unsafe in "<>&\N{LINE SEPARATOR}\N{PARAGRAPH SEPARATOR}":
        text = text.replace(unsafe, f"\\u{ord(unsafe):04x}")
    return text


def content_policy(scripts: list[str], pictures: Sequence[str] = ()) -> str:
    """
    Forbid the page everything but its own scripts, known by their sums, and pictures of the background maps offered.

    A name that slipped through as markup could still neither run nor ask a network for anything.
    """
    sums = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{each}'" for each in sums)
    shown = " ".join(["data:", *pictures])
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src {shown}; "
        "base-uri 'none'; form-action 'none'"
    )


@cache
def asset(name: str) -> str:
    """Read a file that lies beside this one."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@cache
def environment() -> jinja2.Environment:
    """Templates beside this file; whatever they print is escaped."""
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
