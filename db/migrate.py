"""Migration of a ledger database to the newest schema, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from db.connection import Database, translated


def upgrade(database: Database) -> str:
    """Run the missing migrations; return the resulting revision.

    One transaction on both databases: a failed migration leaves the schema as it was. Raises LedgerUnavailable.
    """
    config = alembic_config()
    writer = database.engine.execution_options(backstay_writes=True)
    with translated(), writer.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Serializes two processes that start at once. The number is arbitrary.
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7225342)")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return MigrationContext.configure(connection).get_current_revision() or ""


def is_current(database: Database) -> bool:
    """Return whether the schema is the one that this program was written for."""
    with translated(), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head()


def knows(revision: str) -> bool:
    """Return whether this program knows that revision, rather than being older than it."""
    return any(one.revision == revision for one in ScriptDirectory.from_config(alembic_config()).walk_revisions())


def head() -> str:
    """Return the newest revision."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head() or ""


def alembic_config() -> Config:
    """Return Alembic's settings: the directory of the migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
