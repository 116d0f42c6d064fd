"""Where the rows of a file lie, and whether coordinates can be what they claim to be."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from ..errors import CrsError, TableError
from ..tables import Finding
from .columns import find_column, numbers_of
from .records import finding

LATITUDE = ("lat", "latitude", "bredde", "breddegrad")
LONGITUDE = ("lon", "lng", "long", "longitude", "længde", "laengde", "længdegrad")
EASTING = ("x", "easting", "utm_x", "øst")
NORTHING = ("y", "northing", "utm_y", "nord")
WKT = ("wkt", "geometry", "geom", "the_geom")
WGS84, DANISH_UTM = "EPSG:4326", "EPSG:25832"
# Degrees; Bornholm included, the Faroes and Greenland not.
DENMARK_LON, DENMARK_LAT = (7.5, 15.5), (54.4, 57.9)
DANISH_X, DANISH_Y = (4e5, 9e5), (6e6, 6.5e6)  # metres in EPSG:25832

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def in_denmark(lon: Floats, lat: Floats) -> Bools:
    """Tell which points in degrees lie in the box around Denmark."""
    return (lon >= DENMARK_LON[0]) & (lon <= DENMARK_LON[1]) & (lat >= DENMARK_LAT[0]) & (lat <= DENMARK_LAT[1])


def _looks_danish_utm(x: Floats, y: Floats) -> bool:
    inside = (x >= DANISH_X[0]) & (x <= DANISH_X[1]) & (y >= DANISH_Y[0]) & (y <= DANISH_Y[1])
    return bool(len(x)) and bool(np.mean(inside) > 0.5)


def place_rows(
    frame: pd.DataFrame, *, source: str, decimal_comma: bool, crs: CRS | None = None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """
    Give the rows of a text table their geometry, from a WKT column, from lat and lon, or from x and y.

    Parameters
    ----------
    frame
        Text; a row may have no position.
    source
        The file, for messages.
    decimal_comma
        Whether coordinates may have a decimal comma.
    crs
        What metres are in; without it those that look Danish are EPSG:25832.

    Returns
    -------
    tuple[gpd.GeoDataFrame, list[Finding]]
        In WGS84, or in the system of the metres; all geometry missing where no column holds any. A finding says
        that EPSG:25832 was only taken to be meant.

    Raises
    ------
    TableError
        If a cell is no coordinate, a row has only one of two, or WKT cannot be read.
    CrsError
        If x and y are in no system that can be told from the numbers.
    """
    wkt = find_column(frame, WKT)
    if wkt is not None:
        return _in_system(frame.drop(columns=wkt), _from_wkt(frame, wkt, source=source), source, crs)
    lat, lon = find_column(frame, LATITUDE), find_column(frame, LONGITUDE)
    if lat and lon:
        points = _points(frame, lon, lat, source=source, decimal_comma=decimal_comma)
        return gpd.GeoDataFrame(frame, geometry=points, crs=WGS84), []
    x, y = find_column(frame, EASTING), find_column(frame, NORTHING)
    if x and y:
        points = _points(frame, x, y, source=source, decimal_comma=decimal_comma)
        return _in_system(frame, points, source, crs)
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([None] * len(frame), index=frame.index), crs=WGS84), []


def _in_system(
    frame: pd.DataFrame, shapes: NDArray[np.object_], source: str, crs: CRS | None
) -> tuple[gpd.GeoDataFrame, list[Finding]]:
    """Put shapes whose reference system is not stated into the one they are in, and say so where it is a guess."""
    system = _system_of(shapes, source, crs)
    guessed = int((~shapely.is_missing(shapes)).sum()) if system == DANISH_UTM and crs is None else 0
    text = f"positions of {source} in metres of no stated reference system, read as {DANISH_UTM}: {guessed}"
    findings = finding("positions_taken_as_utm32", guessed, text, [source])
    return gpd.GeoDataFrame(frame, geometry=shapes, crs=system), findings


def _points(frame: pd.DataFrame, x: str, y: str, *, source: str, decimal_comma: bool) -> NDArray[np.object_]:
    xy = [numbers_of(frame[name], source=source, comma=decimal_comma) for name in (x, y)]
    gap = (xy[0].isna() != xy[1].isna()).to_numpy(dtype=bool)
    if gap.any():
        row = int(gap.argmax())
        raise TableError(
            f"only one of {x!r} and {y!r} is given",
            where=f"{source}, row {row + 1}",
            advice="give both or neither",
        )
    points: NDArray[np.object_] = points_at(*xy).to_numpy()
    return points


def points_at(x: pd.Series, y: pd.Series, *, crs: str | None = None) -> gpd.GeoSeries:
    """Make points of coordinates, missing where one of the two is."""
    xy = np.column_stack([values.to_numpy(dtype=float, na_value=np.nan) for values in (x, y)])
    points = np.full(len(xy), None, dtype=object)
    given = np.isfinite(xy).all(axis=1)
    points[given] = shapely.points(xy[given])
    return gpd.GeoSeries(points, index=x.index, crs=crs)


def _from_wkt(frame: pd.DataFrame, column: str, *, source: str) -> NDArray[np.object_]:
    texts = [None if pd.isna(text) else str(text) for text in frame[column]]
    shapes = np.asarray(shapely.from_wkt(texts, on_invalid="ignore"), dtype=object)
    unreadable = shapely.is_missing(shapes) & frame[column].notna().to_numpy()
    if unreadable.any():
        row = int(unreadable.argmax())
        raise TableError(
            f"{frame[column].iloc[row][:40]!r} is not WKT",
            where=f"{source}, row {row + 1}, column {column!r}",
            advice="write for example POINT (10.49 56.21)",
        )
    return shapes


def _system_of(shapes: NDArray[np.object_], source: str, crs: CRS | None) -> CRS | str:
    """Tell the reference system from the size of the numbers: degrees, metres in `crs`, or Danish metres."""
    bounds = shapely.bounds(shapes[~shapely.is_missing(shapes)])
    x, y = bounds[:, [0, 2]].ravel(), bounds[:, [1, 3]].ravel()
    if (np.abs(x) <= 180).all() and (np.abs(y) <= 90).all():
        return WGS84
    if crs is not None:
        return crs
    if _looks_danish_utm(x, y):
        return DANISH_UTM
    raise CrsError(
        f"coordinates like {x[0]:.10g}, {y[0]:.10g} are in no known reference system",
        where=source,
        advice="give lat and lon in degrees, x and y in EPSG:25832 or study.crs, or a GeoPackage",
    )


def check_degrees(frame: gpd.GeoDataFrame, *, source: str) -> None:
    """
    Refuse degrees that are none, and latitude and longitude that have changed places.

    Parameters
    ----------
    frame
        In any reference system; one in metres is left alone.
    source
        The file, for messages.

    Raises
    ------
    CrsError
        If the numbers are those of a system in metres.
    TableError
        If a latitude is beyond 90 or a longitude beyond 180 degrees, naming the row; or if most rows lie in
        Denmark once the two are swapped and none does as given.
    """
    if frame.crs is None or not frame.crs.is_geographic:
        return
    bounds = shapely.bounds(frame.geometry.to_numpy())
    given = np.isfinite(bounds).all(axis=1)
    x, y = (bounds[:, [0, 1]] + bounds[:, [2, 3]]).T / 2
    wrong = given & ((np.abs(bounds[:, [1, 3]]) > 90).any(axis=1) | (np.abs(bounds[:, [0, 2]]) > 180).any(axis=1))
    if _looks_danish_utm(x[given], y[given]) or np.any(wrong & (np.abs(x) > 1000)):
        row = int(wrong.argmax())
        raise CrsError(
            f"coordinates like {x[row]:.10g}, {y[row]:.10g} are metres, but the file says degrees (WGS84)",
            where=f"{source}, row {row + 1}",
            advice="reproject the file, or write its true reference system into it",
        )
    if given.any() and not in_denmark(x, y).any() and in_denmark(y, x)[given].mean() > 0.5:
        raise TableError("lat and lon look swapped", where=source, advice="change the two around")
    if wrong.any():
        row = int(wrong.argmax())
        raise TableError(
            f"lat {y[row]:.10g}, lon {x[row]:.10g} is no place on Earth",
            where=f"{source}, row {row + 1}",
            advice="latitude lies within 90, longitude within 180 degrees",
        )
