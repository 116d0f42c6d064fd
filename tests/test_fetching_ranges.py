"""A file read where it lies: the right bytes, each asked for once, all of one version, and never more than may come."""

import dataclasses
import io
from itertools import pairwise
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from replay import Reply, busy, cut, failing, file_server, html_page

from geoklynge.errors import FetchError
from geoklynge.fetching import ranges
from geoklynge.fetching.asking import Request
from geoklynge.fetching.client import open_client
from geoklynge.fetching.parquet_parts import PART_OF_PARQUET
from geoklynge.fetching.ranges import open_ranges

BODY = bytes(k * k * 7 % 251 for k in range(5_000))
FILE = "files.example/large.parquet"


@pytest.fixture
def replay(server, monkeypatch):
    """A server of one file, of which little is asked for at a time."""
    server.asked.clear()
    server.faults.clear()
    monkeypatch.setattr(ranges, "END_BYTES", 300)
    monkeypatch.setattr(ranges, "AT_LEAST", 50)
    monkeypatch.setattr(ranges, "AT_MOST", 400)
    offer(server, BODY)
    return server


def offer(server, body: bytes) -> None:
    """Let the server have a file."""
    server.answers["files\\.example/large"] = file_server(body, "binary/octet-stream")


@pytest.fixture
def client(replay, tmp_path):
    opened = open_client(tmp_path / "store", inside=frozenset({replay.host()}))
    return dataclasses.replace(opened, sleep=lambda _: None)


def request_of(replay, **changes) -> Request:
    return Request("overture_roads", f"{replay.address}/{FILE}", PART_OF_PARQUET, **changes)


def spans_of(replay) -> list[tuple[int, int]]:
    """List the bytes that were asked for, but for the end of the file."""
    said = [one.headers["Range"].removeprefix("bytes=") for one in replay.asked]
    return [(int(first), int(last) + 1) for first, last in (one.split("-") for one in said) if first]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(reads=st.lists(st.tuples(st.integers(0, 5_100), st.integers(0, 900)), max_size=5))
def test_any_reads_give_the_bytes_of_the_file_and_none_is_asked_for_twice(replay, client, tmp_path, reads):
    replay.asked.clear()
    fresh = dataclasses.replace(client, store=Path(mkdtemp(dir=tmp_path)))
    file = open_ranges(fresh, request_of(replay))
    for first, size in reads:
        file.seek(first)
        assert file.read(size) == BODY[first : first + size]
    asked = sorted([*spans_of(replay), (len(BODY) - 300, len(BODY))])
    assert all(before[1] <= after[0] for before, after in pairwise(asked))
    assert file.come == sum(end - first for first, end in asked)
    assert all(end - first <= 400 for first, end in asked)


def test_it_is_a_file_like_any_other(replay, client):
    with open_ranges(client, request_of(replay)) as file:
        assert file.seek(0, io.SEEK_END) == len(BODY)
        assert file.read(10) == b""
        assert file.seek(-4, io.SEEK_END) == len(BODY) - 4
        assert file.read() == BODY[-4:]
        file.seek(100)
        assert file.seek(20, io.SEEK_CUR) == 120
        assert io.BufferedReader(file, 64).read(1_000) == BODY[120:1_120]


def test_near_spans_are_asked_for_together_and_large_ones_in_pieces(replay, client):
    file = open_ranges(client, request_of(replay))
    file.need([(0, 60), (100, 200), (1_000, 1_900)])
    assert spans_of(replay) == [(0, 200), (1_000, 1_400), (1_400, 1_800), (1_800, 1_900)]
    file.need([(50, 150), (1_100, 1_700), (4_900, 5_000)])
    assert len(spans_of(replay)) == 4


def test_the_next_fetch_of_the_same_version_asks_only_for_what_it_lacks(replay, client):
    open_ranges(client, request_of(replay)).need([(0, 300)])
    replay.asked.clear()
    open_ranges(client, request_of(replay)).need([(0, 300)])
    assert not replay.asked
    again = dataclasses.replace(client, refresh=True)
    open_ranges(again, request_of(replay)).need([(0, 300), (1_000, 1_100)])
    assert [one.headers["Range"] for one in replay.asked] == ["bytes=-300", "bytes=1000-1099"]


def test_of_a_newer_version_nothing_older_is_taken(replay, client):
    open_ranges(client, request_of(replay)).need([(0, 300)])
    newer = BODY[::-1]
    offer(replay, newer)
    file = open_ranges(dataclasses.replace(client, refresh=True), request_of(replay))
    assert file.read(300) == newer[:300]


def test_a_file_that_changes_while_it_is_read_is_refused(replay, client):
    file = open_ranges(client, request_of(replay))
    offer(replay, BODY[::-1])
    with pytest.raises(
        FetchError, match=r"^overture_roads: the file changed while it was read: run the command again$"
    ):
        file.read(100)


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": '"other"', "Content-Range": "bytes 0-99/5000"},
        {"Content-Range": "bytes 0-99/5001"},
    ],
    ids=["mark", "size"],
)
def test_a_source_that_does_not_heed_the_condition_is_found_out(replay, client, headers):
    file = open_ranges(client, request_of(replay))
    replay.breaks(FILE, lambda reply: Reply(reply.body, 206, reply.kind, {**reply.headers, **headers}))
    with pytest.raises(FetchError, match="the file changed while it was read"):
        file.read(100)


def test_a_file_without_a_strong_mark_goes_by_its_date(replay, client):
    weak = lambda reply: Reply(reply.body, reply.status, reply.kind, {**reply.headers, "ETag": 'W/"1"'})  # noqa: E731
    replay.breaks(FILE, weak)
    file = open_ranges(client, request_of(replay))
    assert file.read(100) == BODY[:100]
    assert replay.asked[-1].headers["If-Unmodified-Since"]
    assert "If-Match" not in replay.asked[-1].headers


@pytest.mark.parametrize("fault", [busy, failing, cut])
def test_a_passing_fault_of_a_part_is_asked_again(replay, client, fault):
    file = open_ranges(client, request_of(replay))
    replay.breaks(FILE, fault, times=2)
    assert file.read(100) == BODY[:100]
    assert len(replay.asked) == 4


def test_other_bytes_than_asked_for_are_never_taken(replay, client):
    file = open_ranges(client, request_of(replay))
    other = {"Content-Range": f"bytes 50-149/{len(BODY)}"}
    replay.breaks(FILE, lambda reply: Reply(BODY[50:150], 206, reply.kind, {**reply.headers, **other}), times=1)
    assert file.read(100) == BODY[:100]
    replay.breaks(FILE, lambda reply: Reply(reply.body, 206, reply.kind, {**reply.headers, "Content-Range": "bytes"}))
    file.seek(1_000)
    with pytest.raises(FetchError, match="a part of a file that does not say which"):
        file.read(100)


def test_fewer_bytes_than_a_part_says_it_has_are_asked_for_again(replay, client):
    file = open_ranges(client, request_of(replay))
    replay.breaks(FILE, lambda reply: Reply(reply.body[:50], 206, reply.kind, reply.headers), times=1)
    assert file.read(100) == BODY[:100]
    assert len(replay.asked) == 3


def test_a_page_for_people_is_no_part(replay, client):
    file = open_ranges(client, request_of(replay))
    replay.breaks(FILE, html_page)
    with pytest.raises(FetchError):
        file.read(100)
    with pytest.raises(FetchError, match="an HTML page instead of parquet file"):
        open_ranges(dataclasses.replace(client, refresh=True), request_of(replay))


def test_a_source_of_whole_files_is_known(replay, client):
    replay.breaks(FILE, lambda reply: Reply(BODY, 200, reply.kind, reply.headers))
    assert open_ranges(client, request_of(replay)) is None
    nameless = lambda reply: Reply(reply.body, 206, reply.kind, {"Content-Range": reply.headers["Content-Range"]})  # noqa: E731
    replay.faults.clear()
    replay.breaks(FILE, nameless)
    assert open_ranges(client, request_of(replay)) is None  # nothing would tell that it changes


def test_more_than_may_come_is_refused_before_it_is_asked_for(replay, client):
    file = open_ranges(client, request_of(replay, at_most_bytes=1_000))
    with pytest.raises(FetchError, match=r"0 MB would have to come, more than 0 MB: ask for a smaller place"):
        file.need([(0, 400), (1_000, 1_400)])
    assert len(replay.asked) == 1
    file.need([(0, 400)])
    assert file.come == 700
