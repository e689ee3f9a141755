"""The windows in which samples can be requested, and the tier that serves each part of one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from db.metrics.bucket_widths import HOUR, MINUTE, QUARTER, SAMPLES, TICK, TIERS

WINDOWS: dict[str, int] = {  # seconds
    "30m": 30 * 60,
    "2h": 2 * 3600,
    "6h": 6 * 3600,
    "24h": 24 * 3600,
    "7d": 7 * 24 * 3600,
    "30d": 30 * 24 * 3600,
}
DEFAULT_WINDOW = "30m"
MOST_POINTS = 1500


class Part(NamedTuple):
    """A span of time, since <= ts < until, and the width of the tier that it is read from."""

    width: int
    since: int
    until: int


def width_for(window_s: int, interval_s: int, kept_s: Mapping[int, int]) -> int:
    """Return the finest tier that goes back far enough and gives at most MOST_POINTS points, else the coarsest one.

    `interval_s` is the time between two samples; `kept_s` is how long each width is kept.
    """
    apart = {SAMPLES: interval_s, MINUTE: MINUTE, QUARTER: QUARTER, HOUR: HOUR}
    fitting = (width for width, step in apart.items() if window_s <= kept_s[width] and window_s // step < MOST_POINTS)
    return next(fitting, HOUR)


def chain(width: int) -> list[int]:
    """Return the tiers that can serve a response of this width, from coarse to fine, the samples last."""
    finer = [tier for tier in TIERS if tier <= max(width, TICK)]
    return [*reversed(finer), SAMPLES]


def cover(since: int, until: int, widths: Sequence[int], marks: Mapping[int, tuple[int, int]]) -> list[Part]:
    """Split since <= ts < until into parts without gap or overlap, by time: each from the coarsest tier that has it.

    `widths` from coarse to fine with the samples last, which have everything; `marks` is width -> (since, until) of
    what a tier has.
    """
    if since >= until:
        return []
    width, *finer = widths
    if width == SAMPLES:
        return [Part(SAMPLES, since, until)]
    low, high = marks.get(width, (until, until))
    low, high = max(low, since), min(high, until)
    if low >= high:
        return cover(since, until, finer, marks)
    return [*cover(since, low, finer, marks), Part(width, low, high), *cover(high, until, finer, marks)]
