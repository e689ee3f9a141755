"""The output of `backstay up`: each child's lines under its name, in its colour, and the same in HOME/logs/{name}.log.

Every line passes the redactor. Noise (Prefect's greeting) goes to the file alone, not to the screen.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from tasks.logs.log import LogFile
from tasks.logs.redactor import Redactor

MAX_BYTES = 2_000_000
BACKUPS = 2
WIDTH = len("backstay")
COLOURS = {"prefect": "35", "engine": "36", "web": "32", "backstay": "1"}
# Prefect's greeting: large letters made of strokes and advice for a start by hand.
_BANNER = re.compile(r"^[\s_|/\\()-]*$")
_GREETINGS = (
    "Configure Prefect to communicate",
    "prefect config set",
    "View the API reference",
    "Check out the dashboard",
    "Server stopped!",
)
# The traceback after Prefect's own error line: pages for one busy moment of its SQLite.
_TRACEBACK = re.compile(
    r"^(\s|Traceback|The above exception|During handling|\[SQL|\[parameters|\(Background|[\w.]+(Error|Exception)\b)"
)
_CONTROL = {code: None for code in range(32) if chr(code) != "\t"} | {127: None}
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Output:
    """The screen and the log files of one `up`. Safe to use from several threads."""

    def __init__(self, logs: Path, secrets: Iterable[str], stream: TextIO | None = None) -> None:
        self._logs = logs
        self._stream = stream or sys.stdout
        self._colour = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._lock = threading.Lock()
        self._files: dict[str, logging.Handler] = {}
        self._redactor = Redactor()
        self._redactor.learn(secrets)

    def child(self, name: str, line: str) -> None:
        """Print and log a line of a child."""
        clean = self._redactor.clean(plain(line))
        with self._lock, contextlib.suppress(OSError):
            self._file(name).emit(_record(name, clean))
        if not is_noise(name, clean):
            self._print(name, clean)

    def say(self, line: str) -> None:
        """Print and log a line of `up` itself."""
        self._print("backstay", line)

    def show(self, text: str) -> None:
        """Print text unchanged, without a prefix: it may hold a login, and goes to the screen only."""
        self._write(text + "\n")

    def close(self) -> None:
        """Close the log files."""
        with self._lock:
            for handler in self._files.values():
                handler.close()
            self._files.clear()

    def _print(self, name: str, line: str) -> None:
        label = f"{name:<{WIDTH}} |"
        if self._colour:
            label = f"\x1b[{COLOURS.get(name, '0')}m{label}\x1b[0m"
        self._write(f"{label} {line}\n")

    def _write(self, text: str) -> None:
        # The terminal may be closed by now, which must not stop us; ValueError is a closed stream.
        with self._lock, contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()

    def _file(self, name: str) -> logging.Handler:
        if name not in self._files:
            handler = LogFile(self._logs / f"{name}.log", maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            self._files[name] = handler
        return self._files[name]


def plain(line: str) -> str:
    """Remove colours and control characters, which could rewrite the terminal, from a line."""
    return _ESCAPES.sub("", line).translate(_CONTROL).rstrip()


def is_noise(name: str, line: str) -> bool:
    """Return whether a line is of no use to a person."""
    if not line.strip():
        return True
    if name != "prefect":
        return False
    return bool(_BANNER.match(line) or _TRACEBACK.match(line)) or line.strip().startswith(_GREETINGS)


def _record(name: str, line: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.INFO, "", 0, line, (), None)
