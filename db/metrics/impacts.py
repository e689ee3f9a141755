"""The samples behind the impact of a deploy, and the deploys that await a verdict. db.ledger writes the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db import pins
from db.models import OWNER, UNSEEN, Container, Deploy, Sample, Workload
from db.states import Status


def samples_of(session: Session, deploy: Deploy, since: int, until: int) -> list[tuple[Any, ...]]:
    """Return rows (ts, container_id, cpu_percent, memory_usage, memory_limit) of one version's containers, by ts.

    since <= ts <= until, epoch seconds. Services of a compose file that did not change keep their containers of an
    earlier version, and those count.
    """
    ids = list(services_of(session, deploy))
    query = (
        select(Sample.ts, Sample.container_id, Sample.cpu_percent, Sample.memory_usage, Sample.memory_limit)
        .where(Sample.owner_id == deploy.workload_id, Sample.ts.between(since, until), Sample.container_id.in_(ids))
        .order_by(Sample.ts)
    )
    # The driver's own rows, as in db.metrics.samples: row objects cost six times as much.
    with session.connection().execute(query) as result:
        return list(result.cursor.fetchall())


def services_of(session: Session, deploy: Deploy) -> dict[int, str]:
    """Return container id -> service, of the containers of a version: see samples_of."""
    every = select(Container.id, Container.service, Container.deploy_version).where(
        Container.owner_type == OWNER, Container.owner_id == deploy.workload_id
    )
    return {
        row.id: row.service
        for row in session.execute(every)
        if pins.is_of(deploy.pin, deploy.version, row.service, row.deploy_version)
    }


def replaced_by(session: Session, deploy: Deploy) -> Deploy | None:
    """Return the deploy that replaced this one; None for a live one."""
    return session.scalars(
        select(Deploy)
        .where(Deploy.workload_id == deploy.workload_id, Deploy.replaced == deploy.version)
        .order_by(Deploy.version)
        .limit(1)
    ).first()


def live_on(session: Session, host: str) -> Sequence[tuple[int, datetime, int]]:
    """Return id, end and number of reviews of every live deploy of a host."""
    rows = session.execute(
        select(Deploy.id, Deploy.finished_at, Deploy.impact_looks).where(Deploy.live, Deploy.host == host)
    ).all()
    return [(number, finished, looks or 0) for number, finished, looks in rows if finished is not None]


def replaced_unseen(session: Session, host: str) -> Sequence[int]:
    """Return ids of deploys of a host that were replaced before their review, the oldest hundred."""
    # The expression of the index itself: SQLite uses a partial index for no other.
    return session.scalars(
        select(Deploy.id).where(text(UNSEEN), Deploy.host == host).order_by(Deploy.id).limit(100)
    ).all()


def untold(session: Session, host: str) -> Sequence[tuple[Deploy, str]]:
    """Return the hundred oldest deploys of a host whose newest verdict Prefect lacks, with the workload's name."""
    rows = session.execute(
        select(Deploy, Workload.name)
        .join(Workload, Workload.id == Deploy.workload_id)
        .where(text("NOT impact_told"), Deploy.host == host, Deploy.status == Status.SUCCEEDED)
        .order_by(Deploy.id)
        .limit(100)
    ).all()
    return [(deploy, name) for deploy, name in rows]
