"""People, their sessions, API tokens and registry credentials. Stores hashes and encrypted values only."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, bindparam, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.access.vault import token_hash
from db.models import LoginSession, Registry, Token, User

ROLES = ("viewer", "admin")
SESSION_LIFE = timedelta(days=14)
ROTATE_AFTER = timedelta(days=1)
ROTATION_OVERLAP = timedelta(minutes=1)
_hasher = PasswordHasher()
# Made once: every request looks up its sender, and building the statement took longer than running it.
_TOKEN = select(Token.id, Token.role, Token.label).where(Token.token_hash == bindparam("hash"))
_USER = (
    select(User)
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(LoginSession.token_hash == bindparam("hash"), LoginSession.expires_at >= bindparam("now"))
)


class KnownToken(NamedTuple):
    """The sender of a request, as its token's row has it."""

    id: int
    role: str
    label: str


class UserExists(Exception):  # noqa: N818 - it names what happened
    """A user of that name exists."""


def add_user(session: Session, name: str, role: str, password: str, now: datetime) -> User:
    """Add a person. Raises UserExists."""
    user = User(name=name, role=_role(role), password_hash=_hasher.hash(password), created_at=now)
    session.add(user)
    exists = False
    try:
        session.flush()
    except IntegrityError:
        exists = True
    if exists:
        raise UserExists
    return user


def count_users(session: Session) -> int:
    """Return how many people can log in."""
    return session.scalar(select(func.count()).select_from(User)) or 0


def set_password(session: Session, name: str, password: str) -> bool:
    """Replace a person's password and end their sessions. False when there is no such person."""
    user = session.scalars(select(User).where(User.name == name)).first()
    if user is None:
        return False
    user.password_hash = _hasher.hash(password)
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    return True


def check_password(session: Session, name: str, password: str) -> User | None:
    """Return the person, if the password is theirs. Takes as long when there is no such person."""
    user = session.scalars(select(User).where(User.name == name)).first()
    try:
        _hasher.verify(user.password_hash if user else _absent_hash(), password)
    except (VerificationError, InvalidHashError):
        return None
    return user


_absent: list[str] = []


def _absent_hash() -> str:
    # Made once, of an unusable password: an unknown name must not respond faster than a wrong password.
    if not _absent:
        _absent.append(_hasher.hash(secrets.token_urlsafe(32)))
    return _absent[0]


def open_session(session: Session, user_id: int, now: datetime) -> str:
    """Log a person in; return the cookie's value, which is not stored."""
    value = secrets.token_urlsafe(32)
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    session.add(
        LoginSession(token_hash=token_hash(value), user_id=user_id, created_at=now, expires_at=now + SESSION_LIFE)
    )
    session.flush()
    return value


def session_user(session: Session, value: str, now: datetime) -> User | None:
    """Return the person whose cookie this is, until it expires."""
    return session.scalars(_USER, {"hash": token_hash(value), "now": now}).first()


def rotate_session(session: Session, value: str, now: datetime) -> str | None:
    """Return a new value for a session whose value is a day old, with the same end; None while it need not change.

    The old value stays valid for a minute, for requests in flight. Of several concurrent calls only one wins.
    """
    due = LoginSession.created_at < now - ROTATE_AFTER
    mine = LoginSession.token_hash == token_hash(value)
    still_good = LoginSession.expires_at > now + ROTATION_OVERLAP
    old = session.scalars(select(LoginSession).where(mine, due, still_good).with_for_update()).first()
    if old is None:
        return None
    fresh = secrets.token_urlsafe(32)
    renewed = LoginSession(token_hash=token_hash(fresh), user_id=old.user_id, created_at=now, expires_at=old.expires_at)
    old.expires_at = now + ROTATION_OVERLAP
    session.add(renewed)
    session.flush()
    return fresh


def session_is_due(session: Session, value: str, now: datetime) -> bool:
    """Return whether rotate_session would issue a new value."""
    row = session.get(LoginSession, token_hash(value))
    return row is not None and row.created_at < now - ROTATE_AFTER and row.expires_at > now + ROTATION_OVERLAP


def close_every_session(session: Session, value: str) -> None:
    """Log out everywhere: end all sessions of the person whose cookie this is."""
    whose = select(LoginSession.user_id).where(LoginSession.token_hash == token_hash(value)).scalar_subquery()
    session.execute(delete(LoginSession).where(LoginSession.user_id == whose))


def close_session(session: Session, value: str) -> None:
    """Log out."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == token_hash(value)))


def create_token(session: Session, role: str, label: str, now: datetime) -> tuple[str, Token]:
    """Create an API token; return its value, which is shown once and not stored, and its row."""
    value = f"bst_{secrets.token_urlsafe(32)}"
    row = Token(token_hash=token_hash(value), role=_role(role), label=label, created_at=now)
    session.add(row)
    session.flush()
    return value, row


def find_token(connection: Connection, value: str) -> KnownToken | None:
    """Return the token with this value; None when there is none, or it was revoked."""
    row = connection.execute(_TOKEN, {"hash": token_hash(value)}).first()
    return None if row is None else KnownToken(*row)


def delete_token(session: Session, token_id: int) -> None:
    """Revoke a token."""
    session.execute(delete(Token).where(Token.id == token_id))


def delete_user(session: Session, name: str) -> None:
    """Remove a person and their sessions."""
    session.execute(delete(User).where(User.name == name))


def put_registry(session: Session, host: str, username: str, locked_password: str, now: datetime) -> None:
    """Store or replace the credentials of an image registry. The password is already encrypted."""
    row = session.get(Registry, host)
    if row is None:
        session.add(Registry(host=host, username=username, password=locked_password, updated_at=now))
    else:
        row.username, row.password, row.updated_at = username, locked_password, now
    session.flush()


def delete_registry(session: Session, host: str) -> bool:
    """Remove the credentials of a registry. False when there are none."""
    return session.execute(delete(Registry).where(Registry.host == host).returning(Registry.host)).first() is not None


def registries(session: Session) -> Sequence[Registry]:
    """Return all stored registry credentials, by host."""
    return session.scalars(select(Registry).order_by(Registry.host)).all()


def _role(role: str) -> str:
    if role not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return role
