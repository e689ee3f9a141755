"""Looking at a workload as it is at this moment: the one thing that is asked of a host directly, and not of the ledger.

The web process and the CLI go through this module alone, whichever host a workload is on. Reads only.
"""

from __future__ import annotations

from typing import Any, Protocol

from db.models import Workload
from tasks.containers import snapshot
from tasks.containers.snapshot import LONGEST_TAIL
from tasks.context import Context

__all__ = ["LONGEST_TAIL", "LiveReads", "of_host"]


class LiveReads(Protocol):
    """Answers for the containers of one host."""

    def runtime_state(self, workload: Workload) -> dict[str, Any]:
        """Return {"available": bool, "containers": [...]}; not available and empty when the host does not answer."""
        ...

    def log_tail(self, workload: Workload, tail: int) -> list[str]:
        """Return the last lines that its containers wrote, secrets blanked out. Raises Failure(engine_unreachable)."""
        ...


class ThisHost:
    """The host of this installation: its Docker is asked by the process that wants to know."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def runtime_state(self, workload: Workload) -> dict[str, Any]:
        """See LiveReads."""
        return snapshot.snapshot(self._context, workload)

    def log_tail(self, workload: Workload, tail: int) -> list[str]:
        """See LiveReads."""
        return snapshot.log_tail(self._context, workload, tail)


def of_host(context: Context, host: str) -> LiveReads:
    """Return who answers for a host. An installation has one; a second one is told apart here and nowhere else."""
    del host  # no choice yet
    return ThisHost(context)
