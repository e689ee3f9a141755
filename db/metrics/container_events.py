"""Container events: recording each once, reading them by workload and time, counting, pruning."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from db.metrics import counters
from db.models import ContainerEvent

KEEP_CONTAINER_EVENTS = 2000
_COUNTED = {"exit": "exits", "restart": "restarts", "oom": "ooms"}


def is_known(session: Session, docker_id: str, at_ns: int) -> bool:
    """Return whether an event of a container is recorded: Docker repeats events after a gap."""
    same = select(ContainerEvent.id).where(ContainerEvent.docker_id == docker_id, ContainerEvent.at_ns == at_ns)
    return session.scalar(same) is not None


def record(session: Session, event: ContainerEvent) -> None:
    """Add an event and count it."""
    session.add(event)
    session.flush()
    if event.kind in _COUNTED:
        counters.add(session, event.workload_id, _COUNTED[event.kind], "" if event.kind == "oom" else event.cause)


def newest_ns(session: Session, host: str) -> int | None:
    """Return the moment of the newest event of a host, from which Docker is queried again after a gap."""
    return session.scalar(select(func.max(ContainerEvent.at_ns)).where(ContainerEvent.host == host))


def last_of(session: Session, docker_id: str, kinds: Sequence[str]) -> ContainerEvent | None:
    """Return the newest event of a container that is of one of these kinds."""
    return session.scalars(
        select(ContainerEvent)
        .where(ContainerEvent.docker_id == docker_id, ContainerEvent.kind.in_(kinds))
        .order_by(ContainerEvent.at_ns.desc())
        .limit(1)
    ).first()


def last_exits(session: Session, docker_ids: Sequence[str]) -> dict[str, ContainerEvent]:
    """Return the newest end of each of these containers, of those that have one."""
    ends = (
        select(ContainerEvent)
        .where(ContainerEvent.docker_id.in_(docker_ids), ContainerEvent.kind == "exit")
        .order_by(ContainerEvent.at_ns)
    )
    return {row.docker_id: row for row in session.scalars(ends)} if docker_ids else {}


def exits_since(
    session: Session, workload_id: int, version: int, since: datetime, causes: Sequence[str]
) -> Sequence[ContainerEvent]:
    """Return the ends of one version's containers after a moment that have one of these causes, oldest first."""
    return session.scalars(
        select(ContainerEvent)
        .where(
            ContainerEvent.workload_id == workload_id,
            ContainerEvent.at_ns > ns(since),
            ContainerEvent.deploy_version == version,
            ContainerEvent.kind == "exit",
            ContainerEvent.cause.in_(causes),
        )
        .order_by(ContainerEvent.at_ns)
    ).all()


def between(
    session: Session, workload_id: int, since: datetime, until: datetime, *, limit: int = 1000
) -> Sequence[ContainerEvent]:
    """Return the events of a workload in a span of time, the newest `limit` of them, oldest first."""
    newest = session.scalars(
        select(ContainerEvent)
        .where(ContainerEvent.workload_id == workload_id, _in(since, until))
        .order_by(ContainerEvent.at_ns.desc())
        .limit(limit)
    ).all()
    return newest[::-1]


def count(session: Session, workload_id: int, version: int, since: datetime, until: datetime) -> dict[str, int]:
    """Count the events of one version's containers in a span of time, by "kind:cause"."""
    rows = session.execute(
        select(ContainerEvent.kind, ContainerEvent.cause, func.count())
        .where(
            ContainerEvent.workload_id == workload_id,
            ContainerEvent.deploy_version == version,
            _in(since, until),
        )
        .group_by(ContainerEvent.kind, ContainerEvent.cause)
    ).all()
    return {f"{kind}:{cause}": number for kind, cause, number in rows}


def prune(session: Session, workload_id: int, keep: int = KEEP_CONTAINER_EVENTS) -> None:
    """Delete all but the newest `keep` events of a workload."""
    newest = (
        select(ContainerEvent.id)
        .where(ContainerEvent.workload_id == workload_id)
        .order_by(ContainerEvent.at_ns.desc())
        .limit(keep)
    )
    session.execute(
        delete(ContainerEvent).where(ContainerEvent.workload_id == workload_id, ContainerEvent.id.not_in(newest))
    )


def ns(moment: datetime) -> int:
    """Return a moment as nanoseconds since the epoch. Pure."""
    return round(moment.timestamp() * 1_000_000) * 1000


def _in(since: datetime, until: datetime) -> ColumnElement[bool]:
    return ContainerEvent.at_ns.between(ns(since), ns(until))
