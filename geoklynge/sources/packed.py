"""ZIP archives: refused where they are hostile, and read in memory, never unpacked to disk."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from ..errors import TableError

PACKED_ENDING = ".zip"
MOST_BYTES = 500_000_000  # the largest country of GeoNames has 250 MB; all countries together 1.7 GB
MOST_TIMES_LARGER = 200  # text packs to a tenth, a bomb to a thousandth
SMALL_BYTES = 10_000_000  # whatever it packs to
# What Python raises for an archive that is broken, or packed in a way it does not know.
UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


@contextmanager
def open_packed(path: Path, *, source: str) -> Iterator[zipfile.ZipFile]:
    """
    Open an archive whose names can be trusted.

    Raises
    ------
    TableError
        If it is none, or holds a name that leads out of it, or one name twice.
    """
    try:
        archive = zipfile.ZipFile(path)
    except UNREADABLE as error:
        raise unreadable(source, error) from None
    with archive:
        names = [member.filename for member in archive.infolist()]
        odd = [name for name in names if _leads_out(name)]
        if odd:
            problem = f"the archive holds a file of an odd name, {odd[0][:60]!r}"
            raise TableError(problem, where=source, advice="do not use it, download it again")
        twice = sorted({name for name in names if names.count(name) > 1}) if len({*names}) < len(names) else []
        if twice:
            raise TableError(f"the archive holds {twice[0]!r} twice", where=source, advice="download it again")
        yield archive


def _leads_out(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/"))
    return parts.is_absolute() or ".." in parts.parts or "\\" in name or ":" in name or not name.isprintable()


def require_plain(member: zipfile.ZipInfo, source: str, at_most: int) -> None:
    """
    Refuse a file of an archive that is locked, has more bytes than `at_most`, or swells as no text does.

    Raises
    ------
    TableError
        Names archive and file.
    """
    where = f"{source}, {member.filename}"
    if member.flag_bits & 0x1:
        raise TableError("is locked with a password", where=where, advice="unpack it, or give one without a password")
    bomb = member.file_size > max(SMALL_BYTES, MOST_TIMES_LARGER * member.compress_size)
    if bomb or member.file_size > at_most:
        raise TableError(
            f"would have {member.file_size / 1e6:,.0f} MB, packed {member.compress_size / 1e6:,.1f} MB",
            where=where,
            advice="take the file of a smaller area",
        )


def unreadable(source: str, error: Exception) -> TableError:
    """Say that an archive, or a file of it, cannot be read."""
    said = " ".join(str(error).split())[:160]
    return TableError(f"the archive cannot be read ({said})", where=source, advice="download it again")


def read_packed(path: Path, *, source: str, endings: Sequence[str], unpacked: int = MOST_BYTES) -> bytes:
    """
    Read the one text file of an archive; a readme beside it does not count.

    Parameters
    ----------
    path
        A ZIP file.
    source
        What the study file calls it, for messages.
    endings
        Of the names of text files, in lower case.
    unpacked
        The most bytes that it may have.

    Raises
    ------
    TableError
        If the archive is broken or locked, holds no such file or several, a name that leads out of it, or one that
        is too large.
    """
    with open_packed(path, source=source) as archive:
        member = _only_text(archive.infolist(), source, endings)
        require_plain(member, source, unpacked)
        try:
            return archive.read(member)
        except UNREADABLE as error:
            raise unreadable(source, error) from None


def _only_text(members: Sequence[zipfile.ZipInfo], source: str, endings: Sequence[str]) -> zipfile.ZipInfo:
    files = [member for member in members if not member.is_dir()]
    names = [PurePosixPath(member.filename).name.casefold() for member in files]
    texts = [
        member
        for member, name in zip(files, names, strict=True)
        if name.endswith(tuple(endings)) and not name.startswith(("readme", "."))
    ]
    if len(texts) == 1:
        return texts[0]
    shown = ", ".join(member.filename for member in (texts or files)[:5]) or "nothing"
    raise TableError(
        f"the archive holds {len(texts) or 'no'} text files ({shown})",
        where=source,
        advice=f"unpack it and name the file ({', '.join(endings)})",
    )
