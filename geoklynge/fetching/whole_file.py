"""Sources that offer one file: asked for, looked at, and written as it came."""

from __future__ import annotations

import shutil

from .asking import CSV, GEOPACKAGE, JSON, MEGABYTE, PARQUET, PBF, ZIP, Kind, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Task, question_of

KINDS: dict[str, Kind] = {
    ".json": JSON,
    ".geojson": JSON,
    ".csv": CSV,
    ".txt": CSV,
    ".zip": ZIP,
    ".pbf": PBF,
    ".parquet": PARQUET,
    ".gpkg": GEOPACKAGE,
}


def whole_request(task: Task, kind: Kind | None = None) -> Request:
    """Ask for a source's file; its name says of which kind it is, unless `kind` does."""
    source = task.source
    return Request(
        task.key,
        source.address,
        kind or KINDS[task.file().suffix],
        tuple(source.parameters.items()),
        secret=((str(source.settings["key_parameter"]), task.secret),) if source.key else (),
        keep_days=source.keep_days,
        at_most_bytes=int(source.at_most_mb * MEGABYTE),
    )


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the file."""
    return (whole_request(task),)


def fetch(client: Client, task: Task) -> Draft:
    """Write the file as it came."""
    (request,) = questions(task)
    answer = ask(client, request)
    shutil.copyfile(answer.path, task.file())
    return Draft(((task.source.file, task.source.table),), (question_of(answer),), dated=answer.dated)


WHOLE_FILE = Fetcher(questions, fetch)
