"""Answers kept on the disk, each in a folder of its own: the body, what is known of it, and a part to go on from."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import InputError
from ..sources.cache import FOLDER_VARIABLE, cache_key, file_sha256
from .asking import Request
from .locks import held

BODY, ABOUT, PART, PART_ABOUT = "body", "about.json", "part", "part.json"
FOLDER = "fetched"
ENTRY = re.compile(r"[0-9a-f]{40}")
UNUSED_DAYS = 60.0  # an answer stays for twice as long as it is young, but no shorter
PART_DAYS = 30.0  # a part that nobody has gone on with goes
DAY_S = 86_400.0


@dataclass(frozen=True)
class About:
    """
    What is known of a kept answer.

    `etag` and `modified` are the source's marks of a version; `asked_at` is when the source was last asked (seconds
    since 1970), `sha256` and `size` those of the body. Where only a part of a file was asked for or has come, `whole`
    is the size of the file. For `keep_days` the answer was young.
    """

    etag: str = ""
    modified: str = ""
    asked_at: float = 0.0
    sha256: str = ""
    size: int = 0
    whole: int = 0
    keep_days: float = 200.0

    def strong_mark(self) -> str:
        """Give the mark by which the rest of a body may be asked for: a weak one promises no equal bytes."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified


def entry_of(store: Path, request: Request) -> Path:
    """Name the folder of a request's answer; a secret is no part of the name."""
    return store / cache_key(address=request.said(), body=request.body)


def kept_answer(entry: Path) -> About | None:
    """Read what is known of a kept answer; None where there is none, or not the bytes that were kept."""
    about = _read_about(entry / ABOUT)
    body = entry / BODY
    whole = about is not None and body.is_file() and body.stat().st_size == about.size
    return about if whole and about is not None and file_sha256(body) == about.sha256 else None


def part_of(entry: Path) -> tuple[int, About]:
    """Tell how many bytes of an answer have come already, and of which version they are; 0 where none can be used."""
    about = _read_about(entry / PART_ABOUT)
    part = entry / PART
    if about is None or not part.is_file() or not about.strong_mark():
        drop_part(entry)
        return 0, About()
    return part.stat().st_size, about


def begin_part(entry: Path, about: About) -> Path:
    """Make room for a new body."""
    entry.mkdir(parents=True, exist_ok=True)
    drop_part(entry)
    _write_about(entry / PART_ABOUT, about)
    return entry / PART


def drop_part(entry: Path) -> None:
    """Forget what has come of a body."""
    for name in (PART, PART_ABOUT):
        with suppress(FileNotFoundError):
            (entry / name).unlink()


def keep(entry: Path, about: About) -> None:
    """Make the part the answer: it is whole."""
    with suppress(FileNotFoundError):
        (entry / ABOUT).unlink()  # between the two moves the answer counts as not there
    (entry / PART).replace(entry / BODY)
    _write_about(entry / ABOUT, about)
    with suppress(FileNotFoundError):
        (entry / PART_ABOUT).unlink()


def note_asked(entry: Path, about: About) -> None:
    """Note that the source has been asked again and has nothing newer."""
    _write_about(entry / ABOUT, about)


def forget(entry: Path) -> None:
    """Forget an answer that turned out to be of no use, unless somebody is asking for it anew."""
    if not entry.is_dir():
        return
    with held(entry, wait=False) as mine:
        if mine:
            shutil.rmtree(entry, ignore_errors=True)


def note_used(entry: Path) -> None:
    """Note that an answer was of use, by the time of its file."""
    with suppress(OSError):  # a store that cannot be written to can still be read
        os.utime(entry / ABOUT)


def sweep(store: Path, now: float) -> None:
    """
    Remove the answers that were of no use for long, and the parts with which nobody went on.

    Parameters
    ----------
    store
        Folder of the answers; it need not exist.
    now
        Seconds since 1970.
    """
    for entry in store.iterdir() if store.is_dir() else ():
        if not ENTRY.fullmatch(entry.name):
            continue
        about = _read_about(entry / ABOUT)
        limit = max(UNUSED_DAYS, 2 * about.keep_days) if about else PART_DAYS
        times = [path.stat().st_mtime for path in entry.iterdir() if about is None or path.name == ABOUT]
        unused = (now - max(times, default=0.0)) / DAY_S
        if unused > limit:
            forget(entry)
        elif (entry / PART).exists() and now - (entry / PART).stat().st_mtime > PART_DAYS * DAY_S:
            with held(entry, wait=False) as mine:
                if mine:
                    drop_part(entry)


@contextmanager
def writable(store: Path) -> Iterator[None]:
    """
    Tell of a store that cannot be written to in one line.

    Raises
    ------
    InputError
        In the place of the system's error.
    """
    try:
        yield
    except OSError as error:
        raise InputError(
            f"cannot keep answers there ({error.strerror or error})",
            where=str(store),
            advice=f"make room, or name another folder in ${FOLDER_VARIABLE}",
        ) from None


def clear_store(store: Path) -> int:
    """Remove all kept answers, and give back how many bytes they took."""
    if not store.is_dir():
        return 0
    size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    shutil.rmtree(store, ignore_errors=True)
    return size


def _read_about(path: Path) -> About | None:
    try:
        return About(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _write_about(path: Path, about: About) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(asdict(about)), encoding="utf-8")
    beside.replace(path)
