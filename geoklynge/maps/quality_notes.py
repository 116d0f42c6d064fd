"""What the pages say of the quality of a run's data: completeness, the age of sources, doubts in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from ..quality import Quality, rows_of
from ..tables import Finding
from .texts import Sentence, texts

YEAR_COLUMNS = ("table", "rows", "oldest", "median", "newest", "undated", "old")
NAMELESS = "<NA>"  # how a facility without a name stands among the examples of a finding


def quality_notes(quality: Quality) -> dict[str, Any]:
    """
    Gather completeness and the age of the sources.

    Returns
    -------
    dict
        `completeness`: a row a kind of service, of which the data or a national figure says anything; `years`: a row
        a source whose rows are dated, or that is old; `quality_said`: sentences above and below the former.
    """
    complete = rows_of(quality.completeness)
    years = sorted(row["year"] for row in complete if row["year"] is not None)
    said: list[Sentence] = [("quality.about", {"people": quality.people}) if years else ("quality.about_none", {})]
    if years:
        said.append(("quality.figures", {"low": str(years[0]), "high": str(years[-1])}))
    return {
        "completeness": [
            {name: row[name] for name in ("category", "found", "expected", "verdict")}
            for row in complete
            if row["found"] or row["expected"] is not None
        ],
        "quality_said": said,
        "years": [
            {"file": file_names(row.pop("source")), **{name: row[name] for name in YEAR_COLUMNS}}
            for row in rows_of(quality.years)
            if row["median"] is not None or row["old"]
        ],
    }


def file_names(source: str) -> str:
    """
    Leave the folders out of what a study file calls a source: they are nobody's business.

    Examples
    --------
    >>> file_names("/home/x/a.osm.pbf, b/c.osm.pbf")
    'a.osm.pbf, c.osm.pbf'
    """
    return ", ".join(PurePath(path).name for path in source.split(", "))


def findings_told(findings: Sequence[Finding], quality: Quality) -> list[dict[str, Any]]:
    """
    Gather the findings: their plain rows, `line` in the place of a title and number where there is a better one.

    `means` is the key of what a finding means for the result, where the texts have one.
    """
    expected = {str(row["category"]): row for row in rows_of(quality.completeness)}
    return [_told(finding, expected, quality.people) for finding in findings]


def _told(finding: Finding, expected: dict[str, dict[str, Any]], people: float) -> dict[str, Any]:
    names = [name for name in finding.examples if name != NAMELESS]
    means = f"doubt.{finding.code}"
    line: Sentence | None = None
    if finding.code == "services_thin" and names and names[0] in expected:
        row = expected[names[0]]
        facts = {"found": row["found"], "expected": row["expected"], "people": people}
        line, names = ("doubt.services_thin_line", {"category": [row["category"]], **facts}), []
    if finding.code == "sources_old":
        names = []  # the table of years names them
    return {
        "code": finding.code,
        "count": finding.count,
        "text": finding.text,
        "examples": names,
        "line": line,
        "means": means if means in texts("en") else "",
    }
