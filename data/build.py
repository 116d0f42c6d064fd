"""
Make the tables of `data/` from the fact tables they come from: ``python data/build.py [FOLDER]``, or ``make sample``.

The fact tables stand in `facts/` and `syddjurs/facts/` as they were compiled. What a table of geoklynge has otherwise
is one of the rules below, each with its reason; a row is never changed by itself. The same facts give the same bytes.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Rule:
    """
    How one table differs from its facts; the order of rows and of the other columns stays.

    `renamed` maps old names of columns to new ones. `added` are columns with one and the same value in every row, put
    after the column `after`. `dropped` are columns that must be empty. `unknown` names, for a column, the text that
    says "not known" in the facts; the table has an empty cell there.
    """

    facts: str
    table: str
    renamed: Mapping[str, str] = field(default_factory=dict)
    added: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    dropped: tuple[str, ...] = ()
    unknown: Mapping[str, str] = field(default_factory=dict)


RULES = (
    Rule(
        "syddjurs/facts/villages.csv",
        "syddjurs/villages.csv",
        # the column that every table of geoklynge has for where a row comes from
        renamed={"sources": "source"},
        # the facts are of one municipality and do not repeat it; a study chooses its villages by it
        added={"municipality_id": "0706", "municipality": "Syddjurs"},
        after="parish",
    ),
    Rule(
        "syddjurs/facts/parishes.csv",
        "syddjurs/parishes.csv",
        # no position of a church was found: the columns are empty, and no reader asks for them
        dropped=("church_lat", "church_lon"),
    ),
    Rule("syddjurs/facts/services.csv", "syddjurs/services.csv"),
    Rule("syddjurs/facts/links.csv", "syddjurs/links.csv"),
    Rule(
        "facts/geonames_dk.csv",
        "geonames_dk.csv",
        # the short names, as in the other tables
        renamed={"latitude": "lat", "longitude": "lon"},
        # GeoNames writes 0 where it does not know how many people live in a place
        unknown={"population": "0"},
    ),
)


def table_of(facts: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """
    Apply a rule to a fact table.

    Parameters
    ----------
    facts
        Every cell as text, an empty cell as the empty text.
    rule
        What is to differ.

    Raises
    ------
    ValueError
        If a column that the rule drops says something.
    """
    for name in rule.dropped:
        if facts[name].ne("").any():
            raise ValueError(f"{rule.facts}: column {name!r} is not empty any more: change the rule in data/build.py")
    blanked = facts.assign(**{name: facts[name].mask(facts[name] == text, "") for name, text in rule.unknown.items()})
    table = blanked.drop(columns=list(rule.dropped)).rename(columns=dict(rule.renamed))
    at = list(table.columns).index(rule.after) + 1 if rule.added else 0
    for step, (name, value) in enumerate(rule.added.items()):
        table.insert(at + step, name, value)
    return table


def build(folder: Path) -> list[Path]:
    """Write every table under `folder`, in the layout of `data/`; returns their paths."""
    written = []
    for rule in RULES:
        facts = pd.read_csv(HERE / rule.facts, dtype=str, keep_default_na=False, encoding="utf-8")
        path = folder / rule.table
        path.parent.mkdir(parents=True, exist_ok=True)
        table_of(facts, rule).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    for made in build(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE):
        sys.stdout.write(f"{made}\n")
