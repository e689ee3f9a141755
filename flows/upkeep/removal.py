"""The engine's part of a removal: the containers of a marked workload, its files, then all its data in the ledger.

Carried out by the Prefect run of the request, or by reconcile if that run does not begin. Both hold the workload's
lock; the second one finds nothing to do.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from db import workloads
from db.connection import LedgerUnavailable
from db.models import Workload
from flows.upkeep.housekeeping import arrange_images
from tasks.compose import files
from tasks.containers import workload_networks
from tasks.context import Context
from tasks.failures import Failure
from tasks.git import cache
from tasks.images import build_log
from tasks.kinds import kind_of

REMOVED, SUPERSEDED = "removed", "superseded"
# A run begins within a second of its request. After this long, reconcile no longer leaves the removal to it.
RUN_BEGINS_WITHIN = timedelta(seconds=5)


def is_overdue(workload: Workload, moment: datetime) -> bool:
    """Return whether a removal's run should have begun. A mark from the future is as old: the clock was set back."""
    return workload.removing_at is not None and abs(moment - workload.removing_at) > RUN_BEGINS_WITHIN


def carry_out(context: Context, workload_id: int, name: str) -> str:
    """Remove a workload on behalf of its run, once no other thread works on it; return the outcome.

    "removed", also when it is gone already; "superseded" when this id is not being removed from this host under this
    name; else the code of the failure, and reconcile retries.
    """
    try:
        with context.workload_locks.hold(workload_id):
            with context.database.reading() as session:
                workload = session.get(Workload, workload_id)
            if workload is None:
                return REMOVED
            if (workload.name, workload.host) != (name, context.settings.host_name):
                return SUPERSEDED
            return REMOVED if finish(context, workload) else SUPERSEDED
    except (Failure, LedgerUnavailable) as failure:
        context.log.warning("the removal of %s has to wait", name, extra={"code": str(failure.code)})
        return str(failure.code)


def finish(context: Context, workload: Workload) -> bool:
    """Remove the containers of a workload and its files, then all its data in the ledger, then the images that were
    brought for it and that no other release needs; return False when it is not marked for removal.

    The caller holds its lock. Raises Failure.
    """
    with context.database.reading() as session:
        current = session.get(Workload, workload.id)
    # Read again under the lock: it may be gone by now, and its name may belong to a new workload that runs.
    if current is None or current.removing_at is None:
        return False
    kind_of(current).rollout.restore(context, current, None)
    # Before the ledger forgets the workload: whoever continues an interrupted removal begins here again.
    files.remove(context, str(current.id), current.name)
    with context.database.writing() as session:
        workloads.remove(session, current.id)
        needed = {name for one in workloads.every(session, current.host) for name in one.spec.get("networks") or ()}
    workload_networks.forget_named(context, needed)
    context.log.info("%s is removed", current.name)
    build_log.prune(context.settings, current.id, ())
    cache.prune(context)
    arrange_images(context)
    return True
