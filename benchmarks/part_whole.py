"""Part e: the whole run from the command line, files written, raw and from the cache."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import measure, ours
from .cases import Case, prepared
from .settings import Settings

TITLE = "The whole run"
ABOUT = """
`geoklynge run` on the whole country, from the PBF to map, report and tables on the disk, in a process of its own: wall
time with the start of Python and all imports, peak memory as the system counts it. Below it the stages, as `run.json`
tells them; what is left of the whole is start and outputs.
"""
FACTS = ("villages", "clusters")
PROCESSES = 3  # the sample, perhaps one to fill the cache, the run


def cases(settings: Settings) -> Sequence[Case]:
    """Raw, and from the cache."""
    study = str(prepared("study", "study", settings, files=settings.base.files()) / "study.toml")
    cache = str(settings.folder(f"cache-{ours.code_stamp()}"))
    missing = None if ours.HAS_CACHE else "geoklynge has no cache yet"
    target, stamp = f"{__name__}:whole_run", settings.base.stamp()
    arguments = {"study": study, "timeout_s": settings.timeout_s}
    return (
        Case("raw", "geoklynge run", target, arguments, stamp, is_ours=True, separate=True, processes=PROCESSES),
        Case(
            "cached", "geoklynge run, from its cache", target, arguments | {"cache": cache}, stamp,
            is_ours=True, separate=True, skipped=missing, processes=PROCESSES,
        ),
    )  # fmt: skip


def whole_run(study: str, found: str, timeout_s: float, cache: str | None = None) -> dict[str, Any]:
    """Run the command; the sample beforehand, so that compiled code lies on the disk."""
    out = Path(found).with_suffix("")
    environment = ours.cache_environment(Path(cache)) if cache else {}
    _run(ours.SAMPLE_STUDY, out, {}, timeout_s)
    if cache and not Path(cache).is_dir():
        _run(Path(study), out, environment, timeout_s)
    outcome = _run(Path(study), out, environment, timeout_s)
    record = ours.run_record(out)
    shutil.rmtree(out)
    return {
        "seconds": [outcome.seconds],
        "peak_mb": outcome.peak_mb,
        "facts": record["counts"],
        "stages": record["seconds"],
        "stage_peak_mb": record["peak_mb"],
    }


def _run(study: Path, out: Path, environment: dict[str, str], timeout_s: float) -> measure.Outcome:
    outcome = measure.execute(
        ours.cli_run(study, out, cached=bool(environment)), timeout_s=timeout_s, environment=environment
    )
    if outcome.error:
        raise RuntimeError(outcome.error)
    return outcome
