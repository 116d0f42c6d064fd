"""A text file that lies in a ZIP archive: read in memory, never unpacked to disk."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ..errors import TableError

PACKED_ENDING = ".zip"
MOST_BYTES = 500_000_000  # the largest country of GeoNames has 250 MB; all countries together 1.7 GB
MOST_TIMES_LARGER = 200  # text packs to a tenth, a bomb to a thousandth
SMALL_BYTES = 10_000_000  # whatever it packs to
# What Python raises for an archive that is broken, or packed in a way it does not know.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)


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
    try:
        with zipfile.ZipFile(path) as archive:
            member = _only_text(archive.infolist(), source, endings)
            _require_plain(member, source, unpacked)
            return archive.read(member)
    except UNREADABLE as error:
        if isinstance(error, TableError):
            raise
        said = " ".join(str(error).split())[:160]
        raise TableError(f"the archive cannot be read ({said})", where=source, advice="download it again") from None


def _only_text(members: Sequence[zipfile.ZipInfo], source: str, endings: Sequence[str]) -> zipfile.ZipInfo:
    files = [member for member in members if not member.is_dir()]
    odd = [member.filename for member in files if _leads_out(member.filename)]
    if odd:
        raise TableError(
            f"the archive holds a file of an odd name, {odd[0][:60]!r}", where=source, advice="download it again"
        )
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


def _leads_out(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/"))
    return parts.is_absolute() or ".." in parts.parts or "\\" in name or ":" in name or not name.isprintable()


def _require_plain(member: zipfile.ZipInfo, source: str, unpacked: int) -> None:
    where = f"{source}, {member.filename}"
    if member.flag_bits & 0x1:
        raise TableError("is locked with a password", where=where, advice="unpack it and name the file")
    bomb = member.file_size > max(SMALL_BYTES, MOST_TIMES_LARGER * member.compress_size)
    if bomb or member.file_size > unpacked:
        raise TableError(
            f"would have {member.file_size / 1e6:,.0f} MB, packed {member.compress_size / 1e6:,.1f} MB",
            where=where,
            advice="take the file of a smaller area",
        )
