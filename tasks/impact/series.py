"""Samples of the containers of one version as numpy arrays: one sum per moment. Pure.

For judging a version. What a chart shows is summed in tasks.metrics.aggregate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """One value per moment: ts (epoch seconds, ascending), cpu (100 is one core, NaN: not known), memory (bytes)."""

    ts: Array
    cpu: Array
    memory: Array
    limit: int | None = None

    def between(self, since: float, until: float) -> Series:
        """Return the part with since <= ts <= until."""
        first, last = np.searchsorted(self.ts, since, "left"), np.searchsorted(self.ts, until, "right")
        return Series(self.ts[first:last], self.cpu[first:last], self.memory[first:last], self.limit)


def summed(rows: Sequence[tuple[Any, ...]]) -> Series:
    """Return sums per moment, from rows (ts, container_id, cpu_percent, memory_usage, memory_limit) in any order.

    Only moments with a reading from as many containers as usual: a missing one is not a drop in memory. The limit is
    the sum of the containers' limits, none when one of them has none.
    """
    if not rows:
        nothing = np.array([], dtype=float)
        return Series(nothing, nothing, nothing)
    columns = np.array([(row[0], np.nan if row[2] is None else row[2], row[3]) for row in rows], dtype=float)
    moments, which = np.unique(columns[:, 0], return_inverse=True)
    crew = np.bincount(which)
    usual = crew == np.argmax(np.bincount(crew))
    limits = {row[1]: row[4] for row in rows}
    total = None if None in limits.values() else sum(limits.values())
    cpu, memory = (np.bincount(which, columns[:, column]) for column in (1, 2))
    return Series(moments[usual], cpu[usual], memory[usual], total)


def by_service(rows: Sequence[tuple[Any, ...]], services: Mapping[int, str]) -> dict[str, Series]:
    """Return the same per service, by name; `services`: container id -> service. {} when there is only one."""
    own: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        own[services[row[1]]].append(row)
    return {name: summed(own[name]) for name in sorted(own)} if len(own) > 1 else {}
