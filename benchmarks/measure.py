"""Seconds and peak memory of work done in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_S = 0.02
PATIENCE_S = 5.0
MOST_MEMORY = 0.85  # of the machine; a process that wants more is stopped before it takes others with it
LEAST_FREE = 0.04  # of the machine's memory, whoever holds the rest
EVENTS = "GEOKLYNGE_BENCH_EVENTS"  # where a child notes when each of its stages began


@dataclass
class Clock:
    """What one timed stretch took; `peak_mb` is the most this process has held until its end, imports included."""

    seconds: float = 0.0
    peak_mb: float = 0.0


@contextmanager
def timed() -> Iterator[Clock]:
    """Time a stretch of work; the clock can be read when it is over."""
    clock, began = Clock(), time.perf_counter()
    yield clock
    clock.seconds = time.perf_counter() - began
    clock.peak_mb = own_peak_mb()


def own_peak_mb() -> float:
    """Most memory this process has held so far."""
    status = Path("/proc/self/status")
    if status.is_file():  # getrusage would count what the parent held when it started this process
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2)


@dataclass(frozen=True)
class Outcome:
    """
    How a process ended.

    `value` is what the called function returned, `error` why there is none. `stages` maps each stage that the process
    announced to (seconds, peak MB), the peak sampled every 20 ms from outside.
    """

    seconds: float
    peak_mb: float
    value: dict[str, Any] | None = None
    error: str | None = None
    stages: Mapping[str, tuple[float, float]] = field(default_factory=dict)


def call(target: str, arguments: Mapping[str, Any], *, timeout_s: float) -> Outcome:
    """
    Call a function in a new process.

    Parameters
    ----------
    target
        ``module:function`` inside `benchmarks`; it takes and returns what JSON can carry.
    arguments
        Its keyword arguments.
    timeout_s
        When to give up.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("arguments.json", "value.json")]
        files[0].write_text(json.dumps(arguments), encoding="utf-8")
        outcome = execute([sys.executable, "-m", "benchmarks.child", target, *map(str, files)], timeout_s=timeout_s)
        if outcome.error or not files[1].is_file():
            return outcome
        value = json.loads(files[1].read_text(encoding="utf-8"))
    return Outcome(outcome.seconds, outcome.peak_mb, value, value.pop("error", None), outcome.stages)


def execute(command: Sequence[str], *, timeout_s: float, environment: Mapping[str, str] | None = None) -> Outcome:
    """Run a command to its end, watching its memory; stopped when it takes too long or too much memory."""
    with tempfile.TemporaryDirectory() as folder:
        events, errors = Path(folder) / "events", Path(folder) / "errors"
        env = {**os.environ, **(environment or {}), EVENTS: str(events)}
        began = time.monotonic()
        with errors.open("wb") as stderr:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=stderr)
            samples, code, peak_mb, stopped = _watch(process, began + timeout_s)
        ended = time.monotonic()
        said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        stages = _stages(events, samples, ended)
    error = stopped or (_why(code, said) if code else None)
    return Outcome(ended - began, peak_mb, error=error, stages=stages)


def _watch(process: subprocess.Popen[bytes], until: float) -> tuple[list[tuple[float, float]], int, float, str | None]:
    """Wait for a process; returns memory samples, its exit code, its peak, and why it was stopped if it was."""
    import psutil

    total = psutil.virtual_memory().total
    most_mb, least_free = total / 2**20 * MOST_MEMORY, total * LEAST_FREE
    watched, samples, stopped = psutil.Process(process.pid), [], None
    pid, status, usage = 0, 0, None
    try:
        while not pid:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            with suppress(psutil.Error):  # it may end between the two lines
                samples.append((time.monotonic(), watched.memory_info().rss / 2**20))
            if samples and (samples[-1][1] > most_mb or psutil.virtual_memory().available < least_free):
                stopped = stopped or f"stopped at {samples[-1][1]:,.0f} MB: more than this machine can give"
            if time.monotonic() > until:
                stopped = stopped or "stopped: out of time"
            if stopped:
                _, status, usage = _stop(process)
                break
            time.sleep(SAMPLE_S)
    except BaseException:  # interrupted: what it started must not go on
        _stop(process)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    peak_mb = usage.ru_maxrss / (1024 if sys.platform != "darwin" else 1024**2) if usage else 0.0
    return samples, process.returncode, peak_mb, stopped


def _stop(process: subprocess.Popen[bytes]) -> tuple[int, int, Any]:
    """Ask a process to end, so that it can end what it started itself; then make it."""
    process.terminate()
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        ended = os.wait4(process.pid, os.WNOHANG)
        if ended[0]:
            return ended
        time.sleep(SAMPLE_S)
    process.kill()
    return os.wait4(process.pid, 0)


def _why(code: int, said: Sequence[str]) -> str:
    if code < 0:
        return f"ended by signal {-code}"
    return f"exit code {code}: {said[-1][:300] if said else 'no message'}"


def announce(stage: str) -> None:
    """Note that a stage begins, for the process that watches this one."""
    if EVENTS in os.environ:
        with Path(os.environ[EVENTS]).open("a", encoding="utf-8") as file:
            file.write(f"{time.monotonic()}\t{stage}\n")


def _stages(events: Path, samples: Sequence[tuple[float, float]], ended: float) -> dict[str, tuple[float, float]]:
    if not events.is_file():
        return {}
    lines = [line.split("\t") for line in events.read_text(encoding="utf-8").splitlines()]
    starts = [float(line[0]) for line in lines] + [ended]
    stages = {}
    for (_, stage), start, stop in zip(lines, starts[:-1], starts[1:], strict=True):
        before = [mb for at, mb in samples if at < start][-1:]  # all there is of a stage shorter than a sample
        held = [mb for at, mb in samples if start <= at <= stop] or before
        if stage:
            stages[stage] = (round(stop - start, 3), round(max(held, default=0.0), 1))
    return stages
