"""geoklynge run, check and pdf."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ..bars import shown_progress
from ..checker import check
from ..errors import InputError
from ..exports import RUN_FILE, read_run, slug, write_run
from ..maps import backgrounds_of, print_pdf, render_pages
from ..open_country import count_open_country
from ..pipeline import Run, run
from ..placing import require_folder
from ..sources import default_cache, read_tables
from ..study import read_study, source_bytes
from ..table_files import another_process
from .words import Language, speak_plainly

LARGE_SOURCES = 20_000_000  # bytes; from there on tables are written by a process of their own


@dataclass(frozen=True)
class _RunOptions:
    """What the command line says about a run."""

    out: Path | None
    language: Language
    seed: int | None
    as_json: bool
    quiet: bool
    cache: Path | None
    backgrounds: tuple[str, ...]


def run_command(  # noqa: PLR0913, PLR0917 - the options of the command
    study_file: Annotated[Path, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    out: Annotated[Path | None, typer.Option(help="Folder for the outputs; maps/<study> by default.")] = None,
    language: Annotated[Language, typer.Option(help="Language that map and report open in.")] = Language.DA,
    seed: Annotated[int | None, typer.Option(min=0, max=2**32 - 1, help="Takes the place of the study's seed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print run.json instead of words.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but errors.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Read all sources anew and keep nothing.")] = False,
    background: Annotated[
        list[str] | None,
        typer.Option(help="Background map that readers may turn on: osm, skaermkort. Needs a network."),
    ] = None,
) -> None:
    """Run a study: from its sources to a ranked, explained map of candidate clusters."""
    cache = None if no_cache else default_cache()
    options = _RunOptions(out, language, seed, as_json, quiet, cache, tuple(background or ()))
    speak_plainly(lambda: _run(study_file, options))


def _run(study_file: Path, options: _RunOptions) -> None:
    study = read_study(study_file, seed=options.seed)
    words = Console(quiet=options.quiet or options.as_json, highlight=False, soft_wrap=True)
    folder = options.out or Path("maps") / slug(study.name)
    require_folder(folder).rmdir()  # better now than after the work
    backgrounds_of(options.backgrounds)
    silent = options.quiet or options.as_json
    aside = another_process() if source_bytes(study) > LARGE_SOURCES else nullcontext()
    with shown_progress(silent=silent) as report, aside as process:
        result = run(study, report=report, cache=options.cache)
        report("outputs", 0, 0)
        pages = partial(render_pages, result, language=options.language.value, backgrounds=options.backgrounds)
        write_run(result, folder, pages=pages, process=process)
    if options.as_json:
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


def check_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Verify a written run with the independent checker: exit 0, or 1 and the broken limits."""
    speak_plainly(lambda: _check(folder, as_json=as_json))


def _check(folder: Path, *, as_json: bool) -> None:
    written = read_run(folder)
    # anew: a mistake that the cache kept must not confirm itself
    tables = count_open_country(read_tables(written.study), written.study)
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


def pdf_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
) -> None:
    """Print the report of a run to report.pdf beside it, with the Chromium that is installed."""

    def command() -> None:
        print_pdf(folder / "report.html", folder / "report.pdf")
        print(f"report: {folder / 'report.pdf'}")

    speak_plainly(command)
