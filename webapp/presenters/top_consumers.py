"""Current usage per workload, its totals, and the largest consumers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from db.models import Workload
from tasks.metrics.aggregate import per_owner_now
from webapp.shapes.installation import CpuConsumer, MemoryConsumer, TopConsumers, Totals, Usage

# A reading older than a few ticks is not "now".
NOW_S = 90
MOST_SHOWN = 5
N = TypeVar("N", int, float)


class Machine(Protocol):
    """The capacity of a machine."""

    @property
    def cpus(self) -> int:
        """Cores."""
        ...

    @property
    def memory_bytes(self) -> int:
        """Memory."""
        ...


def consumers(workloads: Iterable[Workload], rows: Sequence[tuple[Any, ...]]) -> list[Usage]:
    """Make a line per workload, by name, from rows of samples.last_of_each; None where nothing is known."""
    now = per_owner_now(rows) if rows else {}
    containers: dict[tuple[int, int], int] = defaultdict(int)
    for owner_id, ts, *_ in rows:
        containers[owner_id, ts] += 1
    return [
        Usage(
            name=workload.name,
            host=workload.host,
            containers=containers[workload.id, point["ts"]] if point else 0,
            ts=point and point["ts"],
            cpu_percent=point and point["cpu_percent"],
            memory_usage=point and point["memory_usage"],
            memory_limit=point and point["memory_limit"],
        )
        for workload in workloads
        for point in [now.get(workload.id)]
    ]


def totals(used: Iterable[Usage]) -> Totals:
    """Return the sums over all of them; None when nothing is known."""
    known = [one for one in used if one.ts is not None]
    cpu = [one.cpu_percent for one in known if one.cpu_percent is not None]
    return Totals(
        workloads=len(known),
        containers=sum(one.containers for one in known),
        cpu_percent=round(sum(cpu), 2) if cpu else None,
        memory_usage=sum(one.memory_usage or 0 for one in known) if known else None,
    )


def top(used: Sequence[Usage], machine: Machine | None) -> TopConsumers:
    """Return the largest users of CPU and of memory, largest first.

    part: of what all workloads use; of_machine: of the machine's capacity, None while that is unknown.
    """
    cpu_there = machine.cpus * 100 if machine and machine.cpus else None
    memory_there = machine.memory_bytes if machine and machine.memory_bytes else None
    cpu = _top([(one.name, one.cpu_percent) for one in used], cpu_there)
    memory = _top([(one.name, one.memory_usage) for one in used], memory_there)
    return TopConsumers(
        cpu=[CpuConsumer(name=name, cpu_percent=value, part=part, of_machine=of) for name, value, part, of in cpu],
        memory=[
            MemoryConsumer(name=name, memory_usage=value, part=part, of_machine=of) for name, value, part, of in memory
        ],
    )


def _top(used: Iterable[tuple[str, N | None]], there: float | None) -> list[tuple[str, N, float, float | None]]:
    known = sorted(((name, value) for name, value in used if value), key=lambda one: (-one[1], one[0]))
    total = sum(value for _, value in known)
    return [
        (name, value, round(value / total, 4), None if there is None else round(value / there, 4))
        for name, value in known[:MOST_SHOWN]
    ]
