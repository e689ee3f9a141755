"""What the program has, the docs have: every setting, every error code, every refusal, in the same words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from db.messages.errors import BACKUPS, ERRORS, HOOKS
from db.messages.file_problems import FileProblem
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.messages.source_problems import SourceProblem
from db.settings import Settings
from db.states import ErrorCode, status_for
from tasks.webhooks import PROVIDERS

DOCS = Path(__file__).parents[2] / "docs"


def table(text: str) -> dict[str, list[str]]:
    """The rows of all tables of a page: what stands in `code` in the first cell -> the other cells."""
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in text.splitlines() if "|" in line]
    return {cells[0].strip("`"): cells[1:] for cells in rows if cells[0].startswith("`")}


@pytest.fixture(scope="module")
def settings_page() -> dict[str, list[str]]:
    """The rows of docs/settings.md."""
    return table((DOCS / "settings.md").read_text())


@pytest.fixture(scope="module")
def errors_page() -> list[dict[str, list[str]]]:
    """The rows of docs/errors.md, section by section: errors of a deploy, refused requests, refused keys, compose
    files, refused backups."""
    return [table(section) for section in (DOCS / "errors.md").read_text().split("\n## ")]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_default_and_its_help(
    settings_page: dict[str, list[str]], name: str
) -> None:
    field = Settings.model_fields[name]
    default = getattr(field.default, "get_secret_value", lambda: field.default)()
    shown = f"`{default}`" if str(default) else "empty"
    assert field.description
    assert settings_page[f"BACKSTAY_{name.upper()}"] == [shown, field.description]


def test_no_setting_is_documented_that_is_not_there(settings_page: dict[str, list[str]]) -> None:
    documented = {name for name in settings_page if name.startswith("BACKSTAY_")}
    assert documented == {f"BACKSTAY_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_error_code_is_documented_with_its_sentence(
    errors_page: list[dict[str, list[str]]], code: ErrorCode
) -> None:
    status, stage, when, sentence = errors_page[0][code]
    assert status == status_for(code)
    assert stage
    assert when
    assert sentence == ERRORS[code]


def test_every_refusal_is_documented_with_its_status_and_its_sentence(errors_page: list[dict[str, list[str]]]) -> None:
    assert errors_page[1] == {code: [str(code.http_status), code.sentence] for code in RefusalCode}
    assert errors_page[4] == {code: [text] for code, text in BACKUPS.items()}


def test_every_problem_of_a_key_is_documented_with_what_is_said_of_it(
    errors_page: list[dict[str, list[str]]],
) -> None:
    assert errors_page[2] == {
        code: [re.sub(r"%\((\w+)\)s", r"*\1*", code.clause)] for code in (*KeyProblem, *SourceProblem)
    }


def test_every_problem_of_a_compose_file_is_documented_with_what_is_said_of_it(
    errors_page: list[dict[str, list[str]]],
) -> None:
    assert errors_page[3] == {code: [re.sub(r"%\((\w+)\)s", r"*\1*", code.clause)] for code in FileProblem}


def test_no_code_is_documented_that_is_not_there(errors_page: list[dict[str, list[str]]]) -> None:
    assert (set(errors_page[0]), len(errors_page)) == (set(ErrorCode), 5)


def test_every_outcome_of_a_webhook_is_documented_with_its_sentence() -> None:
    text = (DOCS / "webhooks.md").read_text()
    assert {code: cells[-1] for code, cells in table(text).items()} == HOOKS
    assert all(f"`{name}`" in text for name in PROVIDERS)


def test_only_rows_that_begin_with_a_code_count() -> None:
    assert table("| `a` | b | c |\n| x | y |\n|---|---|\nand `d` in a sentence") == {"a": ["b", "c"]}


@pytest.mark.parametrize("page", sorted((DOCS / "plans").glob("000[1-9]-*.md")), ids=lambda page: page.stem)
def test_every_file_that_a_plan_names_is_there(page: Path) -> None:
    named = set(re.findall(r"`((?:tests|db|tasks|flows|webapp|docs)/[\w./-]*)`", page.read_text()))
    assert named
    assert {path for path in named if not (DOCS.parent / path).exists()} == set()


def test_the_map_of_the_rooms_names_every_room_and_no_other() -> None:
    root = DOCS.parent
    named = re.findall(
        r"^\| \**`((?:db|tasks|flows|webapp)/[\w/]*)`", (root / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    tops = ("db", "tasks", "flows", "webapp")
    rooms = {f"{init.parent.relative_to(root)}/" for top in tops for init in (root / top).rglob("__init__.py")}
    assert set(named) == rooms - {"db/migrations/versions/"}
