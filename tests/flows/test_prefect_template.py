"""The migrated Prefect database that tests copy: made once, by whichever process comes first."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.prefect_template import copy_prefect_database


def test_processes_that_want_it_at_once_get_the_same_whole_database(tmp_path: Path) -> None:
    wanted = [tmp_path / f"{number}.db" for number in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda to: copy_prefect_database(to, tmp_path / "cache"), wanted))
    (made,) = (tmp_path / "cache").glob("*.db")
    assert {path.read_bytes() for path in wanted} == {made.read_bytes()}
    with closing(sqlite3.connect(wanted[0])) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        assert revision in made.name
        assert connection.execute("SELECT count(*) FROM flow_run").fetchone() == (0,)
