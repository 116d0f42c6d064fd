"""Answers that come in pages, followed to the last one and counted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import FetchError
from .asking import Answer, Request
from .client import Client, ask
from .store import entry_of, forget

MOST_PAGES = 10_000


@dataclass(frozen=True)
class Page:
    """One page: its rows, how many there are in all where the source says so, and what asks for the next one."""

    rows: list[dict[str, Any]]
    total: int | None = None
    following: Request | None = None


Reader = Callable[[Any, Request], Page]


def json_of(answer: Answer) -> Any:
    """
    Read an answer as JSON.

    Raises
    ------
    FetchError
        If it is none, for all that it looked like it.
    """
    try:
        return json.loads(answer.path.read_bytes())
    except ValueError as error:
        raise FetchError(
            f"what came is no JSON ({error})", source=answer.request.source, advice="run the command again later"
        ) from None


def ask_pages(client: Client, first: Request, read: Reader) -> tuple[list[dict[str, Any]], list[Answer]]:
    """
    Ask for all pages of an answer.

    Parameters
    ----------
    client
        Asks.
    first
        What asks for the first page.
    read
        Makes a `Page` of the JSON of one answer and its request.

    Returns
    -------
    tuple
        All rows, in the order in which they came, and the answers.

    Raises
    ------
    FetchError
        If a page does not come, a page repeats, the source counts other rows than came, or the count changes on the
        way: what was asked in pages is whole, or it is refused. Such pages are forgotten, not kept.
    """
    rows: list[dict[str, Any]] = []
    answers: list[Answer] = []
    asked: set[tuple[str, str]] = set()
    request: Request | None = first
    total: int | None = None
    try:
        while request is not None:
            if (request.said(), request.body) in asked or len(asked) >= MOST_PAGES:
                raise _broken(first, "its pages lead in a circle")
            asked.add((request.said(), request.body))
            answers.append(ask(client, request))
            page = read(json_of(answers[-1]), request)
            if total is not None and page.total is not None and page.total != total:
                raise _broken(first, f"its rows became {page.total} while {total} were read")
            total = page.total if page.total is not None else total
            if page.following is not None and not page.rows:
                raise _broken(first, "a page without rows, and more to come")
            rows += page.rows
            request = page.following
        if total is not None and len(rows) != total:
            raise _broken(first, f"{len(rows)} rows came, and it counts {total}")
    except FetchError:
        for answer in answers:
            forget(entry_of(client.store, answer.request))
        raise
    return rows, answers


def _broken(request: Request, problem: str) -> FetchError:
    return FetchError(problem, source=request.source, advice="run the command again")
