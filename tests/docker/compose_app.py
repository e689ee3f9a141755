"""An app of compose files with one service, `web`, as the tests of its files drive it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from db import workloads
from tasks.compose import work
from tasks.context import Context
from tests.docker.git_servers import Repository, new_repository
from tests.docker.scenario import Scenario

ONE = """
services:
  web:
    image: %(image)s
    init: true
    environment: {COLOUR: "${COLOUR:-red}"}
    volumes: [%(volumes)s]
"""


class App:
    """A workload of compose files with one service, `web`."""

    def __init__(self, shop: Scenario, image: str) -> None:
        self.shop, self.image = shop, image
        self.health = {"running_s": 0.2, "timeout_s": 20}

    def text(self, *volumes: str, more: str = "") -> str:
        """A file with these mounts of `web`."""
        return ONE % {"image": self.image, "volumes": ", ".join(f'"{one}"' for one in volumes)} + more

    def create(self, *volumes: str, **spec: Any) -> None:
        """Add the workload as a text."""
        self.create_from({"kind": "compose", "text": self.text(*volumes)} | spec)

    def create_from(self, source: dict[str, Any]) -> None:
        """Add the workload."""
        self.shop.create_from(source, env={"COLOUR": "red"}, ports=[], health=self.health)

    def deploy(self, colour: str = "red") -> dict[str, Any]:
        """Deploy with another value of a variable, which must succeed."""
        self.shop.change(env={"COLOUR": colour})
        row = self.shop.deploy()
        assert row["status"] == "succeeded", self.shop.messages()
        return row

    def refused(self) -> str:
        """Deploy what must be refused; answers the newest sentence that is neither about the row nor what can be
        allowed."""
        row = self.shop.deploy()
        assert (row["status"], row["error_code"], row["stage"]) == ("failed", "invalid_source", "pin")
        newest = self.shop.messages()[1:3]
        return newest[1] if newest[0].startswith("To allow what can be allowed") else newest[0]

    def container(self, service: str = "web") -> Any:
        """The container of a service."""
        labels = [f"backstay.workload={self.shop.name}", f"backstay.service={service}"]
        (found,) = self.shop.docker.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
        return found

    def run(self, command: str, service: str = "web") -> str:
        """Run a command of the shell in the container; answers what it printed."""
        done = self.container(service).exec_run(["/bin/sh", "-c", command])
        assert done.exit_code == 0, done.output
        return str(done.output.decode())

    @property
    def files(self) -> Path:
        """Its lasting directory."""
        return self.shop.context.settings.home / "files" / self.shop.name


def of_repository(app: App, place: Path, files: dict[str, str | bytes], file: str = "compose.yaml") -> Repository:
    """The workload, from a repository."""
    repository = new_repository(place / "repository", files)
    app.create_from({"kind": "compose", "url": repository.url, "file": [file]})
    return repository


def start_engine_again(context: Context) -> None:
    """What an engine does with its directory before anything else."""
    work.clear(context)


def workload_id(app: App) -> int:
    """The id of the workload."""
    with app.shop.context.database.reading() as session:
        found = workloads.find(session, app.shop.name)
    assert found is not None
    return found.id
