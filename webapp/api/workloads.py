"""Workloads: list, create, read, change, remove. The engine does the removal; this process touches no container."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from db import history, workloads
from db.health import status
from db.models import Workload
from flows.home_locks import is_engine_running
from flows.workloads import lifecycle, removal
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import caller, context, reading
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
    """Add a workload from a spec: 201."""
    workload = lifecycle.create(context(), params.json_body(), caller().actor)
    found = shapes.whole(workload, Present(), context().settings.prefect_ui_url)
    return json_answer(found, 201, {"Location": f"/api/workloads/{workload.name}"})


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
    return shapes.whole(workload, present_of(session, workload.id), context().settings.prefect_ui_url)
