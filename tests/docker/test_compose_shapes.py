"""Compose files in the shape of well-known projects, from a git repository, on a real Docker Engine.

Their images are built here under the same names, behind the address of a registry of ours.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.docker.git_servers import Repository, new_repository
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import Scenario

FILES = Path(__file__).parent / "compose_files"
_IMAGE = re.compile(r"^(\s*image: |FROM (?=\S+[:/]))(\S+)", re.MULTILINE)
SECRET = "s3cr3t $word"


def repository_of(shape: str, place: Path, prefix: str) -> Repository:
    """A repository with the files of a shape, the images behind a registry's address."""
    files: dict[str, str | bytes] = {}
    for path in sorted(path for path in (FILES / shape).rglob("*") if path.is_file()):
        text = path.read_text()
        files[f"stack/{path.relative_to(FILES / shape)}"] = _IMAGE.sub(rf"\g<1>{prefix}/\g<2>", text)
    repository = new_repository(place, files)
    for script in place.rglob("*.sh"):
        script.chmod(0o755)
    repository.commit({})
    return repository


def publish_all(images: Images, repository: Repository, prefix: str, variables: dict[str, str]) -> None:
    """Build and publish every image that the files name; each serves its own name."""
    files = [*repository.path.rglob("compose*"), *repository.path.rglob("Dockerfile")]
    found = {name for path in files for _, name in _IMAGE.findall(path.read_text())}
    for name in found:
        whole = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1], match[2]), name)
        reference = whole if ":" in whole.removeprefix(prefix) else f"{whole}:latest"
        images.publish(reference, whole.removeprefix(f"{prefix}/"), "shows_env")


def of_services(shop: Scenario) -> dict[str, str]:
    """Service -> id of its container."""
    of_it = {"label": f"backstay.workload={shop.name}"}
    found = shop.docker.containers.list(all=True, filters=of_it, ignore_removed=True)
    return {one.labels["backstay.service"]: str(one.id) for one in found}


@pytest.mark.parametrize(
    ("shape", "files", "secret", "once"),
    [
        ("voting", ["compose.yaml"], "PASSWORD", []),
        ("photos", ["compose.yaml"], "PASSWORD", []),
        ("analytics", ["compose.yml", "compose.override.yml"], "TOTP_KEY", ["migrate"]),
    ],
)
def test_a_stack_in_the_shape_of_a_known_project_is_deployed_from_its_repository(
    shop: Scenario, images: Images, registry: RegistryServer, tmp_path: Path, shape: str, files: list[str], secret: str,
    once: list[str],
) -> None:  # fmt: skip
    prefix = f"{registry.address}/{shop.name}"
    repository = repository_of(shape, tmp_path / "repository", prefix)
    env = {"PORT": str(shop.port), "SUFFIX": shop.name, "BASE_URL": "https://a.example", "SECRET_KEY_BASE": "x$$y"}
    publish_all(images, repository, prefix, env)
    source: dict[str, Any] = {"kind": "compose", "url": repository.url, "file": [f"stack/{file}" for file in files]}
    health = {"running_s": 0.5, "timeout_s": 60}
    shop.create_from(source, env=env, secrets={secret: SECRET}, ports=[], health=health)
    row = shop.deploy()
    assert row["status"] == "succeeded", shop.messages()
    assert row["pin"]["commit"] == repository.git("rev-parse", "HEAD")
    assert [name for name, one in row["pin"]["runs"].items() if one["once"]] == once
    if shape == "voting":
        assert shop.served_at_last() == "vote one"
        first = of_services(shop)
        repository.commit({"README.md": "of no matter"})
        assert shop.deploy()["status"] == "succeeded"
        assert of_services(shop) == first
        repository.commit({"stack/vote/index.html": "vote two"})
        assert shop.deploy()["status"] == "succeeded"
        assert shop.served_at_last() == "vote two"
        assert {name for name, one in of_services(shop).items() if one != first[name]} == {"vote"}
        shutil.rmtree(repository.path)
        back = shop.rollback()
        assert (back["status"], back["verified"], shop.served_at_last()) == ("succeeded", True, "vote one")
        kept = row["pin"]["services"]["vote"] | {"image_from": "kept"}
        assert (back["pin"]["services"]["vote"], back["pin"]["image_from"]) == (kept, "kept")
    if shape == "photos":
        server = shop.docker.containers.get(f"photos_server_{shop.name}").attrs["Config"]["Env"]
        assert {f"DB_URL=postgres://photos:{SECRET}@database/photos", "TZ=Etc/UTC"} <= set(server)
    if shape == "analytics":
        assert shop.served_at_last("/robots.txt") == "User-agent: *\nDisallow: $private\n"
        app = next(name for name in shop.containers() if "-app-" in name)
        assert shop.docker.containers.get(app).exec_run("cat /etc/app/key").output.decode() == SECRET
        assert {"LOG_LEVEL=warning", "SECRET_KEY_BASE=x$$y"} <= set(
            shop.docker.containers.get(app).attrs["Config"]["Env"]
        )
    stored = (shop.context.settings.home / "backstay.db").read_bytes()
    assert SECRET.encode() not in stored + (shop.context.settings.home / "backstay.db-wal").read_bytes()
