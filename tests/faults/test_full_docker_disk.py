"""A Docker host whose disk is full: the row says so, and not that the registry is away. On an Engine of its own."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from db.migrate import upgrade
from db.settings import Settings
from tasks.context import Context
from tests.docker.images import Images
from tests.docker.registries import RegistryServer
from tests.docker.scenario import Scenario
from tests.faults.disks import small_disk
from tests.faults.second_engine import SecondEngine
from tests.real_parts import free_port, real_part

MEGABYTES = 24


@pytest.fixture
def engine() -> Iterator[SecondEngine]:
    """An Engine whose images and containers lie on a small disk."""
    real_part("second engine")
    with tempfile.TemporaryDirectory(prefix="bst-", ignore_cleanup_errors=True) as home:
        engine = SecondEngine(Path(home))
        try:
            with small_disk(Path(home) / "data", MEGABYTES):
                engine.start()
                yield engine
        finally:
            engine.close()


@pytest.mark.parametrize("page", ["x" * 40_000_000, random.Random(7).randbytes(30_000_000).hex()], ids=["zip", "noise"])
def test_an_image_that_does_not_fit_says_so(
    settings: Settings, engine: SecondEngine, registry: RegistryServer, images: Images, workload_name: str, page: str
) -> None:
    # "zip" fails when it is unpacked, "noise" while it is downloaded.
    tag = registry.reference(f"{workload_name}:large")
    images.publish(tag, page)
    context = Context.open(settings.model_copy(update={"docker_host": engine.address}), "test", quiet=True)
    upgrade(context.database)
    client = docker.DockerClient(base_url=engine.address, timeout=60)
    try:
        shop = Scenario(context, client, workload_name, free_port())
        shop.create(tag)
        row = shop.deploy()
        assert (row["status"], row["stage"], row["error_code"]) == ("failed", "prepare", "no_space")
    finally:
        client.close()
        context.close()
