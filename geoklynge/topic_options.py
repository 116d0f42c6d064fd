"""Topics of a study: groups of service categories that get a plan of their own."""

from __future__ import annotations

import difflib
import re
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from .limits import Part

KEY = re.compile(r"[a-z][a-z0-9_]*")


class Topic(Part):
    """A group of service categories, with its label in either language as it stands in a sentence."""

    da: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]
    categories: Annotated[tuple[str, ...], Field(min_length=1)]


class TopicOptions(Part):
    """
    Whether plans by topic are made, and a study's own topics beside those of ``topics.toml``.

    Every key beside `enabled` is a topic: ``[topics.health]`` with `da`, `en` and `categories`. One with the key of a
    default topic takes its place.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Topic] = Field(init=False)

    enabled: bool = True

    @model_validator(mode="before")
    @classmethod
    def _topics_are_tables(cls, given: Any) -> Any:
        for key, value in given.items() if isinstance(given, dict) else ():
            if key not in cls.model_fields and not isinstance(value, dict | Topic):
                near = ", did you mean 'enabled'?" if difflib.get_close_matches(key, cls.model_fields) else ""
                raise ValueError(f"unknown key {key!r}{near} (a topic is a table of da, en and categories)")
        return given

    @model_validator(mode="after")
    def _keys_can_name_a_column(self) -> TopicOptions:
        for key in self.own():
            if not KEY.fullmatch(key):
                raise ValueError(f"topic {key!r}: name it with a-z, 0-9 and _, as the column topic_<name> will be")
        return self

    def own(self) -> dict[str, Topic]:
        """Give the study's own topics by key."""
        return dict(self.__pydantic_extra__ or {})
