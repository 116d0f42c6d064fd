"""Files moved into place together: whatever interrupts it, the last good ones are there."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from .errors import InputError


def require_folder(folder: Path, *, option: str = "--out") -> Path:
    """
    Make sure that files can be written to a folder, before the work is done.

    Parameters
    ----------
    folder
        Where to.
    option
        The option that named it, for the message.

    Returns
    -------
    Path
        A new, empty folder beside it.

    Raises
    ------
    InputError
        If something else stands there, or it cannot be written to.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "a file stands there")
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise InputError(
            f"cannot write there ({error.strerror})", where=str(folder), advice=f"choose another {option}"
        ) from None


def move_all(beside: Path, folder: Path, names: Sequence[str]) -> list[Path]:
    """Move files from `beside` into `folder`; whatever interrupts this, the earlier ones come back."""
    folder.mkdir(parents=True, exist_ok=True)
    earlier = beside / "earlier"
    earlier.mkdir()
    try:
        for name in names:
            if (folder / name).exists():
                (folder / name).replace(earlier / name)
        return [(beside / name).replace(folder / name) for name in names]
    except BaseException:
        for kept in earlier.iterdir():
            kept.replace(folder / kept.name)
        raise
