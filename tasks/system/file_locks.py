"""Locks between processes and threads of this host: flock on a file; the kernel releases it when the holder exits."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_RETRY_S = 0.1


def open_lock(path: Path, *, inheritable: bool = False) -> int:
    """Open the file of a lock, created (0600) if missing; return its descriptor, not locked yet.

    With `inheritable`, a program that this process becomes or starts holds the lock too.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.set_inheritable(descriptor, inheritable)
    return descriptor


def try_lock(descriptor: int, *, shared: bool = False) -> bool:
    """Take the lock of an open file without waiting; return False when another open file has it. With `shared`, only
    one that holds it alone is in the way."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def share_lock(descriptor: int) -> None:
    """Take the lock of an open file, shared with other readers; wait while it is held exclusively."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def locked(path: Path, check: Callable[[], None] = lambda: None) -> Iterator[int]:
    """Hold the lock of a file, created if missing, during the block.

    `check` is called while another process or thread holds it, and may raise to give up. A program that inherits the
    descriptor holds the lock too.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = open_lock(path)
    try:
        while not try_lock(descriptor):
            check()
            time.sleep(_RETRY_S)
        yield descriptor
    finally:
        os.close(descriptor)
