"""Whether the process lives, and whether what it stands on answers. Open to everybody, and says nothing else."""

from __future__ import annotations

from flask import Blueprint, Response, current_app

from webapp.checks.readiness import Readiness
from webapp.http.answers import json_answer

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while the process answers; looks at nothing else."""
    return json_answer({"status": "ok"})


@blueprint.get("/readyz")
def readyz() -> Response:
    """200, or 503 with the names of what is down."""
    readiness: Readiness = current_app.extensions["backstay.readiness"]
    down = readiness.down()
    return json_answer({"down": down}, 503 if down else 200)
