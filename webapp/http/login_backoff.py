"""Back-off after failed logins: repeated failures wait longer. In memory, per process. The moment is an argument.

A name is slowed down per address, so that no one can lock another person out; an address as a whole is slowed down
later, so that trying one password on many names does not pay either.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

FREE_PER_NAME = 5
FREE_PER_ADDRESS = 30
LONGEST_S = 300.0
FORGET_S = 900.0
MOST_KEYS = 10_000


@dataclass
class _Failures:
    count: int
    last: float


class Attempts:
    """Failed logins by (name, address) and by address. Moments are seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures: dict[tuple[str, ...], _Failures] = {}

    def wait(self, name: str, address: str, now: float) -> float:
        """Return the seconds until this name may be tried again from this address; 0 when it may be now."""
        with self._lock:
            return max(self._wait((name, address), FREE_PER_NAME, now), self._wait((address,), FREE_PER_ADDRESS, now))

    def wait_of_name(self, name: str, address: str, now: float) -> float:
        """Return the wait without failures of the address at other names: for a caller with the right password."""
        with self._lock:
            return self._wait((name, address), FREE_PER_NAME, now)

    def failed(self, name: str, address: str, now: float) -> None:
        """Count a failure."""
        with self._lock:
            self._forget(now)
            for key in ((name, address), (address,)):
                known = self._failures.setdefault(key, _Failures(0, now))
                known.count, known.last = known.count + 1, now

    def succeeded(self, name: str, address: str) -> None:
        """Clear the failures of a name from an address; those of the address as a whole stay."""
        with self._lock:
            self._failures.pop((name, address), None)

    def _wait(self, key: tuple[str, ...], free: int, now: float) -> float:
        known = self._failures.get(key)
        if known is None or known.count < free:
            return 0.0
        return max(0.0, known.last + delay(known.count - free) - now)

    def _forget(self, now: float) -> None:
        if len(self._failures) >= MOST_KEYS:
            self._failures = {key: known for key, known in self._failures.items() if now - known.last < FORGET_S}
        if len(self._failures) >= MOST_KEYS:
            oldest = sorted(self._failures, key=lambda key: self._failures[key].last)
            for key in oldest[: MOST_KEYS // 2]:
                del self._failures[key]


def delay(beyond: int) -> float:
    """Return the seconds to wait after `beyond` failures past the free ones: 1, 2, 4 … up to five minutes."""
    return min(LONGEST_S, 2.0 ** min(beyond, 20))
