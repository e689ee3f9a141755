"""Putting the containers of a workload in order: exactly the live version runs, nothing is left over, the index knows.

The same few lines serve a failed deploy, a start after a crash, and a removal. Decided in tasks.rollout.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from db import pins
from db.metrics import containers
from db.models import OWNER, Container, Deploy, Workload
from tasks.containers.plan import Action, Seen, put_in_order
from tasks.context import Context, now
from tasks.docker.records import ContainerRecord
from tasks.labels import DEPLOY, INSTALLATION, MAIN_SERVICE, SERVICE, WORKLOAD

STOP_TIMEOUT_S = 10


def observe(context: Context, workload: str, version: int | None = None) -> list[ContainerRecord]:
    """Return all containers of a workload of this installation, or those that carry one version's label."""
    labels = {INSTALLATION: context.installation, WORKLOAD: workload}
    return context.docker.containers.find(labels | ({DEPLOY: str(version)} if version is not None else {}))


def version_of(record: ContainerRecord, live: Deploy | None) -> int:
    """Of which version a container is: the live one also when its service is what it was in an earlier one. Pure."""
    if live is not None and pins.is_of(live.pin, live.version, record.labels.get(SERVICE, ""), record.version):
        return live.version
    return record.version


def restore(context: Context, workload: Workload, records: Sequence[ContainerRecord], live: int | None) -> list[Action]:
    """Of the containers that were observed remove what is not live, start what is and stopped, and bring the index up
    to date; answers what was done.

    Docker first, the ledger's index last: a ledger that cannot be written must not keep the live version down.
    Raises Failure when Docker does not do it, LedgerUnavailable when the index has to wait.
    """
    actions = put_in_order([Seen(one.id, one.version, one.running) for one in records], live)
    for action in actions:
        if action.verb == "remove":
            remove(context, action.id, workload.spec.get("stop_timeout_s", 10))
        else:
            context.docker.containers.start(action.id)
    gone = {action.id for action in actions if action.verb == "remove"}
    refresh_index(context, workload, [one for one in records if one.id not in gone])
    return actions


def remove(context: Context, container_id: str, stop_timeout_s: int) -> None:
    """Stop a container as it wants to be stopped, and remove it. The index follows with refresh_index."""
    context.docker.containers.stop(container_id, stop_timeout_s)
    context.docker.containers.remove(container_id)


def refresh_index(context: Context, workload: Workload, records: list[ContainerRecord]) -> None:
    """Make the index say what is there."""
    there = {record.id for record in records}
    with context.database.writing() as session:
        gone = {one.docker_id for one in containers.present(session, workload.id)} - there
        containers.mark_removed(session, gone, now())
        for record in records:
            containers.add(session, _entry(record, workload))


def _entry(record: ContainerRecord, workload: Workload) -> Container:
    return Container(
        docker_id=record.id,
        owner_type=OWNER,
        owner_id=workload.id,
        deploy_version=record.version,
        service=record.labels.get(SERVICE, MAIN_SERVICE),
        name=record.name,
        image_id=record.image_id,
        host=workload.host,
        # Not this moment: of one that was found again later, the CPU of its whole life would be taken for a tick's.
        created_at=datetime.fromisoformat(record.created_at),
    )
