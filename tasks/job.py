"""The work on one deploy while it goes through the choke point: what is known so far, kept in this process only.

Not a dataclass on purpose: Prefect looks into dataclasses that are handed to a task; this has secret values in it.
"""

from __future__ import annotations

import time
from typing import Any

from db import history
from db.messages.events import Told
from db.models import Deploy
from db.states import ErrorCode
from tasks.context import Context
from tasks.failures import Failure

LOOK_EACH_S = 1.0


class Job:
    """Made when a deploy is claimed. `release` is its configuration, `live_release` that of the version that serves."""

    def __init__(
        self,
        context: Context,
        deploy: Deploy,
        workload: str,
        release: dict[str, Any],
        secrets: dict[str, str],
        live: Deploy | None,
        live_release: dict[str, Any] | None,
    ) -> None:
        self.context, self.deploy, self.workload = context, deploy, workload
        self.release, self.secrets, self.live, self.live_release = release, secrets, live, live_release
        self.pin: dict[str, Any] | None = deploy.pin
        self.container_id: str | None = None
        self.notes: list[Told] = []  # for the event log
        self.cancelled = False
        self.rendered: dict[str, Any] | None = None  # compose: the file, between the stages
        self.restarts: dict[str, int] = {}  # container id -> how often it had been restarted before the rollout
        self._looked_at = 0.0

    @property
    def is_rollback(self) -> bool:
        """Whether the pin is given, not looked up."""
        return self.deploy.rollback_of is not None

    def raise_if_cancelled(self) -> None:
        """Raise Failure when the deploy was cancelled or the engine was told to stop: called between and in steps."""
        if self.cancelled:
            raise Failure(ErrorCode.CANCELLED, "cancel")
        if self.context.stopping.is_set():
            raise Failure(ErrorCode.INTERRUPTED, "stop")

    def pause(self, seconds: float) -> None:
        """Wait, but not past the order to stop, and see whether the deploy was cancelled meanwhile."""
        self.context.stopping.wait(seconds)
        with self.context.database.reading() as session:
            self.cancelled = history.cancel_requested(session, self.deploy.id)
        self.raise_if_cancelled()

    def check_cancelled(self) -> None:
        """Call raise_if_cancelled, reading the ledger at most once per second: for steps that wait."""
        if time.monotonic() - self._looked_at >= LOOK_EACH_S:
            self._looked_at = time.monotonic()
            self.pause(0)
        self.raise_if_cancelled()

    def __repr__(self) -> str:
        return f"<Job {self.workload} v{self.deploy.version}>"
