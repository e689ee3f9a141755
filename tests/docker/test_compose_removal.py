"""A removal that somebody else does at the same time: the web process that was asked, and the engine's reconcile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from db.workloads import find
from flows.workloads import lifecycle
from tasks.context import Context
from tasks.docker.client import DockerEngine
from tasks.rollout import compose_removal
from tests.real_parts import docker_address

T = TypeVar("T")
GONE = {"Id": "0" * 64}


class SeesWhatIsGone(DockerEngine):
    """Lists a network that is gone when it comes to removing it."""

    def ask(self, what: str, question: Callable[[Any], T]) -> T:
        """As the Engine answers, with one more."""
        found: Any = super().ask(what, question)
        return [*found, GONE] if what == "list networks" else found  # type: ignore[return-value]


def test_a_network_that_somebody_else_has_removed_is_no_failure(context: Context, workload_name: str) -> None:
    source = {"kind": "compose", "text": "services: {web: {image: localhost/never-pulled}}"}
    lifecycle.create(context, {"name": workload_name, "source": source}, "tester")
    with context.database.reading() as session:
        workload = find(session, workload_name)
    assert workload is not None
    context.docker = SeesWhatIsGone(docker_address(), context.log)
    assert compose_removal.remove(context, workload, f"backstay-{workload_name}") is False
