"""A SQLite connection that waits for a lock outside of SQLite, so that it never blocks its own event loop.

SQLite's busy timeout sleeps while holding the mutex of the connection. Any other use of that connection sleeps too,
and Python's garbage collector uses one when it finalizes a cursor that an error or a cancelled request left open. In
an asyncio program the collector runs in the thread of the event loop; the coroutine that has the lock is in that loop
as well, so it cannot commit, and everything stops until the timeout: a minute in Prefect's server, which then says
"database is locked". See docs/decisions/0015.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any, TypeVar

Answer = TypeVar("Answer")

PATIENCE_S = 60.0  # as long as Prefect lets SQLite wait
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.001, 0.025
# Not SQLITE_BUSY_SNAPSHOT: a transaction whose reads are outdated has to begin again.
_WORTH_WAITING = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY})
_BUSY_TIMEOUT = "PRAGMA busy_timeout"


class PatientCursor(sqlite3.Cursor):
    """A cursor that retries while another connection has the lock, for up to PATIENCE_S seconds."""

    def execute(self, sql: str, parameters: Any = (), /) -> PatientCursor:
        """Execute as sqlite3 does, with any busy timeout replaced by 0: it would wait inside SQLite."""
        if sql.lstrip().startswith(_BUSY_TIMEOUT):
            sql = f"{_BUSY_TIMEOUT} = 0"
        wait_for_lock(lambda: sqlite3.Cursor.execute(self, sql, parameters))
        return self

    def executemany(self, sql: str, parameters: Any, /) -> PatientCursor:
        """Execute as sqlite3 does, with the iterator's rows in a list, as a retry needs them again."""
        rows = list(parameters)
        wait_for_lock(lambda: sqlite3.Cursor.executemany(self, sql, rows))
        return self


class PatientConnection(sqlite3.Connection):
    """For `sqlite3.connect(…, factory=PatientConnection, timeout=0)`, with `isolation_level` None."""

    def cursor(self, factory: Any = PatientCursor) -> Any:
        """Return a PatientCursor."""
        return super().cursor(factory)

    def execute(self, sql: str, parameters: Any = (), /) -> PatientCursor:
        """Execute as sqlite3 does; its own `execute` bypasses `cursor`."""
        made: PatientCursor = self.cursor()
        return made.execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> PatientCursor:
        """Execute as sqlite3 does."""
        made: PatientCursor = self.cursor()
        return made.executemany(sql, parameters)


def wait_for_lock(
    step: Callable[[], Answer],
    patience_s: float = PATIENCE_S,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Answer:
    """Run a step of SQLite, retrying while another connection has the lock. Raises the step's error in the end."""
    deadline, pause = clock() + patience_s, SHORTEST_PAUSE_S
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _WORTH_WAITING or clock() >= deadline:
                raise
        sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - jitter, so that those waiting do not retry all at once
        pause = min(pause * 2, LONGEST_PAUSE_S)
