"""The files that a study names, a key for each table."""

from __future__ import annotations

from os.path import normpath
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from .limits import Part


def _as_tuple(value: object) -> object:
    """Let a study write one file as a plain string."""
    return (value,) if isinstance(value, str) else value


OneOrMore = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


class Sources(Part):
    """
    The files of a study, resolved against the folder of the study file.

    `villages` may name the word ``osm`` beside files: the place nodes of the `osm` files. Empty means ``osm``.
    `population` are tables of people by place or parish (StatBank), `grid` people by square kilometre, `timetables`
    GTFS feeds, whose stops become services of the category ``bus``.
    """

    osm: OneOrMore = ()
    villages: OneOrMore = ()
    parishes: OneOrMore = ()
    municipalities: OneOrMore = ()
    services: OneOrMore = ()
    roads: OneOrMore = ()
    links: OneOrMore = ()
    associations: OneOrMore = ()
    survey: OneOrMore = ()
    population: OneOrMore = ()
    grid: OneOrMore = ()
    timetables: OneOrMore = ()

    @model_validator(mode="after")
    def _each_file_once(self) -> Sources:
        for table in type(self).model_fields:
            paths = [normpath(path) for path in getattr(self, table)]
            twice = [path for number, path in enumerate(paths) if path in paths[:number]]
            if twice:
                raise ValueError(f"{table} names {twice[0]!r} twice")
        return self
