"""The one client that asks sources: politely, again where that helps, and never leaving a part as if it were whole."""

from __future__ import annotations

import email.utils
import random
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from .. import __version__
from ..errors import FetchError, NotAskedError
from ..progress import Tell, told_nobody
from .asking import QUOTED_CHARACTERS, Answer, Request, scrubbed
from .bodies import settle, take_body
from .failures import AgainError, connection_words, failed_connection, wanted_wait_s
from .hosts import public_session, require_allowed, same_site
from .locks import held
from .store import (
    BODY,
    About,
    drop_part,
    entry_of,
    kept_answer,
    note_asked,
    note_used,
    part_of,
    sweep,
    writable,
)

USER_AGENT = f"geoklynge/{__version__} (village clusters from open data; one request at a time)"
AGAIN = (408, 425, 429, 500, 502, 503, 504)
REDIRECTS, MOST_REDIRECTS = (301, 302, 303, 307, 308), 5
SECONDS_A_DAY = 86_400.0
NO_NETWORK_FROM = 2  # hosts that could not be reached
IF_NEWER = {"If-None-Match", "If-Modified-Since"}
REASON_BYTES, REASON_CHARACTERS = 4_096, 120

T = TypeVar("T")


def _sleep(seconds: float) -> None:
    time.sleep(seconds)


@dataclass(frozen=True)
class Client:
    """
    How sources are asked.

    Attributes
    ----------
    store
        Folder in which answers are kept.
    session
        Asks; `open_client` makes one that reaches public addresses only.
    inside
        ``host:port`` of servers inside one's own network that may be asked.
    offline
        Whether nobody is to be asked: copies of any age are taken.
    refresh
        Whether to ask a source even if the copy is young; it may still say that there is nothing newer.
    attempts
        How often one question is asked at most.
    pause_s
        Wait before the second attempt; each further one waits twice as long, give or take a quarter.
    longest_wait_s
        A source that wants a longer wait than this is given up for now.
    gap_s
        Between two requests to one host.
    timeout_s
        To connect, and between two pieces of an answer.
    tell
        Told the megabytes of the answer that is coming.
    sleep, now
        The clock.
    used
        The folders of all answers that were given, so that those of no use can be forgotten.
    unreached
        Hosts that could not be reached.
    """

    store: Path
    session: requests.Session
    inside: frozenset[str] = frozenset()
    offline: bool = False
    refresh: bool = False
    attempts: int = 5
    pause_s: float = 2.0
    longest_wait_s: float = 120.0
    gap_s: float = 0.5
    timeout_s: tuple[float, float] = (15.0, 120.0)
    tell: Tell = told_nobody
    sleep: Callable[[float], None] = _sleep
    now: Callable[[], float] = time.time
    last_asked: dict[str, float] = field(default_factory=dict)
    used: list[Path] = field(default_factory=list)
    unreached: set[str] = field(default_factory=set)


def open_client(
    store: Path, *, inside: frozenset[str] = frozenset(), refresh: bool = False, offline: bool = False
) -> Client:
    """Make a client whose session reaches public addresses, and those `inside`, only; nobody if `offline`."""
    if not offline:  # who cannot ask again keeps what there is
        with suppress(OSError):
            sweep(store, time.time())
    return Client(store, public_session(USER_AGENT, inside), inside, offline, refresh)


def require_online(client: Client, request: Request) -> None:
    """
    Refuse to ask where nobody is to be asked.

    Raises
    ------
    NotAskedError
        If so.
    """
    if client.offline:
        advice = "download it by hand (see --instructions), or fetch without --offline"
        raise NotAskedError("not asked", source=request.source, advice=advice)


def ask(client: Client, request: Request) -> Answer:
    """
    Get the answer to a request: from the store while it is young, else from the source.

    A source that is busy, fails or breaks off is asked again after a growing wait, or after the one that it names; a
    body that broke off goes on where it stopped, if the source can do that and has not changed. A copy is confirmed,
    not fetched again, where the source says that nothing is newer.

    Raises
    ------
    FetchError
        If the source does not give it; nothing of a broken answer is taken for whole.
    InputError
        If it cannot be kept.
    """
    with writable(client.store):
        answer = _ask(client, request)
    note_used(answer.path.parent)
    client.used.append(answer.path.parent)
    return answer


def _ask(client: Client, request: Request) -> Answer:
    entry, began = entry_of(client.store, request), client.now()
    about = kept_answer(entry)
    if about is None or not still_good(client, request, about):
        require_online(client, request)
        with held(entry):
            about = kept_answer(entry)
            if about is None or not (about.asked_at > began or still_good(client, request, about)):
                return again_and_again(client, request, lambda: _once(client, request, entry, about))
    return answer_of(entry, about, request, kept=True)


def still_good(client: Client, request: Request, about: About) -> bool:
    """Tell whether a kept answer is taken without asking."""
    young = client.now() - about.asked_at < request.keep_days * SECONDS_A_DAY
    return client.offline or (young and not client.refresh)


def again_and_again(client: Client, request: Request, once: Callable[[], T]) -> T:
    """
    Do something that asks a source until it works, with a growing wait between the attempts.

    Parameters
    ----------
    client
        Says how often, and how long to wait.
    request
        Whom it asks, for the message.
    once
        Raises `AgainError` where another attempt may help.

    Raises
    ------
    FetchError
        If no attempt worked, or the source wants a longer wait than the client has patience for.
    """
    # where two hosts could not be reached there is no network, and no use in waiting for it
    attempts = 1 if len(client.unreached) >= NO_NETWORK_FROM else client.attempts
    for attempt in range(1, attempts + 1):
        try:
            return once()
        except AgainError as failed:
            wait_s = client.pause_s * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
            wait_s = max(wait_s, failed.wait_s or 0.0)
            if attempt == attempts or wait_s > client.longest_wait_s:
                if failed.nobody:
                    client.unreached.add(urlsplit(request.address).netloc)
                raise _given_up(request, failed, attempt, client) from None
            client.sleep(wait_s)
    raise AssertionError("unreachable")  # pragma: no cover


def _given_up(request: Request, failed: AgainError, attempts: int, client: Client) -> FetchError:
    host = urlsplit(request.address).hostname
    wait = failed.wait_s or 0.0
    if wait > client.longest_wait_s:
        problem, advice = f"{host} asks to wait {wait:.0f} s ({failed.problem})", "run the command again then"
    else:
        times = f", asked {attempts} times" if attempts > 1 else ""
        problem, advice = f"{failed.problem} ({host}{times})", "run the command again later; it goes on from here"
    return FetchError(problem, source=request.source, advice=advice)


def _once(client: Client, request: Request, entry: Path, about: About | None) -> Answer:
    """Ask once: give the answer, or raise `AgainError` or `FetchError`."""
    come, part = (0, About()) if request.body else part_of(entry)
    headers = _headers(request, about, come, part)
    response = send(client, request, headers)
    try:
        if response.status_code == 304 and about and not IF_NEWER.isdisjoint(headers):
            confirmed = replace(about, asked_at=client.now())
            note_asked(entry, confirmed)
            return answer_of(entry, confirmed, request, kept=True)
        if response.status_code == 416 and come:  # the part is longer than the body is now
            drop_part(entry)
            raise AgainError("HTTP 416")
        require_success(response, request)
        marks = take_body(request, response, entry, (come, part), client.tell)
        settled = settle(request, response, entry, replace(marks, asked_at=client.now(), keep_days=request.keep_days))
        return answer_of(entry, settled, request, kept=False)
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise AgainError(connection_words(error)) from None
    finally:
        response.close()


def _headers(request: Request, about: About | None, come: int, part: About) -> dict[str, str]:
    headers = {"Accept": request.kind.accept}
    if request.body:
        return headers | {"Content-Type": request.body_type}
    if come:
        return headers | {"Range": f"bytes={come}-", "If-Range": part.strong_mark(), "Accept-Encoding": "identity"}
    if about and about.etag:
        headers["If-None-Match"] = about.etag
    elif about and about.modified:
        headers["If-Modified-Since"] = about.modified
    return headers


def send(client: Client, request: Request, headers: dict[str, str]) -> requests.Response:
    """Send a request and follow redirects, those to the same site only."""
    require_online(client, request)
    address, method, body = request.whole(), "POST" if request.body else "GET", request.body
    for _ in range(MOST_REDIRECTS + 1):
        require_allowed(address, source=request.source, inside=client.inside)
        _keep_gap(client, address)
        try:
            response = client.session.request(
                method,
                address,
                data=body.encode() or None,
                headers=headers,
                timeout=client.timeout_s,
                stream=True,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            raise failed_connection(error, request) from None
        if response.status_code not in REDIRECTS:
            return response
        response.close()
        address = _onward(address, response.headers.get("Location", ""), request)
        if response.status_code == 303:
            method, body = "GET", ""
    raise FetchError("redirected in a circle", source=request.source, advice="try again later")


def _onward(address: str, location: str, request: Request) -> str:
    """Follow a redirect, to the same site only."""
    advice = "see whether the source has moved"
    try:
        onward = urljoin(address, location)
        host, _ = urlsplit(onward).hostname, urlsplit(onward).port
    except ValueError:
        raise FetchError("sent on to an address that is none", source=request.source, advice=advice) from None
    if not same_site(address, onward):
        host = scrubbed(str(host), request)[:QUOTED_CHARACTERS]
        raise FetchError(f"sent on to another site, {host}", source=request.source, advice=advice)
    return onward


def _keep_gap(client: Client, address: str) -> None:
    host = urlsplit(address).netloc
    if host not in client.inside:
        wait_s = client.last_asked.get(host, 0.0) + client.gap_s - client.now()
        if wait_s > 0:
            client.sleep(wait_s)
    client.last_asked[host] = client.now()


def require_success(response: requests.Response, request: Request) -> None:
    """Let a success pass; raise `AgainError` where another attempt may help, else `FetchError`."""
    status = response.status_code
    if status in {200, 206}:
        return
    if status in AGAIN:
        raise AgainError(f"HTTP {status}", wait_s=wanted_wait_s(response.headers.get("Retry-After", "")))
    reason = _reason(response, request)
    if status in {401, 403}:
        key = "the key is refused" if request.secret else "access is refused"
        raise FetchError(f"{key} (HTTP {status}{reason})", source=request.source, advice="get a new key or access")
    advice = f"see whether {request.address} is still its address"
    raise FetchError(f"HTTP {status}{reason}", source=request.source, advice=advice)


def _reason(response: requests.Response, request: Request) -> str:
    """Quote what a source says of its refusal, in JSON or an OGC report; a key that it repeats is taken out."""
    try:
        text = response.raw.read(REASON_BYTES, decode_content=True).decode("utf-8", errors="replace")
    except urllib3.exceptions.HTTPError:
        return ""
    found = re.search(r'"(?:message|detail|error)"\s*:\s*"([^"]+)"|<(?:\w+:)?ExceptionText>([^<]+)', text)
    said = " ".join(scrubbed(found[1] or found[2], request).split())[:REASON_CHARACTERS] if found else ""
    return f": {said}" if said else ""


def answer_of(entry: Path, about: About, request: Request, *, kept: bool) -> Answer:
    """Tell of a kept body as an answer."""
    fetched = datetime.fromtimestamp(about.asked_at, UTC).isoformat(timespec="seconds")
    return Answer(entry / BODY, request, fetched, about.sha256, about.size, _day(about.modified), kept)


def _day(text: str) -> str:
    """Turn Last-Modified into a date."""
    try:
        return email.utils.parsedate_to_datetime(text).date().isoformat()
    except (ValueError, OverflowError):
        return ""
