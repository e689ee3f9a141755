"""Converging a workload's containers: exactly the live version runs, no strays remain, the index is current.

The same few lines serve a failed deploy, a start after a crash, and a removal. Decided in tasks.rollout.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from db import adopted, pins
from db.metrics import containers
from db.models import OWNER, Container, Deploy, Workload
from tasks.containers.plan import Action, Seen, put_in_order
from tasks.context import Context, now
from tasks.docker.records import ContainerRecord
from tasks.labels import DEPLOY, INSTALLATION, MAIN_SERVICE, SERVICE, WORKLOAD, container_labels

STOP_TIMEOUT_S = 10


def observe(context: Context, workload: str, version: int | None = None) -> list[ContainerRecord]:
    """Return all containers of a workload of this installation, or those of one version: by their labels, and by the
    ledger those that were adopted. Raises Failure, LedgerUnavailable."""
    with context.database.reading() as session:
        tied = adopted.of_workload(session, workload)
    wanted = [one for one in tied if version in {None, one.version}]
    return labelled(context, workload, version) + inspect_adopted(context, wanted)


def labelled(context: Context, workload: str, version: int | None = None) -> list[ContainerRecord]:
    """Return the containers of a workload that Backstay made, which takes no ledger. Raises Failure."""
    labels = {INSTALLATION: context.installation, WORKLOAD: workload}
    return context.docker.containers.find(labels | ({DEPLOY: str(version)} if version is not None else {}))


def inspect_adopted(context: Context, tied: Sequence[adopted.Adopted]) -> list[ContainerRecord]:
    """Return the adopted containers that are still there, with the labels that they would have. Raises Failure."""
    found = []
    for one in tied:
        record = context.docker.containers.inspect(one.docker_id)
        if record is not None:
            labels = container_labels(context.installation, one.workload, one.version, one.service)
            found.append(replace(record, labels=record.labels | labels, adopted=True))
    return found


def version_of(record: ContainerRecord, live: Deploy | None) -> int:
    """Return the version of a container: the live one also if its service is unchanged since an earlier one. Pure."""
    if live is not None and pins.is_of(live.pin, live.version, record.labels.get(SERVICE, ""), record.version):
        return live.version
    return record.version


def restore(context: Context, workload: Workload, records: Sequence[ContainerRecord], live: int | None) -> list[Action]:
    """Remove the observed containers that are not live, start live ones that are stopped, and update the index; return
    the actions taken.

    Docker first, the ledger's index last: a ledger that cannot be written must not keep the live version down. Raises
    Failure when Docker fails, LedgerUnavailable when the index has to wait.
    """
    actions = put_in_order([Seen(one.id, one.version, one.running) for one in records], live)
    by_id = {one.id: one for one in records}
    for action in actions:
        if action.verb == "remove":
            remove(context, by_id[action.id], workload.spec.get("stop_timeout_s", 10))
        else:
            context.docker.containers.start(action.id)
    gone = {action.id for action in actions if action.verb == "remove"}
    refresh_index(context, workload, [one for one in records if one.id not in gone])
    return actions


def remove(context: Context, record: ContainerRecord, stop_timeout_s: int) -> None:
    """Stop a container gracefully and remove it. The index follows with refresh_index.

    The anonymous volumes of an adopted one stay: what it wrote there is somebody's data.
    """
    context.docker.containers.stop(record.id, stop_timeout_s)
    context.docker.containers.remove(record.id, with_volumes=not record.adopted)


def refresh_index(context: Context, workload: Workload, records: list[ContainerRecord]) -> None:
    """Bring the index in line with the containers found."""
    there = {record.id for record in records}
    with context.database.writing() as session:
        gone = {one.docker_id for one in containers.present(session, workload.id)} - there
        containers.mark_removed(session, gone, now())
        adopted.forget(session, gone)
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
        # Not the current time: for a container found again later, its lifetime CPU would count for a single tick.
        created_at=datetime.fromisoformat(record.created_at),
    )
