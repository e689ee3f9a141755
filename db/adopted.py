"""Which containers that others started belong to which workload. Docker alone does not tell, for want of labels."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from db.models import AdoptedContainer, Deploy, Workload
from db.states import UNFINISHED, Status


class Adopted(NamedTuple):
    """An adopted container, with what its labels would say."""

    docker_id: str
    workload: str
    version: int
    service: str
    name: str


def add(session: Session, row: Deploy, found: Iterable[tuple[str, str, str]]) -> None:
    """Tie containers, each (id, service, name), to the row of their adoption. They count once it has succeeded."""
    for docker_id, service, name in found:
        session.execute(delete(AdoptedContainer).where(AdoptedContainer.docker_id == docker_id))
        tied = AdoptedContainer(workload_id=row.workload_id, version=row.version)
        tied.docker_id, tied.service, tied.name = docker_id, service, name
        session.add(tied)
    session.flush()


def of_row(session: Session, row: Deploy) -> list[Adopted]:
    """Return the containers that a row is about, whatever its status."""
    return _found(session, _joined(tuple(Status)).where(Deploy.id == row.id))


def of_workload(session: Session, name: str) -> list[Adopted]:
    """Return the containers that were adopted for the workload of that name, which may be under removal."""
    return _found(session, _counting().where(Workload.name == name))


def find(session: Session, docker_id: str) -> Adopted | None:
    """Return an adopted container by its id."""
    return next(iter(_found(session, _counting().where(AdoptedContainer.docker_id == docker_id))), None)


def claimed(session: Session, docker_ids: Iterable[str]) -> list[str]:
    """Return the workloads that have one of these containers, or are about to."""
    of_some = _joined((Status.SUCCEEDED, *UNFINISHED)).where(AdoptedContainer.docker_id.in_(list(docker_ids)))
    return sorted({one.workload for one in _found(session, of_some)})


def forget(session: Session, docker_ids: Iterable[str]) -> None:
    """Forget containers that are gone."""
    if gone := list(docker_ids):
        session.execute(delete(AdoptedContainer).where(AdoptedContainer.docker_id.in_(gone)))


def _counting() -> Select[str, str, int, str, str]:
    return _joined((Status.SUCCEEDED,))


def _joined(statuses: Iterable[Status]) -> Select[str, str, int, str, str]:
    one = AdoptedContainer
    return (
        select(one.docker_id, Workload.name, one.version, one.service, one.name)
        .join(Workload, Workload.id == one.workload_id)
        .join(Deploy, (Deploy.workload_id == one.workload_id) & (Deploy.version == one.version))
        .where(Deploy.status.in_(list(statuses)))
        .order_by(one.name)
    )


def _found(session: Session, query: Select[str, str, int, str, str]) -> list[Adopted]:
    return [Adopted(one[0], one[1], one[2], one[3], one[4]) for one in session.execute(query)]
