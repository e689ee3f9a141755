"""A container that somebody else started, and what became of it after Backstay adopted it."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import docker
import pytest
from docker.errors import NotFound

from db.states import Stage
from flows.dispatch import attempt, carry_out
from flows.requests import open_deploy
from flows.workloads.adoption import find_container, find_project, open_adoption
from tasks.adoption.look import Adoptable
from tasks.compose import cli
from tasks.failures import Failure
from tasks.job import Job
from tests.docker.fixtures import remove_workload
from tests.docker.scenario import ME, Scenario
from tests.real_parts import docker_address

OLD = "test.adoption"


@contextmanager
def strangers(client: docker.DockerClient, *workloads: str) -> Iterator[str]:
    """A value for the label OLD: what carries it, containers, volumes and networks, is gone afterwards, and so is what
    carries the workloads, which use the volumes by then."""
    mine = secrets.token_hex(4)
    try:
        yield mine
    finally:
        for name in workloads:
            remove_workload(client, name)
        of_it = {"label": f"{OLD}={mine}"}
        for container in client.containers.list(all=True, filters=of_it, ignore_removed=True):
            try:
                container.remove(force=True, v=True)
            except NotFound:
                continue
        for thing in [*client.volumes.list(filters=of_it), *client.networks.list(filters=of_it)]:
            try:
                thing.remove()
            except NotFound:
                continue


def lives(client: docker.DockerClient, container: str) -> tuple[str, str, int, str]:
    """What a restart, a new container, a new name or a new policy would change."""
    raw = client.api.inspect_container(container)
    return raw["Id"], raw["State"]["StartedAt"], raw["RestartCount"], raw["HostConfig"]["RestartPolicy"]["Name"]


def adopt(shop: Scenario, container: str) -> dict[str, Any]:
    """Adopt a container as the workload of the test; answers the row."""
    return carried_out(shop, find_container(shop.context, container, shop.name))


def adopt_project(shop: Scenario, project: str) -> dict[str, Any]:
    """Adopt a project as the workload of the test; answers the row."""
    return carried_out(shop, find_project(shop.context, project, shop.name))


def carried_out(shop: Scenario, found: Adoptable) -> dict[str, Any]:
    """Open the row and carry it out; answers it."""
    row, _, new = open_adoption(shop.context, found, ME)
    assert new
    carry_out(shop.context, row.id, "test-engine")
    return shop.row(row.version)


def start_project(shop: Scenario, project: str, file: str) -> None:
    """Start a compose file with Docker Compose, as somebody would."""
    program = cli.find(shop.context.settings)
    assert program is not None
    argv = [program.path, "--project-name", project, "--file", "-", "up", "--detach", "--wait"]
    environment = {"PATH": cli.SEARCH_PATH, "HOME": "/nonexistent", "DOCKER_HOST": docker_address()}
    done = subprocess.run(argv, input=file, env=environment, capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stderr


class DiedError(BaseException):
    """The engine, which tidies nothing up."""


def cut_off(shop: Scenario, stage: Stage) -> None:
    """A deploy by an engine that dies when the stage begins."""

    def call(begins: Stage, step: Any, job: Job) -> Failure | None:
        if begins is stage:
            raise DiedError
        return attempt(begins, step, job)

    deploy = open_deploy(shop.context, shop.name, ME)[0]
    with pytest.raises(DiedError):
        carry_out(shop.context, deploy.id, "engine-1", call=call)
