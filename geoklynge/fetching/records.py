"""sources.json: what was fetched from where, when, and what each file asks to be said of it; and the study over it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import shapely
from pydantic import TypeAdapter

from .. import __version__
from ..errors import InputError
from ..open_data import OpenSource
from ..source_options import Sources
from ..sources.cache import file_sha256
from ..sources.columns import plain_text
from .drafts import Draft, Question
from .place import Asked, Place

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


def read_records(folder: Path) -> tuple[list[FileRecord], str, dict[str, Any] | None]:
    """
    Read what an earlier fetch into a folder noted.

    Returns
    -------
    tuple
        Its files, the text of its study, and what it was asked for; nothing, "" and None without one.

    Raises
    ------
    InputError
        If there is a sources.json that is none: which files are whose cannot be told any more then.
    """
    path = folder / SOURCES_FILE
    if not path.is_file():
        return [], "", None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        records = TypeAdapter(list[FileRecord]).validate_python(content["files"])
        study, asked = str(content["study"]), dict(content["place"]["asked"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        said = " ".join(str(error).split())[:100]
        raise InputError(
            f"not a record of a fetch ({said})", where=str(path), advice="fetch into another folder"
        ) from None
    for record in records:
        if record.table not in Sources.model_fields or Path(record.file).name != record.file:
            raise InputError(
                f"not a record of a fetch (file {record.file!r}, table {record.table!r})",
                where=str(path),
                advice="fetch into another folder",
            )
    return records, study, asked


def place_asked(asked: Asked, halo_km: float) -> dict[str, Any]:
    """Write down what was asked for, so that a later fetch can tell whether it is the same."""
    shape = None if asked.shape is None else hashlib.sha256(shapely.to_wkb(asked.shape)).hexdigest()
    codes = sorted(asked.codes)
    return {"name": asked.name, "municipalities": codes, "whole": asked.whole, "shape": shape, "halo_km": halo_km}


def write_records(
    folder: Path,
    place: Place,
    records: Iterable[FileRecord],
    missing: Mapping[str, str],
    study: str,
    *,
    halo_km: float,
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
            "asked": place_asked(asked, halo_km),
        },
        "files": [asdict(record) for record in records],
        "not_fetched": dict(missing),
        "study": study,
    }
    text = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    (folder / SOURCES_FILE).write_text(text, encoding="utf-8", newline="\n")


def study_text(place: Place, records: Iterable[FileRecord], words: Iterable[str]) -> str:
    """Write the study over the files, those of each table in their order; every other setting has its default."""
    files: dict[str, list[str]] = {}
    for record in records:
        files.setdefault(record.table, []).append(record.file)
        if record.table == "osm":  # its places are named among the villages, in their turn
            files.setdefault("villages", []).append("osm")
    codes = list(place.asked.codes) if files.get("municipalities") else []
    command = plain_text(" ".join(["geoklynge fetch", *words]))
    lines = [
        f"# Written by `{command}`; change it as you like: a later fetch leaves a changed one alone.",
        "# Licences and attributions of the files stand in sources.json, and go onto the map.",
        "[study]",
        f"name = {_quoted(plain_text(place.asked.name))}",
        f"municipalities = {_quoted(codes)}",
        "",
        "[sources]",
        *(f"{table} = {_quoted(files[table])}" for table in Sources.model_fields if table in files),
    ]
    return "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    """Write a text or a list of texts as TOML; its strings are JSON's."""
    return json.dumps(value, ensure_ascii=False)
