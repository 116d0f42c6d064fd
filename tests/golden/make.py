"""
Make the goldens beside this file: ``PYTHONPATH=tests python tests/golden/make.py`` in the project's folder.

Those that are kept were made by commit f0fbd02, before the kernels of version 0.2: what the method says must not have
changed with them. Make them anew only when a change is meant to change results, and say so in the changelog.
"""

import json
from pathlib import Path

import numpy as np
from conftest import osm_study

from geoklynge.pipeline import run
from geoklynge.sources import read_tables
from geoklynge.study import read_study
from geoklynge.ties import tie_villages
from geoklynge.travel import measure_travel

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
SAMPLE_COLUMNS = [
    "cluster_id", "village_ids", "population", "max_minutes", "mean_minutes", "cohesion", "overlap", "complementarity",
    "identity", "compactness", "viability", "balance", "services_missing", "hub_id",
]  # fmt: skip  # stability, and score through it, depend on which partitions chance made


def sample_plan() -> list[dict]:
    """The plan of the embedded sample, in the order of its ids."""
    clusters = run(read_study(PROJECT / "data/syddjurs/study.toml")).result.clusters[SAMPLE_COLUMNS]
    return clusters.sort_values("cluster_id").to_dict("records")


def network_facts(extract: str, **options: object) -> dict[str, float]:
    """Counts and means of travel and ties on real data."""
    study = osm_study(extract, **options)
    tables = read_tables(study)
    travel = measure_travel(tables, study.travel)
    ties = tie_villages(tables, travel, study)
    return {
        "villages": len(tables.villages),
        "services": len(tables.services),
        "roads": len(tables.roads),
        "pairs": len(travel.between.minutes),
        "mean_minutes": float(travel.between.minutes.mean()),
        "trips_to_services": len(travel.to_services.minutes),
        "mean_minutes_to_services": float(travel.to_services.minutes.mean()),
        "mean_minutes_to_the_nearest": float(np.nanmean(travel.nearest.to_numpy())),
        "nearest_unreached": int(travel.nearest.isna().to_numpy().sum()),
        "ties": len(ties.a),
        **{f"mean_{layer}": float(getattr(ties, layer).mean()) for layer in ("overlap", "identity", "weight")},
    }


if __name__ == "__main__":
    goldens = {
        "syddjurs_plan.json": sample_plan(),
        "syddjurs_network.json": network_facts("syddjurs.osm.pbf", municipalities=("0706",)),
        "denmark_network.json": network_facts("denmark.osm.pbf"),
    }
    for name, golden in goldens.items():
        (HERE / name).write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
