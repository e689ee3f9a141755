"""The verbs about webhooks."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from db import webhooks
from db.connection import Database
from tests.cli.conftest import Backstay
from tests.ledger_steps import add_workload


@pytest.fixture(autouse=True)
def _shop(database: Database, now: datetime) -> None:
    with database.writing() as session:
        add_workload(session, now)


def test_a_hook_is_added_listed_and_removed(backstay: Backstay, database: Database) -> None:
    made = backstay("hook", "add", "shop", "--provider", "registry", "--tag", "v*", "--json").json
    assert made["url"] == f"http://127.0.0.1:8000/api/hooks/{made['token']}"
    with database.reading() as session:
        assert webhooks.by_token(session, made["token"]) is not None
    listed = backstay("hook", "list", "shop", "--json")
    assert [(one["id"], one["provider"], one["tag"]) for one in listed.json["hooks"]] == [
        (made["id"], "registry", "v*")
    ]
    text = backstay("hook", "list", "shop").out
    assert "tag v*" in text
    for secret in (made["token"], made["secret"]):
        assert secret not in listed.out + text
    assert backstay("hook", "remove", "shop", str(made["id"])).code == 0
    again = backstay("hook", "remove", "shop", str(made["id"]))
    assert (again.code, again.out) == (1, "")
    assert backstay("hook", "list", "shop", "--json").json == {"hooks": []}


def test_address_and_secret_are_printed_for_a_person_too(backstay: Backstay, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BACKSTAY_PUBLIC_URL", "https://deploy.example.com")
    said = backstay("hook", "add", "shop", "--provider", "generic")
    address, secret = said.out.splitlines()
    assert address.startswith("address  https://deploy.example.com/api/hooks/bsh_")
    assert secret.startswith("secret   ")
    assert "BACKSTAY_PUBLIC_URL" not in said.err


def test_a_hook_with_its_secret_in_the_address_has_no_other(backstay: Backstay) -> None:
    said = backstay("hook", "add", "shop", "--provider", "dockerhub")
    (address,) = said.out.splitlines()
    token, secret = address.rpartition("/api/hooks/")[2].split("/")
    assert (token.startswith("bsh_"), len(secret) >= 40) == (True, True)
    assert "The secret is a part of it." in said.err
    assert secret not in backstay("hook", "list", "shop", "--json").out


def test_paths_are_given_one_by_one_and_listed(backstay: Backstay, tmp_path: Path) -> None:
    spec = tmp_path / "site.yaml"
    spec.write_text("name: site\nsource: {kind: git, url: 'https://git.example/acme/site'}\n")
    backstay("apply", str(spec))
    made = backstay("hook", "add", "site", "--provider", "gitea", "--path", "web/**", "--path", "!docs/**", "--json")
    assert made.json["paths"] == ["web/**", "!docs/**"]
    assert "web/** !docs/**" in backstay("hook", "list", "site").out
    assert "paths must be" in backstay("hook", "add", "site", "--provider", "gitea", "--path", "/etc").err


def test_a_hook_that_could_not_work_is_refused(backstay: Backstay) -> None:
    assert "provider" in backstay("hook", "add", "shop", "--provider", "github").err
    assert "(no_such_workload)" in backstay("hook", "add", "absent", "--provider", "generic").err
    assert "(no_such_workload)" in backstay("hook", "list", "absent").err
    environment_wrong = backstay("hook", "add", "shop", "--provider", "registry", "--branch", "main")
    assert (environment_wrong.code, "branch" in environment_wrong.err) == (2, True)
