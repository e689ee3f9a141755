"""What every layer shares: the order of the layers, an isolated home, a migrated ledger, a fixed moment.

A layer is a directory, named in LAYERS from cheap to dear; the cheap ones run first, so that a slip shows in seconds.
`make test` gives the tests to two processes: most of them wait for containers. A file stays in one process, and all the
tests on one house or one Prefect server do, since those take half a minute to build; the dear ones begin then, so that
none of them is left over at the end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.connection import Database
from db.migrate import upgrade
from db.settings import Settings, ensure_home

LAYERS = ("pure", "db", "engine", "flows", "web", "cli", "faults")
# Groups of tests that share what is dear to build, and the fixture that has it.
SHARED = {"house": "built_house", "prefect": "prefect_api"}
collect_ignore = ["bench"]
pytest_plugins = ("tests.engine.fixtures", "tests.flows.fixtures")

# Where the tests look for Docker, taken before the developer's own settings are put out of reach.
ENGINE_ADDRESS = os.environ.get("BACKSTAY_DOCKER_HOST", "")
# `all` walks the whole matrix of tests/faults, which takes long; else a part in which everything occurs.
FAULTS = os.environ.get("BACKSTAY_FAULTS", "")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the developer's own Backstay and Prefect out of the tests, in this process and in its children."""
    for name in [name for name in os.environ if name.startswith(("BACKSTAY_", "PREFECT_"))]:
        del os.environ[name]
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cheap layers first; within one, the order that pytest found. Between processes, dear ones before the cheap."""
    groups = _groups(items)
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.path]))
    shared = hasattr(config, "workerinput")
    items.sort(key=lambda item: _turn(item.path, groups[item.path]) if shared else (0, _rank(item.path)))


def _rank(path: Path) -> int:
    layer = _within(path).parts[0]
    return LAYERS.index(layer) if layer in LAYERS else len(LAYERS)


def _groups(items: list[pytest.Item]) -> dict[Path, str]:
    """What has to stay in one process: a file, or all the files that share a house or a Prefect server."""
    fixtures: dict[Path, set[str]] = {}
    for item in items:
        fixtures.setdefault(item.path, set()).update(getattr(item, "fixturenames", ()))
    dear = {path: [group for group, fixture in SHARED.items() if fixture in used] for path, used in fixtures.items()}
    return {path: (groups or [_within(path).as_posix()])[0] for path, groups in dear.items()}


def _turn(path: Path, group: str) -> tuple[int, int]:
    rank = _rank(path)
    if rank == 0:
        return -1, 0
    return ([*SHARED, group].index(group), -rank)


def _within(path: Path) -> Path:
    return path.relative_to(Path(__file__).parent)


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
