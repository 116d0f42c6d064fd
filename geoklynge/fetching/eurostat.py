"""Eurostat's population grid: out of the zip file of all Europe only the table, and of that the cells of the place."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

import geopandas as gpd

from ..errors import FetchError, NothingThereError, TableError
from ..sources.cells import GRID_CRS, columns_of, fields_of, read_cells
from ..sources.grid import CELL_M
from ..sources.packed import UNREADABLE
from ..sources.positions import WGS84
from .asking import MEGABYTE, ZIP, Kind, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Question, Task, question_of
from .ranges import RangeFile, open_ranges
from .whole_file import whole_request

PART_OF_ZIP = Kind(ZIP.name, ZIP.accept, ZIP.types, lambda _part: "")
HEAD_OF_MEMBER = 1 << 12  # more than a member's own header takes


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the zip file; in parts, where the source can do that."""
    return (whole_request(task, PART_OF_ZIP),)


def fetch(client: Client, task: Task) -> Draft:
    """
    Write the cells within the place's reach, with their people.

    Raises
    ------
    FetchError
        If the archive does not come, holds no table, or one that is too large.
    """
    (request,) = questions(task)
    file = open_ranges(client, request)
    with tempfile.TemporaryDirectory(dir=task.folder, prefix=".taken-") as folder:
        if file is not None:
            table = _take_member(cast("BinaryIO", io.BufferedReader(file, 1 << 16)), Path(folder), task, file)
            asked: tuple[Question, ...] = tuple(file.asked)
            dated, whole = "", file.size()
        else:
            answer = ask(client, whole_request(task, ZIP))
            with answer.path.open("rb") as stream:
                table = _take_member(stream, Path(folder), task)
            asked, dated, whole = (question_of(answer),), answer.dated, answer.size
        cells = _cells(table, task)
    if cells.empty:
        raise NothingThereError("it has no cell there", source=task.key, advice="see whether the place is right")
    fields = task.source.fields
    cells = cells.rename(columns={"cell_id": fields["cell_id"], "people": fields["people"]})
    text = cells.to_csv(index=False, lineterminator="\n", float_format="%.10g")
    task.file().write_text(text, encoding="utf-8")
    come = sum(question.size for question in asked) / MEGABYTE
    note = f"{len(cells)} cells, those around the place, out of {table.name} ({come:.1f} of {whole / MEGABYTE:,.0f} MB)"
    return Draft(((task.source.file, task.source.table),), asked, dated=dated, notes=(note,))


def _take_member(stream: BinaryIO, folder: Path, task: Task, file: RangeFile | None = None) -> Path:
    """Take the table out of the archive into a folder, under its bare name."""
    try:
        with zipfile.ZipFile(stream) as archive:
            member = _chosen(archive.infolist(), task)
            if file is not None:
                first = member.header_offset
                file.need([(first, first + HEAD_OF_MEMBER + len(member.filename) + member.compress_size)])
            path = folder / PurePosixPath(member.filename).name
            with archive.open(member) as packed, path.open("wb") as plain:
                shutil.copyfileobj(packed, plain, 1 << 20)
            return path
    except UNREADABLE as error:
        said = " ".join(str(error).split())[:120]
        raise FetchError(
            f"the archive cannot be read ({said})", source=task.key, advice="run the command again later"
        ) from None


def _chosen(members: Sequence[zipfile.ZipInfo], task: Task) -> zipfile.ZipInfo:
    """Choose the table of an archive: the largest file of the first ending that there is."""
    settings = task.source.settings
    for ending in settings["members"]:
        fitting = [one for one in members if not one.is_dir() and one.filename.casefold().endswith(ending)]
        if fitting:
            member = max(fitting, key=lambda one: one.file_size)
            at_most = float(settings["at_most_mb_unpacked"])
            if member.flag_bits & 0x1 or member.file_size > at_most * MEGABYTE:
                raise FetchError(
                    f"{member.filename[:60]} would have {member.file_size / MEGABYTE:,.0f} MB, or is locked",
                    source=task.key,
                    advice="download it by hand",
                )
            return member
    found = ", ".join(one.filename[:60] for one in members[:5])
    raise FetchError(f"no table in its archive (found {found})", source=task.key, advice="download it by hand")


def _cells(path: Path, task: Task) -> gpd.GeoDataFrame:
    """Read the cells whose middle lies in the reach, or less than a cell from it."""
    (reach,) = gpd.GeoSeries([task.place.reach], crs=WGS84).to_crs(GRID_CRS).buffer(CELL_M)
    fields = fields_of(columns_of(path, path.name), path.name)
    crs = gpd.GeoSeries([], crs=GRID_CRS).crs
    found = None if fields is None else read_cells(path, source=path.name, fields=fields, box=reach.bounds, crs=crs)
    if found is None:
        raise TableError("no ids of cells", where=path.name, advice="see whether the source has changed")
    cells = found[0]
    return cells[cells.within(reach)].drop(columns="geometry").reset_index(drop=True)


EUROSTAT_GRID = Fetcher(questions, fetch)
