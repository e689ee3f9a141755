"""Builds by the real Engine: what comes out, what is written down, and how one ends that is not to go on."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from db.states import ErrorCode
from tasks.context import Context, now
from tasks.failures import Failure
from tasks.images import build_log
from tasks.images.build import build, labels_of
from tasks.images.build_context import pack
from tasks.images.build_log import BuildLog
from tests.docker.images import LABEL, Images
from tests.real_parts import wait_until

Build = Callable[..., str]


@pytest.fixture
def base(images: Images, workload_name: str) -> str:
    """An image to build on."""
    images.build_base(f"{workload_name}-base:1")
    return f"{workload_name}-base:1"


@pytest.fixture
def built(context: Context, tmp_path: Path, images: Images, workload_name: str) -> Iterator[Build]:
    """Builds a Dockerfile with a file `page` beside it; the log is that of version 1 of workload 1."""
    tag = f"{workload_name}:built"

    def go(dockerfile: str, look: Callable[[], None] = lambda: None) -> str:
        (tmp_path / "Dockerfile").write_text(dockerfile)
        (tmp_path / "page").write_text("hello")
        tar = io.BytesIO()
        pack(tmp_path, "Dockerfile", tar, 0)
        log = BuildLog(context, workload_name, 1, 1)
        labels = labels_of(context.installation, workload_name, now(), revision="abc") | {LABEL: images.session}
        try:
            return build(context, tar, "Dockerfile", tag, labels, log, look)
        finally:
            log.close()

    yield go
    images.forget(tag)


def log_text(context: Context) -> str:
    """The log of the build."""
    return build_log.path_of(context.settings, 1, 1).read_text()


def test_an_image_is_built_with_its_labels_and_its_log(
    built: Build, base: str, context: Context, docker_client: docker.DockerClient, workload_name: str
) -> None:
    image = docker_client.images.get(built(f"FROM {base}\nCOPY page /www/page\nRUN echo said by a step\n"))
    assert image.labels["org.opencontainers.image.revision"] == "abc"
    assert image.labels["org.opencontainers.image.created"].endswith("Z")
    assert image.labels["backstay.built-for"] == workload_name
    assert "backstay.workload" not in image.labels
    text = log_text(context)
    assert "Step 1/" in text
    assert "said by a step" in text
    assert f"Built {image.id}" in text


def test_a_step_that_fails_and_a_base_that_is_nowhere_are_build_failed(
    built: Build, base: str, context: Context
) -> None:
    for dockerfile, words in (
        (f"FROM {base}\nRUN echo before; exit 7\n", "returned a non-zero code: 7"),
        ("FROM 127.0.0.1:1/nothing:1\n", "127.0.0.1:1"),
        ("NONSENSE\n", "NONSENSE"),
    ):
        with pytest.raises(Failure) as caught:
            built(dockerfile)
        assert caught.value.code == ErrorCode.BUILD_FAILED
        assert words in log_text(context)


def test_a_silent_step_is_ended_by_a_cancel_and_by_the_time_limit_and_leaves_no_container(
    built: Build, base: str, context: Context, docker_client: docker.DockerClient
) -> None:
    def running() -> bool:
        return bool(docker_client.containers.list(all=True, filters={"ancestor": base}, ignore_removed=True))

    def cancelled() -> None:
        if running():
            raise Failure(ErrorCode.CANCELLED, "cancel")

    with pytest.raises(Failure) as caught:
        built(f"FROM {base}\nRUN sleep 100\n", cancelled)
    assert caught.value.code == ErrorCode.CANCELLED
    wait_until(lambda: not running(), 15, "the build goes on")
    context.settings = context.settings.model_copy(update={"build_timeout": 1})
    began = time.monotonic()
    with pytest.raises(Failure) as caught:
        built(f"FROM {base}\nRUN sleep 101\n")
    assert (caught.value.code, caught.value.kind) == (ErrorCode.BUILD_FAILED, "timeout")
    assert time.monotonic() - began < 15
    assert "longer than 1 seconds" in log_text(context)
    wait_until(lambda: not running(), 15, "the build goes on")
