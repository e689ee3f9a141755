"""Which pins of a workload are held back from automatic deploys, as its deploys end."""

from __future__ import annotations

from sqlalchemy.orm import Session

from db import event_log, held_pins, history, workloads
from db.messages.events import tell
from db.states import ErrorCode, Reason
from tasks.context import now
from tasks.failures import Failure
from tasks.job import Work

SICK = frozenset({ErrorCode.EXITED_EARLY, ErrorCode.OUT_OF_MEMORY, ErrorCode.HEALTH_TIMEOUT})


def refuse(work: Work) -> None:
    """Stop a deploy that nobody asked for by hand when what it would bring is held. Raises Failure."""
    if work.deploy.trigger in held_pins.BY_HAND or work.is_rollback or work.pin is None:
        return
    with work.context.database.writing() as session:
        workload = workloads.by_id(session, work.deploy.workload_id)
        if not held_pins.is_held(list(workload.held_pins), work.pin):
            return
        told = tell("not_deployed_held", version=work.deploy.version)
        event_log.note(session, workload.id, told, now(), level="warning")
    raise Failure(ErrorCode.CANCELLED, "held")


def after_success(session: Session, work: Work) -> None:
    """What was gone back from is held, until a person deploys it by hand."""
    workload = workloads.by_id(session, work.deploy.workload_id)
    held, pin = list(workload.held_pins), work.pin or {}
    if work.deploy.trigger in held_pins.BY_HAND or work.is_rollback:
        held = held_pins.release(held, pin)
    if work.is_rollback and work.live is not None and not history.same_pin(work.live.pin, pin):
        held = held_pins.hold(held, work.live.pin or {}, work.live.version, work.deploy.reason, now())
    if held != workload.held_pins:
        workload.held_pins = held


def after_failure(session: Session, work: Work, code: ErrorCode) -> None:
    """With `auto_rollback`, what did not pass its health check is held as well: no automatic deploy tries it again."""
    workload = workloads.by_id(session, work.deploy.workload_id)
    if code not in SICK or not workload.spec.get("auto_rollback") or work.pin is None:
        return
    if work.live is not None and not history.same_pin(work.live.pin, work.pin):
        workload.held_pins = held_pins.hold(
            list(workload.held_pins), work.pin, work.deploy.version, Reason.AUTO_ROLLBACK, now()
        )
        event_log.note(session, workload.id, tell("held", version=work.deploy.version), now())
