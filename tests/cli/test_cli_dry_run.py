"""`backstay apply --dry-run`: every reason at once, the list that allows them ready to paste, exit code 1."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from db import workloads
from db.connection import Database
from tests.cli.conftest import Backstay

STACK = """
name: stack
source:
  kind: compose
  text: |
    services:
      web: {image: "x:1", privileged: true, pid: host, environment: {A: "${KEY:?hunter2}", B: "${NOT_SET}"}}
      tool: {build: .}
watch_s: 1
"""
FINE = "name: fine\nsource: {kind: image, image: 'shop:1'}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of specs."""
    return tmp_path / "specs.yaml"


def test_every_reason_is_printed_and_the_list_is_yaml_to_paste(
    backstay: Backstay, file: Path, database: Database
) -> None:
    file.write_text(f"{FINE}---{STACK}")
    said = backstay("apply", str(file), "--dry-run")
    assert said.code == 1, said
    lines = said.out.splitlines()
    assert lines[0] == "fine: would be created"
    at = lines.index("stack: would be refused")
    assert [line.partition(": ")[0] for line in lines[at + 1 : -2]] == [
        "  ! watch_s",
        "  ! KEY",
        "  ! web.pid",
        "  ! web.privileged",
        "  ! tool.build",
        "  ? NOT_SET",
    ]
    assert yaml.safe_load(lines[-1]) == {"allow": ["web.pid", "web.privileged"]}
    assert "hunter2" not in said.out + said.err
    with database.reading() as session:
        assert workloads.every(session) == []


def test_the_same_as_json(backstay: Backstay, file: Path) -> None:
    file.write_text(f"{FINE}---{STACK}")
    said = backstay("apply", str(file), "--dry-run", "--json")
    assert (said.code, said.json["ok"], said.json["dry_run"]) == (1, False, True)
    fine, stack = said.json["workloads"]
    assert (fine["name"], fine["outcome"], fine["ok"], fine["problems"]) == ("fine", "created", True, [])
    assert (stack["name"], stack["outcome"], stack["ok"]) == ("stack", "refused", False)
    assert {one["code"] for one in stack["problems"]} == {
        "at_least",
        "compose_variable_required",
        "compose_refused",
        "compose_unusable",
    }
    assert stack["allow"] == ["web.pid", "web.privileged"]


def test_a_list_that_was_pasted_is_enough(backstay: Backstay, file: Path) -> None:
    spec = "name: x\nsource: {kind: compose, text: 'services: {web: {image: x, pid: host}}'%s}\n"
    file.write_text(spec % "")
    allow = backstay("apply", str(file), "--dry-run").out.splitlines()[-1].strip()
    file.write_text(
        f"name: x\nsource: {{kind: compose, text: 'services: {{web: {{image: x, pid: host}}}}', {allow}}}\n"
    )
    said = backstay("apply", str(file), "--dry-run")
    assert (said.code, said.out.splitlines()[0]) == (0, "x: would be created")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"a: [\n", "  ! line 2: is not valid YAML"),
        (b"", "  ! spec: is empty"),
        (b"\xff\xfe", "  ! spec: is not UTF-8 text"),
        (b"- 1\n", "  ! spec: must be a mapping of keys to values"),
        (b"just words\n", "  ! spec: must be a mapping of keys to values"),
        (b"name: x\nsource: {kind: compose, file: gone.yaml}\n", "  ! source.file: is no readable text file"),
    ],
)
def test_a_file_that_is_none_is_refused_too(backstay: Backstay, file: Path, content: bytes, line: str) -> None:
    file.write_bytes(content)
    said = backstay("apply", str(file), "--dry-run")
    assert said.code == 1, said
    assert "would be refused" in said.out.splitlines()[0]
    assert any(one.startswith(line) for one in said.out.splitlines()), said.out
    assert backstay("apply", str(file), "--dry-run", "--json").json["ok"] is False


def test_each_document_of_a_file_has_its_reasons(backstay: Backstay, file: Path) -> None:
    file.write_text(f"{FINE}watch_s: 1\n---\n{FINE}---\n{FINE}---\nname: A B\nsauce: 1\n")
    found = backstay("apply", str(file), "--dry-run", "--json").json["workloads"]
    assert [(one["name"], {(each["key"], each["code"]) for each in one["problems"]}) for one in found] == [
        ("fine", {("watch_s", "at_least")}),
        ("fine", set()),
        ("fine", {("name", "name_repeated")}),
        ("document 4", {("name", "bad_pattern"), ("sauce", "unknown_key"), ("source", "required")}),
    ]


def test_applying_refuses_with_the_same_reasons_before_anything_is_stored(
    backstay: Backstay, file: Path, database: Database
) -> None:
    file.write_text(f"{FINE}---\n{STACK}sauce: 1\n")
    said = backstay("apply", str(file))
    assert said.code == 2
    assert all(f"{key} " in said.err for key in ("watch_s", "sauce")), said.err
    with database.reading() as session:
        assert workloads.every(session) == []
    # What a deploy alone refuses is stored: nothing runs of it.
    file.write_text(f"{FINE}---\n{STACK.replace('watch_s: 1', '')}")
    assert backstay("apply", str(file)).code == 0
