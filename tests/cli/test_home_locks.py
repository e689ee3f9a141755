"""Asking whether an engine runs is in nobody's way."""

from __future__ import annotations

import threading
import time

import pytest

from db.settings import Settings
from flows.home_locks import AlreadyRunning, hold_engine_lock, is_engine_running
from tasks.system.file_locks import open_lock, try_lock


def test_who_asks_is_not_taken_for_an_engine(settings: Settings) -> None:
    assert is_engine_running(settings) is False
    asking = open_lock(settings.home / f"engine-{settings.host_name}.lock")
    assert try_lock(asking, shared=True)
    assert is_engine_running(settings) is False
    with pytest.raises(AlreadyRunning), hold_engine_lock(settings):
        pass  # somebody who never stops asking


def test_an_engine_starts_while_somebody_asks_again_and_again(settings: Settings) -> None:
    stop = threading.Event()
    found = list[bool]()

    def asks() -> None:
        while not stop.wait(0.002):
            found.append(is_engine_running(settings))

    threads = [threading.Thread(target=asks) for _ in range(2)]
    for one in threads:
        one.start()
    with hold_engine_lock(settings):
        before = len(found)
        time.sleep(0.1)
        held = found[before + 4 :]
    stop.set()
    for one in threads:
        one.join()
    assert held
    assert all(held)
