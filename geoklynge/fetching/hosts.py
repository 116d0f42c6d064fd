"""Whom the client may talk to: public addresses over TLS, and after a redirect the same site only."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from ..errors import FetchError

SHARED_DOMAINS = ("co", "com", "org", "net", "gov", "gouv", "ac", "edu")  # as in co.uk: not one owner's
NEVER_PUBLIC = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


class PrivateAddressError(OSError):
    """A name led to an address that is not public."""


def is_public(address: str) -> bool:
    """
    Tell whether an IP address is one of the public internet.

    Examples
    --------
    >>> is_public("130.226.56.1"), is_public("192.168.1.1"), is_public("::ffff:10.0.0.1"), is_public("169.254.169.254")
    (True, False, False, False)
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_global and not (mapped or found).is_multicast)


def require_allowed(address: str, *, source: str, inside: frozenset[str]) -> None:
    """
    Refuse an address before anything is sent to it: no TLS, or a name or number that is not public.

    Parameters
    ----------
    address
        The whole address.
    source
        Key of the source, for the message.
    inside
        ``host:port`` of servers inside one's own network that were allowed by name; they may do without TLS.

    Raises
    ------
    FetchError
        If it may not be asked.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    if parts.netloc.rpartition("@")[2] in inside:
        return
    if parts.scheme != "https":
        raise FetchError(f"{parts.scheme}://{host} is not encrypted", source=source, advice="use its https address")
    if host.endswith(NEVER_PUBLIC) or (_is_number(host) and not is_public(host)):
        raise FetchError(
            f"{host} is an address inside a network",
            source=source,
            advice="name it in $GEOKLYNGE_INSIDE, if it is yours",
        )


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def same_site(first: str, second: str) -> bool:
    """
    Tell whether two addresses are of one site: one host, or hosts under one domain; never from TLS to none.

    Examples
    --------
    >>> same_site("https://download.geofabrik.de/a", "https://geofabrik.de/b")
    True
    >>> same_site("https://geofabrik.de/a", "http://geofabrik.de/a"), same_site("https://a.dk", "https://b.dk")
    (False, False)
    """
    a, b = urlsplit(first), urlsplit(second)
    if a.scheme == "https" and b.scheme != "https":
        return False
    if a.netloc == b.netloc:
        return True
    names = [(part.hostname or "").casefold().split(".") for part in (a, b)]
    numbers = any(_is_number(part.hostname or "") for part in (a, b))
    labels = 3 if names[0][-2:][0] in SHARED_DOMAINS else 2
    return not numbers and min(map(len, names)) >= labels and names[0][-labels:] == names[1][-labels:]


def _require_public_peer(sock: socket.socket | None, host: str) -> None:
    """Close a connection whose other end is not public: whatever the name said, nothing has been sent yet."""
    peer = sock.getpeername()[0] if sock is not None else ""
    if not peer or not is_public(peer):
        if sock is not None:
            sock.close()
        raise PrivateAddressError(f"{host} leads to {peer or 'nowhere'}, an address inside a network")


class _PublicConnection(HTTPConnection):
    def connect(self) -> None:
        super().connect()
        _require_public_peer(self.sock, self.host)


class _PublicTlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:  # before the other end is greeted with TLS
        sock = super()._new_conn()
        _require_public_peer(sock, self.host)
        return sock

    def connect(self) -> None:  # should urllib3 make its sockets otherwise one day
        super().connect()
        _require_public_peer(self.sock, self.host)


class _PublicPool(HTTPConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicTlsPool(HTTPSConnectionPool):
    ConnectionCls = _PublicTlsConnection


class PublicAdapter(HTTPAdapter):
    """Connects to public addresses only, after the name is resolved; through a proxy, the proxy decides."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Let the pools make connections that look at their other end."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PublicPool, "https": _PublicTlsPool}


def public_session(user_agent: str, inside: frozenset[str]) -> requests.Session:
    """Open a session that reaches public addresses, and servers `inside` that were allowed by name."""
    session = requests.Session()
    session.headers["User-Agent"] = user_agent
    adapter = PublicAdapter(max_retries=0)  # retries are the client's: it knows what a source says of waiting
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    for host in inside:
        for scheme in ("http", "https"):
            session.mount(f"{scheme}://{host}/", HTTPAdapter(max_retries=0))
    return session
