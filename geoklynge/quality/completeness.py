"""Kinds of services that the data knows fewer of than a country's average lets one expect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import pdtr

from ..expectations import Expectation
from ..tables import Finding

AS_EXPECTED, MORE, THIN, VERY_THIN, NONE, TOO_FEW, NO_FIGURE = VERDICTS = (
    "as_expected",
    "more",
    "thin",
    "very_thin",
    "none",
    "too_few",
    "no_figure",
)
DOUBTED = (THIN, VERY_THIN, NONE)

# What is below two thirds of the expectation is thin, below one third very thin; above one and a half, more. Kinds of
# services follow people that closely only in the mean: sports halls a head differ tenfold between municipalities, so
# nothing nearer to 1 is a doubt about the data.
THIN_BELOW, VERY_THIN_BELOW, MORE_ABOVE = 2 / 3, 1 / 3, 3 / 2
CHANCE = 0.05  # a shortfall that a Poisson number of this mean shows more often than that is no doubt


def completeness(
    found: Mapping[str, int], people: float, categories: Iterable[str], expected: Mapping[str, Expectation]
) -> pd.DataFrame:
    """
    Hold what the data knows of each kind of service against the country's average, by people.

    Expected are ``people / (people of the country / facilities of the country)``. Fewer than two thirds of that are
    thin, fewer than a third very thin, none at all none; each only where a number drawn at random around the
    expectation (Poisson) would be as small in less than 5 % of cases. Otherwise there are too few people to tell.

    Parameters
    ----------
    found
        Facilities in the study's area by category.
    people
        People of the study's places.
    categories
        The study's categories, in their order.
    expected
        What is known of the country.

    Returns
    -------
    pd.DataFrame
        A row a category: `category`, `found`, `expected` and `people_per_facility` (nan without a figure), `verdict`
        (see `VERDICTS`), and of the figure `facilities`, `da` and `en` (what was counted), `source`, `year`, `basis`.
    """
    keys = list(categories)
    figures = [expected.get(key) for key in keys]
    per = np.array([np.nan if each is None else each.people_per_facility() for each in figures])
    numbers = np.array([found.get(key, 0) for key in keys], dtype=np.int64)
    means = people / per
    return pd.DataFrame(
        {
            "category": keys,
            "found": numbers,
            "expected": means,
            "people_per_facility": per,
            "verdict": verdicts(numbers, means),
            "facilities": np.array([np.nan if each is None else each.facilities for each in figures]),
            "da": ["" if each is None else each.da for each in figures],
            "en": ["" if each is None else each.en for each in figures],
            "source": ["" if each is None else each.source for each in figures],
            "year": pd.array([pd.NA if each is None else each.year for each in figures], dtype="Int64"),
            "basis": ["" if each is None else each.basis for each in figures],
        }
    )


def verdicts(found: NDArray[np.int64], expected: NDArray[np.float64]) -> list[str]:
    """
    Put into a word how a number found stands to the one expected; see `completeness`.

    Examples
    --------
    >>> verdicts(np.array([4, 10, 0, 0, 1]), np.array([11.0, 11.0, 11.0, 2.0, np.nan]))
    ['thin', 'as_expected', 'none', 'too_few', 'no_figure']
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        share = found / expected
        few = pdtr(found, expected) < CHANCE
        many = 1 - pdtr(found - 1, expected) < CHANCE
    many |= found == 0  # pdtr of -1 is nan
    words = np.select(
        [
            np.isnan(expected),
            share >= THIN_BELOW,
            ~few,
            found == 0,
            share < VERY_THIN_BELOW,
        ],
        [NO_FIGURE, AS_EXPECTED, TOO_FEW, NONE, VERY_THIN],
        THIN,
    )
    words = np.where((share > MORE_ABOVE) & many, MORE, words)
    return [str(word) for word in words]


def findings_of(table: pd.DataFrame, people: float, labels: Mapping[str, str]) -> list[Finding]:
    """Note each kind of service that is thin by a clear margin; its example is the category's key."""
    thin = table[table["verdict"].isin(DOUBTED)]
    return [
        Finding(
            "services_thin",
            int(row["found"]),
            f"{labels.get(row['category'], row['category'])}: {row['found']} in the data, about "
            f"{row['expected']:.0f} expected for {people:,.0f} people: the sources probably miss some",
            (str(row["category"]),),
        )
        for row in thin.to_dict("records")
    ]
