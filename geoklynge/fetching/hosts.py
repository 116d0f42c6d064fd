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

# As in co.uk, and under which anybody may have a name: not one owner's. The lists need not be whole: of a host that is
# not in them, who has a name under the same domain is still one to whom its owner gave one.
SHARED_DOMAINS = ("co", "com", "org", "net", "gov", "gouv", "govt", "gob", "gv", "ac", "edu", "go", "or", "ne", "mil")
SHARED_HOSTING = (
    "amazonaws.com", "cloudfront.net", "elasticbeanstalk.com", "googleapis.com", "appspot.com", "run.app", "web.app",
    "firebaseapp.com", "windows.net", "azurewebsites.net", "azureedge.net", "azurefd.net", "cloudapp.net", "azure.com",
    "trafficmanager.net", "azurestaticapps.net", "github.io", "githubusercontent.com", "gitlab.io", "pages.dev",
    "workers.dev", "r2.dev", "cloudflarestorage.com", "herokuapp.com", "netlify.app", "vercel.app", "onrender.com",
    "fly.dev", "digitaloceanspaces.com", "ondigitalocean.app", "backblazeb2.com", "wasabisys.com", "b-cdn.net",
    "linodeobjects.com", "fastly.net", "akamaized.net", "akamaihd.net", "readthedocs.io", "wordpress.com",
    "blogspot.com", "sharepoint.com", "dropboxusercontent.com", "googleusercontent.com", "ngrok.io",
)  # fmt: skip
# Ways to write an IPv4 address as an IPv6 one, by its last 32 bits: RFC 4291 (2.5.5), RFC 7915, RFC 6052.
ENDS_IN_IPV4 = [ipaddress.IPv6Network(net) for net in ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96")]
LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215: leads wherever a network wants
NEVER_PUBLIC = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")


class PrivateAddressError(OSError):
    """A name led to an address that is not public."""


def is_public(address: str) -> bool:
    """
    Tell whether an IP address is one of the public internet.

    Examples
    --------
    >>> is_public("130.226.56.1"), is_public("192.168.1.1"), is_public("::ffff:10.0.0.1"), is_public("64:ff9b::a00:1")
    (True, False, False, False)
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.is_site_local or found in LOCAL_NAT64:
            return False
        found = _inside_of(found) or found
    return found.is_global and not found.is_multicast


def _inside_of(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Find the IPv4 address to which an IPv6 one leads."""
    if any(address in net for net in ENDS_IN_IPV4):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour


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
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # a bracket without its other, a port that is none
        raise FetchError("an address that is none", source=source, advice="see its address in open_data.toml") from None
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
    Tell whether two addresses are of one site: one host, or hosts under one owner's domain; never from TLS to none.

    Examples
    --------
    >>> same_site("https://download.geofabrik.de/a", "https://geofabrik.de/b")
    True
    >>> same_site("https://geofabrik.de/a", "http://geofabrik.de/a"), same_site("https://a.dk", "https://b.dk")
    (False, False)
    >>> same_site("https://a.github.io/", "https://b.github.io/")
    False
    """
    try:
        a, b = urlsplit(first), urlsplit(second)
        names = [(part.hostname or "").casefold().rstrip(".") for part in (a, b)]
    except ValueError:
        return False
    if a.scheme == "https" and b.scheme != "https":
        return False
    if a.netloc == b.netloc:
        return True
    if any(_is_number(name) for name in names):
        return False
    return names[0] == names[1] or _owned(names[0]) == _owned(names[1]) != ""


def _owned(host: str) -> str:
    """Name the domain of a host that has one owner; empty where only the host itself is sure to have."""
    labels = host.split(".")
    if any(host == shared or host.endswith(f".{shared}") for shared in SHARED_HOSTING):
        return ""
    count = 3 if labels[-2:][0] in SHARED_DOMAINS else 2
    return ".".join(labels[-count:]) if len(labels) >= count else ""


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


class _PlainSession(requests.Session):
    """Looks at no redirect of its own accord: the library would read its body, whatever its size, and its address."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find none: the client follows them."""


def public_session(user_agent: str, inside: frozenset[str]) -> requests.Session:
    """Open a session that reaches public addresses, and servers `inside` that were allowed by name."""
    session = _PlainSession()
    session.headers["User-Agent"] = user_agent
    adapter = PublicAdapter(max_retries=0)  # retries are the client's: it knows what a source says of waiting
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    for host in inside:
        for scheme in ("http", "https"):
            session.mount(f"{scheme}://{host}/", HTTPAdapter(max_retries=0))
    return session
