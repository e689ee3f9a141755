"""A lock per workload: a deploy and reconcile never change its containers at the same time.

Within one process. That is enough: the lock on HOME admits only one engine per host.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class WorkloadLocks:
    """One lock per workload, created on first use."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, workload_id: int, *, wait: bool = True) -> Iterator[bool]:
        """Hold the lock of a workload during the block. Yields False if it is taken and `wait` is False."""
        with self._guard:
            lock = self._locks[workload_id]
        mine = lock.acquire(blocking=wait)
        try:
            yield mine
        finally:
            if mine:
                lock.release()
