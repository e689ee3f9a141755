"""The CLI's line for an error, and its exit code: 2 for wrong usage, 1 for a failure, 130 for Ctrl-C.

One line, no traceback, and never an error's own text unless it is ours: that may hold a secret.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.sources.invalid_spec import Reason

_QUOTED = re.compile(r"(: )'.*' (is|does)\b", re.DOTALL)
_EXTRA = re.compile(r"(unexpected extra arguments?) \(.*\)", re.DOTALL)


def explain(error: BaseException) -> tuple[int, str]:
    """Return exit code and sentence."""
    from typer.exceptions import TyperException

    if isinstance(error, TyperException):
        return 2, _without_values(error.format_message())
    return _of_backstay(error) or _of_libraries(error) or (1, _unforeseen(error))


def _of_backstay(error: BaseException) -> tuple[int, str] | None:
    from db.access.accounts import UserExists
    from db.backup.archive import BackupRefused
    from db.connection import LedgerUnavailable
    from db.messages.sentences import sentence
    from flows.home_locks import AlreadyRunning
    from flows.refusals import Refusal
    from flows.supervisor.preflight import CannotStart
    from tasks.failures import Failure
    from tasks.sources.invalid_spec import InvalidSpec

    match error:
        case CannotStart():
            return 2, str(error)
        case AlreadyRunning():
            return 2, "an engine is already running on this HOME and host; stop it, or set BACKSTAY_HOME."
        case InvalidSpec():
            return 2, _all_of(error.reasons, error.allow)
        case UserExists():
            return 1, "a user of that name already exists; set another password with `backstay user password NAME`."
        case Refusal() | Failure() | LedgerUnavailable() | BackupRefused():
            return 1, f"{sentence(str(error.code))} ({error.code})"
        case _:
            return None


def _all_of(reasons: Sequence[Reason], allow: Sequence[str]) -> str:
    """Return every reason on a line of its own, and what permits what may be permitted."""
    lines = [f"{one.key} {one.clause}" for one in reasons]
    return "\n".join([*lines, *([f"to allow what can be allowed: allow: {json.dumps(list(allow))}"] if allow else [])])


def _of_libraries(error: BaseException) -> tuple[int, str] | None:
    from pydantic import ValidationError
    from sqlalchemy.exc import SQLAlchemyError

    match error:
        case ValidationError():
            first = error.errors(include_url=False, include_input=False)[0]
            return 2, f"BACKSTAY_{str(first['loc'][0]).upper()}: {first['msg'][:1].lower()}{first['msg'][1:]}"
        case SQLAlchemyError():
            return 1, _database_sentence()
        case OSError():
            where = f" ({error.filename})" if error.filename else ""
            why = os.strerror(error.errno) if error.errno else type(error).__name__
            return 1, f"{why}{where}"
        case _:
            return None


def _database_sentence() -> str:
    from sqlalchemy.exc import SQLAlchemyError

    from db.connection import Database, LedgerUnavailable
    from db.migrate import is_current
    from db.settings import load_settings

    try:
        database = Database(load_settings().ledger_url)
        current = is_current(database)
        database.close()
    except (SQLAlchemyError, LedgerUnavailable, ImportError, OSError):
        current = True
    if not current:
        return "the ledger is not set up for this version; run `backstay migrate`."
    return "the ledger's database cannot be used; run `backstay doctor` for details."


def _without_values(message: str) -> str:
    """Return the sentence without the user's values: they would be kept wherever the output of a build is kept."""
    return _QUOTED.sub(r"\1the value \2", _EXTRA.sub(r"\1", message))


def _unforeseen(error: BaseException) -> str:
    return f"Backstay had an internal error ({type(error).__name__}); the details are in HOME/logs/cli.jsonl."


def write_down(error: BaseException) -> None:
    """Log the place of an error that is not one of ours to HOME/logs/cli.jsonl.

    Not its text: it may quote a file or an argument with a secret unknown to the redactor.
    """
    from contextlib import suppress

    from db.settings import ensure_home, load_settings, secrets_in
    from tasks.logs.log import open_log, where
    from tasks.logs.redactor import Redactor

    with suppress(Exception):  # a second error here must not hide the first
        settings = load_settings()
        ensure_home(settings)
        redactor = Redactor()
        redactor.learn(secrets_in(settings))
        log = open_log("cli", settings.logs, redactor, quiet=True)
        log.error("the CLI ended", extra={"kind": type(error).__name__, "where": where(error)})
