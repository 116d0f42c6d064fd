"""Small source files and studies over them, for the tests of geoklynge.sources."""

from pathlib import Path

import geopandas as gpd
import osmium
from osmium.osm import mutable

from geoklynge.sources import read_tables
from geoklynge.study import Study
from geoklynge.tables import Tables

DATA = Path(__file__).parents[1] / "data"
DENMARK = Path(__file__).parents[2] / "shared" / "data" / "denmark"

# Four places on Mols; the numbers are made up where the last digits are zeros.
MOLS = """village_id,name,lat,lon,population,kind,parish
knebel,Knebel,56.2141,10.4887,628,village,Knebel
vistoft,Vistoft,56.1960,10.5090,118,village,Vistoft
agri,Agri,56.2320,10.5260,,hamlet,Agri
roende,Rønde,56.3015,10.4751,3328,town,Bregnet
"""


def write(folder: Path, name: str, text: str, encoding: str = "utf-8") -> str:
    """Write a text file and give back its name, for a study in the same folder."""
    (folder / name).write_bytes(text.encode(encoding))
    return name


def study_in(folder: Path, *, only=(), crs=None, travel=None, limits=None, ties=None, **sources) -> Study:
    """Make a study of files in `folder`, of the municipalities `only`; by default of the four places on Mols."""
    if not {"villages", "osm"} & set(sources):
        sources["villages"] = write(folder, "villages.csv", MOLS)
    return Study(
        name="Mols",
        folder=folder,
        municipalities=only,
        crs=crs,
        travel=travel or {},
        limits=limits or {},
        ties=ties or {},
        sources=sources,
    )


def read(folder: Path, **options) -> Tables:
    """Read the tables of a study of files in `folder`."""
    return read_tables(study_in(folder, **options))


def road_table(tables: Tables) -> gpd.GeoDataFrame:
    """Show the roads of tables line by line."""
    assert tables.roads is not None
    return tables.roads.table(tables.crs)


def finding(tables: Tables, code: str) -> int:
    """Count the rows that a finding of this code concerns; 0 without one."""
    return sum(found.count for found in tables.findings if found.code == code)


def geojson(folder: Path, name: str, rows: dict, shapes: list, crs: object = 4326) -> str:
    """Write a GeoJSON file in WGS84 and give back its name."""
    gpd.GeoDataFrame(rows, geometry=shapes, crs=crs).to_crs(4326).to_file(folder / name, driver="GeoJSON")
    return name


def pbf(folder: Path, name: str, nodes: dict, ways: dict | None = None) -> str:
    """Write an OSM file of nodes {id: (lon, lat, tags)} and ways {id: (node ids, tags)}."""
    with osmium.SimpleWriter(str(folder / name)) as writer:
        for ref, (lon, lat, tags) in sorted(nodes.items()):
            writer.add_node(mutable.Node(id=ref, location=(lon, lat), tags=tags))
        for ref, (members, tags) in sorted((ways or {}).items()):
            writer.add_way(mutable.Way(id=ref, nodes=members, tags=tags))
    return name
