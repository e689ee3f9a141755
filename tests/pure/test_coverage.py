"""Which tier answers what: every second of a window once, from the coarsest tier that has it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.metrics.bucket_widths import HOUR, MINUTE, QUARTER, SAMPLES, TICK, ceiling, floor
from tasks.metrics.coverage import Part, chain, cover, width_for

DAY = 86400
KEPT = {SAMPLES: 2 * DAY, MINUTE: 7 * DAY, QUARTER: 30 * DAY, HOUR: 400 * DAY}
EDGE = st.integers(0, 50)
SPAN = st.tuples(EDGE, EDGE)


@settings(max_examples=50, deadline=None)
@given(SPAN, st.fixed_dictionaries({}, optional={60: SPAN, 900: SPAN, 3600: SPAN}))
def test_every_moment_is_answered_once_by_the_coarsest_tier_that_has_it(
    window: tuple[int, int], marks: dict[int, tuple[int, int]]
) -> None:
    parts = cover(*window, [3600, 900, 60, SAMPLES], marks)
    assert [part for part in parts if part.since >= part.until] == []
    by_moment = [(ts, part.width) for part in parts for ts in range(part.since, part.until)]
    assert by_moment == [
        (ts, next((w for w in (3600, 900, 60) if w in marks and marks[w][0] <= ts < marks[w][1]), SAMPLES))
        for ts in range(*window)
    ]


def test_an_hour_that_is_not_summed_up_comes_from_finer_tiers_and_at_last_from_the_samples() -> None:
    marks = {HOUR: (0, 7200), QUARTER: (0, 9900), MINUTE: (0, 10020)}
    assert cover(3600, 10100, chain(HOUR), marks) == [
        Part(HOUR, 3600, 7200),
        Part(QUARTER, 7200, 9900),
        Part(MINUTE, 9900, 10020),
        Part(SAMPLES, 10020, 10100),
    ]


def test_nothing_summed_up_is_all_samples() -> None:
    assert cover(0, 100, chain(HOUR), {}) == [Part(SAMPLES, 0, 100)]
    assert cover(100, 100, chain(HOUR), {}) == []


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (SAMPLES, [TICK, SAMPLES]),
        (QUARTER, [QUARTER, MINUTE, TICK, SAMPLES]),
        (HOUR, [HOUR, QUARTER, MINUTE, TICK, SAMPLES]),
    ],
)
def test_an_answer_is_put_together_from_its_tier_and_the_finer_ones(width: int, expected: list) -> None:
    assert chain(width) == expected


@pytest.mark.parametrize(
    ("window_s", "width"),
    [(1800, SAMPLES), (7200, SAMPLES), (6 * 3600, SAMPLES), (DAY, MINUTE), (7 * DAY, QUARTER), (30 * DAY, HOUR)],
)
def test_each_window_has_its_tier(window_s: int, width: int) -> None:
    assert width_for(window_s, 15, KEPT) == width


def test_samples_that_come_fast_are_too_many_for_a_long_window() -> None:
    assert width_for(6 * 3600, 5, KEPT) == MINUTE
    assert width_for(7200, 5, KEPT) == SAMPLES


def test_what_is_not_kept_long_enough_is_answered_by_a_coarser_tier() -> None:
    assert width_for(6 * 3600, 15, KEPT | {SAMPLES: 3600}) == MINUTE
    assert width_for(7 * DAY, 15, KEPT | {QUARTER: DAY}) == HOUR
    assert width_for(30 * DAY, 15, dict.fromkeys(KEPT, 3600)) == HOUR


@pytest.mark.parametrize(("ts", "low", "high"), [(0, 0, 0), (60, 60, 60), (61, 60, 120), (119, 60, 120)])
def test_moments_are_rounded_to_buckets(ts: int, low: int, high: int) -> None:
    assert (floor(ts, 60), ceiling(ts, 60)) == (low, high)
