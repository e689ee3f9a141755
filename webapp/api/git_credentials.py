"""Credentials of git servers: stored encrypted, never shown again."""

from __future__ import annotations

from flask import Blueprint, Response

from db.messages.refusals import RefusalCode
from flows import git_logins
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import context
from webapp.http.problems import Problem

blueprint = Blueprint("git_credentials", __name__, url_prefix="/api/git-credentials")


@blueprint.get("")
def list_all() -> Response:
    """Answer names, user names and kinds of credentials, nothing else."""
    return json_answer({"git_credentials": git_logins.every(context())})


@blueprint.put("/<path:host>")
def put(host: str) -> Response:
    """Store or replace the credentials of a git server, or of a path on it."""
    return json_answer(git_logins.store(context(), host, params.json_body()))


@blueprint.delete("/<path:host>")
def remove(host: str) -> Response:
    """Delete the credentials of a git server, or of a path on it: 204."""
    if not git_logins.remove(context(), host):
        raise Problem(RefusalCode.NO_SUCH_GIT_CREDENTIALS)
    return nothing()
