"""When a child is started and started again: the decisions of flows.supervisor.restart_policy, case by case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.supervisor.restart_policy import LONGEST_DELAY_S, Decision, Record, Seen, backoff, decide, how_it_ended

RUNS = Record(started_at=100.0)
SERVES = Record(started_at=100.0, ready_at=103.0)


@pytest.mark.parametrize(
    ("deaths", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (7, 30), (5000, 30), (0, 1)]
)
def test_the_pause_doubles_up_to_half_a_minute(deaths: int, seconds: float) -> None:
    assert backoff(deaths) == seconds


@pytest.mark.parametrize(
    ("record", "seen", "now", "decision"),
    [
        pytest.param(Record(), Seen(), 5.0, Decision(Record(started_at=5.0), start=True), id="never started: start"),
        pytest.param(
            Record(deaths=2, next_start=7.0), Seen(), 6.9, Decision(Record(deaths=2, next_start=7.0)), id="not yet"
        ),
        pytest.param(
            Record(deaths=2, next_start=7.0),
            Seen(),
            7.0,
            Decision(Record(deaths=2, next_start=7.0, started_at=7.0), start=True),
            id="the pause is over: start, and remember the deaths",
        ),
        pytest.param(RUNS, Seen(), 101.0, Decision(RUNS), id="runs, does not answer yet"),
        pytest.param(
            RUNS, Seen(answers=True), 103.0, Decision(SERVES, became_ready=True), id="answers for the first time"
        ),
        pytest.param(SERVES, Seen(), 104.0, Decision(SERVES), id="is ready, and is not asked again"),
        pytest.param(
            RUNS,
            Seen(exit_code=1),
            101.0,
            Decision(Record(deaths=1, next_start=102.0), died_for=1.0),
            id="died before it was ready",
        ),
        pytest.param(
            Record(deaths=2, started_at=100.0, ready_at=103.0),
            Seen(exit_code=-9),
            162.9,
            Decision(Record(deaths=3, next_start=166.9), died_for=4.0),
            id="died within its first minute: the pause grows",
        ),
        pytest.param(
            Record(deaths=5, started_at=100.0, ready_at=103.0),
            Seen(exit_code=-9),
            163.0,
            Decision(Record(deaths=1, next_start=164.0), died_for=1.0),
            id="died after a minute of health: the pause is short again",
        ),
        pytest.param(
            Record(deaths=5, started_at=100.0, ready_at=103.0),
            Seen(),
            163.0,
            Decision(SERVES),
            id="a minute of health makes the deaths forgotten",
        ),
        pytest.param(
            Record(deaths=1, started_at=100.0),
            Seen(),
            900.0,
            Decision(Record(deaths=1, started_at=100.0)),
            id="a long start is not health",
        ),
    ],
)
def test_what_follows_from_what_was_seen(record: Record, seen: Seen, now: float, decision: Decision) -> None:
    assert decide(record, seen, now) == decision


@given(st.lists(st.tuples(st.floats(0.0, 200.0), st.booleans(), st.booleans()), max_size=60))
def test_it_is_never_started_while_it_runs_nor_later_than_the_longest_pause(
    steps: list[tuple[float, bool, bool]],
) -> None:
    record, now, running, waited = Record(), 0.0, False, 0.0
    for pause, dies, answers in steps:
        now += pause
        waited += pause
        exited = running and dies
        decision = decide(record, Seen(exit_code=1 if exited else None, answers=answers and not dies), now)
        record = decision.record
        assert not (decision.start and running)
        assert (decision.died_for is not None) == exited
        if decision.start or exited:
            running, waited = decision.start, 0.0
        assert running or waited < LONGEST_DELAY_S


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "exited with code 0"),
        (3, "exited with code 3"),
        (-9, "was killed by SIGKILL"),
        (-99, "was killed by signal 99"),
    ],
)
def test_an_exit_code_is_told_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
