"""The command line: parse, call, print. No method lives here."""

from __future__ import annotations

import gc

import typer

from ..fetching import STORE_FOLDER, clear_store
from ..sources import clear_cache, default_cache
from .compare import compare_command, validate_command
from .fetch import fetch_command
from .inspect import inspect_command
from .run import check_command, pdf_command, run_command

app = typer.Typer(
    name="geoklynge",
    help="Candidate village clusters from open data: proposed, scored, explained, mapped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
cache_app = typer.Typer(help="What runs and fetches have kept.", no_args_is_help=True)
for name, command in (
    ("run", run_command),
    ("check", check_command),
    ("fetch", fetch_command),
    ("inspect", inspect_command),
    ("compare", compare_command),
    ("validate", validate_command),
    ("pdf", pdf_command),
):
    app.command(name)(command)
app.add_typer(cache_app, name="cache")


def main() -> None:
    """Run the command line."""
    collect_seldom()
    app()


def collect_seldom() -> None:
    """
    Let Python look for garbage more rarely than by default.

    A command keeps nearly all it makes until it ends; to look that over again and again took 1.4 of the 22 s that
    Denmark needed.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@cache_app.command("clear")
def cache_clear_command() -> None:
    """Remove what runs and fetches have kept; the next run reads its sources anew."""
    folder = default_cache()
    size = clear_cache(folder) + clear_store(folder / STORE_FOLDER)
    print(f"{size / 1e6:.0f} MB removed from {folder}")
