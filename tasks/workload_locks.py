"""One at a time: whoever changes the containers of a workload, a deploy or reconcile, waits for the other.

Within one process. That is enough: the lock on HOME lets only one engine of a host run.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class WorkloadLocks:
    """A lock for each workload, made when it is first asked for."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[int, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def hold(self, workload_id: int, *, wait: bool = True) -> Iterator[bool]:
        """Have the workload for oneself in the block. Gives False when it is taken and one does not want to wait."""
        with self._guard:
            lock = self._locks[workload_id]
        mine = lock.acquire(blocking=wait)
        try:
            yield mine
        finally:
            if mine:
                lock.release()
