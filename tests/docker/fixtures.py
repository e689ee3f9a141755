"""A real Docker Engine with real registries: what tests make on it carries a label and is gone at the end.

A plugin that every layer has. What costs time to import is imported where it is used.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from tests.real_parts import docker_address, real_part

if TYPE_CHECKING:
    import docker

    from tests.docker.images import Images
    from tests.docker.registries import RegistryServer


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """A client of the Engine, for looking at what the product did to it."""
    import docker

    real_part("engine")
    client = docker.DockerClient(base_url=docker_address(), timeout=60)
    yield client
    client.close()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """An open registry."""
    from tests.docker.registries import serving

    real_part("registry")
    with serving(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def private_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryServer]:
    """A registry that wants a login; its `username` and `password` are the right ones."""
    from tests.docker.registries import serving

    real_part("registry")
    with serving(tmp_path_factory.mktemp("private-registry"), "puller", secrets.token_urlsafe(12)) as server:
        yield server


@pytest.fixture(scope="session")
def all_images(docker_client: docker.DockerClient) -> Iterator[Images]:
    """The images of the session."""
    from tests.docker.images import Images

    real_part("busybox")
    images = Images(docker_client, secrets.token_hex(4))
    yield images
    images.remove_all()


@pytest.fixture
def images(all_images: Images, request: pytest.FixtureRequest) -> Images:
    """Builds test images; knows the login of the private registry once a test uses it."""
    if "private_registry" in request.fixturenames:
        private: RegistryServer = request.getfixturevalue("private_registry")
        all_images.logins[private.address] = {"username": private.username, "password": private.password}
    return all_images


@pytest.fixture
def workload_name(docker_client: docker.DockerClient) -> Iterator[str]:
    """A name that no other workload has; all that carries it is gone afterwards."""
    name = f"t-{secrets.token_hex(3)}"
    yield name
    remove_workload(docker_client, name)


def remove_workload(client: docker.DockerClient, name: str) -> None:
    """Remove the containers, volumes, networks and images that are labelled with a workload."""
    from docker.errors import NotFound

    of_it = {"label": f"backstay.workload={name}"}
    for container in client.containers.list(all=True, filters=of_it, ignore_removed=True):
        with suppress(NotFound):
            container.remove(force=True, v=True)
    for thing in [*client.volumes.list(filters=of_it), *client.networks.list(filters=of_it)]:
        with suppress(NotFound):
            thing.remove()
    # Not `images.list`, which asks for each once more and fails when another test has removed it meanwhile.
    for labelled in (of_it, {"label": f"backstay.built-for={name}"}):
        for image in client.api.images(filters=labelled):
            with suppress(NotFound):
                client.images.remove(image["Id"], force=True)


def left_over(client: docker.DockerClient, name: str) -> list[str]:
    """Names of the containers of a workload that are there, running or not."""
    found = client.containers.list(all=True, filters={"label": f"backstay.workload={name}"}, ignore_removed=True)
    return sorted(str(container.name) for container in found)
