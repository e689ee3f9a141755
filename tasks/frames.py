"""Rows of the ledger into DataFrames, sums over the containers of a moment, and points out of DataFrames. Pure.

Sums come first and averages after: an average over containers that come and go would count an absent one as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# None becomes NaN in these; the others are whole numbers and never None. Limits are exact as floats up to 9 PB.
FLOATS = frozenset({"cpu_percent", "cpu_sum", "cpu_max", "memory_limit"})


def framed(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as the database gives them, under the names of their columns."""
    import numpy as np
    import pandas as pd  # takes a second and a half: at the first read, not at the start of every process

    # Column by column: a frame made of rows takes five times as long, guessing the type of each cell.
    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    types = [np.float64 if name in FLOATS else np.bool_ if name == "whole" else np.int64 for name in columns]
    return pd.DataFrame(
        {name: np.array(column, dtype=kind) for name, column, kind in zip(columns, values, types, strict=True)},
        copy=False,
    )


def summed(samples: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sums over containers: `by`, cpu_percent, memory_usage, and the largest memory_limit; sorted by `by`."""
    import pandas as pd

    groups = samples.groupby(list(by), sort=True)
    sums = pd.DataFrame(
        {
            "cpu_percent": groups["cpu_percent"].sum(min_count=1),  # nothing known is unknown, not zero
            "memory_usage": groups["memory_usage"].sum(),
            "memory_limit": groups["memory_limit"].max(),
        }
    )
    return sums.reset_index()


def points_of_moments(sums: pd.DataFrame) -> list[dict[str, Any]]:
    """A point a row of ts, cpu_percent, memory_usage, memory_limit, as numbers that JSON knows."""
    # Plain lists: walking a frame row by row costs 50 times as much.
    columns = (sums[name].tolist() for name in ("ts", "cpu_percent", "memory_usage", "memory_limit"))
    return [
        {"ts": ts, "cpu_percent": _percent(cpu), "memory_usage": round(memory), "memory_limit": _bytes(limit)}
        for ts, cpu, memory, limit in zip(*columns, strict=True)
    ]


def points_of_buckets(buckets: pd.DataFrame) -> list[dict[str, Any]]:
    """A point a bucket: averages under the names of points_of_moments, the largest moment under `…_max`."""
    averages = buckets.assign(
        cpu_percent=buckets["cpu_sum"] / buckets["cpu_ticks"], memory_usage=buckets["memory_sum"] / buckets["ticks"]
    )
    peaks = zip(buckets["cpu_max"].tolist(), buckets["memory_max"].tolist(), strict=True)
    return [
        point | {"cpu_percent_max": _percent(cpu), "memory_usage_max": memory}
        for point, (cpu, memory) in zip(points_of_moments(averages), peaks, strict=True)
    ]


def _percent(value: float) -> float | None:
    return None if isnan(value) else round(value, 2)


def _bytes(value: float) -> int | None:
    return None if isnan(value) else int(value)
