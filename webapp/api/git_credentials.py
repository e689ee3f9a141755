"""Credentials of git servers: stored encrypted, never shown again."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response

from db.access import git_credentials
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.models import GitCredential
from flows.shapes.base import filled
from tasks.context import now
from tasks.credentials import USERNAME
from tasks.sources.invalid_spec import InvalidSpec
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import context
from webapp.http.problems import Problem
from webapp.shapes import stored as shapes
from webapp.shapes.stored import GitLogin

blueprint = Blueprint("git_credentials", __name__, url_prefix="/api/git-credentials")
HOST = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,250}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?$"
_HOST = re.compile(HOST)


@blueprint.get("")
def list_all() -> Response:
    """Answer hosts, user names and kinds of credentials, nothing else."""
    return json_answer({"git_credentials": every()})


def every() -> list[dict[str, Any]]:
    """Return what may be shown, for JSON and for the page."""
    with context().database.reading() as session:
        return [_shown(row) for row in git_credentials.every(session)]


@blueprint.put("/<host>")
def put(host: str) -> Response:
    """Store or replace the credentials of a git server."""
    return json_answer(store(host, params.json_body()))


def store(host: str, data: dict[str, Any]) -> dict[str, Any]:
    """Store the credentials, for JSON and for a form; return what may be shown. Raises InvalidSpec naming the key."""
    given = params.checked(GitLogin, data)
    if not _HOST.match(host.lower()):
        raise InvalidSpec("host", KeyProblem.NOT_A_GIT_HOST)
    username, password, key = given.username or USERNAME, given.password or given.token, given.ssh_key
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
    """Delete the credentials of a git server: 204."""
    with context().database.writing() as session:
        gone = git_credentials.remove(session, host.lower()) if _HOST.match(host.lower()) else False
    if not gone:
        raise Problem(RefusalCode.NO_SUCH_GIT_CREDENTIALS)
    return nothing()


def _shown(row: GitCredential) -> dict[str, Any]:
    has = [name for name, value in (("password", row.password), ("ssh_key", row.ssh_key)) if value]
    return filled(shapes.GitCredential, row, has=has)
