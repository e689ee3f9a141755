"""How long each test file takes, written to tests/durations.json on request (`make durations`) for tests.sharing."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.sharing import DURATIONS

_seconds: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--store-durations` writes the file at the end of the run."""
    parser.addoption("--store-durations", action="store_true", help="write tests/durations.json anew")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up what the parts of a test took: its fixtures, itself, and what is cleared away."""
    _seconds[report.nodeid.partition("::")[0].removeprefix("tests/")] += report.duration  # type: ignore[assignment]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write what was measured; of files that did not run the old figures stay."""
    if not session.config.getoption("--store-durations") or hasattr(session.config, "workerinput"):
        return
    known = json.loads(DURATIONS.read_text()) if DURATIONS.exists() else {}
    known |= {path: round(seconds, 1) for path, seconds in _seconds.items()}
    there = {path: known[path] for path in sorted(known) if (DURATIONS.parent / path).exists()}
    DURATIONS.write_text(json.dumps(there, indent=1) + "\n")
