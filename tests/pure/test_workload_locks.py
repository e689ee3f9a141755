"""One at a time on a workload."""

from __future__ import annotations

import threading

from tasks.workload_locks import Turns


def test_who_does_not_want_to_wait_is_told_that_it_is_taken() -> None:
    turns = Turns()
    with turns.on(1) as mine:
        assert mine
        with turns.on(1, wait=False) as also_mine:
            assert not also_mine
        with turns.on(1, wait=False) as still_not_mine:
            assert not still_not_mine
        with turns.on(2, wait=False) as another:
            assert another
    with turns.on(1, wait=False) as free_again:
        assert free_again


def test_who_waits_has_the_next_turn() -> None:
    turns = Turns()
    order: list[str] = []

    def second() -> None:
        with turns.on(1):
            order.append("second")

    with turns.on(1):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
