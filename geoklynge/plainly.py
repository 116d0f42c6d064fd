"""Errors of ours as one line on the screen."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from .errors import GeoklyngeError


def speak_plainly(command: Callable[[], None]) -> None:
    """Run a command; turn an error of ours into one line on stderr and its exit code."""
    try:
        command()
    except GeoklyngeError as error:
        print(f"geoklynge: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
