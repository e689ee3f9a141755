"""The index of containers: to which workload each belongs or belonged. Joins samples to workloads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.models import OWNER, Container


def present(session: Session, workload_id: int) -> Sequence[Container]:
    """Return containers of a workload that are not known to be removed."""
    return session.scalars(
        select(Container).where(
            Container.owner_type == OWNER, Container.owner_id == workload_id, Container.removed_at.is_(None)
        )
    ).all()


def all_present(session: Session, host: str) -> Sequence[Container]:
    """Return containers of every workload of a host that are not known to be removed."""
    return session.scalars(select(Container).where(Container.host == host, Container.removed_at.is_(None))).all()


class Present(NamedTuple):
    """The fields of a container that sampling needs."""

    id: int
    docker_id: str
    owner_type: str
    owner_id: int
    created_at: datetime


def to_sample(session: Session, host: str) -> list[Present]:
    """Return the containers of all_present with only what sampling needs: a quarter of the time."""
    columns = (Container.id, Container.docker_id, Container.owner_type, Container.owner_id, Container.created_at)
    query = select(*columns).where(Container.host == host, Container.removed_at.is_(None))
    return [Present(*row) for row in session.execute(query)]


def present_ids(session: Session, host: str) -> set[int]:
    """Return the index ids of the containers of all_present."""
    return set(session.scalars(select(Container.id).where(Container.host == host, Container.removed_at.is_(None))))


def add(session: Session, container: Container) -> None:
    """Add a container to the index, once."""
    known = session.scalars(select(Container).where(Container.docker_id == container.docker_id)).first()
    if known is None:
        session.add(container)
        session.flush()


def mark_removed(session: Session, docker_ids: Iterable[str], now: datetime) -> None:
    """Mark containers as removed. They stay in the index for their samples."""
    session.execute(
        update(Container)
        .where(Container.docker_id.in_(list(docker_ids)), Container.removed_at.is_(None))
        .values(removed_at=now)
    )


def versions(session: Session, workload_id: int) -> dict[int, int]:
    """Return container id -> deploy version, of all indexed containers of a workload, removed ones included."""
    query = select(Container.id, Container.deploy_version).where(
        Container.owner_type == OWNER, Container.owner_id == workload_id
    )
    return {row.id: row.deploy_version for row in session.execute(query)}


def forget_removed(session: Session, workload_id: int, before: int) -> None:
    """Delete index entries removed before a moment (epoch seconds); their samples must have been deleted by then."""
    session.execute(
        delete(Container).where(
            Container.owner_type == OWNER,
            Container.owner_id == workload_id,
            Container.removed_at < datetime.fromtimestamp(before, UTC),
        )
    )
