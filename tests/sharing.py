"""How `make test` shares the tests among its processes: more than there are cores, as most tests wait for something.

A file stays in one process, and so do all files that share what is dear to build: a house with its programs, a Prefect
server. There are two of each, because one chain of all of them would be longer than all the rest. The pure tests come
first, then what takes longest (`tests/durations.json`, which `make durations` writes), so that nothing long is left
over at the end.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import inf
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LAYERS = ("pure", "db", "docker", "flows", "web", "cli", "faults")
TESTS = Path(__file__).parent
DURATIONS = TESTS / "durations.json"


@dataclass(frozen=True)
class Dear:
    """A fixture that is dear, and the files (or directories) that share one."""

    name: str
    fixture: str
    files: tuple[str, ...]


DEAR = (
    Dear("house that crashes", "built_house", ("faults/test_crash.py", "faults/test_docker.py")),
    Dear(
        "house that is busy",
        "built_house",
        ("faults/test_builds.py", "faults/test_races.py", "faults/test_busy_prefect.py"),
    ),
    Dear("Prefect of the journeys", "prefect_api", ("flows/test_journeys.py",)),
    Dear("Prefect of the engine", "prefect_api", ("flows/",)),
)


class BySharing(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole groups, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0].removeprefix("tests/"))


def group(path: str) -> str:
    """What a file (below tests/) shares a process with."""
    dear = _dear(path)
    return dear.name if dear else path


def sort(items: list[pytest.Item], shared: bool) -> None:
    """Cheap layers first; between processes, behind the pure ones what takes longest first."""
    for item in items:
        for fixture in {dear.fixture for dear in DEAR} & {*getattr(item, "fixturenames", ())}:
            dear = _dear(_path(item))
            if dear is None or dear.fixture != fixture:
                raise pytest.UsageError(f"{_path(item)} uses {fixture}: put it into tests/sharing.py")
    if not shared:
        items.sort(key=lambda item: _rank(_path(item)))
        return
    turns = longest_first({_path(item) for item in items}, json.loads(DURATIONS.read_text()))
    items.sort(key=lambda item: (_rank(_path(item)) > 0, turns.index(group(_path(item))), _rank(_path(item))))


def longest_first(paths: set[str], durations: dict[str, float]) -> list[str]:
    """Return the groups of these files, the longest first.

    A file that was not measured yet counts as one like any other, and as endless when it uses what is dear.
    """
    usual = mean(durations.values()) if durations else 0.0
    seconds: dict[str, float] = {}
    for path in sorted(paths, key=lambda path: (-_rank(path), path)):
        took = durations.get(path, inf if _dear(path) else usual)
        seconds[group(path)] = seconds.get(group(path), 0.0) + took
    return sorted(seconds, key=lambda name: -seconds[name])


def _dear(path: str) -> Dear | None:
    return next((dear for dear in DEAR if any(path.startswith(file) for file in dear.files)), None)


def _rank(path: str) -> int:
    layer = path.partition("/")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


def _path(item: Any) -> str:
    return str(item.path.relative_to(TESTS).as_posix())
