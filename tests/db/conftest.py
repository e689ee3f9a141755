"""The ledger on both of its databases: every test of this layer that asks for `database` runs on each."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from signal import SIGQUIT
from subprocess import run

import psycopg
import pytest

from db.connection import Database
from db.migrate import upgrade
from db.settings import Settings
from tests.ledger_steps import add_workload
from tests.real_parts import free_port, postgres_program, real_part, running


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL of our own, with a migrated and empty database to copy from."""

    port: int
    template: str = "migrated"

    def url(self, name: str) -> str:
        """SQLAlchemy's address of one of its databases."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> None:
        """Run a statement that must stand outside of a transaction."""
        with psycopg.connect(f"host=127.0.0.1 port={self.port} user=postgres", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]

    def create(self, template: str = "template0") -> str:
        """Make a database; answers its name."""
        name = f"t{secrets.token_hex(6)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """A throw-away PostgreSQL cluster on a free port of the loopback address, fast and forgetful."""
    real_part("postgres")
    in_memory = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    directory = Path(tempfile.mkdtemp(prefix="backstay-postgres-", dir=in_memory))
    # PostgreSQL refuses to run as root.
    as_user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    if as_user:
        shutil.chown(directory, "postgres", "postgres")
    cluster = Cluster(free_port())
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(cluster.port),
        "unix_socket_directories": str(directory),
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "shared_buffers": "32MB",
        "autovacuum": "off",
        "max_wal_senders": "0",
        "wal_level": "minimal",
    }
    try:
        initdb = [str(postgres_program("initdb")), "-D", str(directory / "data"), "-U", "postgres", "--auth=trust"]
        run([*initdb, "--no-sync", "--no-locale", "-E", "UTF8"], check=True, capture_output=True, cwd="/", **as_user)
        command = [str(postgres_program("postgres")), "-D", str(directory / "data")]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        log = directory / "log"
        with running(command, log=log, ready=cluster.answers, stop_with=SIGQUIT, cwd="/", **as_user):
            cluster.execute(f"CREATE DATABASE {cluster.template} TEMPLATE template0")
            template = Database(cluster.url(cluster.template))
            upgrade(template)
            template.close()
            yield cluster
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def dialect(request: pytest.FixtureRequest) -> str:
    """The database system that the test runs on."""
    return str(request.param)


@pytest.fixture
def empty_url(dialect: str, home: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a database without any table."""
    if dialect == "sqlite":
        home.mkdir(parents=True, exist_ok=True)
        yield f"sqlite:///{home / 'empty.db'}"
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    name = cluster.create()
    yield cluster.url(name)
    cluster.drop(name)


@pytest.fixture
def database(
    dialect: str, settings: Settings, migrated_sqlite: Path, request: pytest.FixtureRequest
) -> Iterator[Database]:
    """A migrated, empty ledger, once on SQLite and once on PostgreSQL."""
    if dialect == "sqlite":
        shutil.copy(migrated_sqlite, settings.home / "backstay.db")
        database = Database(settings.ledger_url)
        yield database
        database.close()
        return
    cluster: Cluster = request.getfixturevalue("postgres")
    name = cluster.create(cluster.template)
    database = Database(cluster.url(name))
    yield database
    database.close()
    cluster.drop(name)


@pytest.fixture
def shop(database: Database, now: datetime) -> int:
    """A workload without a deploy."""
    with database.writing() as session:
        return add_workload(session, now, name="shop")
