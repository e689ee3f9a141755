"""The compose file of a spec before it is stored: the way of a deploy through tasks.compose.reading.examine alone.

Reads only: Docker Compose renders the text in an empty temporary directory, and the Engine is asked for the names of
containers where the file gives some. One file is read at a time per processor: Docker Compose takes time and memory.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from db.messages.file_problems import FileProblem
from tasks.compose import files, model, own_files
from tasks.compose.reading import examine, warnings
from tasks.compose.reading.render import project_of
from tasks.context import Context
from tasks.failures import Failure, attempt
from tasks.sources.invalid_spec import Reason

AT_ONCE = threading.BoundedSemaphore(2)
WAITS_S = 30.0
TEXT = "source.text"


@dataclass
class FileCheck:
    """The reasons against a file, the `source.allow` that permits what may be permitted, and the file as rendered."""

    problems: list[Reason] = field(default_factory=list)
    allow: list[str] = field(default_factory=list)
    warnings: list[Reason] = field(default_factory=list)
    rendered: dict[str, Any] = field(default_factory=lambda: {"services": {}})


def check(
    context: Context, name: str, source: Mapping[str, Any], env: Mapping[str, str], secrets: Collection[str]
) -> FileCheck:
    """Return what a deploy would say of the file of a compose source."""
    if "text" not in source:
        return FileCheck(warnings=[Reason("source.url", FileProblem.KNOWN_AT_DEPLOY)])
    if not AT_ONCE.acquire(timeout=WAITS_S):
        return FileCheck([Reason(TEXT, FileProblem.NOT_CHECKED)])
    try:
        with tempfile.TemporaryDirectory(prefix="backstay-check-", ignore_cleanup_errors=True) as folder:
            return _examined(context, name, source, env, secrets, Path(folder).resolve())
    finally:
        AT_ONCE.release()


def _examined(
    context: Context,
    name: str,
    source: Mapping[str, Any],
    env: Mapping[str, str],
    secrets: Collection[str],
    folder: Path,
) -> FileCheck:
    said, unusable = list[bytes](), list[PurePosixPath]()

    def has(path: PurePosixPath) -> bool:
        there = attempt(lambda: files.exists(context.settings, name, path), Failure)
        if isinstance(there, Failure):
            unusable.append(path)
            return True
        return there

    project = project_of(context, name)
    others = partial(examine.names_of_others, context, name)
    order = examine.Order(context, name, project, source, env, secrets, has, others, said.append)
    found = attempt(lambda: examine.of_text(order, folder), Failure)
    if isinstance(found, Failure):
        return FileCheck([Reason(TEXT, FileProblem.NOT_CHECKED)])
    links = [_unusable(found.stored, path, name) for path in dict.fromkeys(unusable)]
    problems = [*found.reasons, *links]
    warned = warnings.read(b"\n".join(said))
    unset = {*warned.unset, *model.left_out(found.stored)} - {one.key for one in problems}
    return FileCheck(
        problems,
        found.allow,
        [
            *(Reason(variable, FileProblem.UNSET) for variable in sorted(unset)),
            *(Reason(key, FileProblem.WARNED) for key in warned.keys),
            *([Reason(TEXT, FileProblem.WARNED)] if warned.others else []),
            *(Reason(key, FileProblem.NAMES_UNKNOWN) for key in found.uncompared),
        ],
        found.stored,
    )


def _unusable(stored: dict[str, Any], path: PurePosixPath, name: str) -> Reason:
    services = [one.service for one in own_files.mounts(stored, "") if one.path == path]
    key = f"{services[0]}.volumes" if services else TEXT
    return Reason(key, FileProblem.MOUNT_UNUSABLE, {"path": f"./{path}", "workload": name})
