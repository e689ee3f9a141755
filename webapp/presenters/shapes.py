"""Workloads and events as the API shows them; the shape of a deploy is in flows.shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from db import models
from db.health.status import Standing, standing
from db.models import Deploy
from flows.shapes.base import filled
from flows.shapes.deploys import row
from flows.shapes.status import status_keys
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


def whole(workload: models.Workload, present: Present, prefect_ui_url: str) -> dict[str, Any]:
    """Return a workload by itself: with its spec (secrets by name) and the pins that are held back."""
    spec = {**workload.spec, "secrets": sorted(workload.secrets)}
    return _seen(WholeWorkload, workload, present, prefect_ui_url, spec=spec)


def event(entry: models.Event) -> dict[str, Any]:
    """Return a line of the event log."""
    return filled(Event, entry)


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
