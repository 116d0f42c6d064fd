"""Words for people: the language files, and how numbers stand in their sentences."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from ..errors import InputError

LANGUAGES = ("da", "en")
PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w))?\}")

_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_SEPARATORS = {"da": (".", ","), "en": (",", ".")}  # between thousands, before decimals
_AND = {"da": " og ", "en": " and "}
_PERCENT = {"da": "\N{NO-BREAK SPACE}%", "en": "%"}

Sentence = tuple[str, dict[str, Any]]


@cache
def texts(language: str) -> Mapping[str, str]:
    """
    Read a language's texts, keyed ``table.key``.

    Raises
    ------
    InputError
        If there is no such language.
    """
    if language not in LANGUAGES:
        raise InputError(f"no language {language!r}", advice=f"choose one of {', '.join(LANGUAGES)}")
    tables = tomllib.loads(resources.files(__package__).joinpath(f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()}


@lru_cache(maxsize=50_000)  # the same few numbers stand on a page by the thousand
def number(value: float, digits: int, language: str) -> str:
    """
    Write a number as the language does, halves rounded up as on the page itself.

    Examples
    --------
    >>> number(12345.25, 1, "da"), number(12345.25, 1, "en")
    ('12.345,3', '12,345.3')
    """
    thousands, point = _SEPARATORS[language]
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    return f"{rounded:,f}".translate(str.maketrans(",.", thousands + point))


def percent(share: float, digits: int, language: str) -> str:
    """
    Write a share of 0..1 in percent.

    Examples
    --------
    >>> percent(0.645, 0, "en")
    '65%'
    """
    return number(round(share * 100, 6), digits, language) + _PERCENT[language]


def date(text: str, language: str) -> str:
    """
    Write a date as the language does, where it is a whole one (ISO 8601); other texts stay as they are.

    Examples
    --------
    >>> date("2026-11-05", "da"), date("2026-11-05", "en"), date("2024", "da")
    ('5.11.2026', '2026-11-05', '2024')
    """
    whole = _DAY.fullmatch(text)
    return f"{int(whole[3])}.{int(whole[2])}.{whole[1]}" if whole and language == "da" else text


@dataclass(frozen=True)
class Words:
    """
    The words of one language.

    `categories` gives a service category's label, `topics` a topic's. panel.js has the same rules for the open page; a
    test holds the two together, sentence by sentence.
    """

    language: str
    categories: Mapping[str, str]
    topics: Mapping[str, str] = field(default_factory=dict)

    def say(self, key: str, /, **args: Any) -> str:
        """Fill the text of `key`; the form for one is taken where `n` is 1, and the language has it."""
        known = texts(self.language)
        single = f"{key}_one"
        template = known[single if args.get("n") == 1 and single in known else key]
        return PLACEHOLDER.sub(lambda match: self._fill(args[match[1]], match[2] or ""), template)

    def tell(self, sentence: Sentence) -> str:
        """Say a sentence that `content` has prepared."""
        key, args = sentence
        return self.say(key, **args)

    def told(self, value: Any) -> str:
        """Give a name as it is, a sentence told, or several sentences with a semicolon between."""
        if isinstance(value, str):
            return value
        if isinstance(value[0], str):
            return self.say(value[0], **value[1])
        return "; ".join(self.told(each) for each in value)

    def date(self, text: str) -> str:
        """Write a date as the language does."""
        return date(text, self.language)

    def listed(self, names: Sequence[str]) -> str:
        """Join names as a sentence does."""
        return _AND[self.language].join([part for part in (", ".join(names[:-1]), *names[-1:]) if part])

    def _fill(self, value: Any, form: str) -> str:
        if form.isdigit():
            return number(value, int(form), self.language)
        if form == "g":
            return number(
                value,
                next(digits for digits in (0, 1, 2) if digits == 2 or round(value, digits) == value),
                self.language,
            )
        if form in ("p", "q"):
            return percent(value, 0 if form == "p" else 2, self.language)
        if form == "n":
            return self.told(value)
        return self.listed(self._names(value, form))

    def _names(self, value: Any, form: str) -> list[str]:
        if form in ("c", "s"):
            labels = self.categories if form == "c" else {}
            return [f"{labels.get(name, name)} ({percent(share, 0, self.language)})" for name, share in value]
        names = [value] if isinstance(value, str) else list(value)
        labels = {"k": self.categories, "o": self.topics, "t": texts(self.language)}.get(form, {})
        return [labels.get(name, name) for name in names]
