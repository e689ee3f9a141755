"""The thread of the engine that keeps the status of every workload true, and starts again what stayed down.

It sleeps until somebody wakes it: the watcher of Docker's events for one workload, a sweep each minute for all. A look
that cannot be the last word (Docker is about to start a container, it does not answer, a deploy is under way) is
repeated soon. One look serves all events of a moment.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from db import event_log, workloads
from db.connection import LedgerUnavailable
from db.health.codes import WINDOW_S
from db.messages.events import Told, tell
from db.models import Workload
from db.states import ErrorCode
from flows.upkeep.health_probes import HealthProbes, Target
from flows.upkeep.statuses import Look, look
from tasks.containers.health_status import is_changing, to_start
from tasks.context import Context, now
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure, attempt
from tasks.kinds import kind_of
from tasks.rollout.health import Check

# Docker sends the events of one cause within a moment, and starts a container that ended 0.1 s later.
SETTLE_S = 0.4
SOON_S = 1.5
TRY_AGAIN_S = (3.0, 6.0, 12.0, 24.0, 30.0)
OURS_FOR_S = 60.0
EVERY = 0  # in place of the id of a workload


def nothing() -> None:
    """Do nothing."""


@dataclass
class Try:
    """The attempts to start a container: how many failed, when the next one is due, and the code that was told."""

    failed: int = 0
    due: float = 0.0
    told: ErrorCode | None = None


class StatusKeeper:
    """One per engine. `start` and `stop` are for the engine; `docker_is_back` is called when Docker answers again."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.docker_is_back: Callable[[], None] = nothing
        self._condition = threading.Condition()
        self._due: dict[int, float] = {}  # workload id, or EVERY -> when to look
        self._tries: dict[str, Try] = {}  # container id -> attempts
        self._started: dict[str, float] = {}  # container id -> when this thread started it
        self._checks: dict[int, tuple[int, Check | None]] = {}  # workload id -> its live deploy, and its own check
        self._probes = HealthProbes(self.wake)
        self._is_away = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="status-keeper", daemon=True)

    def start(self) -> None:
        """Begin, with a look at everything."""
        self.wake()
        self._thread.start()
        self._probes.start()

    def stop(self) -> None:
        """Stop after the look that is under way."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._probes.stop()
        self._thread.join(5)

    def wake(self, workload_id: int | None = None, after_s: float = SETTLE_S) -> None:
        """Look at a workload, or at all, after some seconds at the latest."""
        key = EVERY if workload_id is None else workload_id
        with self._condition:
            due = time.monotonic() + after_s
            self._due[key] = min(self._due.get(key, due), due)
            self._condition.notify()

    def has_started(self, docker_id: str) -> bool:
        """Return whether a start of this container, of the last minute, was this thread's."""
        return time.monotonic() - self._started.get(docker_id, -OURS_FOR_S) < OURS_FOR_S

    def _run(self) -> None:
        while (key := self._next()) is not None:
            try:
                if key == EVERY:
                    self._look_at_all()
                else:
                    self._look_at(key)
            except LedgerUnavailable as unavailable:
                self._context.log.warning("a status has to wait", extra={"cause": str(unavailable.cause)})
                self._later(key)
            except Exception as error:  # a thread that dies would leave every status as it is
                self._context.log.error("a status could not be judged", exc_info=error)
                self._later(key)

    def _later(self, key: int) -> None:
        self.wake(None if key == EVERY else key, SOON_S * 4)

    def _next(self) -> int | None:
        """Wait until a look is due; return whose, None to stop."""
        with self._condition:
            while not self._stopping:
                key = min(self._due, key=self._due.__getitem__, default=None)
                wait_s = None if key is None else self._due[key] - time.monotonic()
                if key is not None and wait_s is not None and wait_s <= 0:
                    del self._due[key]
                    return key
                self._condition.wait(wait_s)
        return None

    def _look_at_all(self) -> None:
        with self._context.database.reading() as session:
            there = workloads.every(session, self._context.settings.host_name)
        self._is_away, was_away = False, self._is_away
        for workload in there:
            if self._stopping:
                return
            self._look_at(workload.id)
        if self._is_away:
            self.wake(None, SOON_S * 2)
        elif was_away:
            self.docker_is_back()

    def _look_at(self, workload_id: int) -> None:
        with self._context.database.reading() as session:
            workload = session.get(Workload, workload_id)
        if workload is None or workload.removing_at is not None:
            self._probes.watch(workload_id, None)
            return
        with self._context.workload_locks.hold(workload_id, wait=False) as mine:
            found = look(self._context, workload, self._probes.is_failing, is_away=self._is_away) if mine else None
            if found is not None and found.facts is not None:
                self._start_what_stayed_down(workload, found)
        if not mine:
            self.wake(workload_id, SOON_S)  # a deploy of it is under way
        elif found is not None:
            self._look_again(workload_id, found)

    def _look_again(self, workload_id: int, found: Look) -> None:
        if found.facts is None:
            if not self._is_away:
                self._is_away = True
                self.wake()
            return
        self._probes.watch(workload_id, self._target(workload_id, found))
        if is_changing(found.facts):
            self.wake(workload_id, SOON_S)
        if found.facts.recent:  # until the oldest end no longer counts
            age_s = (now() - found.facts.recent[0].at).total_seconds()
            self.wake(workload_id, max(SOON_S, WINDOW_S - age_s + 0.1))

    def _target(self, workload_id: int, found: Look) -> Target | None:
        """Return what to probe of a live version: its one container, if it runs and its spec has a check."""
        assert found.facts is not None  # noqa: S101 - the caller has looked
        running = [one for part in found.facts.parts for one in part.containers if one.serves]
        if len(running) != 1:
            return None
        known = self._checks.get(workload_id)
        if known is None or known[0] != found.live.id:
            with self._context.database.reading() as session:
                workload, release = workloads.by_id(session, workload_id), workloads.release(session, found.live)
            known = self._checks[workload_id] = found.live.id, kind_of(workload).rollout.own_check(release)
        return Target(known[1], running[0]) if known[1] else None

    def _start_what_stayed_down(self, workload: Workload, found: Look) -> None:
        assert found.facts is not None  # noqa: S101 - the caller has looked
        down = to_start(found.facts)
        mine = {one.id for part in found.facts.parts for one in part.containers}
        for docker_id in mine - {one.id for one in down}:
            self._tries.pop(docker_id, None)
        for one in down:
            attempts = self._tries.setdefault(one.id, Try())
            wait_s = attempts.due - time.monotonic()
            if wait_s <= 0:
                self._start(workload, found, one, attempts)
                wait_s = max(SETTLE_S, attempts.due - time.monotonic())
            self.wake(workload.id, wait_s)

    def _start(self, workload: Workload, found: Look, one: ContainerRecord, attempts: Try) -> None:
        self._started[one.id] = time.monotonic()
        rollout = kind_of(workload).rollout
        failure = attempt(lambda: rollout.start_again(self._context, workload, one), Failure)
        if failure is None:
            self._note(workload, tell("started_again", version=found.live.version), "info")
            return
        attempts.due = time.monotonic() + TRY_AGAIN_S[min(attempts.failed, len(TRY_AGAIN_S) - 1)]
        attempts.failed += 1
        code = self._why(one, failure)
        if attempts.told != code:
            attempts.told = code
            self._note(workload, tell("not_started", version=found.live.version, code=code), "error")

    def _why(self, one: ContainerRecord, failure: Failure) -> ErrorCode:
        seen = attempt(lambda: self._context.docker.containers.inspect(one.id), Failure)
        if isinstance(seen, Failure) or seen is None:
            return failure.code
        return seen.start_error or failure.code

    def _note(self, workload: Workload, told: Told, level: str) -> None:
        with self._context.database.writing() as session:
            event_log.note(session, workload.id, told, now(), level=level)
