"""Locks between processes and threads on this host: a file, and who holds it is known to the kernel alone."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_AGAIN_S = 0.1


@contextmanager
def locked(path: Path, look: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Hold the lock of a file, made when it is not there, while the block lasts. `look` is called while somebody else
    holds it, and may raise. A process that dies lets go of it; a program that is handed the descriptor holds it too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _got(descriptor):
            look()
            time.sleep(_AGAIN_S)
        yield descriptor
    finally:
        os.close(descriptor)


def _got(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
