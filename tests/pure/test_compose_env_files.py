"""The `.env` of a compose file is there while the file is read, and gone or as it was afterwards."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from tasks.compose import variables
from tasks.compose.reading import env_files
from tasks.compose.reading.external_files import Unreadable
from tasks.compose.reading.opened_files import EnvFile, of_text

LINES = 'A="${A}"\nHOME="${HOME}"\n'
NAMES = ["A", "COMPOSE_FILE", "HOME"]


def named(*places: str, **more: Any) -> list[EnvFile]:
    return [EnvFile("web.env_file", place, (PurePosixPath(place),), **more) for place in places]


def files(tree: Path) -> dict[str, str]:
    return {str(path.relative_to(tree)): path.read_text() if path.is_file() else "" for path in sorted(tree.rglob("*"))}


def test_an_env_file_has_names_and_no_values() -> None:
    text, environment = variables.handed_over({"HOME": "x y", "COMPOSE_FILE": "no", "B": "$"})
    assert list(environment.values()) == ["x y", "$"]
    assert [line.partition("=")[0] for line in text.splitlines()] == ["HOME", "B"]
    assert not set(environment) & {"HOME", "B"}
    assert "x y" not in text
    assert variables.passed_on(NAMES) == LINES


def test_files_are_there_during_the_block_alone(tmp_path: Path) -> None:
    with env_files.provided(tmp_path, named(".env", "new/deep/stack.env", "other.env"), NAMES):
        assert files(tmp_path) == {".env": LINES, "new": "", "new/deep": "", "new/deep/stack.env": LINES}
    assert files(tmp_path) == {}


def test_what_a_repository_has_comes_first_and_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("A=0")
    (tmp_path / ".env").symlink_to("real")
    (tmp_path / "a").mkdir()
    (tmp_path / "a/.env").write_bytes(b"")
    (tmp_path / "a/stack.env").mkdir()
    before = files(tmp_path)
    with pytest.raises(KeyError), env_files.provided(tmp_path, named(".env", "a/.env", "a/stack.env"), NAMES):
        assert files(tmp_path)["real"] == "A=0\n" + LINES
        assert files(tmp_path)["a/.env"] == LINES
        raise KeyError
    assert files(tmp_path) == before


def test_one_whose_values_are_taken_as_they_stand_is_left_alone(tmp_path: Path) -> None:
    with env_files.provided(tmp_path, named(".env") + named(".env", as_is=True), NAMES):
        assert files(tmp_path) == {}


def test_those_that_must_be_there_are_missing(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("")
    every = named("there", "gone") + named("optional", required=False)
    assert [one.path for one in env_files.missing(tmp_path, every)] == ["gone"]


@pytest.mark.parametrize(
    ("text", "outside", "inside"),
    [
        ("services: {web: {env_file: .env}}", [], [".env"]),
        ("services: {web: {env_file: [./.env, {path: a/b.env, required: false}]}}", [], ["./.env", "a/b.env"]),
        ("services: {web: {env_file: ../.env}}", ["web.env_file"], []),
        ("services: {web: {env_file: '${X}/.env'}}", ["web.env_file"], []),
        ("services: {web: {env_file: /etc/.env}}", ["web.env_file"], []),
        ("services: {web: {env_file: ~/.env}}", ["web.env_file"], []),
        ("services: {web: {label_file: .env}}", ["web.label_file"], []),
        ("services: {web: {extends: {file: .env, service: x}}}", ["web.extends"], []),
        ("include: [{path: a.yaml, env_file: .env}]", ["include"], [".env"]),
        ("include: [.env]", ["include"], []),
        ("services: {include: {env_file: .env}}", [], [".env"]),
    ],
)
def test_beside_a_text_are_files_of_variables_alone(text: str, outside: list[str], inside: list[str]) -> None:
    found = of_text(text)
    assert (found.outside, sorted(one.path for one in found.env_files)) == (outside, sorted(inside))


def test_a_text_that_cannot_be_read_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        of_text("{")
