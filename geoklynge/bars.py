"""Progress on the screen: a live bar a stage in a terminal, a plain line elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from .pipeline import Report


@contextmanager
def shown_progress(*, silent: bool, console: Console | None = None) -> Iterator[Report]:
    """
    Show on standard error how far the stages of a run have come.

    Parameters
    ----------
    silent
        Whether to show nothing.
    console
        Where to show it.
    """
    console = console or Console(stderr=True, highlight=False, soft_wrap=True)
    if silent:
        yield lambda _stage, _done, _total: None
    elif console.is_terminal:
        with _bars(console) as report:
            yield report
    else:
        with _lines(console) as report:
            yield report


@contextmanager
def _bars(console: Console) -> Iterator[Report]:
    columns = (
        TextColumn("{task.description:<11}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                _fill(bars)
                tasks[stage] = bars.add_task(stage, total=None)
            if total:
                bars.update(tasks[stage], completed=done, total=total)

        yield report
        _fill(bars)


def _fill(bars: Progress) -> None:
    """Fill the bars of stages that are over, whatever they have counted."""
    for task in bars.tasks:
        if not task.finished:
            bars.update(task.id, completed=task.total or 1, total=task.total or 1)


@contextmanager
def _lines(console: Console) -> Iterator[Report]:
    """One line a stage, when it is over."""
    began: dict[str, float] = {}

    def say_last() -> None:
        if began:
            stage, since = list(began.items())[-1]
            console.print(f"{stage}: {time.perf_counter() - since:.1f} s", markup=False)

    def report(stage: str, _done: int, _total: int) -> None:
        if stage not in began:
            say_last()
            began[stage] = time.perf_counter()

    yield report
    say_last()
