"""Following a deploy in the ledger to its end. Reads only: whoever stops following changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from db import history
from db.models import Deploy
from db.states import FINAL
from tasks.context import Context

LOOK_EVERY_S = 0.2


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
