"""Takes a tick: one reading of every container of this host, stored under one timestamp.

Does not decide when (the flow does, with ticks_of) and sums nothing (tasks.metrics.aggregate does).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.exc import IntegrityError

from db.metrics import collectors, containers, samples
from db.metrics.collectors import Sweep
from db.metrics.containers import Present
from tasks.failures import Failure
from tasks.metrics.cgroups import CgroupFiles
from tasks.metrics.engine_stats import one_shot_stats
from tasks.metrics.history import USUAL_INTERVAL_S
from tasks.metrics.readings import Counters, cpu_percent, cpu_since_start, from_api

if TYPE_CHECKING:  # the pure functions of this module need no Docker
    from tasks.context import Context


@dataclass(frozen=True)
class Tick:
    """The result of a tick. `gaps`: containers of the index that gave no row, stopped ones included.

    `path` is "api" when at least one reading had to come from the Engine, else "cgroup". `milliseconds` is the time for
    all of it. `repeated`: this tick was already stored by another run, so nothing was written.
    """

    ts: int
    rows: int
    gaps: int
    path: Literal["cgroup", "api"]
    milliseconds: float
    repeated: bool = False


class Cpu:
    """CPU seconds spent collecting and not reported yet; the cost of storing a report goes into the next one."""

    def __init__(self) -> None:
        self._untold, self._mark = 0.0, 0.0

    def begin(self) -> None:
        """Count the calling thread from now on."""
        self._mark = time.thread_time()

    def pause(self) -> None:
        """Add the time counted so far."""
        now = time.thread_time()
        self._untold, self._mark = self._untold + now - self._mark, now

    def untold(self) -> float:
        """Return the CPU seconds for a report made now."""
        self.pause()
        return self._untold

    def told(self, seconds: float) -> None:
        """Subtract the seconds that a stored report included."""
        self._untold -= seconds


class Sampler:
    """Kept for the life of the engine process: the CPU of a tick is computed from the previous tick's reading."""

    def __init__(self, context: Context, files: CgroupFiles | None = None) -> None:
        self._context = context
        self._files = files or CgroupFiles()
        self._previous: dict[str, Counters] = {}
        self._host_memory: int | None = None
        self._last_ts: int | None = None
        self._cpu = Cpu()
        self._lock = threading.Lock()

    def tick(self, ts: int) -> Tick:
        """Read every container of the index that is present on this host, and store the rows at `ts` (epoch seconds).

        An Engine that fails makes gaps. Raises sqlalchemy.exc.SQLAlchemyError when the ledger cannot be used.
        """
        with self._lock:  # overlapping runs take turns, or one would compute CPU from the other's reading
            began = time.monotonic()
            self._cpu.begin()
            present = self._present()
            readings, path = self._read([container.docker_id for container in present])
            rows = [
                _row(container, ts, readings[container.docker_id], self._previous.get(container.docker_id))
                for container in present
                if container.docker_id in readings
            ]
            self._remember(present, readings)
            written = self._store(rows, self._sweep(ts, len(present), path, began))
            gaps = len(present) - (len(rows) if written is None else written)
            spent = round((time.monotonic() - began) * 1000, 1)
            return Tick(ts, written or 0, gaps, path, spent, repeated=written is None)

    def _sweep(self, ts: int, present: int, path: Literal["cgroup", "api"], began: float) -> Sweep:
        interval = self._context.settings.stats_interval or USUAL_INTERVAL_S
        return Sweep(
            host=self._context.settings.host_name,
            ts=ts,
            interval_s=interval,
            path=path,
            containers=present,
            gaps=0,  # set when they are stored
            missed=missed(self._last_ts, ts, interval),
            sweep_ms=(time.monotonic() - began) * 1000,
            cpu_s=self._cpu.untold(),
        )

    def _present(self) -> list[Present]:
        with self._context.database.reading() as session:
            return containers.to_sample(session, self._context.settings.host_name)

    def _read(self, docker_ids: list[str]) -> tuple[dict[str, Counters], Literal["cgroup", "api"]]:
        by_file = _known((docker_id, self._files.read(docker_id)) for docker_id in docker_ids)
        rest = [docker_id for docker_id in docker_ids if docker_id not in by_file]
        by_api = self._ask(rest) if rest else {}
        asked_in_vain = bool(by_file) and not by_api  # for stopped containers
        return by_file | by_api, "api" if rest and not asked_in_vain else "cgroup"

    def _ask(self, docker_ids: list[str]) -> dict[str, Counters]:
        try:
            if self._host_memory is None:
                self._host_memory = self._context.docker.memory_total()
        except Failure:
            return {}
        answers = one_shot_stats(self._context.docker.address, docker_ids)
        found = _known((docker_id, from_api(raw, self._host_memory)) for docker_id, raw in answers.items())
        if not answers:
            self._host_memory = None  # the next Engine to answer may be on another machine, or on a larger one
        return found

    def _remember(self, present: list[Present], readings: Mapping[str, Counters]) -> None:
        # A container without a new reading keeps its older one: the next CPU is then the average since that one.
        ids = [container.docker_id for container in present]
        self._previous = _known(
            (docker_id, readings.get(docker_id, self._previous.get(docker_id))) for docker_id in ids
        )

    def _store(self, rows: list[dict[str, Any]], sweep: Sweep) -> int | None:
        # The number of rows written; None when the tick is already there, from another engine or an earlier run.
        try:
            with self._context.database.writing() as session:
                # Read again: samples of a workload removed in the meantime would belong to no workload, and later to
                # the next one that gets its id.
                still = containers.present_ids(session, self._context.settings.host_name)
                kept = [row for row in rows if row["container_id"] in still]
                samples.insert_tick(session, kept)
                collectors.record(session, replace(sweep, gaps=sweep.containers - len(kept)))
        except IntegrityError:
            return None
        finally:
            self._cpu.pause()
        self._cpu.told(sweep.cpu_s)
        self._last_ts = sweep.ts
        return len(kept)


def ticks_of(scheduled: int, interval: int) -> list[int]:
    """Return the ticks in the minute of `scheduled` (epoch seconds): its whole multiples of `interval` seconds. Pure.

    Each moment belongs to one minute only, also when the interval does not divide it. Empty for 0: sampling is off.
    """
    minute = scheduled - scheduled % 60
    return [] if interval <= 0 else [t for t in range(minute, minute + 60) if t % interval == 0]


def missed(last_ts: int | None, ts: int, interval: int) -> int:
    """Return the number of ticks skipped between two that were taken; none before the first one. Pure."""
    return 0 if last_ts is None else max(0, (ts - last_ts) // interval - 1)


def align(now: float, interval: int) -> int:
    """Return the last tick at or before `now` (epoch seconds). Pure. Raises ValueError when the interval is not
    positive."""
    if interval <= 0:
        raise ValueError("an interval of at least one second")
    return int(now // interval) * interval


def _row(container: Present, ts: int, reading: Counters, before: Counters | None) -> dict[str, Any]:
    age_s = time.time() - container.created_at.timestamp()
    return {
        "owner_type": container.owner_type,
        "owner_id": container.owner_id,
        "ts": ts,
        "container_id": container.id,
        "cpu_percent": cpu_percent(before, reading) if before else cpu_since_start(reading, age_s),
        "memory_usage": reading.memory_usage,
        "memory_limit": reading.memory_limit,
        "network_rx": reading.network_rx,
        "network_tx": reading.network_tx,
        "block_read": reading.block_read,
        "block_write": reading.block_write,
    }


def _known(pairs: Iterable[tuple[str, Counters | None]]) -> dict[str, Counters]:
    return {docker_id: reading for docker_id, reading in pairs if reading is not None}
