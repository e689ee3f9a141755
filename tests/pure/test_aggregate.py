"""Sums per timestamp, checked against the same in plain Python."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.metrics.aggregate import per_owner_now, per_timestamp
from tasks.metrics.frames import framed, points_of_moments, points_of_sums

Row = tuple[int, int, float | None, int, int | None]
SUMS = ("ts", "cpu_percent", "memory_usage", "memory_limit")

CPU = st.none() | st.floats(0, 6400)
MEMORY = st.integers(0, 2**46)
LIMIT = st.none() | st.integers(1, 2**52)
VALUES = st.tuples(CPU, MEMORY, LIMIT)
# Few different timestamps and containers, so that they meet; far apart or close, so that buckets are wide or narrow.
KEYS = st.tuples(st.integers(0, 30), st.integers(1, 4))


@st.composite
def samples(draw: st.DrawFn) -> list[Row]:
    """Rows as the ledger gives them, in any order: one a container and timestamp."""
    start, step = draw(st.integers(1, 2_000_000_000)), draw(st.sampled_from([1, 15, 60, 3600, 90_000]))
    cells = draw(st.dictionaries(KEYS, VALUES, max_size=40))
    return [(start + index * step, container, *values) for (index, container), values in cells.items()]


def by_ts(rows: list[Row]) -> dict[int, list[Row]]:
    """Rows of each timestamp."""
    groups = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row)
    return groups


def known(values: list[Any]) -> list[Any]:
    """Without None."""
    return [value for value in values if value is not None]


def close(value: float | None, expected: float | None) -> bool:
    """Equal to the 2 decimals that are shown; None only to None."""
    if value is None or expected is None:
        return value is expected
    return math.isclose(value, expected, rel_tol=1e-9, abs_tol=0.00501)


def test_one_workload_of_two_containers() -> None:
    rows = [
        (30, 1, 10.004, 100, 500),
        (15, 1, None, 100, None),
        (15, 2, 1.5, 20, None),
        (30, 2, 20.0, 30, None),
        (45, 2, None, 7, 400),
    ]
    assert per_timestamp(rows) == [
        {"ts": 15, "cpu_percent": 1.5, "memory_usage": 120, "memory_limit": None},
        {"ts": 30, "cpu_percent": 30.0, "memory_usage": 130, "memory_limit": 500},
        {"ts": 45, "cpu_percent": None, "memory_usage": 7, "memory_limit": 400},
    ]


def test_no_samples_make_no_points() -> None:
    assert per_timestamp([]) == []
    assert per_timestamp([], points=10) == []
    assert per_owner_now([]) == {}


def test_numbers_are_plain_ones_that_json_knows() -> None:
    (point,) = per_timestamp([(15, 1, 1.0, 100, 500)])
    assert {name: type(value) for name, value in point.items()} == {
        "ts": int,
        "cpu_percent": float,
        "memory_usage": int,
        "memory_limit": int,
    }
    owner = next(iter(per_owner_now([(3, 15, 1, 1.0, 100, 500)])))
    assert type(owner) is int


@settings(max_examples=25, deadline=None)
@given(samples())
def test_sums_are_those_of_plain_python(rows: list[Row]) -> None:
    points = per_timestamp(rows)
    groups = by_ts(rows)
    assert [point["ts"] for point in points] == sorted(groups)
    for point in points:
        group = groups[point["ts"]]
        cpus, limits = known([row[2] for row in group]), known([row[4] for row in group])
        assert close(point["cpu_percent"], math.fsum(cpus) if cpus else None)
        assert point["memory_usage"] == sum(row[3] for row in group)
        assert point["memory_limit"] == (max(limits) if limits else None)


@settings(max_examples=25, deadline=None)
@given(samples(), st.integers(2, 12))
def test_buckets_average_the_sums_and_lose_no_limit(rows: list[Row], points: int) -> None:
    sums, buckets = per_timestamp(rows), per_timestamp(rows, points)
    if len(sums) <= points:
        assert buckets == sums
        return
    assert len(buckets) <= points
    starts = [bucket["ts"] for bucket in buckets]
    assert starts == sorted(set(starts))
    for bucket, end in zip(buckets, [*starts[1:], math.inf], strict=True):
        inside = [point for point in sums if bucket["ts"] <= point["ts"] < end]
        cpus, limits = known([p["cpu_percent"] for p in inside]), known([p["memory_limit"] for p in inside])
        # The sums were rounded before they are averaged here, so one more half of a hundredth may be missing.
        cpu = bucket["cpu_percent"]
        assert cpu is None if not cpus else abs(cpu - math.fsum(cpus) / len(cpus)) <= 0.0101
        memory = sum(p["memory_usage"] for p in inside) / len(inside)
        assert math.isclose(bucket["memory_usage"], memory, rel_tol=1e-12, abs_tol=1)
        assert bucket["memory_limit"] == (max(limits) if limits else None)
    assert min(starts) <= sums[0]["ts"]  # so every sum is in a bucket


@settings(max_examples=25, deadline=None)
@given(samples(), st.none() | st.integers(2, 12))
def test_no_point_is_nan(rows: list[Row], points: int | None) -> None:
    values = [value for point in per_timestamp(rows, points) for value in point.values()]
    assert all(value is None or math.isfinite(value) for value in values)


@pytest.mark.parametrize("points", [2, 7, 100, 300])
def test_buckets_keep_still_while_the_window_moves(points: int) -> None:
    start = 1_700_000_010
    rows: list[Row] = [(start + 15 * index, 1, float(index % 7), index, None) for index in range(1500)]
    earlier, later = per_timestamp(rows[:1440], points), per_timestamp(rows[1:1441], points)
    # The first bucket loses a sample and the last one gains one; what is between stays as it was drawn.
    assert [bucket for bucket in earlier[1:-1] if bucket not in later] == []


def test_buckets_start_on_the_clock() -> None:
    rows: list[Row] = [(1_700_000_010 + 15 * index, 1, 1.0, 1, None) for index in range(1440)]  # six hours
    starts = [point["ts"] for point in per_timestamp(rows, 100)]
    assert {start % 300 for start in starts} == {0}
    assert {b - a for a, b in pairwise(starts)} == {300}


def test_a_gap_stays_a_gap() -> None:
    rows: list[Row] = [(ts, 1, 1.0, 1, None) for ts in [*range(0, 600, 15), *range(6000, 6600, 15)]]
    starts = [point["ts"] for point in per_timestamp(rows, 40)]
    assert max(b - a for a, b in pairwise(starts)) >= 5000


def test_one_point_is_too_few() -> None:
    with pytest.raises(ValueError, match="2 points"):
        per_timestamp([(15, 1, 1.0, 1, None)], points=1)


def test_now_is_the_newest_moment_of_each_workload() -> None:
    rows = [
        (1, 15, 1, 99.0, 99, None),
        (1, 30, 1, 10.0, 100, 500),
        (1, 30, 2, 20.0, 30, None),
        (2, 15, 3, None, 7, None),
    ]
    assert per_owner_now(rows) == {
        1: {"ts": 30, "cpu_percent": 30.0, "memory_usage": 130, "memory_limit": 500},
        2: {"ts": 15, "cpu_percent": None, "memory_usage": 7, "memory_limit": None},
    }


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.integers(1, 2**40), samples(), max_size=4))
def test_now_is_the_last_point_of_each_workload_alone(owned: dict[int, list[Row]]) -> None:
    rows = [(owner, *row) for owner, its in owned.items() for row in its]
    now = per_owner_now(rows)
    assert now == {owner: per_timestamp(its)[-1] for owner, its in owned.items() if its}


@settings(max_examples=30, deadline=None)
@given(samples())
def test_sums_of_the_database_are_the_same_points_with_a_frame_and_without(rows: list[Row]) -> None:
    sums = [(ts, cpu, memory, limit) for ts, _, cpu, memory, limit in sorted(rows, key=lambda row: row[:2])]
    assert points_of_sums(sums) == points_of_moments(framed(sums, SUMS))
