"""Credentials of git servers: stored encrypted, never shown again."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response

from db.access import git_credentials
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.models import GitCredential
from tasks.context import now
from tasks.credentials import USERNAME, normal_key
from tasks.invalid_spec import InvalidSpec
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import context
from webapp.http.problems import Problem

blueprint = Blueprint("git_credentials", __name__, url_prefix="/api/git-credentials")
HOST = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$"
_HOST = re.compile(HOST)


@blueprint.get("")
def list_all() -> Response:
    """Hosts, user names and which kinds of credentials there are, nothing else."""
    return json_answer({"git_credentials": every()})


def every() -> list[dict[str, Any]]:
    """What may be shown, for JSON and for the page."""
    with context().database.reading() as session:
        return [_shown(row) for row in git_credentials.every(session)]


@blueprint.put("/<host>")
def put(host: str) -> Response:
    """Store or replace the credentials of a git server."""
    return json_answer(store(host, params.json_body()))


def store(host: str, data: dict[str, Any]) -> dict[str, Any]:
    """The same for JSON and for a form; answers what may be shown. Raises InvalidSpec naming the key."""
    params.only_keys(data, {"username", "password", "token", "ssh_key"})
    if not _HOST.match(host.lower()):
        raise InvalidSpec("host", KeyProblem.NOT_A_GIT_HOST)
    username = _line(data, "username", 255) or USERNAME
    if data.get("password") is not None and data.get("token") is not None:
        raise InvalidSpec("token", KeyProblem.CONFLICTS_WITH, other="password")
    password = _line(data, "password", 4096) or _line(data, "token", 4096)
    key = _key(data)
    if password is None and key is None:
        raise InvalidSpec("password", KeyProblem.NO_CREDENTIALS)
    context().redactor.learn([one for one in (password, key) if one])
    lock = context().vault.lock
    with context().database.writing() as session:
        git_credentials.put(
            session, host.lower(), username, lock(password) if password else None, lock(key) if key else None, now()
        )
        found = git_credentials.find(session, host.lower())
        return _shown(found) if found else {}


@blueprint.delete("/<host>")
def remove(host: str) -> Response:
    """Forget the credentials of a git server: 204."""
    with context().database.writing() as session:
        gone = git_credentials.remove(session, host.lower()) if _HOST.match(host.lower()) else False
    if not gone:
        raise Problem(RefusalCode.NO_SUCH_GIT_CREDENTIALS)
    return nothing()


def _shown(row: GitCredential) -> dict[str, Any]:
    has = [name for name, value in (("password", row.password), ("ssh_key", row.ssh_key)) if value]
    return {"host": row.host, "username": row.username, "has": has}


def _line(data: dict[str, Any], key: str, longest: int) -> str | None:
    """One line: git's way of handing credentials on has no room for more."""
    value = params.optional_text(data, key, longest)
    if value is not None and not value.isprintable():
        raise InvalidSpec(key, KeyProblem.NOT_ONE_LINE)
    return value


def _key(data: dict[str, Any]) -> str | None:
    given = params.optional_text(data, "ssh_key", 16384)
    if given is None:
        return None
    if (key := normal_key(given)) is None:
        raise InvalidSpec("ssh_key", KeyProblem.NOT_A_PRIVATE_KEY)
    return key
