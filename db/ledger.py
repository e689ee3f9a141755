"""The only writer of deploy_history: opens rows, advances them, ends them, moves `live`, prunes.

Every function takes a session of `Database.writing()` and the present moment; none of them commits, so that a caller
can put several into one transaction. Queries are in db.history, the permitted transitions in db.states.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import history
from db.metrics import counters
from db.models import Deploy, Workload
from db.releases import Pin
from db.states import (
    FINAL,
    UNFINISHED,
    ErrorCode,
    PinFound,
    Reason,
    Stage,
    Status,
    Trigger,
    check_transition,
    status_for,
)


class DeployInFlight(Exception):  # noqa: N818 - it names what happened
    """The workload has an unfinished deploy: `version`, if it could be read."""

    def __init__(self, version: int | None = None) -> None:
        super().__init__("deploy_in_flight")
        self.version = version


@dataclass(frozen=True)
class NewDeploy:
    """A requested deploy, as far as it is known when it is opened."""

    reason: Reason
    trigger: Trigger
    actor: str
    source_kind: str
    requested: str
    release_sha: str
    host: str
    rollback_of: int | None = None
    pin: Pin | None = None
    idempotency_key: str | None = None


def open_deploy(session: Session, workload_id: int, new: NewDeploy, now: datetime) -> Deploy:
    """Add a queued row with the workload's next version. Raises DeployInFlight when one is unfinished.

    Must be the last write of its transaction: the refusal comes from the database and undoes all of it.
    """
    version = session.scalars(
        update(Workload)
        .where(Workload.id == workload_id)
        .values(last_version=Workload.last_version + 1)
        .returning(Workload.last_version)
    ).one()
    deploy = Deploy(
        workload_id=workload_id,
        version=version,
        reason=new.reason,
        trigger=new.trigger,
        actor=new.actor,
        source_kind=new.source_kind,
        requested=new.requested,
        release_sha=new.release_sha,
        host=new.host,
        rollback_of=new.rollback_of,
        pin=new.pin,
        idempotency_key=new.idempotency_key,
        status=Status.QUEUED,
        stages=[],
        queued_at=now,
    )
    session.add(deploy)
    refused = False
    try:
        session.flush()
    except IntegrityError:
        refused = True
    if refused:
        raise DeployInFlight
    return deploy


def attach_flow_run(session: Session, deploy_id: int, flow_run_id: str) -> None:
    """Point the row at the Prefect run that carries it out."""
    session.execute(update(Deploy).where(Deploy.id == deploy_id).values(flow_run_id=flow_run_id))


def claim(session: Session, deploy_id: int, engine_id: str, flow_run_id: str | None, now: datetime) -> Deploy | None:
    """Claim a queued row for one engine: it is running then. None when another engine has it or it has ended."""
    claimed = session.execute(
        update(Deploy)
        .where(Deploy.id == deploy_id, Deploy.status == Status.QUEUED)
        .values(
            status=Status.RUNNING,
            engine_id=engine_id,
            flow_run_id=func.coalesce(flow_run_id, Deploy.flow_run_id),
            # A clock that was set back must not make a deploy begin before its request.
            started_at=case((Deploy.queued_at > now, Deploy.queued_at), else_=now),
            stage=Stage.PIN,
        )
        .returning(Deploy.id)
    ).first()
    return session.get_one(Deploy, deploy_id, populate_existing=True) if claimed else None


def enter_stage(session: Session, deploy_id: int, stage: Stage, done: list[dict[str, Any]]) -> bool:
    """Record the stage that begins and those that are done. Return whether cancellation was requested."""
    return session.scalars(
        update(Deploy)
        .where(Deploy.id == deploy_id, Deploy.status == Status.RUNNING)
        .values(stage=stage, stages=done)
        .returning(Deploy.cancel_requested)
    ).one()


def record_pin(session: Session, deploy_id: int, pin: Pin) -> None:
    """Record the pin that the requested reference resolved to."""
    session.execute(update(Deploy).where(Deploy.id == deploy_id, Deploy.status == Status.RUNNING).values(pin=pin))


def request_cancel(session: Session, deploy_id: int) -> bool:
    """Request that an unfinished deploy stop at its next step. False when it has ended or is in its last step: after
    an accepted request it never succeeds."""
    asked = session.execute(
        update(Deploy)
        .where(Deploy.id == deploy_id, Deploy.status.in_(UNFINISHED), Deploy.stage.is_distinct_from(Stage.FINISH))
        .values(cancel_requested=True)
        .returning(Deploy.id)
    ).first()
    return asked is not None


def succeed(
    session: Session, deploy_id: int, stages: list[dict[str, Any]], now: datetime, *, takes_over: bool = True
) -> Deploy:
    """End a deploy as verified and, in one step, make it the live version. Without `takes_over` (what it would deploy
    was running already), the live version stays live."""
    deploy = _lock(session, deploy_id)
    check_transition(Status(deploy.status), Status.SUCCEEDED)
    if takes_over:
        live = update(Deploy).where(Deploy.workload_id == deploy.workload_id, Deploy.live).values(live=False)
        deploy.replaced = session.scalars(live.returning(Deploy.version)).first()
        deploy.live = True
    else:
        deploy.impact_looks = 0  # it changed nothing that a review could judge
    deploy.status, deploy.verified = Status.SUCCEEDED, True
    _finish(session, deploy, stages, now)
    return deploy


def fail(
    session: Session,
    deploy_id: int,
    code: ErrorCode,
    fingerprint: str,
    now: datetime,
    stages: list[dict[str, Any]] | None = None,
    verified: bool | None = None,
) -> Deploy:
    """End a deploy without success, recording a code of the closed list and nothing else of the error."""
    deploy = _lock(session, deploy_id)
    after = status_for(code)
    check_transition(Status(deploy.status), after)
    deploy.status, deploy.error_code, deploy.error_fingerprint, deploy.verified = after, code, fingerprint, verified
    _finish(session, deploy, stages, now)
    return deploy


def mark_verified(session: Session, deploy_id: int, verified: bool, now: datetime) -> bool:
    """Record on the live row whether what runs matches its pin. Return whether that changed."""
    changed = session.execute(
        update(Deploy)
        .where(Deploy.id == deploy_id, Deploy.live, Deploy.verified.is_distinct_from(verified))
        .values(verified=verified, verified_since=now)
        .returning(Deploy.id)
    ).first()
    return changed is not None


def mark_pin(session: Session, deploy_id: int, found: PinFound | None, asked_at: datetime | None) -> None:
    """Record where the image of a release is available (None: unknown), and when its registry was last queried."""
    session.execute(update(Deploy).where(Deploy.id == deploy_id).values(pin_found=found, pin_asked_at=asked_at))


def mark_impact(session: Session, deploy_id: int, impact: dict[str, Any], looks: int, *, told: bool) -> None:
    """Record the verdict of review number `looks`. With `told`, Prefect need not receive it."""
    values = {"impact": impact, "impact_looks": looks, "impact_told": told}
    session.execute(update(Deploy).where(Deploy.id == deploy_id).values(**values))


def mark_told(session: Session, deploy_id: int, looks: int) -> None:
    """Record that Prefect received the verdict of a review, unless there is a newer one."""
    session.execute(update(Deploy).where(Deploy.id == deploy_id, Deploy.impact_looks == looks).values(impact_told=True))


def prune(session: Session, workload_id: int, keep: int, keep_images: int) -> int:
    """Delete finished rows beyond the newest `keep`; return how many.

    Never the unfinished, the live one, the default rollback target, or the newest `keep_images` succeeded ones:
    however many failures follow, a rollback stays possible.
    """
    of_workload = select(Deploy.id).where(Deploy.workload_id == workload_id).order_by(Deploy.version.desc())
    kept = set(session.scalars(of_workload.limit(keep)))
    kept |= {row.id for row in history.kept_to_go_back_to(session, workload_id, keep_images)}
    gone = session.execute(
        delete(Deploy)
        .where(
            Deploy.workload_id == workload_id,
            Deploy.status.in_(FINAL),
            Deploy.live.is_(False),
            Deploy.id.not_in(kept),
        )
        .returning(Deploy.id)
    ).all()
    return len(gone)


def fingerprint(code: ErrorCode, stage: str | None, kind: str) -> str:
    """Return sixteen hex digits that are equal for failures of the same code, stage and exception type."""
    return hashlib.sha256(f"{code}|{stage}|{kind}".encode()).hexdigest()[:16]


def _lock(session: Session, deploy_id: int) -> Deploy:
    return session.scalars(
        select(Deploy).where(Deploy.id == deploy_id).with_for_update().execution_options(populate_existing=True)
    ).one()


def _finish(session: Session, deploy: Deploy, stages: list[dict[str, Any]] | None, now: datetime) -> None:
    if stages is not None:
        deploy.stages = stages
    # A clock that was set back must not make a deploy end before it began.
    deploy.finished_at = max(now, deploy.started_at or deploy.queued_at)
    deploy.verified_since = None if deploy.verified is None else deploy.finished_at
    session.flush()
    counters.count_deploy(session, deploy)
