"""CPU and memory over time: sums over containers per timestamp, of one workload or of all."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, request

from db import samples
from tasks.aggregate import per_timestamp
from webapp.answers import json_answer
from webapp.current import context, reading
from webapp.problems import Problem
from webapp.windows import MOST_POINTS, WINDOWS

blueprint = Blueprint("stats", __name__, url_prefix="/api")
DEFAULT_WINDOW = "30m"


@blueprint.get("/workloads/<name>/stats/history")
def of_workload(name: str) -> Response:
    """Points of one workload; [] when there are none."""
    with reading(name) as (session, workload):
        now = int(time.time())
        rows = samples.span(session, workload.id, now - window(), now)
    return json_answer(points(rows))


@blueprint.get("/stats/history")
def of_installation() -> Response:
    """Points over every workload."""
    since = int(time.time()) - window()
    with context().database.reading() as session:
        rows = [row[1:] for row in samples.last_of_each(session, since)]
    return json_answer(points(rows))


def window() -> int:
    """Seconds of the asked window. Raises Problem(bad_window)."""
    seconds = WINDOWS.get(request.args.get("window", DEFAULT_WINDOW))
    if seconds is None:
        raise Problem("bad_window")
    return seconds


def points(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Sums per timestamp, averaged per bucket when they would be too many."""
    return per_timestamp(rows, MOST_POINTS) if rows else []
