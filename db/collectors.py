"""What the collector of each host says of itself: written with every sweep, in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Collector


@dataclass(frozen=True)
class Sweep:
    """One sweep over the containers of a host.

    ts: its tick, epoch seconds. path: "cgroup" or "api". gaps: containers that gave no reading. missed: ticks left out
    since the one before. sweep_ms: the time that reading took. cpu_s: CPU of the collector since its last report.
    """

    host: str
    ts: int
    interval_s: int
    path: str
    containers: int
    gaps: int
    missed: int
    sweep_ms: float
    cpu_s: float


def record(session: Session, sweep: Sweep) -> None:
    """Make it the newest one of its host, and add it to the totals."""
    row = session.get(Collector, sweep.host, with_for_update=True)
    if row is None:
        row = Collector(host=sweep.host, ticks_total=0, missed_total=0, samples_total=0, gaps_total=0)
        row.sweep_ms_total = row.cpu_s_total = 0.0
        session.add(row)
    row.ts, row.interval_s, row.path = sweep.ts, sweep.interval_s, sweep.path
    row.containers, row.gaps, row.sweep_ms = sweep.containers, sweep.gaps, sweep.sweep_ms
    row.ticks_total += 1
    row.missed_total += sweep.missed
    row.samples_total += sweep.containers - sweep.gaps
    row.gaps_total += sweep.gaps
    row.sweep_ms_total += sweep.sweep_ms
    row.cpu_s_total += sweep.cpu_s


def every(session: Session) -> Sequence[Collector]:
    """The collectors that ever reported, by host."""
    return session.scalars(select(Collector).order_by(Collector.host)).all()
