"""What the tests on a real Docker Engine begin with: a ledger of their own, one workload, and names in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from db.migrate import upgrade
from db.settings import Settings
from tasks.context import Context
from tests.docker.building import Building
from tests.docker.compose_app import App
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import Scenario
from tests.real_parts import free_port


@pytest.fixture
def context(settings: Settings) -> Iterator[Context]:
    """A context over an empty ledger."""
    context = Context.open(settings, "test", quiet=True)
    upgrade(context.database)
    yield context
    context.close()


@pytest.fixture
def shop(context: Context, docker_client: docker.DockerClient, workload_name: str) -> Scenario:
    """The workload of the test."""
    return Scenario(context, docker_client, workload_name, free_port())


@pytest.fixture
def building(
    context: Context, tmp_path: Path, docker_client: docker.DockerClient, images: Images, workload_name: str
) -> Iterator[Building]:
    """Builds of a directory; there is an image to build on."""
    building = Building(context, docker_client, images, workload_name, tmp_path / "building")
    images.build_base(building.base)
    yield building
    images.forget(building.tag)
    images.forget(building.base)


@pytest.fixture
def tag(registry: RegistryServer, workload_name: str) -> Callable[[str], str]:
    """Names an image of this test in the registry."""
    return lambda version: f"{registry.address}/{workload_name}:{version}"


@pytest.fixture
def app(shop: Scenario, images: Images, registry: RegistryServer) -> App:
    """A workload of compose files."""
    image = f"{registry.address}/{shop.name}/web:1"
    images.publish(image, "web")
    return App(shop, image)
