"""Workloads: list, create, read, change, remove."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from db import history, workloads
from db.models import Workload
from flows.workloads import lifecycle
from webapp.http import params
from webapp.http.answers import json_answer, nothing
from webapp.http.current import caller, context, reading
from webapp.presenters import shapes

blueprint = Blueprint("workloads", __name__, url_prefix="/api/workloads")


@blueprint.get("")
def list_all() -> Response:
    """Every workload with its status, its live and its last row."""
    return json_answer({"workloads": summaries()})


@blueprint.post("")
def create() -> Response:
    """Add a workload from a spec: 201."""
    workload = lifecycle.create(context(), params.json_body(), caller().actor)
    found = shapes.whole(workload, None, None, context().settings.prefect_ui_url)
    return json_answer(found, 201, {"Location": f"/api/workloads/{workload.name}"})


@blueprint.get("/<name>")
def show(name: str) -> Response:
    """One workload with its spec."""
    with reading(name) as (session, workload):
        return json_answer(describe(session, workload))


@blueprint.patch("/<name>")
def change(name: str) -> Response:
    """Change the spec for the next deploy."""
    lifecycle.change(context(), name, params.json_body(), caller().actor)
    return show(name)


@blueprint.delete("/<name>")
def remove(name: str) -> Response:
    """Stop the containers and forget everything: 204."""
    lifecycle.remove(context(), name, caller().actor)
    return nothing()


def summaries() -> list[dict[str, Any]]:
    """What the list shows, for JSON and for the page."""
    url = context().settings.prefect_ui_url
    with context().database.reading() as session:
        live, last = history.live_and_latest(session)
        return [
            shapes.summary(workload, live.get(workload.id), last.get(workload.id), url)
            for workload in workloads.every(session)
        ]


def describe(session: Session, workload: Workload) -> dict[str, Any]:
    """What one workload shows, for JSON and for the page."""
    live, last = history.live(session, workload.id), history.latest(session, workload.id)
    return shapes.whole(workload, live, last, context().settings.prefect_ui_url)
