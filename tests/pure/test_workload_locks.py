"""One at a time on a workload."""

from __future__ import annotations

import threading

from tasks.system.workload_locks import WorkloadLocks


def test_who_does_not_want_to_wait_is_told_that_it_is_taken() -> None:
    locks = WorkloadLocks()
    with locks.hold(1) as mine:
        assert mine
        with locks.hold(1, wait=False) as also_mine:
            assert not also_mine
        with locks.hold(1, wait=False) as still_not_mine:
            assert not still_not_mine
        with locks.hold(2, wait=False) as another:
            assert another
    with locks.hold(1, wait=False) as free_again:
        assert free_again


def test_who_waits_has_the_next_turn() -> None:
    locks = WorkloadLocks()
    order: list[str] = []

    def second() -> None:
        with locks.hold(1):
            order.append("second")

    with locks.hold(1):
        thread = threading.Thread(target=second)
        thread.start()
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
