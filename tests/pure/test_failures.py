"""Catching an exception without handing it on as the context of the next one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.states import ErrorCode
from tasks.failures import Failure, attempt, translated

SECRET = "hunter2"


def refuse() -> int:
    """Raise what has a secret in its text."""
    raise KeyError(SECRET)


def by_attempt() -> None:
    """Leave the block, then raise another."""
    if isinstance(attempt(refuse, KeyError), KeyError):
        raise Failure(ErrorCode.INVALID_SOURCE, "refused")


def by_translation() -> None:
    """The same in one call."""
    translated(refuse, KeyError, OSError, into=Failure(ErrorCode.INVALID_SOURCE, "refused"))


@pytest.mark.parametrize("way", [by_attempt, by_translation])
def test_what_is_raised_instead_carries_nothing_of_the_first(way: Callable[[], None]) -> None:
    with pytest.raises(Failure) as caught:
        way()
    assert (caught.value.code, caught.value.kind) == (ErrorCode.INVALID_SOURCE, "refused")
    assert (caught.value.__context__, caught.value.__cause__) == (None, None)


def test_an_action_that_works_answers() -> None:
    assert (attempt(lambda: 1, KeyError), translated(lambda: 2, KeyError, into=ValueError())) == (1, 2)


def test_an_exception_of_another_kind_passes_through() -> None:
    with pytest.raises(KeyError):
        attempt(refuse, OSError)
    with pytest.raises(KeyError):
        translated(refuse, OSError, into=ValueError())
