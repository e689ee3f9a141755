"""Samples of many containers merged into one series: sums of CPU and memory, the largest limit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tasks.metrics.buckets import VERSION, merged, of_moments
from tasks.metrics.frames import framed, points_of_buckets, points_of_moments, summed

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["ts", "container_id", "cpu_percent", "memory_usage", "memory_limit"]
# Bucket widths in seconds. A fixed list and bucket starts aligned to the clock keep a chart still while its window
# moves on: the same samples fall into the same bucket at each refresh.
WIDTHS = (15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)


def per_timestamp(rows: Sequence[tuple[Any, ...]], points: int | None = None) -> list[dict[str, Any]]:
    """Return one point per timestamp, by ts, from rows of COLUMNS as db.metrics.samples.span gives them, in any order.

    A point is {"ts": epoch s, "cpu_percent": float | None, "memory_usage": bytes, "memory_limit": bytes | None}. CPU
    (100 is one core, 2 decimals) and memory are summed over the containers, the limit is the largest one. CPU is None
    when no container had it, the limit when no container has one. For `points` see `thinned`.
    """
    return thinned(summed(framed(rows, COLUMNS), ["ts"]), points)


def thinned(sums: pd.DataFrame, points: int | None = None) -> list[dict[str, Any]]:
    """Return the points of a frame of sums (ts, cpu_percent, memory_usage, memory_limit).

    With `points` (2 or more) and more timestamps than that, the sums go into at most that many buckets of equal width:
    the average of CPU and of memory, the largest limit, ts the start of the bucket; beside them the largest CPU and
    memory, as cpu_percent_max and memory_usage_max. A bucket without samples is absent. Raises ValueError for less than
    2 points.
    """
    if points is not None and points < 2:
        raise ValueError("at least 2 points")
    if points is None or len(sums) <= points:
        return points_of_moments(sums)
    width = _width(int(sums["ts"].iloc[0]), int(sums["ts"].iloc[-1]), points)
    return points_of_buckets(merged(of_moments(sums), width))


def per_version(samples: pd.DataFrame) -> pd.DataFrame:
    """Return sums by ts and VERSION, from samples with these two columns. Those of unknown version (0) are left out."""
    return summed(samples[samples[VERSION] > 0], ["ts", VERSION])


def per_owner_now(rows: Sequence[tuple[Any, ...]]) -> dict[int, dict[str, Any]]:
    """Return the newest point of each owner, {owner_id: point}, from last_of_each's rows (owner_id, *COLUMNS).

    A point is as in per_timestamp. An owner without rows is absent.
    """
    frame = framed(rows, ["owner_id", *COLUMNS])
    newest = frame[frame["ts"] == frame.groupby("owner_id")["ts"].transform("max")]
    sums = summed(newest, ["owner_id", "ts"])
    return dict(zip(map(int, sums["owner_id"]), points_of_moments(sums), strict=True))


def _width(first: int, last: int, points: int) -> int:
    width = next((w for w in WIDTHS if last // w - first // w < points), WIDTHS[-1])
    while last // width - first // width >= points:
        width *= 2
    return width
