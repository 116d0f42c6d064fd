"""Ids made from names, and names that mean the same place."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import geopandas as gpd
import numpy as np
import pandas as pd

# Danish letters and their written-out forms are one: Aarhus is Århus. German and Swedish forms ride along.
_LETTERS = str.maketrans({"å": "aa", "æ": "ae", "ø": "oe", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_SHORT = {
    "nr": "noerre",
    "ndr": "noerre",
    "sdr": "soender",
    "st": "store",
    "ll": "lille",
    "gl": "gammel",
    "gamle": "gammel",
    "v.": "vester",
    "oe.": "oester",
}  # one letter needs its full stop: "Ø" alone is an island
_ASIDE = re.compile(r"\([^)]*\)?")  # what stands in brackets; one that does not close runs to the end


def _plain(name: str) -> str:
    """Write a name in lower case with å, æ, ø spelt out and other accents gone."""
    spelt = unicodedata.normalize("NFC", name).casefold().translate(_LETTERS)
    return "".join(c for c in unicodedata.normalize("NFD", spelt) if not unicodedata.combining(c))


def slug(name: str) -> str:
    """
    Make an id of a name.

    Examples
    --------
    >>> slug("Rønde Nørre-Ågård")
    'roende-noerre-aagaard'
    """
    return re.sub(r"[^a-z0-9]+", "-", _plain(name)).strip("-") or "unnamed"


@lru_cache(maxsize=65_536)  # a country's names are asked for several times
def name_key(name: str) -> str:
    """
    Bring the spellings of one place name to one form.

    Case, spacing, hyphens, å/aa, ø/oe, æ/ae and the usual short forms (Nr., Sdr., St., Ll., Gl., V., Ø.) do
    not count.

    Examples
    --------
    >>> name_key("Nr. Aaby") == name_key("NØRRE  ÅBY")
    True
    >>> name_key("Ærø") == name_key("Æ")
    False
    """
    words = re.split(r"[\s\-_/]+", re.sub(r"\.(?=\S)", ". ", _plain(name)).strip())
    return " ".join(_SHORT.get(word, _SHORT.get(word.rstrip("."), word.rstrip("."))) for word in words)


def municipality_key(name: str) -> str:
    """
    Bring the spellings of one municipality to one form; the word Kommune does not count.

    Examples
    --------
    >>> municipality_key("Syddjurs Kommune") == municipality_key("SYDDJURS")
    True
    """
    return name_key(name.strip().casefold().removesuffix("kommune"))


def place_key(name: str) -> str:
    """
    Bring the spellings that people use of one place to one form, where few other places come into question.

    Beyond what `name_key` forgives: words written together or apart, "Vr." for Vester, the word Sogn at the end,
    and what stands in brackets. Ids and the merging of sources keep to `name_key`.

    Examples
    --------
    >>> place_key("Vr. Åby Sogn (Fyn)") == place_key("Vesteraaby")
    True
    >>> place_key("Sogn") == place_key("Aaby")
    False
    """
    words = name_key(_ASIDE.sub(" ", name)).split()
    if len(words) > 1 and words[-1] == "sogn":
        words.pop()
    return "".join("vester" if word == "vr" else word for word in words) or name_key(name)


def code_key(code: str) -> str:
    """
    Bring the spellings of one code to one form: leading zeros of a number and capitals do not count.

    Examples
    --------
    >>> code_key(" 0706 ") == code_key("706")
    True
    """
    code = code.strip()
    return code.lstrip("0") if code.isdigit() else code.casefold()


def name_keys(names: pd.Series) -> pd.Series:
    """Bring a column of names to `name_key` form; a missing name stays missing."""
    return names.map(name_key, na_action="ignore").astype("string")


def ids_from(names: pd.Series, geometry: gpd.GeoSeries) -> pd.Series:
    """
    Give each row an id made of its name; the second and later rows of one name get a number.

    Rows of one name are numbered from the south-west, so the order of the rows does not matter.

    Parameters
    ----------
    names
        Names, none missing.
    geometry
        Points, missing ones allowed, indexed like `names`.

    Returns
    -------
    pd.Series
        Unique ids, indexed like `names`.
    """
    base = names.map(slug).astype("string")
    order = np.lexsort((geometry.y.fillna(0), geometry.x.fillna(0), names, base))
    ordered = base.iloc[order]
    number = ordered.groupby(ordered).cumcount() + 1
    made = ordered.where(number == 1, ordered + "-" + number.astype("string"))
    taken, result = set(made[number == 1]), []
    for wanted, is_first in zip(made, number == 1, strict=True):
        name = wanted
        while not is_first and name in taken:  # "by", "by", "by-2": the number is taken by a name of its own
            name += "-2"
        taken.add(name)
        result.append(name)
    return pd.Series(result, index=ordered.index, dtype="string").reindex(base.index)
