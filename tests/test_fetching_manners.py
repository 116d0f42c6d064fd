"""How the client asks and what it lets pass: waits, redirects, ceilings, and files of the kind they should be."""

import dataclasses
import gzip
import io
import os
import zipfile

import pytest
from replay import Reply, failing

from geoklynge.errors import FetchError
from geoklynge.fetching import asking
from geoklynge.fetching.asking import CSV, Request, require_kind
from geoklynge.fetching.client import ask

TABLE = "data.example.dk/table.csv"
WHOLE = b"a;b\n" + b"1;2\n" * 1000
MODIFIED = "Wed, 18 Nov 2026 20:21:03 GMT"


def table_of(replay, where=TABLE, **changes) -> Request:
    return Request("table", f"{replay.address}/{where}", CSV, **changes)


def whole(body=WHOLE, **headers) -> Reply:
    return Reply(body, 200, "text/csv", headers)


def cut(**headers) -> Reply:
    return dataclasses.replace(whole(**headers), sent=1000)


def replies(replay, *made):
    """Answer with these, one after the other, and then with the whole."""
    for reply in made:
        replay.breaks(TABLE, lambda _, reply=reply: reply, times=1)
    replay.breaks(TABLE, lambda _: whole())


# ---- waits -------------------------------------------------------------------------------------------------------


def test_each_wait_is_twice_the_last_give_or_take_a_quarter(replay, client, waits):
    replay.breaks(TABLE, failing)
    with pytest.raises(FetchError, match="asked 7 times"):
        ask(dataclasses.replace(client, attempts=7, pause_s=1.0), table_of(replay))
    shares = [wait / 2**k for k, wait in enumerate(waits)]
    assert len(shares) == 6
    assert all(0.75 <= share <= 1.25 for share in shares)
    assert len(set(shares)) == 6  # so that many who failed at once do not come back at once


def test_a_growing_wait_ends_at_the_longest(replay, client, waits):
    replay.breaks(TABLE, failing)
    with pytest.raises(FetchError, match="HTTP 500"):
        ask(dataclasses.replace(client, attempts=20, pause_s=1.0, longest_wait_s=10.0), table_of(replay))
    assert len(waits) in {3, 4}
    assert max(waits) <= 10.0


# ---- going on ----------------------------------------------------------------------------------------------------


def test_a_rest_is_asked_for_as_it_lies_there(replay, client):
    replies(replay, cut(ETag='"v1"'))
    ask(client, table_of(replay))
    rest = replay.asked[1].headers
    assert (rest["Range"], rest["If-Range"], rest["Accept-Encoding"]) == ("bytes=1000-", '"v1"', "identity")


def test_a_weak_mark_asks_for_no_rest(replay, client):
    replies(replay, cut(ETag='W/"v1"'))
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert "Range" not in replay.asked[1].headers


def test_beside_a_weak_mark_the_date_is_asked_by(replay, client):
    replies(replay, cut(**{"ETag": 'W/"v1"', "Last-Modified": MODIFIED}))
    ask(client, table_of(replay))
    assert replay.asked[1].headers["If-Range"] == MODIFIED


def test_a_packed_body_that_was_cut_begins_anew(replay, client):
    body = b"a;b\n" + os.urandom(400_000).hex().encode()
    packed = gzip.compress(body)
    marks = {"ETag": '"v1"', "Content-Encoding": "gzip"}
    half = dataclasses.replace(whole(packed, **marks), sent=len(packed) // 2)
    replay.breaks(TABLE, lambda _: half, times=1)
    replay.breaks(TABLE, lambda _: whole(packed, **marks))
    assert ask(client, table_of(replay)).path.read_bytes() == body
    assert [one.headers.get("Range") for one in replay.asked] == [None, None]


def rest(sent: bytes) -> Reply:
    return Reply(sent, 206, "text/csv", {"ETag": '"v1"', "Content-Range": f"bytes 1000-{len(WHOLE) - 1}/{len(WHOLE)}"})


def test_a_rest_that_ends_before_its_end_is_gone_on_with(replay, client):
    replies(replay, cut(ETag='"v1"'), rest(WHOLE[1000:3000]))
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert [one.headers.get("Range") for one in replay.asked] == [None, "bytes=1000-", "bytes=3000-"]


def test_a_rest_that_goes_on_after_its_end_is_dropped(replay, client):
    replies(replay, cut(ETag='"v1"'), rest(WHOLE[1000:] + b"3;4\n"))
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert [one.headers.get("Range") for one in replay.asked] == [None, "bytes=1000-", None]


# ---- ceilings ----------------------------------------------------------------------------------------------------


def test_what_is_announced_too_large_is_not_read(replay, client):
    told = []
    large = WHOLE * 600  # more than one piece
    replay.breaks(TABLE, lambda _: whole(large))
    listening = dataclasses.replace(client, tell=lambda *said: told.append(said))
    with pytest.raises(FetchError, match="more than 2 MB"):
        ask(listening, table_of(replay, at_most_bytes=2_000_000))
    assert told == []
    assert len(ask(listening, table_of(replay, at_most_bytes=len(large))).path.read_bytes()) == len(large)
    assert told[-1] == (2, 2)


def test_what_was_not_announced_is_read_to_the_ceiling_only(replay, client):
    packed = gzip.compress(b"a;b\n" * 5_000_000)
    replay.breaks(TABLE, lambda _: whole(packed, **{"Content-Encoding": "gzip"}))
    told = []
    listening = dataclasses.replace(client, tell=lambda *said: told.append(said))
    with pytest.raises(FetchError, match="more than 1 MB"):
        ask(listening, table_of(replay, at_most_bytes=1_000_000))
    assert max(come for come, _ in told) <= 1


# ---- redirects ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "method", "body"), [(303, "GET", b""), (307, "POST", b"{}"), (308, "POST", b"{}")])
def test_what_a_redirect_says_of_the_way_to_ask_is_followed(replay, client, status, method, body):
    onward = f"{replay.address}/{TABLE}"
    replay.breaks("asked", lambda _: Reply(b"", status, headers={"Location": onward}))
    replies(replay)
    ask(client, table_of(replay, "data.example.dk/asked", body="{}"))
    assert [(one.method, one.body) for one in replay.asked] == [("POST", b"{}"), (method, body)]


def test_the_body_of_a_redirect_is_not_read(replay, client):
    endless = Reply(b"x" * 1000, 302, headers={"Location": f"{replay.address}/{TABLE}"}, sent=10)
    replay.breaks("asked", lambda _: endless)
    replies(replay)
    assert ask(client, table_of(replay, "data.example.dk/asked")).path.read_bytes() == WHOLE


# ---- kinds -------------------------------------------------------------------------------------------------------


def zipped() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("stops.txt", "stop_id")
    return made.getvalue()


RIGHT = {
    "JSON": b'\xef\xbb\xbf {"a": 1}\n',
    "CSV": WHOLE,
    "ZIP": zipped(),
    "PBF": b"\0\0\0\x0e\x0a\x09OSMHeader",
    "PARQUET": b"PAR1 and so on PAR1",
    "GEOPACKAGE": b"SQLite format 3\0 and so on",
    "MD5": b"D41D8CD98F00B204E9800998ECF8427E  file.pbf\n",
}
WRONG = {
    "JSON": [b'{"a": 1', b"a;b", b"[1}", b"\0"],
    "CSV": [b"a;b\0", b"<a>", b'{"a": 1}'],
    "ZIP": [zipped()[:-10], b"a;b", b"PK\x03\x04"],
    "PBF": [b"OSMData", b"a;b" * 40 + b"OSMHeader"],
    "PARQUET": [b"PAR1 and so on", b"and so on PAR1"],
    "GEOPACKAGE": [b"SQLite format 2\0", b"a;b"],
    "MD5": [
        b"d41d8cd98f00b204e9800998ecf8427  file.pbf",
        b"g" * 32,
        b"not found",
        b"d41d8cd98f00b204e9800998ecf8427e0",
    ],
}


@pytest.mark.parametrize(("kind", "body"), RIGHT.items())
def test_a_file_of_its_kind_passes(tmp_path, kind, body):
    (tmp_path / "file").write_bytes(body)
    request = Request("x", "https://a.dk", getattr(asking, kind))
    for declared in (*request.kind.types, "application/octet-stream", ""):
        require_kind(tmp_path / "file", f"{declared}; charset=utf-8", request)


@pytest.mark.parametrize(("kind", "body"), [(kind, body) for kind, bodies in WRONG.items() for body in bodies])
def test_a_file_of_another_kind_does_not(tmp_path, kind, body):
    (tmp_path / "file").write_bytes(body)
    request = Request("x", "https://a.dk", getattr(asking, kind))
    with pytest.raises(FetchError, match=f"what came is no {request.kind.name}"):
        require_kind(tmp_path / "file", request.kind.types[0], request)
