"""Refused keys over HTTP; together with tests/pure/test_invalid_spec.py, a case for every code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from db.messages.key_problems import KeyProblem
from db.messages.problem_base import Problem
from db.messages.source_problems import SourceProblem
from db.states import Trigger
from flows.cli import apply as cli
from flows.requests import Asked
from flows.workloads import uploads
from tasks.context import Context
from tasks.sources.invalid_spec import InvalidSpec
from tests.pure import test_invalid_spec as pure

GIT = "/api/git-credentials/git.example"
SHOP = "/api/workloads/shop"
SITE = {"name": "site", "source": {"kind": "static"}}
# What is wrong -> a call, its body, and the key that is named.
CALLS: dict[Problem, tuple[str, str, Any, str]] = {
    KeyProblem.FIXED: ("PATCH", SHOP, {"name": "other"}, "name"),
    KeyProblem.SECRET_TOO: ("PATCH", SHOP, {"env": {"DB_PASSWORD": "x"}}, "env.DB_PASSWORD"),
    KeyProblem.NO_SUCH_HOST: ("PATCH", SHOP, {"host": "elsewhere"}, "host"),
    KeyProblem.FIXED_KIND: ("PATCH", SHOP, {"source": {"kind": "compose", "text": "services: {}"}}, "source.kind"),
    KeyProblem.UNKNOWN_KEY: ("PATCH", SHOP, {"sauce": None}, "sauce"),
    KeyProblem.WRONG_KIND: ("POST", f"{SHOP}/deploys", {"ref": "main"}, "ref"),
    KeyProblem.TAKES_NO_FILES: ("PUT", f"{SHOP}/content", b"", "source.kind"),
    KeyProblem.BAD_ARCHIVE: ("PUT", "/api/workloads/site/content", b"none", "content"),
    KeyProblem.NOT_IN_SOURCE: ("POST", f"{SHOP}/hooks", {"provider": "github"}, "provider"),
    KeyProblem.NO_BRANCHES: ("POST", f"{SHOP}/hooks", {"provider": "registry", "branch": "main"}, "branch"),
    KeyProblem.NOT_A_NAME_PATTERN: ("POST", f"{SHOP}/hooks", {"provider": "registry", "tag": "a b"}, "tag"),
    SourceProblem.NOT_A_PATH_FILTER: ("POST", f"{SHOP}/hooks", {"provider": "github", "paths": ["/a"]}, "paths"),
    SourceProblem.PATHS_NEED_GIT: ("POST", f"{SHOP}/hooks", {"provider": "registry", "paths": ["a"]}, "paths"),
    SourceProblem.SECRET_IN_ADDRESS: ("POST", f"{SHOP}/hooks", {"provider": "dockerhub", "secret": "s" * 9}, "secret"),
    KeyProblem.BAD_SECRET: ("POST", f"{SHOP}/hooks", {"provider": "registry", "secret": "sec ret"}, "secret"),
    KeyProblem.CONFLICTS_WITH: ("PUT", GIT, {"token": "x", "password": "y"}, "token"),
    KeyProblem.NO_CREDENTIALS: ("PUT", GIT, {}, "password"),
    KeyProblem.NOT_ONE_LINE: ("PUT", GIT, {"token": "x\ny"}, "token"),
    KeyProblem.NOT_A_PRIVATE_KEY: ("PUT", GIT, {"ssh_key": "x"}, "ssh_key"),
    KeyProblem.NOT_A_GIT_HOST: ("PUT", "/api/git-credentials/a@b", {"token": "x"}, "host"),
    KeyProblem.NOT_A_REGISTRY_HOST: ("PUT", "/api/registries/a@b", {"username": "x", "password": "y"}, "host"),
}
# What only the command line refuses -> how to have it refused.
LINES: dict[KeyProblem, Callable[[Context, Path], Any]] = {
    KeyProblem.NOT_UTF8: lambda _, file: cli._read(file),
    KeyProblem.NO_SUCH_PATH: lambda context, file: uploads.deploy(
        context, "site", Asked(Trigger.CLI, "me"), None, None, file / "gone"
    ),
}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("problem", CALLS)
def test_a_refused_key_is_named_with_its_code(admin: FlaskClient, problem: Problem) -> None:
    method, path, body, key = CALLS[problem]
    admin.post("/api/workloads", json=SITE)
    answer = admin.open(path, method=method, **({"data": body} if isinstance(body, bytes) else {"json": body}))
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_spec")
    assert (answer.json["key"], answer.json["problem"]) == (key, problem)
    assert answer.json["detail"].startswith(f"{key}: ")
    assert "%" not in answer.json["detail"]


@pytest.mark.parametrize("problem", LINES)
def test_what_only_the_command_line_takes_is_refused_by_code_too(
    context: Context, tmp_path: Path, problem: KeyProblem
) -> None:
    (tmp_path / "file").write_bytes(b"\xff")
    with pytest.raises(InvalidSpec) as caught:
        LINES[problem](context, tmp_path / "file")
    assert caught.value.problem is problem


def test_every_code_has_a_case_that_raises_it() -> None:
    cases = {*pure.SPECS, *pure.SOURCES, *pure.FILES, *CALLS, *LINES, KeyProblem.NOT_ACCEPTED}
    assert {*KeyProblem, *SourceProblem} - cases == set()
