"""How far a stage has come, told by the stage and shown by whoever called it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
Tell = Callable[[int, int], None]  # so many parts done, of so many


def told_nobody(_done: int, _total: int) -> None:
    """Tell nobody."""


def counted(parts: Iterable[T], total: int, tell: Tell) -> Iterator[T]:
    """Pass parts on as they come, telling how many have come."""
    tell(0, total)
    for done, part in enumerate(parts, start=1):
        yield part
        tell(done, total)
