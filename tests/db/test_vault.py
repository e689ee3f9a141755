"""Secrets at rest: the key stays in HOME, the database alone gives nothing away."""

from __future__ import annotations

import stat
from datetime import datetime

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from db import workloads
from db.access import accounts
from db.access.vault import SecretUnreadable, Vault, token_hash
from db.connection import Database
from db.models import Base
from db.settings import Settings, prefect_auth, secret_file
from tests.ledger_steps import add_workload, all_at_once

SECRETS = ["hunter2-database-pässword", "registry-pw-4711", "correct horse battery staple"]


def test_what_is_locked_opens_again(settings: Settings) -> None:
    vault = Vault.of(settings)
    for secret in [*SECRETS, ""]:
        locked = vault.lock(secret)
        assert locked != vault.lock(secret)
        assert secret == "" or secret not in locked
        assert vault.unlock(locked) == secret


def test_the_key_file_is_for_its_owner_only(settings: Settings) -> None:
    Vault.of(settings)
    assert stat.S_IMODE((settings.home / "secret.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.home.stat().st_mode) == 0o700
    assert [path.name for path in settings.home.iterdir() if "secret" in path.name] == ["secret.key"]


def test_the_second_vault_of_a_home_opens_what_the_first_locked(settings: Settings) -> None:
    assert Vault.of(settings).unlock(Vault.of(settings).lock("x")) == "x"


def test_creators_of_the_key_that_start_at_once_agree(settings: Settings) -> None:
    vaults = all_at_once(*[lambda: Vault.of(settings)] * 10)
    locked = [vault.lock("x") for vault in vaults]
    assert {vault.unlock(text) for vault in vaults for text in locked} == {"x"}


def test_creators_of_a_secret_file_that_start_at_once_agree(settings: Settings) -> None:
    contents = all_at_once(*[lambda: secret_file(settings.home / "some")] * 10)
    assert len(set(contents)) == 1
    assert [path.name for path in settings.home.iterdir() if path.name.startswith("some")] == ["some"]


def test_prefects_login_is_made_once_and_kept(settings: Settings) -> None:
    user, _, password = prefect_auth(settings).partition(":")
    assert user
    assert len(password) >= 20
    assert prefect_auth(settings) == f"{user}:{password}"


def test_the_wrong_key_says_so_and_nothing_else(settings: Settings) -> None:
    locked = Vault.of(settings).lock(SECRETS[0])
    with pytest.raises(SecretUnreadable) as caught:
        Vault(Fernet.generate_key()).unlock(locked)
    assert str(caught.value) == ""
    assert caught.value.__context__ is None
    with pytest.raises(SecretUnreadable):
        Vault.of(settings).unlock("not locked at all")


def test_the_content_of_the_database_gives_no_secret_away(
    database: Database, settings: Settings, now: datetime
) -> None:
    vault = Vault.of(settings)
    with database.writing() as session:
        workload_id = add_workload(session, now, secrets={"DB_PASSWORD": vault.lock(SECRETS[0])})
        accounts.put_registry(session, "r.example", "ann", vault.lock(SECRETS[1]), now)
        alice = accounts.add_user(session, "alice", "admin", SECRETS[2], now)
        cookie = accounts.open_session(session, alice.id, now)
        token, _ = accounts.create_token(session, "admin", "ci", now)
    with database.reading() as session:
        tables = [session.execute(text(f"SELECT * FROM {name}")).all() for name in Base.metadata.tables]
        dump = repr(tables)
        assert workloads.by_id(session, workload_id).secrets["DB_PASSWORD"] in dump  # the dump does see what is there
    assert token_hash(token) in dump
    key = (settings.home / "secret.key").read_text()
    assert [secret for secret in [*SECRETS, cookie, token, key] if secret in dump] == []
