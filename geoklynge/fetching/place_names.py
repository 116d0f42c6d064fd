"""Danske Stednavne: places from one entity of Datafordeler, their names from another, joined as its guide says."""

from __future__ import annotations

import pandas as pd

from ..errors import FetchError, NothingThereError
from ..sources.positions import WGS84
from .asking import Request
from .client import Client
from .drafts import Draft, Fetcher, Task, question_of, require_field
from .graphql import Row, ask_rows, batches, nowhere_note, rows_request, table_of, touching

OF_NAMES = ("name", "priority")  # our columns that stand with the names, not with the places
IDS_AT_A_TIME = 200


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the first page of the places; the question for their names is made of the answer."""
    fields, asking = task.source.fields, task.source.settings["asking"]
    wanted = [name for ours, name in fields.items() if ours not in {"geometry", *OF_NAMES}]
    parts = [str(asking["also"]), *wanted, f"{fields['geometry']} {{ wkt }}"]
    return (rows_request(task, str(asking["entity"]), parts, where=touching(task)),)


def fetch(client: Client, task: Task) -> Draft:
    """
    Write the places, a row for each of their names that is in use: which one is a place's name, the reader decides.

    Raises
    ------
    FetchError
        If the service does not give places or names, or has renamed a field.
    """
    asking = task.source.settings["asking"]
    names, id_field = asking["names"], str(asking["also"])
    (first,) = questions(task)
    places, answers = ask_rows(client, first, str(asking["entity"]), [id_field])
    if not places:
        raise NothingThereError("it has no places there", source=task.key, advice="see whether the place is right")
    ids = [require_field(place, id_field, "id of a place", task) for place in places]
    named: list[Row] = []
    for part in batches(ids, IDS_AT_A_TIME):
        where = f"{names['of']}: {{ in: [{', '.join(_literal(one) for one in part)}] }}"
        request = rows_request(task, str(names["entity"]), [names["of"], *names["fields"]], where=where)
        rows, asked = ask_rows(client, request, str(names["entity"]), [names["of"], *names["fields"]])
        named += [row for row in rows if str(row.get("aktualitet", names["current"])) == names["current"]]
        answers += asked
    left_out = _write(places, named, task)
    questions_asked = tuple(question_of(answer) for answer in answers)
    note = f"{len(places)} places, {len(named)} names in use"
    return Draft(
        ((task.source.file, task.source.table),),
        questions_asked,
        dated=questions_asked[-1].fetched[:10],
        notes=(note, *left_out),
    )


def _literal(value: object) -> str:
    """Write an id as GraphQL does: a number bare, a text in quotation marks without any of its own."""
    return str(value) if isinstance(value, int) else '"' + str(value).replace('"', "").replace("\\", "") + '"'


def _write(places: list[Row], named: list[Row], task: Task) -> tuple[str, ...]:
    """Write the places with their names, and say what was left out."""
    asking, fields = task.source.settings["asking"], task.source.fields
    table = table_of(places, task, but=OF_NAMES, row_id=str(asking["also"]))
    left_out = nowhere_note(table)
    table["of"] = table.index
    columns = [fields[ours] for ours in OF_NAMES]
    rows = [
        {"of": str(require_field(row, asking["names"]["of"], "place of a name", task))}
        | {field: require_field(row, field, ours, task) for ours, field in zip(OF_NAMES, columns, strict=True)}
        for row in named
    ]
    joined = table.merge(pd.DataFrame(rows, columns=["of", *columns]), on="of", how="inner").drop(columns="of")
    if joined.empty:
        raise FetchError("none of its places has a name", source=task.key, advice="see whether the service has changed")
    joined = joined.sort_values([fields["village_id"], *columns], ignore_index=True)
    joined.to_crs(WGS84).to_file(task.file(), driver="GeoJSON", COORDINATE_PRECISION=7, engine="pyogrio")
    return left_out


PLACE_NAMES = Fetcher(questions, fetch)
