"""Workloads and events as the API shows them; the shape of a deploy is in flows.shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from db import models
from db.models import Deploy
from db.releases import Release
from db.states import UNFINISHED, Status
from flows.shapes.base import filled
from flows.shapes.deploys import row
from flows.undeployed import undeployed_keys
from webapp.shapes.observed import Event
from webapp.shapes.stored import WholeWorkload, Workload


def workload_status(live: Deploy | None, last: Deploy | None) -> str:
    """Return the status of a workload in one word: deploying, running, drifted, failed or new."""
    if last is not None and last.status in UNFINISHED:
        return "deploying"
    if live is not None:
        return "drifted" if live.verified is False else "running"
    return "failed" if last is not None and last.status != Status.SUCCEEDED else "new"


def summary(workload: models.Workload, live: Deploy | None, last: Deploy | None, prefect_ui_url: str) -> dict[str, Any]:
    """Return a workload in a list."""
    return _seen(Workload, workload, live, last, prefect_ui_url)


def whole(
    workload: models.Workload, live: Deploy | None, last: Deploy | None, running: Release | None, prefect_ui_url: str
) -> dict[str, Any]:
    """Return a workload by itself: with its spec (secrets by name), the pins that are held back and, by key, what
    differs from `running`, the live release."""
    spec = {**workload.spec, "secrets": sorted(workload.secrets)}
    pending = undeployed_keys(workload.spec, workload.secrets, running)
    return _seen(WholeWorkload, workload, live, last, prefect_ui_url, spec=spec, pending=pending)


def event(entry: models.Event) -> dict[str, Any]:
    """Return a line of the event log."""
    return filled(Event, entry)


def told(lines: Sequence[models.Event]) -> dict[str, Any]:
    """Return why a deploy did not succeed, and what can be permitted of it, from its lines of the event log."""
    allow = [one for line in lines if line.code == "compose_allow" for one in (line.params or {}).get("allow", [])]
    reasons = [
        {"code": line.code, "message": line.message, "keys": list((line.params or {}).get("keys", []))}
        for line in lines
        if line.code != "compose_allow"
    ]
    return {"reasons": reasons, "allow": allow}


def _seen(
    shape: type[Workload],
    workload: models.Workload,
    live: Deploy | None,
    last: Deploy | None,
    prefect_ui_url: str,
    **made: Any,
) -> dict[str, Any]:
    return filled(
        shape,
        workload,
        id=workload.name,
        source=workload.spec["source"],
        status="removing" if workload.removing_at is not None else workload_status(live, last),
        live=row(live, workload.name, live, prefect_ui_url) if live else None,
        last=row(last, workload.name, live, prefect_ui_url) if last else None,
        **made,
    )
