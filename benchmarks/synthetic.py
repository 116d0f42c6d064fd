"""A made-up country of about Denmark's size, for machines without the real data: seeded, the same every time."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import Delaunay

from .country import DEGREES, METRES, Country, Tags

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

WEST_M, SOUTH_M = 450_000.0, 6_060_000.0  # where Jutland begins, in EPSG:25832
HIGHWAYS = ("unclassified", "unclassified", "residential", "secondary", "tertiary", "primary")
TOWN_PEOPLE = 1_200
IN_VILLAGES = 0.7  # share of the junctions that are in a village
LIMITS = ("", "50", "60", "80")
SERVICES: tuple[tuple[tuple[str, str], float], ...] = (  # a tag, and how many stand in 100 villages
    (("amenity", "school"), 35),
    (("amenity", "kindergarten"), 40),
    (("shop", "supermarket"), 55),
    (("amenity", "place_of_worship"), 45),
    (("amenity", "pharmacy"), 8),
    (("amenity", "doctors"), 15),
    (("amenity", "library"), 9),
    (("amenity", "fuel"), 40),
    (("amenity", "bank"), 15),
    (("leisure", "playground"), 60),
    (("amenity", "cafe"), 40),
    (("amenity", "community_centre"), 15),
)


@dataclass(frozen=True)
class Sizes:
    """How large the country is. The defaults are Denmark's: 5,500 places, 250,000 roads, 5.2 million nodes."""

    villages: int = 5_500
    junctions: int = 100_000
    roads: int = 250_000
    nodes_a_road: int = 20
    municipalities_across: int = 10
    parishes_across: int = 46
    width_m: float = 280_000.0
    height_m: float = 340_000.0


SMALL = Sizes(120, 900, 2_200, 20, 3, 8, 40_000.0, 45_000.0)


def make_country(sizes: Sizes, seed: int = 1) -> Country:
    """
    Make a country: junctions joined to their neighbours by winding roads, most of them in and around villages.

    Areas are rectangles.
    """
    rng = np.random.default_rng(seed)
    extent = np.array([sizes.width_m, sizes.height_m])
    homes = np.array([WEST_M, SOUTH_M]) + extent * rng.random((sizes.villages, 2))
    streets = homes[rng.integers(len(homes), size=int(sizes.junctions * IN_VILLAGES))]
    streets += rng.normal(0, 400, streets.shape)
    between = np.array([WEST_M, SOUTH_M]) + extent * rng.random((sizes.junctions - len(streets), 2))
    junctions = np.concatenate([streets, between])
    a, b = _neighbours(junctions, sizes.roads, rng)
    xy, node = _wind(junctions, a, b, sizes.nodes_a_road, rng)
    people = np.round(np.exp(rng.normal(5.5, 1.1, sizes.villages))).astype(int)
    points, tags = _villages_and_services(homes, people, rng)
    roads = len(a)
    kinds = tuple(
        (("highway", way), ("maxspeed", limit)) if limit else (("highway", way),)
        for way in HIGHWAYS
        for limit in LIMITS
    )
    return Country(
        np.arange(1, len(xy) + len(points) + 1, dtype=np.int64),
        np.concatenate([xy, points]),
        {len(xy) + row: pairs for row, pairs in enumerate(tags)},
        np.arange(1, roads + 1, dtype=np.int64),
        np.arange(roads + 1, dtype=np.int64) * node.shape[1],
        node.ravel(),
        rng.integers(len(kinds), size=roads).astype(np.int32),
        kinds,
        _areas(sizes, sizes.parishes_across, "sogn"),
        _areas(sizes, sizes.municipalities_across, "kommune"),
        _towns(homes, people),
    )


def _towns(homes: Floats, people: Longs) -> pd.DataFrame:
    """Write the larger places down once more, as GeoNames would."""
    large = np.flatnonzero(people >= TOWN_PEOPLE)
    lon, lat = Transformer.from_crs(METRES, DEGREES, always_xy=True).transform(*homes[large].T)
    names = [f"Landsby {number + 1}" for number in large]
    return pd.DataFrame({"geonameid": large + 1, "name": names, "lat": lat, "lon": lon, "population": people[large]})


def _neighbours(junctions: Floats, wanted: int, rng: np.random.Generator) -> tuple[Longs, Longs]:
    """Draw roads among the edges of a Delaunay triangulation, short ones first and a few of the rest."""
    corners = Delaunay(junctions).simplices
    edges = np.unique(np.sort(np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]], corners[:, [0, 2]]])), axis=0)
    length = np.hypot(*(junctions[edges[:, 0]] - junctions[edges[:, 1]]).T)
    kept = edges[np.argsort(length * rng.uniform(0.5, 1.5, len(length)))[:wanted]]
    return kept[:, 0].astype(np.int64), kept[:, 1].astype(np.int64)


def _wind(junctions: Floats, a: Longs, b: Longs, nodes_a_road: int, rng: np.random.Generator) -> tuple[Floats, Longs]:
    """Put bends into straight roads. Returns all nodes, and each road's rows among them, shape (roads, nodes)."""
    inner = nodes_a_road - 2
    share = np.linspace(0, 1, nodes_a_road)[1:-1]
    across = (junctions[b] - junctions[a])[:, ::-1] * [-1, 1]
    bend = np.sin(np.pi * share) * rng.uniform(-0.15, 0.15, (len(a), 1))
    straight = junctions[a][:, None] * (1 - share[:, None]) + junctions[b][:, None] * share[:, None]
    bends = straight + bend[:, :, None] * across[:, None]
    rows = len(junctions) + np.arange(len(a) * inner).reshape(len(a), inner)
    return np.concatenate([junctions, bends.reshape(-1, 2)]), np.column_stack([a, rows, b])


def _villages_and_services(homes: Floats, people: Longs, rng: np.random.Generator) -> tuple[Floats, list[Tags]]:
    points, tags = [homes + rng.normal(0, 60, homes.shape)], []
    for number, count in enumerate(people):
        kind = "town" if count > 5_000 else "village" if count > 200 else "hamlet"
        name = (("place", kind), ("name", f"Landsby {number + 1}"))
        tags.append((*name, ("population", str(count))) if rng.random() < 0.65 else name)
    for tag, in_100 in SERVICES:
        there = homes[rng.choice(len(homes), round(len(homes) * in_100 / 100))]
        points.append(there + rng.normal(0, 150, there.shape))
        tags += [(tag, ("name", f"{tag[1]} {number + 1}")) for number in range(len(there))]
    return np.concatenate(points), tags


def _areas(sizes: Sizes, across: int, kind: str) -> gpd.GeoDataFrame:
    """Cut the country into rectangles; a parish is told the municipality that its middle lies in."""
    width, height = sizes.width_m / across, sizes.height_m / across
    column, row = (part.ravel() for part in np.meshgrid(np.arange(across), np.arange(across)))
    west, south = WEST_M + column * width, SOUTH_M + row * height
    boxes = shapely.box(west, south, west + width, south + height)
    number = np.arange(across * across) + 1
    share = (np.array([column, row]) + 0.5) / across * sizes.municipalities_across
    municipality = share[1].astype(int) * sizes.municipalities_across + share[0].astype(int) + 1
    table = {
        "kommunekode": [f"{code:04d}" for code in municipality],
        f"{kind}{'e' if kind == 'sogn' else ''}navn": [f"{kind.capitalize()} {code}" for code in number],
    }
    if kind == "sogn":
        table["sognekode"] = [f"{7000 + code}" for code in number]
    return gpd.GeoDataFrame(table, geometry=boxes, crs=METRES).to_crs(DEGREES)
