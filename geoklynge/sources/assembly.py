"""All files of a study made into one set of tables, checked and joined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from ..errors import StudyError
from ..open_data import OpenSource, open_source
from ..origins import OUTSIDE, Origins
from ..people import people_assumed
from ..study import Study
from ..tables import (
    PARISHES,
    ROADS,
    SERVICES,
    VILLAGES,
    Finding,
    Roads,
    SourceRecord,
    Tables,
    check_table,
    people_of,
)
from .accounts import osm_label, rows_as_read, service_rows, standings, stated_parishes, village_rows
from .areas import as_areas, join_areas
from .belonging import join_associations, join_surveys, names_for, read_associations, read_survey
from .columns import only_declared, only_said
from .formats import read_known
from .grid import box_of, counted_cells, join_grids, read_grid
from .gtfs import Timetable, read_timetable, without_mapped_stops
from .layers import Layer
from .lines import as_roads, join_roads, measure_links, read_links, roads_of
from .merge import Merged, merge_services, merge_villages
from .place import (
    SERVICES_BEYOND_M,
    StudyArea,
    inside_study,
    join_areas_by_place,
    study_area,
    study_crs,
    wanted_crs,
)
from .population import people_to_parishes, people_to_places
from .records import finding, record_of
from .services import as_services, place_services, require_villages
from .statbank import read_counts
from .stored_osm import StoredOsm, read_stored_osm
from .villages import as_villages

Read = tuple[gpd.GeoDataFrame, list[Finding]]


@dataclass
class _Desk:
    """One reading of a study: notes the record of every file and the findings about its rows."""

    study: Study
    crs: CRS | None
    cache: Path | None = None
    records: list[SourceRecord] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def file(self, source: str, table: str, made: Callable[[Layer], Read]) -> gpd.GeoDataFrame:
        layer = read_known(self.study.path_of(source), source=source, table=table, crs=self.crs)
        rows, findings = made(layer)
        self.findings += findings
        self.record(source, table, len(rows), layer.known)
        return rows

    def record(self, source: str, table: str, rows: int, known: OpenSource | None = None, **said: str) -> None:
        path = self.study.path_of(source)
        self.records.append(record_of(path, source=source, table=table, rows=rows, known=known, said=said))


def read_tables(study: Study, *, cache: Path | None = None) -> Tables:
    """
    Read all sources of a study.

    Parameters
    ----------
    study
        Names the files, the municipalities, and the reference system where it wants one of its own.
    cache
        Folder in which parsed OSM files are kept, and looked for; None for none. See `default_cache`.

    Returns
    -------
    Tables
        Geometry in the study's reference system (metres), ids unique, rows sorted by id; villages with
        parish, municipality and `people`; a record of every file and the findings about the data.

    Raises
    ------
    TableError
        If a file is missing, unreadable, or holds a value that cannot be used; names file, row and column.
    CrsError
        If a reference system is missing, unknown, not in metres, or not that of the coordinates.
    StudyError
        If the study names a municipality that its sources do not know, or no village lies in its area.
    """
    desk = _Desk(study, wanted_crs(study.crs), cache)
    osm = _read_osm(desk)
    found = _read_villages(desk, osm)
    crs = study_crs(desk.crs, found)
    merged = merge_villages([table.to_crs(crs) for table in found])
    desk.findings += merged.findings
    parishes = _read_areas(desk, "parishes", study.sources.parishes, crs)
    municipalities = _read_areas(desk, "municipalities", study.sources.municipalities, crs)
    joined = join_areas_by_place(merged.villages, parishes, municipalities)
    area = study_area(study.municipalities, joined, parishes, municipalities)
    joined, parishes = _read_population(desk, merged, joined, parishes, area)
    villages = _keep_villages(desk, joined, area, parishes)
    associations, survey = _read_belonging(desk, merged, villages)
    services, told = _read_services(desk, osm, merged, joined, area, crs)
    return Tables(
        villages=villages,
        services=services,
        crs=crs,
        parishes=None if parishes is None else only_said(parishes, PARISHES),
        municipalities=municipalities,
        roads=_read_roads(desk, osm, area, crs),
        links=_read_links(desk, merged, villages),
        associations=associations,
        survey=survey,
        grid=_read_grid(desk, joined, area, crs),
        other_roads=_read_other_roads(desk, area, crs),
        sources=tuple(desk.records),
        findings=tuple(desk.findings),
        origins=Origins(village_rows(desk.study, merged, villages), told, stated_parishes(merged.villages)),
    )


def _read_osm(desk: _Desk) -> StoredOsm | None:
    sources = desk.study.sources.osm
    if not sources:
        return None
    osm = read_stored_osm([(desk.study.path_of(source), source) for source in sources], desk.study, cache=desk.cache)
    for source, rows in zip(sources, osm.rows, strict=True):
        desk.record(source, "osm", rows)
    desk.findings += osm.findings
    return osm


def _read_villages(desk: _Desk, osm: StoredOsm | None) -> list[gpd.GeoDataFrame]:
    """Read every source of villages, in the order in which the study lists them."""
    found = []
    for source in desk.study.sources.villages or ("osm",):
        if source == "osm" and osm is not None:
            places = only_declared(osm.places, VILLAGES)
            check_table(pd.DataFrame(places), VILLAGES, source=f"{', '.join(desk.study.sources.osm)} (place nodes)")
            found.append(places)
        else:
            found.append(desk.file(source, "villages", as_villages))
    return found


def _read_areas(desk: _Desk, table: str, sources: tuple[str, ...], crs: CRS) -> gpd.GeoDataFrame | None:
    if not sources:
        return None
    tables = [desk.file(source, table, partial(as_areas, table=table)).to_crs(crs) for source in sources]
    return join_areas(tables, id_name="parish_id" if table == "parishes" else "municipality_id")


def _read_population(
    desk: _Desk, merged: Merged, villages: gpd.GeoDataFrame, parishes: gpd.GeoDataFrame | None, area: StudyArea
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame | None]:
    """Read tables of people and give the people to places, then to parishes."""
    inside, tables = inside_study(villages, area), []
    for source in desk.study.sources.population:
        counts, told = read_counts(desk.study.path_of(source), source=source)
        desk.record(source, "population", counts.read, counts.known, dated=str(counts.year))
        desk.findings += told
        tables.append((source, counts))
    for source, counts in tables:
        if counts.of == "place":
            villages, told = people_to_places(counts, villages, source=source, now=merged.now, inside=inside)
            desk.findings += told
    for source, counts in tables:
        if counts.of == "parish":
            parishes, told = people_to_parishes(counts, parishes, villages, source=source, inside=inside)
            desk.findings += told
    return villages, parishes


def _keep_villages(
    desk: _Desk, joined: gpd.GeoDataFrame, area: StudyArea, parishes: gpd.GeoDataFrame | None
) -> gpd.GeoDataFrame:
    """Keep the villages of the study's area, and count their people."""
    inside = inside_study(joined, area)
    outside = int((~inside).sum())
    if not inside.any():
        raise StudyError(
            f"none of the {len(joined)} places lies in the study's area",
            where=desk.study.name,
            advice="check study.municipalities and the positions of the villages",
        )
    text = f"places outside the study's area, left out: {outside} of {len(joined)}"
    desk.findings += finding("places_outside", outside, text, joined.loc[~inside, "name"])
    villages = only_said(joined[inside].sort_values("village_id", ignore_index=True), VILLAGES)
    _require_municipalities(desk, villages)
    _note_gaps(desk, villages, with_parishes=parishes is not None)
    return villages.assign(people=people_of(villages, desk.study.limits.people_where_unknown))


def _require_municipalities(desk: _Desk, villages: gpd.GeoDataFrame) -> None:
    """Refuse villages of no known municipality where clusters must keep to one."""
    without = villages.loc[villages["municipality_id"].isna(), "name"]
    if desk.study.limits.one_municipality and len(without):
        raise StudyError(
            f"clusters must keep to one municipality, but no source says which one {without.iloc[0]!r} lies in"
            + (f" (and {len(without) - 1} more)" if len(without) > 1 else ""),
            where="limits.one_municipality",
            advice="add sources.municipalities or a municipality column, or take the limit out",
        )


def _note_gaps(desk: _Desk, villages: gpd.GeoDataFrame, *, with_parishes: bool) -> None:
    desk.findings += defaults_told(villages)
    without = villages["parish_id"].isna() & villages["parish"].isna()
    count = int(without.sum()) if with_parishes or not without.all() else 0
    text = f"places in no known parish, without identity through one: {count} of {len(villages)}"
    desk.findings += finding("places_without_parish", count, text, villages.loc[without, "name"])


def defaults_told(villages: gpd.GeoDataFrame) -> list[Finding]:
    """Tell how many places count with the default of their kind."""
    assumed = people_assumed(villages)
    text = f"places without a population, counted with the default of their kind: {assumed.sum()} of {len(villages)}"
    return finding("population_missing", int(assumed.sum()), text, villages.loc[assumed, "name"])


def _service_files(desk: _Desk, merged: Merged, crs: CRS) -> list[gpd.GeoDataFrame]:
    categories = desk.study.services.all_categories()
    tables = []
    for source in desk.study.sources.services:
        rows = desk.file(source, "services", partial(as_services, categories=categories))
        rows["village_id"] = require_villages(rows, "village_id", merged.now, source=source)
        tables.append(rows.to_crs(crs).sort_values("service_id", ignore_index=True))
    return tables


def _read_timetables(desk: _Desk, area: StudyArea, crs: CRS) -> list[Timetable]:
    near, tables = partial(area.within, beyond_m=SERVICES_BEYOND_M), []
    for source in desk.study.sources.timetables:
        read = read_timetable(desk.study.path_of(source), source=source, crs=crs, near=near)
        known = open_source("gtfs") if read.publisher == open_source("gtfs").attribution else None
        said = {"attribution": read.publisher, "dated": read.week.isoformat()}
        desk.record(source, "timetables", len(read.stops), known, **said)
        desk.findings += read.findings
        tables.append(read)
    return tables


def _read_services(
    desk: _Desk, osm: StoredOsm | None, merged: Merged, joined: gpd.GeoDataFrame, area: StudyArea, crs: CRS
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Read the services of files, timetables and OSM (GeoFA's before mappers'), merge, place, clip; and their rows."""
    timetables, files = _read_timetables(desk, area, crs), _service_files(desk, merged, crs)
    tables = [*files, *(each.services for each in timetables)]
    names, left = [*desk.study.sources.services, *desk.study.sources.timetables], list[pd.DataFrame]()
    if osm is not None and len(osm.services):
        mapped = only_declared(osm.services, SERVICES).to_crs(crs)
        if timetables:
            mapped, gone, unserved = without_mapped_stops(mapped, pd.concat(tables[len(files) :], ignore_index=True))
            desk.findings += unserved
            left = [gone.assign(source=osm_label(desk.study))]
        official = (mapped["source"] == "GeoFA").to_numpy(dtype=bool)
        tables += [mapped[official], mapped[~official]]
        names += [osm_label(desk.study)] * 2
    if not tables:
        nothing = only_declared(gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=crs)), SERVICES)
        tables, names = [nothing], [""]
    told = merge_services(tables)
    desk.findings += told.findings
    services = place_services(told.services, joined)
    standing = standings(services.geometry, area)
    near = standing != OUTSIDE
    far = int((~near).sum())
    text = f"services more than 20 km outside the study's area, left out: {far} of {len(services)}"
    called = services.loc[~near, "name"].fillna(services.loc[~near, "category"])
    desk.findings += finding("services_outside", far, text, called)
    stops = {len(files) + number: each.stops for number, each in enumerate(timetables)}
    read = rows_as_read(tables, names, stops=stops, left=left)
    rows = service_rows(read, told, services, standing, area)
    kept = services[near].sort_values("service_id", ignore_index=True)
    ours = joined.loc[inside_study(joined, area), "village_id"]
    return kept.assign(village_id=kept["village_id"].where(kept["village_id"].isin(ours))), rows


def _read_roads(desk: _Desk, osm: StoredOsm | None, area: StudyArea, crs: CRS) -> Roads | None:
    mode = desk.study.travel.mode
    parts = [
        roads_of(_checked(desk.file(source, "roads", partial(as_roads, mode=mode)), source).to_crs(crs))
        for source in desk.study.sources.roads
    ]
    if osm is not None:
        parts.append(osm.roads_in(crs))
    parts = [part for part in parts if len(part)]
    if not parts:
        return None
    roads = join_roads(parts)
    return roads.take(area.touched_by(roads))


def _read_other_roads(desk: _Desk, area: StudyArea, crs: CRS) -> dict[str, Roads]:
    """Read the roads of the modes that ties mix in: other ways are open to them, and one-way roads less often bind."""
    study, found = desk.study, dict[str, Roads]()
    for mode in study.mixture():
        if mode != study.travel.mode:
            travel = study.travel.model_copy(update={"mode": mode})
            # the same files looked at again: their records and findings are told already
            again = _Desk(study.model_copy(update={"travel": travel}), desk.crs, desk.cache)
            roads = _read_roads(again, _read_osm(again), area, crs)
            if roads is not None:
                found[mode] = roads
    return found


def _checked(lines: gpd.GeoDataFrame, source: str) -> gpd.GeoDataFrame:
    check_table(pd.DataFrame(lines), ROADS, source=source, unique_id=False)
    return lines


def _read_links(desk: _Desk, merged: Merged, villages: gpd.GeoDataFrame) -> pd.DataFrame | None:
    tables = []
    for source in desk.study.sources.links:
        rows = read_links(desk.study.path_of(source), source=source, now=merged.now)
        desk.record(source, "links", len(rows))
        tables.append(rows)
    if not tables:
        return None
    links, findings = measure_links(
        pd.concat(tables, ignore_index=True), villages, read=merged.villages, detour=desk.study.travel.detour
    )
    desk.findings += findings
    return links


def _read_grid(desk: _Desk, joined: gpd.GeoDataFrame, area: StudyArea, crs: CRS) -> gpd.GeoDataFrame | None:
    """Read the cells with people that are the study's."""
    sources = desk.study.sources.grid
    if not sources:
        return None
    inside, tables = inside_study(joined, area), []
    box = box_of(area, joined[inside])
    for source in sources:
        path = desk.study.path_of(source)
        cells, findings, known = read_grid(path, source=source, box=box, crs=crs, metres=desk.crs)
        desk.findings += findings
        desk.record(source, "grid", len(cells), known)
        tables.append(cells)
    counted, findings = counted_cells(join_grids(tables), area, joined, inside)
    desk.findings += findings
    return counted


def _read_belonging(
    desk: _Desk, merged: Merged, villages: gpd.GeoDataFrame
) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """Read associations and survey, each None where the study names no file of it."""
    inside, joined = villages["village_id"], list[pd.DataFrame | None]()
    named = names_for(merged.named, inside)
    for table, read, join in (
        ("associations", read_associations, join_associations),
        ("survey", read_survey, join_surveys),
    ):
        tables = []
        for source in getattr(desk.study.sources, table):
            rows = read(desk.study.path_of(source), source=source, now=merged.now, named=named)
            desk.record(source, table, len(rows))
            tables.append(rows)
        kept, findings = join(tables, inside) if tables else (None, [])
        joined.append(kept)
        desk.findings += findings
    return joined[0], joined[1]
