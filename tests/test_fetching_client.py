"""The client that asks sources: again where that helps, politely, and never a part taken for the whole."""

import dataclasses
import json
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest
import requests
import trustme
from hypothesis import given
from hypothesis import strategies as st
from replay import (
    KEY,
    Reply,
    another_kind,
    busy,
    cut,
    empty,
    failing,
    gone,
    html_page,
    unavailable,
)

from geoklynge.errors import FetchError
from geoklynge.fetching.asking import CSV, JSON, PBF, Request, scrubbed
from geoklynge.fetching.bodies import md5_of
from geoklynge.fetching.client import Client, ask, open_client
from geoklynge.fetching.failures import ChecksumError, wanted_wait_s
from geoklynge.fetching.hosts import public_session
from geoklynge.fetching.store import PART, entry_of

INFO = "api.statbank.dk/v1/tableinfo/BY1"
EXTRACT = "download.geofabrik.de/europe/denmark-latest.osm.pbf"


def info_of(replay, **changes) -> Request:
    return Request("statbank_places", f"{replay.address}/{INFO}", JSON, **changes)


def extract_of(replay, **changes) -> Request:
    return Request("geofabrik", f"{replay.address}/{EXTRACT}", PBF, **changes)


@pytest.mark.parametrize("fault", [busy, failing, unavailable, cut])
def test_a_passing_fault_is_asked_again(replay, client, waits, fault):
    replay.breaks(INFO, fault, times=2)
    answer = ask(client, info_of(replay))
    assert b'"BY1"' in answer.path.read_bytes()
    assert len(replay.asked) == 3
    assert len(waits) == 2


@pytest.mark.parametrize("fault", [busy, failing, unavailable, cut])
def test_a_lasting_fault_is_one_line_and_leaves_nothing_whole(replay, client, waits, fault):
    replay.breaks(INFO, fault)
    with pytest.raises(FetchError, match="asked 5 times") as raised:
        ask(client, info_of(replay))
    assert str(raised.value).startswith("statbank_places: ")
    assert "\n" not in str(raised.value)
    assert len(waits) == 4
    assert waits == sorted(waits)  # each waits longer: the jitter is a quarter, the step a doubling
    assert not (entry_of(client.store, info_of(replay)) / "body").exists()


@pytest.mark.parametrize("fault", [another_kind, empty, html_page, gone])
def test_what_another_attempt_does_not_help_is_asked_once(replay, client, waits, fault):
    replay.breaks(INFO, fault)
    with pytest.raises(FetchError) as raised:
        ask(client, info_of(replay))
    assert len(replay.asked) == 1
    assert not waits
    assert "\n" not in str(raised.value)
    assert not (entry_of(client.store, info_of(replay)) / "body").exists()


def test_an_html_page_is_quoted(replay, client):
    replay.breaks(INFO, html_page)
    with pytest.raises(FetchError, match=r"an HTML page instead of JSON .*Vi er straks tilbage"):
        ask(client, info_of(replay))


def test_what_the_source_says_of_a_bad_question_is_quoted_without_the_key(replay, client):
    refused = Reply(f'{{"message": "no table BY9 for {KEY}"}}'.encode(), 400)
    replay.breaks(INFO, lambda _: refused)
    with pytest.raises(FetchError, match="HTTP 400: no table BY9 for …"):
        ask(client, info_of(replay, secret=(("apiKey", KEY),)))


@pytest.mark.parametrize(
    "reply",
    [
        lambda said: Reply(f'{{"message": "{"x" * 100} {said} {"x" * 100}"}}'.encode(), 400),  # the cut goes through it
        lambda said: Reply(f"<ows:ExceptionText>{' ' * 4060}{said}".encode(), 400, "text/xml"),  # the reading does
        lambda said: Reply(
            f"<!doctype html><title>no access with {said} {'x' * 99}</title>".encode(), 200, "text/html"
        ),
        lambda said: Reply(f"<!doctype html><title>{'x' * 40} {said}".encode(), 200, "text/html"),
        lambda said: Reply(f"{said} is unknown".encode(), 200),
        lambda said: Reply(b"{}", 200, f"image/{said}"),
    ],
)
@pytest.mark.parametrize(
    "write", [str, lambda key: quote(key, safe=""), lambda key: quote(key, safe="").lower(), quote]
)
def test_no_piece_of_a_key_is_quoted(replay, client, reply, write):
    key = "æKEY/1+2=3&4-that-is-long-enough-to-be-cut"
    replay.breaks(INFO, lambda _: reply(write(key)))
    with pytest.raises(FetchError) as raised:
        ask(client, info_of(replay, secret=(("apiKey", key),)))
    assert "…" in str(raised.value)
    assert not [piece for piece in ("KEY", "key/", "key%2", "2=3", "2%3", "that-is") if piece in str(raised.value)]


ASCII = st.characters(max_codepoint=126)


@given(st.text(ASCII), st.text(ASCII, min_size=1), st.text(ASCII))
def test_a_key_is_found_wherever_it_stands(before, key, after):
    request = Request("x", "https://a.dk", JSON, secret=(("apiKey", key),))
    assert key not in scrubbed(before + key + after, request)


def test_retry_after_is_waited_for(replay, client, waits):
    replay.breaks(INFO, lambda _: Reply(b"", 503, headers={"Retry-After": "37"}), times=1)
    ask(client, info_of(replay))
    assert waits == [37.0]


def test_a_source_that_wants_too_long_a_wait_is_given_up(replay, client, waits):
    replay.breaks(INFO, lambda _: Reply(b"", 429, headers={"Retry-After": "3600"}))
    with pytest.raises(FetchError, match="asks to wait 3600 s"):
        ask(client, info_of(replay))
    assert not waits
    assert len(replay.asked) == 1


def test_retry_after_may_be_a_date():
    assert wanted_wait_s("120") == 120.0
    assert wanted_wait_s(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)) == pytest.approx(
        90, abs=3
    )
    assert wanted_wait_s("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
    assert wanted_wait_s("") is None
    assert wanted_wait_s("soon") is None


@pytest.mark.parametrize("text", ["²", "٣", "1e3", "-5", "Wed, 21 Oct 99999 07:28:00 GMT", "9" * 400 + "x"])
def test_an_odd_wait_is_none(text):
    assert wanted_wait_s(text) is None


@given(st.text())
def test_no_wait_is_a_traceback(text):
    wanted = wanted_wait_s(text)
    assert wanted is None or wanted >= 0


def test_odd_headers_are_no_traceback(replay, client):
    odd = {"Retry-After": "\xb2"}
    replay.breaks(INFO, lambda _: Reply(b"", 503, headers=odd), times=1)
    replay.breaks(INFO, lambda reply: dataclasses.replace(reply, headers={"Last-Modified": "Wed, 99"}), times=1)
    assert ask(client, info_of(replay)).dated == ""


@pytest.mark.parametrize("location", ["https://[bad", "https://x:99999/", "http://[::1", "//[", "https://127.0.0.1:x/"])
def test_being_sent_to_an_address_that_is_none_is_one_line(replay, client, location):
    replay.breaks(INFO, lambda _: Reply(b"", 302, headers={"Location": location}))
    with pytest.raises(FetchError, match="sent on to an address that is none"):
        ask(client, info_of(replay))


def test_a_young_copy_is_not_asked_for(replay, client):
    first = ask(client, info_of(replay))
    again = ask(client, info_of(replay))
    assert len(replay.asked) == 1
    assert (again.sha256, again.kept, first.kept) == (first.sha256, True, False)


def test_an_old_copy_is_confirmed_not_fetched_again(replay, client):
    first = ask(client, extract_of(replay, keep_days=1))
    later = dataclasses.replace(client, now=lambda: time.time() + 2 * 86_400)
    again = ask(later, extract_of(replay, keep_days=1))
    assert len(replay.asked) == 2
    assert replay.asked[1].headers["If-None-Match"]
    assert (again.sha256, again.kept) == (first.sha256, True)
    assert again.fetched > first.fetched
    ask(later, extract_of(replay, keep_days=1))  # it was confirmed a moment ago
    assert len(replay.asked) == 2


def test_refresh_asks_even_for_a_young_copy(replay, client):
    ask(client, extract_of(replay))
    ask(dataclasses.replace(client, refresh=True), extract_of(replay))
    assert [one.headers.get("If-None-Match") is not None for one in replay.asked] == [False, True]


def test_a_failing_refresh_leaves_the_copy(replay, client):
    first = ask(client, extract_of(replay))
    replay.breaks(EXTRACT, html_page)
    with pytest.raises(FetchError):
        ask(dataclasses.replace(client, refresh=True), extract_of(replay))
    replay.faults.clear()
    assert ask(client, extract_of(replay)).sha256 == first.sha256


def test_a_copy_that_was_changed_on_the_disk_is_fetched_again(replay, client):
    answer = ask(client, info_of(replay))
    answer.path.write_bytes(answer.path.read_bytes().replace(b"BY1", b"XY1"))
    assert b"BY1" in ask(client, info_of(replay)).path.read_bytes()
    assert len(replay.asked) == 2


def test_a_download_goes_on_where_it_was_cut(replay, client):
    whole = ask(client, extract_of(replay)).path.read_bytes()
    other = dataclasses.replace(client, store=client.store / "other")
    replay.asked.clear()
    replay.breaks(EXTRACT, cut, times=1)
    assert ask(other, extract_of(replay)).path.read_bytes() == whole
    assert replay.asked[1].headers["Range"] == f"bytes={len(whole) // 2}-"
    assert replay.asked[1].headers["If-Range"].startswith('"')


def test_a_download_goes_on_in_the_next_command(replay, client):
    replay.breaks(EXTRACT, cut)
    with pytest.raises(FetchError, match="it goes on from here"):
        ask(dataclasses.replace(client, attempts=1), extract_of(replay))
    part = entry_of(client.store, extract_of(replay)) / PART
    come = part.stat().st_size
    assert come > 0
    replay.faults.clear()
    replay.asked.clear()
    ask(client, extract_of(replay))
    assert replay.asked[0].headers["Range"] == f"bytes={come}-"
    assert not part.exists()


def test_a_file_that_changed_while_it_was_cut_begins_anew(replay, client):
    whole = ask(client, extract_of(replay)).path.read_bytes()
    other = dataclasses.replace(client, store=client.store / "other", attempts=1)
    older = Reply(b"\0" * len(whole), kind="application/octet-stream", headers={"ETag": '"older"'}, sent=1000)
    replay.breaks(EXTRACT, lambda _: older, times=1)
    with pytest.raises(FetchError):
        ask(other, extract_of(replay))
    assert ask(other, extract_of(replay)).path.read_bytes() == whole


def test_another_part_than_asked_for_is_refused(replay, client):
    replay.breaks(EXTRACT, cut, times=1)
    wrong = Reply(b"tail", 206, "application/octet-stream", {"Content-Range": "bytes 0-3/4", "ETag": '"x"'})
    replay.breaks(EXTRACT, lambda _: wrong, times=1)
    answer = ask(client, extract_of(replay))
    assert b"OSMHeader" in answer.path.read_bytes()[:64]
    assert len(replay.asked) == 3


def test_a_body_that_was_not_marked_is_never_gone_on_with(replay, client):
    replay.breaks(INFO, cut, times=1)  # no ETag, no Last-Modified
    ask(client, info_of(replay))
    assert "Range" not in replay.asked[1].headers


def test_too_much_is_refused_by_its_announcement_and_by_its_bytes(replay, client):
    with pytest.raises(FetchError, match="more than 0 MB"):
        ask(client, extract_of(replay, at_most_bytes=1000))
    assert not (entry_of(client.store, extract_of(replay)) / PART).exists()
    silent = Reply(b"x" * 5000, kind="application/octet-stream", headers={"Content-Encoding": "identity"})
    replay.breaks(EXTRACT, lambda _: silent)
    with pytest.raises(FetchError, match="more than"):
        ask(client, extract_of(replay, at_most_bytes=1000))


def test_a_wrong_checksum_is_refused_and_a_right_one_in_capitals_not(replay, client):
    with pytest.raises(ChecksumError, match="its checksum is another"):
        ask(client, extract_of(replay, md5="0" * 32))
    assert len(replay.asked) == 1
    assert not (entry_of(client.store, extract_of(replay)) / PART).exists()
    right = ask(client, extract_of(replay)).path
    refreshing = dataclasses.replace(client, store=client.store / "other")
    ask(refreshing, extract_of(replay, md5=md5_of(right).upper()))


def test_redirects_go_to_the_same_site_only(replay, client):
    onward = f"{replay.address}/{EXTRACT}"
    replay.breaks("moved", lambda _: Reply(b"", 302, headers={"Location": onward}))
    moved = Request("geofabrik", f"{replay.address}/download.geofabrik.de/moved", PBF)
    assert b"OSMHeader" in ask(client, moved).path.read_bytes()[:64]
    replay.breaks("away", lambda _: Reply(b"", 302, headers={"Location": "https://example.org/file"}))
    away = Request("geofabrik", f"{replay.address}/download.geofabrik.de/away", PBF)
    with pytest.raises(FetchError, match=r"sent on to another site, example\.org"):
        ask(client, away)
    replay.breaks("round", lambda _: Reply(b"", 302, headers={"Location": f"{replay.address}/x/round"}))
    with pytest.raises(FetchError, match="in a circle"):
        ask(client, Request("geofabrik", f"{replay.address}/x/round", PBF))


def test_a_public_name_that_leads_inside_gets_nothing(replay, tmp_path, monkeypatch):
    import socket

    port = int(replay.host().split(":")[1])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    client = open_client(tmp_path / "store")
    request = Request("x", f"https://api.statbank.dk:{port}/{INFO}", JSON)
    with pytest.raises(FetchError, match=r"api\.statbank\.dk leads to 127\.0\.0\.1, an address inside a network"):
        ask(dataclasses.replace(client, sleep=lambda _: None), request)
    # over plain HTTP the connection itself is looked at: no byte of a request arrives
    with pytest.raises(requests.exceptions.ConnectionError):
        public_session("test", frozenset()).get(f"http://api.statbank.dk:{port}/{INFO}", timeout=5)
    assert not replay.asked


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path):
    class Quiet(BaseHTTPRequestHandler):
        def log_message(self, *said):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        host = f"127.0.0.1:{server.server_address[1]}"
        client = open_client(tmp_path / "store", inside=frozenset({host}))
        with pytest.raises(FetchError, match="its TLS certificate is not valid"):
            ask(client, Request("x", f"https://{host}/", JSON))
    finally:
        server.shutdown()
        server.server_close()


def test_nobody_at_the_other_end_is_one_line(tmp_path, waits):
    client = dataclasses.replace(open_client(tmp_path, inside=frozenset({"127.0.0.1:9"})), sleep=waits.append)
    with pytest.raises(FetchError, match=r"no connection \(127\.0\.0\.1, asked 5 times\)"):
        ask(client, Request("x", "http://127.0.0.1:9/", JSON, secret=(("apiKey", KEY),)))


def test_the_key_goes_to_the_source_and_nowhere_else(replay, client, tmp_path):
    query = "query { DAGI_Sogneinddeling(first: 5) { nodes { navn } pageInfo { endCursor } } }"
    body = json.dumps({"query": query, "variables": {"after": None}})
    request = Request(
        "dagi_parishes", f"{replay.address}/graphql.datafordeler.dk/DAGI/v2", JSON, secret=(("apiKey", KEY),), body=body
    )
    answer = ask(client, request)
    assert replay.asked[0].query == {"apiKey": KEY}
    assert KEY not in answer.request.said()
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    replay.breaks("graphql", unavailable)
    with pytest.raises(FetchError) as raised:
        ask(dataclasses.replace(client, refresh=True), request)
    assert KEY not in str(raised.value)


def test_requests_to_one_host_keep_a_gap(replay, tmp_path, waits):
    times = iter([100.0, 100.0, 100.1, 100.1, 100.2, 100.2])
    client = Client(tmp_path, requests.Session(), sleep=waits.append, now=lambda: next(times), gap_s=0.5)
    from geoklynge.fetching.client import _keep_gap

    _keep_gap(client, "https://api.statbank.dk/a")
    _keep_gap(client, "https://api.statbank.dk/b")
    _keep_gap(client, "https://graphql.datafordeler.dk/")
    assert waits == [pytest.approx(0.4)]


def test_the_client_says_who_it_is(replay, client):
    ask(client, info_of(replay))
    assert replay.asked[0].headers["User-Agent"].startswith("geoklynge/")


def test_a_table_that_is_json_is_no_table(replay, client):
    with pytest.raises(FetchError, match=r"'application/json' came instead of CSV"):
        ask(client, Request("x", f"{replay.address}/{INFO}", CSV))


def test_json_that_breaks_off_is_refused(replay, client):
    half = lambda reply: Reply(reply.body[:200])  # noqa: E731
    replay.breaks(INFO, half)
    with pytest.raises(FetchError, match="it breaks off"):
        ask(client, info_of(replay))
