"""The status of workloads: what is stored of each, and how it is read together with the rows of the ledger.

Stored is only what the last look at the containers of a live version came to. That a deploy or a removal is under way,
or that nothing has ever been live, follows from the ledger's rows at each read, and so does that a version which has
just gone live is well: none of them can be out of date, whatever crashes in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.health.codes import Judgement, StatusReason, WorkloadStatus
from db.models import Deploy, Workload, WorkloadHealth
from db.states import UNFINISHED, Status


@dataclass(frozen=True)
class Standing:
    """The status of a workload as everybody is told. `since` is None while nobody watches it."""

    status: WorkloadStatus
    since: datetime | None
    reason: str | None = None  # of StatusReason, or the error code of what failed
    exit_code: int | None = None
    services: tuple[str, ...] = ()
    restarts_10m: int = 0


def find(session: Session, workload_id: int) -> WorkloadHealth | None:
    """Return what is stored of a workload; None as long as no look found anything but a live version that is well."""
    return session.get(WorkloadHealth, workload_id)


def every(session: Session) -> dict[int, WorkloadHealth]:
    """Return what is stored, by the id of the workload."""
    return {row.workload_id: row for row in session.scalars(select(WorkloadHealth))}


def is_told(stored: WorkloadHealth | None, live: Deploy, found: Judgement) -> bool:
    """Return whether a judgement is what is stored already, so that nothing has to be written."""
    if stored is None or stored.deploy_id != live.id:
        return found.status is WorkloadStatus.LIVE and found.restarts_10m == 0
    return (stored.state, stored.cause, stored.exit_code, tuple(stored.services), stored.restarts_10m) == (
        found.status,
        found.reason,
        found.exit_code,
        found.services,
        found.restarts_10m,
    )


def put(session: Session, workload_id: int, live: Deploy, found: Judgement, now: datetime) -> WorkloadStatus:
    """Store a judgement of the live version; return the status before. The status keeps its moment while it lasts."""
    stored = session.get(WorkloadHealth, workload_id, with_for_update=True, populate_existing=True)
    before = Standing(WorkloadStatus.LIVE, live.finished_at)
    if stored is not None and stored.deploy_id == live.id:
        before = Standing(WorkloadStatus(stored.state), stored.since)
    if stored is None:
        stored = WorkloadHealth(workload_id=workload_id)
        session.add(stored)
    since = before.since if found.status is before.status else max(found.since or now, live.finished_at or now)
    stored.deploy_id, stored.state, stored.cause, stored.since = live.id, found.status, found.reason, since or now
    stored.exit_code, stored.services, stored.restarts_10m = found.exit_code, [*found.services], found.restarts_10m
    session.flush()
    return before.status


def standing(
    workload: Workload, live: Deploy | None, last: Deploy | None, stored: WorkloadHealth | None, *, watched: bool
) -> Standing:
    """Return the status of a workload from its rows and what is stored. `watched`: the engine of its host runs."""
    if workload.removing_at is not None:
        return Standing(WorkloadStatus.REMOVING, workload.removing_at)
    if last is not None and last.status in UNFINISHED:
        return Standing(WorkloadStatus.DEPLOYING, last.queued_at)
    if live is None:
        if last is None or last.status == Status.SUCCEEDED:
            return Standing(WorkloadStatus.NEW, workload.created_at)
        return Standing(WorkloadStatus.FAILED, last.finished_at, last.error_code)
    return _of_live(live, stored) if watched else Standing(WorkloadStatus.UNKNOWN, None, StatusReason.ENGINE_AWAY)


def _of_live(live: Deploy, stored: WorkloadHealth | None) -> Standing:
    if stored is not None and stored.deploy_id == live.id:
        return Standing(
            WorkloadStatus(stored.state),
            stored.since,
            stored.cause,
            stored.exit_code,
            tuple(stored.services),
            stored.restarts_10m,
        )
    if live.verified is False:
        return Standing(WorkloadStatus.DRIFTED, live.verified_since, StatusReason.NOT_AS_PINNED)
    return Standing(WorkloadStatus.LIVE, live.finished_at)
