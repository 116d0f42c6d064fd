"""Nothing flows back: a module imports only what stands before it."""

import ast
from pathlib import Path

import pytest

import geoklynge

HOUSE = Path(geoklynge.__file__).parent
ORDER = (
    "errors",
    "progress",
    "placing",
    "compiled",
    "limits",
    "topic_options",
    "source_options",
    "open_data",
    "expectations",
    "study",
    "origins",
    "tables",
    "people",
    "sources",
    "fetching",
    "quality",
    "roads",
    "contraction",
    "routing",
    "trips",
    "travel",
    "open_country",
    "huff",
    "identity",
    "modes",
    "ties",
    "wishes",
    "village_sets",
    "incomplete",
    "leiden",
    "ensemble",
    "linkage",
    "mending",
    "growing",
    "candidates",
    "assessment",
    "variants",
    "refining",
    "selection",
    "sensitivity",
    "cluster_names",
    "topics",
    "certainty",
    "areas",
    "contested",
    "clusters",
    "explaining",
    "checker",
    "pipeline",
    "comparison",
    "network_files",
    "table_files",
    "exports",
    "maps",
    "inspecting",
    "bars",
    "validation_words",
    "cli",
)
CHECKER_MAY_SEE = {"errors", "limits", "study", "tables"}
OPENS_FILES = {"open", "read_text", "read_bytes", "read_dataframe", "read_file", "read_csv", "read_parquet"}


def files_of(room: str) -> list[Path]:
    """A room is a module or a folder of modules."""
    folder = HOUSE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [HOUSE / f"{room}.py"]


def rooms_imported_by(path: Path) -> set[str]:
    """Name the rooms that a file imports from, its own room left out."""
    depth = len(path.relative_to(HOUSE).parts)
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth and node.module:
            rooms.add(node.module.split(".")[0])
        if isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").startswith("geoklynge."):
            rooms.add(node.module.split(".")[1])
    return rooms


@pytest.mark.parametrize("room", ORDER)
def test_a_room_imports_only_earlier_ones(room):
    seen = set().union(*(rooms_imported_by(path) for path in files_of(room)))
    assert seen <= {*ORDER[: ORDER.index(room)], room}


def test_every_module_has_its_place():
    modules = {path.stem for path in HOUSE.glob("[!_]*.py")} | {
        path.parent.name for path in HOUSE.glob("*/__init__.py")
    }
    assert modules == set(ORDER)


def test_the_checker_is_independent():
    seen = set().union(*(rooms_imported_by(path) for path in files_of("checker")))
    assert seen <= CHECKER_MAY_SEE


MAY_OPEN_FILES = {
    "open_data",
    "expectations",
    "study",
    "sources",
    "fetching",
    "network_files",
    "exports",
    "maps",
    "cli",
}


@pytest.mark.parametrize("room", [room for room in ORDER if room not in MAY_OPEN_FILES])
def test_no_stage_after_sources_opens_a_file(room):
    calls = [
        node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for path in files_of(room)
        if path.name != "trials.py"  # opens what leads nowhere, to silence another process
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
    ]
    assert not OPENS_FILES & set(calls)


@pytest.mark.parametrize("path", sorted(HOUSE.rglob("*.py")), ids=lambda path: path.relative_to(HOUSE).as_posix())
def test_no_module_outgrows_the_house(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
