"""A case: one library doing one piece of work; how it is measured, checked against ours, and kept."""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from . import measure, ours
from .results import Result, Store
from .settings import Settings


@dataclass(frozen=True)
class Case:
    """
    One library on one piece of work.

    Attributes
    ----------
    name
        Unique in its part.
    label
        As the results call it.
    target, arguments
        ``module:function`` and its keyword arguments, called in a process of its own, with `found` beside them: the
        file in which it leaves what it found. It gives back `seconds` (a list), `peak_mb`, and where it has them
        `facts` and `note`.
    inputs
        Tells the inputs of a peer from others; ours is told apart by the code, too.
    is_ours
        Whether geoklynge does the work. The first case of ours is what peers are compared with.
    separate
        A new process for each repetition; otherwise the function gets `repetitions` and repeats by itself.
    check
        ``module:function`` that compares the files `ours` and `peer`.
    skipped
        Why it cannot be measured now.
    processes
        How many processes `target` runs one after the other, each with the time limit of one.
    code
        Files beside the module of `target` that its work is written in.
    """

    name: str
    label: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    inputs: str = ""
    is_ours: bool = False
    separate: bool = False
    check: str | None = None
    skipped: str | None = None
    processes: int = 1
    code: tuple[str, ...] = ()


class Part(Protocol):
    """A benchmark: a module with these names."""

    TITLE: str
    ABOUT: str
    FACTS: tuple[str, ...]

    def cases(self, settings: Settings) -> Sequence[Case]:
        """Make the inputs and list the cases, ours first."""


def say(text: str) -> None:
    """Tell whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)


def measure_part(key: str, part: Part, settings: Settings, *, again: bool) -> None:
    """Measure the cases of a part that are not measured yet, keeping each as soon as it is, and check them all."""
    store, cases = Store(key, settings.results), list(part.cases(settings))
    founds = settings.folder(f"{key}-found")
    founds.mkdir(parents=True, exist_ok=True)
    for case in cases:
        stamp = f"{case.inputs}-{ours.code_stamp() if case.is_ours else ''}-{_code_of(case)}"
        found = founds / f"{case.name}.npz"
        known = store.fresh(case.name, stamp, settings.repetitions) and (found.is_file() or not case.check)
        if known and not again:
            say(f"{key}: {case.label}: measured before")
            continue
        say(f"{key}: {case.label} …")
        result = _skipped(case) if case.skipped else _measure(case, settings, found)
        store.put(case.name, {**result, "stamp": stamp})
        say(f"{key}: {case.label}: {result.get('error') or result.get('skipped') or _short(result)}")
    store.only([case.name for case in cases])
    _check(store, cases, founds, settings)


def _code_of(case: Case) -> str:
    """Tell the code that measures a case from others."""
    module = importlib.import_module(case.target.partition(":")[0])
    files = [Path(str(module.__file__)), *(Path(__file__).parent / name for name in case.code)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:8]


def _short(result: Result) -> str:
    return f"{min(result['seconds']):.2f} to {max(result['seconds']):.2f} s, {max(result['peak_mb']):,.0f} MB"


def _blank(case: Case) -> Result:
    return {"label": case.label, "ours": case.is_ours, "seconds": [], "peak_mb": [], "facts": {}}


def _skipped(case: Case) -> Result:
    return {**_blank(case), "skipped": case.skipped}


def _measure(case: Case, settings: Settings, found: Path) -> Result:
    result = _blank(case)
    found.unlink(missing_ok=True)
    arguments = {**case.arguments, "found": str(found)}
    for _ in range(settings.repetitions if case.separate else 1):
        more = {} if case.separate else {"repetitions": settings.repetitions}
        outcome = measure.call(
            case.target, arguments | more, timeout_s=settings.timeout_s * case.processes + measure.PATIENCE_S
        )
        if outcome.error or outcome.value is None:
            return {**result, "error": outcome.error or "no result"}
        value = outcome.value
        result["seconds"] += value["seconds"]
        result["peak_mb"].append(value.get("peak_mb") or outcome.peak_mb)
        result |= {key: value[key] for key in ("facts", "note") if key in value}
        for key in ("stages", "stage_peak_mb"):
            if key in value:
                result.setdefault(key, []).append(value[key])
    return result


def _check(store: Store, cases: Sequence[Case], founds: Path, settings: Settings) -> None:
    """Compare what each case found with what the first of ours did; what cannot be compared does not agree."""
    first = next((case for case in cases if case.is_ours and not case.skipped), None)
    for case in cases:
        result = store.cases[case.name]
        if case.check is None or case is first or first is None or case.skipped or result.get("error"):
            continue
        files = {"ours": str(founds / f"{first.name}.npz"), "peer": str(founds / f"{case.name}.npz")}
        outcome = measure.call(case.check, files, timeout_s=settings.timeout_s)
        if outcome.error or outcome.value is None:
            verdict = {"agrees": False, "text": f"could not be compared: {outcome.error or 'no result'}"}
        else:
            verdict = {key: outcome.value[key] for key in ("agrees", "text")}
        result["check"] = verdict
    store.write()


def prepared(target: str, folder: str, settings: Settings, **arguments: Any) -> Path:
    """Make a folder of shared inputs unless it is there."""
    path = settings.folder(folder)
    if not path.is_dir():
        say(f"preparing {folder} …")
        outcome = measure.call(f"benchmarks.prepare:{target}", {"folder": str(path), **arguments}, timeout_s=6 * 3600)
        if outcome.error:
            raise RuntimeError(f"preparing {folder}: {outcome.error}")
    return path


def digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Tell arrays from others."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        total.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    return total.hexdigest()[:16]
