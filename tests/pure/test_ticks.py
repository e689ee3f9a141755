"""Ticks lie on the clock, and each belongs to one minute."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics.collector import align, missed, ticks_of

MOMENTS = st.integers(0, 4_000_000_000)
INTERVALS = st.integers(1, 60)


@pytest.mark.parametrize(
    ("scheduled", "interval", "ticks"),
    [
        (1200, 15, [1200, 1215, 1230, 1245]),
        (1259, 15, [1200, 1215, 1230, 1245]),
        (1260, 15, [1260, 1275, 1290, 1305]),
        (1201, 60, [1200]),
        (1200, 25, [1200, 1225, 1250]),
        (1260, 25, [1275, 1300]),
        (1200, 0, []),
    ],
)
def test_the_ticks_of_a_minute(scheduled: int, interval: int, ticks: list[int]) -> None:
    assert ticks_of(scheduled, interval) == ticks


@given(MOMENTS, INTERVALS)
def test_minute_after_minute_gives_every_tick_once(moment: int, interval: int) -> None:
    minute = moment - moment % 60
    ticks = [tick for start in range(minute, minute + 300, 60) for tick in ticks_of(start, interval)]
    assert ticks == [t for t in range(minute, minute + 300) if t % interval == 0]


@given(MOMENTS, INTERVALS)
def test_a_tick_of_a_minute_is_aligned_already(moment: int, interval: int) -> None:
    assert [align(tick, interval) for tick in ticks_of(moment, interval)] == ticks_of(moment, interval)


@given(st.floats(0, 4_000_000_000), INTERVALS)
def test_align_goes_back_by_less_than_one_interval(now: float, interval: int) -> None:
    tick = align(now, interval)
    assert tick % interval == 0
    assert tick <= now < tick + interval


@pytest.mark.parametrize("interval", [0, -15])
def test_there_is_nothing_to_align_to_when_sampling_is_off(interval: int) -> None:
    with pytest.raises(ValueError, match="interval"):
        align(1200, interval)


@pytest.mark.parametrize(
    ("last", "ts", "count"), [(None, 1200, 0), (1185, 1200, 0), (1170, 1200, 1), (1080, 1200, 7), (1200, 1200, 0)]
)
def test_what_lies_between_two_ticks_was_missed(last: int | None, ts: int, count: int) -> None:
    assert missed(last, ts, 15) == count
