"""The tables of observations: container events, the status of workloads, totals, and the state of each collector.

Shapes only, like db.models, which has the other tables.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSE_IDS, Base, Id


class ContainerEvent(Base):
    """An event of a container: it started, exited, ran out of memory. Codes and numbers only.

    kind and cause: tasks.events.classify. at_ns: nanoseconds since the epoch by the Docker host's clock, which with the
    container tells an event that Docker repeats from a new one.
    """

    __tablename__ = "container_events"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"))
    host: Mapped[str] = mapped_column(String(40))
    docker_id: Mapped[str] = mapped_column(String(64))
    container: Mapped[str] = mapped_column(String(200))
    deploy_version: Mapped[int]
    at_ns: Mapped[int] = mapped_column(BigInteger)
    ts: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str] = mapped_column(String(20))
    exit_code: Mapped[int | None]

    __table_args__ = (
        UniqueConstraint("docker_id", "at_ns", name="uq_container_event"),
        Index("ix_container_event_workload", "workload_id", "at_ns"),
        NEVER_REUSE_IDS,
    )


class WorkloadHealth(Base):
    """What the last look at the containers of a live version came to; of which deploy, so that a later one is not taken
    for it. Codes: db.health.codes."""

    __tablename__ = "workload_health"

    workload_id: Mapped[int] = mapped_column(
        Id, ForeignKey("workloads.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    deploy_id: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(20))
    cause: Mapped[str | None] = mapped_column(String(40))
    since: Mapped[datetime]
    exit_code: Mapped[int | None]
    services: Mapped[list[Any]]
    restarts_10m: Mapped[int]


class Tally(Base):
    """A total of one workload that only grows, also when rows are pruned. For name and label see metrics.counters."""

    __tablename__ = "tallies"

    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    label: Mapped[str] = mapped_column(String(40), primary_key=True)
    total: Mapped[int] = mapped_column(BigInteger)


class Collector(Base):
    """The state of sampling on one host: its newest sweep, and totals over all of them. See db.metrics.collectors."""

    __tablename__ = "collectors"

    host: Mapped[str] = mapped_column(String(40), primary_key=True)
    ts: Mapped[int] = mapped_column(BigInteger)
    interval_s: Mapped[int]
    path: Mapped[str] = mapped_column(String(10))
    containers: Mapped[int]
    gaps: Mapped[int]
    sweep_ms: Mapped[float] = mapped_column(Float)
    ticks_total: Mapped[int] = mapped_column(BigInteger)
    missed_total: Mapped[int] = mapped_column(BigInteger)
    samples_total: Mapped[int] = mapped_column(BigInteger)
    gaps_total: Mapped[int] = mapped_column(BigInteger)
    sweep_ms_total: Mapped[float] = mapped_column(Float)
    cpu_s_total: Mapped[float] = mapped_column(Float)
