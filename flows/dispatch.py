"""THE CHOKE POINT: the one function through which every dispatch of every kind passes, deploy or rollback.

claim -> pin -> prepare -> roll out -> health -> verify -> finish, and back again when one of them fails. Knows no
Prefect: flows.engine.prefect_flows passes in how a stage is called, so that each is a Prefect task there and a plain
call in a test.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from db import event_log, history, ledger, workloads
from db.messages.events import Told, tell
from db.models import Deploy
from db.states import ErrorCode, Stage
from flows import held_pins, no_change
from flows.upkeep.housekeeping import after_deploy
from flows.webhooks.pending import take_up_quietly
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.job import Work
from tasks.kinds import KINDS, SourceKind
from tasks.rollout import recovery

Step = Callable[[Work], None]
Call = Callable[[Stage, Step, Work], Failure | None]

__all__ = ["attempt", "carry_out"]


def attempt(stage: Stage, step: Step, work: Work) -> Failure | None:
    """Run one step; a failure comes back as a value. What nobody foresaw becomes `internal`, its text the log's."""
    try:
        step(work)
        return None
    except Failure as known:
        return Failure(known.code, known.kind, verified=known.verified)
    except Exception as error:
        work.context.log.error("%s of %r broke", stage, work, exc_info=error)
        return Failure(ErrorCode.INTERNAL, type(error).__name__)


def carry_out(
    context: Context, deploy_id: int, engine_id: str, flow_run_id: str | None = None, call: Call = attempt
) -> ErrorCode | str:
    """Carry out an opened row to its end; answers `succeeded`, the error code, or `superseded` when it is not ours.

    Whatever happens in between, the row ends, and the workload serves the version that the ledger calls live. The next
    deploy of the workload may be opened when the row ends, but is claimed when this one has cleaned up as well.
    """
    with context.database.reading() as session:
        row = session.get(Deploy, deploy_id)
    if row is None:
        return "superseded"
    with context.turns.on(row.workload_id):
        outcome = _carry_out_alone(context, deploy_id, engine_id, flow_run_id, call)
    take_up_quietly(context, row.workload_id)
    return outcome


def _carry_out_alone(
    context: Context, deploy_id: int, engine_id: str, flow_run_id: str | None, call: Call
) -> ErrorCode | str:
    work = _claim(context, deploy_id, engine_id, flow_run_id)
    if work is None:
        return "superseded"
    context.log.info("%r begins", work, extra={"requested": work.deploy.requested, "reason": work.deploy.reason})
    done: list[dict[str, Any]] = []
    for stage, step in STEPS.items():
        failure = _timed(stage, step, work, done, call)
        if failure is not None:
            return _back_out(work, stage, failure, done)
        if stage is Stage.PREPARE and no_change.is_unchanged(work):
            return no_change.leave_as_it_is(work, done)
    if _attempt_quietly(work, _kind(work).rollout.clean_up):
        with context.database.writing() as session:
            workloads.set_unsettled(session, work.deploy.workload_id, False)
    _attempt_quietly(work, lambda done_work: after_deploy(context, done_work.deploy.workload_id, succeeded=True))
    context.log.info("%r succeeded", work, extra={"stages": done})
    return "succeeded"


def _claim(context: Context, deploy_id: int, engine_id: str, flow_run_id: str | None) -> Work | None:
    with context.database.writing() as session:
        deploy = ledger.claim(session, deploy_id, engine_id, flow_run_id, now())
        if deploy is None:
            return None
        workload = workloads.by_id(session, deploy.workload_id)
        live = history.live(session, workload.id)
        return Work(
            context=context,
            deploy=deploy,
            workload=workload.name,
            release=workloads.document(session, deploy.release_sha),
            secrets={},
            live=live,
            live_release=workloads.document(session, live.release_sha) if live else None,
        )


def _timed(stage: Stage, step: Step, work: Work, done: list[dict[str, Any]], call: Call) -> Failure | None:
    began = time.monotonic()

    def step_with_record(at_work: Work) -> None:
        with at_work.context.database.writing() as session:
            at_work.cancelled = ledger.enter_stage(session, at_work.deploy.id, stage, done)
        at_work.give_way()
        step(at_work)

    if stage is Stage.FINISH:
        # The row's own stages must have this one in them when the row ends, so it is measured from inside.
        return call(stage, lambda at_work: _finish(at_work, done, began), work)
    failure = call(stage, step_with_record, work)
    done.append({"name": str(stage), "ms": _ms_since(began)})
    return failure


def _pin(work: Work) -> None:
    workload = work.context.workload(work.deploy.workload_id)
    wanted = work.release.get("secrets", [])
    values = work.context.secrets_of(workload)
    work.secrets = {name: values[name] for name in wanted if name in values}
    missing = [name for name in wanted if name not in values]
    if missing:
        work.notes.append(tell("secrets_missing", names=missing))
    if not work.is_rollback:
        work.pin = _kind(work).pin(work)
        _record_pin(work)
        held_pins.refuse(work)


def _prepare(work: Work) -> None:
    work.pin = _kind(work).prepare(work)
    _record_pin(work)
    held_pins.refuse(work)


def _roll_out(work: Work) -> None:
    with work.context.database.writing() as session:
        workloads.set_unsettled(session, work.deploy.workload_id, True)
    _kind(work).rollout.roll_out(work)


def _finish(work: Work, done: list[dict[str, Any]], began: float) -> None:
    with work.context.database.writing() as session:
        work.cancelled = ledger.enter_stage(session, work.deploy.id, Stage.FINISH, done)
    if work.cancelled:  # an order to stop comes too late for what is verified already
        work.give_way()
    _kind(work).rollout.settle(work)
    with work.context.database.writing() as session:
        stages = [*done, {"name": str(Stage.FINISH), "ms": _ms_since(began)}]
        ledger.succeed(session, work.deploy.id, stages, now())
        _adopt(session, work)
        held_pins.after_success(session, work)
        for note in work.notes:
            event_log.note(session, work.deploy.workload_id, note, now(), level="warning")
        event_log.note(session, work.deploy.workload_id, _good_news(work.deploy), now())


def _kind(work: Work) -> SourceKind:
    return KINDS[work.deploy.source_kind]


STEPS: dict[Stage, Any] = {
    Stage.PIN: _pin,
    Stage.PREPARE: _prepare,
    Stage.ROLL_OUT: _roll_out,
    Stage.HEALTH: lambda work: _kind(work).rollout.check_health(work),
    Stage.VERIFY: lambda work: _kind(work).rollout.verify(work),
    Stage.FINISH: None,  # see _timed
}


def _adopt(session: Any, work: Work) -> None:
    """What succeeded becomes the spec: the image of a deploy, the whole release of a rollback.

    A spec that was changed while a plain deploy ran keeps its change: only the source is taken over.
    """
    workload = workloads.by_id(session, work.deploy.workload_id)
    taken = {key: value for key, value in work.release.items() if key != "secrets"}
    if not work.is_rollback:
        if workload.spec["source"] == work.release["source"]:
            return
        taken = {"source": work.release["source"]}
    kept = workload.spec if not work.is_rollback else {k: workload.spec[k] for k in OWN_KEYS if k in workload.spec}
    workloads.change(session, workload.id, kept | taken, workload.secrets, now())


OWN_KEYS = ("name", "host", "auto_rollback", "watch_s")


def _record_pin(work: Work) -> None:
    if work.pin is not None:
        with work.context.database.writing() as session:
            ledger.record_pin(session, work.deploy.id, work.pin)


def _back_out(work: Work, stage: Stage, failure: Failure, done: list[dict[str, Any]]) -> ErrorCode:
    """Put the old version back, then end the row. A workload that could not be put in order stays marked for it."""
    in_order = _attempt_quietly(work, _put_back) if _touched(work) else True
    fingerprint = ledger.fingerprint(failure.code, stage, failure.kind)
    with work.context.database.writing() as session:
        ledger.fail(session, work.deploy.id, failure.code, fingerprint, now(), stages=done, verified=failure.verified)
        if in_order:
            workloads.set_unsettled(session, work.deploy.workload_id, False)
        event_log.note(session, work.deploy.workload_id, _sorry(work, stage, failure), now(), level="error")
        held_pins.after_failure(session, work, failure.code)
    _attempt_quietly(work, lambda ended: after_deploy(ended.context, ended.deploy.workload_id, succeeded=False))
    work.context.log.error("%r ended: %s in %s", work, failure.code, stage, extra={"kind": failure.kind})
    return failure.code


def _put_back(work: Work) -> None:
    recovery.put_back(work, _kind(work).rollout)


def _touched(work: Work) -> bool:
    """Whether the rollout began, so that there may be something to put back."""
    return work.context.workload(work.deploy.workload_id).unsettled


def _good_news(deploy: Deploy) -> Told:
    if deploy.rollback_of is None:
        return tell("live", version=deploy.version)
    return tell("live_again", version=deploy.version, target=deploy.rollback_of)


def _sorry(work: Work, stage: Stage, failure: Failure) -> Told:
    ended = {"version": work.deploy.version, "stage": stage, "code": failure.code}
    return tell("ended_serving", **ended, live=work.live.version) if work.live else tell("ended_in", **ended)


def _attempt_quietly(work: Work, action: Step) -> bool:
    """Tidy up; a failure here changes no verdict, reconcile will come back to it."""
    failure = attempt(Stage.FINISH, action, work)
    if failure is not None:
        work.context.log.warning("%r: tidying up will be done later", work, extra={"code": str(failure.code)})
    return failure is None


def _ms_since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
