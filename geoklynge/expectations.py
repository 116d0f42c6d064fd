"""How many facilities of each kind a country has, for a study's data to be held against; see expectations.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field

from .limits import Part, Positive


class Expectation(Part):
    """
    How many facilities of one kind a whole country has.

    `da` and `en` say what was counted, `source` who counted, `basis` whether that was read or is general knowledge.
    """

    facilities: Positive
    people: Positive
    year: Annotated[int, Field(ge=1900, le=2100)]
    da: str
    en: str
    source: Annotated[str, Field(min_length=1)]
    basis: Literal["read", "general knowledge"]

    def people_per_facility(self) -> float:
        """Tell how many people there are to one facility."""
        return self.people / self.facilities


@dataclass(frozen=True)
class Country:
    """What is known of one country; `box` is west, south, east and north in degrees, none where nothing is known."""

    code: str = ""
    box: tuple[float, float, float, float] | None = None
    by_category: Mapping[str, Expectation] = field(default_factory=dict)


@cache
def countries() -> tuple[Country, ...]:
    """Read the countries that something is known of."""
    content = tomllib.loads(resources.files(__package__).joinpath("expectations.toml").read_text(encoding="utf-8"))
    return tuple(
        Country(
            code,
            tuple(entry["box"]),
            {key: Expectation(**figures) for key, figures in entry.items() if key != "box"},
        )
        for code, entry in content.items()
    )


def country_at(lon: float, lat: float) -> Country:
    """
    Find the country whose box holds a point (degrees); one of which nothing is known elsewhere.

    Examples
    --------
    >>> country_at(10.5, 56.2).code, country_at(2.35, 48.9).code
    ('DK', '')
    """
    for country in countries():
        west, south, east, north = country.box or (0.0, 0.0, 0.0, 0.0)
        if west <= lon <= east and south <= lat <= north:
            return country
    return Country()
