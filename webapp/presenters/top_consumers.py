"""Current usage per workload, its totals, and the largest consumers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from db.models import Workload
from tasks.metrics.aggregate import per_owner_now

# A reading older than a few ticks is not "now".
NOW_S = 90
MOST_SHOWN = 5


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


def consumers(workloads: Iterable[Workload], rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Make a line per workload, by name, from rows of samples.last_of_each; None where nothing is known."""
    now = per_owner_now(rows) if rows else {}
    containers: dict[tuple[int, int], int] = defaultdict(int)
    for owner_id, ts, *_ in rows:
        containers[owner_id, ts] += 1
    return [
        {
            "name": workload.name,
            "host": workload.host,
            "containers": containers[workload.id, point["ts"]] if point else 0,
            **{key: point and point[key] for key in ("ts", "cpu_percent", "memory_usage", "memory_limit")},
        }
        for workload in workloads
        for point in [now.get(workload.id)]
    ]


def totals(used: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums over all of them; None when nothing is known."""
    known = [one for one in used if one["ts"] is not None]
    cpu = [one["cpu_percent"] for one in known if one["cpu_percent"] is not None]
    return {
        "workloads": len(known),
        "containers": sum(one["containers"] for one in known),
        "cpu_percent": round(sum(cpu), 2) if cpu else None,
        "memory_usage": sum(one["memory_usage"] for one in known) if known else None,
    }


def top(used: Sequence[dict[str, Any]], machine: Machine | None) -> dict[str, list[dict[str, Any]]]:
    """Return the largest users of CPU and of memory, largest first.

    part: of what all workloads use; of_machine: of the machine's capacity, None while that is unknown.
    """
    cpu_there = machine.cpus * 100 if machine and machine.cpus else None
    memory_there = machine.memory_bytes if machine and machine.memory_bytes else None
    return {"cpu": _top(used, "cpu_percent", cpu_there), "memory": _top(used, "memory_usage", memory_there)}


def _top(used: Sequence[dict[str, Any]], key: str, there: float | None) -> list[dict[str, Any]]:
    known = sorted((one for one in used if one[key]), key=lambda one: (-one[key], one["name"]))
    total = sum(one[key] for one in known)
    return [
        {
            "name": one["name"],
            key: one[key],
            "part": round(one[key] / total, 4),
            "of_machine": None if there is None else round(one[key] / there, 4),
        }
        for one in known[:MOST_SHOWN]
    ]
