"""Clusters that really exist: read from a file, and found among the villages of a study."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from ..errors import InputError, TableError
from ..sources.columns import shape_table
from ..sources.delimited import read_delimited
from ..sources.naming import code_key, municipality_key, place_key
from ..sources.records import require_file
from ..tables import Column, Tables, check_table

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Kind = Literal["parish", "village", "town"]

MEMBER_KINDS: tuple[Kind, ...] = ("parish", "village", "town")


def _optional(name: str, about: str, *, dtype: str = "string", aliases: tuple[str, ...] = ()) -> Column:
    return Column(name, dtype, about, required=False, may_be_missing=True, aliases=aliases)


KNOWN = (
    Column("cluster", "string", "name of the cluster", aliases=("klynge",)),
    _optional("municipality_code", "municipality of the member", aliases=("municipality_id", "kommunekode")),
    _optional("municipality", "name of that municipality", aliases=("kommune", "kommunenavn")),
    _optional("phase", "round of the campaign"),
    _optional("start_year", "the year it began", dtype="Int64"),
    Column("member", "string", "one parish, village or town of the cluster"),
    Column("member_kind", "string", "what the member is", one_of=MEMBER_KINDS),
    _optional("population", "people in the whole cluster, as its source writes it"),
    _optional("n_villages", "villages in the whole cluster, as its source says", dtype="Int64"),
    _optional("source", "where the row comes from"),
)


@dataclass(frozen=True)
class Member:
    """One parish, village or town of a known cluster, and the municipality that the file says for it."""

    name: str
    kind: Kind
    municipality_code: str = ""
    municipality: str = ""


@dataclass(frozen=True)
class KnownCluster:
    """
    A cluster that really exists, as a file tells it.

    `population` and `n_villages` are those of the file, for the reader; nothing is counted with them.
    """

    name: str
    members: tuple[Member, ...]
    phase: str = ""
    start_year: int | None = None
    population: str = ""
    n_villages: int | None = None
    source: str = ""

    @property
    def municipality(self) -> str:
        """Name (else code) of the municipality, or of all of them, as the file writes them."""
        return "; ".join(dict.fromkeys(member.municipality or member.municipality_code for member in self.members))


@dataclass(frozen=True)
class Unmatched:
    """A member that the study does not know, and why not."""

    member: str
    why: str


@dataclass(frozen=True)
class Matched:
    """
    A known cluster among the villages of a study.

    Attributes
    ----------
    known
        The cluster as the file tells it.
    rows
        All villages of its matched parishes, as row numbers of the villages table, ascending; a village of no known
        parish stands for itself.
    names
        What these villages are called, sorted.
    home
        All villages of its municipalities, as row numbers.
    unmatched
        Members that were not found.
    notes
        What had to be decided: a name that several places bear.
    """

    known: KnownCluster
    rows: Ints
    names: tuple[str, ...]
    home: Ints
    unmatched: tuple[Unmatched, ...] = ()
    notes: tuple[str, ...] = ()


def read_known(path: Path) -> tuple[KnownCluster, ...]:
    """
    Read known clusters from a CSV file, a row a member; see `KNOWN` for its columns.

    Rows of one name in `cluster` are one cluster, in whichever municipalities its members lie. What is said of the
    whole cluster is taken from the first of its rows that says it. Separators and encodings are those of
    `read_delimited`.

    Raises
    ------
    TableError
        If the file is missing or unreadable, a column is missing, a row lacks cluster, member or municipality, or a
        kind of member is unknown; names file, row and column.
    """
    source = str(path)
    require_file(path, source, named="of known clusters")
    text, comma = read_delimited(path, source=source)
    if text.empty:
        raise TableError("the table has no rows", where=source, advice="give a file with at least one row")
    rows = pd.DataFrame(shape_table(text, KNOWN, source=source, decimal_comma=comma))
    if "member_kind" in rows:
        rows["member_kind"] = rows["member_kind"].str.casefold()
    check_table(rows, KNOWN, source=source, unique_id=False)
    rows = rows.reindex(columns=[column.name for column in KNOWN])
    _require_municipality(rows, source)
    return tuple(_cluster(str(name), part) for name, part in rows.groupby("cluster", sort=False))


def _require_municipality(rows: pd.DataFrame, source: str) -> None:
    missing = (rows["municipality_code"].isna() & rows["municipality"].isna()).to_numpy(dtype=bool)
    if missing.any():
        raise TableError(
            "neither code nor name of a municipality",
            where=f"{source}, row {int(missing.argmax()) + 1}, columns 'municipality_code' and 'municipality'",
            advice="give one of them: a name of a place alone may stand for several",
        )


def _cluster(name: str, rows: pd.DataFrame) -> KnownCluster:
    def first(column: str) -> str:
        said = rows[column].dropna()
        return str(said.iloc[0]) if len(said) else ""

    columns = ["member", "member_kind", "municipality_code", "municipality"]
    members = (Member(*cells) for cells in rows[columns].fillna("").itertuples(index=False, name=None))
    year, villages = first("start_year"), first("n_villages")
    return KnownCluster(
        name,
        tuple(dict.fromkeys(members)),
        first("phase"),
        int(year) if year else None,
        first("population"),
        int(villages) if villages else None,
        first("source"),
    )


def match_known(known: Sequence[KnownCluster], tables: Tables) -> tuple[tuple[Matched, ...], tuple[KnownCluster, ...]]:
    """
    Find known clusters among the villages of a study.

    A parish is looked up by its name in the member's municipality (by code, else by name), a village or town by its
    own name, else by that of a parish. Either stands for all villages of the parish in that municipality. Names
    agree in the sense of `place_key`. Of several parishes that a name fits, the one nearest to the cluster's other
    members is taken; without other members none. Where a municipality's villages have no parishes, names are those
    of villages, and each stands for itself.

    Returns
    -------
    tuple
        The clusters with a member in a municipality of the study, and those without.

    Raises
    ------
    InputError
        If none has one.
    """
    places = _read_places(tables)
    here = [any(_municipality_of(member, places) >= 0 for member in cluster.members) for cluster in known]
    if not any(here):
        raise InputError(
            f"none of the {len(known)} known clusters lies in a municipality of the study",
            where="known clusters",
            advice="give clusters of the study's municipalities, and the study sources.municipalities",
        )
    matched = tuple(_match(cluster, places) for cluster, inside in zip(known, here, strict=True) if inside)
    return matched, tuple(cluster for cluster, inside in zip(known, here, strict=True) if not inside)


Named = dict[tuple[int, str], list[int]]  # villages by municipality and `place_key`


@dataclass(frozen=True)
class _Places:
    """
    Where to look names up.

    `municipality` numbers each village's municipality, -1 where none is known; `codes` and `names` lead to these
    numbers. `area` numbers the part of a parish in one municipality that a village lies in, or the village itself
    where no parish is known. `by_name` and `by_parish` are the villages of a name, and those of a parish of a name.
    """

    municipality: Longs
    codes: dict[str, int]
    names: dict[str, int]
    area: Longs
    village_names: NDArray[np.object_]
    parish_names: NDArray[np.object_]
    xy: Floats
    by_name: Named = field(default_factory=lambda: defaultdict(list))
    by_parish: Named = field(default_factory=lambda: defaultdict(list))


def _read_places(tables: Tables) -> _Places:
    villages = tables.villages
    municipality, ids = pd.factorize(villages["municipality_id"])
    names: dict[str, int] = {}
    for number, name in zip(municipality.tolist(), _texts(villages, "municipality"), strict=True):
        if number >= 0 and name:
            names.setdefault(municipality_key(name), number)
    parish, parish_name = _texts(villages, "parish_id"), _texts(villages, "parish")
    owner = [
        (number, one or name) if one or name else row
        for row, (number, one, name) in enumerate(zip(municipality.tolist(), parish, parish_name, strict=True))
    ]
    area = pd.factorize(pd.Series(owner, dtype=object))[0]
    codes = {code_key(str(one)): number for number, one in enumerate(ids)}
    xy: Floats = shapely.get_coordinates(villages.geometry.to_numpy())
    places = _Places(municipality, codes, names, area, _texts(villages, "name"), parish_name, xy)
    for row, (number, name) in enumerate(zip(municipality.tolist(), places.village_names, strict=True)):
        places.by_name[number, place_key(name)].append(row)
        if parish_name[row]:
            places.by_parish[number, place_key(parish_name[row])].append(row)
    return places


def _texts(villages: pd.DataFrame, column: str) -> NDArray[np.object_]:
    """Read a column that the table may not have; "" for a missing cell."""
    absent = pd.Series("", index=villages.index)
    texts: NDArray[np.object_] = villages.get(column, absent).fillna("").astype(str).to_numpy(dtype=object)
    return texts


def _municipality_of(member: Member, places: _Places) -> int:
    """Find the number of the member's municipality, -1 where it is not in the study."""
    by_code = places.codes.get(code_key(member.municipality_code), -1) if member.municipality_code else -1
    if by_code >= 0 or not member.municipality:
        return by_code
    return places.names.get(municipality_key(member.municipality), -1)


def _match(cluster: KnownCluster, places: _Places) -> Matched:
    options, unmatched, notes = {}, [], []
    for member in cluster.members:
        fits = _fitting(member, places)
        if fits:
            options[member] = fits
        else:
            unmatched.append(Unmatched(member.name, _why_not(member, places)))
    taken: list[int] = []
    for member, fits in options.items():
        others = [option for other, option in options.items() if other is not member]
        if len(fits) > 1 and not others:
            why = f"the name fits {_several(fits, places)}, and no other member tells which"
            unmatched.append(Unmatched(member.name, why))
            continue
        area = _nearest(fits, others, places) if len(fits) > 1 else next(iter(fits))
        if len(fits) > 1:
            where = places.parish_names[fits[area][0]] or "no known parish"
            notes.append(f"{member.name}: the name fits {_several(fits, places)}; taken is the nearest to the "
                         f"other members ({where})")  # fmt: skip
        taken.append(area)
    rows = np.flatnonzero(np.isin(places.area, taken)).astype(np.int32)
    homes = sorted({_municipality_of(member, places) for member in cluster.members} - {-1})
    home = np.flatnonzero(np.isin(places.municipality, homes)).astype(np.int32)
    names = tuple(sorted(places.village_names[rows].tolist()))
    return Matched(cluster, rows, names, home, tuple(unmatched), tuple(notes))


def _fitting(member: Member, places: _Places) -> dict[int, list[int]]:
    """Areas that a member may stand for, each with the villages that bear the name (or lie in the parish)."""
    municipality = _municipality_of(member, places)
    if municipality < 0:
        return {}
    key = (municipality, place_key(member.name))
    by_name, by_parish = places.by_name.get(key, []), places.by_parish.get(key, [])
    if member.kind == "parish":
        rows = by_parish if _has_parishes(municipality, places) else by_name
    else:
        rows = by_name or by_parish
    fits: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        fits[int(places.area[row])].append(row)
    return dict(fits)


def _has_parishes(municipality: int, places: _Places) -> bool:
    return bool((places.parish_names[places.municipality == municipality] != "").any())


def _why_not(member: Member, places: _Places) -> str:
    municipality = _municipality_of(member, places)
    if municipality < 0:
        return f"{member.municipality or member.municipality_code} is not in the study"
    where = member.municipality or member.municipality_code
    if member.kind == "parish" and _has_parishes(municipality, places):
        return f"no parish of this name with a village in {where}"
    return f"no village or parish of this name in {where}"


def _several(fits: dict[int, list[int]], places: _Places) -> str:
    """Say how many places a name fits, and in which parishes they lie."""
    parishes = [str(places.parish_names[rows[0]] or "none known") for rows in fits.values()]
    return f"{len(fits)} places (parishes: {', '.join(parishes)})"


def _nearest(fits: dict[int, list[int]], others: Sequence[dict[int, list[int]]], places: _Places) -> int:
    """
    Find the area that lies nearest to the other members of a cluster.

    It has the least sum, over the other members, of the distance to the nearest of what they may stand for.
    """

    def middles(areas: dict[int, list[int]]) -> Floats:
        return np.array([places.xy[rows].mean(axis=0) for rows in areas.values()])

    here = middles(fits)
    metres = sum(
        np.hypot(*(here[:, None, :] - middles(other)[None, :, :]).transpose(2, 0, 1)).min(axis=1) for other in others
    )
    return list(fits)[int(np.argmin(metres))]
