"""Reconcile: after a crash, and every few seconds, makes the ledger and the containers agree.

Converges workloads that a rollout left half-way, ends rows whose engine is gone, finishes removals, starts pending
deploys of webhooks (`reconcile`), and compares what runs with the live row's pin (`compare`). Needs Docker for the
containers, and Prefect for closing its runs and for pending deploys; a row does not wait long for either.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from db import event_log, history, ledger, workloads
from db.connection import LedgerUnavailable
from db.messages.events import abandoned, tell
from db.models import Deploy, Workload
from db.states import ErrorCode, Status
from flows.requests import cancel_by_run
from flows.upkeep import removal, statuses
from flows.webhooks.pending import start_all_pending
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.kinds import kind_of
from tasks.prefect_api import TERMINAL, PrefectUnreachable
from tasks.rollout import recovery

# A request that opened its row calls Prefect at once, and for 13 s while that is busy: after this long, a row
# without a run has lost its process.
ORPHANED_AFTER = timedelta(seconds=30)
# The time that the rows of one pass wait for their workloads to converge. Docker may hang or be unreachable for
# longer, and a service may take minutes to start: no row stays open for that.
ORDER_WITHIN_S = 20.0
CANCELS = frozenset({"CANCELLING", "CANCELLED"})


def reconcile(context: Context, engine_id: str, at_work: Collection[int] = ()) -> None:
    """Make one pass over this host; costs next to nothing when there is nothing to do.

    `at_work`: ids of the deploys that threads of the engine `engine_id` are carrying out.
    """
    try:
        _sync_cancellations(context)
        _end_dead_rows(context, engine_id, at_work)
        half_way, begun = _waiting(context)
    except LedgerUnavailable as unavailable:
        context.log.warning("reconcile has to wait for the ledger", extra={"cause": str(unavailable.cause)})
        return
    for workload in half_way:
        _try(context, workload, settle)
    for workload in begun:
        if removal.is_overdue(workload, now()):
            _try(context, workload, removal.finish)
    start_all_pending(context)


def _waiting(context: Context) -> tuple[Sequence[Workload], Sequence[Workload]]:
    """Return workloads that a rollout left half-way, and those whose removal was begun."""
    with context.database.reading() as session:
        host = context.settings.host_name
        return workloads.needing_reconcile(session, host), workloads.removing(session, host)


def _try(context: Context, workload: Workload, action: Callable[..., object], *rest: object) -> None:
    """Run an action unless another thread works on the workload. A failure waits, and holds up no other workload."""
    with context.workload_locks.hold(workload.id, wait=False) as mine:
        try:
            if mine:
                action(context, workload, *rest)
        except (Failure, LedgerUnavailable) as failure:
            words = "reconcile: %s of %s has to wait"
            context.log.warning(words, action.__name__, workload.name, extra={"code": str(failure.code)})


def _sync_cancellations(context: Context) -> None:
    """Cancel deploys that were cancelled in Prefect and whose event we missed, for instance while disconnected."""
    with context.database.reading() as session:
        rows = history.unfinished(session, context.settings.host_name)
    try:
        for row in rows:
            run = None if row.cancel_requested else row.flow_run_id
            if run is not None and context.prefect.run_state(run) in CANCELS:
                cancel_by_run(context, run)
    except PrefectUnreachable:
        context.log.info("reconcile: Prefect is away, nobody can cancel there")


def _end_dead_rows(context: Context, engine_id: str, at_work: Collection[int]) -> None:
    with context.database.reading() as session:
        rows = history.unfinished(session, context.settings.host_name)
    dead: list[tuple[Deploy, ErrorCode]] = []
    for row in rows:
        try:
            code = dead_by(context, row, engine_id, at_work)
            if code is not None:
                dead.append((row, code))
            elif row.status == Status.QUEUED:
                _bring_forward(context, row)
        except PrefectUnreachable:
            context.log.info("reconcile: Prefect is away, a queued deploy has to wait", extra={"deploy": row.id})
    put_in_order(context, [row for row, _ in dead])
    for row, code in dead:
        end(context, row, code)


def _bring_forward(context: Context, row: Deploy) -> None:
    """Reschedule a run whose due time is in the future because the clock was set back since its request."""
    if row.flow_run_id is not None and context.prefect.bring_forward(row.flow_run_id, now()):
        context.log.warning("reconcile: a deploy was due in the future, it is now", extra={"deploy": row.id})


def dead_by(context: Context, row: Deploy, engine_id: str, at_work: Collection[int]) -> ErrorCode | None:
    """Return the code to end a row with because no process will; None while one may."""
    if row.status == Status.RUNNING:
        # The lock on HOME lets only one engine of a host run, so a row of another engine is dead. A row of this one
        # that no thread carries out could not be ended when it was due, with a full disk for instance.
        return None if row.engine_id == engine_id and row.id in at_work else ErrorCode.INTERRUPTED
    if row.flow_run_id is None:
        # A row from the future is as old: after the clock was set back, it must not wait until the clock catches up.
        return ErrorCode.INTERRUPTED if abs(now() - row.queued_at) > ORPHANED_AFTER else None
    state = context.prefect.run_state(row.flow_run_id)
    if state == "CANCELLED":
        return ErrorCode.CANCELLED
    return ErrorCode.INTERRUPTED if state is None or state in TERMINAL else None


def put_in_order(context: Context, dead: Sequence[Deploy]) -> None:
    """Converge the workloads of dead rows before the rows end: a reader who sees a row ended finds the live version
    serving. What exceeds the time limit continues, and `settle` finishes or repeats it."""
    with context.database.reading() as session:
        half_way = {one.id: one for one in workloads.needing_reconcile(session, context.settings.host_name)}
    deadline = time.monotonic() + ORDER_WITHIN_S
    # Daemons: a thread that waits for a hanging Docker must not keep the engine from exiting.
    threads = [
        threading.Thread(target=_try, args=(context, half_way[row.workload_id], _bring_back, row.id), daemon=True)
        for row in dead
        if row.workload_id in half_way
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _bring_back(context: Context, workload: Workload, dead: int) -> None:
    """Run `settle`, and wait until restarted containers are healthy. `dead`: id of the row that is about to end."""
    if not settle(context, workload, dead):
        return
    with context.database.reading() as session:
        live = history.live(session, workload.id)
        release = workloads.release(session, live) if live else None
    if live is not None and release is not None:
        recovery.wait_until_healthy(context, kind_of(workload).rollout, workload.name, live, release)


def end(context: Context, row: Deploy, code: ErrorCode) -> None:
    """End a dead row and close its Prefect run. See `put_in_order` for what comes before."""
    with context.database.writing() as session:
        current = session.get(Deploy, row.id, with_for_update=True, populate_existing=True)
        if current is None or current.status != row.status or current.engine_id != row.engine_id:
            return  # it has changed since it was read
        code = ErrorCode.CANCELLED if current.cancel_requested else code
        moment = now()
        ledger.fail(session, row.id, code, ledger.fingerprint(code, row.stage, "reconcile"), moment)
        event_log.note(session, row.workload_id, abandoned(row.version, code), moment, level="error")
    context.log.warning("reconcile: a deploy was %s", code, extra={"deploy": row.id, "version": row.version})
    if row.flow_run_id is not None and row.status == Status.RUNNING:
        try:
            context.prefect.crash(row.flow_run_id, str(code))
        except PrefectUnreachable:
            context.log.info("reconcile: Prefect is away, its run stays open", extra={"run": row.flow_run_id})


def settle(context: Context, workload: Workload, dead: int | None = None) -> bool:
    """Converge a workload to exactly its live version; return whether there was anything to do. Skipped while a deploy
    of it is running, except the one with the id `dead`.

    A queued one may wait for long, for Prefect for instance: the live version serves meanwhile. Raises Failure when
    Docker fails; the workload then stays marked.
    """
    with context.database.reading() as session:
        newest = history.latest(session, workload.id)
        if newest is not None and newest.status == Status.RUNNING and newest.id != dead:
            return False
        live = history.live(session, workload.id)
    done = kind_of(workload).rollout.restore(context, workload, live)
    with context.database.writing() as session:
        workloads.set_needs_reconcile(session, workload.id, False)
        if done:
            event_log.note(session, workload.id, tell("put_in_order"), now())
    return bool(done)


def compare(context: Context) -> None:
    """Compare what runs of every workload of this host with its live row's pin, judge whether it is well, and record
    what has changed."""
    there: Sequence[Workload] = ()
    try:
        with context.database.reading() as session:
            there = workloads.every(session, context.settings.host_name)
    except LedgerUnavailable as unavailable:
        context.log.warning("the comparison has to wait for the ledger", extra={"cause": str(unavailable.cause)})
    for workload in there:
        _try(context, workload, statuses.look)
