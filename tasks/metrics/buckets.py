"""Moments grouped into time buckets, and buckets into wider ones. Pure: DataFrame in, DataFrame out.

A frame of buckets has the columns COLUMNS: sums and counts over the moments of the bucket, and the largest of each.
They add up, so a wide bucket is the same whether it is made of samples or of narrower buckets. `ts` is the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.metrics.frames import summed

if TYPE_CHECKING:
    import pandas as pd

ADDED = ["ticks", "cpu_ticks", "cpu_sum", "memory_sum"]
LARGEST = ["cpu_max", "memory_max", "memory_limit"]
COLUMNS = ["ts", *ADDED, *LARGEST]
VERSION = "deploy_version"


def of_moments(sums: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return buckets of one moment each, from sums with `by`, ts, cpu_percent, memory_usage, memory_limit."""
    import pandas as pd

    cpu, memory = sums["cpu_percent"], sums["memory_usage"]
    return pd.DataFrame(
        {
            **{name: sums[name] for name in (*by, "ts")},
            "ticks": 1.0,
            "cpu_ticks": cpu.notna().astype("float64"),
            "cpu_sum": cpu.fillna(0.0),
            "cpu_max": cpu,
            "memory_sum": memory,
            "memory_max": memory,
            "memory_limit": sums["memory_limit"],
        }
    )


def merged(buckets: pd.DataFrame, width: int, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return buckets of `width` seconds, by `by` and ts, from narrower ones. An empty bucket is absent."""
    import pandas as pd

    if not by and len(buckets):
        return _merged_in_a_row(buckets, width)
    groups = buckets.assign(ts=_starts(buckets, width)).groupby([*by, "ts"], sort=True)
    return pd.concat([groups[ADDED].sum(), groups[LARGEST].max()], axis="columns").reset_index()


def _merged_in_a_row(buckets: pd.DataFrame, width: int) -> pd.DataFrame:
    # By time alone a bucket is a run of rows. Grouping by pandas gives the same for three to five times the CPU time:
    # 3.3 ms against 0.7 for the 1440 moments of six hours, 4.4 against 1.6 for the 40,320 of a week.
    import numpy as np
    import pandas as pd

    block = buckets[COLUMNS].to_numpy()
    starts = block[:, 0] // width * width
    if (starts[1:] < starts[:-1]).any():
        order = np.argsort(starts, kind="stable")
        starts, block = starts[order], block[order]
    first = np.flatnonzero(np.r_[True, starts[1:] != starts[:-1]])
    added, largest = block[:, 1 : 1 + len(ADDED)], block[:, 1 + len(ADDED) :]
    parts = (starts[first, None], np.add.reduceat(added, first), np.fmax.reduceat(largest, first))
    return pd.DataFrame(np.hstack(parts), columns=COLUMNS, copy=False)


def tier_of_samples(samples: pd.DataFrame, width: int) -> pd.DataFrame:
    """Return the rows of a tier from samples with VERSION (0: unknown), ts, cpu_percent, memory_usage, memory_limit."""
    whole = merged(of_moments(summed(samples, ["ts"])), width)
    if _is_of_one_version(samples):
        return _rows(whole, samples[VERSION].iloc[0])
    parts = merged(of_moments(summed(samples, [VERSION, "ts"]), [VERSION]), width, [VERSION])
    return _with_parts(_rows(whole, whole["ts"].map(_only_version(samples, width))), parts)


def tier_of_tier(rows: pd.DataFrame, width: int) -> pd.DataFrame:
    """Return the rows of a tier from those of a finer one: COLUMNS, VERSION and `whole`."""
    wholes = rows[rows["whole"] == 1]
    whole = merged(wholes, width)
    if _is_of_one_version(rows):
        return _rows(whole, rows[VERSION].iloc[0])
    parts = merged(rows[rows[VERSION] > 0], width, [VERSION])
    return _with_parts(_rows(whole, whole["ts"].map(_only_version(wholes, width))), parts)


def _is_of_one_version(rows: pd.DataFrame) -> bool:
    return bool(rows[VERSION].min() == rows[VERSION].max())


def _rows(whole: pd.DataFrame, version: float | pd.Series[float]) -> pd.DataFrame:
    return whole.assign(deploy_version=version, whole=1.0)


def _with_parts(whole: pd.DataFrame, parts: pd.DataFrame) -> pd.DataFrame:
    # A bucket with a single version stands for that version and for the whole: one row.
    import pandas as pd

    shared = whole.loc[whole[VERSION] == 0, "ts"]
    parts = parts[(parts[VERSION] > 0) & parts["ts"].isin(shared)].assign(whole=0.0)
    return pd.concat([whole, parts], ignore_index=True).sort_values(["ts", VERSION], ignore_index=True)


def _only_version(rows: pd.DataFrame, width: int) -> pd.Series[float]:
    # By start of bucket: the version shared by all its rows, 0 when there are several.
    versions = rows[VERSION].groupby(_starts(rows, width))
    lowest = versions.min()
    return lowest.where(lowest == versions.max(), 0)


def _starts(rows: pd.DataFrame, width: int) -> pd.Series[float]:
    return rows["ts"] // width * width
