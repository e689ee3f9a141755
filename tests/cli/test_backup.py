"""`backstay backup` and `backstay restore`: while a writer hammers, over a HOME in use, and every way to be refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from db import history, migrate, workloads
from db.access.vault import Vault
from db.connection import Database
from db.installation import identity
from db.models import Workload
from db.settings import Settings, ensure_home
from db.states import Status
from flows.home_locks import hold_engine_lock
from flows.supervisor import preflight
from tests import ledger_steps as steps
from tests.cli.conftest import Backstay

A_LATER_REVISION = '''
"""A revision that this program does not have."""
from alembic import op
import sqlalchemy as sa
revision, down_revision = "9999", "{before}"
def upgrade():
    op.create_table("of_tomorrow", sa.Column("id", sa.Integer, primary_key=True))
'''


def the_shop(session: Session) -> Workload:
    """The workload of these tests."""
    found = workloads.find(session, "shop")
    assert found is not None
    return found


@pytest.fixture
def shop(database: Database, settings: Settings, now: datetime) -> str:
    """A workload with two versions and a secret; answers the installation's identity."""
    with database.writing() as session:
        locked = Vault.of(settings).lock("s3cr3t")
        workload_id = steps.add_workload(session, now, secrets={"DB_PASSWORD": locked})
        steps.deploy_well(session, workload_id, now, "a")
        steps.deploy_well(session, workload_id, now, "b")
        return identity(session, now)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the backup goes."""
    return tmp_path / "saved" / "backup.tar"


@pytest.fixture
def saved(backstay: Backstay, shop: str, file: Path) -> Path:
    """A backup of it."""
    file.parent.mkdir()
    assert backstay("backup", str(file)).code == 0
    return file


@pytest.fixture
def elsewhere(settings: Settings, environment: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Another HOME, which the environment names from now on."""
    environment.setenv("BACKSTAY_HOME", str(tmp_path / "other"))
    return settings.model_copy(update={"home": tmp_path / "other"})


def entries(home: Path) -> dict[str, bytes]:
    """The state in a HOME, byte by byte; logs and locks are none."""
    return {
        path.name: path.read_bytes() for path in home.iterdir() if path.is_file() and not path.name.endswith(".lock")
    }


def complaints(ledger: Path) -> list[object]:
    """What SQLite finds wrong in a database."""
    with closing(sqlite3.connect(ledger)) as connection:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        return [row for row in found if row != ("ok",)] + connection.execute("PRAGMA foreign_key_check").fetchall()


def test_a_backup_is_restored_into_an_empty_home(saved: Path, shop: str, bare: Backstay, elsewhere: Settings) -> None:
    done = bare("restore", str(saved), "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json == {
        "revision": migrate.head(),
        "created_at": done.json["created_at"],
        "kept": None,
        "workloads": 1,
        "unfinished": 0,
        "files": [],
        "files_left": [],
    }
    assert complaints(elsewhere.home / "backstay.db") == []
    database = Database(elsewhere.ledger_url)
    with database.writing() as session:
        workload = the_shop(session)
        assert [row.version for row in history.page(session, workload.id)] == [2, 1]
        assert Vault.of(elsewhere).unlock(workload.secrets["DB_PASSWORD"]) == "s3cr3t"
        assert identity(session, workload.created_at) == shop
    database.close()
    for name in ("backstay.db", "secret.key"):
        assert (elsewhere.home / name).stat().st_mode & 0o777 == 0o600


def test_the_file_is_for_its_owner_and_the_command_says_why(saved: Path, backstay: Backstay) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    said = backstay("backup", str(saved), "--force", "--json")
    assert "can open the stored secrets" in said.err
    assert set(said.json["members"]) >= {"ledger.db", "secret.key"}
    assert said.json["revision"] == migrate.head()


def test_a_file_that_is_there_stays_unless_forced(saved: Path, backstay: Backstay) -> None:
    before = saved.read_bytes()
    said = backstay("backup", str(saved))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "(backup_exists)" in said.err
    assert saved.read_bytes() == before
    assert backstay("backup", str(saved), "--force").code == 0


def test_a_backup_under_fire_is_whole_and_keeps_nobody_waiting(
    backstay: Backstay, bare: Backstay, shop: str, database: Database, file: Path, elsewhere: Settings, now: datetime
) -> None:
    stop, waits = threading.Event(), list[float]()

    def hammer() -> None:
        while not stop.is_set():
            began = time.monotonic()
            with database.writing() as session:
                steps.deploy_well(session, the_shop(session).id, now, "c")
            waits.append(time.monotonic() - began)

    writers = [threading.Thread(target=hammer) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        file.parent.mkdir()
        home = str(database.engine.url.database).removesuffix("/backstay.db")
        made: list[str] = []
        while len(waits) < 50:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("BACKSTAY_HOME", home)
                made.append(f"{file}{len(made)}")
                assert bare("backup", made[-1]).code == 0
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    assert len(made) > 3
    assert max(waits) < 5
    for each in made:
        assert bare("restore", each, "--force").code == 0
        assert complaints(elsewhere.home / "backstay.db") == []


def test_a_home_with_something_in_it_is_kept_unless_forced_and_then_aside(
    saved: Path, backstay: Backstay, settings: Settings, database: Database, now: datetime
) -> None:
    with database.writing() as session:
        steps.deploy_well(session, the_shop(session).id, now, "late")
    database.close()
    before = entries(settings.home)
    said = backstay("restore", str(saved))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "(home_not_empty)" in said.err
    assert entries(settings.home) == before
    kept = Path(backstay("restore", str(saved), "--force", "--json").json["kept"])
    assert kept.parent == settings.home
    assert kept.name.startswith("before-restore-")
    assert kept.stat().st_mode & 0o777 == 0o700
    assert entries(kept).items() <= before.items()
    assert complaints(kept / "backstay.db") == []
    with database.reading() as session:
        assert history.latest(session, the_shop(session).id).version == 2  # type: ignore[union-attr]


@contextmanager
def an_up(settings: Settings) -> Iterator[None]:
    descriptor = preflight.lock_home(settings, print)
    try:
        yield
    finally:
        preflight.os.close(descriptor)


def an_engine(settings: Settings) -> AbstractContextManager[None]:
    return hold_engine_lock(settings.model_copy(update={"host_name": "another"}))


@contextmanager
def a_web(settings: Settings) -> Iterator[None]:
    code = (
        "import os, sys; from db.settings import load_settings; from flows.home_locks import share_as_web\n"
        "share_as_web(load_settings())\n"
        "os.execv(sys.executable, [sys.executable, '-c', 'print(1, flush=True); input()'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        yield
    finally:
        process.communicate()


@pytest.mark.parametrize("somebody", [an_up, an_engine, a_web], ids=["up", "engine", "web"])
def test_a_home_in_use_is_left_alone(
    saved: Path, bare: Backstay, elsewhere: Settings, somebody: Callable[[Settings], Iterator[None]]
) -> None:
    ensure_home(elsewhere)
    with somebody(elsewhere):  # type: ignore[attr-defined]
        said = bare("restore", str(saved), "--force")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "(home_in_use)" in said.err
    assert entries(elsewhere.home) == {}
    assert bare("restore", str(saved)).code == 0


def test_a_backup_can_be_made_while_everything_holds_its_lock(
    saved: Path, backstay: Backstay, settings: Settings
) -> None:
    with an_up(settings), an_engine(settings), a_web(settings):
        assert backstay("backup", str(saved), "--force").code == 0


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda whole: b"", "backup_foreign"),
        (lambda whole: b"SQLite format 3\0" + whole, "backup_foreign"),
        (lambda whole: whole[: len(whole) // 2], "backup_damaged"),
        (lambda whole: whole[:30000] + b"\xff" + whole[30001:], "backup_damaged"),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_touched(
    saved: Path, bare: Backstay, settings: Settings, database: Database, spoil: Callable[[bytes], bytes], code: str
) -> None:
    database.close()
    saved.write_bytes(spoil(saved.read_bytes()))
    before = entries(settings.home)
    said = bare("restore", str(saved), "--force")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert f"({code})" in said.err
    assert entries(settings.home) == before
    assert not list(settings.home.glob("*restor*"))


def test_a_file_that_is_not_there_is_named_and_the_right_one_still_fits(
    saved: Path, bare: Backstay, elsewhere: Settings, tmp_path: Path
) -> None:
    for verb in ("backup", "restore"):
        said = bare(verb, str(tmp_path / "nowhere" / "file"))
        assert (said.code, said.err.count("\n")) == (1, 1)
    assert not (elsewhere.home / "backstay.db").exists()
    assert bare("restore", str(saved)).code == 0


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Calling it makes this program the next version, with one more revision; today comes back at the end."""
    today, source = migrate.alembic_config, Path(migrate.__file__).parent / "migrations"
    shutil.copytree(source, tmp_path / "migrations")
    later = A_LATER_REVISION.replace("{before}", migrate.head())
    (tmp_path / "migrations" / "versions" / "9999_tomorrow.py").write_text(later)

    def config() -> object:
        made = today()
        made.set_main_option("script_location", str(tmp_path / "migrations"))
        return made

    yield lambda: monkeypatch.setattr(migrate, "alembic_config", config)


def test_an_older_backup_is_migrated_and_a_newer_one_refused(
    saved: Path, bare: Backstay, elsewhere: Settings, tomorrow: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context():
        tomorrow()
        assert bare("restore", str(saved), "--json").json["revision"] == "9999"
        assert complaints(elsewhere.home / "backstay.db") == []
        assert bare("backup", f"{saved}.new").code == 0
    monkeypatch.undo()
    monkeypatch.setenv("BACKSTAY_HOME", str(elsewhere.home / "third"))
    said = bare("restore", f"{saved}.new")
    assert said.code == 1
    assert "(backup_newer)" in said.err
    assert entries(elsewhere.home / "third") == {}


def test_a_damaged_ledger_is_not_saved(backstay: Backstay, shop: str, database: Database, file: Path) -> None:
    file.parent.mkdir()
    database.close()
    ledger = Path(str(database.engine.url.database))
    whole = ledger.read_bytes()
    ledger.write_bytes(whole[:8192] + b"\x55" * (len(whole) - 8192))
    said = backstay("backup", str(file))
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert "(ledger_damaged)" in said.err
    assert list(file.parent.iterdir()) == []


def test_a_ledger_on_postgresql_is_left_to_pg_dump(bare: Backstay, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKSTAY_DATABASE_URL", "postgresql+psycopg://me:hunter2@127.0.0.1:9/ledger")
    for verb in ("backup", "restore"):
        said = bare(verb, str(file))
        assert said.code == 1
        assert "pg_dump" in said.err
        assert "hunter2" not in said.err


def test_what_was_under_way_is_counted(
    backstay: Backstay, bare: Backstay, shop: str, database: Database, file: Path, now: datetime, elsewhere: Settings
) -> None:
    with database.writing() as session:
        steps.ask(session, the_shop(session).id, now)
    file.parent.mkdir()
    home = str(database.engine.url.database).removesuffix("/backstay.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BACKSTAY_HOME", home)
        assert bare("backup", str(file)).code == 0
    assert "1 deploys were unfinished" in bare("restore", str(file)).err
    restored = Database(elsewhere.ledger_url)
    with restored.reading() as session:
        assert [row.status for row in history.unfinished(session)] == [Status.QUEUED]
    restored.close()
