"""What is measured of every method: each figure declared once, with its sentence and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Column:
    """
    One figure of a method.

    Attributes
    ----------
    name
        Its key in JSON.
    head
        Over the column.
    about
        What it means, one sentence.
    better
        Whether more or less of it is better; empty where neither is.
    style
        How it is written: a format, or ``share`` for percent.
    """

    name: str
    head: str
    about: str
    better: Literal["more", "less", ""]
    style: str

    def written(self, value: float) -> str:
        """
        Write a value; a dash where there is none.

        Examples
        --------
        >>> Column("covered", "covered", "", "more", "share").written(0.416)
        '42 %'
        """
        if value != value:  # noqa: PLR0124 - not a number
            return "-"
        return f"{100 * value:.0f} %" if self.style == "share" else format(value, self.style)


COLUMNS = (
    Column(
        "objective", "worth",
        "Sum over the clusters within the limits of score x people served (a place counts with at most 2,000): what "
        "geoklynge's plan maximises, and what the rows are ordered by.",
        "more", ",.0f",
    ),
    Column("clusters", "clusters", "Clusters of at least two villages.", "", ".0f"),
    Column(
        "within_limits", "in limits",
        "Share of them that keep every limit and wish of the study; worth, coverage, measures and score are of these "
        "alone.",
        "more", "share",
    ),
    Column(
        "covered_small", "50-2,000",
        "Share of the villages with 50 to 2,000 people that lie in a cluster within the limits.",
        "more", "share",
    ),
    Column(
        "covered", "covered",
        "Share of all villages that may be members that lie in a cluster within the limits.",
        "more", "share",
    ),
    Column(
        "overlapping", "in several",
        "Share of the villages that may be members that lie in more than one cluster; 0 for every method that divides.",
        "", "share",
    ),
    Column(
        "cohesion", "cohesion",
        "Share of the members' tie weight that stays inside, mean over clusters.",
        "more", ".3f",
    ),
    Column(
        "compactness", "compact",
        "Share of the nearest neighbours of members that are members too, mean over clusters.",
        "more", ".3f",
    ),
    Column(
        "stability", "stability",
        "How often the study's ensemble of partitions keeps two members together, mean over clusters.",
        "more", ".3f",
    ),
    Column("score", "score", "Score of 0 to 100 that geoklynge gives, mean over clusters.", "more", ".1f"),
    Column(
        "repeated", "repeated",
        "Adjusted Rand index of what the method finds and what it finds again, mean of three: on ties whose minutes "
        "and weights are shaken by the study's noise, the same for all methods. A dash where shaking changes nothing "
        "or takes longer than a fifth of the time allowed.",
        "more", ".2f",
    ),
    Column(
        "known_found", "known",
        "Known clusters that one of the method's clusters meets with a Jaccard index of at least 0.5.",
        "more", ".0f",
    ),
    Column(
        "known_jaccard", "Jaccard",
        "Jaccard index of each known cluster with the most alike of the method's clusters, mean.",
        "more", ".2f",
    ),
    Column(
        "seconds", "seconds",
        "Time of the setting that is shown, its libraries loaded; geoklynge's: candidates, assessment, refinement and "
        "selection.",
        "less", ".2f",
    ),
)  # fmt: skip

NOTHING: Mapping[str, float] = {column.name: float("nan") for column in COLUMNS}
