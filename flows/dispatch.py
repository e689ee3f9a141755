"""THE CHOKE POINT: the one function through which every dispatch of every kind passes, deploy or rollback.

claim -> pin -> prepare -> roll out -> health -> verify -> finish, and restore when one of them fails. Knows no
Prefect: flows.engine.prefect_flows passes in how a stage is called, so that each is a Prefect task there and a plain
call in a test.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from db import event_log, history, ledger, workloads
from db.messages.events import Told, tell, unsuccessful
from db.models import Deploy
from db.states import ErrorCode, Reason, Stage
from flows import held_pins
from flows.undeployed import taken_back, undeployed_keys
from flows.upkeep.housekeeping import after_deploy
from flows.webhooks.pending import start_pending_quietly
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.job import Job
from tasks.kinds import KINDS, SourceKind, compose_adoption
from tasks.kinds.compose import ComposeKind
from tasks.rollout import adoption, recovery

Step = Callable[[Job], None]
Call = Callable[[Stage, Step, Job], Failure | None]

__all__ = ["attempt", "carry_out"]


def attempt(stage: Stage, step: Step, job: Job) -> Failure | None:
    """Run one step; return a failure as a value. An unexpected exception becomes `internal`, its text only logged."""
    try:
        step(job)
        return None
    except Failure as known:
        return Failure(known.code, known.kind, verified=known.verified)
    except Exception as error:
        job.context.log.error("%s of %r broke", stage, job, exc_info=error)
        return Failure(ErrorCode.INTERNAL, type(error).__name__)


def carry_out(
    context: Context, deploy_id: int, engine_id: str, flow_run_id: str | None = None, call: Call = attempt
) -> ErrorCode | str:
    """Carry out an opened row to its end; return `succeeded`, the error code, or `superseded` when it is not ours.

    Whatever happens in between, the row ends, and the workload serves the version that the ledger calls live. The next
    deploy of the workload may be opened when the row ends, but is claimed only after this one has cleaned up.
    """
    with context.database.reading() as session:
        row = session.get(Deploy, deploy_id)
    if row is None:
        return "superseded"
    with context.workload_locks.hold(row.workload_id):
        outcome = _carry_out_alone(context, deploy_id, engine_id, flow_run_id, call)
    start_pending_quietly(context, row.workload_id)
    return outcome


def _carry_out_alone(
    context: Context, deploy_id: int, engine_id: str, flow_run_id: str | None, call: Call
) -> ErrorCode | str:
    job = _claim(context, deploy_id, engine_id, flow_run_id)
    if job is None:
        return "superseded"
    context.log.info("%r begins", job, extra={"requested": job.deploy.requested, "reason": job.deploy.reason})
    for stage, step in (STEPS_OF_ADOPTION if job.deploy.reason == Reason.ADOPT else STEPS).items():
        failure = _take(stage, step, job, call)
        if failure is not None:
            return _back_out(job, stage, failure)
        if job.unchanged:
            return _leave_as_it_is(job)
    if job.deploy.reason != Reason.ADOPT:  # an adoption has nothing to clean up
        _tidy_up(job)
    _attempt_quietly(job, lambda ended: after_deploy(ended.context, ended.deploy.workload_id, succeeded=True))
    context.log.info("%r succeeded", job, extra={"stages": job.stages})
    return "succeeded"


def _claim(context: Context, deploy_id: int, engine_id: str, flow_run_id: str | None) -> Job | None:
    with context.database.writing() as session:
        deploy = ledger.claim(session, deploy_id, engine_id, flow_run_id, now())
        if deploy is None:
            return None
        workload = workloads.by_id(session, deploy.workload_id)
        live = history.live(session, workload.id)
        return Job(
            context=context,
            deploy=deploy,
            workload=workload,
            release=workloads.release(session, deploy),
            secrets={},
            live=live,
            live_release=workloads.release(session, live) if live else None,
        )


def _take(stage: Stage, step: Step, job: Job, call: Call) -> Failure | None:
    """Run one step through `call`. The row records the stage before any of its work begins."""

    def recorded(at_work: Job) -> None:
        with at_work.context.database.writing() as session:
            at_work.cancelled = ledger.enter_stage(session, at_work.deploy.id, stage, at_work.stages)
        at_work.raise_if_cancelled()
        step(at_work)

    with job.timed(stage):
        return call(stage, recorded, job)


def _pin(job: Job) -> None:
    job.secrets = job.context.secrets_of_release(job.workload, job.release)
    missing = [name for name in job.release.get("secrets", []) if name not in job.secrets]
    if missing:
        job.notes.append(tell("secrets_missing", names=missing))
    if not job.is_rollback:
        job.pin = _kind(job).pin(job)
        _record_pin(job)
        held_pins.refuse(job)


def _prepare(job: Job) -> None:
    job.pin = _kind(job).prepare(job)
    _record_pin(job)
    held_pins.refuse(job)
    job.unchanged = not job.is_rollback and _kind(job).is_unchanged(job)


def _roll_out(job: Job) -> None:
    with job.context.database.writing() as session:
        workloads.set_needs_reconcile(session, job.deploy.workload_id, True)
    _kind(job).rollout.roll_out(job)


def _check_health(job: Job) -> None:
    _kind(job).rollout.check_health(job)


def _verify(job: Job) -> None:
    _kind(job).rollout.verify(job)
    job.verified = True


def _finish(job: Job) -> None:
    _kind(job).rollout.settle(job)
    with job.context.database.writing() as session:
        moment = now()
        ledger.succeed(session, job.deploy.id, [*job.stages, job.stage_so_far()], moment)
        _make_it_the_spec(session, job, moment)
        held_pins.after_success(session, job, moment)
        _note_all(session, job, moment)
        event_log.note(session, job.deploy.workload_id, _success_message(job.deploy), moment)


# The steps of every deploy and rollback, in this order.
STEPS: dict[Stage, Step] = {
    Stage.PIN: _pin,
    Stage.PREPARE: _prepare,
    Stage.ROLL_OUT: _roll_out,
    Stage.HEALTH: _check_health,
    Stage.VERIFY: _verify,
    Stage.FINISH: _finish,
}


def _prepare_adopted(job: Job) -> None:
    job.secrets = job.context.secrets_of_release(job.workload, job.release)
    if job.deploy.source_kind == ComposeKind.name:
        job.pin = compose_adoption.prepare(job)


def _verify_adopted(job: Job) -> None:
    adoption.verify(job, _kind(job).rollout)
    job.verified = True


def _finish_adoption(job: Job) -> None:
    with job.context.database.writing() as session:
        moment = now()
        ledger.succeed(session, job.deploy.id, [*job.stages, job.stage_so_far()], moment)
        for level, told in adoption.lines(session, job.deploy):
            event_log.note(session, job.deploy.workload_id, told, moment, level=level)
    _attempt_quietly(job, adoption.index)


# Those of an adoption: its pin came with the request, and it rolls nothing out.
STEPS_OF_ADOPTION: dict[Stage, Step] = {
    Stage.PREPARE: _prepare_adopted,
    Stage.VERIFY: _verify_adopted,
    Stage.FINISH: _finish_adoption,
}


def _leave_as_it_is(job: Job) -> str:
    """End the row as succeeded, with the live pin and, as "no_change", the version that keeps serving."""
    assert job.live is not None and job.pin is not None  # noqa: S101 - is_unchanged compared the two
    with job.context.database.writing() as session:
        moment = now()
        ledger.record_pin(session, job.deploy.id, job.pin | {"no_change": job.live.version})
        ledger.succeed(session, job.deploy.id, job.stages, moment, takes_over=False)
        told = tell("no_change", version=job.deploy.version, live=job.live.version)
        event_log.note(session, job.deploy.workload_id, told, moment)
    job.context.log.info("%r changes nothing", job)
    return "succeeded"


def _tidy_up(job: Job) -> None:
    """Remove the containers of older versions. A failure here changes no outcome: reconcile retries it."""
    if _attempt_quietly(job, _kind(job).rollout.clean_up):
        with job.context.database.writing() as session:
            workloads.set_needs_reconcile(session, job.deploy.workload_id, False)


def _kind(job: Job) -> SourceKind:
    return KINDS[job.deploy.source_kind]


def _make_it_the_spec(session: Session, job: Job, moment: datetime) -> None:
    """Make what succeeded the spec: the image of a deploy, the whole release of a rollback.

    What a person has changed and not deployed stays for the next deploy: of a plain deploy, only the source is taken.
    """
    workload = workloads.by_id(session, job.deploy.workload_id)
    spec, secrets = workload.spec, list(workload.secrets)
    if not job.is_rollback:
        spec = spec | {"source": job.release["source"]}
    elif job.live is not None:
        live = workloads.release(session, job.live)
        spec = taken_back(spec, secrets, live, job.release)
        if pending := undeployed_keys(workload.spec, secrets, live):
            told = tell("still_pending", version=job.deploy.version, keys=pending)
            event_log.note(session, workload.id, told, moment)
    if spec != workload.spec:
        workloads.change(session, workload.id, spec, workload.secrets, moment)


def _record_pin(job: Job) -> None:
    if job.pin is not None:
        with job.context.database.writing() as session:
            ledger.record_pin(session, job.deploy.id, job.pin)


def _back_out(job: Job, stage: Stage, failure: Failure) -> ErrorCode:
    """Restore the live version, then end the row. A workload that did not converge stays marked for reconcile."""
    in_order = _attempt_quietly(job, _put_back) if _touched(job) else True
    fingerprint = ledger.fingerprint(failure.code, stage, failure.kind)
    with job.context.database.writing() as session:
        moment = now()
        ledger.fail(session, job.deploy.id, failure.code, fingerprint, moment, job.stages, failure.verified)
        if in_order:
            workloads.set_needs_reconcile(session, job.deploy.workload_id, False)
        _note_all(session, job, moment)
        event_log.note(session, job.deploy.workload_id, _failure_message(job, stage, failure), moment, level="error")
        held_pins.after_failure(session, job, failure.code, moment)
    _attempt_quietly(job, lambda ended: after_deploy(ended.context, ended.deploy.workload_id, succeeded=False))
    job.context.log.error("%r ended: %s in %s", job, failure.code, stage, extra={"kind": failure.kind})
    return failure.code


def _note_all(session: Session, job: Job, moment: datetime) -> None:
    """Write what the steps have noted: a failure may come from just that."""
    for note in job.notes:
        event_log.note(session, job.deploy.workload_id, note, moment, level="warning")


def _put_back(job: Job) -> None:
    recovery.put_back(job, _kind(job).rollout)


def _touched(job: Job) -> bool:
    """Return whether the rollout began, so that there may be something to restore."""
    return job.context.workload(job.deploy.workload_id).needs_reconcile


def _success_message(deploy: Deploy) -> Told:
    if deploy.rollback_of is None:
        return tell("live", version=deploy.version)
    return tell("live_again", version=deploy.version, target=deploy.rollback_of)


def _failure_message(job: Job, stage: Stage, failure: Failure) -> Told:
    return unsuccessful(job.deploy.version, failure.code, stage, job.live.version if job.live else None)


def _attempt_quietly(job: Job, action: Step) -> bool:
    """Run an action after the outcome is decided: a failure here does not change it, reconcile retries."""
    failure = attempt(Stage.FINISH, action, job)
    if failure is not None:
        job.context.log.warning("%r: tidying up will be done later", job, extra={"code": str(failure.code)})
    return failure is None
