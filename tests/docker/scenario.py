"""A workload on a real Docker Engine, driven through the one way in and the choke point, without Prefect between."""

from __future__ import annotations

import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

import docker

from db import event_log, history, ledger
from db.access.accounts import put_registry
from db.models import Deploy
from db.states import ErrorCode, Trigger
from flows.dispatch import carry_out
from flows.requests import Asked, open_deploy, open_rollback
from flows.shapes.deploys import row
from flows.upkeep import removal as engine_removal
from flows.workloads import lifecycle, removal
from tasks.context import Context, now
from tests.real_parts import wait_until

ME = Asked(Trigger.CLI, "tester")


@dataclass
class Scenario:
    """Verbs for a test. `port` is where the workload is published."""

    context: Context
    docker: docker.DockerClient
    name: str
    port: int
    steps: list[str] = field(default_factory=list)

    def create(self, image: str, **spec: Any) -> None:
        """Add the workload, of an image."""
        self.create_from({"kind": "image", "image": image}, **spec)

    def create_from(self, source: dict[str, Any], **spec: Any) -> None:
        """Add the workload, of any source."""
        given = {"ports": [{"container": 8080, "host": self.port}], "stop_timeout_s": 2} | spec
        lifecycle.create(self.context, {"name": self.name, "source": source} | given, "tester")

    def change(self, **patch: Any) -> None:
        """Change the spec."""
        lifecycle.change(self.context, self.name, patch, "tester")

    def deploy(self, image: str | None = None, ref: str | None = None) -> dict[str, Any]:
        """Deploy to the end; answers the row."""
        return self._carry_out(open_deploy(self.context, self.name, ME, image, ref)[0])

    def rollback(self, version: int | None = None) -> dict[str, Any]:
        """Roll back to the end; answers the row."""
        return self._carry_out(open_rollback(self.context, self.name, ME, version)[0])

    def know_registry(self, host: str, username: str, password: str) -> None:
        """Store credentials."""
        with self.context.database.writing() as session:
            put_registry(session, host, username, self.context.vault.lock(password), now())

    def fail(self) -> None:
        """A deploy that ends badly before it touches anything: as quick as a row can come."""
        opened, _, _ = open_deploy(self.context, self.name, ME)
        with self.context.database.writing() as session:
            ledger.fail(session, opened.id, ErrorCode.HEALTH_TIMEOUT, "f" * 16, now())

    def remove(self) -> None:
        """Remove the workload, as its engine does."""
        asked = removal.mark(self.context, self.name, "tester")
        assert engine_removal.carry_out(self.context, asked.workload_id, self.name) == "removed"

    def row(self, version: int) -> dict[str, Any]:
        """The row of a version."""
        return next(one for one in self.rows() if one["version"] == version)

    def has_image(self, row: dict[str, Any]) -> bool:
        """Whether the host has the image of a row."""
        return self.context.docker.images.inspect(row["pin"]["image_id"]) is not None

    def every_row(self) -> list[dict[str, Any]]:
        """The whole history, newest first."""
        return self.rows(limit=1000)

    def rows(self, limit: int = 50) -> list[dict[str, Any]]:
        """The history, newest first."""
        with self.context.database.reading() as session:
            workload = lifecycle.workloads.find(session, self.name)
            assert workload is not None
            live = history.live(session, workload.id)
            return [
                row(one, self.name, live, "http://prefect") for one in history.page(session, workload.id, limit=limit)
            ]

    def held(self) -> list[dict[str, Any]]:
        """The pins that no automatic deploy shall bring back."""
        with self.context.database.reading() as session:
            workload = lifecycle.workloads.find(session, self.name)
            assert workload is not None
            return list(workload.held_pins)

    def messages(self) -> list[str]:
        """The event log, newest first."""
        with self.context.database.reading() as session:
            workload = lifecycle.workloads.find(session, self.name)
            assert workload is not None
            return [event.message for event in event_log.page(session, workload.id)]

    def served(self, path: str = "/") -> str:
        """What the published port answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def served_at_last(self, path: str = "/") -> str:
        """What the published port answers as soon as it does: nobody waits for a service without a health check."""
        answers: list[str] = []

        def answered() -> bool:
            with suppress(OSError, HTTPException):
                answers.append(self.served(path))
            return bool(answers)

        wait_until(answered, 15, f"nobody answers at {self.port}: {self.containers()}")
        return answers[-1]

    def containers(self) -> dict[str, str]:
        """Name -> state of the workload's containers."""
        of_it = {"label": f"backstay.workload={self.name}"}
        found = self.docker.containers.list(all=True, filters=of_it, ignore_removed=True)
        return {str(one.name): str(one.status) for one in found}

    def _carry_out(self, deploy: Deploy) -> dict[str, Any]:
        carry_out(self.context, deploy.id, "test-engine")
        return next(one for one in self.rows() if one["version"] == deploy.version)
