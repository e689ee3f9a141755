"""Workloads and events as the outside sees them; the shape of a deploy is in db.serialize."""

from __future__ import annotations

from typing import Any

from db.models import Deploy, Event, Workload
from db.serialize import iso, row
from db.states import UNFINISHED, Status


def workload_status(live: Deploy | None, last: Deploy | None) -> str:
    """deploying, running, drifted, failed or new: one word for how a workload stands."""
    if last is not None and last.status in UNFINISHED:
        return "deploying"
    if live is not None:
        return "drifted" if live.verified is False else "running"
    return "failed" if last is not None and last.status != Status.SUCCEEDED else "new"


def summary(workload: Workload, live: Deploy | None, last: Deploy | None, prefect_ui_url: str) -> dict[str, Any]:
    """A workload in a list."""
    return {
        "id": workload.name,
        "name": workload.name,
        "source": workload.spec["source"],
        "status": "removing" if workload.removing_at is not None else workload_status(live, last),
        "host": workload.host,
        "live": row(live, workload.name, live, prefect_ui_url) if live else None,
        "last": row(last, workload.name, live, prefect_ui_url) if last else None,
        "created_at": iso(workload.created_at),
        "updated_at": iso(workload.updated_at),
    }


def whole(workload: Workload, live: Deploy | None, last: Deploy | None, prefect_ui_url: str) -> dict[str, Any]:
    """A workload by itself: with its spec (secrets by name) and the pins that are held back."""
    return summary(workload, live, last, prefect_ui_url) | {
        "spec": {**workload.spec, "secrets": sorted(workload.secrets)},
        "held_pins": workload.held_pins,
    }


def event(entry: Event) -> dict[str, Any]:
    """A line of the event log."""
    return {"ts": iso(entry.ts), "level": entry.level, "message": entry.message, "actor": entry.actor}
