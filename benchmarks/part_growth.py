"""Part f: how time and memory of each stage grow with the size of the country."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import country, measure, ours
from .cases import Case, prepared
from .settings import Settings

TITLE = "Growth"
ABOUT = """
The whole run from the PBF on parts of the country and on copies of it. A part is whole municipalities around one of
them that hold the share of the places, chosen so that a place has as many others within 10 km as in the whole country;
copies stand side by side, joined by a few straight roads. Peak memory
of a stage is the most that the process held while the stage ran (what earlier stages left included), sampled every
20 ms, or what `run.json` says where it tells. Exponents are fitted by least squares on logarithms, over the number of
villages; stages below 0.05 s are left out.
"""
FACTS = ("villages", "ties", "candidates", "road nodes", "selection gap")


def label_of(size: float) -> str:
    """Write a size as people do: 1/8, 4."""
    return f"{size:g}" if size >= 1 else f"1/{1 / size:g}"


def cases(settings: Settings) -> Sequence[Case]:
    """One case a size, from small to large."""
    return [_sized(size, settings) for size in sorted(settings.sizes)]


def _sized(size: float, settings: Settings) -> Case:
    folder = prepared("sized", f"times-{size:g}-{country.stamp()}", settings, files=settings.base.files(), size=size)
    return Case(
        name=f"{size:g}",
        label=f"{label_of(size)} times",
        target=f"{__name__}:sized_run",
        arguments={"folder": str(folder), "timeout_s": settings.timeout_s},
        inputs=f"{settings.base.stamp()}-{size:g}-{country.stamp()}",
        is_ours=True,
        separate=True,
        processes=2,
    )


def sized_run(folder: str, found: str, timeout_s: float) -> dict[str, Any]:
    """Run the study of one size; the sample beforehand, so that compiled code lies on the disk."""
    out = Path(found).with_suffix("")
    for study in (ours.SAMPLE_STUDY, Path(folder) / "study.toml"):
        outcome = measure.call(f"{__name__}:in_stages", {"study": str(study), "out": str(out)}, timeout_s=timeout_s)
        if outcome.error:
            raise RuntimeError(outcome.error)
    record = ours.run_record(out)
    shutil.rmtree(out)
    told = record["peak_mb"]
    return {
        "seconds": [sum(seconds for seconds, _ in outcome.stages.values())],
        "peak_mb": outcome.peak_mb,
        "facts": record["counts"] | {"road nodes": _road_nodes(folder), "selection gap": record["gap"]},
        "stages": {stage: seconds for stage, (seconds, _) in outcome.stages.items()},
        "stage_peak_mb": {stage: told.get(stage, mb) for stage, (_, mb) in outcome.stages.items()},
    }


def in_stages(study: str, out: str) -> dict[str, Any]:
    """Run a study, announcing each stage to the process that watches."""
    ours.run_in_stages(study, out, measure.announce)
    measure.announce("")  # what follows belongs to no stage
    return {}


def _road_nodes(folder: str) -> int:
    return int((Path(folder) / "nodes").read_text(encoding="ascii"))
