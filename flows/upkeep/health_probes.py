"""Probes of live versions by the `http` or `tcp` check of their spec, as long as they are live.

Docker runs a HEALTHCHECK by itself, and nobody runs these. A thread probes each version every few seconds; one that
fails is probed once more a moment later, since a single failure may be an outlier. Says who fails; judges nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tasks.docker.records import ContainerRecord
from tasks.rollout.health import Check, passes

PROBE_EACH_S = 3.0
ONCE_MORE_AFTER_S = 0.7
AT_ONCE = 8


@dataclass(frozen=True)
class Target:
    """A running container, and the check that it has to pass."""

    check: Check
    record: ContainerRecord


class HealthProbes:
    """One per engine. `told` is called with the id of a workload that begins or ceases to fail."""

    def __init__(self, told: Callable[[int], object]) -> None:
        self._told = told
        self._lock = threading.Lock()
        self._targets: dict[int, Target] = {}
        self._failing: set[str] = set()  # ids of containers
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health-probes", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop; probes that are under way end by themselves."""
        self._stopping.set()
        self._thread.join(5)

    def watch(self, workload_id: int, target: Target | None) -> None:
        """Probe this container of a workload from now on, and no other; None for none."""
        with self._lock:
            before = self._targets.pop(workload_id, None)
            if before is not None and (target is None or target.record.id != before.record.id):
                self._failing.discard(before.record.id)
            if target is not None:
                self._targets[workload_id] = target

    def is_failing(self, docker_id: str) -> bool:
        """Return whether a container failed its newest probes."""
        return docker_id in self._failing

    def _run(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="health-probe") as pool:
            while not self._stopping.wait(PROBE_EACH_S):
                with self._lock:
                    targets = dict(self._targets)
                if targets:
                    list(pool.map(self._probe, targets, targets.values()))

    def _probe(self, workload_id: int, target: Target) -> None:
        works = passes(target.check, target.record)
        if not works and not self._stopping.wait(ONCE_MORE_AFTER_S):
            works = passes(target.check, target.record)
        with self._lock:
            if self._targets.get(workload_id) != target:
                return  # another container, or another address, by now
            was_failing = target.record.id in self._failing
            (self._failing.discard if works else self._failing.add)(target.record.id)
        if was_failing is works:
            self._told(workload_id)
