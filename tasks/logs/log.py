"""The structured log: one JSON object per line in HOME/logs, the same in words on stderr, both through the redactor.

The only place where the detail of a failure is written. `guard_streams` passes other output to these streams, warnings
and a library's own logging, through the redactor as well.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import traceback
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from tasks.logs.redactor import Redactor

MAX_BYTES = 5_000_000
BACKUPS = 3
_STANDARD = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime", "taskName"}


class _Formatter(logging.Formatter):
    def __init__(self, redactor: Redactor, as_json: bool) -> None:
        super().__init__()
        self._redactor, self._as_json = redactor, as_json

    def format(self, record: logging.LogRecord) -> str:
        """Return one redacted line."""
        fields = {key: value for key, value in record.__dict__.items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            fields["error"] = describe(record.exc_info[1])
        # Each value is cleaned before it is escaped: JSON's own escapes would hide a secret from the redactor.
        clean = {key: self._redactor.clean(str(value)) for key, value in fields.items()}
        message = self._redactor.clean(record.getMessage())
        if not self._as_json:
            words = " ".join(f"{key}={value}" for key, value in clean.items())
            return " ".join(part for part in (record.levelname.lower(), message, words.replace("\n", " ⏎ ")) if part)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {"ts": moment.replace("+00:00", "Z"), "level": record.levelname.lower(), "message": message, **clean},
            ensure_ascii=False,
        )


class LogFile(RotatingFileHandler):
    """A log file that never reports its own errors: on a full or read-only disk its lines are lost, nothing else.

    The standard handler would print a traceback for each of them.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging calls it so
        """Drop the line."""


def open_log(name: str, directory: Path | None, redactor: Redactor, *, quiet: bool = False) -> logging.Logger:
    """Return the logger `backstay.<name>`, writing to directory/<name>.jsonl (if given) and, unless quiet, stderr."""
    logger = logging.getLogger(f"backstay.{name}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for old in list(logger.handlers):
        logger.removeHandler(old)
        old.close()
    if directory is not None:
        file = LogFile(
            directory / f"{name}.jsonl", maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8", delay=True
        )
        _attach(logger, file, redactor, as_json=True)
    if not quiet:
        _attach(logger, logging.StreamHandler(sys.stderr), redactor, as_json=False)
    return logger


def _attach(logger: logging.Logger, handler: logging.Handler, redactor: Redactor, as_json: bool) -> None:
    handler.setFormatter(_Formatter(redactor, as_json))
    # If the disk is full, say, the line is lost. Python's own report would contain the whole traceback.
    handler.handleError = lambda record: None  # type: ignore[method-assign]
    logger.addHandler(handler)


class _Guard:
    """A stream that writes whole, redacted lines. Text not yet ended by a newline waits for one, or for a flush."""

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream, self._redactor = stream, redactor
        self._lock = threading.RLock()
        self._begun = ""

    def write(self, text: str) -> int:
        """Keep the text until its line is complete."""
        with self._lock:
            lines, newline, self._begun = (self._begun + text).rpartition("\n")
            if newline:
                self._stream.write(self._redactor.clean(lines) + newline)
        return len(text)

    def flush(self) -> None:
        """Write the pending text."""
        with self._lock:
            self._stream.write(self._redactor.clean(self._begun))
            self._begun = ""
            self._stream.flush()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


def guard_streams(redactor: Redactor) -> None:
    """Pass everything that this process prints from now on through the redactor."""
    sys.stdout, sys.stderr = (_Guard(stream, redactor) for stream in (sys.stdout, sys.stderr))


def describe(error: BaseException) -> str:
    """Return the exception's type, text and the lines of the stack: for the log only, where the redactor cleans it."""
    try:
        words = str(error)
    except Exception:
        words = "(no text)"
    return f"{type(error).__name__}: {words} at {where(error)}"


def where(error: BaseException) -> str:
    """Return the lines of the stack, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-6:]))
