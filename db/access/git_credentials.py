"""Credentials of git servers, by host or by a path on it (host/owner/repository). Stores encrypted values only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from db.models import GitCredential


def put(
    session: Session, host: str, username: str, locked_password: str | None, locked_key: str | None, now: datetime
) -> None:
    """Store or replace the credentials of a git server. Secret values are already encrypted."""
    row = session.get(GitCredential, host)
    if row is None:
        row = GitCredential(host=host, username=username, updated_at=now)
        session.add(row)
    row.username, row.password, row.ssh_key, row.updated_at = username, locked_password, locked_key, now
    session.flush()


def find(session: Session, host: str) -> GitCredential | None:
    """Return the credentials of a git server."""
    return session.get(GitCredential, host)


def among(session: Session, hosts: Sequence[str]) -> dict[str, GitCredential]:
    """Return those of these names that have credentials."""
    found = session.scalars(select(GitCredential).where(GitCredential.host.in_(hosts)))
    return {row.host: row for row in found}


def remove(session: Session, host: str) -> bool:
    """Remove the credentials of a git server. False when there are none."""
    gone = session.execute(delete(GitCredential).where(GitCredential.host == host).returning(GitCredential.host))
    return gone.first() is not None


def every(session: Session) -> Sequence[GitCredential]:
    """Return all credentials, by host."""
    return session.scalars(select(GitCredential).order_by(GitCredential.host)).all()
