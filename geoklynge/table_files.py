"""The tables of a run as files: GeoJSON, GeoPackage, CSV, GraphML; if need be by a process of their own."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from numpy.typing import NDArray

from .network_files import tie_layer, write_graphml, write_tie_geojson

DEGREE_DIGITS = 6  # about 0.1 m
DEGREE_GRID = 1e-6

Process: TypeAlias = "subprocess.Popen[bytes]"


@dataclass(frozen=True)
class TableFiles:
    """
    What is to be written: tables in metres, all in one reference system.

    `ties` is a table of numbers with `village_a` and `village_b`; `package` the GeoPackage's name; `crs` its reference
    system as WKT.
    """

    clusters: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame
    services: gpd.GeoDataFrame
    ties: pd.DataFrame
    parishes: gpd.GeoDataFrame | None
    municipalities: gpd.GeoDataFrame | None
    crs: str
    package: str

    def told(self) -> dict[str, gpd.GeoDataFrame]:
        """Give the tables that are written both as GeoJSON and into the GeoPackage."""
        return {"clusters": self.clusters, "villages": self.villages, "services": self.services}


def write_tables(files: TableFiles, folder: Path) -> None:
    """Write all tables into a folder; what an earlier try left of them goes."""
    for left in folder.glob(f"{files.package}*"):
        left.unlink()  # a GeoPackage is written layer by layer: they would be added to those that are there
    nodes = _nodes(files.villages)
    with ThreadPoolExecutor(max_workers=2) as beside:  # GDAL never lets go of the interpreter; text is made without it
        texts = [
            beside.submit(write_tie_geojson, nodes, files.ties, folder / "ties.geojson"),
            beside.submit(write_graphml, nodes, files.ties, folder / "ties.graphml"),
        ]
        for name, table in files.told().items():
            _write_geojson(table, folder / f"{name}.geojson")
        _write_package(files, nodes, folder / files.package)
    for text in texts:
        text.result()  # raises what went wrong there
    plain = pd.DataFrame(files.clusters.drop(columns="geometry"))
    plain.to_csv(folder / "clusters.csv", index=False, encoding="utf-8-sig")


def write_tables_by(process: Process | None, files: TableFiles, folder: Path) -> None:
    """
    Let another process write all tables into a folder; without one, or where it was stopped, write them here.

    Raises
    ------
    OSError
        If a file cannot be written, wherever that was tried.
    """
    answer = b"" if process is None else _ask(process, files, folder)
    if not answer:
        write_tables(files, folder)
        return
    error = pickle.loads(answer)  # noqa: S301 - from our own process
    if error is not None:
        raise error


def _ask(process: Process, files: TableFiles, folder: Path) -> bytes:
    """Hand the work over and wait; what it answers is empty if it was stopped, for want of memory perhaps."""
    assert process.stdin is not None  # noqa: S101  # it was started with both
    assert process.stdout is not None  # noqa: S101
    try:
        pickle.dump((files, folder), process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
        process.stdin.close()
        return process.stdout.read()
    except BrokenPipeError:
        return b""


@contextmanager
def another_process() -> Iterator[Process | None]:
    """
    Start a process that can write tables while this one renders pages; None where there is no second core for it.

    GDAL keeps the interpreter while it writes, and so does Python while it renders: threads would take turns. It is
    started at once, and has loaded what it needs when it is asked; it ends when it was asked, or is no longer needed.
    """
    if (os.cpu_count() or 1) < 2:
        yield None
        return
    here = str(Path(__file__).parents[1])
    paths = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(  # noqa: S603 - this very module
        [sys.executable, "-m", f"{__package__}.table_files"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # what it cannot do is tried again here, and told
        env={**os.environ, "PYTHONPATH": paths},
        start_new_session=True,  # an interrupt from the keyboard is for us to deal with
    )
    try:
        yield process
    finally:
        for end in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                end.close()  # type: ignore[union-attr]  # both are pipes
        process.wait()


def _serve() -> None:
    """Write what the process that started this one asks for, and answer with the error, None if there was none."""
    try:
        files, folder = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own process
    except EOFError:  # nothing more is wanted
        return
    try:
        write_tables(files, folder)
    except OSError as error:
        answer: OSError | None = error
    else:
        answer = None
    sys.stdout.buffer.write(pickle.dumps(answer))


@contextmanager
def _no_clock() -> Iterator[None]:
    """Let GeoPackages note a fixed time of writing: the same run gives the same bytes."""
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "1970-01-01T00:00:00.000Z"})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


@_no_clock()
def _write_package(files: TableFiles, nodes: pd.DataFrame, package: Path) -> None:
    for name, table in files.told().items():
        _add_layer(package, name, table)
    pyogrio.write_arrow(
        tie_layer(_metres(files.villages), nodes, files.ties), package, layer="ties", driver="GPKG", append=True,
        geometry_name="geometry", geometry_type="LineString", crs=files.crs,
    )  # fmt: skip
    for name, table in (("parishes", files.parishes), ("municipalities", files.municipalities)):
        if table is not None and table.geometry.notna().any():
            _add_layer(package, name, table[table.geometry.notna()])


def _metres(villages: gpd.GeoDataFrame) -> NDArray[np.float64]:
    xy: NDArray[np.float64] = shapely.get_coordinates(villages.geometry.to_numpy())
    return xy


def _add_layer(package: Path, name: str, table: gpd.GeoDataFrame) -> None:
    """Add a table to a GeoPackage; handed over as Arrow, which takes GDAL two thirds of the time of single features."""
    multi = shapely.get_type_id(table.geometry.to_numpy()) == shapely.GeometryType.MULTIPOLYGON
    if multi.any():  # one type a layer
        table = table.set_geometry([shapely.multipolygons(shapely.get_parts(g)) for g in table.geometry])
    pyogrio.write_dataframe(_plain(table), package, layer=name, driver="GPKG", append=package.exists(), use_arrow=True)


def _nodes(villages: gpd.GeoDataFrame) -> pd.DataFrame:
    """Villages as nodes of the tie network, where they stand in degrees."""
    lon, lat = shapely.get_coordinates(villages.geometry.to_crs(4326).to_numpy()).T.tolist()
    nodes = villages[["village_id", "name", "cluster_id"]].fillna({"cluster_id": ""})
    # round() and not NumPy's: OSM's seven decimals often end in 5, and GDAL rounds like this one
    return pd.DataFrame(nodes).assign(
        lon=[round(each, DEGREE_DIGITS) for each in lon], lat=[round(each, DEGREE_DIGITS) for each in lat]
    )


def _plain(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Turn dtypes that file drivers do not know into ones they do."""
    objects = {name: table[name].astype(object) for name in table.select_dtypes("category").columns}
    return table.assign(**objects)


def _write_geojson(table: gpd.GeoDataFrame, path: Path) -> None:
    """Write WGS84 GeoJSON by RFC 7946; GDAL turns outer rings anticlockwise."""
    degrees = table.to_crs(4326)
    rounded = gpd.GeoSeries(_rounded(degrees.geometry.to_numpy()), index=degrees.index, crs=4326)
    pyogrio.write_dataframe(
        _plain(degrees.set_geometry(rounded)), path, driver="GeoJSON",
        RFC7946="YES", COORDINATE_PRECISION=DEGREE_DIGITS, WRITE_NAME="NO", use_arrow=True,
    )  # fmt: skip


def _rounded(shapes: NDArray[np.object_]) -> NDArray[np.object_]:
    """
    Round the corners of areas to the digits of the file, each for itself, so that neighbours still share theirs.

    Only an area that this would spoil is moved to the grid as a whole. Points need no care: GDAL rounds them.
    """
    is_area = shapely.get_dimensions(shapes) == 2
    areas = shapely.transform(shapes[is_area], lambda xy: xy.round(DEGREE_DIGITS))
    spoilt = ~shapely.is_valid(areas)
    areas[spoilt] = shapely.set_precision(shapes[is_area][spoilt], DEGREE_GRID)
    rounded = shapes.copy()
    rounded[is_area] = areas
    return rounded


if __name__ == "__main__":
    _serve()
