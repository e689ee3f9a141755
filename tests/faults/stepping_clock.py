"""Run as a program: deploys twice and rolls back while the clock is set between the request and the end.

The program reads the time through tasks.context.now, which is replaced here before any other module takes it over.
Arguments: HOME, Docker's address, name and port of the workload, an image, seconds to step by. Prints the rows as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tasks import context as time_source

_step = timedelta()


def _stepped() -> datetime:
    return datetime.now(UTC) + _step


time_source.now = _stepped

from db.migrate import upgrade  # noqa: E402
from db.settings import Settings  # noqa: E402
from db.states import Stage  # noqa: E402
from flows import requests  # noqa: E402
from flows.dispatch import attempt, carry_out  # noqa: E402
from flows.upkeep.reconcile import reconcile  # noqa: E402
from flows.workloads import lifecycle  # noqa: E402
from tasks.context import Context  # noqa: E402
from tasks.failures import Failure  # noqa: E402
from tasks.job import Job  # noqa: E402
from tests.docker.scenario import ME, Scenario  # noqa: E402


def step(seconds: float) -> None:
    """Set the clock, this far from the right time."""
    global _step  # noqa: PLW0603 - it is the clock
    _step = timedelta(seconds=seconds)


def stepping_at(stage: Stage, seconds: float) -> Callable[[Stage, Callable[[Job], None], Job], Failure | None]:
    """A choke point's call that sets the clock when a stage begins."""

    def call(begins: Stage, action: Callable[[Job], None], job: Job) -> Failure | None:
        if begins is stage:
            step(seconds)
        return attempt(begins, action, job)

    return call


def main(home: str, docker_host: str, name: str, port: str, image: str, seconds: str) -> None:
    """The scenario."""
    by = float(seconds)
    context = Context.open(Settings(home=Path(home), docker_host=docker_host), "clock", quiet=True)
    upgrade(context.database)
    spec = {"ports": [{"container": 8080, "host": int(port)}], "stop_timeout_s": 2, "env": {"N": "1"}}
    lifecycle.create(context, {"name": name, "source": {"kind": "image", "image": image}} | spec, "tester")

    first = requests.open_deploy(context, name, ME)[0]
    step(by)  # between the request and the claim
    carry_out(context, first.id, "engine")
    step(0)
    lifecycle.change(context, name, {"env": {"N": "2"}}, "tester")
    second = requests.open_deploy(context, name, ME)[0]
    carry_out(context, second.id, "engine", call=stepping_at(Stage.HEALTH, by))
    back = requests.open_rollback(context, name, ME, 1)[0]
    step(0)
    carry_out(context, back.id, "engine")

    orphan = requests.open_deploy(context, name, ME)[0]
    step(by)  # the process that asked is gone, and the clock is elsewhere
    reconcile(context, "engine")
    assert orphan.version == 4
    step(0)
    print(json.dumps(Scenario(context, None, name, int(port)).rows()))  # type: ignore[arg-type]
    context.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
