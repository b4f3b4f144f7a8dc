"""One process at a time: a lock that the kernel takes back when its process dies."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from experiments.errors import UsageError

if sys.platform == "win32":
    import msvcrt

    def _try_to_lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_to_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def hold(path: Path) -> Iterator[None]:
    """Hold the lock on the file at ``path``, which is made where it is missing and stays.

    A file that stays costs nothing; to remove it would let a process that opened it before
    and one that makes it anew both believe that they hold the lock.

    Raises:
      UsageError: if another process holds it.
      OSError: if the file cannot be opened for writing.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _try_to_lock(descriptor)
        except (BlockingIOError, PermissionError):
            raise UsageError(
                f"another process is writing to {path.parent}: wait for it, or name another --out."
            ) from None
        except OSError:
            # Some network file systems have no locks; a run without one is better than none.
            pass
        yield
    finally:
        os.close(descriptor)
