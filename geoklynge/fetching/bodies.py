"""A body as it comes: written beside, gone on with where it was cut, and kept only when it is whole and looks right."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import requests

from ..errors import FetchError
from ..progress import Tell
from ..sources.cache import file_sha256
from .asking import MEGABYTE, Request, require_kind
from .failures import AgainError, ChecksumError
from .store import PART, About, begin_part, drop_part, keep

CHUNK = 1 << 18
CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
LENGTH = re.compile(r"\d{1,18}", re.ASCII)


def take_body(
    request: Request, response: requests.Response, entry: Path, begun: tuple[int, About], tell: Tell
) -> About:
    """
    Write what comes of a body to the part of an entry, whose lock is held.

    Parameters
    ----------
    request
        What was asked.
    response
        A success.
    entry
        Where the answer is kept.
    begun
        How many bytes had come and were asked to be gone on from, and the marks of their version.
    tell
        Told the megabytes that have come, and of how many.

    Returns
    -------
    About
        The marks of the version.

    Raises
    ------
    AgainError
        If it is cut, or does not go on where the part ends, to the end, in the same version.
    FetchError
        If it is too large.
    """
    headers = response.headers
    encoded = bool(headers.get("Content-Encoding"))  # what is unpacked cannot be gone on with
    marks = About(headers.get("ETag", ""), headers.get("Last-Modified", ""))
    if response.status_code == 206:
        come, marks = begun
        total = _whole_of(response, entry, begun)
    else:
        come = 0
        length = headers.get("Content-Length", "")
        total = int(length) if LENGTH.fullmatch(length) and not encoded else 0
        begin_part(entry, About() if encoded else replace(marks, whole=total))
    _require_small(request, entry, total)
    with (entry / PART).open("ab") as part:
        # as it comes: what had come when a connection is cut is kept, and gone on from
        while piece := response.raw.read1(CHUNK, decode_content=True):
            come += len(piece)
            _require_small(request, entry, come)
            part.write(piece)
            tell(come // MEGABYTE, max(total, come) // MEGABYTE)
    if total and come > total:
        drop_part(entry)
        raise AgainError(f"{come} bytes came instead of {total}")
    if total and come < total:
        raise AgainError(f"the connection was cut after {come} of {total} bytes")
    return marks


def _whole_of(response: requests.Response, entry: Path, begun: tuple[int, About]) -> int:
    """Tell the size of the body of which the rest is coming; drop the part if what comes is not just that rest."""
    come, marks = begun
    headers = response.headers
    told = CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    span = tuple(map(int, told.groups())) if told else ()
    rest = bool(come and span) and span[0] == come and span[1] + 1 == span[2] > come
    rest = rest and marks.whole in {0, span[2]}
    # RFC 9110 (15.3.7) lets an answer to If-Range leave out the marks but for the one that was asked for
    now = About(headers.get("ETag", ""), headers.get("Last-Modified", ""))
    same = now.strong_mark() == marks.strong_mark() and now.etag in {"", marks.etag}
    same = same and now.modified in {"", marks.modified}
    if not rest or not same or headers.get("Content-Encoding"):
        drop_part(entry)
        raise AgainError("it sent another part than asked for")
    return int(span[2])


def _require_small(request: Request, entry: Path, size: int) -> None:
    if size > request.at_most_bytes:
        drop_part(entry)
        raise FetchError(
            f"more than {request.at_most_bytes / MEGABYTE:.0f} MB",
            source=request.source,
            advice="raise at_most_mb of the source, if that is right",
        )


def settle(request: Request, response: requests.Response, entry: Path, marks: About) -> About:
    """
    Look at a whole body, and make it the answer.

    Raises
    ------
    ChecksumError
        If it has another checksum than its source says.
    FetchError
        If it is not of the kind that was asked for.
    """
    part = entry / PART
    try:
        require_kind(part, response.headers.get("Content-Type", ""), request)
    except FetchError:
        drop_part(entry)
        raise
    if request.md5 and md5_of(part) != request.md5.casefold():
        drop_part(entry)
        raise ChecksumError(
            "its checksum is another than the source says", source=request.source, advice="run the command again later"
        )
    about = replace(marks, whole=0, sha256=file_sha256(part), size=part.stat().st_size)
    keep(entry, about)
    return about


def md5_of(path: Path) -> str:
    """Sum up a file as sources do."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
