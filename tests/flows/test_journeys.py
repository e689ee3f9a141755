"""The journey of each kind: its example of docs/examples is applied, deployed, pushed to, broken, and taken back.

Everything is real: the engine, Prefect, the web interface that is called, the command line, Docker, and what pushes.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.docker.git_servers import new_repository
from tests.docker.images import Images
from tests.docker.registries import serving
from tests.flows.fixtures import PrefectApi
from tests.flows.journeys import EXAMPLES, House, built, ends, example, gone_afterwards, serves
from tests.pure.webhook_payloads import GITEA, GITHUB
from tests.real_parts import docker_address, free_port, real_part, wait_until

JOURNEYS = {"image", "git", "compose", "static"}
SERVER = f"localhost/t-server-{os.getpid()}:1"  # what static sites are put on


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, docker_client: docker.DockerClient, prefect_api: PrefectApi
) -> Iterator[House]:
    """One for all journeys: what costs time is its start."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in prefect_api.environment().items():
            environment.setenv(name, value)
        home = tmp_path_factory.mktemp("journeys") / "home"
        chosen = {"docker_host": docker_address(), "static_image": SERVER, "static_root": "/www"}
        with built(home, docker_client, prefect_api.url, **chosen) as house:
            yield house


@pytest.fixture
def name(docker_client: docker.DockerClient) -> Iterator[str]:
    """What the workload is called; nothing of it is left afterwards."""
    called = f"t-{secrets.token_hex(3)}"
    with gone_afterwards(docker_client, called):
        yield called


def test_every_example_has_its_journey() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.is_dir()} == JOURNEYS


def test_an_image_that_a_registry_tells_of(house: House, images: Images, name: str, tmp_path: Path) -> None:
    real_part("registry")
    port, registry_port = free_port(), free_port()
    address = f"127.0.0.1:{registry_port}"
    instead = {"registry.example/shop": f"{address}/{name}", "shop": name, "18080": str(port)}
    spec, tag = example(tmp_path, "image", **instead), f"{address}/{name}:stable"
    assert house.done("apply", str(spec)) == f"{name}: created\n"
    assert house.done("apply", str(spec)) == f"{name}: unchanged\n"
    shop, hook = house.workload(name, port), house.hook(name, "registry")
    (tmp_path / "registry").mkdir()
    with serving(tmp_path / "registry", port=registry_port, notifies=(hook["url"], f"Bearer {hook['secret']}")):
        # The push itself deploys, and every later one; what it pushes under another tag does not.
        first = _pushed(images, tag, "version 1")
        row = ends(shop, 1)
        assert (row["status"], row["trigger"], row["pin"]["digest"]) == ("succeeded", "webhook", first)
        assert shop.served() == "version 1"
        second = _pushed(images, tag, "version 2")
        row = ends(shop, 2)
        assert (row["status"], row["pin"]["digest"]) == ("succeeded", second)
        assert shop.served() == "version 2"
        images.publish(tag.replace("stable", "broken"), "broken", "broken_health")
        said = "Webhook: push of broken ignored, because it is not the branch or tag of this webhook."
        wait_until(lambda: said in shop.messages(), 20, lambda: str(shop.messages()))
        house.done("apply", str(spec))
        failed = house.backstay("deploy", name, "--image", tag.replace("stable", "broken"))
        assert (failed.code, "health_timeout" in failed.err) == (1, True)
        assert shop.served() == "version 2"
        house.done("rollback", name)
        assert shop.served() == "version 1"
        # What was gone back from does not return, though it is pushed again.
        assert _pushed(images, tag, "version 2") == second
        held = (
            "Webhook: stable was pushed and not deployed: it is blocked from automatic deploys. Deploy it by hand to "
            "lift the block."
        )
        wait_until(lambda: held in shop.messages(), 20, lambda: str(shop.messages()))
        assert [row["version"] for row in shop.rows()] == [4, 3, 2, 1]
        assert shop.served() == "version 1"
    # With the registry gone, back and forth still goes.
    house.done("rollback", name, "2")
    assert shop.served() == "version 2"
    assert f"{name} was removed." in house.done("remove", name, "--yes")
    assert shop.containers() == {}


def test_a_git_repository_that_is_pushed_to(house: House, images: Images, name: str, tmp_path: Path) -> None:
    port, base, folder = free_port(), f"localhost/{name}-base:1", tmp_path / "example"
    images.build_base(base)
    folder.mkdir()
    address = f"file://{tmp_path}/repository/.git"
    instead = {"https://git.example/acme/site.git": address, "registry.example/busybox:1": base}
    spec = example(folder, "git", **instead, **{"site": name, "18080": str(port)})
    dockerfile = (folder / "Dockerfile").read_text()
    repository = new_repository(tmp_path / "repository", {"Dockerfile": dockerfile, "index.html": "version 1"})
    assert repository.url == address
    assert house.done("apply", str(spec)) == f"{name}: created\n"
    shop, hook = house.workload(name, port), house.hook(name, "github", "--branch", "main")
    assert json.loads(house.done("deploy", name, "--detach", "--json"))["finished_at"] is None
    assert ends(shop, 1)["status"] == "succeeded"
    assert shop.served() == "version 1"
    second = repository.commit({"index.html": "version 2"})
    pushed = GITHUB | {"after": second}
    told = house.call(hook, pushed, "d-1")
    assert (told["outcome"], told["version"]) == ("deploying", 2)
    assert house.call(hook, pushed, "d-1") == told
    assert house.call(hook, pushed | {"ref": "refs/heads/next"}, "d-2")["outcome"] == "other_branch"
    row = ends(shop, 2)
    assert (row["status"], row["actor"], row["pin"]["commit"]) == ("succeeded", "octocat", second)
    assert shop.served() == "version 2"
    repository.git("checkout", "--quiet", "-b", "broken")
    repository.commit({"Dockerfile": f"{dockerfile}CMD exit 3\n"})
    failed = house.backstay("deploy", name, "--ref", "broken")
    assert (failed.code, "exited_early" in failed.err) == (1, True), failed
    assert shop.served() == "version 2"
    house.done("rollback", name)
    assert shop.served() == "version 1"
    assert house.call(hook, pushed, "d-3")["outcome"] == "held"
    assert len(shop.rows()) == 4
    # With the repository gone, back and forth still goes.
    shutil.rmtree(repository.path)
    house.done("rollback", name, "2")
    assert shop.served() == "version 2"
    house.done("remove", name, "--yes")
    assert shop.containers() == {}


def test_a_static_site_whose_repository_is_pushed_to(house: House, images: Images, name: str, tmp_path: Path) -> None:
    port, folder = free_port(), tmp_path / "example"
    images.build(SERVER, "the server's own page")
    folder.mkdir()
    address = f"file://{tmp_path}/repository/.git"
    instead = {"https://git.example/acme/pages.git": address, "pages": name, "80": "8080", "18080": str(port)}
    spec = example(folder, "static", **instead)
    repository = new_repository(tmp_path / "repository", {"public/index.html": "version 1"})
    house.done("apply", str(spec))
    house.done("deploy", name)
    shop, hook = house.workload(name, port), house.hook(name, "gitea", "--branch", "main")
    assert shop.served() == "version 1"
    second = GITEA | {"ref": "refs/heads/main", "after": repository.commit({"public/index.html": "version 2"})}
    assert house.call(hook, second, "d-1")["outcome"] == "deploying"
    assert (ends(shop, 2)["status"], shop.served()) == ("succeeded", "version 2")
    # A commit that changes none of the files is no other version.
    third = GITEA | {"ref": "refs/heads/main", "after": repository.commit({"README": "words"})}
    house.call(hook, third, "d-2")
    row = ends(shop, 3)
    assert (row["status"], row["live"], row["pin"]["no_change"]) == ("succeeded", False, 2)
    repository.git("checkout", "--quiet", "-b", "empty")
    repository.git("rm", "--quiet", "-r", "public")
    repository.commit({"README": "nothing to serve"})
    failed = house.backstay("deploy", name, "--ref", "empty")
    assert (failed.code, "invalid_source" in failed.err) == (1, True), failed
    assert shop.served() == "version 2"
    house.done("rollback", name)
    assert shop.served() == "version 1"
    assert house.call(hook, second, "d-3")["outcome"] == "held"
    # The later commit has the same files, which shows when they are fetched.
    assert house.call(hook, third, "d-4")["outcome"] == "deploying"
    assert (ends(shop, 6)["status"], shop.served()) == ("cancelled", "version 1")
    shutil.rmtree(repository.path)
    house.done("rollback", name, "2")
    assert shop.served() == "version 2"
    house.done("remove", name, "--yes")
    assert shop.containers() == {}


def _pushed(images: Images, tag: str, page: str) -> str:
    """Build and push, as continuous integration on the same host does; answers the digest."""
    images.build(tag, page)
    return images.push(tag)


def test_a_compose_file_that_is_applied_and_deployed_by_a_call(
    house: House, images: Images, name: str, tmp_path: Path
) -> None:
    port, registry_port = free_port(), free_port()
    address = f"127.0.0.1:{registry_port}"
    spec = example(tmp_path, "compose", **{"registry.example": address, "stack": name, "18080": str(port)})
    file = tmp_path / "compose.yaml"
    (tmp_path / "registry").mkdir()
    with serving(tmp_path / "registry", port=registry_port):
        images.publish(f"{address}/store:1", "store")
        images.publish(f"{address}/web:1", "version 1")
        assert house.done("apply", str(spec)) == f"{name}: created\n"
        house.done("deploy", name)
        shop, hook = house.workload(name, port), house.hook(name, "generic")
        wait_until(lambda: serves(shop, "version 1"), 10, "it does not serve")
        images.publish(f"{address}/web:2", "version 2")
        file.write_text(file.read_text().replace("/web:1", "/web:2"))
        assert "source" in house.done("apply", str(spec))
        told = house.call(hook, {"actor": "jenkins"}, "build-2")
        assert (told["outcome"], told["version"]) == ("deploying", 2)
        assert house.call(hook, {"actor": "jenkins"}, "build-2") == told
        row = ends(shop, 2)
        assert (row["status"], row["trigger"], row["actor"]) == ("succeeded", "webhook", "jenkins")
        wait_until(lambda: serves(shop, "version 2"), 10, "it does not serve")
        images.publish(f"{address}/web:3", "broken", "broken_health")
        file.write_text(file.read_text().replace("/web:2", "/web:3"))
        house.done("apply", str(spec))
        failed = house.backstay("deploy", name)
        assert (failed.code, "health_timeout" in failed.err) == (1, True), failed
        wait_until(lambda: serves(shop, "version 2"), 10, "the old version is not back")
    house.done("rollback", name)
    wait_until(lambda: serves(shop, "version 1"), 10, "it does not serve")
    house.done("remove", name, "--yes")
    assert shop.containers() == {}
