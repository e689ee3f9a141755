"""The identity of this installation: a label on its containers, so that it never touches another one's."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Installation


def identity(session: Session, now: datetime) -> str:
    """Return sixteen hex digits, generated on first use. Takes a writing session."""
    known = known_identity(session)
    if known is None and session.get_bind().dialect.name == "postgresql":
        # The engine and the web process may both be first. SQLite has one writer anyway.
        session.execute(select(func.pg_advisory_xact_lock(7225343)))
        known = known_identity(session)
    if known is None:
        known = secrets.token_hex(8)
        session.add(Installation(id=known, created_at=now))
        session.flush()
    return known


def known_identity(session: Session) -> str | None:
    """Return what `identity` generated; None before its first use."""
    return session.scalars(select(Installation.id).order_by(Installation.created_at)).first()
