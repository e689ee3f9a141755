"""Requesting the removal of a workload, and following it. Changes no container: the engine of its host does that.

The mark in the ledger comes first and is what counts; then Prefect is asked to run the removal. If Prefect is
unreachable, reconcile carries it out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from db import history, workloads
from db.messages.refusals import RefusalCode
from db.models import Workload
from db.states import UNFINISHED
from flows.refusals import Refusal, workload_named
from tasks.context import Context, now
from tasks.prefect_api import PrefectUnreachable

FLOW = "remove"
LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Removal:
    """An accepted removal: of which workload, on which host, since when."""

    workload_id: int
    name: str
    host: str
    since: datetime

    @property
    def run_key(self) -> str:
        """Idempotency key of its run. The moment is in it because another ledger counts from 1 as well."""
        return f"remove-{self.workload_id}-{int(self.since.timestamp() * 1_000_000)}"


def request_removal(context: Context, name: str, actor: str) -> Removal:
    """Mark a workload for removal and have its engine remove it, with its containers, files and history. Volumes stay.

    A repeated request during the removal returns the same removal. Raises Refusal: no_such_workload, deploy_in_flight.
    """
    removal = mark(context, name, actor)
    parameters = {"workload_id": removal.workload_id, "workload": name}
    try:
        context.prefect.start(FLOW, removal.host, f"remove {name}", parameters, removal.run_key)
    except PrefectUnreachable as error:
        context.log.warning("prefect did not take the removal", extra={"workload": name, "cause": str(error)})
    return removal


def mark(context: Context, name: str, actor: str) -> Removal:
    """Mark a workload for removal. From then on it takes no deploy, and reconcile ensures that it is removed.

    Raises Refusal: no_such_workload, deploy_in_flight.
    """
    with context.database.writing() as session:
        begun = workloads.find(session, name, removing=True)
        if begun is not None and begun.removing_at is not None:
            return _removal_of(begun, begun.removing_at)
        workload = workload_named(session, name)
        moment = now()
        # First, because it locks the workload: a deploy being opened concurrently is seen. A refusal undoes it.
        workloads.begin_removal(session, workload.id, moment)
        newest = history.latest(session, workload.id)
        if newest is not None and newest.status in UNFINISHED:
            session.expunge(newest)
            raise Refusal(RefusalCode.DEPLOY_IN_FLIGHT, newest)
        removal = _removal_of(workload, moment)
    context.log.info("removing %s", name, extra={"actor": actor})
    return removal


def is_gone(context: Context, removal: Removal) -> bool:
    """Return whether the workload, its containers and its history are removed."""
    with context.database.reading() as session:
        return session.get(Workload, removal.workload_id) is None


def wait_until_gone(
    context: Context, removal: Removal, seconds: float, give_up: Callable[[], bool] = lambda: False
) -> bool:
    """Poll the ledger until the workload is gone; return False after `seconds`, when this process stops, or when
    `give_up` says that waiting is of no use."""
    deadline = time.monotonic() + seconds
    while not is_gone(context, removal):
        left = deadline - time.monotonic()
        if left <= 0 or give_up() or context.stopping.wait(min(LOOK_EVERY_S, left)):
            return is_gone(context, removal)
    return True


def _removal_of(workload: Workload, since: datetime) -> Removal:
    return Removal(workload.id, workload.name, workload.host, since)
