"""The engine, with steps that break as libraries do: with secrets in the text of what they raise, warn of and log.

A workload asks for it by its environment, BREAK="<stage>:<how>". Run as `python -m tests.faults.leaking_engine`.
"""

from __future__ import annotations

import base64
import errno
import logging
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import docker.errors
import requests.exceptions
import sqlalchemy.exc

from db.states import ErrorCode, Stage
from flows import dispatch
from flows.cli.app import main
from tasks.docker.client import DockerEngine
from tasks.job import Job
from tests.faults.leak_search import forms_of

SHOWN = ("plain", "line", "url", "json", "repr", "html", "hex")


def text_of(job: Job) -> str:
    """All secrets of the work in all forms, as one text without an order to it."""
    found = []
    for secret in job.secrets.values():
        found += [look.decode() for name in SHOWN for look in forms_of(secret)[name]]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found += [encode(b"x" * before + secret.encode() + b"y" * 5).decode() for before in range(3)]
        found.append(f"cannot get https://someone:{secret}@registry.example/v2/ with password={secret}")
    return " | ".join(found)


def _docker(_job: Job, text: str) -> None:
    raise docker.errors.APIError("500 Server Error", explanation=text)


def _requests(_job: Job, text: str) -> None:
    raise requests.exceptions.ConnectionError(f"Max retries exceeded with url: /{text}")


def _sqlalchemy(job: Job, text: str) -> None:
    raise sqlalchemy.exc.StatementError(text, "INSERT :secret", dict(job.secrets), ValueError(text))


def _os(_job: Job, text: str) -> None:
    raise OSError(errno.EIO, text, f"/tmp/{text}")


def _value(_job: Job, text: str) -> None:
    error = ValueError(text)
    error.add_note(text)
    raise error from KeyError(text)


def _unprintable(_job: Job, text: str) -> None:
    class UnprintableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError(text)

    raise UnprintableError(text)


def _engine(job: Job, text: str) -> None:
    engine: Any = job.context.docker
    assert isinstance(engine, DockerEngine)
    engine._connection.ask("create", lambda _: _docker(job, text), ErrorCode.CREATE_FAILED)


def _talk(_job: Job, text: str) -> None:
    """No failure at all, but everybody else's loggers, warnings and threads have something to say."""
    logging.getLogger("urllib3.connectionpool").warning("Retrying: %s", text)
    logging.getLogger("prefect.somewhere").error("oh: %s", text)
    logging.getLogger("asyncio").error("never retrieved", exc_info=ValueError(text))
    warnings.warn(text, stacklevel=1)
    thread = threading.Thread(target=_value, args=(_job, text))
    thread.start()
    thread.join()


HOWS: dict[str, Callable[[Job, str], None]] = {
    "docker": _docker,
    "requests": _requests,
    "sqlalchemy": _sqlalchemy,
    "os": _os,
    "value": _value,
    "unprintable": _unprintable,
    "engine": _engine,
    "talk": _talk,
}


def break_if_asked(stage: Stage, job: Job) -> None:
    """Raise what the workload asks for at this stage."""
    at, _, how = job.release.get("env", {}).get("BREAK", "").partition(":")
    if at == stage:
        HOWS[how](job, text_of(job))


def _leaky(stage: Stage, step: Callable[[Job], None]) -> Callable[[Job], None]:
    def step_that_breaks(job: Job) -> None:
        if stage is Stage.PIN:  # before it nobody in this process has seen a secret
            step(job)
            break_if_asked(stage, job)
        else:
            break_if_asked(stage, job)
            step(job)

    return step_that_breaks


def install() -> None:
    """Wrap every stage."""
    for stage, step in dispatch.STEPS.items():
        dispatch.STEPS[stage] = _leaky(stage, step)


if __name__ == "__main__":
    install()
    sys.exit(main(["engine"]))
