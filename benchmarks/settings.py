"""What to measure on, how often, and where inputs are kept."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from . import measure
from .results import FOLDER

DENMARK = measure.ROOT.parent / "shared" / "data" / "denmark"
VILLAGES = measure.ROOT / "data" / "geonames_dk.csv"
SIZES = (1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 10)
QUICK_SIZES = (1 / 2, 1, 2)


@dataclass(frozen=True)
class Base:
    """The files of the country that is measured on; `name` is what the results call it."""

    name: str
    pbf: Path
    parishes: Path
    municipalities: Path
    villages: Path

    def files(self) -> dict[str, str]:
        """Give the paths as JSON can carry them."""
        return {key: str(getattr(self, key)) for key in ("pbf", "parishes", "municipalities", "villages")}

    def stamp(self) -> str:
        """Tell these inputs from others."""
        digest = hashlib.sha256()
        for path in self.files().values():
            digest.update(Path(path).read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Settings:
    """
    How to measure.

    `origins` are how many searches slow peers make (their time is scaled up, and the results say so), `members` how
    many partitions an ensemble has and `slow_members` how many of them a slow peer makes.
    """

    base: Base
    quick: bool
    repetitions: int
    timeout_s: float
    sizes: tuple[float, ...]
    members: int
    slow_members: int
    origins: dict[str, int]
    cache: Path
    results: Path

    def folder(self, name: str) -> Path:
        """Name a folder of prepared inputs for this country."""
        return self.cache / f"{self.base.stamp()}-{name}"


def cache_folder() -> Path:
    """Where prepared inputs are kept between runs: never in the repository."""
    chosen = os.environ.get("GEOKLYNGE_BENCH_CACHE")
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else user / "geoklynge-benchmarks"


def find_base(*, quick: bool) -> Base:
    """Choose the real data where it is, else a made-up country, written on first use."""
    if DENMARK.is_dir():
        stem = "syddjurs" if quick else "denmark"
        areas = (DENMARK / name for name in ("dagi_sogne.geojson", "dagi_kommuner.geojson"))
        return Base(f"{stem}.osm.pbf", DENMARK / f"{stem}.osm.pbf", *areas, VILLAGES)
    folder = cache_folder() / ("synthetic-small" if quick else "synthetic")
    if not folder.is_dir():
        made = measure.call("benchmarks.prepare:synthetic", {"folder": str(folder), "small": quick}, timeout_s=3600)
        if made.error:
            raise RuntimeError(f"no country to measure on: {made.error}")
    names = ("country.osm.pbf", "parishes.geojson", "municipalities.geojson", "villages.csv")
    return Base("a made-up country (seed 1)", *(folder / name for name in names))


def make_settings(
    *, quick: bool, repetitions: int | None, timeout_s: float, sizes: tuple[float, ...] | None
) -> Settings:
    """Fill in what the command line leaves open."""
    slow, quicker = (5, 20) if quick else (50, 500)
    return Settings(
        base=find_base(quick=quick),
        quick=quick,
        repetitions=repetitions or (1 if quick else 5),
        timeout_s=timeout_s,
        sizes=sizes or (QUICK_SIZES if quick else SIZES),
        members=10 if quick else 100,
        slow_members=1 if quick else 2,
        origins={"networkx": 2 * slow, "igraph": slow, "scipy": quicker, "pandana range": 2 * slow},
        cache=cache_folder(),
        results=FOLDER / "quick" if quick else FOLDER,
    )
