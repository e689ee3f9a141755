"""The index of containers, made again from what Docker says."""

from __future__ import annotations

from datetime import UTC, datetime

from db.connection import Database
from db.metrics import containers
from db.models import Workload
from db.settings import Settings
from tasks.containers.converge import refresh_index
from tasks.context import Context
from tasks.docker.records import ContainerRecord

RECORD = ContainerRecord(
    id="c" * 64, name="shop-v1", labels={"backstay.deploy": "1", "backstay.service": "app"}, image_id="sha256:1",
    state="running", running=True, exit_code=0, oom_killed=False, restarts=0, health=None, address="172.17.0.2",
    created_at="2026-11-20T08:15:00.123456789Z", started_at="2026-11-20T08:15:01Z", ports=[],
)  # fmt: skip


def test_a_container_that_is_found_again_is_as_old_as_docker_says(
    settings: Settings, database: Database, shop: int
) -> None:
    context = Context.open(settings, "test", quiet=True)
    context.database.close()
    context.database = database
    with database.reading() as session:
        workload = session.get_one(Workload, shop)
    refresh_index(context, workload, [RECORD])
    with database.reading() as session:
        (found,) = containers.to_sample(session, "local")
    assert (found.docker_id, found.created_at) == (RECORD.id, datetime(2026, 11, 20, 8, 15, 0, 123456, UTC))
