"""Credentials of image registries: stored encrypted, never shown again."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, Response

from db.access import accounts
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from flows.shapes.base import filled
from tasks.context import now
from tasks.sources.invalid_spec import InvalidSpec
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import context
from webapp.http.problems import Problem
from webapp.shapes.stored import Credentials, Registry

blueprint = Blueprint("registries", __name__, url_prefix="/api/registries")
HOST = r"^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?|\[[0-9a-f:]{2,45}\])(?::[0-9]{1,5})?$"
_HOST = re.compile(HOST)


@blueprint.get("")
def list_all() -> Response:
    """Answer hosts and user names, nothing else."""
    return json_answer({"registries": every()})


def every() -> list[dict[str, Any]]:
    """Return what may be shown, for JSON and for the page."""
    with context().database.reading() as session:
        return [filled(Registry, row) for row in accounts.registries(session)]


@blueprint.put("/<host>")
def put(host: str) -> Response:
    """Store or replace the credentials of a registry."""
    return json_answer(store(host, params.json_body()))


def store(host: str, data: dict[str, Any]) -> dict[str, Any]:
    """Store the credentials, for JSON and for a form; return what may be shown. Raises InvalidSpec naming the key."""
    given = params.checked(Credentials, data)
    username, password = given.username, given.password.get_secret_value()
    if len(host) > 255 or not _HOST.match(host):
        raise InvalidSpec("host", KeyProblem.NOT_A_REGISTRY_HOST)
    context().redactor.learn([password])
    with context().database.writing() as session:
        accounts.put_registry(session, host, username, context().vault.lock(password), now())
    return {"host": host, "username": username}


@blueprint.delete("/<host>")
def remove(host: str) -> Response:
    """Delete the credentials of a registry: 204."""
    with context().database.writing() as session:
        gone = accounts.delete_registry(session, host) if _HOST.match(host) else False
    if not gone:
        raise Problem(RefusalCode.NO_SUCH_REGISTRY)
    return nothing()
