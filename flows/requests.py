"""The one entrance: every deploy and rollback, from the UI, the API, the CLI or Prefect, begins in this module.

The ledger row comes first, in one transaction that is also the lock; then Prefect is asked to run it. A refused request
leaves no row; an accepted one has exactly one, whatever happens next.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy.orm import Session

from db import event_log, history, ledger, workloads
from db.ledger import DeployInFlight, NewDeploy
from db.messages.events import tell
from db.messages.refusals import RefusalCode
from db.models import Deploy, Workload
from db.states import ErrorCode, Reason, Status
from flows.new_deploy import Asked, back_to, deploy_of, write
from flows.refusals import Refusal, workload_named
from flows.undeployed import undeployed_keys
from tasks.context import Context, now
from tasks.prefect_api import PrefectUnreachable
from tasks.specs import RELEASE_KEYS

__all__ = ["Asked"]  # besides the functions below

New = Callable[[Session, Workload, datetime], NewDeploy]


def request_deploy(
    context: Context, name: str, asked: Asked, image: str | None = None, ref: str | None = None
) -> Deploy:
    """Open a deploy of the spec, with another image or ref if one is given, and have it run.

    Raises Refusal (no_such_workload, deploy_in_flight, orchestrator_unreachable) or InvalidSpec.
    """
    return start(context, *open_deploy(context, name, asked, image, ref))


def request_rollback(
    context: Context,
    name: str,
    asked: Asked,
    version: int | None = None,
    expected_live: int | None = None,
    *,
    discard_pending: bool = False,
) -> Deploy:
    """Open a deploy of an earlier version's pin and configuration, and have it run.

    Without `version`: the newest that differs from the live one and was not rolled back from. `expected_live`
    guards against a stale page. Changes of the spec that were not deployed stay for the next deploy, unless
    `discard_pending`. Raises Refusal with the contract's codes.
    """
    return start(context, *open_rollback(context, name, asked, version, expected_live, discard_pending))


def request_cancel(context: Context, name: str, version: int) -> Deploy:
    """Request that an unfinished deploy stop: at once when it has not begun, else at its next step.

    Raises Refusal (no_such_workload, no_such_version, not_cancellable).
    """
    with context.database.writing() as session:
        workload = workload_named(session, name)
        deploy = history.find(session, workload.id, version)
        if deploy is None:
            raise Refusal(RefusalCode.NO_SUCH_VERSION)
        if not ledger.request_cancel(session, deploy.id):
            raise _refusal(session, RefusalCode.NOT_CANCELLABLE, deploy)
        return _end_if_queued(session, deploy, now())


def cancel_by_run(context: Context, flow_run_id: str) -> None:
    """Cancel the deploy whose flow run was cancelled in Prefect. Ignores runs that have no unfinished row."""
    with context.database.writing() as session:
        deploy = history.by_flow_run(session, flow_run_id)
        if deploy is not None and ledger.request_cancel(session, deploy.id):
            _end_if_queued(session, deploy, now())


def _end_if_queued(session: Session, deploy: Deploy, moment: datetime) -> Deploy:
    session.refresh(deploy)
    return _fail(session, deploy, ErrorCode.CANCELLED, moment) if deploy.status == Status.QUEUED else deploy


def open_deploy(
    context: Context, name: str, asked: Asked, image: str | None = None, ref: str | None = None
) -> tuple[Deploy, str, bool]:
    """Return the row of a deploy, its workload's name, and whether the row is new. For flows that run it themselves."""

    return _open(context, name, asked, partial(deploy_of, asked=asked, image=image, ref=ref))


def open_rollback(
    context: Context,
    name: str,
    asked: Asked,
    version: int | None = None,
    expected_live: int | None = None,
    discard_pending: bool = False,
) -> tuple[Deploy, str, bool]:
    """Do as open_deploy, for a rollback."""

    def new(session: Session, workload: Workload, moment: datetime) -> NewDeploy:
        live = history.live(session, workload.id)
        if expected_live is not None and (live is None or live.version != expected_live):
            raise _refusal(session, RefusalCode.LIVE_CHANGED, live)
        target = _target(session, workload, version)
        if blocked := history.refused_by(target, live):
            raise _refusal(session, RefusalCode.of(blocked), target)
        if discard_pending and live is not None:
            _discard_pending(session, workload, live, moment, asked)
        return back_to(target, Reason.ROLLBACK, workload, asked)

    return _open(context, name, asked, new)


def open_auto_rollback(context: Context, name: str, asked: Asked, failed: Deploy) -> tuple[Deploy, str, bool]:
    """Do as open_rollback, from a watched live version that failed to the one that it replaced."""

    def new(session: Session, workload: Workload, _moment: datetime) -> NewDeploy:
        live = history.live(session, workload.id)
        if live is None or live.id != failed.id:
            raise _refusal(session, RefusalCode.LIVE_CHANGED, live)
        before = history.find(session, workload.id, failed.replaced) if failed.replaced is not None else None
        good = before is not None and before.pin is not None and not history.same_pin(before.pin, failed.pin)
        target = before if before is not None and good else _target(session, workload, None)
        return back_to(target, Reason.AUTO_ROLLBACK, workload, asked)

    return _open(context, name, asked, new)


def _discard_pending(session: Session, workload: Workload, live: Deploy, moment: datetime, asked: Asked) -> None:
    """Make the spec what is live. In the request, so that a rollback that fails does not depend on it."""
    release = workloads.release(session, live)
    if keys := undeployed_keys(workload.spec, list(workload.secrets), release):
        own = {key: value for key, value in workload.spec.items() if key not in RELEASE_KEYS}
        taken = {key: value for key, value in release.items() if key != "secrets"}
        workloads.change(session, workload.id, own | taken, workload.secrets, moment)
        event_log.note(session, workload.id, tell("pending_discarded", keys=keys), moment, actor=asked.actor)


def _target(session: Session, workload: Workload, version: int | None) -> Deploy:
    if version is not None:
        chosen = history.find(session, workload.id, version)
        if chosen is None:
            raise Refusal(RefusalCode.NO_SUCH_VERSION)
        return chosen
    newest = history.default_rollback_target(session, workload.id)
    if newest is None:
        raise Refusal(RefusalCode.NOTHING_TO_ROLL_BACK_TO)
    return newest


def _open(context: Context, name: str, asked: Asked, new: New) -> tuple[Deploy, str, bool]:
    try:
        with context.database.writing() as session:
            workload = workload_named(session, name)
            if known := _known(session, workload, asked):
                return known, name, False
            moment = now()
            return write(session, workload, new(session, workload, moment), moment), name, True
    except DeployInFlight:
        pass
    with context.database.reading() as session:
        workload = workload_named(session, name)
        # Of two concurrent requests with one key, the one that lost finds the row now.
        if known := _known(session, workload, asked):
            return known, name, False
        raise Refusal(RefusalCode.DEPLOY_IN_FLIGHT, history.latest(session, workload.id))


def _known(session: Session, workload: Workload, asked: Asked) -> Deploy | None:
    if asked.idempotency_key is None:
        return None
    return history.by_idempotency_key(session, workload.id, asked.idempotency_key)


def start(context: Context, deploy: Deploy, name: str, new: bool) -> Deploy:
    """Have Prefect run an opened row. When Prefect is unreachable, the row fails. Raises Refusal then."""
    if not new:
        return deploy
    run_id = None
    try:
        run_id = context.prefect.start(
            deployment_of(deploy), deploy.host, run_name(deploy, name), {"deploy_id": deploy.id}, run_key(deploy)
        )
    except PrefectUnreachable as error:
        context.log.warning("prefect did not take the run", extra={"deploy": deploy.id, "cause": str(error)})
    with context.database.writing() as session:
        if run_id is not None:
            ledger.attach_flow_run(session, deploy.id, run_id)
            return session.get_one(Deploy, deploy.id, populate_existing=True)
        row = session.get_one(Deploy, deploy.id, populate_existing=True, with_for_update=True)
        if row.status != Status.QUEUED:
            return row  # only the response was lost: the engine has the run
        failed = _fail(session, deploy, ErrorCode.ORCHESTRATOR_UNREACHABLE, now())
    raise Refusal(RefusalCode.ORCHESTRATOR_UNREACHABLE, failed)


def _fail(session: Session, deploy: Deploy, code: ErrorCode, moment: datetime) -> Deploy:
    row = ledger.fail(session, deploy.id, code, ledger.fingerprint(code, None, "request"), moment)
    event_log.note(session, row.workload_id, tell("ended", version=row.version, code=code), moment, level="error")
    return row


def _refusal(session: Session, code: RefusalCode, row: Deploy | None) -> Refusal:
    # Detached from the session first: its rollback would leave the row without its values.
    if row is not None:
        session.expunge(row)
    return Refusal(code, row)


def deployment_of(deploy: Deploy) -> str:
    """Return the name of the Prefect deployment that carries a row out."""
    if deploy.reason == Reason.ADOPT:
        return "adopt"
    return "rollback" if deploy.rollback_of is not None else "dispatch"


def run_name(deploy: Deploy, workload: str) -> str:
    """Return the name of the run in Prefect's UI: `deploy shop v12`, `rollback shop v13 to v11`, `adopt shop v1`."""
    if deploy.rollback_of is not None:
        return f"rollback {workload} v{deploy.version} to v{deploy.rollback_of}"
    return f"{'adopt' if deploy.reason == Reason.ADOPT else 'deploy'} {workload} v{deploy.version}"


def run_key(deploy: Deploy) -> str:
    """Return the idempotency key of a row's run, with its moment because another ledger counts from 1 as well."""
    return f"deploy-{deploy.id}-{int(deploy.queued_at.timestamp() * 1_000_000)}"
