"""A written run as its files tell it, and sentences held against it: every number must be claimed by a check."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import pandas as pd

AND = {"da": " og ", "en": " and "}
WHOLE = {"da": r"\d{1,3}(?:\.\d{3})*", "en": r"\d{1,3}(?:,\d{3})*"}
POINT = {"da": ",", "en": "."}
PERCENT = {"da": " %", "en": "%"}
TOKEN = re.compile(r"\{(\w+)([%'g]|\.\d)\}")
DIGITS = re.compile(r"\d")

Fragment = tuple[str, dict[str, object]]


def read_number(printed: str, language: str) -> float:
    """Read a number as the language writes it."""
    thousands = {"da": ".", "en": ","}[language]
    return float(printed.replace(thousands, "").replace(POINT[language], "."))


def _pattern(form: str, language: str) -> str:
    """Say how a number must be printed."""
    whole, point = WHOLE[language], re.escape(POINT[language])
    if form == "g":
        return rf"{whole}(?:{point}\d{{1,2}})?"
    digits = 0 if form == "%" else int(form[1])
    return whole + (rf"{point}\d{{{digits}}}" if digits else "")


def require_claims(text: str, fragments: Iterable[Fragment], language: str) -> None:
    """
    Hold a sentence against what it should say.

    A fragment is text in which ``{name.1}`` is a number with so many decimals, ``{name%}`` a share in whole percent,
    ``{name g}``, written without the space, a number with at most two decimals, and ``{name'}`` a text. The fragments
    must follow each other in the sentence, each number must be its value, rounded, and the sentence may have no digit
    outside the fragments.
    """
    text = text.replace("\N{NO-BREAK SPACE}", " ")
    rest, start = "", 0
    for template, values in fragments:
        forms = dict(TOKEN.findall(template))
        pattern, done = "", 0
        for token in TOKEN.finditer(template):
            name, form = token.groups()
            known = re.escape(str(values[name])) if form == "'" else f"(?P<{name}>{_pattern(form, language)})"
            after = re.escape(PERCENT[language]) if form == "%" else ""
            pattern += re.escape(template[done : token.start()]) + known + after
            done = token.end()
        pattern += re.escape(template[done:])
        before, behind = (r"(?<![\d.,])" if TOKEN.match(template) else ""), (r"(?!\d)" if done == len(template) else "")
        found = re.compile(before + pattern + behind).search(text, start)
        assert found, f"{text!r} does not say {template!r} of {values}"
        for name, printed in found.groupdict().items():
            form, value = forms[name], float(values[name])
            digits = len(printed.partition(POINT[language])[2])
            if form == "%":
                value *= 100
            half = 0.5 * 10**-digits + 1e-6
            assert abs(read_number(printed, language) - value) <= half, f"{text!r}: {name} is {value}, not {printed}"
            if form == "g" and digits < 2:
                assert abs(read_number(printed, language) - value) < 1e-6, f"{text!r}: {name} is {value}"
        rest += text[start : found.start()] + " "
        start = found.end()
    rest += text[start:]
    assert not DIGITS.search(rest), f"nothing checks a number in {rest!r}, of {text!r}"


def listed(names: list[str], language: str) -> str:
    """Join names as a sentence does."""
    return AND[language].join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def parts_of(joined: object) -> list[str]:
    """Take apart a cell that holds several values."""
    return [] if joined is None or pd.isna(joined) or joined == "" else str(joined).split("; ")


@dataclass(frozen=True, eq=False)
class Files:
    """What a run wrote, read back."""

    folder: Path

    @cached_property
    def record(self) -> dict:
        """The file run.json."""
        return json.loads((self.folder / "run.json").read_text(encoding="utf-8"))

    @cached_property
    def clusters(self) -> gpd.GeoDataFrame:
        """The clusters, in the file's order."""
        return self._table("clusters").set_index("cluster_id", drop=False)

    @cached_property
    def villages(self) -> gpd.GeoDataFrame:
        """The villages, in the file's order."""
        return self._table("villages").set_index("village_id", drop=False)

    @cached_property
    def stands(self) -> dict[str, list[str]]:
        """Village of each service that stands in one, by category."""
        known = self._table("services").dropna(subset="village_id")
        return known.groupby("category")["village_id"].agg(list).to_dict()

    @cached_property
    def minutes(self) -> dict[frozenset[str], float]:
        """Minutes between the ends of each tie that was written."""
        ties = self._table("ties")
        return {frozenset((tie.village_a, tie.village_b)): tie.minutes for tie in ties.itertuples()}

    @cached_property
    def categories(self) -> list[str]:
        """Categories that the data knows, in their order."""
        return [name.removeprefix("overlap_") for name in self.clusters if name.startswith("overlap_")]

    def _table(self, name: str) -> gpd.GeoDataFrame:
        return gpd.read_file(self.folder / f"{name}.geojson")

    def members(self, cluster_id: str) -> pd.DataFrame:
        """Villages of a cluster, those with most people first."""
        own = self.villages[self.villages["cluster_id"] == cluster_id].reset_index(drop=True)
        return own.sort_values(["people", "name", "village_id"], ascending=[False, True, True])

    def label(self, cluster_id: str, language: str) -> str:
        """Name of a cluster as a reader sees it."""
        row = self.clusters.loc[cluster_id]
        around = {"da": " og omegn", "en": " and surroundings"}[language]
        return row["name"] + (around if row["name_reason"] == "around" else "")
