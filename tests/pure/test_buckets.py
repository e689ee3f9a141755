"""Buckets of time, checked against the same in plain Python: whatever the way to a wide bucket, it is the same one."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics.buckets import COLUMNS, VERSION, merged, of_moments, tier_of_samples, tier_of_tier
from tasks.metrics.frames import framed, points_of_buckets, summed

SAMPLE = (VERSION, "ts", "cpu_percent", "memory_usage", "memory_limit")
Row = tuple[int, int, float | None, int, int | None]

VALUES = st.tuples(st.none() | st.floats(0, 6400), st.integers(0, 2**40), st.none() | st.integers(1, 2**50))
# (version, moment, container): few of each, so that they meet; version 0 is not known.
KEYS = st.tuples(st.integers(0, 2), st.integers(0, 40), st.integers(1, 3))


@st.composite
def samples(draw: st.DrawFn) -> list[Row]:
    """Samples with the version of their container, around the edge of an hour."""
    start, step = 1_700_000_000 // 3600 * 3600 - 450, draw(st.sampled_from([15, 45, 400]))
    cells = draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=40))
    return [(version, start + moment * step, *values) for (version, moment, _), values in cells.items()]


def expected(rows: list[Row], width: int) -> dict[int, dict[str, Any]]:
    """start -> the bucket of these samples, added up one by one."""
    moments: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        moments[row[1]].append(row)
    found: dict[int, dict[str, Any]] = {}
    for ts, its in sorted(moments.items()):
        bucket = found.setdefault(
            ts // width * width,
            dict.fromkeys(("ticks", "cpu_ticks", "cpu_sum", "memory_sum", "memory_max"), 0)
            | {"cpu_max": None, "memory_limit": None},
        )
        cpus = [row[2] for row in its if row[2] is not None]
        memory = sum(row[3] for row in its)
        bucket["ticks"] += 1
        if cpus:
            bucket["cpu_ticks"] += 1
            bucket["cpu_sum"] += math.fsum(cpus)
            bucket["cpu_max"] = max(math.fsum(cpus), bucket["cpu_max"] or 0.0)
        bucket["memory_sum"] += memory
        bucket["memory_max"] = max(memory, bucket["memory_max"])
        limits = [limit for limit in [bucket["memory_limit"], *(row[4] for row in its)] if limit is not None]
        bucket["memory_limit"] = max(limits, default=None)
    return found


def plain(frame: Any) -> list[dict[str, Any]]:
    """The rows of a frame, None for NaN, CPU to 6 decimals: float sums depend on their order in the last digits."""
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    rounded = [{k: round(v, 6) if k.startswith("cpu") and v is not None else v for k, v in r.items()} for r in records]
    return sorted(rounded, key=lambda row: (row["ts"], row.get(VERSION, 0)))


def shape(buckets: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    """The same of what was expected."""
    rows = [{"ts": ts, **bucket} for ts, bucket in buckets.items()]
    return [{k: round(v, 6) if k.startswith("cpu") and v is not None else v for k, v in row.items()} for row in rows]


@settings(max_examples=25, deadline=None)
@given(samples(), st.sampled_from([1, 60, 900, 3600]))
def test_the_whole_of_a_tier_is_what_adding_up_gives(rows: list[Row], width: int) -> None:
    tier = tier_of_samples(framed(rows, SAMPLE), width)
    assert plain(tier[tier["whole"] == 1][COLUMNS]) == shape(expected(rows, width))


@settings(max_examples=25, deadline=None)
@given(samples(), st.sampled_from([60, 900]))
def test_each_version_of_a_tier_is_what_its_own_samples_give(rows: list[Row], width: int) -> None:
    tier = tier_of_samples(framed(rows, SAMPLE), width)
    for version in (1, 2):
        own = [row for row in rows if row[0] == version]
        assert plain(tier[tier[VERSION] == version][COLUMNS]) == shape(expected(own, width))


@settings(max_examples=25, deadline=None)
@given(samples())
def test_an_hour_is_the_same_by_way_of_minutes_and_quarters(rows: list[Row]) -> None:
    frame = framed(rows, SAMPLE)
    stepwise = tier_of_tier(tier_of_tier(tier_of_samples(frame, 60), 900), 3600)
    assert plain(stepwise) == plain(tier_of_samples(frame, 3600))


def test_a_bucket_of_one_version_is_one_row_and_one_of_several_has_the_whole_beside_them() -> None:
    rows = [(1, 0, 1.0, 10, None), (1, 60, 1.0, 10, None), (2, 60, 2.0, 20, None), (2, 120, 2.0, 20, None)]
    tier = tier_of_samples(framed(rows, SAMPLE), 60)
    shown = tier[["ts", VERSION, "whole", "memory_sum"]].to_numpy().tolist()
    assert shown == [
        [0, 1, True, 10],
        [60, 0, True, 30],
        [60, 1, False, 10],
        [60, 2, False, 20],
        [120, 2, True, 20],
    ]


def test_containers_of_no_known_version_count_in_the_whole_alone() -> None:
    rows = [(0, 0, 1.0, 10, None), (0, 60, 1.0, 10, None), (1, 60, 2.0, 20, None)]
    tier = tier_of_tier(tier_of_samples(framed(rows, SAMPLE), 60), 900)
    assert tier[[VERSION, "whole", "memory_sum"]].to_numpy().tolist() == [[0, True, 40], [1, False, 20]]


def test_a_point_has_the_average_and_the_largest_moment() -> None:
    rows = [(1, 0, 10.0, 100, None), (1, 15, 30.0, 200, 500), (1, 30, None, 300, None)]
    buckets = merged(of_moments(summed(framed(rows, SAMPLE), ["ts"])), 60)
    assert points_of_buckets(buckets) == [
        {
            "ts": 0,
            "cpu_percent": 20.0,  # of the two moments that had one
            "memory_usage": 200,
            "memory_limit": 500,
            "cpu_percent_max": 30.0,
            "memory_usage_max": 300,
        }
    ]


def test_a_bucket_without_any_cpu_has_none() -> None:
    (point,) = points_of_buckets(merged(of_moments(framed([(0, None, 7, None)], SAMPLE[1:])), 60))
    assert (point["cpu_percent"], point["cpu_percent_max"], point["memory_limit"]) == (None, None, None)


@pytest.mark.parametrize("columns", [SAMPLE, ("ts", "whole")])
def test_no_rows_make_an_empty_frame_with_its_columns(columns: tuple[str, ...]) -> None:
    frame = framed([], columns)
    assert (list(frame.columns), len(frame)) == (list(columns), 0)
