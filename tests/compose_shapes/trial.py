"""Trying a shape: the product's own way of a deploy as far as its pin, where all that can be refused has been.

No container is started and no registry asked: see EmptyEngine.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from db import event_log, workloads
from db.models import Event
from db.states import ErrorCode, Stage, Trigger
from flows.dispatch import attempt, carry_out
from flows.requests import Asked, open_deploy
from flows.workloads import lifecycle
from tasks.context import Context
from tasks.failures import Failure
from tasks.job import Job
from tests.compose_shapes.table import Outcome, Shape
from tests.docker.git_servers import new_repository

ME = Asked(Trigger.CLI, "tester")
# Refusals that `source.allow` ends, and the one that a file in the app's directory ends.
ALLOWED_BY_KEY = {"compose_refused", "compose_mount_inside", "compose_mount_of_source"}
MISSING_FILES = "compose_files_missing"
REGISTRY = "registry.example/"


class EmptyEngine:
    """A Docker Engine without containers, beside a registry that has every image of its own."""

    def __init__(self) -> None:
        self.containers = self.images = self

    def list_all(self) -> list[Any]:
        """No container, no image."""
        return []

    def registry_digest(self, reference: str, credentials: object) -> str:
        """Any image, but for those that somebody has to build."""
        if not reference.startswith(REGISTRY):
            raise Failure(ErrorCode.REFERENCE_NOT_FOUND, "image")
        return f"sha256:{'5' * 64}"

    def find(self, installation: str) -> list[Any]:
        """No container of the installation either."""
        return []

    def inspect(self, reference: str) -> None:
        """The host has no image."""


class Trial:
    """One installation in which shapes are tried, each time as a new app."""

    def __init__(self, context: Context, place: Path) -> None:
        self._context = dataclasses.replace(context, docker=EmptyEngine())  # type: ignore[arg-type]
        self._place, self._count = place, 0

    def outcome(self, shape: Shape, way: str) -> Outcome:
        """How a shape goes in, when a person does what each refusal says."""
        source = {"text": shape.text} if way == "text" else {"url": self._repository(shape), "file": [shape.at]}
        allow: list[str] = []
        bring: list[str] = []
        while refusals := self._refusals(shape, source | {"allow": allow}, bring):
            before = len(allow) + len(bring)
            for one in refusals:
                params = one.params or {}
                if one.code in ALLOWED_BY_KEY:
                    allow += [key for key in params["keys"] if key not in allow]
                elif one.code == MISSING_FILES:
                    bring += [path for path in params["paths"] if path not in bring]
                else:
                    return Outcome(edit=str(one.code), keys=tuple(params.get("keys", ())))
            assert len(allow) + len(bring) > before, "what the refusal says does not help"
        return Outcome(tuple(allow), tuple(bring))

    def _refusals(self, shape: Shape, source: dict[str, Any], bring: list[str]) -> list[Event]:
        """Deploy as far as the pin; return the lines of the event log that say why not, none if it is accepted."""
        name = f"shape-{self._count}"
        self._count += 1
        for path in bring:
            place = self._context.settings.files / name / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("brought\n")
        spec = {"name": name, "source": {"kind": "compose"} | source, "env": dict(shape.env)}
        lifecycle.create(self._context, spec | {"secrets": dict.fromkeys(shape.secrets, "s3cr3t")}, "tester")
        opened, _, _ = open_deploy(self._context, name, ME)
        code = carry_out(self._context, opened.id, "engine", call=_only_pin)
        if code == ErrorCode.CANCELLED:
            return []
        assert code in {ErrorCode.INVALID_SOURCE, ErrorCode.REFERENCE_NOT_FOUND}, code
        with self._context.database.reading() as session:
            workload = workloads.find(session, name)
            assert workload is not None
            lines = event_log.page(session, workload.id)
        told = [one for one in reversed(lines) if one.level == "error" and _is_reason(str(one.code))]
        return told or [Event(code=str(code), params={})]

    def _repository(self, shape: Shape) -> str:
        return new_repository(self._place / f"{shape.name}-{self._count}", {shape.at: shape.text, **shape.beside}).url


def _only_pin(stage: Stage, step: Any, job: Job) -> Failure | None:
    """Run the first stage; then end the deploy as if it were cancelled, before anything is changed."""
    return attempt(stage, step, job) if stage is Stage.PIN else Failure(ErrorCode.CANCELLED, "trial")


def _is_reason(code: str) -> bool:
    return code.startswith("compose_") and code != "compose_allow"  # which repeats what may be allowed
