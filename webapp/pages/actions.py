"""Deploy, roll back and cancel from a page: a confirmation of what will happen, then a plain form.

The script shows the same confirmation in a dialog; it requests it with ?dialog=1.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from db import history, workloads
from db.diff import between
from db.messages.refusals import RefusalCode
from db.models import Deploy
from flows import requests
from flows.refusals import Refusal
from flows.shapes.deploys import row
from flows.workloads import uploads
from tasks.sources.invalid_spec import InvalidSpec
from webapp.api.deploys import asked, find
from webapp.api.workloads import describe
from webapp.forms.told import told
from webapp.http import params, problems
from webapp.http.current import caller, context, reading
from webapp.http.problems import Problem
from webapp.pages.apps import page_of
from webapp.pages.history_panel import Choice
from webapp.presenters import rollback_preview
from webapp.shapes.stored import DeployRequest

# After these the app has no page to show: it does not exist, or it is being removed.
NO_PAGE = frozenset({RefusalCode.NO_SUCH_WORKLOAD, RefusalCode.ENGINE_UNREACHABLE})
blueprint = Blueprint("actions", __name__, url_prefix="/apps/<name>")


@blueprint.get("/deploy")
def confirm_deploy(name: str) -> str:
    """Render what a deploy will run, with a field for another image."""
    with reading(name) as (session, workload):
        return _confirmation("deploy", app=describe(session, workload))


@blueprint.post("/deploy")
def deploy(name: str) -> AnyResponse | tuple[str, int]:
    """Start a deploy; of a static site optionally with files from the form."""
    request.max_content_length = context().settings.source_max_mb * 1_000_000
    files = request.files.get("files")
    if files is not None and files.filename and (problem := _not_taken_in(name, files)):
        with reading(name) as (session, workload):
            return _confirmation("deploy", app=describe(session, workload), error=problem), 422
    typed = {key: request.form[key] for key in DeployRequest.model_fields if request.form.get(key)}
    wanted = params.checked(DeployRequest, typed)
    requests.request_deploy(context(), name, asked(), wanted.image, wanted.ref)
    return _back_to(name)


@blueprint.get("/rollback/<version:version>")
def confirm_rollback(name: str, version: int) -> str:
    """Render from which version to which, what comes back, and what does not."""
    with reading(name) as (session, workload):
        target, live = find(session, workload, version), history.live(session, workload.id)
        change = between(session, live, target)
        before = workloads.release(session, live) if live else None
        expected = {
            "image": rollback_preview.image_step(target),
            "gap": rollback_preview.has_gap(before, workloads.release(session, target)),
            "holds": rollback_preview.holds(live, target),
        }
        app, row_of_it = describe(session, workload), _as_row(target, name, live)
    return _confirmation("rollback", app=app, target=row_of_it, change=change, expected=expected)


@blueprint.post("/rollback")
def roll_back(name: str) -> AnyResponse:
    """Start a rollback to the version that the form names."""
    version, expected = (_number(key) for key in ("version", "expected_live"))
    discard = bool(request.form.get("discard_pending"))
    requests.request_rollback(context(), name, asked(), version, expected, discard_pending=discard)
    return _back_to(name)


@blueprint.post("/cancel/<version:version>")
def cancel(name: str, version: int) -> AnyResponse:
    """Ask an unfinished deploy to stop."""
    requests.request_cancel(context(), name, version)
    return _back_to(name)


@blueprint.errorhandler(Refusal)
def refused(refusal: Refusal) -> Response:
    """Render a refusal on the app's own page, whose rows are fresh; as JSON if the client asked for JSON."""
    name = (request.view_args or {}).get("name", "")
    if refusal.code in NO_PAGE or not problems.wants_page():
        return problems.refused(refusal)
    return Response(page_of(name, Choice(), refused=refusal.code), refusal.code.http_status, mimetype="text/html")


def _confirmation(what: str, **values: object) -> str:
    folder = "dialogs" if "dialog" in request.args else "confirm"
    return render_template(f"{folder}/{what}.html", **values)


def _not_taken_in(name: str, files: FileStorage) -> str:
    """Store uploaded files for the next deploy; return what is wrong with them, "" for nothing."""
    place = context().settings.content
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=place, prefix=".upload-") as archive:
        files.save(archive)
        archive.flush()
        try:
            uploads.take_in(context(), name, Path(archive.name), caller().actor)
        except InvalidSpec as problem:
            return told(problem)
    return ""


def _as_row(deploy: Deploy, name: str, live: Deploy | None) -> dict[str, object]:
    return row(deploy, name, live, context().settings.prefect_ui_url)


def _number(key: str) -> int | None:
    text = request.form.get(key, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Problem(RefusalCode.BAD_REQUEST, f"{key}: must be a whole number")
    return int(text)


def _back_to(name: str) -> AnyResponse:
    return redirect(f"/apps/{name}", 303)
