"""One file of rows, whatever its format: opened, in a known reference system, its coordinates plausible."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.lib
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjError

from ..errors import CrsError, TableError
from ..open_data import OpenSource
from ..tables import Column, Finding
from .columns import shape_table
from .delimited import CSV_ENDINGS, read_delimited
from .nested import read_geoparquet
from .packed import PACKED_ENDING
from .positions import check_degrees, place_rows
from .records import finding, require_file

VECTOR_ENDINGS = (".geojson", ".json", ".gpkg", ".shp", ".fgb")
PARQUET_ENDINGS = (".parquet", ".geoparquet")
# What pyogrio raises for a file it cannot make sense of.
_UNREADABLE = (
    pyogrio.errors.DataSourceError,
    pyogrio.errors.DataLayerError,
    pyogrio.errors.FieldError,
    pyogrio.errors.FeatureError,
    pyogrio.errors.GeometryError,
    UnicodeDecodeError,
    shapely.errors.GEOSException,
)


@dataclass(frozen=True)
class Layer:
    """
    The rows of one file with their own columns, in the file's reference system.

    `known` is the open source that the file was recognised to be of.
    """

    rows: gpd.GeoDataFrame
    source: str
    decimal_comma: bool = False
    findings: tuple[Finding, ...] = ()
    known: OpenSource | None = None

    def shaped(self, columns: tuple[Column, ...]) -> gpd.GeoDataFrame:
        """Bring the columns to their declared names and types; see `shape_table`."""
        return shape_table(self.rows, columns, source=self.source, decimal_comma=self.decimal_comma)


def read_layer(path: Path, *, source: str, table: str, crs: CRS | None = None) -> Layer:
    """
    Read one file of rows.

    Parameters
    ----------
    path
        CSV (also in a ZIP archive), GeoJSON, GeoPackage, FlatGeobuf, Shapefile or GeoParquet.
    source
        The path as the study file writes it, for messages.
    table
        Which table it is for; picks the layer of that name in a GeoPackage with several.
    crs
        What the metres of a CSV file are in; without it those that look Danish are EPSG:25832, and said so.

    Raises
    ------
    TableError
        If the file is missing, of an unknown kind, unreadable or without rows.
    CrsError
        If it names no reference system, an unknown one, or one that its coordinates cannot be in.
    """
    require_file(path, source)
    ending = path.suffix.lower()
    decimal_comma, findings = False, list[Finding]()
    if ending in (*CSV_ENDINGS, PACKED_ENDING):
        text, decimal_comma = read_delimited(path, source=source)
        rows, findings = place_rows(text, source=source, decimal_comma=decimal_comma, crs=crs)
    elif ending in VECTOR_ENDINGS:
        rows = _read_vector(path, source=source, table=table)
    elif ending in PARQUET_ENDINGS:
        rows = _read_parquet(path, source=source)
    else:
        known = ", ".join((*CSV_ENDINGS, PACKED_ENDING, *VECTOR_ENDINGS, *PARQUET_ENDINGS))
        raise TableError(f"unknown kind of file {path.suffix!r}", where=source, advice=f"known are {known}")
    if rows.empty:
        raise TableError("the table has no rows", where=source, advice="give a file with at least one row")
    if rows.crs is None:
        raise CrsError(
            "the file names no reference system",
            where=source,
            advice="write one into it (a Shapefile needs its .prj)",
        )
    check_degrees(rows, source=source)
    return Layer(rows.reset_index(drop=True), source, decimal_comma, tuple(findings))


def _read_vector(path: Path, *, source: str, table: str) -> gpd.GeoDataFrame:
    _require_known_crs(path, source)
    try:
        layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
        with warnings.catch_warnings():  # GDAL warns of odd shapes and cells; both are checked here row by row
            warnings.simplefilter("ignore", RuntimeWarning)
            frame = pyogrio.read_dataframe(path, layer=_choose(layers, source, table), force_2d=True)
    except _UNREADABLE as error:
        raise _unreadable(source, error) from None
    except (ProjError, pyogrio.errors.CRSError) as error:
        raise CrsError(f"unknown reference system ({error})", where=source, advice="give an EPSG code") from None
    return _with_geometry(frame)


def _require_known_crs(path: Path, source: str) -> None:
    """Refuse a GeoJSON file that names an unknown reference system: GDAL would take it for WGS84 without a word."""
    if path.suffix.lower() not in {".geojson", ".json"}:
        return
    with path.open("rb") as stream:
        head = stream.read(4096).decode("utf-8", errors="replace")
    said = re.search(r'"crs"\s*:\s*\{.*?"name"\s*:\s*"([^"]+)"', head, flags=re.DOTALL)
    if said:
        try:
            CRS.from_user_input(said[1])
        except ProjError:
            raise CrsError(
                f"unknown reference system {said[1]!r}", where=source, advice="give an EPSG code that exists"
            ) from None


def _choose(layers: list[str], source: str, table: str) -> str:
    if len(layers) == 1 or table in layers:
        return table if table in layers else layers[0]
    raise TableError(
        f"{len(layers)} layers ({', '.join(layers)}), none called {table!r}",
        where=source,
        advice=f"keep one layer, or call it {table}",
    )


def _read_parquet(path: Path, *, source: str) -> gpd.GeoDataFrame:
    try:
        frame = read_geoparquet(path)
    except ProjError as error:
        raise CrsError(f"unknown reference system ({error})", where=source, advice="give an EPSG code") from None
    except (pyarrow.lib.ArrowException, ValueError, OSError, shapely.errors.GEOSException) as error:
        raise _unreadable(source, error) from None
    geometry = shapely.force_2d(frame.geometry.to_numpy())
    rest = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    return gpd.GeoDataFrame(rest, geometry=geometry, crs=frame.crs)


def _with_geometry(frame: pd.DataFrame) -> gpd.GeoDataFrame:
    """Give a layer without shapes (attributes only) an empty geometry column."""
    if isinstance(frame, gpd.GeoDataFrame):
        return frame.rename_geometry("geometry") if frame.geometry.name != "geometry" else frame
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([None] * len(frame)), crs="EPSG:4326")


def _unreadable(source: str, error: Exception) -> TableError:
    said = " ".join(str(error).split())[:160]
    return TableError(f"the file cannot be read ({said})", where=source, advice="open it in QGIS and save it anew")


def points_of(frame: gpd.GeoDataFrame, *, source: str, thing: str) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Require points; an area is replaced with a point inside it, and said so.

    Raises
    ------
    TableError
        If a row holds a line or several points.
    """
    shapes = _shapes(frame)
    several = shapely.get_type_id(shapes) == shapely.GeometryType.MULTIPOINT
    single = several & (shapely.get_num_geometries(shapes) == 1)
    shapes = np.where(single, shapely.get_geometry(shapes, 0), shapes)
    kinds = shapely.get_type_id(shapes)
    areas = np.isin(kinds, (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    _require_shapes(shapes, areas | np.isin(kinds, (-1, shapely.GeometryType.POINT)), source, "a point")
    shapes = np.where(areas, shapely.point_on_surface(shapes), shapes)
    text = f"{thing} of {source} given as areas, each counted at a point inside: {areas.sum()}"
    names = frame.loc[areas, "name"].dropna() if "name" in frame else ()
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)), finding(
        f"{thing}_as_areas", int(areas.sum()), text, names
    )


def areas_of(frame: gpd.GeoDataFrame, *, source: str) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Require polygons or nothing; a polygon that crosses itself is repaired, and said so.

    Raises
    ------
    TableError
        If a row holds a point or a line.
    """
    shapes = _shapes(frame)
    kinds = shapely.get_type_id(shapes)
    fits = np.isin(kinds, (-1, shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON))
    _require_shapes(shapes, fits, source, "an area")
    broken = (kinds != -1) & ~shapely.is_valid(shapes)
    shapes[broken] = shapely.make_valid(shapes[broken], method="structure", keep_collapsed=False)
    text = f"areas of {source} that crossed themselves, repaired: {broken.sum()}"
    names = frame.loc[broken, "name"].dropna() if "name" in frame else ()
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs)), finding(
        "geometry_repaired", int(broken.sum()), text, names
    )


def lines_of(frame: gpd.GeoDataFrame, *, source: str) -> gpd.GeoDataFrame:
    """
    Require lines; those in several parts become a row a part.

    Raises
    ------
    TableError
        If a row holds a point, an area or nothing.
    """
    shapes = frame.geometry.to_numpy()
    kinds = shapely.get_type_id(shapes)
    fits = np.isin(kinds, (shapely.GeometryType.LINESTRING, shapely.GeometryType.MULTILINESTRING))
    _require_shapes(shapes, fits, source, "a line")
    parts = frame.explode(ignore_index=True)
    return parts[~parts.geometry.is_empty].reset_index(drop=True)


def _shapes(frame: gpd.GeoDataFrame) -> NDArray[np.object_]:
    """Take the geometry out of a table; an empty one is missing."""
    shapes = np.array(frame.geometry.to_numpy(), dtype=object)
    shapes[shapely.is_empty(shapes)] = None
    return shapes


def _require_shapes(shapes: object, fits: object, source: str, wanted: str) -> None:
    wrong = ~np.asarray(fits, dtype=bool)
    if wrong.any():
        row = int(wrong.argmax())
        shape = np.asarray(shapes, dtype=object)[row]
        found = "nothing" if shape is None else f"a {shape.geom_type}"
        raise TableError(
            f"the geometry is {found}, not {wanted}",
            where=f"{source}, row {row + 1}",
            advice="give another file",
        )
