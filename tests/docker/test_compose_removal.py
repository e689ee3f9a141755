"""A removal that somebody else does at the same time: the web process that was asked, and the engine's reconcile."""

from __future__ import annotations

from db.workloads import find
from flows.workloads import lifecycle
from tasks.context import Context
from tasks.docker.client import Connection
from tasks.docker.networks import Networks
from tasks.docker.records import NetworkRecord
from tasks.rollout import compose_removal
from tests.real_parts import docker_address

GONE = "0" * 64


class SeesWhatIsGone(Networks):
    """Lists a network that is gone when it comes to removing it."""

    def find(self, labels: dict[str, str]) -> list[NetworkRecord]:
        """As the Engine answers, with one more."""
        return [*super().find(labels), NetworkRecord(GONE, "gone", labels, ())]


def test_a_network_that_somebody_else_has_removed_is_no_failure(context: Context, workload_name: str) -> None:
    source = {"kind": "compose", "text": "services: {web: {image: localhost/never-pulled}}"}
    lifecycle.create(context, {"name": workload_name, "source": source}, "tester")
    with context.database.reading() as session:
        workload = find(session, workload_name)
    assert workload is not None
    context.docker.networks = SeesWhatIsGone(Connection(docker_address(), context.log))
    assert compose_removal.remove(context, workload, f"backstay-{workload_name}") is False
