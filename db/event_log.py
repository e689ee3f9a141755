"""The event log: sentences of db.messages.events for people, never an error's own text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.messages.events import REASONS, Told
from db.models import Deploy, Event
from db.states import Status

KEEP_EVENTS = 1000


def note(
    session: Session, workload_id: int, told: Told, now: datetime, *, level: str = "info", actor: str = "backstay"
) -> None:
    """Add a line: `tell("live", version=3)`. level: info, warning or error."""
    line = Event(workload_id=workload_id, ts=now, level=level, actor=actor)
    line.message, line.code, line.params = told.text, told.code, told.params
    session.add(line)
    session.flush()


def newest_of(session: Session, workload_id: int, codes: Sequence[str], version: int, since: datetime) -> Event | None:
    """Return the newest line with one of these codes about a version; None when it is older than `since`."""
    found = select(Event).where(Event.workload_id == workload_id, Event.code.in_(codes)).order_by(Event.id.desc())
    for line in session.scalars(found.limit(1)):
        if line.ts >= since and (line.params or {}).get("version") == version:
            return line
    return None


def replace(session: Session, line: Event, told: Told, now: datetime) -> None:
    """Put a line in the place of an earlier one, as the newest."""
    workload_id, level, actor = line.workload_id, line.level, line.actor
    session.execute(delete(Event).where(Event.id == line.id))
    note(session, workload_id, told, now, level=level, actor=actor)


def page(session: Session, workload_id: int, limit: int = 100) -> Sequence[Event]:
    """Return the newest `limit` lines, newest first."""
    return session.scalars(
        select(Event).where(Event.workload_id == workload_id).order_by(Event.id.desc()).limit(limit)
    ).all()


def reasons(session: Session, deploy: Deploy) -> Sequence[Event]:
    """Return the lines that say why a deploy did not succeed, in their order: keys, variables, paths, services."""
    if deploy.status == Status.SUCCEEDED:
        return []
    wanted = select(Event).where(
        Event.workload_id == deploy.workload_id,
        Event.code.in_(REASONS),
        Event.ts >= (deploy.started_at or deploy.queued_at),
    )
    if deploy.finished_at is not None:
        wanted = wanted.where(Event.ts <= deploy.finished_at)
    return session.scalars(wanted.order_by(Event.id)).all()


def prune(session: Session, workload_id: int, keep: int = KEEP_EVENTS) -> None:
    """Delete all but the newest `keep` lines."""
    newest = select(Event.id).where(Event.workload_id == workload_id).order_by(Event.id.desc()).limit(keep)
    session.execute(delete(Event).where(Event.workload_id == workload_id, Event.id.not_in(newest)))
