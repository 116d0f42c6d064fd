"""OpenStreetMap for a country: the extract of Geofabrik, with the checksum that it tells."""

from __future__ import annotations

import shutil
from dataclasses import replace

from .asking import MD5, MEGABYTE, Request
from .client import Client, ask
from .drafts import Draft, Fetcher, Task, question_of
from .whole_file import whole_request

CHECKSUM_DAYS = 0.5  # extracts are made once a day: to ask more often tells nothing new


def questions(task: Task) -> tuple[Request, ...]:
    """Ask for the sum of the newest extract, and then for the extract."""
    file = whole_request(task)
    checksum = Request(
        task.key, f"{file.address}.md5", MD5, keep_days=min(CHECKSUM_DAYS, file.keep_days), at_most_bytes=MEGABYTE
    )
    return checksum, file


def fetch(client: Client, task: Task) -> Draft:
    """Write the extract; a download that was cut goes on where it stopped, if the extract is still the same."""
    ask_sum, ask_file = questions(task)
    checksum = ask(client, ask_sum)
    said = checksum.path.read_text(encoding="ascii").split()[0]
    answer = ask(client, replace(ask_file, md5=said))
    shutil.copyfile(answer.path, task.file())
    return Draft(
        ((task.source.file, task.source.table),),
        (question_of(checksum), question_of(answer)),
        dated=answer.dated,
        notes=(f"md5 {said}",),
    )


GEOFABRIK = Fetcher(questions, fetch)
