"""Ports of the host that a new container cannot get, and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from db import adopted
from db.messages.events import Told, tell
from tasks.context import Context
from tasks.docker.records import ListedContainer, PublishedPort
from tasks.job import Job
from tasks.labels import INSTALLATION, WORKLOAD
from tasks.rollout.health import port_is_taken


def any_is_taken(job: Job, wanted: Iterable[PublishedPort]) -> bool:
    """Return whether another process has one of these ports, after a start that failed. Who has it is noted."""
    taken = [one for one in wanted if port_is_taken(one.address, one.port, one.protocol)]
    if taken:
        every = job.context.docker.containers.list_all()
        job.notes += [_note(job, one, holders(one, every)) for one in taken]
    return bool(taken)


def holders(port: PublishedPort, containers: Iterable[ListedContainer]) -> list[ListedContainer]:
    """Return the containers that publish a port where it would be published too. Pure."""
    return [one for one in containers if any(port.meets(theirs) for theirs in one.ports)]


def _note(job: Job, port: PublishedPort, found: Sequence[ListedContainer]) -> Told:
    version, shown = job.deploy.version, f"{port.port}/{port.protocol}"
    for one in found:
        if app := _app_of(job.context, one):
            return tell("port_of_app", version=version, port=shown, app=app)
        return tell("port_of_container", version=version, port=shown, container=one.names[0] if one.names else one.id)
    return tell("port_of_program", version=version, port=shown)


def _app_of(context: Context, container: ListedContainer) -> str | None:
    """Return the workload that a container belongs to; None for one that is none of ours."""
    if container.labels.get(INSTALLATION) == context.installation:
        return container.labels.get(WORKLOAD)
    with context.database.reading() as session:
        found = adopted.find(session, container.id)
    return found.workload if found else None
