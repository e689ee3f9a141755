"""The current state of a workload: the only reads that go to a host directly, and not to the ledger.

The web process and the CLI use this module only, whichever host a workload is on. Reads only.
"""

from __future__ import annotations

from typing import Any, Protocol

from db.models import Workload
from tasks.containers import snapshot
from tasks.containers.snapshot import LONGEST_TAIL
from tasks.context import Context

__all__ = ["LONGEST_TAIL", "LiveReads", "of_host"]


class LiveReads(Protocol):
    """Reads the state of the containers of one host."""

    def runtime_state(self, workload: Workload) -> dict[str, Any]:
        """Return {"available": bool, "containers": [...]}; not available and empty when the host does not answer."""
        ...

    def log_tail(self, workload: Workload, tail: int) -> list[str]:
        """Return the last lines of its containers' output, secrets blanked out. Raises Failure(engine_unreachable)."""
        ...


class ThisHost:
    """The host of this installation: the calling process queries its Docker itself."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def runtime_state(self, workload: Workload) -> dict[str, Any]:
        """See LiveReads."""
        return snapshot.snapshot(self._context, workload)

    def log_tail(self, workload: Workload, tail: int) -> list[str]:
        """See LiveReads."""
        return snapshot.log_tail(self._context, workload, tail)


def of_host(context: Context, host: str) -> LiveReads:
    """Return the reads of a host. An installation has one host; a second one is distinguished here and nowhere else."""
    del host  # only one host so far
    return ThisHost(context)
