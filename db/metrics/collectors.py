"""The collector's figures about itself, per host: written with every sweep, in its transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from db.models import Collector

NEWEST = ("ts", "interval_s", "path", "containers", "gaps", "sweep_ms")
TOTALS = ("ticks_total", "missed_total", "samples_total", "gaps_total", "sweep_ms_total", "cpu_s_total")


@dataclass(frozen=True)
class Sweep:
    """One sweep over the containers of a host.

    ts: its tick, epoch seconds. path: "cgroup" or "api". gaps: containers that gave no reading. missed: ticks skipped
    since the previous one. sweep_ms: the time that reading took. cpu_s: CPU of the collector since its last report.
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
    """Store the sweep as the newest of its host, and add it to the totals."""
    newest = {name: getattr(sweep, name) for name in NEWEST}
    more = {
        "ticks_total": 1,
        "missed_total": sweep.missed,
        "samples_total": sweep.containers - sweep.gaps,
        "gaps_total": sweep.gaps,
        "sweep_ms_total": sweep.sweep_ms,
        "cpu_s_total": sweep.cpu_s,
    }
    values = {"of_host": sweep.host} | {f"new_{name}": value for name, value in (newest | more).items()}
    if session.connection().execute(_GROW, values).rowcount == 0:
        session.add(Collector(host=sweep.host, **newest, **more))


def every(session: Session) -> Sequence[Collector]:
    """Return the collectors that have ever reported, by host."""
    return session.scalars(select(Collector).order_by(Collector.host)).all()


# Made once, as in db.metrics.samples.
_GROW = (
    update(Collector)
    .where(Collector.host == bindparam("of_host"))
    .values(
        {name: bindparam(f"new_{name}") for name in NEWEST}
        | {name: getattr(Collector, name) + bindparam(f"new_{name}") for name in TOTALS}
    )
)
