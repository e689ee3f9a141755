"""The status machine is closed: every status has its exits, what is final has none, every code ends in a status."""

from __future__ import annotations

from itertools import product

import pytest

from db.states import (
    FINAL,
    TRANSITIONS,
    UNFINISHED,
    ErrorCode,
    IllegalTransition,
    Status,
    check_transition,
    status_for,
)

POSSIBLE = {
    ("queued", "running"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("queued", "interrupted"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "cancelled"),
    ("running", "interrupted"),
}


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_one_status_may_follow_another_as_the_table_says(before: Status, after: Status) -> None:
    if (before, after) in POSSIBLE:
        check_transition(before, after)
    else:
        with pytest.raises(IllegalTransition) as caught:
            check_transition(before, after)
        assert (caught.value.before, caught.value.after) == (before, after)


def test_the_table_knows_every_status_and_no_other() -> None:
    assert set(TRANSITIONS) == set(Status)
    assert set().union(*TRANSITIONS.values()) <= set(Status)


def test_every_status_is_either_final_or_unfinished() -> None:
    assert set(Status) == FINAL | UNFINISHED
    assert frozenset() == FINAL & UNFINISHED


def test_what_is_final_has_no_exit_and_what_is_not_can_always_end() -> None:
    assert {status for status in Status if not TRANSITIONS[status]} == FINAL
    for status in UNFINISHED:
        assert {Status.FAILED, Status.INTERRUPTED, Status.CANCELLED} <= TRANSITIONS[status]


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_ends_a_deploy_and_none_as_a_success(code: ErrorCode) -> None:
    assert status_for(code) in FINAL - {Status.SUCCEEDED}


def test_only_the_codes_of_that_name_end_as_interrupted_or_cancelled() -> None:
    endings = {code: status_for(code) for code in ErrorCode}
    assert {code for code, status in endings.items() if status == Status.INTERRUPTED} == {ErrorCode.INTERRUPTED}
    assert {code for code, status in endings.items() if status == Status.CANCELLED} == {ErrorCode.CANCELLED}
