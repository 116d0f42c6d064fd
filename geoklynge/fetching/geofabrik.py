"""OpenStreetMap for a country: the extract of Geofabrik, with the checksum that it tells."""

from __future__ import annotations

import shutil
from dataclasses import replace

from .asking import MD5, MEGABYTE, Answer, Request
from .bodies import md5_of
from .client import Client, ask
from .drafts import Draft, Fetcher, Task, question_of
from .failures import ChecksumError
from .store import entry_of, forget
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
    """
    Write the extract; a download that was cut goes on where it stopped, if the extract is still the same.

    A sum that does not fit may be older than the extract, or newer than a kept copy of it. So it is asked for anew
    once, and the extract once more after that.
    """
    try:
        checksum, answer, md5 = _asked(client, task)
    except ChecksumError:
        checksum, answer, md5 = _asked(client, task, anew=True)
    return Draft(
        ((task.source.file, task.source.table),),
        (question_of(checksum), question_of(answer)),
        dated=answer.dated,
        notes=(f"md5 {md5}",),
    )


def _asked(client: Client, task: Task, *, anew: bool = False) -> tuple[Answer, Answer, str]:
    """Get the sum, an extract that it fits, and its own sum; a copy that is older than the sum is taken as it is."""
    ask_sum, ask_file = questions(task)
    checksum = ask(replace(client, refresh=client.refresh or anew), ask_sum)
    said = checksum.path.read_text(encoding="ascii").split()[0].casefold()
    answer = ask(client, replace(ask_file, md5=said))
    shutil.copyfile(answer.path, task.file())
    md5 = md5_of(task.file())
    if checksum.dated <= answer.dated and md5 != said:
        forget(entry_of(client.store, ask_file))
        raise ChecksumError(
            "its checksum is another than the source says", source=task.key, advice="run the command again later"
        )
    return checksum, answer, md5


GEOFABRIK = Fetcher(questions, fetch)
