"""Observations of a workload: its event log, its running containers and their logs."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from db import event_log
from db.models import Workload
from tasks.containers import live_reads
from tasks.containers.live_reads import LONGEST_TAIL
from webapp.checks import timeouts
from webapp.http import params
from webapp.http.answers import json_answer
from webapp.http.current import context, reading, workload_named
from webapp.presenters import shapes

blueprint = Blueprint("observations", __name__, url_prefix="/api/workloads/<name>")
SNAPSHOT_TIMEOUT_S = 3.0
_NOTHING_SEEN: dict[str, Any] = {"available": False, "containers": []}


@blueprint.get("/events")
def events_of(name: str) -> Response:
    """Answer lines newest first."""
    limit = params.integer("limit", 100, 1, 1000) or 100
    with reading(name) as (session, workload):
        return json_answer({"events": [shapes.event(entry) for entry in event_log.page(session, workload.id, limit)]})


@blueprint.get("/runtime-state")
def runtime_state(name: str) -> Response:
    """Answer the containers as they are now; `available` is false while Docker does not answer."""
    return json_answer(runtime_of(workload_named(name)))


@blueprint.get("/logs")
def logs(name: str) -> Response:
    """Answer the last lines of the containers: {"lines": […]}; 503 engine_unreachable while Docker does not answer."""
    tail = params.integer("tail", 100, 1, LONGEST_TAIL) or 100
    workload = workload_named(name)
    return json_answer({"lines": live_reads.of_host(context(), workload.host).log_tail(workload, tail)})


def runtime_of(workload: Workload) -> dict[str, Any]:
    """Return the containers of a workload, for JSON and for the page, within a bounded time."""
    here = context()
    reads = live_reads.of_host(here, workload.host)
    future = timeouts.start(lambda: reads.runtime_state(workload))
    return timeouts.result(future, SNAPSHOT_TIMEOUT_S, _NOTHING_SEEN, here.log)
