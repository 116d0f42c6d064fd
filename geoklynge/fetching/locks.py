"""One at a time: a lock for each kept answer, which the system takes back when its holder ends, however it ends."""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FOLDER = "locks"  # beside the entries, so that an entry can be removed while its lock is held
PAUSE_S = 0.2  # between two looks at a lock, where the system cannot wait for one
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}  # some folders on a network have none

if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _take(file: int) -> bool:
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno in NO_LOCKS
        return True


def lock_of(entry: Path) -> Path:
    """Name the lock of an entry."""
    return entry.parent / FOLDER / entry.name


@contextmanager
def held(entry: Path, *, wait: bool = True) -> Iterator[bool]:
    """
    Hold the lock of an entry, against other processes and other threads.

    Parameters
    ----------
    entry
        Folder of a kept answer; it need not exist.
    wait
        Whether to wait for who holds it now. Who holds a lock must not wait for it again.

    Yields
    ------
    bool
        Whether it is held: always, if `wait`.
    """
    path = lock_of(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        taken = _take(file)
        while wait and not taken:
            time.sleep(PAUSE_S)
            taken = _take(file)
        yield taken
    finally:
        os.close(file)  # gives it back
