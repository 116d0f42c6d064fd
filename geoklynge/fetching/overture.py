"""Overture Maps: the catalogue of the newest release says which files touch the place; of them its part is read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from ..errors import FetchError, NothingThereError
from .asking import JSON, MEGABYTE, Answer, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Question, Task, question_of
from .hosts import same_site
from .paging import json_of
from .parquet_parts import PART_OF_PARQUET, look_into, read_parts, write_geoparquet
from .ranges import RangeFile, open_ranges

RELEASE = re.compile(r"\d{4}-\d\d-\d\d\.\d+")
FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*\.parquet")
NEWEST = "<newest release>"  # stands in an address until the catalogue has said which that is
CATALOGUE_DAYS = 1.0  # how long it may be believed which release is the newest
MOST_ITEMS = 5_000

Box = tuple[float, float, float, float]


def questions(task: Task) -> tuple[Request, ...]:
    """Ask which release is the newest, then for its files of this type, then for parts of those files."""
    catalogue = replace(
        _json(task, str(task.source.settings["catalogue"])), keep_days=min(CATALOGUE_DAYS, task.source.keep_days)
    )
    parts = Request(
        task.key,
        str(task.source.settings["files"]).format(release=NEWEST),
        PART_OF_PARQUET,
        keep_days=task.source.keep_days,
        at_most_bytes=int(task.source.at_most_mb * MEGABYTE),
    )
    return catalogue, _json(task, task.source.address.format(release=NEWEST)), parts


def _json(task: Task, address: str) -> Request:
    return Request(task.key, address, JSON, keep_days=task.source.keep_days, at_most_bytes=20 * MEGABYTE)


def fetch(client: Client, task: Task) -> Draft:
    """
    Write what touches the place's reach as one GeoParquet file.

    Raises
    ------
    FetchError
        If the catalogue is not as documented, leads elsewhere than `open_data.toml` says, or a file cannot be read in
        parts.
    """
    catalogue, _, parts = questions(task)
    first = ask(client, catalogue)
    release = _release(json_of(first), task)
    second = ask(client, _json(task, task.source.address.format(release=release)))
    asked = [question_of(first), question_of(second)]
    files: list[RangeFile] = []
    for name in _files(client, task, second, release, asked):
        address = str(task.source.settings["files"]).format(release=release) + name
        file = open_ranges(client, replace(parts, address=address))
        if file is None:
            raise FetchError("its files cannot be read in parts", source=task.key, advice="download it by hand")
        files.append(file)
    wanted = [look_into(file, task) for file in files]
    table = read_parts(wanted, task)
    asked += [question for file in files for question in file.asked]
    if table is None:
        raise NothingThereError("it has none there", source=task.key, advice="see whether the place is right")
    write_geoparquet(table, task.file())
    groups = sum(len(one.groups) for one in wanted)
    come = sum(file.come for file in files)
    note = (
        f"release {release}: {table.num_rows} rows out of {groups} row groups of {len(files)} files, "
        f"{come / MEGABYTE:.1f} of {sum(file.size() for file in files) / MEGABYTE:,.0f} MB"
    )
    return Draft(((task.source.file, task.source.table),), tuple(asked), dated=release[:10], notes=(note,))


def _release(catalogue: Any, task: Task) -> str:
    found = catalogue.get("latest") if isinstance(catalogue, dict) else None
    if not isinstance(found, str) or not RELEASE.fullmatch(found):
        raise FetchError(
            f"its catalogue names no newest release (latest: {str(found)[:40]!r})",
            source=task.key,
            advice="see whether the catalogue has changed",
        )
    return found


def _files(client: Client, task: Task, collection: Answer, release: str, asked: list[Question]) -> list[str]:
    """
    Name the files whose box touches the reach.

    Each item of the collection tells a file and its box. The collection lists the boxes, too: by these only the items
    that touch are asked for. If each of them has the box that was listed for it, the others' are among the rest of the
    list; if not, all items are asked.
    """
    content = json_of(collection)
    try:
        links = [str(link["href"]) for link in content["links"] if link["rel"] == "item"]
        boxes = _boxes(content["extent"]["spatial"]["bbox"], len(links))
    except (KeyError, TypeError, ValueError):
        raise _other_form(task, "its collection lists no items") from None
    if not 0 < len(links) <= MOST_ITEMS:
        raise _other_form(task, f"its collection lists {len(links)} items")

    def item_of(link: str) -> tuple[Box, str]:
        return _item(client, task, collection.request.address, link, release, asked)

    if boxes is not None:
        near = [(box, item_of(link)) for box, link in zip(boxes, links, strict=True) if _touch(box, task)]
        if all(box == found for box, (found, _) in near):
            return [name for _, (_, name) in near]
    return [name for box, name in map(item_of, links) if _touch(box, task)]


def _boxes(said: list[list[float]], items: int) -> list[Box] | None:
    """Read the boxes of a collection: one for each item, which one of the whole may precede."""
    boxes = [_box(one) for one in said]
    return boxes[-items:] if items and len(boxes) in {items, items + 1} else None


def _box(said: list[float]) -> Box:
    west, south, east, north = (float(edge) for edge in said)
    return west, south, east, north


def _touch(box: Box, task: Task) -> bool:
    west, south, east, north = task.place.reach.bounds
    return bool(box[0] <= east and box[2] >= west and box[1] <= north and box[3] >= south)


def _item(
    client: Client, task: Task, collection: str, link: str, release: str, asked: list[Question]
) -> tuple[Box, str]:
    """Ask for an item: the box and the name of its file."""
    try:
        address = urljoin(collection, link)
        ours, host = same_site(collection, address), urlsplit(address).hostname
    except ValueError:
        raise _other_form(task, f"its catalogue holds no address ({link[:60]!r})") from None
    if not ours:
        raise _other_form(task, f"its catalogue leads to another site, {host}")
    answer = ask(client, _json(task, address))
    if question_of(answer) not in asked:
        asked.append(question_of(answer))
    try:
        item = json_of(answer)
        box, assets = _box(item["bbox"]), item["assets"]
        href = next(str(assets[key]["href"]) for key in task.source.settings["assets"] if key in assets)
    except (KeyError, TypeError, ValueError, StopIteration):
        raise _other_form(task, f"an item of its catalogue tells no box or file ({link[:60]})") from None
    return box, _file_name(href, release, task)


def _file_name(href: str, release: str, task: Task) -> str:
    """Take the name of a file out of the address that the catalogue gives; that must be where `files` says they are."""
    folder = urlsplit(str(task.source.settings["files"]).format(release=release)).path
    path, _, name = urlsplit(href).path.rpartition("/")
    if not FILE_NAME.fullmatch(name) or not path or not folder.endswith(f"{path}/"):
        raise _other_form(task, f"its catalogue names a file elsewhere ({href[:160]})")
    return name


def _other_form(task: Task, problem: str) -> FetchError:
    return FetchError(problem, source=task.key, advice=f"see whether {task.source.settings['catalogue']} has changed")


OVERTURE = Fetcher(questions, fetch)
