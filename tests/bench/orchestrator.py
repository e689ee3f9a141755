"""A week of runs in Prefect's own database, and what its vacuum, set up as `backstay up` does it, leaves of them.

Some runs are made for real, over the server's API, by the calls that the engine makes. A day of one a minute is made of
them: copied row by row, under ids of their own, each copy at its minute of the day. The server's vacuum takes what is
too old, all rows get a day older, and the next day comes: a week long. The server looks each few seconds, not each
hour, so that a day is over in half a minute; what is old, and how it goes, is as always.
"""

from __future__ import annotations

import re
import sqlite3
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from db.settings import Settings, ensure_home, prefect_auth
from flows.supervisor.programs import RETENTION_S, answers, programs
from tests.bench.table import Line
from tests.real_parts import free_port, running, wait_until

REAL, MINUTES, DAYS = 60, 24 * 60, 7
STATES = (("PENDING", "Pending"), ("RUNNING", "Running"), ("COMPLETED", "Completed"))
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOMENT = "%Y-%m-%d %H:%M:%S.%f"
Tables = dict[str, tuple[list[str], list[tuple[Any, ...]]]]


def main(directory: Path) -> list[Line]:
    """Make the runs, then let day after day pass."""
    settings = Settings(home=directory, prefect_port=free_port())
    ensure_home(settings)
    file = directory / "prefect.db"
    with served(settings) as api:
        make_runs(api)
        real = rows_of_runs(file)
        began = in_use(file)
        days = [day(file, real) for _ in range(DAYS)]
        with closing(connected(file)) as connection:
            runs = connection.execute("SELECT count(*) FROM flow_run").fetchone()[0]
    print(
        "MB in use, and MB of the file, after each day: " + ", ".join(f"{a / 1e6:.0f}/{b / 1e6:.0f}" for a, b in days)
    )
    return [
        Line("a run with its states and events", (days[0][0] - began) / MINUTES / 1000, "KB"),
        Line("runs after a week of a run a minute / made", runs, "runs", DAYS * MINUTES + REAL, 0.3),
        Line("in use after a week / after five days", days[-1][0] / 1e6, "MB", days[4][0] / 1e6, 1.1),
        Line("the file after a week / after five days", days[-1][1] / 1e6, "MB", days[4][1] / 1e6, 1.1),
    ]


@contextmanager
def served(settings: Settings) -> Iterator[httpx.Client]:
    """The server as `backstay up` starts it, but for how often it looks for what is old."""
    program = programs(settings)[0]
    environment = program.env | {"PREFECT_SERVER_SERVICES_DB_VACUUM_LOOP_SECONDS": "5"}

    def ready() -> bool:
        return answers("127.0.0.1", settings.prefect_port, "/api/health")

    log = settings.home / "prefect.output"
    options = {"environment": environment, "cwd": program.cwd}
    with running(program.argv, log=log, ready=ready, within_s=120, **options):  # type: ignore[arg-type]
        user, _, password = prefect_auth(settings).partition(":")
        with httpx.Client(base_url=settings.api_url, auth=(user, password), timeout=30) as client:
            yield client


def make_runs(api: httpx.Client) -> None:
    """Runs of a deployment from Scheduled to Completed, and the events that the server makes of them."""
    flow = post(api, "/flows/", {"name": "collect-stats"})["id"]
    deployment = post(api, "/deployments/", {"name": "collect-stats", "flow_id": flow})["id"]
    for number in range(REAL):
        body = {"state": {"type": "SCHEDULED"}, "name": f"run-{number}", "idempotency_key": f"bench-{number}"}
        run = post(api, f"/deployments/{deployment}/create_flow_run", body)["id"]
        for kind, name in STATES:
            state = {"type": kind, "name": name, "message": "120 samples" if kind == "COMPLETED" else None}
            post(api, f"/flow_runs/{run}/set_state", {"state": state})

    def recorded() -> bool:
        wanted = {"filter": {"event": {"name": ["prefect.flow-run.Completed"]}}, "limit": 1}
        return bool(post(api, "/events/filter", wanted)["total"] >= REAL)

    wait_until(recorded, 60, "the events of the runs do not come")


def post(api: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    """What the server answers; asked again while its SQLite is busy, as the engine does."""
    answer = api.post(path, json=body)
    while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        time.sleep(0.2)
        answer = api.post(path, json=body)
    answer.raise_for_status()
    return answer.json()


def rows_of_runs(file: Path) -> list[Tables]:
    """The rows of each real run, by table."""
    with closing(sqlite3.connect(file)) as connection:
        return [tables_of(connection, run) for (run,) in connection.execute("SELECT id FROM flow_run").fetchall()]


def tables_of(connection: sqlite3.Connection, run: str) -> Tables:
    """The rows of one run, its own first."""
    found = {"flow_run": select(connection, "flow_run", "id = ?", run)}
    found["flow_run_state"] = select(connection, "flow_run_state", "flow_run_id = ?", run)
    found["events"] = select(connection, "events", "resource_id = ?", f"prefect.flow-run.{run}")
    resources = "event_id IN (SELECT id FROM events WHERE resource_id = ?)"
    found["event_resources"] = select(connection, "event_resources", resources, f"prefect.flow-run.{run}")
    return found


def select(connection: sqlite3.Connection, table: str, where: str, value: str) -> tuple[list[str], list[Any]]:
    """Names of the columns, and rows."""
    cursor = connection.execute(f"SELECT * FROM {table} WHERE {where}", (value,))
    return [column[0] for column in cursor.description], cursor.fetchall()


def day(file: Path, real: list[Tables]) -> tuple[int, int]:
    """A day comes, what is too old goes: bytes in use after it, and bytes of the file."""
    with closing(connected(file)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        age(connection, real)
        fill(connection, real)
        connection.execute("COMMIT")
    wait_until(lambda: not is_old(file), 120, "the vacuum does not come to an end")
    return in_use(file), file.stat().st_size


def connected(file: Path) -> sqlite3.Connection:
    """Patient, since the server writes as well."""
    connection = sqlite3.connect(file, isolation_level=None, timeout=60)
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def fill(connection: sqlite3.Connection, real: list[Tables]) -> None:
    """A run a minute over the day up to now, copied from the real ones in turn."""
    until = datetime.now(UTC).replace(tzinfo=None)
    connection.execute("PRAGMA defer_foreign_keys = ON")
    for minute in range(MINUTES):
        tables = real[minute % len(real)]
        columns, rows = tables["flow_run"]
        ended = datetime.strptime(rows[0][columns.index("end_time")], MOMENT)
        copy(connection, tables, until - timedelta(minutes=minute + 1) - ended)


def copy(connection: sqlite3.Connection, tables: Tables, later: timedelta) -> None:
    """Insert the rows of a run once more, under other ids and at another time."""
    own = {row[columns.index("id")] for columns, rows in tables.values() for row in rows if "id" in columns}
    ids = {one: str(uuid.uuid4()) for one in own}

    def copied(value: Any, name: str) -> Any:
        if not isinstance(value, str):
            return value
        if name == "idempotency_key":
            return str(uuid.uuid4())
        try:
            return (datetime.strptime(value, MOMENT) + later).strftime(MOMENT)
        except ValueError:
            return ID.sub(lambda found: ids.get(found[0], found[0]), value)

    for table, (columns, rows) in tables.items():
        marks = ", ".join("?" * len(columns))
        connection.executemany(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",
            [[copied(value, name) for name, value in zip(columns, row, strict=True)] for row in rows],
        )


def age(connection: sqlite3.Connection, real: list[Tables]) -> None:
    """Let a day pass."""
    for table, (columns, rows) in real[0].items():
        for name, value in zip(columns, rows[0], strict=True):
            if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", value):
                connection.execute(
                    f"UPDATE {table} SET {name} = strftime('%Y-%m-%d %H:%M:%f', {name}, '-1 day') || '000'"
                )


def is_old(file: Path) -> bool:
    """Whether there is anything that should be gone."""
    limit = (datetime.now(UTC) - timedelta(seconds=RETENTION_S)).strftime(MOMENT)
    with closing(connected(file)) as connection:
        runs = connection.execute("SELECT count(*) FROM flow_run WHERE end_time < ?", (limit,)).fetchone()[0]
        events = connection.execute("SELECT count(*) FROM events WHERE occurred < ?", (limit,)).fetchone()[0]
    return bool(runs or events)


def in_use(file: Path) -> int:
    """Bytes of the file that hold something; the rest is free for what comes."""
    with closing(connected(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        pages, free, each = (
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * each)
