"""What people say and do together: associations that name or serve several villages, and answers to a survey."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from ..errors import TableError
from ..tables import ASSOCIATIONS, SURVEY, Column, Finding, check_table
from .layers import read_layer
from .records import finding
from .services import require_villages

ENDS = ["village_a", "village_b"]


def names_for(named: Mapping[str, tuple[str, ...]], inside: Collection[str]) -> dict[str, tuple[str, ...]]:
    """
    Narrow the places that a name may mean: of several that bear it, to those inside the study, if there are any.

    Parameters
    ----------
    named
        Ids of the places of each name, by `name_key`; see `Merged`.
    inside
        Ids of the study's villages.
    """
    here = set(inside)
    return {key: tuple(one for one in ids if one in here) or ids for key, ids in named.items()}


def read_associations(
    path: Path, *, source: str, now: Mapping[str, str], named: Mapping[str, tuple[str, ...]]
) -> pd.DataFrame:
    """
    Read associations, a row an association and a place it names or serves.

    Parameters
    ----------
    path
        A file of rows; geometry does not count.
    source
        The path as the study file writes it, for messages.
    now, named
        Ids that hold after merging, by the id that was read and by name; see `require_villages`.

    Returns
    -------
    pd.DataFrame
        The columns of `ASSOCIATIONS`, in the order of the file.

    Raises
    ------
    TableError
        If the file cannot be read or used, or a village is unknown; names row and column.
    """
    rows = _read(path, ASSOCIATIONS, source=source, table="associations")
    return rows.assign(village_id=require_villages(rows, "village_id", now, source=source, named=named))


def read_survey(
    path: Path, *, source: str, now: Mapping[str, str], named: Mapping[str, tuple[str, ...]]
) -> pd.DataFrame:
    """
    Read a survey, a row a village whose people were asked and another one that they may feel they belong with.

    Two rows that became one place after merging are left out. Parameters are those of `read_associations`.

    Returns
    -------
    pd.DataFrame
        The columns of `SURVEY`, in the order of the file.

    Raises
    ------
    TableError
        If the file cannot be read or used, a share is not from 0 to 1, a village is unknown, a row names one village
        twice, or two rows ask the same of the same village; names row and column.
    """
    rows = _read(path, SURVEY, source=source, table="survey")
    held = rows.assign(**{end: require_villages(rows, end, now, source=source, named=named) for end in ENDS})
    said = rows.assign(**{end: rows[end].where(rows[end].isin(list(now)), held[end]) for end in ENDS})  # before merging
    alone, again = (said["village_a"] == said["village_b"]).to_numpy(bool), said.duplicated(ENDS).to_numpy(bool)
    for wrong, what in ((alone, "a village and itself"), (again, "an earlier row says this pair in this order too")):
        if wrong.any():
            row = int(wrong.argmax())
            ends = " and ".join(repr(rows[end].iloc[row]) for end in ENDS)
            raise TableError(f"{ends}: {what}", where=f"{source}, row {row + 1}", advice="take it out")
    return held[held["village_a"] != held["village_b"]].reset_index(drop=True)


def _read(path: Path, columns: tuple[Column, ...], *, source: str, table: str) -> pd.DataFrame:
    layer = read_layer(path, source=source, table=table)
    rows = pd.DataFrame(layer.shaped(columns))
    check_table(rows, columns, source=source, unique_id=False)
    return rows[[column.name for column in columns]]


def join_associations(tables: Sequence[pd.DataFrame], inside: Collection[str]) -> tuple[pd.DataFrame, list[Finding]]:
    """
    Join the associations of several files and keep the study's villages.

    Names that differ in capitals only are one association; it is called what comes first in the alphabet.

    Parameters
    ----------
    tables
        As `read_associations` gives them.
    inside
        Ids of the study's villages.
    """
    rows = pd.concat(tables, ignore_index=True)
    rows["key"] = rows["association"].str.casefold()
    kept = rows["village_id"].isin(list(inside))
    text = f"places of associations outside the study's area, left out: {(~kept).sum()} of {len(rows)}"
    findings = finding("associations_outside", int((~kept).sum()), text, rows.loc[~kept, "association"])
    rows = rows[kept].sort_values(["key", "association", "village_id"])
    spelling = rows.drop_duplicates("key").set_index("key")["association"]
    once = rows.drop_duplicates(["key", "village_id"]).sort_values(["key", "village_id"], ignore_index=True)
    return once.assign(association=spelling.reindex(once["key"]).array)[["association", "village_id"]], findings


def join_surveys(tables: Sequence[pd.DataFrame], inside: Collection[str]) -> tuple[pd.DataFrame, list[Finding]]:
    """
    Join the answers of several files and keep those between villages of the study.

    What several rows say of one village about one other is averaged.

    Parameters
    ----------
    tables
        As `read_survey` gives them.
    inside
        Ids of the study's villages.
    """
    rows = pd.concat(tables, ignore_index=True)
    kept = rows[ENDS].isin(list(inside)).all(axis=1)
    text = f"rows of the survey with an end outside the study's area, left out: {(~kept).sum()} of {len(rows)}"
    outside = rows.loc[~kept, "village_a"] + " - " + rows.loc[~kept, "village_b"]
    findings = finding("survey_outside", int((~kept).sum()), text, outside)
    return rows[kept].groupby(ENDS, as_index=False).agg({"share": "mean"}), findings
