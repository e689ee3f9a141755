"""The pins that automatic deploys of a workload may not bring back, updated when its deploys end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from db import event_log, held_pins, history, workloads
from db.messages.events import tell
from db.states import ErrorCode, Reason
from tasks.context import now
from tasks.failures import Failure
from tasks.job import Job

HEALTH_FAILURES = frozenset({ErrorCode.EXITED_EARLY, ErrorCode.OUT_OF_MEMORY, ErrorCode.HEALTH_TIMEOUT})


def refuse(job: Job) -> None:
    """Stop an automatic deploy whose pin is held. Raises Failure."""
    if job.deploy.trigger in held_pins.BY_HAND or job.is_rollback or job.pin is None:
        return
    with job.context.database.writing() as session:
        workload = workloads.by_id(session, job.deploy.workload_id)
        if not held_pins.is_held(list(workload.held_pins), job.pin):
            return
        told = tell("not_deployed_held", version=job.deploy.version)
        event_log.note(session, workload.id, told, now(), level="warning")
    raise Failure(ErrorCode.CANCELLED, "held")


def after_success(session: Session, job: Job, moment: datetime) -> None:
    """Hold the pin that a rollback replaced, until a person deploys it by hand."""
    workload = workloads.by_id(session, job.deploy.workload_id)
    held, pin = list(workload.held_pins), job.pinned
    if job.deploy.trigger in held_pins.BY_HAND or job.is_rollback:
        held = held_pins.release(held, pin)
    if job.is_rollback and job.live and job.live.pin and not history.same_pin(job.live.pin, pin):
        held = held_pins.hold(held, job.live.pin, job.live.version, job.deploy.reason, moment)
    if held != workload.held_pins:
        workload.held_pins = held


def after_failure(session: Session, job: Job, code: ErrorCode, moment: datetime) -> None:
    """Hold a pin that failed its health check, with `auto_rollback`: no automatic deploy tries it again."""
    workload = workloads.by_id(session, job.deploy.workload_id)
    if code not in HEALTH_FAILURES or not workload.spec.get("auto_rollback") or job.pin is None:
        return
    if job.live is not None and not history.same_pin(job.live.pin, job.pin):
        workload.held_pins = held_pins.hold(
            list(workload.held_pins), job.pin, job.deploy.version, Reason.AUTO_ROLLBACK, moment
        )
        event_log.note(session, workload.id, tell("held", version=job.deploy.version), moment)
