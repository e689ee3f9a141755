"""Credentials of registries and git servers: listed by host, added and removed by forms, never shown again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from flows import git_logins
from tasks.sources.invalid_spec import InvalidSpec
from webapp.api import git_credentials, registries
from webapp.forms.told import told
from webapp.http.current import context

blueprint = Blueprint("credentials", __name__, url_prefix="/credentials")
REGISTRY = ("host", "username", "password")
GIT = ("host", "username", "password", "ssh_key")
SECRET = frozenset({"password", "ssh_key"})


@blueprint.get("")
def show() -> str:
    """Render both lists, and the forms for admins."""
    return _page()


@blueprint.post("/registries")
def add_registry() -> Response | tuple[str, int]:
    """Store credentials of a registry, or show the form again."""
    return _stored("registry", REGISTRY, registries.store)


@blueprint.post("/registries/<host>/remove")
def remove_registry(host: str) -> Response:
    """Delete the credentials."""
    registries.remove(host)
    return redirect("/credentials#registries", 303)


@blueprint.post("/git")
def add_git() -> Response | tuple[str, int]:
    """Store credentials of a git server, or show the form again."""
    return _stored("git", GIT, lambda host, given: git_logins.store(context(), host, given))


@blueprint.post("/git/<path:host>/remove")
def remove_git(host: str) -> Response:
    """Delete the credentials."""
    git_credentials.remove(host)
    return redirect("/credentials#git", 303)


def _stored(
    which: str, keys: tuple[str, ...], store: Callable[[str, dict[str, Any]], Any]
) -> Response | tuple[str, int]:
    typed = {key: request.form.get(key, "").strip() for key in keys}
    given = {key: value for key, value in typed.items() if value and key != "host"}
    try:
        store(typed["host"], given)
    except InvalidSpec as problem:
        # Secrets from the form are not sent back.
        shown = {key: value for key, value in typed.items() if key not in SECRET}
        return _page({which: shown}, {f"{which}.{problem.key}": told(problem)}), 422
    return redirect(f"/credentials#{'registries' if which == 'registry' else which}", 303)


def _page(inputs: dict[str, dict[str, str]] | None = None, errors: dict[str, str] | None = None) -> str:
    return render_template(
        "credentials.html",
        registries=registries.every(),
        git=git_logins.every(context()),
        inputs=inputs or {},
        errors=errors or {},
    )
