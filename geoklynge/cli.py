"""The command line: parse, call, print. No method lives here."""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from .bars import shown_progress
from .checker import check
from .comparison import read_known, validate
from .comparison.catalogue import OURS, RIVALS, Rival, rivals_named
from .comparison.compare import compare
from .comparison.sheet import as_html, as_json, print_sheet, require_page, write_page
from .errors import GeoklyngeError, InputError
from .exports import RUN_FILE, WrittenRun, read_run, require_folder, slug, write_run
from .inspecting import as_document, as_geojson, as_page, look_at, print_look, study_at
from .maps import backgrounds_of, print_pdf, render_pages
from .pipeline import Run, run
from .sources import clear_cache, default_cache, read_tables
from .study import Study, read_study, source_bytes
from .table_files import another_process
from .validation_words import recovery_table, remarks, summary_table, validation_record

app = typer.Typer(
    name="geoklynge",
    help="Candidate village clusters from open data: proposed, scored, explained, mapped.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


LARGE_SOURCES = 20_000_000  # bytes; from there on tables are written by a process of their own
WIDTH_ELSEWHERE = 160  # columns of a table that no terminal shows

cache_app = typer.Typer(help="Parsed sources that runs have kept.", no_args_is_help=True)
app.add_typer(cache_app, name="cache")


class Language(StrEnum):
    """Language that the map opens in."""

    DA = "da"
    EN = "en"


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


@app.callback()
def _root() -> None:
    """Keep commands under their names, however many there are."""


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


@app.command("run")
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
    _speak_plainly(lambda: _run(study_file, options))


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


@app.command("check")
def check_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Verify a written run with the independent checker: exit 0, or 1 and the broken limits."""
    _speak_plainly(lambda: _check(folder, as_json=as_json))


def _check(folder: Path, *, as_json: bool) -> None:
    written = read_run(folder)
    tables = read_tables(written.study)  # anew: a mistake that the cache kept must not confirm itself
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


@dataclass(frozen=True)
class _CompareOptions:
    """What the command line says about a comparison."""

    rivals: tuple[Rival, ...]
    known: Path | None
    as_json: bool
    html: Path | None
    timeout_s: float
    quiet: bool


@app.command("compare")
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

    _speak_plainly(command)


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
        print_sheet(_table_console(), found)


def _without_topics(study: Study) -> Study:
    """Leave out the plans by topic, which neither command looks at."""
    return study.model_copy(update={"topics": study.topics.model_copy(update={"enabled": False})})


def _rivals_of(names: str | None) -> tuple[Rival, ...]:
    """Find methods by their names, comma between; ``all`` are all, None is none."""
    if names is None or names.strip() == "all":
        return () if names is None else RIVALS
    return rivals_named([name.strip() for name in names.split(",") if name.strip()])


def _table_console() -> Console:
    """Print tables as wide as the terminal is, elsewhere as wide as they need."""
    plain = Console(highlight=False, markup=False, emoji=False)
    return plain if plain.is_terminal else Console(highlight=False, markup=False, emoji=False, width=WIDTH_ELSEWHERE)


@app.command("validate")
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
    _speak_plainly(lambda: _validate(folder, known, options))


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
    _table_console().print(recovery_table(validation), summary_table(validation, rows))
    for line in remarks(validation):
        words.print(line, soft_wrap=True)
    if not same:
        words.print(f"note: the clusters are others than those in {folder}: run the study again", soft_wrap=True)


def _same_clusters(written: WrittenRun, result: Run) -> bool:
    """Tell whether a run gave the clusters that are written, in the same order."""
    return [*written.clusters["village_ids"]] == [*result.result.clusters["village_ids"]]


@app.command("inspect")
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
    _speak_plainly(lambda: _inspect(folder, options))


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
        print_look(_table_console(), look, language=options.language, page=page)


@app.command("pdf")
def pdf_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a finished run.")],
) -> None:
    """Print the report of a run to report.pdf beside it, with the Chromium that is installed."""

    def command() -> None:
        print_pdf(folder / "report.html", folder / "report.pdf")
        print(f"report: {folder / 'report.pdf'}")

    _speak_plainly(command)


@cache_app.command("clear")
def cache_clear_command() -> None:
    """Remove what runs have kept; the next run reads its sources anew."""
    folder = default_cache()
    print(f"{clear_cache(folder) / 1e6:.0f} MB removed from {folder}")


def _speak_plainly(command: Callable[[], None]) -> None:
    """Run a command; turn an error of ours into one line on stderr and its exit code."""
    try:
        command()
    except GeoklyngeError as error:
        print(f"geoklynge: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
