"""A comparison on the screen, as JSON and as one plain HTML page."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jinja2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .. import __version__
from ..errors import InputError
from .columns import COLUMNS, Column
from .compare import Comparison, Row

BEST = "*"
WIDEST = 10_000  # columns of a screen that nothing is too wide for
NARROW = 24  # columns of the screen that a setting or a note may take before it is folded


def columns_of(comparison: Comparison) -> tuple[Column, ...]:
    """Columns that have something to say; those of known clusters only where there are any."""
    return tuple(column for column in COLUMNS if comparison.known is not None or not column.name.startswith("known_"))


def best_of(column: Column, rows: Sequence[Row]) -> frozenset[str]:
    """Name the methods that are best in a column, as it is written; none where all are equal or nothing is better."""
    values = {row.method: row.figures[column.name] for row in rows if not math.isnan(row.figures[column.name])}
    if not column.better or len({column.written(value) for value in values.values()}) < 2:
        return frozenset()
    best = (max if column.better == "more" else min)(values.values())
    return frozenset(method for method, value in values.items() if column.written(value) == column.written(best))


def print_sheet(console: Console, comparison: Comparison) -> None:
    """Print the table, in as many pieces as the screen is too narrow for."""
    for columns in _pieces(console, comparison):
        console.print(_table(comparison, columns))
    console.print(Text(f"{BEST} best of its column; {_basis(comparison)}"))


def _pieces(console: Console, comparison: Comparison) -> Iterator[list[Column]]:
    """Divide the columns so that each piece fits the screen; one column is never divided."""
    unbounded = console.options.update(max_width=WIDEST)
    piece: list[Column] = []
    for column in columns_of(comparison):
        wide = console.measure(_table(comparison, [*piece, column]), options=unbounded).maximum > console.width
        if piece and wide:
            yield piece
            piece = []
        piece.append(column)
    yield piece


def _table(comparison: Comparison, columns: Sequence[Column]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("method", no_wrap=True)
    table.add_column("setting", max_width=NARROW, overflow="fold")
    for column in columns:
        table.add_column(column.head, justify="right", no_wrap=True)
    best = {column.name: best_of(column, comparison.rows) for column in columns}
    for row in comparison.rows:
        cells = [_cell(column, row, row.method in best[column.name]) for column in columns]
        table.add_row(Text(row.title), Text("; ".join(part for part in (row.setting, row.note) if part)), *cells)
    return table


def _cell(column: Column, row: Row, is_best: bool) -> Text:
    """Write a figure so that numbers stand under one another whether or not they are marked."""
    written = column.written(row.figures[column.name])
    return Text(f"{written}{BEST}", style="bold") if is_best else Text(f"{written} ")


def _basis(comparison: Comparison) -> str:
    known = "" if comparison.known is None else f", known clusters: {comparison.known}"
    return (
        f"{comparison.study}: {comparison.eligible} of {comparison.villages} villages may be members{known}; "
        f"seed {comparison.seed}"
    )


def as_json(comparison: Comparison) -> str:
    """Write the comparison as one JSON document; what there is not is null."""
    document = {
        "version": __version__,
        "study": comparison.study,
        "seed": comparison.seed,
        "villages": comparison.villages,
        "villages_that_may_be_members": comparison.eligible,
        "known_clusters": comparison.known,
        "timeout_seconds": comparison.timeout_s,
        "columns": {column.name: column.about for column in columns_of(comparison)},
        "methods": [_row_as_json(row, comparison) for row in comparison.rows],
    }
    return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)


def _row_as_json(row: Row, comparison: Comparison) -> dict[str, Any]:
    figures = {column.name: _number(row.figures[column.name]) for column in columns_of(comparison)}
    best = [column.name for column in columns_of(comparison) if row.method in best_of(column, comparison.rows)]
    return {
        "method": row.method,
        "title": row.title,
        "about": row.about,
        "setting": row.setting,
        "note": row.note,
        **figures,
        "all_settings_seconds": _number(row.all_settings_seconds),
        "best_in": best,
    }


def _number(value: float) -> float | int | None:
    """Round for reading; whole numbers stay whole."""
    if math.isnan(value):
        return None
    return int(value) if value == int(value) else round(value, 4)


def as_html(comparison: Comparison) -> str:
    """Write the comparison as one page that needs no script and no network."""
    columns = columns_of(comparison)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("geoklynge", "comparison"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("compare.html.j2").render(
        comparison=comparison,
        basis=_basis(comparison),
        columns=columns,
        best={column.name: best_of(column, comparison.rows) for column in columns},
        version=__version__,
    )


def require_page(path: Path) -> None:
    """
    Make sure that a page can be written, before the work is done.

    Raises
    ------
    InputError
        If a folder stands there, or it cannot be written to.
    """
    with _refused_in_words(path):
        if path.is_dir():
            raise IsADirectoryError(21, "a folder stands there")
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()


def write_page(path: Path, page: str) -> None:
    """Write a page beside and move it into place when it is whole; see `require_page`."""
    with _refused_in_words(path), tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as beside:
        written = Path(beside) / path.name
        written.write_text(page, encoding="utf-8")
        written.replace(path)


@contextmanager
def _refused_in_words(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot write there ({error.strerror})", where=str(path), advice="choose another --html"
        ) from None
