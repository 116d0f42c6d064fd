"""The tables that every stage reads and writes, and the checks at their door."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pandera.pandas as pa
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Proj

from .errors import CrsError, TableError
from .origins import Origins

KINDS = ("hamlet", "village", "town", "city")  # smallest first
LARGEST_STRETCH = 0.01  # how far from 1 the scale of a study's projection may be; UTM keeps to 0.0004 in its zone


@dataclass(frozen=True)
class Column:
    """
    One column, declared once: from this come the check, the error text and the documentation.

    `dtype` is a pandas dtype; `aliases` are the names under which sources carry the column; `required` says that the
    table cannot do without it; `may_be_missing` that a cell may be empty; `if_said` that the table has the column only
    where a source says something in it.
    """

    name: str
    dtype: str
    about: str
    unit: str = ""
    required: bool = True
    may_be_missing: bool = False
    at_least: float | None = None
    at_most: float | None = None
    one_of: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    if_said: bool = False


def _optional(name: str, about: str, *, aliases: tuple[str, ...] = (), if_said: bool = False) -> Column:
    return Column(name, "string", about, required=False, may_be_missing=True, aliases=aliases, if_said=if_said)


PASTORATE = _optional("pastorate", "parishes that share their priests", aliases=("pastorat",), if_said=True)
SOGNEKOMMUNE = _optional(
    "former_municipality_1970", "municipality before 1970", aliases=("sognekommune",), if_said=True
)


VILLAGES = (
    Column("village_id", "string", "stable id, unique in the table", aliases=("geonameid", "id")),
    Column("name", "string", "as the place is known locally", aliases=("navn",)),
    Column("kind", "string", "size class of the place", one_of=KINDS),
    Column("population", "Int64", "inhabitants", unit="people", may_be_missing=True, at_least=0,
           aliases=("befolkning", "folketal", "indbyggere")),
    Column("population_year", "Int64", "the year population speaks of", required=False, may_be_missing=True),
    _optional("parish_id", "parish the place lies in", aliases=("sognekode",)),
    _optional("parish", "name of that parish", aliases=("sogn", "sognenavn")),
    _optional("municipality_id", "municipality the place lies in", aliases=("kommunekode", "municipality_code")),
    _optional("municipality", "name of that municipality", aliases=("kommune", "kommunenavn")),
    _optional("historic_district", "district of old (herred)", aliases=("herred", "historic_herred")),
    _optional("former_municipality", "municipality before 2007"),
    SOGNEKOMMUNE,
    _optional("school_district", "school catchment the place lies in", aliases=("skoledistrikt",)),
    PASTORATE,
    _optional("position_quality", "exact or approx", aliases=("coord_quality",)),
    _optional("statbank_code", "its code as an urban area at Statistics Denmark", aliases=("bebyggelseskode",),
              if_said=True),
    _optional("source", "where the row comes from"),
)  # fmt: skip

PARISHES = (
    Column("parish_id", "string", "stable id, unique in the table", aliases=("sognekode", "kode", "parish")),
    Column("name", "string", "name of the parish", aliases=("sognenavn", "navn", "parish")),
    _optional("municipality_id", "municipality the parish lies in", aliases=("kommunekode", "municipality_code")),
    _optional("historic_district", "district of old (herred)", aliases=("herred", "historic_herred")),
    _optional("former_municipality", "municipality before 2007"),
    SOGNEKOMMUNE,
    _optional("school_district", "school catchment of the parish", aliases=("skoledistrikt",), if_said=True),
    PASTORATE,
    Column("population", "Int64", "inhabitants", unit="people", required=False, may_be_missing=True, at_least=0,
           aliases=("befolkning", "folketal", "indbyggere"), if_said=True),
    Column("population_year", "Int64", "the year population speaks of", required=False, may_be_missing=True,
           if_said=True),
)  # fmt: skip

MUNICIPALITIES = (
    Column("municipality_id", "string", "stable id, unique in the table", aliases=("kommunekode", "kode")),
    Column("name", "string", "name of the municipality", aliases=("kommunenavn", "navn")),
)

SERVICES = (
    Column("service_id", "string", "stable id, unique in the table", aliases=("id",)),
    Column("name", "string", "as the facility is known", may_be_missing=True, aliases=("navn",)),
    Column("category", "string", "one of the study's service categories", aliases=("kategori",)),
    Column("village_id", "string", "the place it stands in", may_be_missing=True, required=False,
           aliases=("village",)),
    Column("capacity", "float64", "size in the category's own unit", required=False, may_be_missing=True,
           at_least=0, aliases=("kapacitet",)),
    _optional("source", "where the row comes from"),
    Column("year", "Int64", "the year the row speaks of", required=False, may_be_missing=True,
           aliases=("year_of_fact", "aar")),
)  # fmt: skip

ROADS = (
    Column("road_class", "string", "class of the road (OSM highway value)", aliases=("highway", "vejklasse")),
    Column("speed_kmh", "float64", "posted limit", unit="km/h", may_be_missing=True, at_least=0, required=False,
           aliases=("maxspeed",)),
    Column("oneway", "string", "which way it may be driven", one_of=("both", "forward", "backward"),
           required=False),
)  # fmt: skip

LINKS = (
    Column("village_a", "string", "one end, a village_id"),
    Column("village_b", "string", "the other end, a village_id"),
    Column("road_km", "float64", "length along the road", unit="km", may_be_missing=True, at_least=0),
    Column("road_class", "string", "class of the road", required=False),
)


ASSOCIATIONS = (
    Column("association", "string", "what the association is called", aliases=("forening",)),
    Column("village_id", "string", "a place it names or serves, by village_id or name", aliases=("village", "landsby")),
)

SURVEY = (
    Column("village_a", "string", "where people were asked, by village_id or name"),
    Column("village_b", "string", "the other place, by village_id or name"),
    Column("share", "float64", "share of the answers in a that feel they belong with b, 0 to 1", at_least=0, at_most=1,
           aliases=("andel",)),
)  # fmt: skip


ONEWAY = {"both": 0, "forward": 1, "backward": -1}  # as `Roads` stores the words of the column


@dataclass(frozen=True)
class Roads:
    """
    Road lines over shared vertices, as flat arrays: a country has millions of vertices, and no object for each.

    Line k runs through the vertices ``vertex[indptr[k]:indptr[k + 1]]``; lines meet where they share a vertex, and
    nowhere else.

    Attributes
    ----------
    xy
        Position of each vertex in the tables' CRS (metres), shape (vertices, 2); every vertex is on a line.
    vertex, indptr
        The lines, as above; each has at least two points.
    classes, class_of
        Names of road classes (OSM highway values), and for each line its class as a number into them.
    speed_kmh
        Posted limit of each line, nan where none is known.
    oneway
        For each line 0 where it may be driven both ways, 1 only as drawn, -1 only against it.
    """

    xy: NDArray[np.float64]
    vertex: NDArray[np.int32]
    indptr: NDArray[np.int64]
    classes: tuple[str, ...]
    class_of: NDArray[np.int16]
    speed_kmh: NDArray[np.float64]
    oneway: NDArray[np.int8]

    def __len__(self) -> int:
        """How many lines there are."""
        return len(self.indptr) - 1

    def line_of_point(self) -> NDArray[np.int32]:
        """Name the line, by number, that each entry of `vertex` belongs to."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.indptr))

    def take(self, kept: NDArray[np.bool_]) -> Roads:
        """Keep some lines, and of the vertices those that they run through."""
        if kept.all():
            return self
        used = np.zeros(len(self.xy), dtype=bool)
        points = np.repeat(kept, np.diff(self.indptr))
        used[self.vertex[points]] = True
        number = (np.cumsum(used) - 1).astype(np.int32)
        sizes = np.diff(self.indptr)[kept]
        return Roads(
            self.xy[used],
            number[self.vertex[points]],
            np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
            self.classes,
            self.class_of[kept],
            self.speed_kmh[kept],
            self.oneway[kept],
        )

    def table(self, crs: CRS) -> gpd.GeoDataFrame:
        """Show the lines as a table with the columns of `ROADS` and a geometry in `crs`, the tables' CRS."""
        lines = shapely.linestrings(self.xy[self.vertex], indices=self.line_of_point())
        words = np.array([word for word, _ in sorted(ONEWAY.items(), key=lambda item: item[1])], dtype=object)
        columns = {
            "road_class": pd.array(np.array(self.classes, dtype=object)[self.class_of], dtype="string"),
            "speed_kmh": self.speed_kmh,
            "oneway": pd.array(words[self.oneway + 1], dtype="string"),
        }
        return gpd.GeoDataFrame(columns, geometry=lines, crs=crs)


@dataclass(frozen=True)
class SourceRecord:
    """
    One source file: what it is, byte for byte, and what it asks to be said of it.

    `title_da` and `title_en` are what people call it, where it is of a known open source.
    """

    path: str
    table: str
    sha256: str
    rows: int
    licence: str = ""
    attribution: str = ""
    dated: str = ""
    title_da: str = ""
    title_en: str = ""


@dataclass(frozen=True)
class Finding:
    """A doubt about the data: a stable `code`, how many rows it concerns, one line in English, and some names."""

    code: str
    count: int
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tables:
    """
    What the sources said, checked once: geometry in `crs` (metres), ids unique, rows sorted by id.

    `villages` has the column `people`: its population, or the study's default for its kind where that is not known.
    Where a `grid` is given and counted (`count_open_country`), it has `people_around` too, the people of the open
    country around it, and `people` holds them. `grid` has the cells of the study with people: `cell_id`, `people`, and
    the centre of each.
    `parishes` and `municipalities` may have rows without geometry. `roads` is None where a study has none;
    `links` likewise. `roads` are those of the study's mode of travel; where ties mix in other modes, `other_roads`
    has the roads of each. `associations` has a row for each village of an association, `survey` one for each
    direction in which people of one village were asked about another; None where no source was given. `origins`
    accounts for every row of the sources; None where the tables come from no files.
    """

    villages: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    crs: CRS
    parishes: gpd.GeoDataFrame | None = None
    municipalities: gpd.GeoDataFrame | None = None
    roads: Roads | None = None
    links: pd.DataFrame | None = None
    associations: pd.DataFrame | None = None
    survey: pd.DataFrame | None = None
    grid: gpd.GeoDataFrame | None = None
    other_roads: Mapping[str, Roads] = field(default_factory=dict)
    sources: tuple[SourceRecord, ...] = ()
    findings: tuple[Finding, ...] = field(default=())
    origins: Origins | None = None

    def by_mode(self, mode: str) -> Tables:
        """Give the tables for travel by another mode: with its own roads, where they were read."""
        return replace(self, roads=self.other_roads.get(mode, self.roads))


def people_of(villages: pd.DataFrame, where_unknown: Mapping[str, float]) -> pd.Series:
    """
    Count the people of each place, with a default by kind where the population is not known.

    Parameters
    ----------
    villages
        With `kind` and `population`.
    where_unknown
        People of a place by kind; a kind that is absent counts as the smallest default.

    Returns
    -------
    pd.Series
        People, float, indexed like `villages`.
    """
    default = villages["kind"].map(where_unknown).astype("float64").fillna(min(where_unknown.values(), default=0.0))
    return villages["population"].astype("Float64").fillna(default).astype("float64").rename("people")


def _schema(columns: Iterable[Column], id_name: str | None) -> pa.DataFrameSchema:
    checked = {}
    for column in columns:
        checks = []
        if column.at_least is not None:
            checks.append(pa.Check.ge(column.at_least, error=f"is below {column.at_least:g}"))
        if column.at_most is not None:
            checks.append(pa.Check.le(column.at_most, error=f"is above {column.at_most:g}"))
        if column.one_of:
            checks.append(pa.Check.isin(column.one_of, error=f"is not one of {', '.join(column.one_of)}"))
        checked[column.name] = pa.Column(
            checks=checks,
            nullable=column.may_be_missing,
            required=column.required,
            unique=column.name == id_name,
        )
    return pa.DataFrameSchema(checked)


def check_table(table: pd.DataFrame, columns: tuple[Column, ...], *, source: str, unique_id: bool = True) -> None:
    """
    Refuse a table that a later stage could not use, naming everything that is wrong at once.

    Parameters
    ----------
    table
        One row a thing.
    columns
        What the table must hold; the first one is its id.
    source
        The file the table came from, for the message. Rows are counted from 1, without a header.
    unique_id
        Whether the first column must be unique.

    Raises
    ------
    TableError
        If the table is empty, a column is absent, an id repeats, or a cell is empty or out of range.
    """
    if table.empty:
        raise TableError("the table has no rows", where=source, advice="give a file with at least one row")
    id_name = columns[0].name if unique_id else None
    try:
        _schema(columns, id_name).validate(table.reset_index(drop=True), lazy=True)
    except pa.errors.SchemaErrors as error:
        problems = [_say(case, columns, table) for case in error.failure_cases.to_dict("records")]
        shown = list(dict.fromkeys(problems))
        more = f"; and {len(shown) - 5} more" if len(shown) > 5 else ""
        raise TableError("; ".join(shown[:5]) + more, where=source, advice="correct the file") from None


def _say(case: dict[str, object], columns: tuple[Column, ...], table: pd.DataFrame) -> str:
    """Turn one pandera failure into words with row and column."""
    check = str(case["check"])
    if check == "column_in_dataframe":
        name = str(case["failure_case"])
        column = next(c for c in columns if c.name == name)
        also = f", also read from {', '.join(column.aliases)}" if column.aliases else ""
        return f"no column {name!r} ({column.about}{also}); found {', '.join(map(str, table.columns))}"
    name = str(case["column"])
    index = case["index"]
    row = f"row {int(index) + 1}, " if isinstance(index, int | float) and not pd.isna(index) else ""
    if check == "not_nullable":
        return f"{row}column {name!r} is empty"
    if check == "field_uniqueness":
        return f"{row}column {name!r}: {case['failure_case']!r} is used twice"
    return f"{row}column {name!r}: {case['failure_case']!r} {check}"


def check_crs(crs: CRS | None, *, source: str, middle: tuple[float, float] | None = None) -> None:
    """
    Require a projection that measures in metres, and true ones where the data lies.

    Parameters
    ----------
    crs
        The reference system.
    source
        Where it was named, for the message.
    middle
        Longitude and latitude (degrees) where a metre must be true to 1 %, north and east.

    Raises
    ------
    CrsError
        If there is none, its axes are not in metres, it is no projection, or its metres are not true.
    """
    if crs is None or crs.axis_info[0].unit_name != "metre":
        raise CrsError("coordinates are not in metres", where=source, advice="reproject to the study's CRS")
    advice = "choose a projection made for the area, such as its UTM zone (EPSG:25832 in Denmark)"
    if not crs.is_projected:
        raise CrsError("no projection onto a plane, so distances cannot be measured in it", where=source, advice=advice)
    if middle is None:
        return
    factors = Proj(crs).get_factors(*middle)
    scale = max(factors.meridional_scale, factors.parallel_scale, key=lambda found: abs(found - 1))
    if not abs(scale - 1) <= LARGEST_STRETCH:
        raise CrsError(
            f"a metre on the ground is {scale:.4g} m in it at {middle[1]:.2f} N, {middle[0]:.2f} E, where the villages "
            f"lie; at most {LARGEST_STRETCH:.0%} off is allowed",
            where=source,
            advice=advice,
        )
