"""What the collector says of itself is kept by host: the newest sweep, and totals that only grow."""

from __future__ import annotations

from dataclasses import replace

from db.connection import Database
from db.metrics import collectors
from db.metrics.collectors import Sweep

SWEEP = Sweep("local", 1200, 15, "cgroup", containers=3, gaps=1, missed=0, sweep_ms=4.0, cpu_s=0.25)


def test_sweeps_add_up_by_host_and_the_newest_one_stands(database: Database) -> None:
    for sweep in (SWEEP, replace(SWEEP, ts=1260, path="api", gaps=0, missed=3), replace(SWEEP, host="other")):
        with database.writing() as session:
            collectors.record(session, sweep)
    with database.reading() as session:
        local, other = collectors.every(session)
    assert (local.host, local.ts, local.path, local.containers, local.gaps) == ("local", 1260, "api", 3, 0)
    assert (local.ticks_total, local.missed_total, local.samples_total, local.gaps_total) == (2, 3, 5, 1)
    assert (local.sweep_ms_total, local.cpu_s_total) == (8.0, 0.5)
    assert (other.host, other.ts, other.ticks_total) == ("other", 1200, 1)
