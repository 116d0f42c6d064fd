"""Small files of GeoNames, GISCO and Overture Maps, written by hand from their documented formats."""

import json
import zipfile
from pathlib import Path

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
from shapely import Point

# GeoNames' readme.txt: tab-separated, UTF-8, no header, 19 columns.
GEONAMES_COLUMNS = 19


def geonames_line(number: int, name: str, lat: float, lon: float, code: str = "PPL", people: int = 0, **other) -> str:
    """Write one row of a file of GeoNames; the places are in Skåne, the numbers are made up."""
    cells = [str(number), name, name, "", str(lat), str(lon), other.get("kind", "P"), code]
    cells += [other.get("country", "SE"), "", "27", "1290"]
    cells += ["", "", str(people), "", "17", "Europe/Stockholm", other.get("changed", "2024-03-02")]
    assert len(cells) == GEONAMES_COLUMNS
    return "\t".join(cells)


def packed(folder: Path, name: str, members: dict[str, str]) -> str:
    """Write a ZIP archive of text files and give back its name."""
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in members.items():
            archive.writestr(member, text)
    return name


def lau(folder: Path, name: str, units: list[tuple[str, str | None, shapely.Polygon]]) -> str:
    """Write a file of LAU: (GISCO_ID, LAU_NAME, border in degrees) each."""
    rows = {
        "GISCO_ID": [unit[0] for unit in units],
        "CNTR_CODE": [unit[0][:2] for unit in units],
        "LAU_NAME": [unit[1] for unit in units],
        "POP_2024": [1_000] * len(units),
        "POP_DENS_2024": [10.0] * len(units),
        "AREA_KM2": [100.0] * len(units),
        "YEAR": [2024] * len(units),
    }
    gpd.GeoDataFrame(rows, geometry=[unit[2] for unit in units], crs=4326).to_file(folder / name)
    return name


NAMES = pa.struct(
    [
        ("primary", pa.string()),
        ("common", pa.map_(pa.string(), pa.string())),
        ("rules", pa.list_(pa.struct([("variant", pa.string()), ("value", pa.string())]))),
    ]
)
BBOX = pa.struct([(side, pa.float32()) for side in ("xmin", "xmax", "ymin", "ymax")])
SOURCES = pa.list_(pa.struct([("property", pa.string()), ("dataset", pa.string()), ("update_time", pa.string())]))
WHEN = pa.struct(
    [
        ("heading", pa.string()),
        ("during", pa.string()),
        ("mode", pa.list_(pa.string())),
        ("using", pa.list_(pa.string())),
        ("recognized", pa.list_(pa.string())),
    ]
)
SPEED = pa.struct([("value", pa.int32()), ("unit", pa.string())])
BETWEEN = pa.list_(pa.float64())
COMMON = {"id": pa.string(), "geometry": pa.binary(), "bbox": BBOX, "version": pa.int32(), "sources": SOURCES}
PLACE = {
    **COMMON,
    "names": NAMES,
    "operating_status": pa.string(),
    "basic_category": pa.string(),
    "taxonomy": pa.struct(
        [("primary", pa.string()), ("hierarchy", pa.list_(pa.string())), ("alternates", pa.list_(pa.string()))]
    ),
    "confidence": pa.float64(),
}
# Before September 2026 a place had this instead of, or beside, a taxonomy.
CATEGORIES = pa.struct([("primary", pa.string()), ("alternate", pa.list_(pa.string()))])
DIVISION = {
    **COMMON,
    "names": NAMES,
    "subtype": pa.string(),
    "class": pa.string(),
    "country": pa.string(),
    "population": pa.int32(),
    "parent_division_id": pa.string(),
    "hierarchies": pa.list_(pa.list_(pa.struct([("division_id", pa.string()), ("name", pa.string())]))),
}
SEGMENT = {
    **COMMON,
    "names": NAMES,
    "subtype": pa.string(),
    "class": pa.string(),
    "connectors": pa.list_(pa.struct([("connector_id", pa.string()), ("at", pa.float64())])),
    "access_restrictions": pa.list_(pa.struct([("access_type", pa.string()), ("when", WHEN), ("between", BETWEEN)])),
    "speed_limits": pa.list_(
        pa.struct([("max_speed", SPEED), ("min_speed", SPEED), ("when", WHEN), ("between", BETWEEN)])
    ),
    "road_flags": pa.list_(pa.struct([("values", pa.list_(pa.string())), ("between", BETWEEN)])),
}


def overture(
    folder: Path, name: str, schema: dict[str, pa.DataType], rows: list[dict], shapes: list, *, group: int | None = None
) -> str:
    """Write GeoParquet as Overture does: WKB, structs, lists, maps, `group` rows a group; gives back the name."""
    columns = {key: [row.get(key) for row in rows] for key in schema if key not in {"geometry", "bbox"}}
    bounds = [dict(zip(("xmin", "ymin", "xmax", "ymax"), shape.bounds, strict=True)) for shape in shapes]
    columns |= {"geometry": list(shapely.to_wkb(shapes)), "bbox": bounds}
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
    }
    table = pa.table(columns, schema=pa.schema(list(schema.items())))
    with pq.ParquetWriter(folder / name, table.schema, store_schema=False, compression="zstd") as writer:
        writer.write_table(table, row_group_size=group)
        writer.add_key_value_metadata({"geo": json.dumps(geo)})
    return name


def named(primary: str | None) -> dict | None:
    """Write the names of a feature, with one in another language beside."""
    return None if primary is None else {"primary": primary, "common": [("en", f"{primary} in English")], "rules": []}


def place(number: int, name: str | None, *path: str, confidence: float | None = 0.9, **other) -> dict:
    """Write a place of a category, named from the general to the particular."""
    taxonomy = {"primary": path[-1], "hierarchy": list(path), "alternates": None} if path else None
    updated = [{"property": "", "dataset": "meta", "update_time": f"{year}-05-01T00:00:00Z"} for year in (2023, 2025)]
    row = {"id": f"p{number}", "names": named(name), "taxonomy": taxonomy, "confidence": confidence}
    return {**row, "version": 1, "sources": updated, "operating_status": "open", **other}


def division(number: int, name: str | None, kind: str | None, people: int | None = None, **other) -> dict:
    """Write a locality."""
    row = {"id": f"d{number}", "names": named(name), "subtype": "locality", "class": kind, "population": people}
    return {**row, "country": "SE", "parent_division_id": "county", "version": 1, **other}


def segment(number: int, kind: str, **other) -> dict:
    """Write a road."""
    ends = [{"connector_id": f"c{number}", "at": 0.0}, {"connector_id": f"c{number + 1}", "at": 1.0}]
    return {"id": f"s{number}", "subtype": "road", "class": kind, "connectors": ends, "version": 1, **other}


def denied(*, between=None, **when) -> dict:
    """Write a rule that denies access, under conditions if there are any."""
    return {"access_type": "denied", "when": when or None, "between": between}


def allowed(**when) -> dict:
    """Write a rule that allows access under conditions."""
    return {"access_type": "allowed", "when": when, "between": None}


def limit(value: int, unit: str = "km/h", *, between=None, **when) -> dict:
    """Write a rule of a speed limit."""
    return {"max_speed": {"value": value, "unit": unit}, "when": when or None, "between": between}


def at(lon: float, lat: float) -> Point:
    """A point in degrees."""
    return Point(lon, lat)
