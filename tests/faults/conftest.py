"""One house for many tests that kill programs: it takes its time to start."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.faults import counting
from tests.real_parts import real_part

if TYPE_CHECKING:
    from tests.faults.houses import House


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the crashes of this run came to."""
    for line in counting.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def built_house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[House]:
    """The house, with everything running at first."""
    from tests.faults.houses import House

    real_part("engine")
    house = House(tmp_path_factory.mktemp("house") / "home", request.getfixturevalue("docker_client"))
    try:
        house.start("prefect")
        house.start("engine", "web")
        yield house
    finally:
        house.close()


@pytest.fixture
def house(built_house: House) -> House:
    """The house, with whatever an earlier test has left dead running again."""
    built_house.heal()
    return built_house


@pytest.fixture
def in_background() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Does something beside the test that may well fail, a request to a program that is being killed."""
    import httpx

    threads: list[threading.Thread] = []

    def begin(action: Callable[[], object]) -> None:
        def act() -> None:
            with suppress(httpx.HTTPError):
                action()

        threads.append(threading.Thread(target=act))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join(60)
