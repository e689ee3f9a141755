"""Services of a compose file that are built: taken back by the image that is kept, or built again from the commit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flows.upkeep.housekeeping import tidy
from tasks.images import availability, build_log
from tests.docker.git_servers import Repository, new_repository
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import Scenario

FILE = """
services:
  web:
    build: {context: web, args: {image_id: an argument with an odd name}}
    init: true
    ports: ["127.0.0.1:%(port)d:8080"]
  beside:
    image: %(base)s
    init: true
"""


@pytest.fixture
def repository(shop: Scenario, images: Images, tmp_path: Path) -> Repository:
    """A stack of which one service is built, deployed as v1 and v2."""
    base = f"localhost/{shop.name}-base:1"
    images.build_base(base)
    dockerfile = f"FROM {base}\nARG image_id\nCOPY page /www/index.html\nRUN --mount=type=cache,target=/c echo a step\n"
    files = {"compose.yaml": FILE % {"port": shop.port, "base": base}, "web/Dockerfile": dockerfile}
    repository = new_repository(tmp_path / "stack", files | {"web/page": "one"})
    source = {"kind": "compose", "url": repository.url}
    shop.create_from(source, ports=[], health={"running_s": 0.3, "timeout_s": 20})
    assert shop.deploy()["status"] == "succeeded", shop.messages()
    repository.commit({"web/page": "two"})
    assert shop.deploy()["status"] == "succeeded"
    return repository


def of_service(shop: Scenario, service: str) -> str:
    """Id of its container."""
    of_it = {"label": [f"backstay.workload={shop.name}", f"backstay.service={service}"]}
    (one,) = shop.docker.containers.list(all=True, filters=of_it, ignore_removed=True)
    return str(one.id)


def lose(shop: Scenario, version: int) -> None:
    """The host loses the image that was built for a version."""
    shop.docker.images.remove(shop.row(version)["pin"]["services"]["web"]["image_id"], force=True)


def test_what_the_host_has_lost_is_built_again_from_the_commit(shop: Scenario, repository: Repository) -> None:
    first = shop.row(1)
    beside = of_service(shop, "beside")
    assert (first["pin"]["url"], first["pin"]["image_from"]) == (repository.url, "build")
    assert first["pin"]["services"]["web"]["build"]["context"] == "web"
    shutil.rmtree(repository.path)
    kept = shop.rollback(1)
    assert (kept["status"], kept["pin"]["image_from"], shop.served_at_last()) == ("succeeded", "kept", "one")
    assert shop.rollback(2)["status"] == "succeeded"

    lose(shop, 1)
    tidy(shop.context)
    availability.check(shop.context)
    assert shop.row(1)["rollback_blocked_by"] is None
    again = shop.rollback(1)
    assert (again["status"], again["verified"], shop.served_at_last()) == ("succeeded", True, "one")
    web = again["pin"]["services"]["web"]
    assert (again["pin"]["image_from"], web["image_from"]) == ("build", "build")
    assert shop.docker.images.get(web["image_id"])
    assert again["pin"]["sha256"] == first["pin"]["sha256"]  # the same release
    commit = first["pin"]["commit"][:12]
    assert (
        f"Version 5: the image of web was rebuilt from {commit}, because it was no longer on the host."
        in shop.messages()
    )
    assert "a step" in build_log.read(shop.context.settings, 1, 5, 0).text
    # The first version has no image of its own any more; the one that was built again of it serves as well.
    assert shop.rollback(2)["status"] == "succeeded"
    last = shop.rollback(1)
    assert (last["pin"]["services"]["web"]["image_id"], last["pin"]["image_from"]) == (web["image_id"], "kept")
    assert shop.served_at_last() == "one"
    assert of_service(shop, "beside") == beside


def test_a_commit_that_is_gone_as_well_is_pin_unavailable_and_said_beforehand(
    shop: Scenario, repository: Repository
) -> None:
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.commit({"web/page": "rewritten"})
    repository.git("branch", "--quiet", "-D", "main")
    repository.forget_the_past()
    lose(shop, 1)
    shutil.rmtree(shop.context.settings.git)
    availability.check(shop.context)
    assert shop.row(1)["rollback_blocked_by"] == "pin_unavailable"
    lost = shop.rollback(1)
    assert (lost["status"], lost["error_code"], shop.served_at_last()) == ("failed", "pin_unavailable", "two")


def test_a_text_runs_the_image_that_a_service_names_beside_its_build(
    shop: Scenario, images: Images, registry: RegistryServer
) -> None:
    """As `docker compose up` does, which builds only what it cannot pull."""
    image = f"{registry.address}/{shop.name}/web:1"
    published = images.publish(image, "published")
    web = f"{{image: '{image}', build: ., init: true, ports: ['127.0.0.1:{shop.port}:8080']}}"
    shop.create_from(
        {"kind": "compose", "text": f"services: {{web: {web}}}"}, ports=[], health={"running_s": 0.3, "timeout_s": 20}
    )
    row = shop.deploy()
    assert (row["status"], shop.served_at_last()) == ("succeeded", "published"), shop.messages()
    assert (row["pin"]["services"]["web"]["digest"], "image_from" in row["pin"]) == (published.digest, False)
    said = "Version 1 takes the images that the compose file names for web and builds nothing: "
    assert any(message.startswith(said) for message in shop.messages()), shop.messages()
    back = shop.deploy() and shop.rollback(1)
    assert (back["status"], back["verified"]) == ("succeeded", True)
