"""Following a deploy in the ledger to its end. Reads only: whoever stops following changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from db import event_log, history
from db.messages.errors import sentence
from db.models import Deploy
from db.states import FINAL
from tasks.context import Context

LOOK_EVERY_S = 0.2


# Lines of the event log that say what of a source, or which of several services, a deploy failed for.
REASONS = frozenset({"compose_refused", "compose_unusable", "service_failed"})


def failure(context: Context, name: str, row: Deploy) -> str:
    """How a deploy ended that did not succeed: its code with its sentence, and what the event log knows beyond that."""
    where = f" at {row.stage}" if row.stage else ""
    code = row.error_code or "internal"
    first = f"backstay: {name} version {row.version} {row.status}{where}, {code}: {sentence(code)}"
    began = row.started_at or row.queued_at
    with context.database.reading() as session:
        lines = event_log.page(session, row.workload_id)
    return "\n".join([first, *(one.message for one in reversed(lines) if one.code in REASONS and one.ts >= began)])


def follow(context: Context, deploy: Deploy) -> Iterator[Deploy]:
    """The row whenever its status, stage or list of stages is new, the finished one last.

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
