"""All that can be doubted or counted about the tables of a study, found in one look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from ..expectations import Country, country_at
from ..origins import INSIDE, NEAR, OWN, Origins
from ..study import Study
from ..tables import Finding, Tables
from . import completeness, years
from .doubts import FAR_M, OFF_BORDER_M, far_services, odd_positions, outside_parish, without_people

EXAMPLES = 5


@dataclass(frozen=True)
class Quality:
    """
    Doubts about the data and figures of it; every frame has one row for one of them, positions in metres.

    Attributes
    ----------
    people
        People of the study's places, defaults by kind included.
    country
        Code of the country whose figures services are held against; empty where there are none.
    this_year
        What the age of sources is counted from.
    completeness
        Kinds of services held against the country's average; see `completeness.completeness`.
    years
        The age of each source; see `years.source_years`.
    accounts
        How many rows of each source stand where and why: `table`, `source`, `reason`, `standing`, `rows`.
    merged
        Rows that were made one with another: `table`, `source`, `row_id`, `name`, `into_id`, `into_name`, `reason`,
        `metres`, and the position `x`, `y` of what they became.
    outside_parish, without_people, far_services, odd_positions
        As the functions of these names give them.
    findings
        What of all this is a doubt that nobody has told before, in words.
    """

    people: float = 0.0
    country: str = ""
    this_year: int = 0
    completeness: pd.DataFrame = field(default_factory=pd.DataFrame)
    years: pd.DataFrame = field(default_factory=pd.DataFrame)
    accounts: pd.DataFrame = field(default_factory=pd.DataFrame)
    merged: pd.DataFrame = field(default_factory=pd.DataFrame)
    outside_parish: pd.DataFrame = field(default_factory=pd.DataFrame)
    without_people: pd.DataFrame = field(default_factory=pd.DataFrame)
    far_services: pd.DataFrame = field(default_factory=pd.DataFrame)
    odd_positions: pd.DataFrame = field(default_factory=pd.DataFrame)
    findings: tuple[Finding, ...] = ()


def examine(tables: Tables, study: Study, *, this_year: int | None = None) -> Quality:
    """
    Look for doubts about a study's data.

    Parameters
    ----------
    tables
        As `read_tables` gives them; without `origins` only what the tables themselves tell is found.
    study
        For its categories.
    this_year
        What the age of sources is counted from; today's year by default.
    """
    year = datetime.now(UTC).year if this_year is None else this_year
    people = float(tables.villages["people"].sum())
    categories = study.services.all_categories()
    country = _country_of(tables)
    origins = tables.origins
    complete = completeness.completeness(_found(tables), people, categories, country.by_category)
    ages = years.source_years(tables.sources, origins, year)
    nobody = without_people(tables.villages)
    findings = completeness.findings_of(complete, people, {key: category.en for key, category in categories.items()})
    if origins is None:
        findings += years.findings_of(ages)
        return Quality(people, country.code, year, complete, ages, without_people=nobody, findings=tuple(findings))
    parishes = outside_parish(tables.villages, tables.parishes, origins)
    far, odd = far_services(tables.services, origins), odd_positions(origins, tables.crs)
    findings += _findings(parishes, far, odd) + years.findings_of(ages)
    return Quality(
        people,
        country.code,
        year,
        complete,
        ages,
        accounts=_accounts(origins),
        merged=_merged(origins, tables),
        outside_parish=parishes,
        without_people=nobody,
        far_services=far,
        odd_positions=odd,
        findings=tuple(findings),
    )


def _country_of(tables: Tables) -> Country:
    """Find the country by the middle of the places."""
    xy = shapely.get_coordinates(tables.villages.geometry.to_numpy())
    lon, lat = Transformer.from_crs(tables.crs, "EPSG:4326", always_xy=True).transform(*np.median(xy, axis=0))
    return country_at(lon, lat)


def _found(tables: Tables) -> dict[str, int]:
    """Count the facilities inside the study's area by category."""
    if tables.origins is None:
        kinds = tables.services["category"]
    else:
        rows = tables.origins.services
        kinds = rows.loc[((rows["reason"] == OWN) & (rows["standing"] == INSIDE)).to_numpy(), "category"]
    return {str(key): int(count) for key, count in kinds.value_counts().items()}


def _accounts(origins: Origins) -> pd.DataFrame:
    """Count the rows of each source by where they stand and why."""
    keys = ["source", "reason", "standing"]
    counted = [
        rows.groupby(keys, sort=False).size().rename("rows").reset_index().assign(table=table)
        for table, rows in (("villages", origins.villages), ("services", origins.services))
        if len(rows)
    ]
    return pd.concat(counted, ignore_index=True)[["table", *keys, "rows"]]


def _merged(origins: Origins, tables: Tables) -> pd.DataFrame:
    """List the rows that are no longer their own, with what they became; stops that a timetable makes one are not."""
    places, services = origins.villages, origins.services
    begun = places[places["row_id"] == places["village_id"]].drop_duplicates("village_id").set_index("village_id")
    gone = places[(places["reason"] != OWN).to_numpy()].rename(columns={"village_id": "into_id"})
    at = begun.reindex(gone["into_id"])
    gone = gone.assign(table="villages", into_name=at["name"].to_numpy(), x=at["x"].to_numpy(), y=at["y"].to_numpy())
    twice = services[(services["reason"] == NEAR).to_numpy()].rename(columns={"service_id": "into_id"})
    names = tables.services.set_index("service_id")["name"].reindex(twice["into_id"])
    twice = twice.assign(table="services", into_name=names.to_numpy())
    columns = ["table", "source", "row_id", "name", "into_id", "into_name", "reason", "metres", "x", "y"]
    joined = pd.concat([gone[columns], twice[columns]], ignore_index=True)
    return joined.assign(metres=joined["metres"].astype("float64").round(1))


def _findings(parishes: pd.DataFrame, far: pd.DataFrame, odd: pd.DataFrame) -> list[Finding]:
    """Put single doubts into words; nothing where there are none."""
    found = []
    if len(parishes):
        text = f"places more than {OFF_BORDER_M:.0f} m outside the parish that their row names: {len(parishes)}"
        found.append(Finding("outside_parish", len(parishes), text, _some(parishes["name"])))
    if len(far):
        text = f"services more than {FAR_M / 1000:g} km from every place: {len(far)}"
        found.append(Finding("services_far", len(far), text, _some(far["name"].dropna())))
    if len(odd):
        text = f"positions that can hardly be meant (0, 0, or far away from everything else): {len(odd)}"
        found.append(Finding("positions_odd", len(odd), text, _some(odd["name"].fillna(odd["row_id"]))))
    return found


def _some(names: pd.Series) -> tuple[str, ...]:
    return tuple(sorted({str(name) for name in names})[:EXAMPLES])
