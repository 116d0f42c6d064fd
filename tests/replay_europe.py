"""What GeoNames, GISCO, Eurostat and Overture Maps answer: small files in their documented forms, made by hand."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from europe_files import (
    DIVISION,
    PLACE,
    SEGMENT,
    denied,
    division,
    geonames_line,
    lau,
    limit,
    overture,
    place,
    segment,
)
from pyproj import Transformer
from shapely import LineString, Point, box

EAST, NORTH = 6.2, 0.6  # degrees: the landscape of the recordings, on Mols, is set down on Öland a second time
RELEASE = "2026-11-18.0"
S3 = "https://overturemaps-us-west-2.s3.us-west-2.amazonaws.com"
FAR = (2.0, 41.0)  # something else is there
# (name, lon, lat, people) on Mols
PLACES = [
    ("Knebel", 10.4887, 56.2141, 628),
    ("Vistoft", 10.509, 56.196, 57),
    ("Agri", 10.526, 56.232, 88),
    ("Ebeltoft", 10.6821, 56.1944, 7439),
    ("Rønde", 10.4751, 56.3015, 3013),
]
WEST, SOUTH, OLAND = (10.3, 56.05), (10.9, 56.45), (16.5, 56.6, 17.2, 57.4)


def on_oland(lon: float, lat: float) -> tuple[float, float]:
    """Set a position on Mols down on Öland."""
    return round(lon + EAST, 5), round(lat + NORTH, 5)


def geonames(country: str) -> bytes:
    """Pack a country's file: places, one far away, one that is a church."""
    rows = [
        (name, *((lon, lat) if country == "DK" else on_oland(lon, lat)), people) for name, lon, lat, people in PLACES
    ]
    lines = [
        geonames_line(k, name, lat, lon, people=people, country=country)
        for k, (name, lon, lat, people) in enumerate(rows, 1)
    ]
    lines.append(geonames_line(90, "Langt væk", *FAR[::-1], people=9, country=country))
    lines.append(geonames_line(91, "Kirken", rows[0][2], rows[0][1], "CH", kind="S", country=country))
    return zipped({"readme.txt": "about", f"{country}.txt": "\n".join(lines) + "\n"})


def zipped(members: dict[str, str | bytes]) -> bytes:
    """Pack files without making them smaller: a test may change bytes in them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return stream.getvalue()


def municipalities() -> bytes:
    """Make the file of LAU: Öland, a neighbour, Syddjurs, one far away."""
    units = [
        ("SE_0885", "Borgholm", box(*OLAND)),
        ("SE_0840", "Mörbylånga", box(16.3, 56.2, 17.0, 56.6)),
        ("SE_0880", "Kalmar", box(15.8, 56.3, 16.3, 57.0)),
        ("DK_706", "Syddjurs", box(*WEST, *SOUTH)),
        ("EL_01010101", "Langt væk", box(23.0, 40.0, 24.0, 41.0)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        return (Path(folder) / lau(Path(folder), "lau.gpkg", units)).read_bytes()


def grid() -> bytes:
    """Pack the census grid: a table of cells, as Parquet and as CSV, with something to read beside."""
    to_grid = Transformer.from_crs(4326, 3035, always_xy=True)
    spots = [(lon, lat) for _, lon, lat, _ in PLACES]
    cells = {}
    for lon, lat in [*spots, *(on_oland(*spot) for spot in spots), FAR]:
        x, y = to_grid.transform(lon, lat)
        for step in range(3):
            cells[f"CRS3035RES1000mN{int(y // 1000) * 1000}E{(int(x // 1000) + step) * 1000}"] = 40 + step
    cells[next(iter(cells))] = -9999  # not known
    stream = io.BytesIO()
    pq.write_table(pa.table({"GRD_ID": list(cells), "T": list(cells.values())}), stream, store_schema=False)
    csv = "GRD_ID,T\n" + "".join(f"{cell},{people}\n" for cell, people in cells.items())
    name = "Eurostat_Census-GRID_2021_V3"
    table = f"{name}/ESTAT_Census_2021_V3"
    return zipped({f"{name}/read.me": "about", f"{table}.csv": csv, f"{table}.parquet": stream.getvalue()})


def _both(spots: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """List what is far away first, then Mols, then Öland: a row group each."""
    far = [(FAR[0] + k / 1000, FAR[1]) for k in range(len(spots))]
    return [*far, *spots, *(on_oland(*spot) for spot in spots)]


SHOP = ("shopping", "food_and_beverage_store", "grocery_store")
SCHOOL = ("education", "place_of_learning", "school")


def overture_file(kind: str) -> bytes:
    """Make the file of one type: three row groups, one of them of Öland."""
    spots = [(lon, lat) for _, lon, lat, _ in PLACES]
    where = _both(spots)
    if kind == "place":
        rows = [place(k, f"Butik {k}", *(SHOP if k % 2 else SCHOOL)) for k in range(len(where))]
        schema, shapes = PLACE, [Point(lon + 0.001, lat) for lon, lat in where]
    elif kind == "division":
        names = [name for name, *_ in PLACES] * 3
        rows = [division(k, names[k], "village", 100 + k) for k in range(len(where))]
        schema, shapes = DIVISION, [Point(*spot) for spot in where]
    else:
        rules = {"access_restrictions": [denied(heading="backward")], "speed_limits": [limit(80)], "road_flags": None}
        rows = [segment(k, "secondary", **(rules if k % 2 else {})) for k in range(len(where))]
        onward = [*where[1:5], where[0], *where[6:10], where[5], *where[11:], where[10]]
        schema, shapes = SEGMENT, [LineString([a, b]) for a, b in zip(where, onward, strict=True)]
    with tempfile.TemporaryDirectory() as folder:
        name = overture(Path(folder), "f.parquet", schema, rows, shapes, group=len(spots))
        return (Path(folder) / name).read_bytes()


def catalogue() -> dict[str, object]:
    """Write the catalogue of all releases."""
    children = [{"rel": "child", "href": f"./{release}/catalog.json"} for release in (RELEASE, "2026-10-21.0")]
    return {"type": "Catalog", "id": "Overture Releases", "latest": RELEASE, "links": children}


BOXES = {"00000": [-80.0, -40.0, -20.0, 30.0], "00001": [1.9, 40.9, 17.3, 57.5]}


def collection() -> dict[str, object]:
    """Write the collection of one type: two files, the box of each."""
    links = [{"rel": "item", "href": f"./{item}/{item}.json"} for item in BOXES]
    return {"type": "Collection", "links": links, "extent": {"spatial": {"bbox": list(BOXES.values())}}}


def item(number: str, theme: str, kind: str) -> dict[str, object]:
    """Write the item of one file."""
    path = f"release/{RELEASE}/theme={theme}/type={kind}/part-{number}-1a2b-c000.zstd.parquet"
    files = {
        "aws": {"href": f"{S3}/{path}"},
        "azure": {"href": f"https://overturemapswestus2.blob.core.windows.net/{path}"},
    }
    return {"type": "Feature", "id": number, "bbox": BOXES[number], "assets": files}


TYPES = {"place": "places", "division": "divisions", "segment": "transportation"}


def catalogue_answers() -> dict[str, bytes]:
    """List the catalogue's documents by host and path."""
    found: dict[str, object] = {"stac.overturemaps.org/catalog.json": catalogue()}
    for kind, theme in TYPES.items():
        folder = f"stac.overturemaps.org/{RELEASE}/{theme}/{kind}"
        found[f"{folder}/collection.json"] = collection()
        for number in BOXES:
            found[f"{folder}/{number}/{number}.json"] = item(number, theme, kind)
    return {where: json.dumps(content).encode() for where, content in found.items()}
