"""Volumes, directories of the host, devices and capabilities on the real Engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.volumes import Volume

from db.states import ErrorCode
from tests.docker.images import Images
from tests.docker.scenario import Scenario


@pytest.fixture
def image(images: Images, shop: Scenario) -> str:
    """An image that serves."""
    tag = f"localhost/{shop.name}:mounts"
    images.build(tag, "mounts")
    return tag


@pytest.fixture
def volume(docker_client: docker.DockerClient, shop: Scenario) -> Iterator[Volume]:
    """A volume that somebody made."""
    made = docker_client.volumes.create(f"{shop.name}-theirs", labels={"backstay.workload": shop.name})
    yield made


def run(shop: Scenario, script: str, version: int = 1) -> tuple[int, str]:
    """Run a script in a version's container; answers exit code and output."""
    code, output = shop.docker.containers.get(f"{shop.name}-v{version}").exec_run(["/bin/sh", "-c", script])
    return code, output.decode().strip()


def test_a_volume_is_read_only_where_the_spec_says_so_and_may_be_mounted_twice(shop: Scenario, image: str) -> None:
    twice = [{"name": "data", "path": "/data"}, {"name": "data", "path": "/shown", "read_only": True}]
    shop.create(image, volumes=twice)
    assert shop.deploy()["status"] == "succeeded"
    assert run(shop, "echo x > /data/file && cat /shown/file") == (0, "x")
    assert run(shop, "echo y > /shown/file")[0] != 0


def test_an_existing_volume_is_used_and_stays_what_it_is(shop: Scenario, image: str, volume: Volume) -> None:
    shop.create(image, volumes=[{"name": volume.name, "path": "/data", "existing": True}])
    assert shop.deploy()["status"] == "succeeded"
    assert run(shop, "echo kept > /data/file")[0] == 0
    volume.reload()
    assert "backstay.installation" not in volume.attrs["Labels"]
    shop.remove()
    volume.reload()  # NotFound when it is gone
    assert shop.docker.volumes.list(filters={"name": f"backstay_{shop.name}"}) == []


def test_an_existing_volume_that_does_not_exist_is_not_made(shop: Scenario, image: str) -> None:
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    shop.change(volumes=[{"name": f"{shop.name}-none", "path": "/data", "existing": True}])
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", ErrorCode.VOLUME_MISSING)
    assert shop.docker.volumes.list(filters={"name": f"{shop.name}-none"}) == []
    assert shop.served() == "mounts"


def test_a_directory_of_the_host_is_mounted_when_it_is_allowed(shop: Scenario, image: str, tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "film").write_text("a film")
    both = [
        {"host_path": f"{tmp_path}/media", "path": "/media", "read_only": True},
        {"host_path": f"{tmp_path}/media", "path": "/inbox"},
    ]
    shop.create(image, volumes=both, allow=[str(tmp_path)])
    assert shop.deploy()["status"] == "succeeded"
    assert run(shop, "cat /media/film") == (0, "a film")
    assert run(shop, "echo x > /media/new")[0] != 0
    assert run(shop, "echo x > /inbox/new")[0] == 0
    assert (tmp_path / "media" / "new").read_text() == "x\n"


@pytest.mark.parametrize("to", ["home", "outside", "socket"])
def test_a_link_that_leads_elsewhere_is_not_mounted_and_the_old_version_serves(
    shop: Scenario, image: str, tmp_path: Path, to: str
) -> None:
    shop.create(image)
    assert shop.deploy()["status"] == "succeeded"
    media = tmp_path / "srv" / "media"
    media.parent.mkdir()
    places = {"home": shop.context.settings.home, "outside": tmp_path, "socket": Path("/var/run/docker.sock")}
    media.symlink_to(places[to])
    shop.change(volumes=[{"host_path": str(media), "path": "/media"}], allow=[str(media.parent)])
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", ErrorCode.MOUNT_NOT_ALLOWED)
    assert shop.served() == "mounts"
    assert shop.containers() == {f"{shop.name}-v1": "running"}


def test_a_directory_that_is_missing_is_not_made(shop: Scenario, image: str, tmp_path: Path) -> None:
    shop.create(image, volumes=[{"host_path": f"{tmp_path}/none", "path": "/media"}], allow=[str(tmp_path)])
    row = shop.deploy()
    assert (row["status"], row["error_code"]) == ("failed", ErrorCode.CREATE_FAILED)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("spec", "script", "works"),
    [
        ({}, "test -e /dev/null2", False),
        ({"devices": ["/dev/null:/dev/null2:rw"], "allow": ["devices"]}, "echo x > /dev/null2", True),
        ({}, "busybox hostname other", False),
        ({"cap_add": ["SYS_ADMIN"], "allow": ["cap_add"]}, "busybox hostname other", True),
    ],
)
def test_a_container_has_power_over_the_host_only_where_it_was_given(
    shop: Scenario, image: str, spec: dict[str, Any], script: str, works: bool
) -> None:
    shop.create(image, **spec)
    assert shop.deploy()["status"] == "succeeded"
    assert (run(shop, script)[0] == 0) is works
