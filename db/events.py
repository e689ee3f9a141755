"""The event log: sentences for people, written by us, never an error's own text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models import Event

KEEP_EVENTS = 1000


def note(
    session: Session, workload_id: int, message: str, now: datetime, *, level: str = "info", actor: str = "backstay"
) -> None:
    """Add a line. level: info, warning or error."""
    session.add(Event(workload_id=workload_id, ts=now, level=level, message=message, actor=actor))
    session.flush()


def page(session: Session, workload_id: int, limit: int = 100) -> Sequence[Event]:
    """Lines newest first."""
    return session.scalars(
        select(Event).where(Event.workload_id == workload_id).order_by(Event.id.desc()).limit(limit)
    ).all()


def prune(session: Session, workload_id: int, keep: int = KEEP_EVENTS) -> None:
    """Delete all but the newest `keep` lines."""
    newest = select(Event.id).where(Event.workload_id == workload_id).order_by(Event.id.desc()).limit(keep)
    session.execute(delete(Event).where(Event.workload_id == workload_id, Event.id.not_in(newest)))
