"""sources.json: what was fetched from where, when, and what each file asks to be said of it; and the study over it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import InputError
from ..open_data import OpenSource
from ..source_options import Sources
from ..sources.cache import file_sha256
from .drafts import Draft, Question
from .place import Place

SOURCES_FILE, STUDY_FILE, STUDY_BESIDE = "sources.json", "study.toml", "study.fetched.toml"
BY_HAND = "downloaded by hand"


@dataclass(frozen=True)
class FileRecord:
    """
    One file of a fetch, as sources.json tells of it.

    `source` is its key in `open_data.toml`, `table` the key of ``[sources]`` that it stands under, `rows` what its
    reader made of it, `questions` what was asked.
    """

    file: str
    source: str
    table: str
    title: str
    licence: str
    attribution: str
    homepage: str
    fetched: str
    dated: str
    sha256: str
    size: int
    rows: int
    parameters: dict[str, str]
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()


def records_of(draft: Draft, key: str, source: OpenSource, folder: Path, rows: Mapping[str, int]) -> list[FileRecord]:
    """Describe the files of a draft that lie in `folder`."""
    return [
        FileRecord(
            file=name,
            source=key,
            table=table,
            title=source.en,
            licence=source.licence,
            attribution=source.attribution,
            homepage=source.homepage,
            fetched=max((question.fetched for question in draft.questions), default=""),
            dated=draft.dated,
            sha256=file_sha256(folder / name),
            size=(folder / name).stat().st_size,
            rows=rows[name],
            parameters=dict(source.parameters),
            questions=draft.questions,
            notes=draft.notes,
        )
        for name, table in draft.files
    ]


def read_records(folder: Path) -> tuple[list[FileRecord], str]:
    """
    Read what an earlier fetch into a folder noted: its files, those that are still as they were, and its study's text.

    Raises
    ------
    InputError
        If there is a sources.json that is none.
    """
    path = folder / SOURCES_FILE
    if not path.is_file():
        return [], ""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = [
            FileRecord(
                **{
                    **entry,
                    "questions": tuple(Question(**question) for question in entry["questions"]),
                    "notes": tuple(entry["notes"]),
                }
            )
            for entry in content["files"]
        ]
        study = str(content["study"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"not a record of a fetch ({error})", where=str(path), advice="move it away and fetch again"
        ) from None
    whole = [
        entry for entry in found if (folder / entry.file).is_file() and file_sha256(folder / entry.file) == entry.sha256
    ]
    return whole, study


def write_records(
    folder: Path, place: Place, records: Iterable[FileRecord], missing: Mapping[str, str], study: str
) -> None:
    """Write sources.json: no secret is in it, for none was in any of its parts."""
    asked = place.asked
    content: dict[str, Any] = {
        "geoklynge": __version__,
        "place": {
            "name": asked.name,
            "municipalities": dict(zip(asked.codes, asked.names or asked.codes, strict=True)),
            "bounds": [round(float(edge), 5) for edge in place.area.bounds],
            "reach_bounds": [round(float(edge), 5) for edge in place.reach.bounds],
        },
        "files": [asdict(record) for record in records],
        "not_fetched": dict(missing),
        "study": study,
    }
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    (folder / SOURCES_FILE).write_text(text, encoding="utf-8")


def study_text(place: Place, records: Iterable[FileRecord], command: str) -> str:
    """Write the study over the files, those of each table in their order; every other setting has its default."""
    files: dict[str, list[str]] = {}
    for record in records:
        files.setdefault(record.table, []).append(record.file)
        if record.table == "osm":  # its places are named among the villages, in their turn
            files.setdefault("villages", []).append("osm")
    codes = list(place.asked.codes) if files.get("municipalities") else []
    lines = [
        f"# Written by `{command}`; change it as you like: a later fetch leaves a changed one alone.",
        "# Licences and attributions of the files stand in sources.json, and go onto the map.",
        "[study]",
        f"name = {_quoted(place.asked.name)}",
        f"municipalities = {_quoted(codes)}",
        "",
        "[sources]",
        *(f"{table} = {_quoted(files[table])}" for table in Sources.model_fields if table in files),
    ]
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    """Write a text or a list of texts as TOML; its strings are JSON's."""
    return json.dumps(value, ensure_ascii=False)
