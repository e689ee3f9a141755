"""The log of a build: a separate file in HOME/builds, free of secrets, bounded in size, readable while it grows.

Nothing of it goes into a database. The engine's own log gets a copy, up to a bound of its own.
"""

from __future__ import annotations

import re
import shutil
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from db.settings import Settings
from tasks.context import Context
from tasks.images.build_progress import LONGEST_LINE

SHOWN_OF_A_LONG_LINE = 8_192
AT_ONCE = 256 * 1024
_FLUSH_S = 2.0
_MOST_IN_ENGINE_LOG = 200_000
_TERMINAL = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def path_of(settings: Settings, workload_id: int, version: int) -> Path:
    """Return the path of the log of a version's build, if it had one."""
    return settings.builds / str(workload_id) / f"{version}.log"


class BuildLog:
    """Takes a build's output in arbitrary pieces and writes whole lines. A full disk loses lines, and nothing else. Of
    a log that grows too long, the beginning and the end are kept."""

    def __init__(self, context: Context, workload: str, workload_id: int, version: int) -> None:
        self._context, self._title = context, f"{workload} v{version}"
        self._begun = ""
        limit = context.settings.build_log_kb * 1000
        self._room, self._tail_room = limit * 3 // 4, limit // 4
        self._tail: deque[str] = deque()
        self._tail_size = self._left_out = 0
        self._waiting: list[str] = []
        self._told, self._told_at = 0, time.monotonic()
        self._file = _opened(path_of(context.settings, workload_id, version))

    def write(self, text: str) -> None:
        """Add a piece of output."""
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._line(line)
        # The rest is dropped up to the end of the line, and even less is shown, so no secret is cut in two.
        self._begun = self._begun[: LONGEST_LINE + 1]

    def say(self, sentence: str) -> None:
        """Add a line of our own."""
        if self._begun:
            self.write("\n")
        self.write(f"{sentence}\n")

    def close(self) -> None:
        """Write the remaining lines."""
        if self._begun:
            self.write("\n")
        if self._left_out:
            self._put(f"[{self._left_out} lines were left out]")
        for line in self._tail:
            self._put(line)
        self._tell()
        if self._file is not None:
            with suppress(OSError):
                self._file.close()

    def _line(self, raw: str) -> None:
        long = len(raw) > LONGEST_LINE
        # A progress bar rewrites its line: the last version counts.
        shown = _CONTROL.sub("", _TERMINAL.sub("", raw.rstrip("\r").rpartition("\r")[2]))
        clean = self._context.redactor.clean(shown)
        line = f"{clean[:SHOWN_OF_A_LONG_LINE]} […]" if long else clean
        size = len(line.encode()) + 1
        if self._room >= size and not self._tail:
            self._room -= size
            self._put(line)
        else:
            self._room = 0
            self._keep(line, size)

    def _keep(self, line: str, size: int) -> None:
        self._tail.append(line)
        self._tail_size += size
        while self._tail_size > self._tail_room:
            self._tail_size -= len(self._tail.popleft().encode()) + 1
            self._left_out += 1

    def _put(self, line: str) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.write(f"{line}\n".encode())
                self._file.flush()
        self._waiting.append(line)
        if time.monotonic() - self._told_at >= _FLUSH_S:
            self._tell()

    def _tell(self) -> None:
        output = "\n".join(self._waiting)
        self._waiting.clear()
        self._told_at = time.monotonic()
        if output and self._told < _MOST_IN_ENGINE_LOG:
            self._told += len(output)
            self._context.log.info("build of %s", self._title, extra={"output": output})


def _opened(path: Path) -> IO[bytes] | None:
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path.open("wb")
    return None


@dataclass(frozen=True)
class Piece:
    """Part of a log: its text, the offset (bytes) after it, and whether it was the last one when read."""

    text: str
    offset: int
    at_end: bool


def read(settings: Settings, workload_id: int, version: int, offset: int) -> Piece:
    """Return whole lines from an offset where an earlier piece ended, a part at a time. Empty without a log."""
    try:
        with path_of(settings, workload_id, version).open("rb") as file:
            file.seek(offset)
            raw = file.read(AT_ONCE)
            at_end = not file.read(1)
    except OSError:
        return Piece("", 0, True)
    whole = raw if at_end and raw.endswith(b"\n") else raw[: raw.rfind(b"\n") + 1]
    return Piece(whole.decode(errors="replace"), offset + len(whole), at_end)


def prune(settings: Settings, workload_id: int, versions: Collection[int]) -> None:
    """Remove the logs of a workload's versions other than these; all of them when none are given."""
    directory = settings.builds / str(workload_id)
    if not versions:
        shutil.rmtree(directory, ignore_errors=True)
        return
    kept = {f"{version}.log" for version in versions}
    for path in directory.glob("*.log"):
        if path.name not in kept:
            path.unlink(missing_ok=True)
