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
# Made once: who calls is asked with every request, and building the statement took longer than running it.
_TOKEN = select(Token.id, Token.role, Token.label).where(Token.token_hash == bindparam("hash"))
_USER = (
    select(User)
    .join(LoginSession, LoginSession.user_id == User.id)
    .where(LoginSession.token_hash == bindparam("hash"), LoginSession.expires_at >= bindparam("now"))
)


class KnownToken(NamedTuple):
    """What a token's row says about who sends it."""

    id: int
    role: str
    label: str


class UserExists(Exception):  # noqa: N818 - it names what happened
    """A user of that name is there already."""


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
    """How many people can log in."""
    return session.scalar(select(func.count()).select_from(User)) or 0


def set_password(session: Session, name: str, password: str) -> bool:
    """Give a person another password and end their sessions. False when there is no such person."""
    user = session.scalars(select(User).where(User.name == name)).first()
    if user is None:
        return False
    user.password_hash = _hasher.hash(password)
    session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))
    return True


def check_password(session: Session, name: str, password: str) -> User | None:
    """The person, if the password is theirs. Takes as long when there is no such person."""
    user = session.scalars(select(User).where(User.name == name)).first()
    try:
        _hasher.verify(user.password_hash if user else _absent_hash(), password)
    except (VerificationError, InvalidHashError):
        return None
    return user


_absent: list[str] = []


def _absent_hash() -> str:
    # Made once, of a password that nobody has: a missing name must not answer faster than a wrong password.
    if not _absent:
        _absent.append(_hasher.hash(secrets.token_urlsafe(32)))
    return _absent[0]


def open_session(session: Session, user_id: int, now: datetime) -> str:
    """Log a person in; answers the cookie's value, which is not stored."""
    value = secrets.token_urlsafe(32)
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
    session.add(
        LoginSession(token_hash=token_hash(value), user_id=user_id, created_at=now, expires_at=now + SESSION_LIFE)
    )
    session.flush()
    return value


def session_user(session: Session, value: str, now: datetime) -> User | None:
    """The person whose cookie this is, while it lasts."""
    return session.scalars(_USER, {"hash": token_hash(value), "now": now}).first()


def rotate_session(session: Session, value: str, now: datetime) -> str | None:
    """A new value for a session whose value is a day old, with the same end; None while it need not change.

    The old value stays good for a minute: requests that are on their way have it. Only one of several wins.
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
    """Whether rotate_session would give a new value."""
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
    """A new API token: its value, which is shown once and not stored, and its row."""
    value = f"bst_{secrets.token_urlsafe(32)}"
    row = Token(token_hash=token_hash(value), role=_role(role), label=label, created_at=now)
    session.add(row)
    session.flush()
    return value, row


def find_token(connection: Connection, value: str) -> KnownToken | None:
    """Whose token has this value; None when there is none, or none any more."""
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
    """Forget the credentials of a registry. False when there are none."""
    return session.execute(delete(Registry).where(Registry.host == host).returning(Registry.host)).first() is not None


def registries(session: Session) -> Sequence[Registry]:
    """All stored registry credentials, by host."""
    return session.scalars(select(Registry).order_by(Registry.host)).all()


def _role(role: str) -> str:
    if role not in ROLES:
        raise ValueError(f"a role is one of {', '.join(ROLES)}")
    return role
