"""Texts that stand in the report by the thousand: each is said once, and is safe to put between tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from markupsafe import Markup, escape

from .texts import Sentence, Words, percent

MOST_NAMED = 6  # names in one sentence


@dataclass(frozen=True)
class Said:
    """
    The words of one language, escaped.

    Attributes
    ----------
    words
        What they come from; what these say is not escaped.
    text
        A text that takes nothing.
    number, tenth, minutes, share
        A number whole or with one decimal, minutes, a share 0..1 in percent.
    often
        A sentence that comes again and again, such as a village's strengths.
    """

    words: Words
    text: Callable[[str], Markup]
    number: Callable[[float], Markup]
    tenth: Callable[[float], Markup]
    minutes: Callable[[float], Markup]
    share: Callable[[float], Markup]
    often: Callable[[Sentence], Markup]

    def say(self, key: str, /, **args: Any) -> Markup:
        """Say a text that is said once or twice."""
        return escape(self.words.say(key, **args))

    def told(self, label: Any) -> Markup:
        """Give a name, or the sentence that holds it."""
        return escape(self.words.told(label))

    def people(self, village: dict[str, Any]) -> str:
        """Tell how many live in a village, with a sign where that is a default."""
        return f"≈ {self.number(village['people'])}" if village["assumed"] else self.number(village["people"])

    def whence(self, village: dict[str, Any]) -> Markup:
        """Tell in few words where the people of a village live, if a population grid says so; else nothing."""
        if village["from_grid"]:
            return self.say("report.village_from_grid", n=village["people"])
        if not village["around"]:
            return Markup()
        own = village["people"] - village["around"]
        return self.say("report.village_around", own=own, around=village["around"])

    def items(self, sentences: Iterable[Sentence]) -> Markup:
        """Put sentences in a list; nothing where there are none."""
        return listed(escape(self.words.tell(sentence)) for sentence in sentences)


def said_in(words: Words) -> Said:
    """Prepare the words of a language."""
    repeated: dict[tuple[str, str], Markup] = {}

    def often(sentence: Sentence) -> Markup:
        known = sentence[0], repr(sentence[1])
        if known not in repeated:
            repeated[known] = escape(words.tell(sentence))
        return repeated[known]

    return Said(
        words=words,
        text=cache(lambda key: escape(words.say(key))),
        number=cache(lambda value: escape(words.say("ui.whole", value=value))),
        tenth=cache(lambda value: escape(words.say("ui.tenth", value=value))),
        minutes=cache(lambda value: escape(words.say("ui.minutes", minutes=value))),
        share=cache(lambda share: escape(percent(share, 0, words.language))),
        often=often,
    )


def listed(items: Iterable[str]) -> Markup:
    """Make a list of items that are escaped."""
    inner = "".join([f"<li>{item}" for item in items])
    return Markup(f"<ul>{inner}</ul>" if inner else "")  # noqa: S704 - escaped by the caller


def names_of(names: list[str], words: Words) -> str:
    """Name a few, and tell how many more there are."""
    if len(names) <= MOST_NAMED:
        return words.listed(names)
    return words.say("report.more", names=", ".join(names[: MOST_NAMED - 1]), n=len(names) - MOST_NAMED + 1)
