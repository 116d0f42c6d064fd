"""Statistics Denmark's StatBank: which municipalities there are, and people by urban area and by parish."""

from __future__ import annotations

import json
import shutil
from typing import Any

from ..errors import FetchError
from ..open_data import OpenSource
from .asking import CSV, JSON, MEGABYTE, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Task, question_of
from .paging import json_of

TOTALS = ("TOT", "IALT", "I ALT", "0")  # codes of the value that stands for all, where a variable has one
MOST_CELLS = 100_000  # a formatted answer has at most as many; BULK has no such limit


def index_request(key: str, source: OpenSource) -> Request:
    """Ask which municipalities a table knows."""
    return Request(
        key,
        source.address,
        JSON,
        tuple(source.parameters.items()),
        keep_days=source.keep_days,
        at_most_bytes=int(source.at_most_mb * MEGABYTE),
    )


def read_index(client: Client, key: str, source: OpenSource) -> dict[str, str]:
    """
    List Danish municipalities.

    Returns
    -------
    dict
        Name by four-digit number.

    Raises
    ------
    FetchError
        If the source does not give them.
    """
    values = _values(json_of(ask(client, index_request(key, source))), key)
    wanted = str(source.settings["variable"])
    if wanted not in values:
        raise FetchError(
            f"no variable {wanted!r} any more; found {', '.join(values)}",
            source=key,
            advice=f"name the new one under [{key}.settings] in a file that $GEOKLYNGE_OPEN_DATA names",
        )
    # three digits are a municipality; regions and the country begin with a 0
    found = {
        code.zfill(4): name for code, name in values[wanted].items() if code.isdigit() and not code.startswith("0")
    }
    if not found:
        raise FetchError("it lists no municipality", source=key, advice="give codes instead of names")
    return found


def _values(info: Any, key: str) -> dict[str, dict[str, str]]:
    """Read a table's variables: text by code of each."""
    try:
        return {
            str(variable["id"]): {str(value["id"]): str(value["text"]) for value in variable["values"]}
            for variable in info["variables"]
        }
    except (KeyError, TypeError):
        raise FetchError(
            "no list of variables in its answer", source=key, advice="see whether the service has changed"
        ) from None


def questions(task: Task) -> tuple[Request, ...]:
    """Ask what the table's variables are; the question for its numbers is made of the answer."""
    return (
        Request(
            task.key,
            str(task.source.settings["info"]),
            JSON,
            (("lang", "da"), ("format", "JSON")),
            keep_days=task.source.keep_days,
            at_most_bytes=5 * MEGABYTE,
        ),
    )


def data_request(info: Any, task: Task) -> tuple[Request, int, str]:
    """
    Make the question for the newest year's people, of both sexes and all ages.

    Returns
    -------
    tuple
        The question, how many rows must come, and the year.

    Raises
    ------
    FetchError
        If the table no longer has the variables that `open_data.toml` names.
    """
    source, values = task.source, _values(info, task.key)
    place = source.fields.get("place") or source.fields["parish"]
    time_name = next((name for name in values if name.casefold() == source.fields["year"].casefold()), "")
    for wanted, ours in ((place, "place"), (time_name, "year")):
        if wanted not in values or not values[wanted]:
            raise FetchError(
                f"no variable {source.fields.get(ours, wanted)!r} any more; found {', '.join(values)}",
                source=task.key,
                advice=f"name the new one under [{task.key}.fields] in a file that $GEOKLYNGE_OPEN_DATA names",
            )
    year = max(values[time_name])
    chosen = [{"code": place, "values": ["*"]}, {"code": time_name, "values": [year]}]
    for variable in info["variables"]:
        name = str(variable["id"])
        if name in {place, time_name} or variable.get("elimination"):
            continue  # left out, the table sums over it
        total = next((code for code in TOTALS if code in values[name]), None)
        if total is None:
            raise FetchError(
                f"its variable {name!r} has no total", source=task.key, advice="see whether the table has changed"
            )
        chosen.insert(1, {"code": name, "values": [total]})
    rows = len(values[place])
    body = {
        "table": source.settings["table"],
        "format": "CSV" if rows < MOST_CELLS else "BULK",
        "lang": "da",
        "valuePresentation": "CodeAndValue",
        "variables": chosen,
    }
    request = Request(
        task.key,
        source.address,
        CSV,
        body=json.dumps(body, ensure_ascii=False),
        keep_days=source.keep_days,
        at_most_bytes=int(source.at_most_mb * MEGABYTE),
    )
    return request, rows, year


def fetch(client: Client, task: Task) -> Draft:
    """Write the newest year's people as the table gives them."""
    (ask_info,) = questions(task)
    info = ask(client, ask_info)
    request, rows, year = data_request(json_of(info), task)
    answer = ask(client, request)
    text = answer.path.read_text(encoding="utf-8-sig", errors="replace")
    came = sum(1 for line in text.splitlines() if line.strip()) - 1
    if came != rows:
        raise FetchError(f"{came} rows came, and the table has {rows}", source=task.key, advice="run the command again")
    shutil.copyfile(answer.path, task.file())
    asked = (question_of(info), question_of(answer))
    return Draft(((task.source.file, task.source.table),), asked, dated=year)


STATBANK = Fetcher(questions, fetch)
