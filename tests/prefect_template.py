"""A Prefect database that is migrated already, to be copied to where a test starts a Prefect server.

A first start makes it from nothing, which takes longer than all the rest of the start; test_supervisor does have one.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tasks.system.file_locks import locked

# Kept between runs; `make clean` removes it.
CACHE = Path(__file__).parents[1] / ".test-cache"
MIGRATE = [sys.executable, "-P", "-m", "flows.supervisor.prefect_server", "server", "database", "upgrade", "-y"]


def copy_prefect_database(to: Path, cache: Path = CACHE) -> None:
    """Copy the migrated database of the installed Prefect to `to`. Makes it first where no run has yet."""
    shutil.copyfile(_template(cache), to)


def _template(cache: Path) -> Path:
    template = cache / f"prefect-{importlib.metadata.version('prefect')}-{_newest_migration()}.db"
    with locked(cache / "prefect.lock"):  # the test processes all want it at the same moment
        if not template.exists():
            _migrate(template)
    return template


def _newest_migration() -> str:
    found = importlib.util.find_spec("prefect")
    assert found is not None
    assert found.origin is not None
    versions = Path(found.origin).parent / "server" / "database" / "_migrations" / "versions" / "sqlite"
    return max(path.stem for path in versions.glob("*.py"))  # their names begin with the day


def _migrate(template: Path) -> None:
    with tempfile.TemporaryDirectory(dir=template.parent) as directory:
        made = Path(directory) / "prefect.db"
        environment = os.environ | {
            "PREFECT_HOME": directory,
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{made}",
        }
        subprocess.run(MIGRATE, env=environment, capture_output=True, check=True)
        with closing(sqlite3.connect(made)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the one file is all of it
        made.rename(template)
