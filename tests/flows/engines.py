"""An engine as `backstay up` runs it: a process of its own over a HOME, beside a context that asks it for things."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import docker
import httpx

from db.models import Deploy
from db.states import FINAL
from flows.requests import request_deploy, request_rollback
from flows.supervisor.programs import client_env, is_announced
from tests.docker.scenario import ME, Scenario
from tests.real_parts import running, wait_until

ENDS_WITHIN_S = 60


@dataclass
class Through(Scenario):
    """The scenario, but each request goes the way of a user's: ledger, Prefect, engine."""

    def deploy(self, image: str | None = None) -> dict[str, Any]:
        """Ask for a deploy and wait for its end."""
        return self.ended(request_deploy(self.context, self.name, ME, image))

    def rollback(self, version: int | None = None) -> dict[str, Any]:
        """Ask for a rollback and wait for its end."""
        return self.ended(request_rollback(self.context, self.name, ME, version))

    def ended(self, deploy: Deploy) -> dict[str, Any]:
        """The row of a deploy when it has its final status."""
        self.wait(deploy.version, lambda row: row["status"] in FINAL)
        return self.row(deploy.version)

    def wait(self, version: int, until: Callable[[dict[str, Any]], bool]) -> None:
        """Wait until the row of a version is as it should be."""
        wait_until(lambda: until(self.row(version)), ENDS_WITHIN_S, lambda: f"still {self.row(version)}")

    def prefect(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask Prefect's API, as its UI does; again while its SQLite is busy."""
        user, _, password = os.environ["PREFECT_API_AUTH_STRING"].partition(":")
        answers: list[httpx.Response] = []

        def answered() -> bool:
            url = f"{self.context.settings.api_url}{path}"
            answers.append(httpx.request(method, url, json=body, auth=(user, password), timeout=30))
            return answers[-1].status_code != httpx.codes.SERVICE_UNAVAILABLE

        wait_until(answered, 20, "Prefect stays busy")
        answer = answers[-1]
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def run_state(self, row: dict[str, Any]) -> tuple[str, str]:
        """State type and message of a row's flow run."""
        state = self.prefect("GET", f"/flow_runs/{row['flow_run_id']}")["state"]
        return state["type"], state["message"]

    @contextmanager
    def engine(self) -> Iterator[Any]:
        """A running engine; gives its process."""
        settings = self.context.settings
        command = [sys.executable, "-P", "-m", "flows.cli", "engine"]
        log = settings.logs / "engine-output"
        started: list[int] = []

        def ready() -> bool:
            return any(is_announced(settings, pid) for pid in started)  # another test's house has an engine, too

        def note_and_look() -> bool:
            started[:] = [int(one) for one in _children_of_this(command)]
            return ready()

        with running(
            command, log=log, ready=note_and_look, within_s=60, environment=client_env(settings, os.environ)
        ) as process:
            yield process


def _children_of_this(command: list[str]) -> list[int]:
    import psutil

    return [child.pid for child in psutil.Process().children() if child.cmdline()[-2:] == command[-2:]]


def containers_of(client: docker.DockerClient, name: str) -> list[str]:
    """Ids of the containers of a workload."""
    return [
        one.id or ""
        for one in client.containers.list(all=True, filters={"label": f"backstay.workload={name}"}, ignore_removed=True)
    ]
