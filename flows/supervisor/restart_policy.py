"""Rules for starting a child process, and for restarting it. Pure: gather -> DECIDE -> apply; `now` is an argument.

Times are seconds of one monotonic clock.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

LONGEST_DELAY_S = 30.0
HEALTHY_AFTER_S = 60.0


@dataclass(frozen=True)
class Record:
    """The state of one child between two polls."""

    deaths: int = 0  # in a row, without a minute of health between them
    started_at: float | None = None  # None: not running
    ready_at: float | None = None  # None: has not responded since its start
    next_start: float = 0.0


@dataclass(frozen=True)
class Seen:
    """The observations of one poll of a child. `exit_code` is None while it runs."""

    exit_code: int | None = None
    answers: bool = False


@dataclass(frozen=True)
class Decision:
    """The new record, and what to do. `died_for` is the delay of the restart, given when a death is to be reported."""

    record: Record
    start: bool = False
    became_ready: bool = False
    died_for: float | None = None


def backoff(deaths: int) -> float:
    """Return the seconds to wait before the next start: 1, 2, 4 … 30."""
    return min(LONGEST_DELAY_S, 2.0 ** max(0, min(deaths, 10) - 1))


def decide(record: Record, seen: Seen, now: float) -> Decision:
    """Return what follows from the record and the observations."""
    if record.started_at is None:
        return _absent(record, now)
    if seen.exit_code is not None:
        return _died(record, now)
    if record.ready_at is None:
        return _not_ready_yet(record, seen, now)
    if record.deaths and now - record.ready_at >= HEALTHY_AFTER_S:
        return Decision(replace(record, deaths=0))
    return Decision(record)


def _absent(record: Record, now: float) -> Decision:
    if now < record.next_start:
        return Decision(record)
    return Decision(replace(record, started_at=now, ready_at=None), start=True)


def _died(record: Record, now: float) -> Decision:
    was_healthy = record.ready_at is not None and now - record.ready_at >= HEALTHY_AFTER_S
    deaths = 1 if was_healthy else record.deaths + 1
    delay = backoff(deaths)
    return Decision(Record(deaths=deaths, next_start=now + delay), died_for=delay)


def _not_ready_yet(record: Record, seen: Seen, now: float) -> Decision:
    if not seen.answers:
        return Decision(record)
    return Decision(replace(record, ready_at=now), became_ready=True)


def how_it_ended(exit_code: int) -> str:
    """Return `exited with code 3` or `was killed by SIGKILL`."""
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was killed by signal {-exit_code}"
