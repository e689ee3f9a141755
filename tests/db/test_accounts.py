"""People, sessions, tokens, registry credentials: hashes and encrypted values only."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.access import accounts
from db.access.accounts import SESSION_LIFE, UserExists
from db.connection import Database
from db.models import User


def add_alice(session: Session, now: datetime) -> User:
    """Add an admin whose password is `correct horse`."""
    return accounts.add_user(session, "alice", "admin", "correct horse", now)


def test_a_password_opens_for_its_person_only(database: Database, now: datetime) -> None:
    with database.writing() as session:
        add_alice(session, now)
        accounts.add_user(session, "bob", "viewer", "battery staple", now)
    with database.reading() as session:
        assert accounts.check_password(session, "alice", "correct horse").name == "alice"  # type: ignore[union-attr]
        assert accounts.check_password(session, "alice", "battery staple") is None
        assert accounts.check_password(session, "alice", "") is None
        assert accounts.check_password(session, "nobody", "correct horse") is None
        assert accounts.count_users(session) == 2


def test_a_name_is_given_once(database: Database, now: datetime) -> None:
    with database.writing() as session:
        add_alice(session, now)
    with pytest.raises(UserExists), database.writing() as session:
        add_alice(session, now)
    with database.reading() as session:
        assert accounts.count_users(session) == 1


@pytest.mark.parametrize("role", ["root", "", "Admin"])
def test_a_role_that_is_not_there_is_refused(database: Database, now: datetime, role: str) -> None:
    with pytest.raises(ValueError, match="viewer, admin"), database.writing() as session:
        accounts.add_user(session, "alice", role, "x", now)
    with pytest.raises(ValueError, match="viewer, admin"), database.writing() as session:
        accounts.create_token(session, role, "ci", now)


def test_a_session_lasts_its_time_and_ends_at_log_out(database: Database, now: datetime) -> None:
    with database.writing() as session:
        cookie = accounts.open_session(session, add_alice(session, now).id, now)
        other = accounts.open_session(session, 1, now)
    with database.reading() as session:
        assert accounts.session_user(session, cookie, now).name == "alice"  # type: ignore[union-attr]
        assert accounts.session_user(session, cookie, now + SESSION_LIFE) is not None
        assert accounts.session_user(session, cookie, now + SESSION_LIFE + timedelta(seconds=1)) is None
        assert accounts.session_user(session, cookie + "x", now) is None
    with database.writing() as session:
        accounts.close_session(session, cookie)
    with database.reading() as session:
        assert accounts.session_user(session, cookie, now) is None
        assert accounts.session_user(session, other, now) is not None


def test_sessions_that_are_over_are_swept_at_the_next_log_in(database: Database, now: datetime) -> None:
    with database.writing() as session:
        alice = add_alice(session, now)
        accounts.open_session(session, alice.id, now)
        accounts.open_session(session, alice.id, now + SESSION_LIFE * 2)
        assert session.scalar(text("SELECT count(*) FROM sessions")) == 1


def test_a_new_password_ends_the_sessions_and_the_old_password(database: Database, now: datetime) -> None:
    with database.writing() as session:
        cookie = accounts.open_session(session, add_alice(session, now).id, now)
        bob = accounts.add_user(session, "bob", "viewer", "battery staple", now)
        bobs = accounts.open_session(session, bob.id, now)
    with database.writing() as session:
        assert accounts.set_password(session, "alice", "new") is True
        assert accounts.set_password(session, "nobody", "new") is False
    with database.reading() as session:
        assert accounts.session_user(session, cookie, now) is None
        assert accounts.session_user(session, bobs, now) is not None
        assert accounts.check_password(session, "alice", "correct horse") is None
        assert accounts.check_password(session, "alice", "new") is not None


def test_a_token_is_found_by_its_value_only(database: Database, now: datetime) -> None:
    with database.writing() as session:
        value, row = accounts.create_token(session, "viewer", "ci", now)
        another, _ = accounts.create_token(session, "admin", "ci", now)
    assert value.startswith("bst_")
    assert value != another
    with database.reading() as session:
        found = accounts.find_token(session.connection(), value)
        assert found is not None
        assert (found.id, found.role, found.label) == (row.id, "viewer", "ci")
        assert accounts.find_token(session.connection(), value[:-1]) is None
        assert accounts.find_token(session.connection(), row.token_hash) is None


def test_registry_credentials_are_replaced_listed_and_forgotten(database: Database, now: datetime) -> None:
    with database.writing() as session:
        accounts.put_registry(session, "r.example:5000", "ann", "locked-1", now)
        accounts.put_registry(session, "docker.io", "ann", "locked-2", now)
        accounts.put_registry(session, "r.example:5000", "bea", "locked-3", now)
    with database.reading() as session:
        rows = [(row.host, row.username, row.password) for row in accounts.registries(session)]
        assert rows == [("docker.io", "ann", "locked-2"), ("r.example:5000", "bea", "locked-3")]
    with database.writing() as session:
        assert accounts.delete_registry(session, "docker.io") is True
        assert accounts.delete_registry(session, "docker.io") is False
    with database.reading() as session:
        assert [row.host for row in accounts.registries(session)] == ["r.example:5000"]


def test_a_revoked_token_opens_nothing_and_leaves_the_others(database: Database, now: datetime) -> None:
    with database.writing() as session:
        value, row = accounts.create_token(session, "viewer", "ci", now)
        other, _ = accounts.create_token(session, "admin", "ci", now)
        accounts.delete_token(session, row.id)
    with database.reading() as session:
        assert accounts.find_token(session.connection(), value) is None
        assert accounts.find_token(session.connection(), other) is not None


def test_a_removed_person_is_logged_out_and_others_are_not(database: Database, now: datetime) -> None:
    with database.writing() as session:
        cookie = accounts.open_session(session, add_alice(session, now).id, now)
        bob = accounts.add_user(session, "bob", "viewer", "battery staple", now)
        bobs = accounts.open_session(session, bob.id, now)
        accounts.delete_user(session, "alice")
    with database.reading() as session:
        assert accounts.session_user(session, cookie, now) is None
        assert accounts.check_password(session, "alice", "correct horse") is None
        assert accounts.session_user(session, bobs, now) is not None
