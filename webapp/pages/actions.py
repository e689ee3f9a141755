"""Deploy, roll back and cancel from a page: a confirmation that says what will happen, then a plain form.

The script shows the same confirmation in a dialog; it asks for it with ?dialog=1.
"""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from db import history
from db.differences import between
from db.models import Deploy
from db.rows import row
from flows import requests
from webapp import params
from webapp.api.deploys import asked, find
from webapp.api.workloads import describe
from webapp.current import context, reading
from webapp.problems import Problem

blueprint = Blueprint("actions", __name__, url_prefix="/apps/<name>")


@blueprint.get("/deploy")
def confirm_deploy(name: str) -> str:
    """What a deploy will run, with a field for another image."""
    with reading(name) as (session, workload):
        return _confirmation("deploy", app=describe(session, workload))


@blueprint.post("/deploy")
def deploy(name: str) -> Response:
    """Start a deploy."""
    image = params.optional_text(dict(request.form), "image", 500) if request.form.get("image") else None
    requests.request_deploy(context(), name, asked(), image)
    return _back_to(name)


@blueprint.get("/rollback/<version:version>")
def confirm_rollback(name: str, version: int) -> str:
    """From which version to which, what comes back, and what does not."""
    with reading(name) as (session, workload):
        target, live = find(session, workload, version), history.live(session, workload.id)
        app, change = describe(session, workload), between(session, live, target)
    return _confirmation("rollback", app=app, target=_as_row(target, name, live), change=change)


@blueprint.post("/rollback")
def roll_back(name: str) -> Response:
    """Start a rollback to the version that the form names."""
    version, expected = (_number(key) for key in ("version", "expected_live"))
    requests.request_rollback(context(), name, asked(), version, expected)
    return _back_to(name)


@blueprint.post("/cancel/<version:version>")
def cancel(name: str, version: int) -> Response:
    """Ask an unfinished deploy to stop."""
    requests.request_cancel(context(), name, version)
    return _back_to(name)


def _confirmation(what: str, **values: object) -> str:
    folder = "dialogs" if "dialog" in request.args else "confirm"
    return render_template(f"{folder}/{what}.html", **values)


def _as_row(deploy: Deploy, name: str, live: Deploy | None) -> dict[str, object]:
    return row(deploy, name, live, context().settings.prefect_ui_url)


def _number(key: str) -> int | None:
    text = request.form.get(key, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Problem("bad_request", f"{key}: must be a whole number")
    return int(text)


def _back_to(name: str) -> Response:
    return redirect(f"/apps/{name}", 303)
