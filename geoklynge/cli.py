"""The command line: parse, call, print. No method lives here."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .checker import check
from .errors import GeoklyngeError, InputError
from .exports import RUN_FILE, read_run, require_folder, slug, write_run
from .maps import render_pages
from .pipeline import Run, run
from .sources import read_tables
from .study import read_study

app = typer.Typer(
    name="geoklynge",
    help="Candidate village clusters from open data: proposed, scored, explained, mapped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Language(StrEnum):
    """Language that the map opens in."""

    DA = "da"
    EN = "en"


def main() -> None:
    """Run the command line."""
    app()


@app.callback()
def _root() -> None:
    """Keep commands under their names, however many there are."""


@app.command("run")
def run_command(
    study_file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the outputs; maps/<study> by default.")] = None,
    language: Annotated[Language, typer.Option(help="Language that map and report open in.")] = Language.DA,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Takes the place of the study's seed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json instead of words.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
) -> None:
    """Run a study: from its sources to a ranked, explained map of candidate clusters."""
    _speak_plainly(lambda: _run(study_file, out, language, seed, silent=as_json or quiet, as_json=as_json))


def _run(
    study_file: Path, out: Path | None, language: Language, seed: int | None, *, silent: bool, as_json: bool
) -> None:
    study = read_study(study_file, seed=seed)
    stages = Console(stderr=True)
    words = Console(quiet=silent, highlight=False, soft_wrap=True)
    folder = out or Path("maps") / slug(study.name)
    require_folder(folder).rmdir()  # better now than after the work
    with stages.status("") as status:

        def report(stage: str) -> None:
            if not silent and stages.is_terminal:
                status.update(f"{stage} …")

        result = run(study, report=report)
        report("outputs")
        write_run(result, folder, pages=render_pages(result, language=language.value))
    if as_json:
        print((folder / RUN_FILE).read_text(encoding="utf-8"), end="")
        return
    for finding in result.findings():
        words.print(f"note: {finding.text}", markup=False)
    _print_summary(words, result, folder)


def _print_summary(words: Console, result: Run, folder: Path) -> None:
    clusters, villages = result.result.clusters, result.result.villages
    placed = int(villages["cluster_id"].notna().sum())
    words.print(
        f"clusters: {len(clusters)}, with {placed} of {len(villages)} villages; "
        f"chosen from {len(result.pool.sets)} candidates, gap {result.plan.gap:.2%}; "
        f"pairs of villages checked: {result.verdict.pairs}, every limit kept",
        markup=False,
    )
    for row in clusters.head(5).itertuples():
        words.print(
            f"{row.rank:>2}. {row.name}: score {row.score:.1f}, {row.n_villages} villages, "
            f"{row.population} people, {row.max_minutes:.0f} minutes across",
            markup=False,
        )
    if len(clusters) > 5:
        words.print(f"    and {len(clusters) - 5} more in the map's list", markup=False)
    words.print(f"map: {folder / 'map.html'}", markup=False)


@app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Verify a written run with the independent checker: exit 0, or 1 and the broken limits."""
    _speak_plainly(lambda: _check(folder, as_json=as_json))


def _check(folder: Path, *, as_json: bool) -> None:
    written = read_run(folder)
    tables = read_tables(written.study)
    changed = [source.path for source in tables.sources if written.source_sums.get(source.path) != source.sha256]
    if changed:
        raise InputError("changed since the run", where=", ".join(changed), advice="run the study again")
    verdict = check(written.clusters, written.ties, tables, written.study)
    if as_json:
        summary = {
            "passed": verdict.passed,
            "clusters": verdict.clusters,
            "pairs": verdict.pairs,
            "largest_difference_minutes": verdict.largest_difference_minutes,
            "broken": list(verdict.broken),
        }
        print(json.dumps(summary, ensure_ascii=False))
        if verdict.broken:
            raise typer.Exit(1)
        return
    verdict.raise_if_broken()
    print(
        f"{verdict.clusters} clusters, {verdict.pairs} pairs of villages: every limit kept; "
        f"minutes differ by at most {verdict.largest_difference_minutes:.4f}"
    )


def _speak_plainly(command: Callable[[], None]) -> None:
    """Run a command; turn an error of ours into one line on stderr and its exit code."""
    try:
        command()
    except GeoklyngeError as error:
        print(f"geoklynge: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
