"""The verbs about the installation, and what the CLI says when it is used wrongly."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import select

from db.access import accounts
from db.access.vault import token_hash
from db.connection import Database
from db.models import Token
from db.settings import Settings
from flows.cli.app import app
from tests.cli.conftest import Backstay

VERBS = [
    "up",
    "engine",
    "web",
    "migrate",
    "apply",
    "deploy",
    "rollback",
    "releases",
    "status",
    "remove",
    "logs",
    "backup",
    "restore",
    "token",
    "user",
    "settings",
    "doctor",
    "hook",
]
SLOW_TO_IMPORT = ("prefect", "pandas", "docker", "sqlalchemy", "alembic", "flask", "pydantic")


def test_help_imports_nothing_that_is_slow() -> None:
    code = f"import sys, flows.cli.app; print([name for name in {SLOW_TO_IMPORT} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_help_lists_every_verb_of_the_issue(bare: Backstay) -> None:
    said = bare("--help")
    assert said.code == 0
    for verb in VERBS:
        assert f"  {verb} " in said.out


@pytest.mark.parametrize(
    "arguments",
    [["launch"], ["deploy"], ["deploy", "a", "b", "c"], ["token", "create", "--role", "king"], ["releases", "--no"]],
)
def test_wrong_usage_is_one_line_and_code_2(bare: Backstay, arguments: list[str]) -> None:
    said = bare(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("backstay: ")
    assert said.err.count("\n") == 1


def test_a_bad_setting_is_named_without_its_value(bare: Backstay, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BACKSTAY_WEB_PORT", "hunter2")
    said = bare("settings")
    assert said.code == 2
    assert "BACKSTAY_WEB_PORT" in said.err
    assert "hunter2" not in said.err


def test_settings_lists_all_with_help_and_shows_no_secret(bare: Backstay, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BACKSTAY_ADMIN_PASSWORD", "correct horse")
    environment.setenv("BACKSTAY_DATABASE_URL", "postgresql+psycopg://me:p@ss/w:rd@db.example/ledger?password=alsothis")
    rows = {row["name"]: row for row in bare("settings", "--json").json["settings"]}
    assert rows.keys() == Settings.model_fields.keys()
    assert all(row["help"] and row["env"].startswith("BACKSTAY_") for row in rows.values())
    assert rows["database_url"]["value"] == "postgresql+psycopg://me:***@db.example/ledger?password=***"
    assert rows["admin_password"]["value"] == "***"
    assert rows["web_port"]["value"] == rows["web_port"]["default"] == 8000
    text = bare("settings").out
    for secret in ("correct horse", "p@ss", "alsothis"):
        assert secret not in text


def test_migrate_makes_a_ledger_and_is_content_with_one(bare: Backstay, settings: Settings) -> None:
    first = bare("migrate", "--json").json
    assert bare("migrate", "--json").json == first
    assert first["revision"] in bare("migrate").out
    assert (settings.home / "backstay.db").exists()


def test_a_ledger_that_was_never_set_up_is_told_apart_from_a_broken_one(
    bare: Backstay, environment: pytest.MonkeyPatch
) -> None:
    assert "run `backstay migrate`" in bare("status").err
    environment.setenv("BACKSTAY_DATABASE_URL", "postgresql+psycopg://me:hunter2@127.0.0.1:9/ledger")
    said = bare("status")
    assert said.code == 1
    assert "`backstay doctor`" in said.err
    assert "hunter2" not in said.err


def test_a_home_that_cannot_be_used_is_named(bare: Backstay, environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment.setenv("BACKSTAY_HOME", str(tmp_path / "file" / "home"))
    said = bare("token", "create", "--role", "viewer")
    assert said.code == 1
    assert str(tmp_path / "file" / "home") in said.err


def test_a_token_is_printed_once_and_stored_as_a_hash(backstay: Backstay, database: Database) -> None:
    said = backstay("token", "create", "--role", "viewer", "--label", "ci", "--json")
    assert said.json["token"].startswith("bst_")
    assert (said.json["role"], said.err) == ("viewer", "")
    with database.reading() as session:
        row = accounts.find_token(session.connection(), said.json["token"])
        assert row is not None
        assert (row.id, row.label) == (said.json["id"], "ci")
        assert session.scalars(select(Token.token_hash)).all() == [token_hash(said.json["token"])]


def test_a_token_alone_on_stdout_can_be_piped(backstay: Backstay) -> None:
    said = backstay("token", "create", "--role", "admin")
    assert said.out.startswith("bst_")
    assert said.out.count("\n") == 1


def test_a_user_gets_in_with_the_password_of_the_file(backstay: Backstay, database: Database, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    said = backstay("user", "add", "ann", "--role", "viewer", "--password-file", str(tmp_path / "password"), "--json")
    assert said.json == {"id": said.json["id"], "name": "ann", "role": "viewer"}
    with database.reading() as session:
        assert accounts.check_password(session, "ann", "correct horse") is not None


def test_a_password_can_come_from_standard_input(
    backstay: Backstay, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert backstay("user", "add", "ann").code == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("battery staple\n"))
    assert backstay("user", "password", "ann").code == 0
    with database.reading() as session:
        assert accounts.check_password(session, "ann", "correct horse") is None
        assert accounts.check_password(session, "ann", "battery staple") is not None


@pytest.mark.parametrize(
    ("arguments", "password", "code", "words"),
    [
        (["user", "add", "ann"], "short", 2, "at least 8 characters"),
        (["user", "add", " "], "correct horse", 2, "1 to 80 characters"),
        (["user", "password", "bob"], "correct horse", 1, "`backstay user add bob`"),
    ],
)
def test_a_user_is_refused_with_what_to_do(
    backstay: Backstay, monkeypatch: pytest.MonkeyPatch, arguments: list[str], password: str, code: int, words: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(password))
    said = backstay(*arguments)
    assert said.code == code
    assert words in said.err
    assert password not in said.err


def test_a_user_cannot_be_added_twice(backstay: Backstay, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in (0, 1):
        monkeypatch.setattr("sys.stdin", io.StringIO("correct horse"))
        said = backstay("user", "add", "ann")
        assert said.code == code
    assert "`backstay user password NAME`" in said.err


def test_doctor_says_what_is_wrong_and_what_to_do(bare: Backstay) -> None:
    said = bare("doctor")
    assert said.code == 1
    lines = {line.split()[1]: line for line in said.out.splitlines()}
    places = {"home", "disk", "database", "clock", "docker", "host", "builds", "compose", "files", "git", "prefect"}
    assert lines.keys() == places | {"ports"}
    for name, words in {
        "database": "`backstay migrate`",
        "docker": "make up",
        "prefect": "BACKSTAY_PREFECT_API_URL",
    }.items():
        assert lines[name].startswith("✗")
        assert words in lines[name]
    assert lines["home"].startswith("✓")
    assert lines["compose"].startswith("✓")
    assert "Docker does not respond" in lines["host"]


def test_doctor_says_that_a_setting_names_no_docker_compose(bare: Backstay, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BACKSTAY_COMPOSE", "/nonexistent/docker-compose")
    (line,) = [line for line in bare("doctor").out.splitlines() if line.split()[1] == "compose"]
    assert line.startswith("✗")
    assert "BACKSTAY_COMPOSE" in line


def test_doctor_speaks_json_too(backstay: Backstay) -> None:
    said = backstay("doctor", "--json")
    assert (said.code, said.json["ok"]) == (1, False)
    assert {check["name"]: check["ok"] for check in said.json["checks"]}["database"] is True


def test_doctor_stops_at_a_home_that_cannot_be_used(bare: Backstay, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BACKSTAY_HOME", "/proc/nowhere")
    said = bare("doctor")
    assert said.code == 1
    assert said.out.startswith("✗ home")


def test_a_reader_who_has_seen_enough_is_no_error(settings: Settings) -> None:
    command = f"{sys.executable} -m flows.cli settings | head -n 1; echo ${{PIPESTATUS[0]}}"
    env = os.environ | {"BACKSTAY_HOME": str(settings.home)}
    done = subprocess.run(["bash", "-c", command], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0].startswith("SETTING")
    assert done.stderr == ""


def test_up_refuses_without_docker_in_one_sentence(bare: Backstay) -> None:
    said = bare("up")
    assert said.code == 2
    assert said.err.startswith("backstay: Docker does not respond at unix://")
    assert said.err.count("\n") == 1


def test_every_verb_is_documented_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    documented = set(re.findall(r"^\| `backstay ([a-z-]+(?: [a-z]+)?)", page, flags=re.M))
    assert documented == set(_verbs(typer.main.get_command(app)))


def _verbs(command: Any, words: str = "") -> Iterator[str]:
    for name, inner in getattr(command, "commands", {}).items():
        yield from _verbs(inner, f"{words}{name} ")
    if not hasattr(command, "commands"):
        yield words.strip()
