"""The tables that come with geoklynge are made of their fact tables by one command, byte by byte."""

import csv
import runpy
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).parents[1] / "data"
FACTS = Path(__file__).parents[2] / "shared" / "facts"
BUILD = runpy.run_path(str(DATA / "build.py"))
TABLES = [rule.table for rule in BUILD["RULES"]]
COPIED = {
    "syddjurs/facts/villages.csv": "syddjurs/villages.csv",
    "syddjurs/facts/parishes.csv": "syddjurs/parishes.csv",
    "syddjurs/facts/services.csv": "syddjurs/services.csv",
    "syddjurs/facts/links.csv": "syddjurs/links.csv",
    "facts/geonames_dk.csv": "geonames_dk.csv",
    "known_clusters.csv": "known_clusters.csv",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Run the documented command into an empty folder."""
    folder = tmp_path_factory.mktemp("built")
    done = subprocess.run([sys.executable, DATA / "build.py", folder], check=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == len(TABLES)
    return folder


def test_every_table_of_data_is_built_but_the_known_clusters():
    tables = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*.csv") if "facts" not in path.parts}
    assert tables == {*TABLES, "known_clusters.csv"}


@pytest.mark.parametrize("table", TABLES)
def test_the_command_makes_the_same_bytes(built, table):
    assert (built / table).read_bytes() == (DATA / table).read_bytes()


@pytest.mark.parametrize("table", TABLES)
def test_no_row_is_lost_made_up_or_moved(table):
    facts = next(rule.facts for rule in BUILD["RULES"] if rule.table == table)
    with (DATA / facts).open(encoding="utf-8", newline="") as one, (DATA / table).open(encoding="utf-8") as other:
        assert [row[0] for row in csv.reader(one)] == [row[0] for row in csv.reader(other)]


@pytest.mark.parametrize(("copy", "fact"), COPIED.items())
def test_the_facts_are_those_that_were_compiled(copy, fact):
    if not (FACTS / fact).is_file():
        pytest.skip(f"needs the fact tables in {FACTS}")
    assert (DATA / copy).read_bytes() == (FACTS / fact).read_bytes()


def test_a_dropped_column_that_says_something_is_not_dropped_in_silence():
    rule = BUILD["Rule"]("f.csv", "t.csv", dropped=("church_lat",))
    facts = pd.DataFrame({"parish": ["Agri"], "church_lat": ["56.2"]})
    with pytest.raises(ValueError, match=r"f\.csv: column 'church_lat' is not empty any more"):
        BUILD["table_of"](facts, rule)
