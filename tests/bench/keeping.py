"""What it takes to keep samples: inserting a tick, and how long summing up and pruning keep other writers waiting.

The other writer is a process of its own that wants the write lock again and again, and says how long it had to wait.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from db.metrics import samples
from db.metrics.bucket_widths import HOUR, MINUTE, QUARTER
from flows.upkeep import rollups
from tasks.context import Context
from tests.bench import ledger
from tests.bench.series import DAY, LIMIT, Fleet, a_day
from tests.bench.table import Line, medians

ROUNDS = 200
MOST_MS_OF_PRUNING = 50.0
YEAR_OF_SAMPLES = 365 * DAY // 15
PLAIN = "INSERT INTO container_stats_samples VALUES (?, ?, ?, 'workload', ?, ?, ?, ?, ?, ?, ?)"


def main(directory: Path) -> list[Line]:
    """Insert, sum up, prune."""
    fleet, now = Fleet(), ledger.epoch()
    with ledger.opened(directory / "home") as context:
        empty = ledger.size(context)
        ids = ledger.fill_with_samples(context, fleet, now - 3 * DAY, now)
        of_samples = (ledger.size(context) - empty) / count(context, "container_stats_samples")
        inserting = inserted(context, fleet, now)
        before = ledger.size(context)
        summing = held_and_waited(context, lambda: rollups.sum_up(context, ids, now))
        of_buckets = (ledger.size(context) - before) / count(context, "container_stats_tiers")
        pruning = held_and_waited(context, lambda: rollups.prune(context, ids, now))
    return [
        *inserting,
        *locks("summing three days up", summing, None),
        *locks("pruning a day of samples", pruning, MOST_MS_OF_PRUNING),
        Line("a million samples in SQLite", of_samples, "MB"),
        Line("a year of one container, every sample kept", of_samples * YEAR_OF_SAMPLES / 1e6, "MB"),
        Line("the same as it is kept by default, steady", steady_mb(context, of_samples, of_buckets), "MB"),
    ]


def steady_mb(context: Context, of_samples: float, of_buckets: float) -> float:
    """What a workload of one container takes up in the end, at the settings' defaults."""
    settings = context.settings
    buckets = (
        settings.keep_raw_hours * 3600 // 15
        + settings.keep_1min_days * DAY // MINUTE
        + settings.keep_15min_days * DAY // QUARTER
        + settings.keep_1h_days * DAY // HOUR
    )
    return (settings.keep_raw_hours * 3600 // 15 * of_samples + buckets * of_buckets) / 1e6


def inserted(context: Context, fleet: Fleet, since: int) -> list[Line]:
    """A tick of 60 rows in a transaction of its own, beside the same rows by the driver alone."""
    rows = tick_of(fleet)
    moments = iter(range(since + 15, since + 10**6, 15))

    def ours(_: int) -> None:
        ts = next(moments)
        with context.database.writing() as session:
            samples.insert_tick(session, [row | {"ts": ts} for row in rows])

    with closing(plain(context.settings.home / "backstay.db")) as connection:

        def bare(_: int) -> None:
            ts = next(moments)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                PLAIN, [(r["owner_id"], ts, r["container_id"], *tuple(r.values())[4:]) for r in rows]
            )
            connection.execute("COMMIT")

        mine, base = medians(ROUNDS, ours, bare)
    return [Line("a tick of 60 rows inserted / sqlite3 alone", mine, "ms", base)]


def tick_of(fleet: Fleet) -> list[dict[str, Any]]:
    """The rows of a tick, without a moment that means anything."""
    return [
        {
            "owner_id": workload,
            "ts": 0,
            "container_id": container,
            "owner_type": "workload",
            "cpu_percent": float(a_day(container)[0][0]),
            "memory_usage": int(a_day(container)[1][0]),
            "memory_limit": LIMIT,
            **dict.fromkeys(("network_rx", "network_tx", "block_read", "block_write"), 98_765_432_109),
        }
        for workload in range(1, fleet.workloads + 1)
        for container in fleet.containers(workload)
    ]


def locks(what: str, times: tuple[list[float], list[float]], most_ms: float | None) -> list[Line]:
    """The lines of what held the lock, and of who waited for it."""
    held, waited = times
    return [
        Line(f"{what}: the lock is held, median of {len(held)}", statistics.median(held), "ms"),
        Line(f"{what}: the lock is held, longest", max(held), "ms", None, most_ms),
        Line(f"{what}: another writer waits, longest of {len(waited)}", max(waited), "ms", None, most_ms),
    ]


def held_and_waited(context: Context, work: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Milliseconds of each write transaction of `work`, and of each wait of another writer meanwhile."""
    held: list[float] = []
    usual = context.database.writing

    @contextmanager
    def timed() -> Iterator[Session]:
        with usual() as session:
            session.connection()  # BEGIN IMMEDIATE: from here on the lock is held
            began = time.perf_counter()
            yield session
        held.append((time.perf_counter() - began) * 1000)

    stop = multiprocessing.Event()
    waits: multiprocessing.Queue[list[float]] = multiprocessing.Queue()
    writer = multiprocessing.Process(target=write, args=(context.settings.home / "backstay.db", stop, waits))
    writer.start()
    waits.get()  # it has begun
    context.database.writing = timed  # type: ignore[method-assign]
    try:
        work()
    finally:
        context.database.writing = usual  # type: ignore[method-assign]
        stop.set()
        waited = waits.get()
        writer.join()
    return held, waited


def write(path: Path, stop: Event, waits: Any) -> None:
    """Take the write lock each few milliseconds; in the end, tell how long each took to get."""
    waited: list[float] = []
    with closing(plain(path)) as connection:
        waits.put([])
        while not stop.is_set():
            began = time.perf_counter()
            while not begun(connection):
                time.sleep(0.0005)  # finer than SQLite's own patience, which would be measured instead
            waited.append((time.perf_counter() - began) * 1000)
            connection.execute("ROLLBACK")
            time.sleep(0.003)
    waits.put(waited)


def begun(connection: sqlite3.Connection) -> bool:
    """Whether the write lock could be had."""
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


def plain(path: Path) -> sqlite3.Connection:
    """The driver alone, as safe as the ledger."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=0)
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def count(context: Context, table: str) -> int:
    """Rows of a table."""
    with closing(plain(context.settings.home / "backstay.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
