"""A run as files: GeoJSON, GeoPackage, CSV, GraphML and run.json, written beside and moved into place; and back."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
from pydantic import ValidationError

from . import __version__
from .errors import InputError
from .pipeline import Run, peak_memory_mb
from .placing import move_all, require_folder
from .quality import short_record
from .sensitivity import FACTOR, WEIGHTINGS, top_of
from .study import Study
from .table_files import Process, TableFiles, write_tables_by

RUN_FILE = "run.json"
Pages = Mapping[str, str]

WRITTEN_BY_RUN = (
    "clusters.geojson",
    "villages.geojson",
    "services.geojson",
    "ties.geojson",
    "clusters.csv",
    "ties.graphml",
)


@dataclass(frozen=True)
class WrittenRun:
    """What a written run says of itself, read back: study, clusters, ties, and the sums of its sources by path."""

    study: Study
    clusters: gpd.GeoDataFrame
    ties: gpd.GeoDataFrame
    source_sums: dict[str, str]


def write_run(
    run: Run, folder: Path, *, pages: Pages | Callable[[], Pages], process: Process | None = None
) -> list[Path]:
    """
    Write a run.

    All files are made in a folder beside `folder` and moved into it when the last one is whole: a run that is
    interrupted leaves the earlier outputs as they were.

    Parameters
    ----------
    run
        A checked run.
    folder
        Where to; made if need be. Other files in it are left alone.
    pages
        HTML pages by file name, or what renders them; tables are written at the same time.
    process
        What writes the tables, once; see `another_process`. Without one, a thread of this process does.

    Returns
    -------
    list of Path
        The files, in the order of writing.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    beside = require_folder(folder)
    try:
        with ThreadPoolExecutor(max_workers=1) as thread:
            written = thread.submit(write_tables_by, process, _table_files(run), beside)
            try:
                for name, html in (pages() if callable(pages) else pages).items():
                    (beside / name).write_text(html, encoding="utf-8")
            finally:
                wait([written])  # nobody may write into a folder that is taken away
        written.result()  # raises what went wrong there
        names = sorted(path.name for path in beside.iterdir())
        _write_json(beside / RUN_FILE, _record(run, beside, names, folder))
        return move_all(beside, folder, [*names, RUN_FILE])
    except OSError as error:
        raise InputError(f"cannot write ({error.strerror})", where=str(folder), advice="choose another --out") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def slug(name: str) -> str:
    """Make a file name of a study's name."""
    plain = name.casefold().replace("æ", "ae").replace("ø", "oe").replace("å", "aa")
    plain = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "study"


def _table_files(run: Run) -> TableFiles:
    digits = {"minutes": 3, **dict.fromkeys((*run.ties.layers, "weight", "together"), 4)}
    return TableFiles(
        clusters=run.result.clusters,
        villages=run.result.villages,
        services=run.tables.services,
        ties=run.shown_ties().round(digits),
        parishes=run.tables.parishes,
        municipalities=run.tables.municipalities,
        crs=run.tables.crs.to_wkt(),
        package=f"{slug(run.study.name)}.gpkg",
    )


def _record(run: Run, beside: Path, names: list[str], folder: Path) -> dict[str, Any]:
    study = run.study.model_dump(mode="json")
    study["folder"] = os.path.relpath(run.study.folder, folder)
    tables = run.tables
    counts = {
        name: len(table)
        for name in ("villages", "services", "parishes", "municipalities", "roads", "links", "associations", "survey")
        if (table := getattr(tables, name)) is not None
    }
    counts |= {
        "ties": len(run.ties.a),
        "ties_written": len(run.shown_ties()),  # those of at least limits.weakest_tie
        "repeated_calculations": len(run.pool.partitions),
        "candidates": len(run.pool.sets),
        "clusters": len(run.result.clusters),
        "villages_in_clusters": int(run.result.villages["cluster_id"].notna().sum()),
    }
    if tables.grid is not None:
        counts["grid_cells"] = len(tables.grid)
        counts["grid_people"] = int(tables.grid["people"].sum())
        counts["people_around"] = int(tables.villages["people_around"].sum())
    return {
        "geoklynge": __version__,
        "study": study,
        "seed": run.study.seed,
        "crs": tables.crs.to_string(),
        "travel_basis": run.travel.basis.value,
        "tie_layers": list(run.ties.layers_used),
        "sources": [asdict(source) for source in tables.sources],
        "counts": counts,
        "quality": [asdict(finding) for finding in run.findings()],
        **short_record(run.quality),
        "limits": study["limits"],
        "plan": {"objective": run.plan.objective, "bound": run.plan.bound, "gap": run.plan.gap},
        **_other_lights(run),
        "verdict": {"passed": run.verdict.passed, **asdict(run.verdict)},
        "timings_s": {timing.stage: timing.seconds for timing in run.timings},
        "memory_mb": {timing.stage: timing.peak_memory_mb for timing in run.timings},  # the peak when it ended
        "peak_memory_mb": peak_memory_mb(),
        "outputs": dict(zip(names, _sha256_of([beside / name for name in names]), strict=True)),
    }


def _other_lights(run: Run) -> dict[str, Any]:
    """Record the ranking under other weights, and the plans by topic; a topic without data has none."""
    labels = run.study.all_topics()
    plans = {plan.key: plan for plan in run.topics}
    topics = {
        key: {
            "da": labels[key].da,
            "en": labels[key].en,
            "categories": list(plans[key].categories),
            "clusters": len(plans[key].sets),
            "objective": plans[key].plan.objective,
            "bound": plans[key].plan.bound,
            "gap": plans[key].plan.gap,
        }
        if key in plans
        else None
        for key in labels
    }
    ranking = {"weightings": WEIGHTINGS, "factor": FACTOR, "top_n": top_of(len(run.result.clusters))}
    return {"sensitivity": ranking, "topics": topics}


def _sha256_of(paths: list[Path]) -> list[str]:
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as workers:
        return list(workers.map(_sha256, paths))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def study_of_run(folder: Path) -> Study:
    """
    Read back which study a written run is of; its outputs do not matter.

    Raises
    ------
    InputError
        If there is no record of a run.
    """
    return _read_record(folder)[0]


def _read_record(folder: Path) -> tuple[Study, dict[str, str], dict[str, str]]:
    """Read the study of a run, and the sums of its outputs and of its sources."""
    path = folder / RUN_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        study = Study.model_validate({**record["study"], "folder": folder / record["study"]["folder"]})
        outputs = {str(name): str(digest) for name, digest in record["outputs"].items()}
        source_sums = {str(source["path"]): str(source["sha256"]) for source in record["sources"]}
    except FileNotFoundError:
        raise InputError("no such file", where=str(path), advice="give the folder of a finished run") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise InputError(f"not a record of a run ({error})", where=str(path), advice="run the study again") from None
    return study, outputs, source_sums


def read_run(folder: Path) -> WrittenRun:
    """
    Read a written run back, as far as the checker needs it.

    Raises
    ------
    InputError
        If a file is missing, unreadable, or not the one that the run wrote.
    """
    path = folder / RUN_FILE
    study, outputs, source_sums = _read_record(folder)
    for name in WRITTEN_BY_RUN:
        if name not in outputs:
            raise InputError(f"does not list {name}", where=str(path), advice="run the study again")
    for name, digest in outputs.items():
        if not (folder / name).is_file():
            raise InputError("the file is gone", where=str(folder / name), advice="run the study again")
        if _sha256(folder / name) != digest:
            raise InputError("changed since the run wrote it", where=str(folder / name), advice="run the study again")
    # an id may look like a date, and is none
    clusters, ties = (
        pyogrio.read_dataframe(folder / f"{name}.geojson", DATE_AS_STRING="YES") for name in ("clusters", "ties")
    )
    if clusters.empty:
        raise InputError("holds no cluster", where=str(folder / "clusters.geojson"), advice="run the study again")
    return WrittenRun(study, clusters, ties, source_sums)
