"""OSMnx asks OpenStreetMap's services in our manners: our name, our store, our limits, our words for what fails."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import geopandas as gpd
import requests
import urllib3

from ..errors import FetchError, NothingThereError
from .asking import HEAD_BYTES, MEGABYTE, Request, require_beginning
from .bodies import CHUNK
from .client import AGAIN, REDIRECTS, SECONDS_A_DAY, USER_AGENT, Client, again_and_again, require_online
from .drafts import Question
from .failures import AgainError, connection_words, failed_connection, wanted_wait_s
from .hosts import is_public, require_allowed

FOLDER = "osmnx"  # of the answers that OSMnx keeps, in the store
KEPT = "answer.json"  # in a folder for each question
WAY_TAGS = ("highway", "maxspeed", "oneway", "junction")
LOOK_AGAIN_S = 5.0  # OSMnx looks so often whether a query of ours still runs
SLOT = re.compile(r"^Slot available after: (\S+?Z)\b", re.MULTILINE)


@dataclass
class Asking:
    """
    One time of asking through OSMnx.

    `asked` are the questions whose answers were taken, kept ones too; `given` are the folders of these answers, as far
    as they may turn out to be of no use; `fresh` those that came just now.
    """

    client: Client
    request: Request
    asked: list[Question] = field(default_factory=list)
    given: list[Path] = field(default_factory=list)
    fresh: set[Path] = field(default_factory=set)

    def folder_of(self, url: str) -> Path:
        """Name the folder of the answer to a question."""
        digest = hashlib.sha256(url.encode()).hexdigest()[:32]
        return self.client.store / FOLDER / self.request.source / digest

    def kept(self, url: str) -> Any | None:
        """
        Give the kept answer to a question; None where it is too old, or to be asked anew.

        Raises
        ------
        NotAskedError
            If there is none, and nobody is to be asked.
        """
        folder = self.folder_of(url)
        path = folder / KEPT
        try:
            body = path.read_bytes()
            answer, since = json.loads(body), path.stat().st_mtime
        except (OSError, ValueError, RecursionError):  # not there, or not whole: as if it were not there
            require_online(self.client, self.request)
            return None
        client = self.client
        young = not client.refresh and client.now() - since < self.request.keep_days * SECONDS_A_DAY
        if folder not in self.fresh and not young and not client.offline:
            return None
        if folder not in self.given:
            self.given.append(folder)
            if folder not in self.fresh:
                when = datetime.fromtimestamp(since, UTC).isoformat(timespec="seconds")
                address = f"{url.partition('?')[0]} (kept)"
                self.asked.append(Question(address, when, hashlib.sha256(body).hexdigest(), len(body)))
        return answer

    def keep(self, url: str, response_json: Any, ok: bool) -> None:  # named as OSMnx names them
        """Keep an answer in the place of an older one, in one step."""
        if not ok or (isinstance(response_json, dict) and "remark" in response_json):
            return
        folder = self.folder_of(url)
        folder.mkdir(parents=True, exist_ok=True)
        beside = folder / f".{KEPT}.{os.getpid()}"
        beside.write_text(json.dumps(response_json), encoding="utf-8")
        beside.replace(folder / KEPT)
        self.fresh.add(folder)
        self.given.append(folder)


@contextmanager
def asking_osm(client: Client, request: Request, setting: str) -> Iterator[Asking]:
    """
    Let OSMnx ask in our manners: our name, our store, our limits, and errors that can be told from each other.

    OSMnx keeps its settings in its module, and pins names to numbers for the whole process; both are put back, and so
    are its ways to keep answers, in whose place ours are used. It keeps to the slots of an Overpass server and to one
    Nominatim request a second by itself. Answers that turn out to be of no use are forgotten with those of the client.

    Parameters
    ----------
    client
        Says how.
    request
        Whom; its address goes into `setting` of OSMnx.
    setting
        ``overpass_url`` or ``nominatim_url``.

    Yields
    ------
    Asking
        What was asked, as it comes.
    """
    import osmnx

    require_allowed(request.address, source=request.source, inside=client.inside)
    if not client.offline:
        _require_public_name(client, request)
    asking = Asking(client, request)
    changes: dict[str, Any] = {
        setting: request.address,
        "use_cache": True,
        "http_user_agent": USER_AGENT,
        "http_referer": USER_AGENT,
        "http_accept_language": "da",  # names as they are asked for
        "doh_url_template": None,
        "requests_timeout": client.timeout_s[1],
        "requests_kwargs": {"allow_redirects": False, "hooks": {"response": _watch(asking)}},
        "useful_tags_way": list(WAY_TAGS),
        "log_console": False,
        "log_file": False,
    }
    before = {name: getattr(osmnx.settings, name) for name in changes}
    resolve = socket.getaddrinfo
    http = osmnx._http
    ways = http._retrieve_from_cache, http._save_to_cache
    try:
        http._retrieve_from_cache, http._save_to_cache = asking.kept, asking.keep
        for name, value in changes.items():
            setattr(osmnx.settings, name, value)
        yield asking
    finally:
        client.used.extend(asking.given)
        http._retrieve_from_cache, http._save_to_cache = ways
        socket.getaddrinfo = resolve
        for name, value in before.items():
            setattr(osmnx.settings, name, value)


def _require_public_name(client: Client, request: Request) -> None:
    """Refuse a name that leads into a network; OSMnx pins it to the number that it found before it asks."""
    parts = urlsplit(request.address)
    if parts.netloc in client.inside or getproxies():
        return
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(parts.hostname, None)}
    except OSError:  # OSMnx would wait a minute for each attempt
        client.unreached.add(parts.netloc)
        raise FetchError(
            f"no connection ({parts.hostname}: its name is not known)",
            source=request.source,
            advice="run the command again later",
        ) from None
    if not all(is_public(address) for address in found):
        raise FetchError(
            f"{parts.hostname} leads to an address inside a network", source=request.source, advice="see its address"
        )


def _watch(asking: Asking) -> Callable[..., None]:
    """Make what looks at every response before OSMnx does, and refuses it where OSMnx would wait without end."""
    request = asking.request
    looks = 0

    def watch(response: requests.Response, **_: object) -> None:
        nonlocal looks
        status = response.status_code
        if status in REDIRECTS:
            raise FetchError("it redirects", source=request.source, advice="see whether it has moved")
        if status in AGAIN:
            raise AgainError(f"HTTP {status}", wait_s=wanted_wait_s(response.headers.get("Retry-After", "")))
        body = _body_of(response, request)
        if status != 200:
            raise FetchError(f"HTTP {status}", source=request.source, advice="try again later")
        if response.url.endswith("/status"):
            looks += 1
            _require_patience(body.decode("utf-8", errors="replace"), looks, asking.client)
            return
        looks = 0
        _require_answer(body, response.headers.get("Content-Type", ""), request)
        asking.asked.append(_question(response, body))

    return watch


def _body_of(response: requests.Response, request: Request) -> bytes:
    """Read a response's body, no further than it may be large, and give it back to the response."""
    body = bytearray()
    try:
        for piece in response.raw.stream(CHUNK, decode_content=True):
            body += piece
            if len(body) > request.at_most_bytes:
                break
    except urllib3.exceptions.HTTPError as error:
        raise AgainError(connection_words(error)) from None
    if len(body) > request.at_most_bytes:
        response.close()
        raise _too_large(request)
    response.raw = io.BytesIO(body)
    return bytes(body)


def _require_patience(status: str, looks: int, client: Client) -> None:
    """Give up where Overpass has no slot for longer than we wait: OSMnx would sleep for as long as it says."""
    line = (status.split("\n") + [""] * 5)[4]  # the one that OSMnx heeds
    wait_s: float | None = None
    if line.startswith("Slot"):
        found = SLOT.match(line)
        try:
            free = datetime.strptime(found[1] if found else "", "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise AgainError("its status cannot be read") from None
        wait_s = free.timestamp() - client.now()
    elif line.startswith("Currently"):
        wait_s = looks * LOOK_AGAIN_S
    if wait_s is not None and wait_s > client.longest_wait_s:
        raise AgainError("no free slot", wait_s=wait_s)


def _too_large(request: Request) -> FetchError:
    size = request.at_most_bytes / MEGABYTE
    return FetchError(f"more than {size:.0f} MB", source=request.source, advice="ask for a smaller place")


def _require_answer(body: bytes, declared: str, request: Request) -> None:
    """Refuse what is no whole answer; Overpass says with status 200 that it ran out of time or memory."""
    advice = "try again later, or take the country's extract with --only"
    if len(body) > request.at_most_bytes:
        raise _too_large(request)
    require_beginning(body[:HEAD_BYTES], declared, request, advice=advice)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        head = " ".join(body[:60].decode("utf-8", errors="replace").split())
        raise FetchError(f"what came is no JSON ({head!r} …)", source=request.source, advice=advice) from None
    remark = str(answer.get("remark", "")) if isinstance(answer, dict) else ""
    if "out of memory" in remark.casefold():  # so it is the next time
        raise FetchError(f"it gave up: {remark[:100]}", source=request.source, advice=advice)
    if "error" in remark.casefold():
        raise AgainError(f"it gave up: {remark[:100]}")
    if isinstance(answer, dict) and not isinstance(answer.get("elements"), list):
        found = ", ".join(sorted(answer))
        raise FetchError(f"no 'elements' in its answer; found {found}", source=request.source, advice=advice)


def _question(response: requests.Response, body: bytes) -> Question:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    address = response.url if response.request.method == "GET" else f"{response.url} (POST)"
    return Question(address, now, hashlib.sha256(body).hexdigest(), len(body))


def ask_osmnx(asking: Asking, once: Callable[[], gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    """
    Let OSMnx ask, again where that may help, and say in our words what went wrong.

    Raises
    ------
    FetchError
        If nothing came. Answers that had come by then are forgotten only if they are why.
    """
    import osmnx

    request = asking.request
    advice = "see whether the place is right"

    def careful() -> gpd.GeoDataFrame:
        try:
            return once()
        except (FetchError, AgainError):
            asking.given.clear()  # what came before was of use
            raise
        except requests.exceptions.RequestException as error:
            asking.given.clear()
            raise failed_connection(error, request) from None
        except osmnx._errors.InsufficientResponseError as error:
            raise NothingThereError(_nothing(error), source=request.source, advice=advice) from None
        except osmnx._errors.ResponseStatusCodeError as error:
            raise FetchError(str(error)[:120], source=request.source, advice="try again later") from None
        except ValueError as error:
            if "no graph nodes" in str(error):  # the ways around the place all lie outside it
                raise NothingThereError(_nothing(error), source=request.source, advice=advice) from None
            raise _unreadable(error, request) from None
        except (KeyError, TypeError, IndexError, AttributeError) as error:
            raise _unreadable(error, request) from None

    return again_and_again(asking.client, request, careful)


def _nothing(error: Exception) -> str:
    return f"it has none there ({' '.join(str(error).split())[:120]})"


def _unreadable(error: Exception, request: Request) -> FetchError:
    said = " ".join(str(error).split())[:120]
    return FetchError(
        f"its answer cannot be read: it lacks {said}"
        if isinstance(error, KeyError)
        else f"its answer cannot be read ({said})",
        source=request.source,
        advice="see whether the service has changed",
    )
