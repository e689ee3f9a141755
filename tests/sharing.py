"""How `make test` shares the tests among its processes: most of them wait for something, so two are faster than one.

A file stays in one process, and so do all files that need what is dear to build: a house with its programs, a Prefect
server. The dear ones begin first, behind the pure ones, so that none of them is left over at the end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

LAYERS = ("pure", "db", "docker", "flows", "web", "cli", "faults")
# The fixture that is dear, and the files (or directories) that use it.
DEAR = {
    "built_house": (
        "faults/test_crash.py",
        "faults/test_builds.py",
        "faults/test_docker.py",
        "faults/test_races.py",
        "faults/test_busy_prefect.py",
    ),
    "prefect_api": ("flows/",),
}
TESTS = Path(__file__).parent


class BySharing(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out whole groups, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid.partition("::")[0].removeprefix("tests/"))


def group(path: str) -> str:
    """What a file (below tests/) shares a process with."""
    dear = (fixture for fixture, files in DEAR.items() if any(path.startswith(file) for file in files))
    return next(dear, path)


def sort(items: list[pytest.Item], shared: bool) -> None:
    """Cheap layers first; between processes, the dear ones first behind the pure ones."""
    items.sort(key=lambda item: _turn(_path(item)) if shared else (0, _rank(_path(item))))
    for item in items:
        for fixture in DEAR.keys() & {*getattr(item, "fixturenames", ())}:
            if group(_path(item)) != fixture:
                raise pytest.UsageError(f"{_path(item)} uses {fixture}: put it into tests/sharing.py")


def _turn(path: str) -> tuple[int, int]:
    rank = _rank(path)
    if rank == 0:
        return -1, 0
    return ([*DEAR, group(path)].index(group(path)), -rank)


def _rank(path: str) -> int:
    layer = path.partition("/")[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


def _path(item: Any) -> str:
    return str(item.path.relative_to(TESTS).as_posix())
