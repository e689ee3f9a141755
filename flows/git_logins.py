"""Credentials of git servers: stored, listed and removed by name, for the API, the pages and the command line."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from db.access import git_credentials
from db.messages.key_problems import KeyProblem
from flows.shapes.git_credentials import GitLogin, git_credential
from tasks.context import Context, now
from tasks.credentials import USERNAME
from tasks.sources.credential_names import normal
from tasks.sources.invalid_spec import InvalidSpec, refusal_of


def store(context: Context, name: str, data: dict[str, Any]) -> dict[str, Any]:
    """Store or replace the credentials of a host or of a path on it; return what may be shown. Raises InvalidSpec."""
    given = _checked(data)
    stored = normal(name)
    if stored is None:
        raise InvalidSpec("host", KeyProblem.NOT_A_GIT_HOST)
    username, password, key = given.username or USERNAME, given.password or given.token, given.ssh_key
    context.redactor.learn([one for one in (password, key) if one])
    locked_password, locked_key = (context.vault.lock(one) if one else None for one in (password, key))
    with context.database.writing() as session:
        git_credentials.put(session, stored, username, locked_password, locked_key, now())
        found = git_credentials.find(session, stored)
        return git_credential(found) if found else {}


def every(context: Context) -> list[dict[str, Any]]:
    """Return what may be shown of all credentials."""
    with context.database.reading() as session:
        return [git_credential(row) for row in git_credentials.every(session)]


def remove(context: Context, name: str) -> bool:
    """Remove credentials; False when there are none of that name."""
    stored = normal(name)
    if stored is None:
        return False
    with context.database.writing() as session:
        return git_credentials.remove(session, stored)


def _checked(data: dict[str, Any]) -> GitLogin:
    try:
        return GitLogin.model_validate(data)
    except ValidationError as error:
        refusal = refusal_of(error)
    raise refusal
