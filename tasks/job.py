"""The state of one deploy on its way through the choke point, kept in this process only.

Deliberately not a dataclass: Prefect inspects dataclasses passed to a task, and this one holds secret values.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from db import history
from db.messages.events import Told
from db.models import Deploy, Workload
from db.releases import Pin, Release
from db.states import ErrorCode, Stage
from tasks.context import Context
from tasks.failures import Failure

LOOK_EACH_S = 1.0


class Job:
    """Created when a deploy is claimed. `release` is its configuration, `live_release` that of the live version;
    `workload` is the row as it was then; fields that must be current (needs_reconcile, the spec) are read again."""

    def __init__(
        self,
        context: Context,
        deploy: Deploy,
        workload: Workload,
        release: Release,
        secrets: dict[str, str],
        live: Deploy | None,
        live_release: Release | None,
    ) -> None:
        self.context, self.deploy, self.workload = context, deploy, workload
        self.release, self.secrets, self.live, self.live_release = release, secrets, live, live_release
        self.pin: Pin | None = deploy.pin
        self.container_id: str | None = None
        self.notes: list[Told] = []  # for the event log
        self.cancelled = False
        self.verified = False
        self.unchanged = False  # the deploy would bring what already runs
        self.stages: list[dict[str, Any]] = []  # as the row has them: {"name", "ms"} of each finished stage
        self._stage: tuple[str, float] = ("", 0.0)  # the current stage, and since when
        self.rendered: dict[str, Any] | None = None  # compose: the rendered file, passed between stages
        self.replaces: list[str] = []  # ids of the live version's containers when the rollout began
        self.restarts: dict[str, int] = {}  # container id -> its restart count before the rollout
        self._looked_at = 0.0

    @property
    def pinned(self) -> Pin:
        """The pin of the deploy, available from the end of its first stage."""
        if self.pin is None:
            raise ValueError("nothing is pinned yet")
        return self.pin

    @property
    def is_rollback(self) -> bool:
        """Whether the pin was given, not resolved."""
        return self.deploy.rollback_of is not None

    @contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Time a stage and append it to `stages` on leaving it, whether it succeeded or not."""
        self._stage = (str(stage), time.monotonic())
        try:
            yield
        finally:
            self.stages.append(self.stage_so_far())

    def stage_so_far(self) -> dict[str, Any]:
        """Return {"name", "ms"} of the current stage."""
        name, began = self._stage
        return {"name": name, "ms": round((time.monotonic() - began) * 1000)}

    def raise_if_cancelled(self) -> None:
        """Raise Failure when the deploy was cancelled or the engine is stopping: called between and within steps.

        A verified deploy ignores the stop: ending its row is quicker than rolling back.
        """
        if self.cancelled:
            raise Failure(ErrorCode.CANCELLED, "cancel")
        if self.context.stopping.is_set() and not self.verified:
            raise Failure(ErrorCode.INTERRUPTED, "stop")

    def pause(self, seconds: float) -> None:
        """Wait, though not past a stop request, then check whether the deploy was cancelled."""
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
        return f"<Job {self.workload.name} v{self.deploy.version}>"
