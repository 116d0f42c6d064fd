"""Files of a timetable feed (GTFS), in a zip or a folder: refused where they are hostile, and read by columns."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from ..errors import TableError
from .packed import UNREADABLE, open_packed, require_plain
from .records import require_file

LARGEST_BYTES = 4 * 1024**3  # of one file, unpacked; the largest national feeds have stop_times of about 2 GB
BLOCK_BYTES = 1 << 22  # read at a time
HEADER_BYTES = 1 << 16

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Feed:
    """
    A feed that is open.

    `source` is the path as the study file writes it; `names` the files at hand; `opened` opens one of them.
    """

    source: str
    names: frozenset[str]
    opened: Callable[[str], IO[bytes]]

    def refuse(self, name: str, problem: str, *, advice: str, row: int = -1, column: str = "") -> NoReturn:
        """Raise the error of one file; `row` counts from 0 here and from 1 in the message, without the header."""
        where = [self.source, name, *([f"row {row + 1}"] if row >= 0 else []), *([f"column {column!r}"] * bool(column))]
        raise TableError(problem, where=", ".join(where), advice=advice)


@dataclass(frozen=True)
class Cells:
    """
    Some rows of one column.

    `codes` is a number into `words` for each row, -1 where the file has no such column; outer spaces are gone. `feed`,
    `file`, `column` and `before`, the rows of the file before these, say where they stand.
    """

    codes: Ints
    words: NDArray[np.object_]
    feed: Feed
    file: str
    column: str
    before: int = 0

    def text(self) -> NDArray[np.object_]:
        """Give each row its word; the empty one where nothing is said."""
        said: NDArray[np.object_] = np.append(self.words, "")[self.codes]
        return said

    def refuse(self, wrong: Bools, *, advice: str) -> None:
        """Refuse the first row that has one of the words marked `wrong`."""
        if wrong.any():
            row = int(np.append(wrong, False)[self.codes].argmax())
            found = self.words[self.codes[row]]
            problem = f"{found!r} cannot be used" if found else "is empty"
            self.feed.refuse(self.file, problem, row=self.before + row, column=self.column, advice=advice)


Columns = dict[str, Cells]


@contextmanager
def open_feed(path: Path, *, source: str) -> Iterator[Feed]:
    """
    Open a feed. Nothing of it is ever unpacked to the disk.

    Raises
    ------
    TableError
        If nothing is there, it is no zip and no folder, or it is a zip that must not be trusted: names that lead out
        of it, one name twice, an encrypted file, or a file that is larger than 4 GB unpacked.
    """
    with ExitStack() as stack:
        if path.is_dir():
            sizes = {found.name: found.stat().st_size for found in path.iterdir() if found.is_file()}
            feed = Feed(source, frozenset(sizes), lambda name: (path / name).open("rb"))
            for name, size in sorted(sizes.items()):
                if name.endswith(".txt") and size > LARGEST_BYTES:
                    feed.refuse(name, f"{size:,} bytes, more than {LARGEST_BYTES:,}", advice="no feed is that large")
        else:
            require_file(path, source)
            packed = stack.enter_context(open_packed(path, source=source))
            for member in packed.infolist():
                if member.filename.endswith(".txt"):
                    require_plain(member, source, LARGEST_BYTES)
            feed = Feed(source, frozenset(packed.namelist()), packed.open)
        yield feed


def read_columns(feed: Feed, name: str, needed: Sequence[str], optional: Sequence[str] = ()) -> Columns:
    """
    Read some columns of a whole file; an optional one that is absent says nothing in any row.

    Raises
    ------
    TableError
        If the file or a needed column is missing, or the file is not CSV in UTF-8; names zip, file and what to do.
    """
    names = (*needed, *optional)
    parts = list(_batches(feed, name, needed, optional))
    if not parts:
        return {column: Cells(np.empty(0, np.int64), np.empty(0, object), feed, name, column) for column in names}
    whole = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks()
    return {column: _cells(whole, feed, name, column) for column in names}


def stream_columns(feed: Feed, name: str, needed: Sequence[str], optional: Sequence[str]) -> Iterator[Columns]:
    """Do as `read_columns`, some hundred thousand rows at a time, so that a large file never stands in memory."""
    before = 0
    for batch in _batches(feed, name, needed, optional):
        yield {column: _cells(batch, feed, name, column, before) for column in (*needed, *optional)}
        before += batch.num_rows


def _cells(table: Any, feed: Feed, name: str, column: str, before: int = 0) -> Cells:
    if column not in table.schema.names:
        return Cells(np.full(table.num_rows, -1, np.int64), np.empty(0, object), feed, name, column, before)
    found = table.column(column)
    chunk = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
    words = np.array([str(word).strip() for word in chunk.dictionary.to_pylist()], dtype=object)
    return Cells(chunk.indices.to_numpy(zero_copy_only=False).astype(np.int64), words, feed, name, column, before)


def _batches(feed: Feed, name: str, needed: Sequence[str], optional: Sequence[str]) -> Iterator[Any]:
    header = _header(feed, name)
    missing = [column for column in needed if column not in header]
    if missing:
        feed.refuse(name, f"no column {missing[0]!r}; found {', '.join(header)}", advice="give a feed that has it")
    wanted = [column for column in (*needed, *optional) if column in header]
    twice = [column for column in wanted if header.count(column) > 1]
    if twice:
        feed.refuse(name, f"column {twice[0]!r} stands twice in the header", advice="rename one")
    texts = pa.dictionary(pa.int32(), pa.string())
    own = [column if column in wanted else f"{number}?" for number, column in enumerate(header)]
    try:
        with feed.opened(name) as stream:
            yield from pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES, column_names=own, skip_rows=1),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, texts), strings_can_be_null=False
                ),
            )
    except (pa.ArrowException, UnicodeDecodeError, *UNREADABLE) as error:
        said = " ".join(str(error).split())[:160]
        if "Empty CSV file" not in said:  # a header and no row
            feed.refuse(name, f"not readable as CSV in UTF-8 ({said})", advice="correct or fetch it again")


def _header(feed: Feed, name: str) -> list[str]:
    if name not in feed.names:
        inside = sorted(found for found in feed.names if found.endswith(f"/{name}"))
        advice = "pack the files, not their folder" if inside else "give a GTFS feed that has it"
        feed.refuse(name, "no such file" + (f", but {inside[0]}" if inside else ""), advice=advice)
    try:
        with feed.opened(name) as stream:
            line = stream.readline(HEADER_BYTES).decode("utf-8-sig")
    except (UnicodeDecodeError, *UNREADABLE) as error:
        feed.refuse(name, f"not readable as CSV in UTF-8 ({error})", advice="correct or fetch it again")
    return [cell.strip() for cell in next(csv.reader([line]), [])]
