"""Waiting for the lock outside of SQLite: nobody else is held up; what is not worth waiting for fails at once."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flows.supervisor import patient_sqlite
from flows.supervisor.patient_sqlite import PatientConnection, wait_for_lock

Connect = Callable[[], sqlite3.Connection]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Opens patient connections to one database, as the server of Prefect does."""
    opened = []

    def connect() -> sqlite3.Connection:
        one = sqlite3.connect(
            tmp_path / "x.db", factory=PatientConnection, timeout=0, isolation_level=None, check_same_thread=False
        )
        opened.append(one)
        one.execute("PRAGMA journal_mode = WAL")
        one.execute("PRAGMA busy_timeout = 60000")  # Prefect's, hard-coded
        return one

    with closing(connect()) as first:
        first.execute("CREATE TABLE t (x)")
        first.executemany("INSERT INTO t VALUES (?)", ((x,) for x in range(3)))
    yield connect
    for one in opened:
        one.close()


def test_a_cursor_can_be_dropped_while_its_connection_waits_for_the_lock(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, waiting = connect(), connect()
    left_open = waiting.execute("PRAGMA busy_timeout")  # a statement with a row that nobody has fetched
    holder.execute("BEGIN IMMEDIATE")
    waits, got_lock = threading.Event(), threading.Event()

    def pause(seconds: float) -> None:
        waits.set()
        time.sleep(seconds)

    patiently = wait_for_lock
    monkeypatch.setattr(patient_sqlite, "wait_for_lock", lambda step: patiently(step, 20, sleep=pause))

    def begin() -> None:
        waiting.execute("BEGIN IMMEDIATE")
        got_lock.set()

    thread = threading.Thread(target=begin, daemon=True)
    thread.start()
    assert waits.wait(10)
    del left_open  # with SQLite's own busy timeout this takes as long as that
    holder.execute("COMMIT")
    assert got_lock.wait(10)
    thread.join()


def test_the_busy_timeout_of_sqlite_stays_out_of_it(connect: Connect) -> None:
    assert connect().execute("PRAGMA busy_timeout").fetchone() == (0,)


def test_who_waits_gets_the_lock_when_it_is_free_and_loses_nothing(connect: Connect) -> None:
    def add(times: int) -> None:
        mine = connect()
        for _ in range(times):
            mine.execute("BEGIN")
            mine.execute("INSERT INTO t VALUES (7)")
            mine.executemany("INSERT INTO t VALUES (?)", iter([(7,), (7,)]))
            mine.execute("COMMIT")

    threads = [threading.Thread(target=add, args=(20,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert connect().execute("SELECT count(*) FROM t WHERE x = 7").fetchone() == (6 * 20 * 3,)


def test_a_transaction_that_read_what_is_no_longer_so_fails_at_once(connect: Connect) -> None:
    reader, writer = connect(), connect()
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM t").fetchone()
    writer.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(sqlite3.OperationalError) as caught:
        reader.execute("INSERT INTO t VALUES (2)")
    assert caught.value.sqlite_errorcode == sqlite3.SQLITE_BUSY_SNAPSHOT


def test_patience_has_an_end_and_other_errors_have_none(connect: Connect) -> None:
    holder, other = connect(), sqlite3.connect(":memory:")
    holder.execute("BEGIN IMMEDIATE")
    waiting, clock = connect(), iter([0.0, 1.0, 59.0, 60.0]).__next__
    pauses = []
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        wait_for_lock(lambda: sqlite3.Cursor.execute(waiting.cursor(), "BEGIN IMMEDIATE"), 60, clock, pauses.append)
    assert len(pauses) == 2
    with closing(other), pytest.raises(sqlite3.OperationalError, match="no such table"):
        wait_for_lock(lambda: other.execute("SELECT 1 FROM nowhere"), 60, time.monotonic, pauses.append)
    assert len(pauses) == 2
