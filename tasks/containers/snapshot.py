"""The current state of a workload, read from Docker: for display, never for decisions."""

from __future__ import annotations

from typing import Any

from db import history, pins, workloads
from db.connection import LedgerUnavailable
from db.models import Deploy, Workload
from db.releases import sealed
from tasks.containers import converge
from tasks.containers.health_status import Part
from tasks.context import Context
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure
from tasks.labels import MAIN_SERVICE, SERVICE

LONGEST_TAIL = 2000


def snapshot(context: Context, workload: Workload) -> dict[str, Any]:
    """Return {"available": bool, "containers": [...]}; not available and empty when Docker does not answer."""
    try:
        records = _observe(context, workload)
    except Failure:
        return {"available": False, "containers": []}
    live = _live(context, workload)
    return {"available": True, "containers": [_container(record, live) for record in _newest_first(records)]}


def log_tail(context: Context, workload: Workload, tail: int) -> list[str]:
    """Return the last lines of the newest container's output, redacted; with several services the last lines of each,
    every line prefixed with the container's name. Raises Failure(engine_unreachable)."""
    newest = _newest_first(_observe(context, workload))
    if not newest:
        return []
    lines = min(max(tail, 1), LONGEST_TAIL)
    if newest[0].labels.get(SERVICE, MAIN_SERVICE) == MAIN_SERVICE:
        return _written(context, workload, newest[0], lines)
    of_each = [(one, _written(context, workload, one, max(1, lines // len(newest)))) for one in _by_name(newest)]
    return [f"{_short_name(one)} | {line}" for one, written in of_each for line in written]


def _observe(context: Context, workload: Workload) -> list[ContainerRecord]:
    """Return its containers; without a ledger those that Docker alone knows."""
    try:
        return converge.observe(context, workload.name)
    except LedgerUnavailable:
        return converge.labelled(context, workload.name)


def _written(context: Context, workload: Workload, record: ContainerRecord, lines: int) -> list[str]:
    _learn_secrets(context, workload, record)
    text = "\n".join(context.docker.containers.log_tail(record.id, lines))
    return context.redactor.clean(text).splitlines()


def _by_name(records: list[ContainerRecord]) -> list[ContainerRecord]:
    return sorted(records, key=lambda record: record.name)


def _short_name(record: ContainerRecord) -> str:
    """Return service and number: `web-1`."""
    service = record.labels[SERVICE]
    return f"{service}-{record.labels.get('com.docker.compose.container-number', '1')}"


def _live(context: Context, workload: Workload) -> Deploy | None:
    try:
        with context.database.reading() as session:
            return history.live(session, workload.id)
    except LedgerUnavailable:
        return None


def _learn_secrets(context: Context, workload: Workload, record: ContainerRecord) -> None:
    """Register the current secrets, and those that the container was started with, with the redactor."""
    names = set(context.secrets_of(workload))
    with context.database.reading() as session:
        deploy = history.find(session, workload.id, record.version)
        if deploy is not None:
            names |= set(workloads.release(session, deploy).get("secrets", []))
            pin = pins.of_compose(deploy.pin)
            file = workloads.document(session, pin["sha256"]) if pin and "sha256" in pin else {}
            context.unlocked(sealed(file))
    context.redactor.learn(value for name, value in record.environment.items() if name in names)


def _newest_first(records: list[ContainerRecord]) -> list[ContainerRecord]:
    return sorted(records, key=lambda record: (-record.version, record.name))


def _is_done(record: ContainerRecord, live: Deploy | None) -> bool:
    """Return whether it is a job of the live version that has ended well."""
    service = record.labels.get(SERVICE, MAIN_SERVICE)
    run = pins.runs(live.pin).get(service) if live is not None else None
    return run is not None and Part.of(service, run, [record]).is_done(record)


def _container(record: ContainerRecord, live: Deploy | None) -> dict[str, Any]:
    return {
        "id": record.id[:12],
        "name": record.name,
        "service": record.labels.get(SERVICE, MAIN_SERVICE),
        "version": converge.version_of(record, live),
        "image_id": record.image_id,
        "state": "done" if _is_done(record, live) else record.state,
        "health": record.health,
        "started_at": record.started_at if record.running else None,
        "restarts": record.restarts,
        "exit_code": None if record.running else record.exit_code,
        "oom_killed": record.oom_killed,
        "ports": record.ports,
    }
