"""`source.build` of a git workload: arguments, the stage, and secrets that stay out of all that is kept."""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import tarfile
from pathlib import Path

import pytest

from tasks.images import build_log
from tests.docker.git_servers import Repository, new_repository
from tests.docker.images import Images
from tests.docker.scenario import Scenario

DOCKERFILE = """
FROM {base} AS web
ARG GREETING=none
RUN echo "$GREETING" > /www/index.html
RUN --mount=type=secret,id=TOKEN busybox sha256sum /run/secrets/TOKEN > /www/sum; cat /run/secrets/TOKEN || true
RUN env > /www/built-with
CMD ["sh", "-c", "env > /www/env; exec httpd -f -p 8080 -h /www"]
FROM web AS other
RUN exit 1
"""


@pytest.fixture
def repository(shop: Scenario, images: Images, tmp_path: Path) -> Repository:
    """A repository whose last stage cannot be built."""
    base = f"{shop.name}-base:1"
    images.build_base(base)
    return new_repository(tmp_path / "shop", {"Dockerfile": DOCKERFILE.format(base=base)})


def source(repository: Repository, **build: object) -> dict[str, object]:
    """The source of the workload."""
    return {"kind": "git", "url": repository.url, "build": {"target": "web", **build}}


def test_another_argument_is_another_release_and_each_can_be_gone_back_to(
    shop: Scenario, repository: Repository
) -> None:
    shop.create_from(source(repository, args={"GREETING": "good morning"}))
    one = shop.deploy()
    assert (one["status"], shop.served()) == ("succeeded", "good morning\n"), shop.messages()
    assert one["pin"]["build"] == {"args": {"GREETING": "good morning"}, "target": "web"}
    shop.change(source=source(repository, args={"GREETING": "good evening"}))
    two = shop.deploy()
    assert (two["pin"]["image_from"], shop.served()) == ("build", "good evening\n")
    assert two["pin"]["commit"] == one["pin"]["commit"]
    back = shop.rollback()
    assert (back["rollback_of"], back["pin"]["image_from"], shop.served()) == (1, "kept", "good morning\n")
    assert shop.deploy()["pin"]["image_from"] == "kept"  # the rollback restored the spec's source as well


def test_the_last_stage_is_built_without_a_target(shop: Scenario, repository: Repository) -> None:
    shop.create_from({"kind": "git", "url": repository.url})
    failed = shop.deploy()
    assert (failed["error_code"], "build" in failed["pin"]) == ("build_failed", False)


def test_a_build_secret_goes_to_the_build_alone_and_is_kept_nowhere(shop: Scenario, repository: Repository) -> None:
    value = f"bs-{secrets.token_hex(12)}"
    shop.create_from(
        source(repository, secrets=["TOKEN"], args={"GREETING": "hello"}),
        secrets={"TOKEN": value, "OTHER": "for the app"},
    )
    row = shop.deploy()
    assert row["status"] == "succeeded", shop.messages()
    assert shop.served("/sum").split()[0] == sha256(value)
    assert value not in shop.served("/built-with")
    assert "OTHER=for the app" in shop.served("/env")
    assert "TOKEN" not in shop.served("/env")
    image = shop.docker.images.get(row["pin"]["image_id"])
    assert value.encode() not in unpacked(b"".join(image.save()))
    assert value not in json.dumps([image.attrs, image.history(), row, shop.messages()])
    assert value not in build_log.read(shop.context.settings, 1, row["version"], 0).text
    assert "[redacted]" in build_log.read(shop.context.settings, 1, row["version"], 0).text
    for file in shop.context.settings.home.rglob("*"):
        assert not file.is_file() or value.encode() not in file.read_bytes(), file

    # A container that is made again of the same release does not get it either.
    shop.change(secrets={"TOKEN": "another"})
    assert shop.deploy()["pin"]["image_from"] == "kept"
    assert "TOKEN" not in shop.served("/env")


def test_a_build_secret_without_a_value_ends_the_deploy_before_the_build(
    shop: Scenario, repository: Repository
) -> None:
    shop.create_from(source(repository, secrets=["TOKEN"]))
    assert shop.deploy()["error_code"] == "invalid_source"
    assert any("needs these secrets, which have no value: TOKEN" in line for line in shop.messages())
    shop.change(secrets={"TOKEN": "now there is one"})
    assert shop.deploy()["status"] == "succeeded", shop.messages()


def test_a_dockerfile_that_this_docker_is_too_old_for_is_told_in_the_row_and_the_event_log(
    shop: Scenario, repository: Repository, images: Images
) -> None:
    if shop.context.docker.builds.builder().version >= "23":
        pytest.skip("this Docker knows heredocs")
    repository.commit({"Dockerfile": f"FROM {shop.name}-base:1\nRUN <<END\ntrue\nEND\n"})
    shop.create_from({"kind": "git", "url": repository.url})
    assert shop.deploy()["error_code"] == "builder_too_old"
    assert any("cannot build RUN <<END; Docker 23.0 and newer can" in line for line in shop.messages())


def sha256(text: str) -> str:
    """Its hash, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def unpacked(archive: bytes) -> bytes:
    """Every file of a saved image, layers included."""
    found = b""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            file = tar.extractfile(entry)
            found += file.read() if file else b""
    return found
