"""Deploys of a workload: the history, one row, comparisons, and the requests that start or stop a deploy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from db import diff, event_log, history
from db.messages.key_problems import KeyProblem
from db.messages.refusals import RefusalCode
from db.models import Deploy, Workload
from db.states import FINAL, Reason, Status
from flows import requests
from flows.shapes.base import LARGEST
from flows.shapes.deploys import row
from tasks.sources.invalid_spec import InvalidSpec
from webapp.api import waits
from webapp.http import params
from webapp.http.answers import json_answer
from webapp.http.current import caller, context, reading
from webapp.http.problems import Problem
from webapp.presenters import shapes
from webapp.shapes.stored import DeployRequest, RollbackRequest

blueprint = Blueprint("deploys", __name__, url_prefix="/api/workloads/<name>")
MOST_ROWS = 200
DEFAULT_ROWS = 50


@blueprint.get("/deploys")
def list_all(name: str) -> Response:
    """Answer rows newest first, one page at a time; `Link: rel=next` when there are older ones."""
    limit = params.integer("limit", DEFAULT_ROWS, 1, MOST_ROWS) or DEFAULT_ROWS
    before = params.integer("before", None, 1, LARGEST)
    status, reason = params.choice("status", Status), params.choice("reason", Reason)
    with reading(name) as (session, workload):
        rows = page(session, workload, limit + 1, before=before, status=status, reason=reason)
    return json_answer({"deploys": rows[:limit]}, headers=_next_link(rows, limit))


@blueprint.post("/deploys")
def create(name: str) -> Response:
    """Start a deploy: 202 with the row, or what became of it within the time that the caller waits."""
    wait_s, wanted = waits.seconds(), params.body(DeployRequest, optional=True)
    return _followed(name, requests.request_deploy(context(), name, asked(), wanted.image, wanted.ref), wait_s)


@blueprint.get("/deploys/<version:version>")
def show(name: str, version: int) -> Response:
    """Answer one row, with why it did not succeed."""
    with reading(name) as (session, workload):
        deploy = find(session, workload, version)
        return json_answer(_row(session, workload, deploy) | shapes.told(event_log.reasons(session, deploy)))


@blueprint.get("/deploys/<version:version>/diff")
def compare(name: str, version: int) -> Response:
    """Answer what going from `against` (a version, or live) to this version would change."""
    against = request.args.get("against", "live")
    other = None if against == "live" else params.integer("against", None, 1, LARGEST)
    with reading(name) as (session, workload):
        after = find(session, workload, version)
        before = history.live(session, workload.id) if other is None else find(session, workload, other)
        return json_answer(diff.between(session, before, after))


@blueprint.post("/rollback")
def roll_back(name: str) -> Response:
    """Start a rollback: 202 with the row, or what became of it within the time that the caller waits."""
    wait_s, to = waits.seconds(), _rollback_asked()
    opened = requests.request_rollback(
        context(), name, asked(), to.version, to.expected_live, discard_pending=to.discard_pending
    )
    return _followed(name, opened, wait_s)


@blueprint.post("/deploys/<version:version>/cancel")
def cancel(name: str, version: int) -> Response:
    """Ask an unfinished deploy to stop: 202 with the row."""
    return _accepted(name, requests.request_cancel(context(), name, version))


def asked() -> requests.Asked:
    """Return the caller with the trigger of the request."""
    return requests.Asked(caller().trigger, caller().actor, params.idempotency_key())


def page(
    session: Session,
    workload: Workload,
    limit: int,
    also: Callable[[Deploy], dict[str, Any]] = lambda _: {},
    **filters: Any,
) -> list[dict[str, Any]]:
    """Return rows of the history, for JSON and for the page, which adds fields with `also`."""
    live, url = history.live(session, workload.id), context().settings.prefect_ui_url
    found = history.page(session, workload.id, limit=limit, **filters)
    return [row(deploy, workload.name, live, url) | also(deploy) for deploy in found]


def find(session: Session, workload: Workload, version: int) -> Deploy:
    """Return the row of a version. Raises Problem(no_such_version)."""
    deploy = history.find(session, workload.id, version)
    if deploy is None:
        raise Problem(RefusalCode.NO_SUCH_VERSION)
    return deploy


def _rollback_asked() -> RollbackRequest:
    """Return the body of a rollback. Raises Problem(no_such_version, live_changed) for a number out of range."""
    try:
        return params.body(RollbackRequest, optional=True)
    except InvalidSpec as error:
        refused = error
    if refused.problem is KeyProblem.NOT_WHOLE:
        raise Problem(RefusalCode.BAD_REQUEST, str(refused))
    if refused.problem in {KeyProblem.AT_LEAST, KeyProblem.AT_MOST}:
        raise Problem(RefusalCode.NO_SUCH_VERSION if refused.key == "version" else RefusalCode.LIVE_CHANGED)
    raise refused


def _followed(name: str, deploy: Deploy, wait_s: int) -> Response:
    if not wait_s:
        return _accepted(name, deploy)
    deploy = waits.until_final(deploy, wait_s)
    if deploy.status not in FINAL:
        return _accepted(name, deploy)
    with reading(name) as (session, workload):
        found = _row(session, workload, deploy)
        why = shapes.told(event_log.reasons(session, deploy))
    where = {"Location": f"/api/workloads/{name}/deploys/{deploy.version}"}
    if deploy.status != Status.SUCCEEDED:
        raise Problem(RefusalCode.DEPLOY_FAILED, headers=where, version=deploy.version, deploy=found | why)
    return json_answer(found, 200, where)


def _accepted(name: str, deploy: Deploy) -> Response:
    with reading(name) as (session, workload):
        found = _row(session, workload, deploy)
    return json_answer(found, 202, {"Location": f"/api/workloads/{name}/deploys/{deploy.version}"})


def _row(session: Session, workload: Workload, deploy: Deploy) -> dict[str, Any]:
    return row(deploy, workload.name, history.live(session, workload.id), context().settings.prefect_ui_url)


def _next_link(rows: list[dict[str, Any]], limit: int) -> dict[str, str]:
    if len(rows) <= limit:
        return {}
    known = {key: request.args[key] for key in ("status", "reason") if key in request.args}
    query = urlencode({**known, "limit": limit, "before": rows[limit - 1]["version"]})
    return {"Link": f'<{request.path}?{query}>; rel="next"'}
