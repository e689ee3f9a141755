"""Prefect's own engine of SQLAlchemy, made as its server makes it: its connections to SQLite are patient ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from flows.supervisor import prefect_server
from flows.supervisor.patient_sqlite import PatientConnection


@pytest.fixture
def patience() -> Iterator[None]:
    """Patience for this test only."""
    prefect_server.be_patient()
    yield
    event.remove(Engine, "do_connect", prefect_server._choose_connection)


@pytest.mark.usefixtures("patience")
def test_the_server_waits_for_sqlite_outside_of_sqlite(tmp_path: Path) -> None:
    from prefect.server.database.configurations import AioSqliteConfiguration

    async def look() -> tuple[type, int]:
        configuration = AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path}/prefect.db")
        engine = await configuration.engine()
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            timeout = (await connection.execute(text("PRAGMA busy_timeout"))).scalar_one()
            aiosqlites: Any = raw.driver_connection
            made = type(aiosqlites._conn)
        await engine.dispose()
        return made, timeout

    assert asyncio.run(look()) == (PatientConnection, 0)
