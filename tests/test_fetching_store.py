"""What is kept of answers: whole or not at all, by one at a time, and not for ever."""

import dataclasses
import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from replay import LAST_MODIFIED, Reply, made_pbf

from geoklynge.errors import FetchError, InputError
from geoklynge.fetching import geofabrik
from geoklynge.fetching.asking import CSV, Request
from geoklynge.fetching.bodies import md5_of
from geoklynge.fetching.client import ask, open_client
from geoklynge.fetching.drafts import Task
from geoklynge.fetching.failures import ChecksumError
from geoklynge.fetching.locks import held
from geoklynge.fetching.store import BODY, PART, entry_of, forget
from geoklynge.open_data import open_source

TABLE = "data.example.dk/table.csv"
WHOLE = b"a;b\n" + b"1;2\n" * 1000
OTHER = b"x;y\n" + b"8;9\n" * 1000


def table_of(replay, **changes) -> Request:
    return Request("table", f"{replay.address}/{TABLE}", CSV, **changes)


def whole(body=WHOLE, **headers) -> Reply:
    return Reply(body, 200, "text/csv", {"ETag": '"v1"', **headers})


def part(first, end, body=WHOLE, *, of=None, **headers) -> Reply:
    said = {"ETag": '"v1"', "Content-Range": f"bytes {first}-{end - 1}/{of or len(body)}", **headers}
    return Reply(body[first:end], 206, "text/csv", said)


def replies(replay, *made):
    """Answer with these, one after the other, and then with the whole."""
    for reply in made:
        replay.breaks(TABLE, lambda _, reply=reply: reply, times=1)
    replay.breaks(TABLE, lambda _: whole())


CUT = dataclasses.replace(whole(), sent=1000)


def test_a_rest_is_taken_on(replay, client):
    replies(replay, CUT, part(1000, 4004))
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert [one.headers.get("Range") for one in replay.asked] == [None, "bytes=1000-"]


@pytest.mark.parametrize(
    "wrong",
    [
        part(1000, 1400),  # less than the rest
        part(1000, 1400, of=1400),  # says that it is the rest
        part(1004, 4004),  # begins later
        part(996, 4004),  # begins earlier
        part(1000, 4004, OTHER, ETag='"v2"'),
        part(1000, 4004, OTHER, ETag='W/"v1"'),
        dataclasses.replace(part(1000, 4004), headers={"ETag": '"v1"'}),
        part(1000, 4004, **{"Content-Range": "bytes 1000-4003/*"}),
        part(1000, 4004, **{"Content-Encoding": "gzip"}),
        dataclasses.replace(
            part(1000, 4004, OTHER),
            headers={"Last-Modified": "Wed, 18 Nov 2026 20:21:03 GMT", "Content-Range": "bytes 1000-4003/4004"},
        ),
        Reply(b"", 416, "text/csv", {"Content-Range": "bytes */500"}),
    ],
)
def test_what_is_not_just_the_rest_is_no_part_of_the_answer(replay, client, wrong):
    replies(replay, CUT, wrong)
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert [one.headers.get("Range") for one in replay.asked] == [None, "bytes=1000-", None]


def test_a_rest_with_another_date_is_of_another_version(replay, client):
    first = dataclasses.replace(CUT, headers={"Last-Modified": "Wed, 18 Nov 2026 20:21:03 GMT"})
    replies(replay, first, part(1000, 4004, OTHER, **{"Last-Modified": "Thu, 19 Nov 2026 20:21:03 GMT"}))
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert replay.asked[1].headers["If-Range"] == "Wed, 18 Nov 2026 20:21:03 GMT"


@pytest.mark.parametrize(
    ("etag", "changed"),
    [('"v1"', {"Last-Modified": "Thu, 19 Nov 2026 20:21:03 GMT"}), ('W/"v1"', {"ETag": 'W/"v2"'})],
)
def test_both_marks_of_a_rest_must_be_those_of_the_part(replay, client, etag, changed):
    marks = {"ETag": etag, "Last-Modified": "Wed, 18 Nov 2026 20:21:03 GMT"}
    replies(replay, dataclasses.replace(CUT, headers=marks), part(1000, 4004, OTHER, **{**marks, **changed}))
    assert ask(client, table_of(replay)).path.read_bytes() == WHOLE
    assert [one.headers.get("Range") for one in replay.asked] == [None, "bytes=1000-", None]


def test_a_part_that_nobody_asked_for_is_refused(replay, client):
    replay.breaks(TABLE, lambda _: part(0, 400))
    with pytest.raises(FetchError, match="another part than asked for"):
        ask(client, table_of(replay))
    with pytest.raises(FetchError, match="another part than asked for"):
        ask(client, table_of(replay, body="{}"))
    assert not (entry_of(client.store, table_of(replay)) / BODY).exists()


def test_a_source_that_says_unasked_that_nothing_is_newer_is_not_believed(replay, client):
    replay.breaks(TABLE, lambda _: Reply(WHOLE, 200, "text/csv"), times=1)  # without marks
    ask(client, table_of(replay))
    replay.breaks(TABLE, lambda _: Reply(b"", 304, "text/csv"))
    with pytest.raises(FetchError, match="HTTP 304"):
        ask(dataclasses.replace(client, refresh=True), table_of(replay))


def test_several_at_once_are_given_the_whole_and_ask_once(replay, client):
    large = b"a;b\n" + b"".join(b"%d;2\n" % k for k in range(200_000))
    replay.breaks(TABLE, lambda _: whole(large))
    got, start = [], threading.Barrier(4)

    def go():
        start.wait()
        got.append(ask(client, table_of(replay)).path.read_bytes() == large)

    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 4
    assert len(replay.asked) == 1


def test_several_that_refresh_at_once_ask_once_and_each_later_one_again(replay, client):
    replies(replay)
    ask(client, table_of(replay))
    refreshing, entry = dataclasses.replace(client, refresh=True), entry_of(client.store, table_of(replay))
    threads = [threading.Thread(target=ask, args=(refreshing, table_of(replay))) for _ in range(3)]
    with held(entry):
        for thread in threads:
            thread.start()
        while len([t for t in threads if t.is_alive()]) < 3:  # pragma: no cover
            pass
        threading.Event().wait(0.1)
    for thread in threads:
        thread.join()
    assert len(replay.asked) == 2
    ask(refreshing, table_of(replay))
    assert len(replay.asked) == 3


def test_what_somebody_is_asking_for_is_not_forgotten(replay, client):
    replies(replay)
    entry = entry_of(client.store, table_of(replay))
    ask(client, table_of(replay))
    with held(entry):
        forget(entry)
        assert entry.is_dir()
    forget(entry)
    assert not entry.exists()


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_another_process_waits_and_one_that_was_killed_holds_nothing(tmp_path):
    holds = (
        "import sys, time, pathlib; from geoklynge.fetching.locks import held\n"
        "with held(pathlib.Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holds, str(tmp_path / "entry")], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "held\n"
        with held(tmp_path / "entry", wait=False) as mine:
            assert not mine
        process.send_signal(signal.SIGKILL)
        process.wait()
        with held(tmp_path / "entry", wait=False) as mine:
            assert mine
    finally:
        process.kill()
        process.stdout.close()
        process.wait()


# ---- not for ever, and not anywhere ------------------------------------------------------------------------------

DAY = 86_400


def aged(path, days):
    then = time.time() - days * DAY
    os.utime(path, (then, then))


@pytest.mark.parametrize(
    ("keep_days", "unused", "stays"), [(1, 59, True), (1, 61, False), (90, 179, True), (90, 181, False)]
)
def test_what_was_of_no_use_for_long_goes(replay, client, keep_days, unused, stays):
    replies(replay)
    entry = ask(client, table_of(replay, keep_days=keep_days)).path.parent
    aged(entry / "about.json", unused)
    other = client.store / "osmnx"
    other.mkdir()
    aged(other, 1000)
    open_client(client.store, offline=True)
    assert entry.exists()
    open_client(client.store)
    assert entry.exists() is stays
    assert other.exists()


def test_what_is_of_use_stays_young(replay, client):
    replies(replay)
    request = table_of(replay, keep_days=1000)
    entry = ask(client, request).path.parent
    aged(entry / "about.json", 1990)
    ask(client, request)
    assert len(replay.asked) == 1
    open_client(client.store)
    assert entry.exists()
    assert time.time() - (entry / "about.json").stat().st_mtime < DAY


@pytest.mark.parametrize(("days", "stays"), [(29, True), (31, False)])
@pytest.mark.parametrize("answered", [True, False])
def test_a_part_with_which_nobody_went_on_goes(replay, client, days, stays, answered):
    if answered:
        replay.breaks(TABLE, lambda _: whole(), times=1)
        ask(client, table_of(replay))
    replay.breaks(TABLE, lambda _: dataclasses.replace(CUT, headers={"ETag": '"v2"'}))
    with pytest.raises(FetchError):
        ask(dataclasses.replace(client, attempts=1, refresh=True), table_of(replay))
    entry = entry_of(client.store, table_of(replay))
    assert (entry / PART).exists()
    for path in entry.iterdir():
        aged(path, days)
    open_client(client.store)
    assert (entry / PART).exists() is stays
    assert (entry / BODY).exists() is answered
    assert entry.exists() is (stays or answered)


def test_a_store_that_cannot_be_written_to_is_one_line(replay, client, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    replies(replay)
    with pytest.raises(InputError, match=r"file/store: cannot keep answers there .*\$GEOKLYNGE_CACHE") as raised:
        ask(dataclasses.replace(client, store=tmp_path / "file" / "store"), table_of(replay))
    assert raised.value.exit_code == 2


def test_a_full_disk_is_one_line(replay, client, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    replies(replay)
    monkeypatch.setattr("geoklynge.fetching.store._write_about", full)
    with pytest.raises(InputError, match="No space left on device"):
        ask(client, table_of(replay))


# ---- an extract and its sum --------------------------------------------------------------------------------------

LATER = "Thu, 26 Nov 2026 20:21:03 GMT"


def extract_task(replay, folder) -> Task:
    source = open_source("geofabrik")
    address = source.address.replace("https://", f"{replay.address}/")
    folder.mkdir(exist_ok=True)
    return Task("geofabrik", source.model_copy(update={"address": address}), None, folder)


def sum_is(digits, dated=LAST_MODIFIED):
    return lambda _: Reply(f"{digits}  denmark-latest.osm.pbf\n".encode(), 200, "text/plain", {"Last-Modified": dated})


def asked_for(replay):
    return [one.path.rpartition(".")[2] for one in replay.asked]


def test_an_extract_that_its_sum_never_fits_is_asked_for_twice(replay, client, tmp_path):
    replay.breaks(r"\.md5", sum_is("0" * 32))
    with pytest.raises(ChecksumError, match="geofabrik: its checksum is another"):
        geofabrik.fetch(client, extract_task(replay, tmp_path / "x"))
    assert asked_for(replay) == ["md5", "pbf", "md5", "pbf"]


def test_a_sum_that_was_older_than_the_extract_is_asked_for_anew(replay, client, tmp_path):
    replay.breaks(r"\.md5", sum_is("0" * 32), times=1)
    task = extract_task(replay, tmp_path / "x")
    draft = geofabrik.fetch(client, task)
    assert asked_for(replay) == ["md5", "pbf", "md5", "pbf"]
    assert draft.notes == (f"md5 {md5_of(task.file())}",)


def test_a_young_copy_is_not_noted_under_a_newer_sum(replay, client, tmp_path):
    task = extract_task(replay, tmp_path / "x")
    first = geofabrik.fetch(client, task)
    replay.breaks(r"\.md5", sum_is("0" * 32, LATER))
    tomorrow = dataclasses.replace(client, now=lambda: time.time() + 86_400)
    assert geofabrik.fetch(tomorrow, task).notes == first.notes == (f"md5 {md5_of(task.file())}",)
    assert asked_for(replay) == ["md5", "pbf", "md5"]


def test_a_copy_that_the_sum_of_its_day_does_not_fit_is_fetched_again(replay, client, tmp_path):
    other = made_pbf() + b"\0"
    replay.breaks(r"\.md5", sum_is(hashlib.md5(other, usedforsecurity=False).hexdigest()), times=1)
    marks = {"Last-Modified": LAST_MODIFIED}
    replay.breaks(r"\.pbf$", lambda _: Reply(other, 200, "application/octet-stream", marks), times=1)
    task = extract_task(replay, tmp_path / "x")
    geofabrik.fetch(client, task)
    tomorrow = dataclasses.replace(client, now=lambda: time.time() + 86_400)
    geofabrik.fetch(tomorrow, task)
    assert asked_for(replay) == ["md5", "pbf", "md5", "md5", "pbf"]
    assert task.file().read_bytes() == made_pbf()
