"""Workloads and events as the API shows them; the shape of a deploy is in flows.shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import models
from db.health.status import Standing, standing
from db.models import Deploy
from db.releases import Release
from flows.shapes.base import filled
from flows.shapes.deploys import row
from flows.shapes.status import status_keys
from flows.undeployed import undeployed_keys
from webapp.shapes.observed import Event
from webapp.shapes.stored import WholeWorkload, Workload


@dataclass(frozen=True)
class Present:
    """What a workload's status follows from, beside the workload: its rows, what is stored, and whether its engine
    runs."""

    live: Deploy | None = None
    last: Deploy | None = None
    stored: models.WorkloadHealth | None = None
    watched: bool = True

    def standing(self, workload: models.Workload) -> Standing:
        """Return the status."""
        return standing(workload, self.live, self.last, self.stored, watched=self.watched)


def summary(workload: models.Workload, present: Present, prefect_ui_url: str) -> dict[str, Any]:
    """Return a workload in a list."""
    return _seen(Workload, workload, present, prefect_ui_url)


def whole(workload: models.Workload, present: Present, running: Release | None, prefect_ui_url: str) -> dict[str, Any]:
    """Return a workload by itself: with its spec (secrets by name), the pins that are held back and, by key, what
    differs from `running`, the live release."""
    spec = {**workload.spec, "secrets": sorted(workload.secrets)}
    pending = undeployed_keys(workload.spec, workload.secrets, running)
    return _seen(WholeWorkload, workload, present, prefect_ui_url, spec=spec, pending=pending)


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
    shape: type[Workload], workload: models.Workload, present: Present, prefect_ui_url: str, **made: Any
) -> dict[str, Any]:
    live, last = present.live, present.last
    return filled(
        shape,
        workload,
        id=workload.name,
        source=workload.spec["source"],
        **status_keys(present.standing(workload)),
        live=row(live, workload.name, live, prefect_ui_url) if live else None,
        last=row(last, workload.name, live, prefect_ui_url) if last else None,
        **made,
    )
