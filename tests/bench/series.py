"""The series that the benchmark of samples is about, the same for Backstay and for Prometheus.

60 containers in 6 workloads of 10, a reading each 15 s. A container has its own day, made from its number, and lives it
again each day: quick to make, and no easier to store or to read than any other numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INTERVAL = 15
DAY = 86400
PER_DAY = DAY // INTERVAL
PAGE = 4096
LIMIT = 512 * 1024 * 1024


@dataclass(frozen=True)
class Fleet:
    """Containers are numbered from 1 on; each workload has `per_workload` of them in a row."""

    workloads: int = 6
    per_workload: int = 10

    def containers(self, workload: int) -> range:
        """Numbers of the containers of a workload; workloads count from 1."""
        first = (workload - 1) * self.per_workload + 1
        return range(first, first + self.per_workload)


def a_day(container: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """CPU in percent (2 decimals) and memory in bytes, at each of the PER_DAY moments of a day."""
    random = np.random.default_rng(container)
    load = 12 + 10 * np.sin(np.linspace(0, 2 * np.pi, PER_DAY) + container)
    cpu = np.round(np.abs(load + random.normal(0, 4, PER_DAY)), 2)
    pages = 20_000 + container * 50 + np.cumsum(random.integers(-20, 21, PER_DAY))
    return cpu, np.maximum(pages, 100) * PAGE


def moments(since: int, until: int) -> range:
    """The ticks with since <= ts < until (epoch seconds)."""
    return range(-(-since // INTERVAL) * INTERVAL, until, INTERVAL)


def index_in_day(ts: int) -> int:
    """Which of the moments of a day it is."""
    return ts % DAY // INTERVAL
