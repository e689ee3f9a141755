"""The containers index: whose a container is or was. Samples are joined to workloads through it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.models import OWNER, Container


def present(session: Session, workload_id: int) -> Sequence[Container]:
    """Containers of a workload that are not known to be removed."""
    return session.scalars(
        select(Container).where(
            Container.owner_type == OWNER, Container.owner_id == workload_id, Container.removed_at.is_(None)
        )
    ).all()


def all_present(session: Session, host: str) -> Sequence[Container]:
    """Containers of every workload of a host that are not known to be removed."""
    return session.scalars(select(Container).where(Container.host == host, Container.removed_at.is_(None))).all()


class Present(NamedTuple):
    """What sampling has to know of a container."""

    id: int
    docker_id: str
    owner_type: str
    owner_id: int
    created_at: datetime


def to_sample(session: Session, host: str) -> list[Present]:
    """Those of all_present, as what sampling needs of them: a quarter of the time."""
    columns = (Container.id, Container.docker_id, Container.owner_type, Container.owner_id, Container.created_at)
    query = select(*columns).where(Container.host == host, Container.removed_at.is_(None))
    return [Present(*row) for row in session.execute(query)]


def present_ids(session: Session, host: str) -> set[int]:
    """The ids in the index of those of all_present."""
    return set(session.scalars(select(Container.id).where(Container.host == host, Container.removed_at.is_(None))))


def add(session: Session, container: Container) -> None:
    """Put a container into the index, once."""
    known = session.scalars(select(Container).where(Container.docker_id == container.docker_id)).first()
    if known is None:
        session.add(container)
        session.flush()


def mark_removed(session: Session, docker_ids: Iterable[str], now: datetime) -> None:
    """Record that containers are gone. They stay in the index for their samples."""
    session.execute(
        update(Container)
        .where(Container.docker_id.in_(list(docker_ids)), Container.removed_at.is_(None))
        .values(removed_at=now)
    )


def versions(session: Session, workload_id: int) -> dict[int, int]:
    """Container id -> deploy version, of all containers of a workload that the index knows, removed ones included."""
    query = select(Container.id, Container.deploy_version).where(
        Container.owner_type == OWNER, Container.owner_id == workload_id
    )
    return {row.id: row.deploy_version for row in session.execute(query)}


def forget_removed(session: Session, workload_id: int, before: int) -> None:
    """Delete from the index what was removed before a moment (epoch seconds): its samples have to be gone by then."""
    session.execute(
        delete(Container).where(
            Container.owner_type == OWNER,
            Container.owner_id == workload_id,
            Container.removed_at < datetime.fromtimestamp(before, UTC),
        )
    )
