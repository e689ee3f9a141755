"""Ledgers of the benchmark: filled with the series in bulk, summed up and pruned as housekeeping does it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from db.connection import Database
from db.migrate import upgrade
from db.settings import Settings
from flows.upkeep import rollups
from tasks.context import Context, now
from tasks.metrics import rollup
from tests.bench.series import DAY, LIMIT, Fleet, a_day, index_in_day, moments
from tests.ledger_steps import add_workload
from tests.real_parts import docker_address

# Housekeeping runs each hour and lets the youngest ticks settle: what a read finds summed up when it comes last.
TAIL_S = 3600 + 60
# The counters of network and disk are as long as real ones are after some weeks.
INSERT = """INSERT INTO container_stats_samples
    VALUES (?, ?, ?, 'workload', ?, ?, ?, 98765432109, 87654321098, 76543210987, 65432109876)"""


@contextmanager
def opened(home: Path) -> Iterator[Context]:
    """A context over a migrated ledger in a new HOME."""
    settings = Settings(home=home, docker_host=docker_address())
    home.mkdir(parents=True)
    database = Database(settings.ledger_url)
    upgrade(database)
    database.close()
    context = Context.open(settings, "bench", quiet=True)
    yield context
    context.close()


def fill(context: Context, fleet: Fleet, since: int, until: int, seen_at: int) -> None:
    """Workloads 1, 2, 3 … with their samples, a day at a time: summed up and pruned as if each day had passed.

    Samples go up to `until`; housekeeping last ran TAIL_S before `seen_at`.
    """
    ids = _workloads(context, fleet.workloads)
    usual = rollup.MOST_ROWS
    rollup.MOST_ROWS = 20_000  # nobody else wants to write here
    for day in range(since, until, DAY):
        end = min(day + DAY, until)
        _insert(context, fleet, day, end)
        moment = min(end, seen_at - TAIL_S)
        rollups.sum_up(context, ids, moment)
        rollups.prune(context, ids, moment)
    rollups.sum_up_installation(context, seen_at)
    rollup.MOST_ROWS = usual


def fill_with_samples(context: Context, fleet: Fleet, since: int, until: int) -> list[int]:
    """Workloads with their samples, nothing of them summed up; answers the ids."""
    ids = _workloads(context, fleet.workloads)
    for day in range(since, until, DAY):
        _insert(context, fleet, day, min(day + DAY, until))
    return ids


def _workloads(context: Context, count: int) -> list[int]:
    with context.database.writing() as session:
        return [add_workload(session, now(), name=f"w{number}") for number in range(1, count + 1)]


def _insert(context: Context, fleet: Fleet, since: int, until: int) -> None:
    with closing(_connected(context)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for workload in range(1, fleet.workloads + 1):
            containers = fleet.containers(workload)
            days = [[values.tolist() for values in a_day(container)] for container in containers]
            connection.executemany(
                INSERT,
                (
                    (workload, ts, container, cpu[at], memory[at], LIMIT)
                    for ts in moments(since, until)
                    for at in [index_in_day(ts)]
                    for container, (cpu, memory) in zip(containers, days, strict=True)
                ),
            )
        connection.execute("COMMIT")


def multiply(context: Context, workloads: int) -> None:
    """Give so many more workloads the samples and tiers of the first one, copied inside of the database."""
    ids = _workloads_from(context, workloads)
    with closing(_connected(context)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for table in ("container_stats_samples", "container_stats_tiers", "container_stats_tier_marks"):
            names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})") if name != "owner_id"]
            columns = ", ".join(names)
            # Samples of its first container only: a thousand workloads of ten would be a thousand times ten.
            first = " AND container_id = 1" if "container_id" in names else ""
            connection.executemany(
                f"INSERT INTO {table} (owner_id, {columns}) SELECT ?, {columns} FROM {table} WHERE owner_id = 1{first}",
                ((owner,) for owner in ids),
            )
        connection.execute("COMMIT")


def _workloads_from(context: Context, count: int) -> list[int]:
    with context.database.writing() as session:
        return [add_workload(session, now(), name=f"more{number}") for number in range(count)]


def _connected(context: Context) -> sqlite3.Connection:
    connection = sqlite3.connect(context.settings.home / "backstay.db", isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")  # a benchmark that is cut off starts anew
    return connection


def size(context: Context) -> int:
    """Bytes of the ledger's file, without what deleted rows left free in it."""
    with closing(_connected(context)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, bytes_each = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * bytes_each)


def epoch() -> int:
    """The present moment in epoch seconds, on a tick."""
    return int(time.time()) // 15 * 15
