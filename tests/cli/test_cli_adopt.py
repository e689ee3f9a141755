"""The verb adopt as far as it goes without an engine: what it says of a real container, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import pytest
import yaml

from db import workloads
from db.connection import Database
from tests.cli.conftest import Backstay
from tests.docker.adopted_app import OLD, lives, strangers
from tests.docker.images import Images
from tests.real_parts import docker_address

SECRET = "hunter2-hunter2"


@pytest.fixture
def old(docker_client: docker.DockerClient, images: Images, environment: pytest.MonkeyPatch) -> Iterator[str]:
    """A container that somebody started, on the Engine that the verb asks."""
    environment.setenv("BACKSTAY_DOCKER_HOST", docker_address())
    with strangers(docker_client) as mine:
        tag = f"localhost/old-{mine}:1"
        images.build(tag, "one")
        docker_client.containers.run(
            tag,
            name=f"old-{mine}",
            detach=True,
            init=True,
            environment={"MODE": "fast-lane", "API_TOKEN": SECRET},
            labels={OLD: mine},
            cap_drop=["NET_RAW"],
        )
        yield f"old-{mine}"


def test_a_dry_run_shows_the_spec_and_each_setting_and_stores_nothing(
    backstay: Backstay, database: Database, docker_client: docker.DockerClient, old: str
) -> None:
    before = lives(docker_client, old)
    said = backstay("adopt", old, "--dry-run")
    assert said.code == 0
    document, _, rest = said.out.partition("# secrets")
    spec = yaml.safe_load(document)
    assert (spec["name"], spec["env"], spec["restart"]) == (old, {"MODE": "•••"}, "no")
    assert "whose values go into the vault: API_TOKEN" in rest
    assert "HostConfig.CapDrop" in rest
    assert "Nothing is restarted." in rest
    assert SECRET not in said.out + said.err
    assert "fast-lane" not in said.out
    with database.reading() as session:
        assert workloads.every(session) == []
    assert lives(docker_client, old) == before


def test_the_same_as_data(backstay: Backstay, old: str) -> None:
    said = backstay("adopt", old, "--dry-run", "--json", "--name", "mine")
    (one,) = said.json["workloads"]
    assert (said.json["dry_run"], one["name"], one["secrets"], one["row"]) == (True, "mine", ["API_TOKEN"], None)
    fates = {setting["key"]: setting["fate"] for setting in one["settings"]}
    assert (fates["HostConfig.CapDrop"], fates["Config.Env MODE"]) == ("not expressible", "mapped")
    assert one["containers"][0]["name"] == old
    assert SECRET not in said.out


def test_without_prefect_the_row_fails_and_the_container_is_free_to_be_adopted_again(
    backstay: Backstay, docker_client: docker.DockerClient, old: str
) -> None:
    before = lives(docker_client, old)
    for _ in range(2):
        said = backstay("adopt", old)
        assert said.code == 1
        assert "(orchestrator_unreachable)" in said.err
    assert lives(docker_client, old) == before


@pytest.mark.parametrize(
    "arguments",
    [(), ("a", "--compose", "b"), ("a", "b", "--name", "c")],
)
def test_it_takes_containers_or_a_project(backstay: Backstay, arguments: tuple[str, ...]) -> None:
    assert backstay("adopt", *arguments).code == 2


def test_a_container_that_is_not_there_is_named_by_its_code(backstay: Backstay, old: str) -> None:
    said = backstay("adopt", f"{old}-no", "--dry-run")
    assert (said.code, said.out) == (1, "")
    assert "(no_such_container)" in said.err
