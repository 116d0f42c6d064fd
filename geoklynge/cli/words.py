"""What all commands share: the language, tables on the screen, and errors of ours as one line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import StrEnum

import typer
from rich.console import Console

from ..errors import GeoklyngeError

WIDTH_ELSEWHERE = 160  # columns of a table that no terminal shows


class Language(StrEnum):
    """Language that a page opens in."""

    DA = "da"
    EN = "en"


def table_console(width: int = WIDTH_ELSEWHERE) -> Console:
    """Print tables as wide as the terminal is, elsewhere as wide as they need."""
    plain = Console(highlight=False, markup=False, emoji=False)
    return plain if plain.is_terminal else Console(highlight=False, markup=False, emoji=False, width=width)


def speak_plainly(command: Callable[[], None]) -> None:
    """Run a command; turn an error of ours into one line on stderr and its exit code."""
    try:
        command()
    except GeoklyngeError as error:
        print(f"geoklynge: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
