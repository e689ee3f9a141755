"""Following a deploy or a removal in the ledger to its end. Only reads: an interrupt changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from db import event_log, history
from db.messages.labels import label
from db.messages.sentences import sentence
from db.models import Deploy
from db.states import FINAL
from flows.home_locks import is_engine_running
from flows.workloads.removal import Removal, wait_until_gone
from tasks.context import Context

LOOK_EVERY_S = 0.2
# Longer than containers normally take to stop; beyond it Docker or the engine is stuck.
REMOVED_WITHIN_S = 120.0


def failure(context: Context, name: str, row: Deploy) -> str:
    """Return why a deploy did not succeed: its code and sentence, and the lines of the event log that say more."""
    where = f" {label('stage', row.stage)}" if row.stage else ""
    code = row.error_code or "internal"
    first = f"backstay: {name} version {row.version} {row.status}{where} ({code}): {sentence(code)}"
    with context.database.reading() as session:
        lines = event_log.reasons(session, row)
    return "\n".join([first, *(one.message for one in lines)])


def follow(context: Context, deploy: Deploy) -> Iterator[Deploy]:
    """Yield the row whenever its status, stage or list of stages changes, the finished one last.

    Ends early when the row is removed along with its workload.
    """
    seen = None
    while True:
        with context.database.reading() as session:
            row = history.find(session, deploy.workload_id, deploy.version)
        if row is None:
            return
        if (shape := (row.status, row.stage, len(row.stages))) != seen:
            seen = shape
            yield row
        if row.status in FINAL:
            return
        time.sleep(LOOK_EVERY_S)


def follow_removal(context: Context, removal: Removal) -> str | None:
    """Wait until a workload is removed; return why it is not, None when it is."""
    settings = context.settings

    def engine_is_away() -> bool:
        return removal.host == settings.host_name and not is_engine_running(settings)

    if wait_until_gone(context, removal, REMOVED_WITHIN_S, engine_is_away):
        return None
    if engine_is_away():
        return f"no engine is running on host {removal.host}; {removal.name} is removed when it starts (`backstay up`)."
    return f"{removal.name} was not removed within {REMOVED_WITHIN_S:.0f} s; the engine continues the removal."
