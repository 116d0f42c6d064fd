"""geoklynge compare and validate."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..bars import shown_progress
from ..comparison import read_known, validate
from ..comparison.catalogue import OURS, RIVALS, Rival, rivals_named
from ..comparison.compare import compare
from ..comparison.sheet import as_html, as_json, print_sheet, require_page, write_page
from ..exports import WrittenRun, read_run
from ..pipeline import Run, run
from ..sources import default_cache
from ..study import Study, read_study
from ..validation_words import recovery_table, remarks, summary_table, validation_record
from .words import speak_plainly, table_console


@dataclass(frozen=True)
class _CompareOptions:
    """What the command line says about a comparison."""

    rivals: tuple[Rival, ...]
    known: Path | None
    as_json: bool
    html: Path | None
    timeout_s: float
    quiet: bool


def compare_command(  # noqa: PLR0913, PLR0917 - the options of the command
    study_file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    known: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="Clusters that really exist, a row a member.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the table as an HTML page too.")] = None,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0.1, max=1e6, help="Time that one method has for all its settings.")
    ] = 300.0,
    only: Annotated[
        str | None, typer.Option(metavar="METHOD,...", help="Compare with these methods only; a wrong name lists them.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Let other methods group the same villages, and show them beside geoklynge's plan."""

    def command() -> None:
        rivals = _rivals_of("all" if only is None else only)
        _compare(study_file, _CompareOptions(rivals, known, as_json, html, timeout, quiet))

    speak_plainly(command)


def _compare(study_file: Path, options: _CompareOptions) -> None:
    study = read_study(study_file)
    known = read_known(options.known) if options.known else None
    if options.html:
        require_page(options.html)  # better now than after the work
    with shown_progress(silent=options.quiet or options.as_json) as report:
        result = run(_without_topics(study), report=report, cache=default_cache())
        found = compare(result, rivals=options.rivals, known=known, timeout_s=options.timeout_s, report=report)
    if options.html:
        write_page(options.html, as_html(found))
    if options.as_json:
        print(as_json(found))
    elif not options.quiet:
        print_sheet(table_console(), found)


def _without_topics(study: Study) -> Study:
    """Leave out the plans by topic, which neither command looks at."""
    return study.model_copy(update={"topics": study.topics.model_copy(update={"enabled": False})})


def _rivals_of(names: str | None) -> tuple[Rival, ...]:
    """Find methods by their names, comma between; ``all`` are all, None is none."""
    if names is None or names.strip() == "all":
        return () if names is None else RIVALS
    return rivals_named([name.strip() for name in names.split(",") if name.strip()])


def validate_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    known: Annotated[Path, typer.Option(metavar="FILE.csv", help="Clusters that really exist, a row a member.")],
    rivals: Annotated[
        str | None, typer.Option(metavar="METHOD,...", help="What other methods find: all, or their names.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document instead of tables.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read all sources anew and keep nothing.")] = False,
) -> None:
    """Run a study again and tell how well it finds clusters that really exist, and what chance would find."""
    options = _ValidateOptions(rivals, as_json, quiet, None if no_cache else default_cache())
    speak_plainly(lambda: _validate(folder, known, options))


@dataclass(frozen=True)
class _ValidateOptions:
    """What the command line says about a validation."""

    rivals: str | None
    as_json: bool
    quiet: bool
    cache: Path | None


def _validate(folder: Path, known_file: Path, options: _ValidateOptions) -> None:
    others = _rivals_of(options.rivals)
    known, written = read_known(known_file), read_run(folder)
    with shown_progress(silent=options.quiet or options.as_json) as report:
        result = run(_without_topics(written.study), report=report, cache=options.cache)
        report("validation", 0, 0)
        validation = validate(result, known)
        rows = compare(result, rivals=others, known=known, report=report).rows if others else ()
    rows = tuple(row for row in rows if row.method != OURS)
    same = _same_clusters(written, result)
    if options.as_json:
        head = {"study": written.study.name, "seed": written.study.seed, "known": str(known_file), "as_written": same}
        print(
            json.dumps({**head, **validation_record(validation, rows)}, ensure_ascii=False, indent=1, allow_nan=False)
        )
        return
    words = Console(highlight=False, markup=False, emoji=False)
    table_console().print(recovery_table(validation), summary_table(validation, rows))
    for line in remarks(validation):
        words.print(line, soft_wrap=True)
    if not same:
        words.print(f"note: the clusters are others than those in {folder}: run the study again", soft_wrap=True)


def _same_clusters(written: WrittenRun, result: Run) -> bool:
    """Tell whether a run gave the clusters that are written, in the same order."""
    return [*written.clusters["village_ids"]] == [*result.result.clusters["village_ids"]]
