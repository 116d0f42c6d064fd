"""Whom the client may talk to, and what is one site."""

import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geoklynge.errors import FetchError
from geoklynge.fetching.hosts import is_public, require_allowed, same_site


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://download.geofabrik.de/a", "https://download.geofabrik.de/b", True),
        ("https://download.geofabrik.de/a", "https://geofabrik.de.evil.org/b", False),
        ("https://download.geofabrik.de/a", "https://evilgeofabrik.de/b", False),
        ("https://a.co.uk/", "https://b.co.uk/", False),
        ("https://x.a.co.uk/", "https://y.a.co.uk/", True),
        ("https://10.0.0.1/", "https://99.0.0.1/", False),
        ("https://a.dk/", "http://a.dk/", False),
        ("https://a.dk:443/", "https://a.dk:8443/", True),
        ("https://dk/", "https://other.dk/", False),
        ("https://co.uk/", "https://a.co.uk/", False),
        ("https://a.s3.amazonaws.com/x", "https://b.s3.amazonaws.com/x", False),
        ("https://a.s3.amazonaws.com/x", "https://s3.amazonaws.com/b/x", False),
        ("https://a.s3.amazonaws.com/x", "https://a.s3.amazonaws.com:443/y", True),
        ("https://a.github.io/", "https://b.github.io/", False),
        ("https://a.blob.core.windows.net/", "https://b.blob.core.windows.net/", False),
        ("https://a.GitHub.io./", "https://b.github.io/", False),
        ("https://notgithub.io/", "https://www.notgithub.io/", True),
        ("https://a.dk/", "https://[bad", False),
        ("https://127.0.0.1:1/", "https://127.0.0.1:2/", False),
    ],
)
def test_what_is_one_site(first, second, same):
    assert same_site(first, second) is same


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://api.statbank.dk/x", "not encrypted"),
        ("ftp://api.statbank.dk/x", "not encrypted"),
        ("https://localhost/x", "inside a network"),
        ("https://127.0.0.1/x", "inside a network"),
        ("https://169.254.169.254/latest/meta-data", "inside a network"),
        ("https://[::1]/x", "inside a network"),
        ("https://printer.local/x", "inside a network"),
        ("https://233.252.1.1/x", "inside a network"),
        ("https://[64:ff9b::7f00:1]/x", "inside a network"),
        ("https://[bad", "an address that is none"),
        ("https://api.statbank.dk:99999/x", "an address that is none"),
    ],
)
def test_private_and_open_addresses_are_refused_before_anything_is_sent(address, said):
    with pytest.raises(FetchError, match=said):
        require_allowed(address, source="x", inside=frozenset())


FOUR_IN_SIX = {
    "mapped": lambda four: f"::ffff:{four}",
    "compatible": lambda four: f"::{four}",
    "translated": lambda four: f"::ffff:0:{four}",
    "nat64": lambda four: f"64:ff9b::{four}",
    "6to4": lambda four: str(ipaddress.IPv6Address((0x2002 << 112) | (int(four) << 80) | 1)),
}


@given(st.ip_addresses(v=4), st.sampled_from(sorted(FOUR_IN_SIX)))
@example(ipaddress.IPv4Address("127.0.0.1"), "nat64")
@example(ipaddress.IPv4Address("10.1.2.3"), "6to4")
def test_an_address_in_ipv6_clothes_is_judged_like_the_one_inside(four, clothes):
    assert is_public(FOUR_IN_SIX[clothes](four)) == is_public(str(four))


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("130.226.56.1", True),
        ("2001:878::1", True),
        ("224.0.0.251", False),  # multicast
        ("233.252.1.1", False),  # multicast that is global
        ("ff0e::1", False),
        ("::ffff:233.252.1.1", False),
        ("fec0::1", False),  # site-local
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("64:ff9b:1::8.8.8.8", False),
        ("100.64.0.1", False),
        ("::1", False),
        ("::", False),
    ],
)
def test_what_is_public(address, public):
    assert is_public(address) is public
