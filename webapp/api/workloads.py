"""Workloads: list, create, read, change, remove. The engine does the removal; this process touches no container."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session
from werkzeug.http import quote_etag

from db import history, workloads
from db.health import status
from db.models import Workload
from flows.home_locks import is_engine_running
from flows.workloads import check, lifecycle, removal
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import caller, context, reading
from webapp.http.problems import reasons
from webapp.presenters import shapes
from webapp.presenters.shapes import Present

blueprint = Blueprint("workloads", __name__, url_prefix="/api/workloads")
# How long a request waits for a removal. Most finish sooner.
REMOVED_WITHIN_S = 10.0


@blueprint.get("")
def list_all() -> Response:
    """Answer every workload with its status, its live and its last row."""
    return json_answer({"workloads": summaries()})


@blueprint.post("")
def create() -> Response:
    """Add a workload from a spec: 201, with every reason for which a deploy would refuse its compose file."""
    spec = params.json_body()
    found = check.of_a_new_one(context(), spec)
    return _added(lifecycle.create(context(), spec, caller().actor), found)


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
    """Answer one workload with its spec, and the spec's ETag; also while it is being removed."""
    with reading(name, removing=True) as (session, workload):
        return json_answer(describe(session, workload), headers=_tag(workload))


@blueprint.put("/<name>")
def put(name: str) -> Response:
    """Add a workload, 201, or replace its spec for the next deploy, 200."""
    workload, is_new = lifecycle.put(context(), name, params.json_body(), caller().actor, _fits)
    return _added(workload, check.check(context(), workload.spec)) if is_new else show(name)


@blueprint.patch("/<name>")
def change(name: str) -> Response:
    """Change the spec for the next deploy."""
    lifecycle.change(context(), name, params.json_body(), caller().actor, _fits)
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
        there = workloads.every(session, removing=True)
        present = presents(session)
        return [shapes.summary(workload, present(workload.id), url) for workload in there]


def presents(session: Session) -> Callable[[int], Present]:
    """Return what tells the present of any workload by its id, read at once for all."""
    (live, last), stored = history.live_and_latest(session), status.every(session)
    watched = is_engine_running(context().settings)
    return lambda one: Present(live.get(one), last.get(one), stored.get(one), watched)


def present_of(session: Session, workload_id: int) -> Present:
    """Return what the status of one workload follows from."""
    live, last = history.live(session, workload_id), history.latest(session, workload_id)
    return Present(live, last, status.find(session, workload_id), is_engine_running(context().settings))


def describe(session: Session, workload: Workload) -> dict[str, Any]:
    """Return one workload in full, for JSON and for the page."""
    present = present_of(session, workload.id)
    running = workloads.release(session, present.live) if present.live else None
    return shapes.whole(workload, present, running, context().settings.prefect_ui_url)


def _added(workload: Workload, found: check.Checked) -> Response:
    made = shapes.whole(workload, Present(), None, context().settings.prefect_ui_url)
    told = {"problems": reasons(found.problems), "allow": found.allow}
    return json_answer(made | told, 201, {"Location": f"/api/workloads/{workload.name}", **_tag(workload)})


def _tag(workload: Workload) -> dict[str, str]:
    # Of what a change is about: what runs changes by itself, and is no reason to refuse one.
    return {"ETag": quote_etag(lifecycle.tag_of(workload))}


def _fits(workload: Workload | None) -> bool:
    """Return whether If-Match and If-None-Match allow to change this workload; None is one that does not exist."""
    tag = lifecycle.tag_of(workload) if workload is not None else None
    wanted, unwanted = params.etags("If-Match"), params.etags("If-None-Match")
    if wanted is not None and (tag is None or not wanted.contains(tag)):
        return False
    return unwanted is None or tag is None or not unwanted.contains(tag)
