"""Rows of the ledger into DataFrames, sums over containers per moment, and points out of DataFrames. Pure.

Sums come first and averages after: an average over containers that come and go would count an absent one as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def framed(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Return the database's rows under the names of their columns: all floats, None is NaN, exact up to 2**53."""
    import numpy as np
    import pandas as pd  # takes a second and a half: at the first read, not at the start of every process

    # One block of one type: a frame with columns of several types costs ten times as much to make, join and group.
    block = np.array(rows, dtype=np.float64).reshape(-1, len(columns))
    return pd.DataFrame(block, columns=list(columns), copy=False)


def summed(samples: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return sums over containers: `by`, cpu_percent, memory_usage, and the largest memory_limit; sorted by `by`."""
    import pandas as pd

    groups = samples.groupby(list(by), sort=True)
    sums = pd.DataFrame(
        {
            "cpu_percent": groups["cpu_percent"].sum(min_count=1),  # all unknown means unknown, not zero
            "memory_usage": groups["memory_usage"].sum(),
            "memory_limit": groups["memory_limit"].max(),
        }
    )
    return sums.reset_index()


def points_of_moments(sums: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a point per row of ts, cpu_percent, memory_usage, memory_limit, as numbers that JSON has."""
    # Plain lists: walking a frame row by row costs 50 times as much.
    columns = (
        whole(sums["ts"]),
        percent(sums["cpu_percent"]),
        whole(sums["memory_usage"]),
        whole(sums["memory_limit"]),
    )
    return [
        {"ts": ts, "cpu_percent": cpu, "memory_usage": memory, "memory_limit": limit}
        for ts, cpu, memory, limit in zip(*columns, strict=True)
    ]


def points_of_sums(rows: Sequence[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Return the same from rows (ts, cpu_percent, memory_usage, memory_limit), whole numbers but for CPU, one per
    moment.

    For sums made by the database, by ts: nothing left to do needs a frame, and to build one and take it apart again
    would take as long as a fifth of the read.
    """
    import numpy as np

    if not rows:
        return []
    ts, cpu, memory, limit = zip(*rows, strict=True)
    rounded = np.array(cpu, dtype=np.float64).round(2).tolist()
    return [
        {"ts": at, "cpu_percent": None if used is None else percent, "memory_usage": size, "memory_limit": most}
        for at, used, percent, size, most in zip(ts, cpu, rounded, memory, limit, strict=True)
    ]


def points_of_buckets(buckets: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a point per bucket: averages under the names of points_of_moments, the largest moment under `…_max`."""
    import numpy as np

    # Arrays, not Series: dividing one by another takes pandas ten times as long, a tenth of the read of a week.
    cpu, cpu_ticks, memory, ticks = (
        buckets[name].to_numpy() for name in ("cpu_sum", "cpu_ticks", "memory_sum", "ticks")
    )
    with np.errstate(invalid="ignore"):  # 0 / 0: no tick had a CPU
        cpu_average = cpu / cpu_ticks
    columns = (
        whole(buckets["ts"]),
        percent(cpu_average),
        whole(memory / ticks),
        whole(buckets["memory_limit"]),
        percent(buckets["cpu_max"]),
        whole(buckets["memory_max"]),
    )
    return [
        {
            "ts": ts,
            "cpu_percent": cpu,
            "memory_usage": memory,
            "memory_limit": limit,
            "cpu_percent_max": cpu_max,
            "memory_usage_max": memory_max,
        }
        for ts, cpu, memory, limit, cpu_max, memory_max in zip(*columns, strict=True)
    ]


def percent(values: pd.Series[float] | NDArray[Any]) -> list[float | None]:
    """Round to 2 decimals; None for NaN."""
    import numpy as np

    return [None if value != value else value for value in np.asarray(values).round(2).tolist()]  # noqa: PLR0124


def whole(values: pd.Series[float] | NDArray[Any]) -> list[int | None]:
    """Round to whole numbers; None for NaN."""
    import numpy as np

    numbers = np.rint(np.asarray(values))
    missing = np.isnan(numbers)
    if not missing.any():
        found: list[int | None] = numbers.astype(np.int64).tolist()
        return found
    return [None if gone else int(number) for number, gone in zip(numbers.tolist(), missing.tolist(), strict=True)]
