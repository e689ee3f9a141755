"""A Docker host that lacks a program of its own: the row says so, and not that the app is at fault.

On an Engine of its own, from whose PATH a program is taken away while it runs.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from db.migrate import upgrade
from db.settings import Settings
from db.states import ErrorCode
from tasks.context import Context
from tasks.failures import Failure
from tasks.images.build import quietly
from tests.docker.images import Images
from tests.docker.scenario import Scenario
from tests.faults.second_engine import SecondEngine
from tests.real_parts import free_port, real_part


@pytest.fixture
def engine() -> Iterator[SecondEngine]:
    """An Engine with a PATH of its own."""
    real_part("second engine")
    with tempfile.TemporaryDirectory(prefix="bst-", ignore_cleanup_errors=True) as home:
        engine = SecondEngine(Path(home), own_path=True)
        try:
            engine.start()
            yield engine
        finally:
            engine.close()


@pytest.fixture
def context(settings: Settings, engine: SecondEngine) -> Iterator[Context]:
    """A context on that Engine."""
    context = Context.open(settings.model_copy(update={"docker_host": engine.address}), "test", quiet=True)
    upgrade(context.database)
    yield context
    context.close()


@pytest.fixture
def client(engine: SecondEngine) -> Iterator[docker.DockerClient]:
    """A client of that Engine."""
    client = docker.DockerClient(base_url=engine.address, timeout=60)
    yield client
    client.close()


def test_a_host_that_lacks_a_program_is_not_ready_and_is_once_it_has_it(
    context: Context, client: docker.DockerClient, engine: SecondEngine
) -> None:
    shop = Scenario(context, client, "shop", free_port())
    images = Images(client, "lacks")
    images.build("localhost/shop:1", "one")
    shop.create("localhost/shop:1")
    with engine.without("docker-init"):
        row = shop.deploy()
    assert (row["status"], row["stage"], row["error_code"]) == ("failed", "roll_out", "host_not_ready")
    assert shop.containers() == {}
    assert shop.deploy()["status"] == "succeeded", shop.messages()


def test_a_step_of_a_build_that_cannot_be_run_is_the_hosts_fault(
    context: Context, client: docker.DockerClient, engine: SecondEngine
) -> None:
    Images(client, "lacks").build("localhost/base:1")
    with engine.without("runc"), pytest.raises(Failure) as failed:
        quietly(context.docker, one_file("Dockerfile", b"FROM localhost/base:1\nRUN true\n"), "localhost/made:1")
    assert failed.value.code is ErrorCode.HOST_NOT_READY


def one_file(name: str, content: bytes) -> io.BytesIO:
    """A build's context of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer
