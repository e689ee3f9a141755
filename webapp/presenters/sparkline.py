"""Samples of the last half hour as a sparkline, one point per minute. Pure: rows in, SVG points out.

A minute without samples breaks the line instead of being drawn as zero usage.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

SPAN_S = 30 * 60
STEP_S = 60
WIDTH, HEIGHT = 96, 24
# An idle app must not look busy: the scale never gets finer than this, in percent of a core.
LEAST = 5.0


def polylines(rows: Iterable[tuple[Any, ...]], now: int) -> dict[int, list[str]]:
    """Return {owner id: unbroken parts of its line} from rows (owner id, ts, container id, CPU %, …), ts epoch seconds.

    A part is "x,y x,y …" within WIDTH x HEIGHT, y downwards. An owner without CPU readings is absent.
    """
    sums: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for owner, ts, _container, cpu, *_ in rows:
        if cpu is not None and ts > now - SPAN_S:
            sums[owner][ts] += cpu
    return {owner: _parts(_minutes(by_ts), now) for owner, by_ts in sums.items()}


def _minutes(by_ts: dict[int, float]) -> dict[int, float]:
    found: dict[int, list[float]] = defaultdict(list)
    for ts, cpu in by_ts.items():
        found[ts // STEP_S].append(cpu)
    return {minute: sum(values) / len(values) for minute, values in found.items()}


def _parts(minutes: dict[int, float], now: int) -> list[str]:
    first, most = (now - SPAN_S) // STEP_S, max(LEAST, *minutes.values())
    parts: list[list[str]] = []
    before = None
    for minute in sorted(minutes):
        x = (minute - first) * WIDTH / (SPAN_S // STEP_S)
        y = HEIGHT - 1 - minutes[minute] / most * (HEIGHT - 2)
        if before != minute - 1:
            parts.append([])
        parts[-1].append(f"{x:.1f},{y:.1f}")
        before = minute
    # A single point becomes a line of zero length, which its round ends draw as a dot.
    return [" ".join(part if len(part) > 1 else part * 2) for part in parts]
