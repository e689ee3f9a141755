"""Workloads: list, create, read, change, remove. The engine does the removal; this process touches no container."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from db import history, workloads
from db.models import Workload
from flows.workloads import check, lifecycle, removal
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import caller, context, reading
from webapp.http.problems import reasons
from webapp.presenters import shapes

blueprint = Blueprint("workloads", __name__, url_prefix="/api/workloads")
# How long a request waits for a removal. Most finish sooner.
REMOVED_WITHIN_S = 10.0


@blueprint.get("")
def list_all() -> Response:
    """Answer every workload with its status, its live and its last row."""
    return json_answer({"workloads": summaries()})


@blueprint.post("")
def create() -> Response:
    """Add a workload from a spec: 201. Refuses a compose file that no deploy would accept, with all reasons."""
    spec = params.json_body()
    check.raise_unless_fine(context(), spec)
    workload = lifecycle.create(context(), spec, caller().actor)
    found = shapes.whole(workload, None, None, context().settings.prefect_ui_url)
    return json_answer(found, 201, {"Location": f"/api/workloads/{workload.name}"})


@blueprint.route("/check", methods=["POST", "OPTIONS"], provide_automatic_options=False)
def examine() -> Response:
    """Answer every reason against a spec, as a new workload or as the change of one; store nothing."""
    if request.method == "OPTIONS":  # the automatic answer would add the methods of a workload that is called so
        return Response(headers={"Allow": "OPTIONS, POST"})
    found = check.check(context(), params.json_body())
    told = {"problems": reasons(found.problems), "allow": found.allow, "warnings": reasons(found.warnings)}
    return json_answer({"ok": found.ok, **told})


@blueprint.get("/<name>")
def show(name: str) -> Response:
    """Answer one workload with its spec; also while it is being removed."""
    with reading(name, removing=True) as (session, workload):
        return json_answer(describe(session, workload))


@blueprint.patch("/<name>")
def change(name: str) -> Response:
    """Change the spec for the next deploy."""
    lifecycle.change(context(), name, params.json_body(), caller().actor)
    return show(name)


@blueprint.delete("/<name>")
def remove(name: str) -> Response:
    """Have the engine stop the containers and delete everything: 204, or 202 while that takes longer."""
    return nothing() if removed(name) else json_answer({"name": name, "status": "removing"}, 202)


def removed(name: str) -> bool:
    """Have a workload removed, for JSON and for the page; return False if that takes longer than ten seconds."""
    until = time.monotonic() + REMOVED_WITHIN_S
    asked = removal.request_removal(context(), name, caller().actor)
    return removal.wait_until_gone(context(), asked, until - time.monotonic())


def summaries() -> list[dict[str, Any]]:
    """Return the workloads as the list shows them, for JSON and for the page."""
    url = context().settings.prefect_ui_url
    with context().database.reading() as session:
        live, last = history.live_and_latest(session)
        return [
            shapes.summary(workload, live.get(workload.id), last.get(workload.id), url)
            for workload in workloads.every(session, removing=True)
        ]


def describe(session: Session, workload: Workload) -> dict[str, Any]:
    """Return one workload in full, for JSON and for the page."""
    live, last = history.live(session, workload.id), history.latest(session, workload.id)
    return shapes.whole(workload, live, last, context().settings.prefect_ui_url)
