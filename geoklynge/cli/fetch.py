"""geoklynge fetch."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ..bars import shown_progress
from ..errors import InputError, StudyError
from ..fetching import STORE_FOLDER, Listed, Outcome, Planned, Wish, fetch, instructions, listed, open_client, planned
from ..fetching.records import BY_HAND, STUDY_BESIDE, STUDY_FILE, FileRecord
from ..sources import default_cache
from .words import speak_plainly, table_console

WIDTH = 220  # columns of these tables where no terminal shows them
INSIDE_VARIABLE = "GEOKLYNGE_INSIDE"  # hosts inside one's own network that may be asked, `host:port`, comma between


@dataclass(frozen=True)
class FetchOptions:
    """What the command line says about a fetch."""

    words: tuple[str, ...]
    into: Path | None
    halo_km: float
    only: tuple[str, ...]
    refresh: bool
    offline: bool
    what: str  # fetch, list, plan or instructions
    as_json: bool
    quiet: bool


def fetch_command(  # noqa: PLR0913, PLR0917 - the options of the command
    place: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLACE...",
            help="Municipalities by name or number (outside Denmark by code, SE_0885), a box west,south,east,north, a "
            "polygon file, or Danmark.",
        ),
    ] = None,
    into: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for files, sources.json, study.toml.")
    ] = None,
    halo_km: Annotated[float, typer.Option(min=0, max=100, help="How far around the place sources are asked.")] = 10.0,
    only: Annotated[str | None, typer.Option(metavar="SOURCE,...", help="Ask these only; the rest stays.")] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask whether there is something newer.")] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask nobody: take what lies there and what was kept.")
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help="Show the sources and how it stands with them.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be asked, and ask nothing.")] = False,
    how: Annotated[bool, typer.Option("--instructions", help="Show how to download every file by hand.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Fetch open data for a place, and a study over it that is ready to run: exit 1 if a source did not come."""
    what = "list" if list_ else "instructions" if how else "plan" if dry_run else "fetch"
    keys = tuple(key.strip() for key in (only or "").split(",") if key.strip())
    options = FetchOptions(tuple(place or ()), into, halo_km, keys, refresh, offline, what, as_json, quiet)
    speak_plainly(lambda: run_fetch(options))


def run_fetch(options: FetchOptions) -> None:
    """Do what the options say."""
    words = Console(quiet=options.quiet, highlight=False, soft_wrap=True, markup=False, emoji=False)
    if options.what == "instructions":
        print(instructions(options.only))
        return
    if options.what == "list":
        _print_list(options)
        return
    client = open_client(
        default_cache() / STORE_FOLDER, inside=_inside(), refresh=options.refresh, offline=options.offline
    )
    nowhere = default_cache() / "no folder"
    wish = Wish(options.words, options.into or nowhere, options.halo_km, options.only)
    if options.what == "plan":
        _print_plan(options, planned(wish, client))
        return
    if options.into is None:
        raise InputError("no folder", where="--into", advice="say where the files go")
    with shown_progress(silent=options.quiet or options.as_json) as report:
        outcome = fetch(wish, client, report=report)
    if options.as_json:
        print((options.into / "sources.json").read_text(encoding="utf-8"), end="")
    else:
        _print_outcome(words, outcome, options.into)
    for reason in outcome.missing.values():
        print(f"geoklynge: not fetched: {reason}", file=sys.stderr)
    if outcome.missing:
        raise typer.Exit(1)


def _inside() -> frozenset[str]:
    said = os.environ.get(INSIDE_VARIABLE, "")
    hosts = frozenset(host.strip() for host in said.split(",") if host.strip())
    if any("/" in host for host in hosts):
        raise StudyError(f"{said!r} names no hosts", where=f"${INSIDE_VARIABLE}", advice="write host:port")
    return hosts


def _print_outcome(words: Console, outcome: Outcome, into: Path) -> None:
    for record in outcome.records:
        state = _state_of(record, outcome)
        dated = f", of {record.dated}" if record.dated else ""
        rows = f"{record.rows} row{'' if record.rows == 1 else 's'}"
        words.print(f"{record.file}: {rows}{dated}{state} ({record.attribution})")
    for name in outcome.unused:
        words.print(f"lies there, and is not used: {name} (its name is that of no source: see --instructions)")
    for label, reasons in (("left out", outcome.left_out), ("nothing there", outcome.nothing_there)):
        for reason, keys in _grouped(reasons).items():
            words.print(f"{label}: {', '.join(keys)}: {reason}")
    study = STUDY_BESIDE if outcome.study_left_alone else STUDY_FILE
    if outcome.study_left_alone:
        words.print(f"study.toml was changed by hand and stays; what belongs to these files is {STUDY_BESIDE}")
    words.print(f"study: {into / study}; next: geoklynge run {into / study}")


def _state_of(record: FileRecord, outcome: Outcome) -> str:
    """Say in a few words what happened to a file."""
    if record.file in outcome.changed:
        return ", kept: changed by hand since it was fetched"
    if record.fetched == BY_HAND:
        return ", downloaded by hand"
    if record.file in outcome.kept:
        return ", kept from before"
    return ", unchanged" if record.file in outcome.same else ""


def _grouped(reasons: dict[str, str]) -> dict[str, list[str]]:
    """Say a reason once for all sources that have it."""
    found: dict[str, list[str]] = {}
    for key, reason in reasons.items():
        found.setdefault(reason.removeprefix(f"{key}: "), []).append(key)
    return found


def _print_list(options: FetchOptions) -> None:
    found = listed(options.into)
    rows = [
        (entry.key, entry.key_state, entry.fetched[:10], "" if entry.rows is None else str(entry.rows), entry.title)
        for entry in found
    ]
    _print_rows(options, found, ("source", "key", "fetched", "rows", "what"), rows)


def _print_plan(options: FetchOptions, plan: list[Planned]) -> None:
    rows = [
        (
            entry.key,
            f"{entry.at_most_mb:g} MB",
            "" if entry.days_old is None else f"{entry.days_old:g} days",
            entry.asked,
            entry.address,
        )
        for entry in plan
    ]
    _print_rows(options, plan, ("source", "at most", "copy", "state", "asks"), rows)


def _print_rows(
    options: FetchOptions, entries: Sequence[Listed | Planned], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Print entries as JSON, or as a table whose last column is folded and whose others are never cut."""
    if options.as_json:
        print(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False, indent=1))
        return
    table = Table()
    for name in names[:-1]:
        table.add_column(name, no_wrap=True)
    table.add_column(names[-1], overflow="fold")
    for row in rows:
        table.add_row(*row)
    table_console(WIDTH).print(table)
