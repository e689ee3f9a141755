"""A source kind: its interface to the choke point."""

from __future__ import annotations

from typing import Any, Protocol

from db.releases import Pin
from tasks.job import Job
from tasks.rollout.protocol import Rollout


class SourceKind(Protocol):
    """Turns a request into a pin, and a pin into something that can run."""

    name: str
    # The key of the source that a single deploy may override: `image`, `ref`; None when there is none.
    takes: str | None
    rollout: Rollout

    def requested(self, source: dict[str, Any]) -> str:
        """Return the request in a person's words: shown in the ledger. No secrets."""
        ...

    def pin(self, job: Job) -> Pin:
        """Resolve the requested reference. Not called for a rollback, whose pin is known. Raises Failure."""
        ...

    def prepare(self, job: Job) -> Pin:
        """Bring what the pin names onto the host; return the completed pin. Raises Failure."""
        ...

    def is_unchanged(self, job: Job) -> bool:
        """Return whether a deploy would only restart what runs, where that is never wanted. Called once the pin is
        complete, never for a rollback; True ends the deploy as a success without touching a container. Raises Failure.
        """
        ...
