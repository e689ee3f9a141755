"""Liveness and readiness probes. Neither needs a login, and neither reveals more."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from webapp.checks.readiness import Readiness
from webapp.http.answers import json_answer

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer 200 while the process runs; check nothing else."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer 200, or 503 with the names of what is down."""
    readiness: Readiness = current_app.extensions["backstay.readiness"]
    down = readiness.down()
    return json_answer({"down": down}, 503 if down else 200)
