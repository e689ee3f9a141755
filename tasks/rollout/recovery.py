"""Restoring the previous version after a failed deploy, and waiting until it is healthy.

The row of the failed deploy ends after that, so a reader of `failed` finds the old version serving, not starting.
"""

from __future__ import annotations

import time

from db.connection import LedgerUnavailable
from db.models import Deploy
from db.releases import Release
from tasks.containers import converge
from tasks.context import Context
from tasks.job import Job
from tasks.rollout.protocol import Rollout

PATIENCE_S = 15.0
LOOK_EACH_S = 0.1


def put_back(job: Job, rollout: Rollout) -> None:
    """Undo a rollout, and wait until the previous version works again. Raises Failure, LedgerUnavailable."""
    try:
        rollout.undo(job)
    except LedgerUnavailable:
        _await_live(job, rollout)  # it was started all the same: only the record of it failed
        raise
    _await_live(job, rollout)


def _await_live(job: Job, rollout: Rollout) -> None:
    if job.live is None or job.live_release is None:
        return
    if not wait_until_healthy(job.context, rollout, job.workload.name, job.live, job.live_release):
        job.context.log.warning("%r: v%s runs again, but does not work yet", job, job.live.version)


def wait_until_healthy(context: Context, rollout: Rollout, workload: str, live: Deploy, release: Release) -> bool:
    """Wait until the live version's containers pass its health check; return False if they did not in time.

    Gives up at once when the engine is stopping: work that the next start does anyway must not hold up a row. Raises
    Failure when Docker does not answer.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not rollout.still_works(context, live, release, converge.observe(context, workload)):
        if time.monotonic() >= deadline or context.stopping.wait(LOOK_EACH_S):
            return False
    return True
