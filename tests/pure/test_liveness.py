"""A pulse is lost when there was no good answer for long enough, and not before."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from flows.supervisor.liveness import LivenessProbe
from tests.real_parts import wait_until


class Patient:
    """Answers in turn what it was given, the last answer again and again; counts how often it was asked."""

    def __init__(self, *well: bool) -> None:
        self._answers: Iterator[bool] = itertools.chain(well, itertools.repeat(well[-1]))
        self.asked = 0
        self.asked_enough = threading.Event()

    def __call__(self) -> bool:
        self.asked += 1
        if self.asked > 20:
            self.asked_enough.set()
        return next(self._answers)


@pytest.mark.parametrize(
    ("answers", "after_s", "stuck"),
    [
        ((True,), 0.0, False),
        ((False,), 0.0, True),
        ((False,), 3600.0, False),
        ((False, False, False, True), 0.0, False),
        ((True, True, False), 0.0, True),
    ],
)
def test_only_a_row_of_bad_answers_that_is_long_enough_counts(
    answers: tuple[bool, ...], after_s: float, stuck: bool
) -> None:
    patient = Patient(*answers)
    pulse = LivenessProbe(patient, every_s=0.001, after_s=after_s)
    try:
        assert patient.asked_enough.wait(10)
        wait_until(lambda: pulse.is_stuck() is stuck, 5, f"is_stuck is not {stuck}")
    finally:
        pulse.end()
