"""Inputs that several cases share, made once in a process of their own and kept in the cache folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import ours
from .cases import digest
from .country import cut, read_country, tile, without_strays, written_once
from .synthetic import SMALL, Sizes, make_country

FILES = {
    "pbf": "country.osm.pbf",
    "villages": "villages.csv",
    "parishes": "parishes.geojson",
    "municipalities": "municipalities.geojson",
}


def synthetic(folder: str, *, small: bool) -> dict[str, int]:
    """Write the made-up country."""
    counts: dict[str, int] = {}
    for unfinished in written_once(Path(folder)):
        counts = tile(make_country(SMALL if small else Sizes()), 1, unfinished)
    return counts


def sized(folder: str, files: Mapping[str, str], size: float) -> dict[str, int]:
    """Write a country of `size` times the one in `files`, with its study: a part of it, or copies of it."""
    counts: dict[str, int] = {}
    for unfinished in written_once(Path(folder)):
        country = without_strays(
            read_country(*(Path(files[key]) for key in ("pbf", "parishes", "municipalities", "villages")))
        )
        counts = tile(cut(country, size) if size < 1 else country, max(1, round(size)), unfinished)
        ours.write_study(unfinished / "study.toml", name=f"times {size:g}", files=FILES)
        (unfinished / "nodes").write_text(str(counts["nodes"]), encoding="ascii")
    return counts


def routing(folder: str, files: Mapping[str, str]) -> dict[str, int]:
    """Keep the contracted graph of a country with its villages and services."""
    for unfinished in written_once(Path(folder)):
        ours.write_study(unfinished / "study.toml", name="routing", files=files)
        arrays = ours.road_inputs(str(unfinished / "study.toml"))
        np.savez(unfinished / "roads.npz", **arrays)
        (unfinished / "digest").write_text(digest(arrays), encoding="ascii")
    return {}


def partitions(folder: str, files: Mapping[str, str]) -> dict[str, int]:
    """Keep the tie network of a country."""
    for unfinished in written_once(Path(folder)):
        ours.write_study(unfinished / "study.toml", name="partitions", files=files)
        kept = str(unfinished / "ties.pickle")
        ours.partition_inputs(str(unfinished / "study.toml"), kept)
        _, a, b, weight, _ = next(ours.ensemble_networks(kept, 1))
        (unfinished / "digest").write_text(digest({"a": a, "b": b, "weight": weight}), encoding="ascii")
    return {}


def words(folder: str) -> dict[str, int]:
    """Keep what the tags of roads and services mean, so that peers need not import geoklynge for it."""
    for unfinished in written_once(Path(folder)):
        known = {"speeds": ours.speeds(), "services": ours.service_tags()}
        (unfinished / "words.json").write_text(json.dumps(known), encoding="utf-8")
    return {}


def study(folder: str, files: Mapping[str, str]) -> dict[str, int]:
    """Write the study of a whole country."""
    for unfinished in written_once(Path(folder)):
        ours.write_study(unfinished / "study.toml", name="benchmark", files=files)
    return {}
