"""What every layer shares: the order of the layers, an isolated home, a migrated ledger, a fixed moment.

A layer is a directory, named in tests.sharing from cheap to dear; the cheap ones run first, so that a slip shows in
seconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from db.connection import Database
from db.migrate import upgrade
from db.settings import Settings, ensure_home
from tests import sharing

collect_ignore = ["bench"]
pytest_plugins = ("tests.docker.fixtures", "tests.flows.fixtures", "tests.durations")

# Where the tests look for Docker, taken before the developer's own settings are put out of reach.
ENGINE_ADDRESS = os.environ.get("BACKSTAY_DOCKER_HOST", "")
# `all` walks the whole matrix of tests/faults, which takes long; else a part in which everything occurs.
FAULTS = os.environ.get("BACKSTAY_FAULTS", "")
MEMORY, MUCH_ROOM = Path("/dev/shm"), 4 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Keep the developer's own Backstay and Prefect out of the tests, in this process and in its children."""
    for name in [name for name in os.environ if name.startswith(("BACKSTAY_", "PREFECT_"))]:
        del os.environ[name]
    keep_files_in_memory()
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"


def keep_files_in_memory() -> None:
    """Put the temporary directories of tests where a commit need not wait for a disk, if there is much room for them.

    A test of the ledger or of Prefect commits all the time. No test pulls the plug of the whole machine.
    """
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MUCH_ROOM:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """See tests.sharing."""
    return sharing.BySharing(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cheap layers first."""
    sharing.sort(items, shared=hasattr(config, "workerinput"))


@pytest.fixture(autouse=True, scope="session")
def _prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    # Importing Prefect reads and writes its home: never the developer's.
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect-home"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty BACKSTAY_HOME."""
    return tmp_path / "home"


@pytest.fixture
def settings(home: Path) -> Settings:
    """Settings over `home`, with every default and nothing from the developer's environment."""
    settings = Settings(home=home, docker_host=ENGINE_ADDRESS)
    ensure_home(settings)
    return settings


@pytest.fixture
def now() -> datetime:
    """One moment, always the same."""
    return datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the newest schema and no rows, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def database(settings: Settings, migrated_sqlite: Path) -> Iterator[Database]:
    """A migrated, empty ledger: the one that `settings` point to. tests/db runs over PostgreSQL as well."""
    shutil.copy(migrated_sqlite, settings.home / "backstay.db")
    database = Database(settings.ledger_url)
    yield database
    database.close()
