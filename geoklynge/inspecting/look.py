"""What is looked at: a study, its tables and their quality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..exports import RUN_FILE, study_of_run
from ..quality import Quality, examine
from ..sources import read_tables
from ..study import Study, read_study
from ..tables import Finding, Tables

STUDY_FILE = "study.toml"


@dataclass(frozen=True)
class Look:
    """A study, its tables as they were read, and what can be doubted about them."""

    study: Study
    tables: Tables
    quality: Quality

    def findings(self) -> tuple[Finding, ...]:
        """Every doubt, in the order of the stages."""
        return self.tables.findings + self.quality.findings


def study_at(path: Path) -> tuple[Study, Path]:
    """
    Find the study that a path means.

    Parameters
    ----------
    path
        A study file; a folder with a study.toml; or the folder of a finished run.

    Returns
    -------
    tuple[Study, Path]
        The study, and the folder that belongs to the path.

    Raises
    ------
    InputError
        If there is no study, or it cannot be read.
    """
    if path.is_dir():
        if (path / STUDY_FILE).is_file():
            return read_study(path / STUDY_FILE), path
        if (path / RUN_FILE).is_file():
            return study_of_run(path), path
        advice = f"give a folder with a {STUDY_FILE}, a study file, or the folder of a finished run"
        raise InputError(f"holds neither {STUDY_FILE} nor {RUN_FILE}", where=str(path), advice=advice)
    if path.name == RUN_FILE and path.is_file():
        return study_of_run(path.parent), path.parent
    return read_study(path), path.parent


def look_at(study: Study, *, cache: Path | None = None, this_year: int | None = None) -> Look:
    """
    Read the sources of a study and examine them.

    Parameters
    ----------
    study
        Which sources to read.
    cache
        Folder in which parsed OSM files are kept; None for none.
    this_year
        What the age of sources is counted from; today's year by default.

    Raises
    ------
    InputError
        If a source cannot be read.
    """
    tables = read_tables(study, cache=cache)
    return Look(study, tables, examine(tables, study, this_year=this_year))
