"""What a source's module gives: the files that it wrote, and what was asked for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import FetchError
from ..open_data import OpenSource
from .asking import Answer, Request
from .client import Client
from .place import Place


@dataclass(frozen=True)
class Question:
    """One request as it is told to everybody: address without secrets, time, sum and size of the answer."""

    address: str
    fetched: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Draft:
    """
    What a source gave.

    `files` are names in the folder, each with its key of ``[sources]``; `dated` is what the source says of the age of
    its data; `notes` are for whoever reads sources.json.
    """

    files: tuple[tuple[str, str], ...]
    questions: tuple[Question, ...]
    dated: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One source to be asked for one place: its key and description, the key that it wants, the folder to write to."""

    key: str
    source: OpenSource
    place: Place
    folder: Path
    secret: str = ""

    def file(self) -> Path:
        """Name the file that is to be written."""
        return self.folder / self.source.file


@dataclass(frozen=True)
class Fetcher:
    """How one source is fetched: what is asked first (all that is known before an answer), and how it is done."""

    questions: Callable[[Task], tuple[Request, ...]]
    fetch: Callable[[Client, Task], Draft]


def question_of(answer: Answer) -> Question:
    """Tell of an answer what everybody may know."""
    return Question(answer.request.said(), answer.fetched, answer.sha256, answer.size)


def require_field(row: dict[str, object], field: str, ours: str, task: Task) -> object:
    """
    Take a field out of a row.

    Raises
    ------
    FetchError
        If the source does not call it so any more; says where the name is changed.
    """
    if field not in row:
        found = ", ".join(sorted(map(str, row))[:8])
        raise FetchError(
            f"no field {field!r} (our {ours}) any more; found {found}",
            source=task.key,
            advice=f"name the new field under [{task.key}.fields] in a file that $GEOKLYNGE_OPEN_DATA names",
        )
    return row[field]
