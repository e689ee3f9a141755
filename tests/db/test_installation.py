"""The identity of an installation is made once, whoever asks first."""

from __future__ import annotations

from datetime import datetime

from db import installation
from db.connection import Database
from tests.ledger_steps import all_at_once


def test_the_identity_stays_what_it_was_first(database: Database, now: datetime) -> None:
    with database.writing() as session:
        first = installation.identity(session, now)
    with database.writing() as session:
        assert installation.identity(session, now.replace(year=2020)) == first
    assert len(first) == 16
    assert int(first, 16) >= 0


def test_processes_that_ask_first_at_once_agree(database: Database, now: datetime) -> None:
    def ask() -> str:
        with database.writing() as session:
            return installation.identity(session, now)

    assert len(set(all_at_once(*[ask] * 10))) == 1
