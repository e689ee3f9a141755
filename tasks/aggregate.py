"""Samples of many containers into one line a moment: sums of CPU and memory, the largest limit. Pure.

Sums come first and averages after: an average over containers that come and go would count an absent one as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ["ts", "container_id", "cpu_percent", "memory_usage", "memory_limit"]
# Bucket widths in seconds. A fixed list and bucket starts aligned to the clock keep a chart still while its window
# moves on: the same samples fall into the same bucket at each refresh.
WIDTHS = (15, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 14400, 21600, 43200, 86400)


def per_timestamp(rows: Sequence[tuple[Any, ...]], points: int | None = None) -> list[dict[str, Any]]:
    """One point a timestamp, by ts, from rows of COLUMNS as db.samples.span gives them, in any order.

    A point is {"ts": epoch s, "cpu_percent": float | None, "memory_usage": bytes, "memory_limit": bytes | None}. CPU
    (100 is one core, 2 decimals) and memory are summed over the containers, the limit is the largest one. CPU is None
    when no container had it, the limit when no container has one.

    With `points` (2 or more) and more timestamps than that, the sums are put into at most that many buckets of equal
    width: the average of CPU and of memory, the largest limit, ts the start of the bucket. A bucket without samples is
    absent. Raises ValueError for less than 2 points.
    """
    if points is not None and points < 2:
        raise ValueError("at least 2 points")
    sums = _summed(_frame(rows, COLUMNS), "ts")
    if points is not None and len(sums) > points:
        sums = _bucketed(sums, points)
    return _points(sums)


def per_owner_now(rows: Sequence[tuple[Any, ...]]) -> dict[int, dict[str, Any]]:
    """The newest point of each owner, {owner_id: point}, from rows (owner_id, *COLUMNS) as last_of_each gives them.

    A point is as in per_timestamp. An owner without rows is absent.
    """
    frame = _frame(rows, ["owner_id", *COLUMNS])
    newest = frame[frame["ts"] == frame.groupby("owner_id")["ts"].transform("max")]
    sums = _summed(newest, ["owner_id", "ts"])
    return dict(zip(sums["owner_id"].tolist(), _points(sums), strict=True))


def _frame(rows: Sequence[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    import pandas as pd  # takes a second and a half: at the first read, not at the start of every process

    frame = pd.DataFrame.from_records(list(rows), columns=columns)
    # A column of nothing but None would be of objects. Limits are exact as floats up to 9 PB.
    return frame.astype({"cpu_percent": "float64", "memory_usage": "int64", "memory_limit": "float64"})


def _summed(frame: pd.DataFrame, by: str | list[str]) -> pd.DataFrame:
    import pandas as pd

    groups = frame.groupby(by, sort=True)
    sums = pd.DataFrame(
        {
            "cpu_percent": groups["cpu_percent"].sum(min_count=1),  # nothing known is unknown, not zero
            "memory_usage": groups["memory_usage"].sum(),
            "memory_limit": groups["memory_limit"].max(),
        }
    )
    return sums.reset_index()


def _bucketed(sums: pd.DataFrame, points: int) -> pd.DataFrame:
    width = _width(int(sums["ts"].iloc[0]), int(sums["ts"].iloc[-1]), points)
    buckets = sums.groupby(sums["ts"] // width * width, sort=True)
    return buckets.agg({"cpu_percent": "mean", "memory_usage": "mean", "memory_limit": "max"}).reset_index()


def _width(first: int, last: int, points: int) -> int:
    width = next((w for w in WIDTHS if last // w - first // w < points), WIDTHS[-1])
    while last // width - first // width >= points:
        width *= 2
    return width


def _points(sums: pd.DataFrame) -> list[dict[str, Any]]:
    # Plain lists: walking a frame row by row costs 50 times as much.
    columns = (sums[name].tolist() for name in ("ts", "cpu_percent", "memory_usage", "memory_limit"))
    return [
        {
            "ts": ts,
            "cpu_percent": None if isnan(cpu) else round(cpu, 2),
            "memory_usage": round(memory),
            "memory_limit": None if isnan(limit) else int(limit),
        }
        for ts, cpu, memory, limit in zip(*columns, strict=True)
    ]
