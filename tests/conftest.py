"""Runs that several tests look at; each is made once."""

from pathlib import Path

import numpy as np
import pytest
import shapely
from browsing import browser, visit  # noqa: F401 - fixtures of the tests that look at pages
from fetched import client, copy, fetched, replay, server, waits  # noqa: F401 - fixtures of the tests that fetch

from geoklynge.pipeline import Run, run
from geoklynge.sources import read_tables
from geoklynge.study import Study, read_study
from geoklynge.tables import Tables

PROJECT = Path(__file__).parents[1]
DENMARK = PROJECT.parent / "shared/data/denmark"


def osm_study(extract: str, *, municipalities: tuple[str, ...] = (), **parts: object) -> Study:
    """A study of real data: an OSM extract with DAGI borders, GeoNames filling in villages."""
    sources = {
        "osm": str(DENMARK / extract),
        "villages": ["osm", str(PROJECT / "data/geonames_dk.csv")],
        "parishes": str(DENMARK / "dagi_sogne.geojson"),
        "municipalities": str(DENMARK / "dagi_kommuner.geojson"),
    }
    return Study(**{"name": extract, "municipalities": municipalities, "sources": sources, **parts})


def pytest_addoption(parser):
    """Add --live: ask the real services, too."""
    parser.addoption("--live", action="store_true", help="also run the tests that ask the real services")


def pytest_collection_modifyitems(config, items):
    """Leave out what asks the real services, unless --live says otherwise."""
    if not config.getoption("--live"):
        skip = pytest.mark.skip(reason="asks the real services: run with --live")
        for item in items:
            if "live" in item.keywords:
                item.add_marker(skip)


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_tests(tmp_path_factory):
    """Keep the tests out of the user's cache, and every test session out of the last one's."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GEOKLYNGE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def sample_study() -> Study:
    """The embedded sample."""
    return read_study(PROJECT / "data/syddjurs/study.toml")


@pytest.fixture(scope="session")
def sample_run(sample_study: Study) -> Run:
    """A run of the embedded sample."""
    return run(sample_study)


@pytest.fixture(scope="session")
def grid_study(sample_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The embedded sample with a made-up population grid: 25 cells around each village, and some far from all."""
    villages = read_tables(sample_study).villages
    rng = np.random.default_rng(2021)
    middle = shapely.get_coordinates(villages.geometry.to_crs(3035).to_numpy())
    steps = np.stack(np.meshgrid(np.arange(-2, 3), np.arange(-2, 3)), axis=-1).reshape(-1, 2)
    east, north = np.unique((middle[:, None] // 1000 + steps).reshape(-1, 2), axis=0).astype(int).T
    people = rng.integers(1, 60, len(east))
    rows = [f"CRS3035RES1000mN{n}000E{e}000,{p}" for n, e, p in zip(north, east, people, strict=True)]
    path = tmp_path_factory.mktemp("grid") / "census.csv"
    path.write_text("\n".join(["GRD_ID,T", *rows, ""]), encoding="utf-8")
    return sample_study.model_copy(update={"sources": sample_study.sources.model_copy(update={"grid": (str(path),)})})


@pytest.fixture(scope="session")
def grid_run(grid_study: Study) -> Run:
    """A run of the embedded sample with people in the open country."""
    return run(grid_study)


@pytest.fixture(scope="session")
def syddjurs_study() -> Study:
    """Syddjurs from real data."""
    if not DENMARK.is_dir():
        pytest.skip("the real data in ../shared/data/denmark is not here")
    return osm_study("syddjurs.osm.pbf", municipalities=("0706",))


@pytest.fixture(scope="session")
def syddjurs_tables(syddjurs_study: Study) -> Tables:
    """Tables of Syddjurs from real data."""
    return read_tables(syddjurs_study)
