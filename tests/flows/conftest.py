"""The flows run against a real Prefect server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from db.migrate import upgrade
from db.settings import Settings, ensure_home
from tasks.context import Context
from tests.docker.images import Images
from tests.flows.engines import Through
from tests.flows.fixtures import PrefectApi
from tests.real_parts import docker_address, free_port


@pytest.fixture
def settings(settings: Settings, prefect_environment: PrefectApi) -> Settings:
    """Settings that point to the server."""
    return settings.model_copy(update={"prefect_api_url": prefect_environment.url})


@pytest.fixture
def shop(
    home: Path,
    prefect_environment: PrefectApi,
    docker_client: docker.DockerClient,
    images: Images,
    workload_name: str,
) -> Iterator[Through]:
    """A workload of two versions, on a host name of its own: the tests share one Prefect server."""
    settings = Settings(
        home=home,
        docker_host=docker_address(),
        prefect_api_url=prefect_environment.url,
        host_name=f"h-{secrets.token_hex(4)}",
        stats_interval=1,
    )
    ensure_home(settings)
    context = Context.open(settings, "test", quiet=True)
    upgrade(context.database)
    through = Through(context, docker_client, workload_name, free_port())
    for version in "12":
        images.build(f"localhost/{workload_name}:{version}", f"version {version}")
    images.build(f"localhost/{workload_name}:bad", "bad", "broken_health")
    images.build(f"localhost/{workload_name}:stuck", "stuck", "never_listens")
    for tag in ("ends", "ends-too"):
        images.build(f"localhost/{workload_name}:{tag}", tag, "exits_when_told")
    through.create(f"localhost/{workload_name}:1", health={"http": "/healthz", "timeout_s": 2})
    yield through
    context.close()
