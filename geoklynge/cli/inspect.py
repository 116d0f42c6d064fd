"""geoklynge inspect."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..comparison.sheet import require_page, write_page
from ..inspecting import as_document, as_geojson, as_page, look_at, print_look, study_at
from ..sources import default_cache
from .words import Language, speak_plainly, table_console


def inspect_command(  # noqa: PLR0913, PLR0917 - the options of the command
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with a study.toml or of a finished run, or a study file.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, and write no page.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the page goes; inspect.html in DIR by default.")
    ] = None,
    geojson: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all doubts as points too.")] = None,
    language: Annotated[Language, typer.Option(help="Language of tables and page.")] = Language.DA,
    quiet: Annotated[bool, typer.Option("--quiet", help="Write the page and say nothing but errors.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read all sources anew and keep nothing.")] = False,
) -> None:
    """Tell what the sources of a study know and where there is reason to doubt: tables, and a page with small maps."""
    options = _InspectOptions(as_json, html, geojson, language.value, quiet, None if no_cache else default_cache())
    speak_plainly(lambda: _inspect(folder, options))


@dataclass(frozen=True)
class _InspectOptions:
    """What the command line says about a look at the data."""

    as_json: bool
    html: Path | None
    geojson: Path | None
    language: str
    quiet: bool
    cache: Path | None


def _inspect(folder: Path, options: _InspectOptions) -> None:
    study, home = study_at(folder)
    page = options.html or (None if options.as_json else home / "inspect.html")
    for path in (page, options.geojson):
        if path:
            require_page(path)  # better now than after the work
    look = look_at(study, cache=options.cache)
    if page:
        write_page(page, as_page(look, language=options.language))
    if options.geojson:
        write_page(options.geojson, as_geojson(look))
    if options.as_json:
        print(as_document(look))
    elif not options.quiet:
        print_look(table_console(), look, language=options.language, page=page)
