"""One question to a source, and what came back: kinds of content, and how a wrong one shows."""

from __future__ import annotations

import html
import json
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

from ..errors import FetchError

MEGABYTE = 1_000_000
ANY_TYPE = ("application/octet-stream", "binary/octet-stream", "text/plain", "")  # says nothing about the content
HEAD_BYTES = 4_096
QUOTED_CHARACTERS = 80  # of what a source says, in a message
BEGINS = "it begins with"  # `require_kind` goes on with how
CUT_SECRET = 4  # so many first characters of a secret at the end of a text are taken for the rest of a cut one


@dataclass(frozen=True)
class Kind:
    """
    A kind of content: what is asked for, under which types it comes, and whether a file can be it.

    `looks_right` sees a file and says what is wrong with it, or nothing.
    """

    name: str
    accept: str
    types: tuple[str, ...]
    looks_right: Callable[[Path], str]


@dataclass(frozen=True)
class Request:
    """
    One question.

    `parameters` are told to everybody; `secret` ones (a key) go into the request and nowhere else. With a `body` (JSON
    or a form) it is a POST. A copy younger than `keep_days` answers instead of the source; an answer of more than
    `at_most_bytes` is refused. `md5` is the sum that the source itself tells of its file.
    """

    source: str
    address: str
    kind: Kind
    parameters: tuple[tuple[str, str], ...] = ()
    secret: tuple[tuple[str, str], ...] = ()
    body: str = ""
    body_type: str = "application/json"
    keep_days: float = 30.0
    at_most_bytes: int = 200 * MEGABYTE
    md5: str = ""

    def said(self) -> str:
        """Write the address as everybody may read it: without secrets."""
        return _with_query(self.address, self.parameters)

    def whole(self) -> str:
        """Write the address as the source gets it."""
        return _with_query(self.address, self.parameters + self.secret)


@dataclass(frozen=True)
class Answer:
    """
    A whole answer on the disk.

    `fetched` is when its bytes were last known to be what the source has (ISO 8601, UTC), `dated` what the source says
    of their age, `kept` whether no request, or none with a body, was needed.
    """

    path: Path
    request: Request
    fetched: str
    sha256: str
    size: int
    dated: str = ""
    kept: bool = False


def scrubbed(text: str, request: Request) -> str:
    """
    Take the secrets of a request out of what its source says, before any of it is cut or quoted.

    Parameters
    ----------
    text
        From an answer, of any length.
    request
        Its secrets are taken out as they are and as addresses, JSON and HTML write them; of one that is cut off at the
        end of `text`, what is left.

    Returns
    -------
    str
        With "…" in their places.

    Examples
    --------
    >>> scrubbed("no access with k%2fy", Request("x", "https://a.dk", JSON, secret=(("key", "k/y"),)))
    'no access with …'
    """
    secrets = {value for _, value in request.secret if value}
    writings = (str, quote, _quoted_whole, quote_plus, html.escape, _in_json)
    for form in sorted({write(value) for value in secrets for write in writings}, key=len, reverse=True):
        text = re.sub(re.escape(form), "…", text, flags=re.IGNORECASE)
        for length in range(len(form) - 1, CUT_SECRET - 1, -1):
            if text.casefold().endswith(form[:length].casefold()):
                text = text[:-length] + "…"
                break
    return text


def _quoted_whole(text: str) -> str:
    return quote(text, safe="")


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _with_query(address: str, parameters: tuple[tuple[str, str], ...]) -> str:
    if not parameters:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"


def require_kind(path: Path, declared: str, request: Request) -> None:
    """
    Refuse an answer that is not of the kind asked for, whatever its status said.

    Parameters
    ----------
    path
        The whole answer.
    declared
        The content type that came with it.
    request
        What was asked.

    Raises
    ------
    FetchError
        If it is empty, an HTML page, declared as another kind, or cannot be of this kind; says how it begins.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    advice = f"try again later; if it stays so, the source has changed: {request.address}"
    require_beginning(head, declared, request, advice=advice)
    wrong = request.kind.looks_right(path)
    if wrong:
        wrong = f"{wrong} {_quoted_head(head, request)[:20]!r}" if wrong == BEGINS else wrong
        raise FetchError(f"what came is no {request.kind.name} ({wrong})", source=request.source, advice=advice)


def require_beginning(head: bytes, declared: str, request: Request, *, advice: str) -> None:
    """
    Refuse an answer by how it begins and what it is declared as.

    Raises
    ------
    FetchError
        If it is empty, an HTML page, or declared as another kind; says how it begins.
    """
    if not head.strip():
        raise FetchError("an empty answer", source=request.source, advice=advice)
    if is_html(head):
        said = _quoted_head(head, request)
        raise FetchError(
            f"an HTML page instead of {request.kind.name} ({said!r} …)", source=request.source, advice=advice
        )
    plain = declared.partition(";")[0].strip().casefold()
    if plain not in (*request.kind.types, *ANY_TYPE):
        plain = scrubbed(plain, request)[:QUOTED_CHARACTERS]
        raise FetchError(f"{plain!r} came instead of {request.kind.name}", source=request.source, advice=advice)


def _quoted_head(head: bytes, request: Request) -> str:
    return " ".join(scrubbed(head.decode("utf-8", errors="replace"), request).split())[:QUOTED_CHARACTERS]


def is_html(head: bytes) -> bool:
    """Tell whether an answer begins as a page for people does."""
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return begins.startswith((b"<!doctype html", b"<html", b"<head"))


def _ends_of(path: Path) -> tuple[bytes, bytes]:
    with path.open("rb") as stream:
        head = stream.read(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \t\r\n")
        stream.seek(max(0, path.stat().st_size - HEAD_BYTES))
        return head, stream.read().rstrip()


def _is_json(path: Path) -> str:
    head, tail = _ends_of(path)
    closes = {b"{": b"}", b"[": b"]"}.get(head[:1])
    if closes is None:
        return BEGINS
    return "" if tail.endswith(closes) else "it breaks off"


def _is_table(path: Path) -> str:
    head, _ = _ends_of(path)
    if b"\0" in head:
        return "it is no text"
    return BEGINS if head[:1] in b"<{" else ""


def _is_zip(path: Path) -> str:
    return "" if zipfile.is_zipfile(path) else "no zip directory at its end"


def _is_pbf(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(64)
    return "" if b"OSMHeader" in head else "no OSM header at its beginning"


def _is_parquet(path: Path) -> str:
    head, tail = _ends_of(path)
    return "" if head.startswith(b"PAR1") and tail.endswith(b"PAR1") else "no parquet marks at its ends"


def _is_database(path: Path) -> str:
    head, _ = _ends_of(path)
    return "" if head.startswith(b"SQLite format 3\0") else "no SQLite header at its beginning"


def _is_md5(path: Path) -> str:
    word = path.read_text(encoding="ascii", errors="replace").split()[:1]
    found = word and len(word[0]) == 32 and all(c in "0123456789abcdef" for c in word[0].casefold())
    return "" if found else "no sum of 32 digits"


JSON = Kind(
    "JSON",
    "application/json, application/geo+json;q=0.9",
    ("application/json", "application/geo+json", "application/vnd.geo+json", "application/graphql-response+json",
     "text/json", "text/javascript"),
    _is_json,
)  # fmt: skip
CSV = Kind("CSV", "text/csv, text/plain;q=0.5", ("text/csv", "application/csv", "application/vnd.ms-excel"), _is_table)
ZIP = Kind("zip file", "application/zip", ("application/zip", "application/x-zip-compressed", "application/x-zip"),
           _is_zip)  # fmt: skip
PBF = Kind("OSM PBF file", "*/*", ("application/x-protobuf", "application/vnd.openstreetmap.data+pbf"), _is_pbf)
PARQUET = Kind("parquet file", "*/*", ("application/vnd.apache.parquet", "application/x-parquet"), _is_parquet)
GEOPACKAGE = Kind("GeoPackage", "*/*", ("application/geopackage+sqlite3", "application/x-sqlite3"), _is_database)
MD5 = Kind("checksum", "text/plain, */*;q=0.5", ("application/x-md5", "application/x-checksum"), _is_md5)
