"""The version that was put back after a failed deploy: it was started again, and may need a moment until it works.

The row of the failed deploy ends after that, so who reads `failed` finds the old version serving, not starting.
"""

from __future__ import annotations

import time
from typing import Any

from db.models import Deploy
from tasks import order
from tasks.context import Context
from tasks.kinds.protocol import Rollout

PATIENCE_S = 15.0
LOOK_EACH_S = 0.1


def await_it(context: Context, rollout: Rollout, workload: str, live: Deploy, release: dict[str, Any]) -> bool:
    """Wait until what runs of the live version passes its health check; answers False when it did not in time.

    Gives up at once when the engine is told to stop: a row must not be held up by what the next start sees to. Raises
    Failure when Docker does not answer.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not rollout.still_works(context, live, release, order.observe(context, workload)):
        if time.monotonic() >= deadline or context.stopping.wait(LOOK_EACH_S):
            return False
    return True
