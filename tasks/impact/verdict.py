"""The effect of a deploy on CPU, memory and restarts: a verdict, with the numbers behind it. Pure.

It compares a window of the previous version, up to the start of the deploy, with one of the new version, after its
warm-up: each from samples of that version's own containers, so that the time when both ran counts for neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from tasks.impact.leak import MIB, trend
from tasks.impact.series import Array, Series

WARM_UP_S = 5 * 60
WINDOW_S = 25 * 60
SETTLED_AFTER_S = WARM_UP_S + WINDOW_S
LEAK_WINDOW_S = 24 * 3600
# At these ages a version is assessed again, for leaks alone; from the last one on, each day.
LOOKS_S = (SETTLED_AFTER_S, 2 * 3600, 6 * 3600, 24 * 3600)
SHORTEST_S, FEWEST = 10 * 60, 10
# A change counts when it is larger than this, both relatively and absolutely, and larger than the spread (the middle
# halves of the readings do not overlap).
MEMORY_PART, MEMORY_LEAST = 0.15, 8 * MIB
CPU_PART, CPU_LEAST = 0.25, 3.0
NONE: Array = np.array([], dtype=np.float64)


class Verdict(StrEnum):
    """The judgement on a deploy."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    LEAKING = "leaking"
    NOT_ENOUGH_DATA = "not_enough_data"


class Reason(StrEnum):
    """The reason for the verdict."""

    LEAK = "leak"
    MEMORY_UP = "memory_up"
    MEMORY_DOWN = "memory_down"
    CPU_UP = "cpu_up"
    CPU_DOWN = "cpu_down"
    CRASHES_UP = "crashes_up"
    CRASHES_DOWN = "crashes_down"
    OOM_KILLS_UP = "oom_kills_up"
    OOM_KILLS_DOWN = "oom_kills_down"
    NO_VERSION_BEFORE = "no_version_before"
    TOO_FEW_SAMPLES = "too_few_samples"


BAD = frozenset({Reason.MEMORY_UP, Reason.CPU_UP, Reason.CRASHES_UP, Reason.OOM_KILLS_UP})
GOOD = frozenset({Reason.MEMORY_DOWN, Reason.CPU_DOWN, Reason.CRASHES_DOWN, Reason.OOM_KILLS_DOWN})


@dataclass(frozen=True)
class Counts:
    """Events of a version's containers within a window. `crashes`: exits of their own, but not for memory."""

    restarts: int = 0
    crashes: int = 0
    oom_kills: int = 0


@dataclass(frozen=True)
class Window:
    """One side of the comparison: when (epoch seconds), its samples, its events."""

    version: int
    since: int
    until: int
    series: Series
    counts: Counts
    services: Mapping[str, Series] = field(default_factory=dict)  # for a version with several


@dataclass(frozen=True)
class SinceWarm:
    """The samples of a version since it warmed up after its latest start, for the leak: all, and by service."""

    whole: Series
    services: Mapping[str, Series] = field(default_factory=dict)


def assess(before: Window | None, after: Window, since_warm: SinceWarm) -> dict[str, Any]:
    """Return the verdict on the version of `after`, as JSON: see docs/metrics.md."""
    numbers = {"before": _numbers(before) if before else None, "after": _numbers(after)}
    compared = {**numbers, "services": _services(before, after), "reasons": _reasons(before, after)}
    return with_leak(compared, since_warm)


def with_leak(compared: Mapping[str, Any], since_warm: SinceWarm) -> dict[str, Any]:
    """Return an earlier comparison with the memory's trend since: the verdict of both together."""
    leak = _worst_leak(since_warm)
    reasons = [Reason(one) for one in compared["reasons"] if one != Reason.LEAK]
    if leak is not None and leak["leaking"]:
        reasons.insert(0, Reason.LEAK)
    verdict = _verdict(reasons)
    return {
        "verdict": str(verdict),
        "reasons": [str(reason) for reason in reasons],
        "before": compared["before"],
        "after": compared["after"],
        "services": compared.get("services", []),
        "leak": leak,
    }


def _worst_leak(since_warm: SinceWarm) -> dict[str, Any] | None:
    """Return the whole's leak, or that of the fastest leaking service: a large neighbour's noise hides a small one."""
    whole = leak_of(since_warm.whole)
    found = {name: leak_of(series) for name, series in since_warm.services.items()}
    leaking = [leak | {"service": name} for name, leak in found.items() if leak is not None and leak["leaking"]]
    if leaking:
        return max(leaking, key=lambda leak: leak["slope_bytes_per_hour"])
    return None if whole is None else whole | {"service": None}


def leak_of(series: Series) -> dict[str, Any] | None:
    """Return memory growth as JSON; None for under two samples. seconds_to_limit: None without a limit or a leak."""
    found = trend(series.ts, series.memory)
    if found is None:
        return None
    to_limit = None
    if found.leaking and series.limit is not None:
        newest = float(np.median(series.memory[-FEWEST:]))
        to_limit = max(0, round((series.limit - newest) / found.slope))
    return {
        "since": int(series.ts[0]),
        "until": int(series.ts[-1]),
        "samples": len(series.ts),
        "slope_bytes_per_hour": round(found.slope * 3600),
        "grown_bytes": None if found.grown is None else round(found.grown),
        "leaking": found.leaking,
        "memory_limit": series.limit,
        "seconds_to_limit": to_limit,
    }


def next_look_s(looks: int) -> int:
    """Return the age in seconds at which a version is assessed after `looks` assessments."""
    return LOOKS_S[looks] if looks < len(LOOKS_S) else LOOKS_S[-1] * (looks - len(LOOKS_S) + 2)


def _reasons(before: Window | None, after: Window) -> list[Reason]:
    if before is None:
        return [Reason.NO_VERSION_BEFORE]
    facts = _of_counts(before.counts, after.counts)
    if _is_enough(before.series) and _is_enough(after.series):
        return _changes(before.series, after.series) + facts
    # Crashes and kills are facts, however few samples there are; their absence is not one yet.
    return [fact for fact in facts if fact in BAD] or [Reason.TOO_FEW_SAMPLES]


def _changes(old: Series, new: Series) -> list[Reason]:
    memory = _shift(old.memory, new.memory, MEMORY_PART, MEMORY_LEAST)
    cpu = _shift(_known(old.cpu), _known(new.cpu), CPU_PART, CPU_LEAST)
    found = {1: [Reason.MEMORY_UP], -1: [Reason.MEMORY_DOWN]}.get(memory, [])
    return found + {1: [Reason.CPU_UP], -1: [Reason.CPU_DOWN]}.get(cpu, [])


def _shift(old: Array, new: Array, part: float, least: float) -> int:
    """Return 1: clearly more, -1: clearly less, 0: neither, or too little is known."""
    if min(len(old), len(new)) < FEWEST:
        return 0
    (low, middle, high), (new_low, new_middle, new_high) = (np.percentile(one, (25, 50, 75)) for one in (old, new))
    if abs(new_middle - middle) <= max(part * middle, least):
        return 0
    return 1 if new_low > high else -1 if new_high < low else 0


def _of_counts(before: Counts, after: Counts) -> list[Reason]:
    crashes = _count_shift(before.crashes, after.crashes)
    kills = _count_shift(before.oom_kills, after.oom_kills)
    found = {1: [Reason.CRASHES_UP], -1: [Reason.CRASHES_DOWN]}.get(crashes, [])
    return found + {1: [Reason.OOM_KILLS_UP], -1: [Reason.OOM_KILLS_DOWN]}.get(kills, [])


def _count_shift(before: int, after: int) -> int:
    # One more is a fact where there was none, and chance where there were many. None after one may be luck.
    if after >= 1 + 1.5 * before:
        return 1
    return -1 if before >= 2 and after == 0 else 0


def _verdict(reasons: Sequence[Reason]) -> Verdict:
    found = set(reasons)
    if Reason.LEAK in found:
        return Verdict.LEAKING
    if found & BAD:
        return Verdict.WORSE
    if found & {Reason.NO_VERSION_BEFORE, Reason.TOO_FEW_SAMPLES}:
        return Verdict.NOT_ENOUGH_DATA
    return Verdict.BETTER if found & GOOD else Verdict.SAME


def _is_enough(series: Series) -> bool:
    return len(series.ts) >= FEWEST and bool(series.ts[-1] - series.ts[0] >= SHORTEST_S)


def _numbers(window: Window) -> dict[str, Any]:
    cpu, memory = _known(window.series.cpu), window.series.memory
    return {
        "version": window.version,
        "since": window.since,
        "until": window.until,
        "samples": len(window.series.ts),
        "cpu_median": _percentile(cpu, 50, 2),
        "cpu_p95": _percentile(cpu, 95, 2),
        "memory_median": _percentile(memory, 50),
        "memory_p95": _percentile(memory, 95),
        **asdict(window.counts),
    }


def _services(before: Window | None, after: Window) -> list[dict[str, Any]]:
    """Return the medians of each service of either version; [] when neither has several."""
    old, new = before.services if before else {}, after.services
    return [
        {
            "service": name,
            **{
                f"{what}_{when}": _percentile(values, 50, digits)
                for when, series in (("before", old.get(name)), ("after", new.get(name)))
                for what, digits, values in (
                    ("cpu", 2, _known(series.cpu) if series else NONE),
                    ("memory", 0, series.memory if series else NONE),
                )
            },
        }
        for name in sorted({*old, *new})
    ]


def _percentile(values: Array, which: int, digits: int = 0) -> float | int | None:
    if not len(values):
        return None
    found = round(float(np.percentile(values, which)), digits)
    return found if digits else int(found)


def _known(values: Array) -> Array:
    return values[~np.isnan(values)]
