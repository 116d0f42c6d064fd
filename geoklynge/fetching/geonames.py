"""GeoNames: the files of the countries of the place, cut to its populated places."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely

from ..errors import FetchError, NothingThereError
from ..open_data import FILE_VARIABLE
from ..sources.packed import read_packed
from .asking import ZIP, Answer, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Task, question_of
from .whole_file import whole_request

UNKNOWN = "<country>"  # stands in an address until the borders have said which countries
MADE = (1980, 1, 1, 0, 0, 0)  # of a file in a zip file, so that the same rows are the same bytes
LATITUDE, LONGITUDE = "latitude", "longitude"


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the file of each country; GeoNames writes them by ISO 3166."""
    address, iso = task.source.address, task.source.settings["iso"]
    if "{country}" not in address:
        return (whole_request(task, ZIP),)
    countries = [str(iso.get(country, country)) for country in task.place.countries] or [UNKNOWN]
    return tuple(replace(whole_request(task, ZIP), address=address.format(country=country)) for country in countries)


def fetch(client: Client, task: Task) -> Draft:
    """
    Write the populated places within the place's reach, in GeoNames' own columns, packed as GeoNames packs them.

    Raises
    ------
    FetchError
        If no country is known, a file does not come, or has other columns.
    """
    requests = questions(task)
    if any(UNKNOWN in request.address for request in requests):
        raise FetchError(
            "it has a file for each country, and the place's country is not known",
            source=task.key,
            advice="fetch gisco_lau too, or name the place by municipalities, as SE_0885",
        )
    answers = [ask(client, request) for request in requests]
    table = pa.concat_tables([_near(answer, task) for answer in answers])
    if not table.num_rows:
        raise NothingThereError("it has none there", source=task.key, advice="see whether the place is right")
    table = table.sort_by(table.column_names[0])
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    text = "".join("\t".join(row) + "\n" for row in rows)
    with zipfile.ZipFile(task.file(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("places.txt", MADE), text, zipfile.ZIP_DEFLATED)
    dated = max(answer.dated for answer in answers)
    note = f"{table.num_rows} populated places around the place, out of {', '.join(r.address for r in requests)}"
    return Draft(((task.source.file, task.source.table),), tuple(map(question_of, answers)), dated=dated, notes=(note,))


def _near(answer: Answer, task: Task) -> pa.Table:
    """Read the rows of one country that are populated places within the reach, every cell as it is."""
    settings: Mapping[str, list[str]] = task.source.settings
    names = settings["columns"]
    where = answer.request.address.rpartition("/")[2]
    data = read_packed(answer.path, source=where, endings=(".txt",))
    plain = pyarrow.csv.ParseOptions(delimiter="\t", quote_char=False)
    texts = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    try:
        table = pyarrow.csv.read_csv(io.BytesIO(data), pyarrow.csv.ReadOptions(column_names=names), plain, texts)
        x, y = (_degrees(table[name]) for name in (LONGITUDE, LATITUDE))
    except (pa.ArrowException, KeyError) as error:
        said = " ".join(str(error).split())[:120]
        raise FetchError(
            f"{where} has other columns than GeoNames describes ({said})",
            source=task.key,
            advice=f"change {task.key}.settings.columns in a file that ${FILE_VARIABLE} names",
        ) from None
    lived_in = pc.equal(table[task.source.fields["feature_class"]], settings["feature_class"])
    near = shapely.contains_xy(task.place.reach, x, y)
    return table.filter(pc.and_(lived_in, pa.array(near)))


def _degrees(column: pa.ChunkedArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    found = pc.cast(column, pa.float64()).to_numpy()
    return np.asarray(found, dtype=np.float64)


GEONAMES = Fetcher(questions, fetch)
