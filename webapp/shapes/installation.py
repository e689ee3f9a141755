"""The shape of GET /api/system: the installation as a whole."""

from __future__ import annotations

from typing import Literal

from flows.shapes.base import Moment, Shape
from flows.shapes.deploys import Row


class Foundation(Shape):
    """A service that Backstay depends on."""

    name: Literal["engine", "database", "prefect", "docker"]
    up: bool
    version: str | None


class Machine(Shape):
    """The Docker host, as reported by the Engine."""

    cpus: int
    memory_bytes: int
    containers_running: int


class Disk(Shape):
    """Space on a disk; `low`: free some."""

    what: Literal["home", "docker"]
    total_bytes: int
    free_bytes: int
    low: bool


class CollectorTotals(Shape):
    """Totals over all sweeps of a host."""

    ticks: int
    missed: int
    samples: int
    gaps: int
    cpu_seconds: float


class CollectorOfHost(Shape):
    """The newest sweep of a host, and the cost of sweeping. See docs/metrics.md."""

    host: str
    last: Moment
    path: str
    interval_s: int
    containers: int
    gaps: int
    sweep_ms: float
    sweep_ms_average: float
    cpu_percent: float
    totals: CollectorTotals


class Collector(Shape):
    """The state of collecting."""

    state: Literal["off", "idle", "collecting", "late"]
    interval_s: int
    last: Moment | None
    hosts: list[CollectorOfHost]


class Totals(Shape):
    """Totals over all workloads; null when nothing is known."""

    workloads: int
    containers: int
    cpu_percent: float | None
    memory_usage: int | None


class Usage(Shape):
    """Current usage of a workload; nulls when it has no recent sample."""

    name: str
    host: str
    containers: int
    ts: int | None
    cpu_percent: float | None
    memory_usage: int | None
    memory_limit: int | None


class CpuConsumer(Shape):
    """A large user of CPU: its part of what all workloads use, and of the machine's capacity."""

    name: str
    cpu_percent: float
    part: float
    of_machine: float | None


class MemoryConsumer(Shape):
    """A large user of memory: its part of what all workloads use, and of the machine's capacity."""

    name: str
    memory_usage: int
    part: float
    of_machine: float | None


class TopConsumers(Shape):
    """The largest users, largest first."""

    cpu: list[CpuConsumer]
    memory: list[MemoryConsumer]


class System(Shape):
    """Everything on the page /system."""

    version: str
    host: str
    prefect_ui_url: str
    services: list[Foundation]
    machine: Machine | None
    disks: list[Disk]
    ledger_bytes: int | None
    collector: Collector
    totals: Totals
    workloads: list[Usage]
    top: TopConsumers
    under_way: list[Row]
