"""Flow runs that Prefect no longer has: it deletes them after two days, the ledger keeps its rows.

Many runs per query, with a short timeout, and seldom: a run that exists is checked again after a while, one that is
gone stays gone, and while Prefect does not answer the state is unknown, so the links stay.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future

from tasks.context import Context
from webapp.checks import timeouts

PATIENCE_S = 0.4
ASK_AGAIN_S = 600.0
# After no answer: a page that polls each second must not wait each time.
PAUSE_S = 15.0
MOST_KNOWN = 20_000


class Runs:
    """Known flow runs; one per app. `ask` returns which of some run ids exist."""

    def __init__(
        self, context: Context, ask: Callable[[list[str]], set[str]] | None = None, patience_s: float = PATIENCE_S
    ) -> None:
        self._context, self._ask = context, ask or context.prefect.existing_runs
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._gone: set[str] = set()
        self._seen: dict[str, float] = {}
        self._silent_until = float("-inf")

    def gone(self, run_ids: Collection[str], moment: float | None = None) -> set[str]:
        """Return those of `run_ids` known to be gone from Prefect. `moment`: monotonic seconds."""
        at = time.monotonic() if moment is None else moment
        wanted = self._due(run_ids, at)
        if wanted:
            self._learn(wanted, at)
        with self._lock:
            return self._gone & set(run_ids)

    def _due(self, run_ids: Collection[str], at: float) -> list[str]:
        with self._lock:
            if at < self._silent_until:
                return []
            return [
                one
                for one in dict.fromkeys(run_ids)
                if one not in self._gone and at - self._seen.get(one, float("-inf")) > ASK_AGAIN_S
            ]

    def _learn(self, wanted: list[str], at: float) -> None:
        future: Future[set[str] | None] = timeouts.start(lambda: self._ask(wanted))
        there = timeouts.result(future, self._patience_s, None, self._context.log)
        with self._lock:
            if there is None:
                self._silent_until = at + PAUSE_S
                return
            if len(self._seen) + len(self._gone) > MOST_KNOWN:
                self._seen.clear()
                self._gone.clear()
            self._gone |= set(wanted) - there
            self._seen |= dict.fromkeys(there, at)
