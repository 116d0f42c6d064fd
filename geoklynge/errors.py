"""The errors a user can act on. Anything else that escapes is a bug in geoklynge."""

from __future__ import annotations


class GeoklyngeError(Exception):
    """Base of the family; the command line prints it as one line and leaves with its exit code."""

    exit_code = 1


class InputError(GeoklyngeError, ValueError):
    """
    What the user gave cannot be used.

    Parameters
    ----------
    problem
        What is wrong, with the value that was found.
    where
        The file, and the row and column where that is known.
    advice
        What to do about it.
    """

    exit_code = 2

    def __init__(self, problem: str, *, where: str = "", advice: str = "") -> None:
        self.problem, self.where, self.advice = problem, where, advice
        super().__init__(": ".join(part for part in (where, problem, advice) if part))


class StudyError(InputError):
    """The study file holds a key or a value that cannot be used."""


class TableError(InputError):
    """A table lacks a column, repeats an id or holds a value out of range."""


class CrsError(TableError):
    """A geometry has no reference system, or one that does not fit its coordinates."""


class FetchError(GeoklyngeError):
    """
    A source did not give what was asked of it.

    Parameters
    ----------
    problem
        What went wrong.
    source
        Key of the source, as `open_data.toml` has it.
    advice
        What to do about it.
    """

    def __init__(self, problem: str, *, source: str = "", advice: str = "") -> None:
        self.problem, self.source, self.advice = problem, source, advice
        super().__init__(": ".join(part for part in (source, problem, advice) if part))


class NothingThereError(FetchError):
    """A source answered well, and has nothing at the place."""


class NotAskedError(FetchError):
    """Nobody was to be asked, and no copy is here."""


class NoPlanError(GeoklyngeError):
    """No set of villages meets the limits; the message names the limit that binds."""


class OutOfTimeError(NoPlanError):
    """No choice of candidates was found in the time allowed; there may be one."""


class CheckFailedError(GeoklyngeError):
    """The independent checker found a broken limit or another number than the one written."""
