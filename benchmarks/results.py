"""What was measured, kept as JSON so that a long run can be interrupted and gone on with."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parent / "results"
PACKAGES = (
    "geoklynge", "numpy", "scipy", "numba", "geopandas", "osmium", "networkx", "pandana",
    "igraph", "networkit", "pyrosm",
)  # fmt: skip

Result = dict[str, Any]


def machine() -> dict[str, Any]:
    """Describe this machine."""
    import psutil

    cpu = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text("utf-8").splitlines()
        cpu = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), cpu)
    return {
        "cpu": cpu,
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """List the versions of what is compared; a package that is not here is told so."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


class Store:
    """The results of one part, one entry a case, in the order in which they were measured."""

    def __init__(self, part: str, folder: Path = FOLDER) -> None:
        self._path = folder / f"{part}.json"
        self.cases: dict[str, Result] = {}
        if self._path.is_file():
            self.cases = json.loads(self._path.read_text(encoding="utf-8"))["cases"]

    def fresh(self, name: str, stamp: str, repetitions: int) -> bool:
        """Tell whether a case was already measured on the same inputs and code, often enough, and without a fault."""
        case = self.cases.get(name)
        return bool(case and case["stamp"] == stamp and not case.get("error") and len(case["seconds"]) >= repetitions)

    def put(self, name: str, result: Result) -> None:
        """Keep the result of a case."""
        self.cases.pop(name, None)
        self.cases[name] = {**result, "when": datetime.now(UTC).isoformat(timespec="minutes")}
        self.write()

    def only(self, names: list[str]) -> None:
        """Forget cases that no longer exist, and put the others in this order."""
        self.cases = {name: self.cases[name] for name in names if name in self.cases}
        self.write()

    def write(self) -> None:
        """Write the file, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        content = {"machine": machine(), "versions": versions(), "cases": self.cases}
        unfinished = self._path.with_suffix(".part")
        unfinished.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        unfinished.replace(self._path)


def median_of(result: Mapping[str, Any] | None, key: str) -> float | None:
    """Take the median of the repetitions; None where nothing was measured."""
    values = (result or {}).get(key) or []
    return float(median(values)) if values else None


def disagreements(parts: Mapping[str, Mapping[str, Result]]) -> list[str]:
    """List every case whose check failed, and every case of ours that did not end."""
    found = []
    for part, cases in parts.items():
        for name, case in cases.items():
            check = case.get("check")
            if check and not check["agrees"]:
                found.append(f"{part}/{name}: {check['text']}")
            if case.get("ours") and case.get("error"):
                found.append(f"{part}/{name}: {case['error']}")
    return found
