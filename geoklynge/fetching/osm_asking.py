"""OSMnx asks OpenStreetMap's services in our manners: our name, our store, our limits, our words for what fails."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import geopandas as gpd
import requests

from ..errors import FetchError, NothingThereError
from .asking import ANY_TYPE, HEAD_BYTES, JSON, MEGABYTE, Request, is_html
from .client import AGAIN, REDIRECTS, SECONDS_A_DAY, USER_AGENT, Client, again_and_again, require_online
from .drafts import Question
from .failures import AgainError, connection_words, failed_connection, wanted_wait_s
from .hosts import is_public, require_allowed

FOLDER = "osmnx"  # of the answers that OSMnx keeps, in the store
WAY_TAGS = ("highway", "maxspeed", "oneway", "junction")


@contextmanager
def asking_osm(client: Client, request: Request, setting: str) -> Iterator[list[Question]]:
    """
    Let OSMnx ask in our manners: our name, our store, our limits, and errors that can be told from each other.

    OSMnx keeps its settings in its module, and pins names to numbers for the whole process; both are put back. It
    keeps to the slots of an Overpass server and to one Nominatim request a second by itself.

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
    list of Question
        What was asked, as it comes.
    """
    import osmnx

    require_online(client, request)
    require_allowed(request.address, source=request.source, inside=client.inside)
    _require_public_name(client, request)
    asked: list[Question] = []
    changes: dict[str, Any] = {
        setting: request.address,
        "cache_folder": str(_fresh_folder(client, request)),
        "use_cache": True,
        "http_user_agent": USER_AGENT,
        "http_referer": USER_AGENT,
        "doh_url_template": None,
        "requests_timeout": client.timeout_s[1],
        "requests_kwargs": {"allow_redirects": False, "hooks": {"response": _watch(request, asked)}},
        "useful_tags_way": list(WAY_TAGS),
        "log_console": False,
        "log_file": False,
    }
    before = {name: getattr(osmnx.settings, name) for name in changes}
    resolve = socket.getaddrinfo
    try:
        for name, value in changes.items():
            setattr(osmnx.settings, name, value)
        yield asked
    finally:
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
    except OSError:
        return  # said better by the failing request
    if not all(is_public(address) for address in found):
        raise FetchError(
            f"{parts.hostname} leads to an address inside a network", source=request.source, advice="see its address"
        )


def _fresh_folder(client: Client, request: Request) -> Path:
    """Take OSMnx's answers that are too old out of its folder; all of them, where newer ones are wanted."""
    folder = client.store / FOLDER / request.source
    folder.mkdir(parents=True, exist_ok=True)
    oldest = client.now() - (0.0 if client.refresh else request.keep_days * SECONDS_A_DAY)
    for kept in folder.iterdir():
        if kept.stat().st_mtime < oldest:
            kept.unlink()
    return folder


def _watch(request: Request, asked: list[Question]) -> Callable[..., None]:
    """Make what looks at every response before OSMnx does, and refuses it where OSMnx would wait without end."""

    def watch(response: requests.Response, **_: object) -> None:
        status = response.status_code
        if status in REDIRECTS:
            raise FetchError("it redirects", source=request.source, advice="see whether it has moved")
        if status in AGAIN:
            raise AgainError(f"HTTP {status}", wait_s=wanted_wait_s(response.headers.get("Retry-After", "")))
        try:
            body = response.content
        except requests.exceptions.RequestException as error:
            raise AgainError(connection_words(error)) from None
        if status != 200:
            raise FetchError(f"HTTP {status}", source=request.source, advice="try again later")
        if response.url.endswith("/status"):
            return
        _require_answer(body, response.headers.get("Content-Type", ""), request)
        asked.append(_question(response, body))

    return watch


def _require_answer(body: bytes, declared: str, request: Request) -> None:
    """Refuse what is no whole answer; Overpass says with status 200 that it ran out of time or memory."""
    advice = "try again later, or take the country's extract with --only"
    if len(body) > request.at_most_bytes:
        raise FetchError(
            f"more than {request.at_most_bytes / MEGABYTE:.0f} MB",
            source=request.source,
            advice="ask for a smaller place",
        )
    plain = declared.partition(";")[0].strip().casefold()
    if not body.strip():
        raise FetchError("an empty answer", source=request.source, advice=advice)
    if is_html(body[:HEAD_BYTES]):
        title = " ".join(body[:200].decode("utf-8", errors="replace").split())[:80]
        raise FetchError(f"an HTML page instead of JSON ({title!r} …)", source=request.source, advice=advice)
    if plain not in (*JSON.types, *ANY_TYPE):
        raise FetchError(f"{plain!r} came instead of JSON", source=request.source, advice=advice)
    try:
        answer = json.loads(body)
    except ValueError:
        head = " ".join(body[:60].decode("utf-8", errors="replace").split())
        raise FetchError(f"what came is no JSON ({head!r} …)", source=request.source, advice=advice) from None
    remark = str(answer.get("remark", "")) if isinstance(answer, dict) else ""
    if "error" in remark.casefold():
        raise AgainError(f"it gave up: {remark[:100]}")
    if isinstance(answer, dict) and not isinstance(answer.get("elements"), list):
        found = ", ".join(sorted(answer))
        raise FetchError(f"no 'elements' in its answer; found {found}", source=request.source, advice=advice)


def _question(response: requests.Response, body: bytes) -> Question:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    address = response.url if response.request.method == "GET" else f"{response.url} (POST)"
    return Question(address, now, hashlib.sha256(body).hexdigest(), len(body))


def ask_osmnx(
    client: Client, request: Request, asked: list[Question], once: Callable[[], gpd.GeoDataFrame]
) -> gpd.GeoDataFrame:
    """
    Let OSMnx ask, again where that may help, and say in our words what went wrong.

    Raises
    ------
    FetchError
        If nothing came.
    """
    import osmnx

    def careful() -> gpd.GeoDataFrame:
        try:
            return once()
        except osmnx._errors.InsufficientResponseError:
            raise FetchError(
                "an empty answer", source=request.source, advice="see whether the place is right"
            ) from None
        except osmnx._errors.ResponseStatusCodeError as error:
            raise FetchError(str(error)[:120], source=request.source, advice="try again later") from None
        except requests.exceptions.RequestException as error:
            raise failed_connection(error, request) from None
        except ValueError as error:  # OSMnx's word for nothing within the place; a name that it cannot find is above
            said = " ".join(str(error).split())[:120]
            raise NothingThereError(
                f"it has none there ({said})", source=request.source, advice="see whether the place is right"
            ) from None
        except (KeyError, TypeError, IndexError) as error:
            raise FetchError(
                f"its answer lacks {error}", source=request.source, advice="see whether the service has changed"
            ) from None

    try:
        found = again_and_again(client, request, careful)
    except FetchError:
        client.used.append(client.store / FOLDER / request.source)  # what was of no use is forgotten with the rest
        raise
    if not asked:  # all from the store
        asked.append(
            Question(
                f"{request.address} (kept)",
                datetime.fromtimestamp(_newest(client, request), UTC).isoformat(timespec="seconds"),
                "",
                0,
            )
        )
    return found


def _newest(client: Client, request: Request) -> float:
    """When the newest of OSMnx's kept answers came, in seconds since 1970."""
    kept = (client.store / FOLDER / request.source).iterdir()
    return max((path.stat().st_mtime for path in kept), default=client.now())
