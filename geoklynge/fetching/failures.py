"""What a failed attempt means: whether another one may help, after which wait, and in whose words it is told."""

from __future__ import annotations

import email.utils
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import requests
import urllib3

from ..errors import FetchError
from .asking import Request
from .hosts import PrivateAddressError

# What a failed connection is called; the library's own words may hold a key.
_CONNECTION_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (requests.exceptions.SSLError, "its TLS certificate is not valid"),
    (requests.exceptions.ProxyError, "the proxy refuses or cannot be reached"),
    (requests.exceptions.ConnectTimeout, "it does not answer"),
    (requests.exceptions.ReadTimeout, "it stopped answering"),
    (requests.exceptions.ChunkedEncodingError, "the connection was cut"),
    (requests.exceptions.ConnectionError, "no connection"),
    (requests.exceptions.RequestException, "the request failed"),
    (urllib3.exceptions.HTTPError, "the connection was cut"),
)


class AgainError(Exception):
    """
    An attempt failed, another may not; `wait_s` is what the source asks for.

    `nobody` says that nobody was reached: not a source that fails, but perhaps a network that is not there.
    """

    def __init__(self, problem: str, *, wait_s: float | None = None, nobody: bool = False) -> None:
        self.problem, self.wait_s, self.nobody = problem, wait_s, nobody
        super().__init__(problem)


class ChecksumError(FetchError):
    """A whole file came whose checksum is another than its source tells."""


def failed_connection(error: Exception, request: Request) -> Exception:
    """Tell a failed connection that may be tried again from one that may not."""
    private = next((cause for cause in _causes(error) if isinstance(cause, PrivateAddressError)), None)
    if private is not None:
        return FetchError(str(private), source=request.source, advice="name it in $GEOKLYNGE_INSIDE, if it is yours")
    words = connection_words(error)
    if isinstance(error, requests.exceptions.SSLError):
        host = urlsplit(request.address).hostname
        return FetchError(f"{words} ({host})", source=request.source, advice="do not trust it; try again later")
    nobody = isinstance(error, requests.exceptions.ConnectionError) and not isinstance(
        error, requests.exceptions.ChunkedEncodingError | requests.exceptions.ReadTimeout
    )
    return AgainError(words, nobody=nobody)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Follow an error to what caused it; libraries wrap one in another in several ways."""
    cause: object = error
    for _ in range(20):
        if not isinstance(cause, BaseException):
            return
        yield cause
        inside = [getattr(cause, "reason", None), *cause.args, cause.__cause__, cause.__context__]
        cause = next((one for one in inside if isinstance(one, BaseException)), None)


def connection_words(error: Exception) -> str:
    """Say why a connection failed; never in the library's own words, which may hold a key."""
    return next(words for kind, words in _CONNECTION_WORDS if isinstance(error, kind))


def wanted_wait_s(text: str) -> float | None:
    """Read Retry-After (RFC 9110): seconds or a date."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = email.utils.parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return max(0.0, (when - datetime.now(UTC)).total_seconds()) if when.tzinfo else None
