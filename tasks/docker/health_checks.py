"""The time that a container's own health check may need until it has an answer. Pure.

Docker looks for the first time after one interval, and calls a container unhealthy after a number of failures in a row:
who waits less than that learns nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# Docker's own, for what a check leaves out.
INTERVAL_S, TIMEOUT_S, START_PERIOD_S, RETRIES = 30.0, 30.0, 0.0, 3
LONGEST_S = 3600.0  # as health.timeout_s
_NANOSECONDS = 1e9
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|µs|ns|m|s)")


def patience_s(check: Mapping[str, Any] | None) -> float | None:
    """Return the seconds for a check as the Engine describes it; None when there is none."""
    test = (check or {}).get("Test") or []
    if check is None or not test or test[0] == "NONE":
        return None
    times = [(check.get(key) or 0) / _NANOSECONDS for key in ("StartPeriod", "Interval", "Timeout")]
    return _sum(times[0], times[1], times[2], check.get("Retries"))


def patience_of_file(check: Mapping[str, Any] | None) -> float | None:
    """Return the seconds for the `healthcheck` of a service in a compose file; None when there is none."""
    if not check or check.get("disable") or (check.get("test") or [""])[0] == "NONE":
        return None
    times = [_seconds(check.get(key)) for key in ("start_period", "interval", "timeout")]
    return _sum(times[0], times[1], times[2], check.get("retries"))


def _sum(start: float, interval: float, timeout: float, retries: int | None) -> float:
    looks = int(retries or RETRIES) + 1
    return min(LONGEST_S, (start or START_PERIOD_S) + (interval or INTERVAL_S) * looks + (timeout or TIMEOUT_S))


def _seconds(duration: object) -> float:
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(str(duration or "")))
