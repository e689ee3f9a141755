"""Docker Compose, the program: which one is taken, and what it is given to see."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from db.settings import Settings
from db.states import ErrorCode
from tasks.compose import cli
from tasks.context import Context
from tasks.failures import Failure

REAL = Path(sys.executable).parent / "docker-compose"


def plugin(home: Path, says: str | None) -> str:
    """A plugin of Docker's: the real program, or one that says another version."""
    path = home / "cli-plugins" / "docker-compose"
    path.parent.mkdir(parents=True)
    if says is None:
        path.symlink_to(REAL)
    else:
        path.write_text(f"#!/bin/sh\necho {says}\n")
        path.chmod(0o755)
    return str(path)


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's directory of a user, and no other program on the path."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("PATH", "/nonexistent")
    return tmp_path / "docker"


def test_the_plugin_is_taken_before_the_one_beside_python(settings: Settings, docker_config: Path) -> None:
    found = cli.find(settings)
    assert found is not None
    assert found.path in {*(f"{folder}/docker-compose" for folder in cli.PLUGINS), str(REAL)}
    path = plugin(docker_config, None)
    ours = cli.find(settings.model_copy(update={"compose": str(REAL)}))
    assert ours is not None
    assert cli.find(settings) == cli.Found(path, ours.version)


@pytest.mark.parametrize(
    ("says", "taken"),
    [("1.29.2", False), ("2.23.3", False), ("v2.24.0", True), ("2.40.0-desktop.1", True), ("", False)],
)
def test_one_that_is_too_old_is_none(settings: Settings, tmp_path: Path, says: str, taken: bool) -> None:
    path = plugin(tmp_path, says)
    found = cli.find(settings.model_copy(update={"compose": path}))
    assert (found is not None) is taken


def test_it_sees_nothing_of_our_environment_and_no_file_of_a_user(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OURS", "of-backstay")
    (tmp_path / ".env").write_text("BESIDE=of-the-directory")
    text = b"services: {web: {image: 'x:${OURS:-none}-${BESIDE:-none}-${GIVEN}', environment: [OURS, HOME]}}"
    arguments = ["--file", "-", "config", "--format", "json"]
    said = json.loads(cli.config(context, "p", tmp_path, arguments, {"GIVEN": "yes", "COMPOSE_FILE": "/x"}, text))
    web = said["services"]["web"]
    assert web["image"] == "x:none-none-yes"
    assert web["environment"]["OURS"] is None
    assert web["environment"]["HOME"] == str(context.settings.home / "compose")


def test_what_it_says_of_a_bad_file_is_in_the_log_alone(context: Context, tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        cli.config(context, "p", tmp_path, ["--file", "-", "config"], {}, b"services: {web: {image: x, prots: []}}")
    assert (caught.value.code, caught.value.__context__) == (ErrorCode.INVALID_SOURCE, None)
    assert "prots" in (context.settings.logs / "test.jsonl").read_text()
