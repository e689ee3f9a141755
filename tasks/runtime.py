"""What a workload does right now, asked of Docker: for looking at, never for deciding."""

from __future__ import annotations

from typing import Any

from db import history, workloads
from db.models import Workload
from tasks import order
from tasks.context import Context
from tasks.docker_records import ContainerRecord
from tasks.failures import Failure

LONGEST_TAIL = 2000


def snapshot(context: Context, workload: Workload) -> dict[str, Any]:
    """{"available": bool, "containers": [...]}; not available and empty when Docker does not answer."""
    try:
        records = order.observe(context, workload.name)
    except Failure:
        return {"available": False, "containers": []}
    return {"available": True, "containers": [_container(record) for record in _newest_first(records)]}


def log_tail(context: Context, workload: Workload, tail: int) -> list[str]:
    """The last lines that the newest container wrote, through the redactor. Raises Failure(engine_unreachable)."""
    newest = _newest_first(order.observe(context, workload.name))
    if not newest:
        return []
    _learn_secrets(context, workload, newest[0])
    lines = context.docker.log_tail(newest[0].id, min(max(tail, 1), LONGEST_TAIL))
    return context.redactor.clean("\n".join(lines)).splitlines()


def _learn_secrets(context: Context, workload: Workload, record: ContainerRecord) -> None:
    """Have the redactor know the secrets of today, and those that the container was started with."""
    names = set(context.secrets_of(workload))
    with context.database.reading() as session:
        deploy = history.find(session, workload.id, record.version)
        if deploy is not None:
            names |= set(workloads.document(session, deploy.release_sha).get("secrets", []))
    context.redactor.learn(value for name, value in record.environment.items() if name in names)


def _newest_first(records: list[ContainerRecord]) -> list[ContainerRecord]:
    return sorted(records, key=lambda record: (-record.version, record.name))


def _container(record: ContainerRecord) -> dict[str, Any]:
    return {
        "id": record.id[:12],
        "name": record.name,
        "service": record.labels.get(order.SERVICE, order.MAIN_SERVICE),
        "version": record.version,
        "image_id": record.image_id,
        "state": record.state,
        "health": record.health,
        "started_at": record.started_at if record.running else None,
        "restarts": record.restarts,
        "exit_code": None if record.running else record.exit_code,
        "oom_killed": record.oom_killed,
        "ports": record.ports,
    }
