"""A large file of a source, read where it lies: only the bytes that are wanted are asked for, each once, and kept."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import requests
import urllib3

from ..errors import FetchError
from ..sources.cache import cache_key, file_sha256
from .asking import HEAD_BYTES, MEGABYTE, Answer, Request, require_kind
from .bodies import CHUNK, CONTENT_RANGE
from .client import (
    Client,
    again_and_again,
    answer_of,
    require_online,
    require_success,
    send,
    still_good,
)
from .drafts import Question
from .failures import AgainError, connection_words
from .locks import held
from .store import About, begin_part, drop_part, keep, kept_answer, note_used, writable

END_BYTES = 1 << 18  # the end of a file, where parquet and zip files say what is in them
AT_LEAST, AT_MOST = 1 << 16, 1 << 23  # bytes of one question; two parts nearer than AT_LEAST are one

Span = tuple[int, int]  # first byte, and the one after the last


@dataclass(frozen=True)
class _Part:
    """Bytes of a file that lie on the disk."""

    first: int
    end: int
    path: Path


@dataclass
class RangeFile(io.RawIOBase):
    """
    A file of a source, read by its parts.

    Every part is of one version of the file, known by its mark: a file that changes on the way is refused. What has
    come is kept under that mark; a later fetch of the same version asks only for what it lacks.

    Attributes
    ----------
    client, request
        Who asks, and for what; `request.at_most_bytes` limits what comes of the file, not its size.
    about
        The version: its marks, and its size (`whole`).
    asked
        What was asked for, and came.
    """

    client: Client
    request: Request
    about: About
    asked: list[Question]
    parts: list[_Part] = field(default_factory=list)
    come: int = 0
    at: int = 0

    def size(self) -> int:
        """Tell the size of the whole file."""
        return self.about.whole

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Tell where the next byte is read."""
        return self.at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.at, io.SEEK_END: self.size()}[whence]
        self.at = max(0, start + offset)
        return self.at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read as many bytes as there is room for, and ask for those that are not here yet."""
        end = min(self.at + len(buffer), self.size())
        done = 0
        while self.at < end:
            self.need([(self.at, end)])
            part = self._part_at(self.at)
            if part is None:
                raise _changed(self.request)
            with part.path.open("rb") as stream:
                stream.seek(self.at - part.first)
                piece = stream.read(min(end, part.end) - self.at)
            if not piece:
                raise _changed(self.request)
            buffer[done : done + len(piece)] = piece
            done += len(piece)
            self.at += len(piece)
        return done

    def _part_at(self, byte: int) -> _Part | None:
        index = bisect_right(self.parts, byte, key=lambda part: part.first) - 1
        found = self.parts[index] if index >= 0 else None
        return found if found is not None and byte < found.end else None

    def lacking(self, spans: Iterable[Span]) -> list[Span]:
        """Name the spans that have to be asked for so that all of `spans` are here; near ones are taken together."""
        gaps: list[Span] = []
        for first, last in sorted(spans):
            start, end = first, min(last, self.size())
            while start < end:
                part = self._part_at(start)
                if part is not None:
                    start = part.end
                    continue
                following = min((p.first for p in self.parts if p.first > start), default=self.size())
                stop = min(max(end, start + AT_LEAST), following)
                if gaps and start - gaps[-1][1] < AT_LEAST and self._part_at(gaps[-1][1]) is None:
                    start, stop = gaps[-1][0], max(stop, gaps[-1][1])
                    gaps.pop()
                gaps.append((start, stop))
                start = stop
        return gaps

    def need(self, spans: Iterable[Span]) -> None:
        """
        Ask for what is lacking of some spans.

        Raises
        ------
        FetchError
            If it does not come, the file is another one now, or it is more than may come.
        """
        gaps = [piece for gap in self.lacking(spans) for piece in _pieces(gap)]
        total = self.come + sum(end - first for first, end in gaps)
        if total > self.request.at_most_bytes:
            raise too_much(self.request, total)
        for first, end in gaps:
            answer = _ask_part(self.client, self.request, f"bytes={first}-{end - 1}", self.about)
            if answer is None:
                raise _changed(self.request)
            _take(self, answer, first)
            self.client.tell(self.come // MEGABYTE, max(1, total // MEGABYTE))


def open_ranges(client: Client, request: Request) -> RangeFile | None:
    """
    Open a file of a source by its end.

    Parameters
    ----------
    client
        Asks.
    request
        For the file. Its kind is that of any part: whether the whole is right, its reader must say.

    Returns
    -------
    RangeFile
        None where the source gives whole files only.

    Raises
    ------
    FetchError
        If the source does not give it.
    """
    answer = _ask_part(client, request, f"bytes=-{END_BYTES}", None)
    if answer is None:
        return None
    file = RangeFile(client, request, answer[1], [])
    _take(file, answer, answer[1].whole - answer[1].size)
    return file


def too_much(request: Request, size: int) -> FetchError:
    """Say that more would have to come than may."""
    return FetchError(
        f"{size / MEGABYTE:,.0f} MB would have to come, more than {request.at_most_bytes / MEGABYTE:,.0f} MB",
        source=request.source,
        advice="ask for a smaller place, or raise at_most_mb of the source",
    )


def _pieces(gap: Span) -> Iterator[Span]:
    for first in range(gap[0], gap[1], AT_MOST):
        yield first, min(first + AT_MOST, gap[1])


def _take(file: RangeFile, answer: tuple[Answer, About], first: int) -> None:
    got, about = answer
    file.parts.append(_Part(first, first + about.size, got.path))
    file.parts.sort(key=lambda part: part.first)
    file.come += about.size
    span = f"bytes {first}-{first + about.size - 1} of {about.whole}"
    file.asked.append(Question(f"{file.request.said()} ({span})", got.fetched, about.sha256, about.size))


def _changed(request: Request) -> FetchError:
    return FetchError("the file changed while it was read", source=request.source, advice="run the command again")


def _ask_part(client: Client, request: Request, span: str, of: About | None) -> tuple[Answer, About] | None:
    """Get bytes of a file, `of` a known version of it or of the one that there is; None where only the whole comes."""
    mark = of.strong_mark() if of else ""
    entry = client.store / cache_key(address=request.said(), span=span, mark=mark)
    client.used.append(entry)
    with writable(client.store):
        answer = _kept_or_asked(client, request, span, of, entry)
    note_used(entry)
    return answer


def _kept_or_asked(
    client: Client, request: Request, span: str, of: About | None, entry: Path
) -> tuple[Answer, About] | None:
    began, about = client.now(), kept_answer(entry)
    if about is None or not (of or still_good(client, request, about)):
        require_online(client, request)
        with held(entry):
            about = kept_answer(entry)
            if about is None or not (of or about.asked_at > began or still_good(client, request, about)):
                return again_and_again(client, request, lambda: _once(client, request, span, of, entry))
    return _answer(entry, about, request, kept=True)


def _once(client: Client, request: Request, span: str, of: About | None, entry: Path) -> tuple[Answer, About] | None:
    """Ask for bytes once: give them, or raise `AgainError` or `FetchError`."""
    response = send(client, request, _headers(request, span, of))
    try:
        if of is not None and response.status_code in {412, 416}:
            raise _changed(request)
        require_success(response, request)
        about = _version(response, request, span, of)
        part = begin_part(entry, About())
        come = _write(response, part, about.size if about else HEAD_BYTES)
        require_kind(part, response.headers.get("Content-Type", ""), request)
        if about is None:
            return None
        if come < about.size:
            raise AgainError(f"the connection was cut after {come} of {about.size} bytes")
        about = replace(about, asked_at=client.now(), keep_days=request.keep_days, sha256=file_sha256(part))
        keep(entry, about)
        return _answer(entry, about, request, kept=False)
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise AgainError(connection_words(error)) from None
    finally:
        drop_part(entry)
        response.close()


def _headers(request: Request, span: str, of: About | None) -> dict[str, str]:
    headers = {"Accept": request.kind.accept, "Accept-Encoding": "identity", "Range": span}
    if of is not None:
        strong = of.strong_mark() == of.etag
        headers["If-Match" if strong else "If-Unmodified-Since"] = of.strong_mark()
    return headers


def _version(response: requests.Response, request: Request, span: str, of: About | None) -> About | None:
    """Tell of which version of the file an answer is, and how many bytes it has; None where it is no part of it."""
    headers = response.headers
    about = About(headers.get("ETag", ""), headers.get("Last-Modified", ""))
    if response.status_code != 206 or not about.strong_mark():
        if of is not None:
            raise _changed(request)
        return None
    told = CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if told is None or headers.get("Content-Encoding"):
        raise AgainError("a part of a file that does not say which")
    first, last, whole = (int(number) for number in told.groups())
    if of is not None and (about.strong_mark() != of.strong_mark() or whole != of.whole):
        raise _changed(request)
    begin, _, end = span.removeprefix("bytes=").partition("-")
    wanted = (int(begin), int(end)) if begin else (max(0, whole - int(end)), whole - 1)
    if (first, last) != wanted:
        raise AgainError(f"bytes {first} to {last} came instead of {wanted[0]} to {wanted[1]}")
    return replace(about, size=last + 1 - first, whole=whole)


def _write(response: requests.Response, part: Path, at_most: int) -> int:
    come = 0
    with part.open("wb") as stream:
        while come < at_most and (piece := response.raw.read1(min(CHUNK, at_most - come), decode_content=False)):
            come += len(piece)
            stream.write(piece)
    return come


def _answer(entry: Path, about: About, request: Request, *, kept: bool) -> tuple[Answer, About]:
    return answer_of(entry, about, request, kept=kept), about
