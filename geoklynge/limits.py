"""Hard limits in the words planners use, and the facts of a village set that they judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

PEOPLE_WHERE_UNKNOWN: dict[str, float] = {"hamlet": 50.0, "village": 300.0, "town": 2_000.0, "city": 20_000.0}


class Part(BaseModel):
    """A part of a study: frozen, and without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def over(defaults: Mapping[Any, float]) -> BeforeValidator:
    """Let a study give one key of a table and keep the other defaults."""
    return BeforeValidator(lambda given: {**defaults, **given} if isinstance(given, dict) else given)


Fact = Any  # of one set a number or truth; of many sets an array of them


@dataclass(frozen=True)
class Facts:
    """
    What a limit needs to know of a set of villages; candidates, selection and checker each count their own.

    Of many sets at once every field is an array, one entry a set.
    """

    n_villages: Fact
    people: Fact
    max_minutes: Fact
    n_municipalities: Fact
    largest_place: Fact
    connected: Fact
    links_kept: Fact = True


class Limits(Part):
    """
    Hard limits in the words planners use. Every chosen cluster keeps all of them.

    Two villages count as neighbours inside a cluster when their tie weighs at least `weakest_tie`; a cluster must
    hang together over such ties. Places with more than `town_people` people are not members, but their services
    count. A place whose population is not known counts with `people_where_unknown` of its kind.
    """

    max_minutes: Positive = 20.0
    min_villages: Annotated[int, Field(ge=2)] = 3
    max_villages: Annotated[int, Field(ge=2)] = 30
    min_people: Annotated[float, Field(ge=0)] = 300.0
    max_people: Positive = 15_000.0
    town_people: Positive = 5_000.0
    weakest_tie: Share = 0.1
    one_municipality: bool = False
    people_where_unknown: Annotated[dict[str, Positive], over(PEOPLE_WHERE_UNKNOWN)] = PEOPLE_WHERE_UNKNOWN

    @model_validator(mode="after")
    def _limits_agree(self) -> Limits:
        if self.min_villages > self.max_villages:
            raise ValueError(f"min_villages {self.min_villages} is above max_villages {self.max_villages}")
        if self.min_people > self.max_people:
            raise ValueError(f"min_people {self.min_people:g} is above max_people {self.max_people:g}")
        unknown = sorted(set(self.people_where_unknown) - set(PEOPLE_WHERE_UNKNOWN))
        if unknown:
            raise ValueError(f"people_where_unknown: no kind {unknown[0]!r} (known: {', '.join(PEOPLE_WHERE_UNKNOWN)})")
        return self

    def broken_by(self, facts: Facts) -> tuple[str, ...]:
        """Name the limits that one set of villages breaks, each with both numbers; empty if it keeps all."""
        sentences = (
            f"{facts.n_villages} villages, at least {self.min_villages} wanted",
            f"{facts.n_villages} villages, at most {self.max_villages} allowed",
            f"{facts.people:.0f} people, at least {self.min_people:.0f} wanted",
            f"{facts.people:.0f} people, at most {self.max_people:.0f} allowed",
            f"{facts.max_minutes:.6g} minutes between two members, at most {self.max_minutes:g} allowed",
            f"a place of {facts.largest_place:.0f} people, at most {self.town_people:.0f} allowed",
            f"{facts.n_municipalities} municipalities, one allowed",
            f"not connected by ties of at least {self.weakest_tie:g}",
            "a must-link or cannot-link of the planner is not kept",
        )
        return tuple(sentence for sentence, broken in zip(sentences, self._breaks(facts), strict=True) if broken)

    def kept_by(self, facts: Facts) -> NDArray[np.bool_]:
        """Tell which of many sets of villages keep all limits."""
        broken: NDArray[np.bool_] = np.logical_or.reduce(np.broadcast_arrays(*self._breaks(facts)))
        return ~broken

    def _breaks(self, facts: Facts) -> tuple[Fact, ...]:
        """Judge every limit, in the order of the sentences of `broken_by`."""
        keeps_minutes, connected, links_kept = (
            np.asarray(fact) for fact in (facts.max_minutes <= self.max_minutes, facts.connected, facts.links_kept)
        )
        return (
            facts.n_villages < self.min_villages,
            facts.n_villages > self.max_villages,
            facts.people < self.min_people,
            facts.people > self.max_people,
            ~keeps_minutes,  # so that a number that is none is no kept limit
            facts.largest_place > self.town_people,
            self.one_municipality & (facts.n_municipalities > 1),
            ~connected,
            ~links_kept,
        )
