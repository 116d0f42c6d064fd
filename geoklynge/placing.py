"""Files put into place one by one: whatever interrupts it, there is a whole file under every name that had one."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
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
        A new, empty, hidden folder on the same disk: beside it, or in it where what stands beside is another disk.

    Raises
    ------
    InputError
        If something else stands there, or it cannot be written to.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise NotADirectoryError(20, "a file stands there")
        real = folder.resolve()  # a link may lead to another disk
        real.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{real.name}-", dir=real if _is_own_disk(real) else real.parent))
    except OSError as error:
        raise InputError(
            f"cannot write there ({error.strerror})", where=str(folder), advice=f"choose another {option}"
        ) from None


def _is_own_disk(folder: Path) -> bool:
    return folder.is_dir() and (folder.stat().st_dev != folder.parent.stat().st_dev or os.path.ismount(folder))


def move_all(beside: Path, folder: Path, names: Sequence[str]) -> list[Path]:
    """
    Move files into a folder, each in one step, in the order given.

    After an exception, Ctrl-C among them, the folder is as it was. Where the process itself is killed, every name that
    had a file has a whole one, the earlier or the new: those at the beginning of `names` are new, the rest are not. So
    the last of `names` should be the one that tells which files belong together.

    Parameters
    ----------
    beside
        Where they lie; the caller removes it, with what is in it.
    folder
        Where to; made if need be.
    names
        Their names.

    Returns
    -------
    list of Path
        Where they are now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    earlier = Path(tempfile.mkdtemp(prefix=".earlier-", dir=beside))
    for name in names:
        if os.path.lexists(folder / name):
            _second(folder / name, earlier / name)
    begun: list[str] = []
    try:
        for name in names:
            begun.append(name)
            _place(beside / name, folder / name)
    except BaseException:
        for name in begun:
            if os.path.lexists(earlier / name):
                _place(earlier / name, folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        raise
    return [folder / name for name in names]


def _second(file: Path, copy: Path) -> None:
    """Give a file a second name, or make a copy where it can have none; a link stays a link."""
    with suppress(OSError, NotImplementedError):
        os.link(file, copy, follow_symlinks=False)
        return
    shutil.copy2(file, copy, follow_symlinks=False)


def _place(file: Path, target: Path) -> None:
    """Put a file in the place of another in one step, from another disk, too."""
    try:
        file.replace(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        near = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            shutil.copy2(file, near, follow_symlinks=False)
            near.replace(target)
        finally:
            near.unlink(missing_ok=True)
