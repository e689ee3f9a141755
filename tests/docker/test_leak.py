"""A real container that grows by a mebibyte a minute is called leaking within half an hour, one beside it is not.

Readings are real, the clock is not: each quarter of a minute that passes on it is a tick, each minute the container is
made to hold a mebibyte more.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from docker.models.containers import Container as DockerContainer

from db import history
from db.connection import Database
from db.metrics import containers
from db.models import Container
from db.settings import Settings
from flows.upkeep.impact_reviews import due, settle
from tasks.context import Context
from tasks.impact.leak import MIB
from tasks.impact.verdict import SETTLED_AFTER_S
from tasks.metrics.collector import Sampler
from tests.docker.sampled_containers import HOLD, Crew, docker_id, hired
from tests.ledger_steps import add_workload, deploy_well
from tests.real_parts import docker_address

TICK_S, MINUTE_S = 15, 60


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Starts containers; all of them are removed in the end."""
    with hired() as crew:
        yield crew


@pytest.fixture
def context(settings: Settings, database: Database) -> Iterator[Context]:
    """The context of an engine process over an empty ledger."""
    context = Context.open(settings.model_copy(update={"docker_host": docker_address()}), quiet=True)
    yield context
    context.close()


def live(context: Context, name: str, container: DockerContainer, at: datetime) -> int:
    """A workload whose first version went live then, as this container; its id."""
    with context.database.writing() as session:
        workload_id = add_workload(session, at, name=name)
        version = deploy_well(session, workload_id, at, "1").version
        row = Container(
            docker_id=docker_id(container), owner_type="workload", owner_id=workload_id, deploy_version=version,
            service="main", name=name, image_id="sha256:1", host="local", created_at=at,
        )  # fmt: skip
        containers.add(session, row)
    return workload_id


def grow(container: DockerContainer, number: int) -> None:
    """Let a container hold a mebibyte more."""
    more = ["/bin/busybox", "dd", "if=/dev/zero", f"of=/dev/shm/{number}", "bs=1M", "count=1"]
    assert container.exec_run(more).exit_code == 0


def test_a_leak_of_a_mebibyte_a_minute_is_called_within_half_an_hour_and_a_steady_one_never(
    context: Context, crew: Crew, now: datetime
) -> None:
    leaky, steady = (crew.start(HOLD, ready=True, shm_size=128 * MIB, mem_limit=256 * MIB) for _ in range(2))
    ids = [live(context, name, one, now) for name, one in (("leaky", leaky), ("steady", steady))]
    sampler, start = Sampler(context), int(now.timestamp())
    for second in range(TICK_S, SETTLED_AFTER_S + 1, TICK_S):
        if second % MINUTE_S == 0:
            grow(leaky, second)
        assert sampler.tick(start + second).gaps == 0
    settled = now + timedelta(seconds=SETTLED_AFTER_S)
    for deploy_id in due(context, settled):
        settle(context, deploy_id, settled)
    with context.database.reading() as session:
        found = [history.live(session, one) for one in ids]
    (leak, verdict), (flat, other) = [
        (row.impact["leak"], row.impact["verdict"]) for row in found if row is not None and row.impact is not None
    ]
    assert (verdict, other) == ("leaking", "not_enough_data")  # a first version has nothing to be compared with
    assert leak["slope_bytes_per_hour"] == pytest.approx(60 * MIB, rel=0.03)
    assert leak["seconds_to_limit"] == pytest.approx((256 - 62) * MINUTE_S, rel=0.05)
    assert flat["leaking"] is False
    assert abs(flat["slope_bytes_per_hour"]) < MIB
