"""Methods at work in another process: one that takes too long, crashes or is not installed is a line, no more."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from ..errors import GeoklyngeError
from .rivals import Labels, Setting

START_S = 120.0  # for a new process to load its code, on a busy machine
NAN = float("nan")

Job = tuple[Path, Setting]  # a pickled task, and the setting to try on it


@dataclass(frozen=True)
class Trial:
    """What a method made of one job: labels and seconds; without labels where it failed, and then why in words."""

    setting: Setting
    labels: Labels | None
    seconds: float
    trouble: str = ""


Ask = Callable[[Callable[..., Labels], Sequence[str], Sequence[Job], float], tuple[Trial, ...]]


@contextmanager
def other_process() -> Iterator[Ask]:
    """
    Let methods work in a process of their own; when the block ends it is gone, whatever it was doing.

    It is started when there is something to do, and anew after it was stopped or died: no method can take the
    next one along.

    Yields
    ------
    function
        Takes a method (a function that can be imported), the modules that it needs, which are loaded before any
        clock runs, jobs, and the seconds that they may take together. Gives a trial for each job; after one that was
        stopped, or whose process died, there is no other.
    """
    running: list[_Line] = []

    def ask(
        label: Callable[..., Labels], needs: Sequence[str], jobs: Sequence[Job], timeout_s: float
    ) -> tuple[Trial, ...]:
        trials: list[Trial] = []
        try:
            if not running:
                running.append(_start())
            line = running[0]
            trouble = line.tell((label, tuple(needs)), START_S)
            if trouble:
                return (Trial({}, None, NAN, trouble),)
            ends = time.monotonic() + timeout_s
            for job in jobs:
                answer = line.tell(job, ends - time.monotonic(), f"stopped after {timeout_s:g} s")
                trials.append(answer)
        except _LineIsDeadError as reason:
            _end(running.pop())
            trials.append(Trial({}, None, NAN, str(reason)))
        return tuple(trials)

    try:
        yield ask
    finally:
        for line in running:
            _end(line)


class _LineIsDeadError(Exception):
    """The other process does not answer, and why."""


@dataclass(frozen=True)
class _Line:
    """The other process and our end of the line to it."""

    process: SpawnProcess
    ours: Connection

    def tell(self, message: object, seconds: float, stopped: str = f"not ready after {START_S:g} s") -> Any:
        """Send a message and wait so long for its answer; says `stopped` where none comes."""
        try:
            self.ours.send(message)
            if self.ours.poll(max(seconds, 0.0)):
                return self.ours.recv()
        except (EOFError, OSError):
            self.process.join(1.0)
            raise _LineIsDeadError(_how_it_ended(self.process.exitcode)) from None
        raise _LineIsDeadError(stopped)


def _start() -> _Line:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return _Line(process, ours)


def _end(line: _Line) -> None:
    line.ours.close()
    line.process.kill()
    line.process.join()
    line.process.close()


def _how_it_ended(exit_code: int | None) -> str:
    """Say in words how a process ended that gave no answer."""
    if exit_code is not None and exit_code < 0:
        return f"its process was ended by {signal.Signals(-exit_code).name}"
    return f"its process ended without an answer (exit code {exit_code})"


def _work(theirs: Connection) -> None:
    """Live as the other process: load methods and do jobs until nobody asks."""
    _be_silent()
    label: Callable[..., Labels] | None = None
    while True:
        try:
            first, second = theirs.recv()
        except EOFError:
            return
        if callable(first):
            label = first
            theirs.send(_load(second))
        elif label is not None:
            theirs.send(_try(label, first, second))


def _load(needs: tuple[str, ...]) -> str:
    """Load modules; says which is not installed, if one is not."""
    try:
        for module in needs:
            import_module(module)
    except ModuleNotFoundError as error:
        return f"{(error.name or needs[0]).partition('.')[0]} is not installed"
    return ""


def _try(label: Callable[..., Labels], path: Path, setting: Setting) -> Trial:
    """Do one job; whatever a method raises becomes its last line."""
    try:
        task = pickle.loads(path.read_bytes())  # noqa: S301 - written by the process that started this one
        began = time.perf_counter()
        labels = label(task, **setting)
        return Trial(setting, labels, time.perf_counter() - began)
    except GeoklyngeError as error:
        return Trial(setting, None, NAN, str(error))
    except Exception as error:  # a peer may raise anything
        return Trial(setting, None, NAN, traceback.format_exception_only(error)[-1].strip().splitlines()[-1])


def _be_silent() -> None:
    """Let nothing that a library prints, even from C, reach the screen."""
    warnings.simplefilter("ignore")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as it lives
