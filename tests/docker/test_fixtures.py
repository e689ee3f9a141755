"""The ground that the other engine tests stand on does what it says."""

from __future__ import annotations

import logging

import docker
import httpx
import pytest
from docker.errors import APIError, ImageNotFound

from tasks.docker.client import DockerEngine
from tests.docker.fixtures import left_over, remove_workload
from tests.docker.images import BEHAVIOURS, LABEL, Images, bring_to_its_end
from tests.docker.registries import RegistryServer
from tests.real_parts import docker_address, free_port, wait_until


def start(client: docker.DockerClient, image: str, name: str, **options: object) -> object:
    """Run an image as the product would name and label it."""
    return client.containers.run(
        image, detach=True, init=True, name=f"{name}-1", labels={"backstay.workload": name}, **options
    )


def test_a_published_image_is_pulled_and_serves_its_page(
    docker_client: docker.DockerClient, registry: RegistryServer, images: Images, workload_name: str
) -> None:
    published = images.publish(registry.reference(f"{workload_name}:1"), page="hello from v1")
    with pytest.raises(ImageNotFound):
        docker_client.images.get(published.image_id)
    by_digest = f"{registry.reference(workload_name)}@{published.digest}"
    assert docker_client.images.pull(by_digest).id == published.image_id
    assert registry.digest(workload_name, "1") == published.digest

    port = free_port()
    container = start(docker_client, by_digest, workload_name, ports={"8080/tcp": ("127.0.0.1", port)})
    assert container.labels[LABEL] == images.session  # type: ignore[attr-defined]
    url = f"http://127.0.0.1:{port}"

    def serves() -> bool:
        try:
            return httpx.get(url).text == "hello from v1"
        except httpx.TransportError:
            return False

    wait_until(serves, 10, "the page did not come")
    assert httpx.get(f"{url}/healthz").status_code == 200


def test_other_content_is_another_image_and_the_same_content_the_same(images: Images, workload_name: str) -> None:
    first = images.build(f"{workload_name}:1", page="v1")
    assert images.build(f"{workload_name}:again", page="v1") == first
    assert images.build(f"{workload_name}:2", page="v2") != first
    assert images.build(f"{workload_name}:3", page="v1", behaviour="broken_health") != first


@pytest.mark.parametrize(
    ("behaviour", "limit", "exit_code", "out_of_memory"),
    [("exits", None, 3, False), ("eats_memory", "32m", 137, True), ("exits_when_told", None, 4, False)],
)
def test_a_container_ends_as_its_behaviour_says(
    docker_client: docker.DockerClient,
    images: Images,
    workload_name: str,
    behaviour: str,
    limit: str | None,
    exit_code: int,
    out_of_memory: bool,
) -> None:
    image = images.build(f"{workload_name}:1", behaviour=behaviour)
    options = {"mem_limit": limit, "memswap_limit": limit} if limit else {}
    container = start(docker_client, image, workload_name, **options)
    if behaviour == "exits_when_told":
        bring_to_its_end(docker_client, str(container.id))  # type: ignore[attr-defined]
    assert container.wait(timeout=30)["StatusCode"] == exit_code  # type: ignore[attr-defined]
    record = DockerEngine(docker_address(), logging.getLogger("backstay.test")).containers.inspect(container.id)  # type: ignore[attr-defined]
    assert record is not None
    assert record.oom_killed is out_of_memory


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_every_behaviour_builds(images: Images, workload_name: str, behaviour: str) -> None:
    assert images.build(f"{workload_name}:{behaviour}", behaviour=behaviour).startswith("sha256:")


def test_the_private_registry_opens_for_its_login_only(
    docker_client: docker.DockerClient, private_registry: RegistryServer, images: Images, workload_name: str
) -> None:
    reference = private_registry.reference(f"{workload_name}:1")
    published = images.publish(reference)
    assert httpx.get(f"http://{private_registry.address}/v2/").status_code == 401
    wrong = {"username": private_registry.username, "password": "wrong"}
    for login in (None, wrong):
        with pytest.raises(APIError, match=r"unauthorized|no basic auth"):
            docker_client.images.pull(reference, auth_config=login)
    right = {"username": private_registry.username, "password": private_registry.password}
    assert docker_client.images.pull(reference, auth_config=right).id == published.image_id


def test_an_image_can_be_taken_out_of_the_registry(
    registry: RegistryServer, images: Images, workload_name: str
) -> None:
    published = images.publish(registry.reference(f"{workload_name}:1"))
    registry.delete(workload_name, published.digest)
    assert registry.digest(workload_name, "1") is None


def test_nothing_of_a_workload_is_left_when_its_test_is_over(
    docker_client: docker.DockerClient, images: Images, workload_name: str
) -> None:
    image = images.build(f"{workload_name}:1")
    docker_client.volumes.create(f"{workload_name}-data", labels={"backstay.workload": workload_name})
    start(docker_client, image, workload_name, volumes={f"{workload_name}-data": {"bind": "/data"}})
    assert left_over(docker_client, workload_name) == [f"{workload_name}-1"]
    remove_workload(docker_client, workload_name)
    assert left_over(docker_client, workload_name) == []
    assert docker_client.volumes.list(filters={"label": f"backstay.workload={workload_name}"}) == []
