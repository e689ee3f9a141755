"""The heart of `backstay up`: keeps Prefect, the engine and the web interface running, and stops all of them together.

restart_policy decides what to start when, programs defines how, output prints their lines. This module polls the
children, acts on the decisions, and handles Ctrl-C.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from db.settings import Settings, ensure_home, secrets_in
from flows.supervisor import preflight
from flows.supervisor.liveness import LivenessProbe
from flows.supervisor.output import Output
from flows.supervisor.preflight import CannotStart
from flows.supervisor.programs import Program, programs
from flows.supervisor.restart_policy import Record, Seen, decide, how_it_ended
from tasks.system.processes import Child, spawn, terminate

LOOK_EVERY_S = 1.0
LOOK_EVERY_AT_START_S = 0.1
PROGRESS_EVERY_S = 10.0
NOT_STARTED = 127

__all__ = ["CannotStart", "Supervisor"]


class Runner:
    """One program and, while it runs, its process. Used by one thread, the supervisor's."""

    def __init__(self, program: Program, output: Output, wake: Callable[[], None], lock: int) -> None:
        self.program = program
        self.record = Record()
        self._output, self._wake, self._lock = output, wake, lock
        self._child: Child | None = None
        self._reader: threading.Thread | None = None
        self._pulse: LivenessProbe | None = None

    @property
    def is_ready(self) -> bool:
        """Whether it runs and has responded."""
        return self.record.ready_at is not None

    def look_and_act(self) -> None:
        """Gather, decide, apply."""
        now = time.monotonic()
        exit_code = self._exit_code()
        decision = decide(self.record, Seen(exit_code, self._answers(exit_code)), now)
        if decision.became_ready:
            self._output.say(f"{self.program.name} is ready ({now - (self.record.started_at or now):.1f} s)")
            self._pulse = LivenessProbe(self.program.is_healthy) if self.program.is_healthy is not None else None
        if decision.died_for is not None:
            ended = how_it_ended(exit_code if exit_code is not None else NOT_STARTED)
            self._output.say(f"{self.program.name} {ended}; restarting it in {decision.died_for:.0f} s")
            self._forget_pulse()
        self.record = decision.record
        if decision.start:
            self._start()
        elif self._child is not None and self._pulse is not None and self._pulse.is_stuck():
            self._output.say(f"{self.program.name} is running but no longer responds; stopping it for a restart")
            self._forget_pulse()
            self._child.kill()

    def end(self, hurry: Callable[[], bool]) -> None:
        """Stop it, and read its remaining output."""
        self._forget_pulse()
        if self._child is not None:
            terminate(self._child, self.program.grace_s, hurry)
        if self._reader is not None:
            self._reader.join(1.0)

    def _forget_pulse(self) -> None:
        if self._pulse is not None:
            self._pulse.end()
        self._pulse = None

    def _exit_code(self) -> int | None:
        if self.record.started_at is None:
            return None
        return NOT_STARTED if self._child is None else self._child.poll()

    def _answers(self, exit_code: int | None) -> bool:
        if self._child is None or exit_code is not None or self.is_ready:
            return False
        return self.program.is_ready(self._child.pid)

    def _start(self) -> None:
        self._child = None
        with contextlib.suppress(OSError):  # no memory, no file handles: it counts as a death, and is retried
            program = self.program
            self._child = spawn(program.argv, program.env, cwd=program.cwd, pass_fds=[self._lock])
            self._reader = threading.Thread(target=self._read, args=[self._child], daemon=True)
            self._reader.start()

    def _read(self, child: Child) -> None:
        for line in child.lines():
            self._output.child(self.program.name, line)
        self._wake()


class Supervisor:
    """The three programs of one HOME.

    start() and run_forever() in the main thread make `backstay up`; start(), wait_ready() and stop() serve a test.
    """

    def __init__(self, settings: Settings, output: Output | None = None) -> None:
        self.settings = settings
        self.first_password: str | None = None
        ensure_home(settings)
        self.output = output or Output(settings.logs, secrets_in(settings))
        self._runners: list[Runner] = []
        self._wishes_to_stop = 0
        # The only queue whose put() is safe in a signal handler, whatever was interrupted.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._ended = threading.Event()
        # One thread starts all children: the kernel ends a child when the thread that started it ends.
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._began = time.monotonic()
        self._lock = -1
        self.broken = False

    @property
    def is_stopping(self) -> bool:
        """Whether stopping has begun, on request or because the supervisor failed."""
        return self._wishes_to_stop > 0 or self.broken

    def start(self) -> None:
        """Check the requirements and start the programs. Raises CannotStart, and then nothing runs."""
        self._lock = preflight.lock_home(self.settings, self.output.say)
        try:
            preflight.check_ports(self.settings)
            preflight.check_docker(self.settings)
        except CannotStart:
            os.close(self._lock)
            raise
        self.output.say(first_words(self.settings))
        # Prefect takes longest and needs no ledger: it starts while the ledger is prepared for the others.
        alone, others = partition(programs(self.settings))
        self._add(alone)
        self._thread.start()
        try:
            self.first_password = preflight.prepare_ledger(self.settings)
        except CannotStart:
            self.stop()
            raise
        self._add(others)
        self._wake()

    def wait_ready(self, timeout: float) -> bool:
        """Wait until every program responds, reporting at intervals which do not. False after `timeout` s or a stop."""
        deadline, next_word = time.monotonic() + timeout, time.monotonic() + PROGRESS_EVERY_S
        while not self.is_stopping:
            waiting = [runner.program.name for runner in self._runners if not runner.is_ready]
            if not waiting:
                return True
            if time.monotonic() > deadline:
                return False
            if time.monotonic() > next_word:
                self.output.say(f"still waiting for {' and '.join(waiting)} ({time.monotonic() - self._began:.0f} s)…")
                next_word += PROGRESS_EVERY_S
            time.sleep(0.05)
        return False

    def run_forever(self) -> None:
        """Wait for Ctrl-C, SIGTERM or stop(), then for the exit of all programs."""
        self.listen()
        self._ended.wait()

    def stop(self) -> None:
        """Stop all programs: the web interface, the engine, then Prefect. Return when they have exited."""
        self.request_stop()
        if self._thread.ident is not None:
            self._ended.wait()

    def request_stop(self) -> None:
        """Begin to stop. On a second call, kill the programs still running."""
        self._wishes_to_stop += 1
        self._wake()

    def listen(self) -> None:
        """Treat Ctrl-C, SIGTERM and a closed terminal as a request to stop. Only the main thread can."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # under nohup it is ignored
            signal.signal(signal.SIGHUP, self._on_signal)

    def _add(self, more: list[Program]) -> None:
        self._runners = [*self._runners, *(Runner(each, self.output, self._wake, self._lock) for each in more)]

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.request_stop()  # takes no lock, which the interrupted code may hold

    def _wake(self) -> None:
        self._wakes.put(None)

    def _run(self) -> None:
        try:
            while not self.is_stopping:
                for runner in self._runners:
                    runner.look_and_act()
                self._rest()
        except Exception as error:
            self.broken = True
            self.output.say(f"the supervisor had an internal error ({type(error).__name__}); stopping everything")
        finally:
            self._end_all()

    def _rest(self) -> None:
        all_ready = all(runner.is_ready for runner in self._runners)
        with contextlib.suppress(queue.Empty):
            self._wakes.get(timeout=LOOK_EVERY_S if all_ready else LOOK_EVERY_AT_START_S)

    def _end_all(self) -> None:
        self.output.say("stopping (press Ctrl-C again to kill at once)…")
        for runner in reversed(self._runners):
            runner.end(lambda: self._wishes_to_stop > 1)
        os.close(self._lock)
        self.output.say("stopped")
        self.output.close()
        self._ended.set()


def partition(all_programs: list[Program]) -> tuple[list[Program], list[Program]]:
    """Return the programs that can start before the ledger is ready, and the others."""
    return [each for each in all_programs if not each.needs_ledger], [
        each for each in all_programs if each.needs_ledger
    ]


def first_words(settings: Settings) -> str:
    """Return the line printed when the start begins."""
    if settings.prefect_api_url or (settings.home / "prefect.db").exists():
        return "starting…"
    return "starting; Prefect is preparing its database (first start, up to half a minute)…"
