"""Answers that come in pages, followed to the last one and counted."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from ..errors import FetchError
from .asking import Answer, Request
from .client import Client, ask
from .store import entry_of, forget

MOST_PAGES = 10_000


@dataclass(frozen=True)
class Page:
    """
    One page: its rows, how many there are in all where the source says so, and what asks for the next one.

    Where the source does not say whether more is to come, the end is `open`: a page of nothing new is the last.
    """

    rows: list[dict[str, Any]]
    total: int | None = None
    following: Request | None = None
    open: bool = False


Reader = Callable[[Any, Request], Page]
IdOf = Callable[[dict[str, Any]], Hashable | None]


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
    except RecursionError:
        raise FetchError(
            "its JSON is nested too deeply", source=answer.request.source, advice="see whether the service has changed"
        ) from None


def require_objects(rows: list[Any], request: Request) -> list[dict[str, Any]]:
    """
    Refuse rows of which one is no object.

    Raises
    ------
    FetchError
        If so; says which.
    """
    strange = next((k for k, row in enumerate(rows) if not isinstance(row, dict)), None)
    if strange is not None:
        raise FetchError(
            f"row {strange + 1} of a page is {json.dumps(rows[strange])[:40]}, no object",
            source=request.source,
            advice="run the command again later",
        )
    return rows


def ask_pages(
    client: Client, first: Request, read: Reader, *, id_of: IdOf = lambda _: None
) -> tuple[list[dict[str, Any]], list[Answer]]:
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
    id_of
        Gives what no two rows have in common; None for a row that has nothing of the kind.

    Returns
    -------
    tuple
        All rows, in the order in which they came, and the answers.

    Raises
    ------
    FetchError
        If a page does not come, a page or a row repeats, the source counts other rows than came, or the count changes
        on the way: what was asked in pages is whole, or it is refused. Such pages are forgotten, not kept.
    """
    rows: list[dict[str, Any]] = []
    answers: list[Answer] = []
    asked: set[tuple[str, str]] = set()
    seen: set[Hashable] = set()
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
            if page.open and _nothing_new(page.rows, rows, seen, id_of):
                break
            if page.following is not None and not page.rows:
                raise _broken(first, "a page without rows, and more to come")
            _require_new(page.rows, seen, id_of, first)
            rows += page.rows
            request = page.following
        if total is not None and len(rows) != total:
            raise _broken(first, f"{len(rows)} rows came, and it counts {total}")
    except FetchError:
        for answer in answers:
            forget(entry_of(client.store, answer.request))
        raise
    return rows, answers


def _nothing_new(come: list[dict[str, Any]], rows: list[dict[str, Any]], seen: set[Hashable], id_of: IdOf) -> bool:
    """Tell whether a page holds known rows only: by their ids, by their content where they have none."""
    ids = [id_of(row) for row in come]
    if None in ids:
        known = {json.dumps(row, sort_keys=True) for row in rows}
        return all(json.dumps(row, sort_keys=True) in known for row in come)
    return seen.issuperset(ids)


def _require_new(come: list[dict[str, Any]], seen: set[Hashable], id_of: IdOf, first: Request) -> None:
    """Refuse a row that came before, on this page or an earlier one: another one was left out for it, perhaps."""
    for one in filter(lambda one: one is not None, map(id_of, come)):
        if one in seen:
            raise _broken(first, f"a row came twice while its pages were read ({str(one)[:60]})")
        seen.add(one)


def _broken(request: Request, problem: str) -> FetchError:
    return FetchError(problem, source=request.source, advice="run the command again")
