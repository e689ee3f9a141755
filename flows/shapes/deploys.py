"""A deploy in its external form: one shape for JSON, the CLI and the pages."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from db.history import rollback_blocked_by
from db.models import Deploy
from db.serialize import duration_ms, impact, pin_short
from db.states import ErrorCode, Reason, Status, Trigger
from flows.shapes.base import Moment, Shape, Version, filled
from tasks.impact.verdict import Reason as VerdictReason
from tasks.impact.verdict import Verdict


class StageTime(Shape):
    """The duration of a stage of a deploy."""

    name: str
    ms: int


class Pin(BaseModel):
    """The data that makes a deploy repeatable. Its other keys depend on the kind."""

    model_config = ConfigDict(extra="allow")
    kind: str


class Impact(Shape):
    """The verdict on a deploy; its numbers are at /impact."""

    verdict: Verdict
    reasons: list[VerdictReason]


class Row(Shape):
    """One deploy of the history. A final status never changes."""

    id: int
    workload: str
    version: Version
    reason: Reason
    trigger: Trigger
    actor: str
    source_kind: Literal["image", "git", "compose", "static"]
    requested: str
    pin: Pin | None
    pin_short: str | None
    status: Status
    stage: str | None
    error_code: ErrorCode | None
    error_fingerprint: str | None
    live: bool
    rollback_of: Version | None
    can_rollback: bool
    rollback_blocked_by: str | None
    verified: bool | None
    verified_since: Moment | None
    impact: Impact | None
    host: str
    flow_run_id: str | None
    flow_run_url: str | None
    queued_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    duration_ms: int | None
    stages: list[StageTime]


def row(deploy: Deploy, workload: str, live: Deploy | None, prefect_ui_url: str) -> dict[str, Any]:
    """Return the row of docs/api.md. `live` is the workload's live row: it decides which rollbacks are possible."""
    blocked, run = rollback_blocked_by(deploy, live), deploy.flow_run_id
    return filled(
        Row,
        deploy,
        workload=workload,
        pin_short=pin_short(deploy.pin),
        can_rollback=blocked is None,
        rollback_blocked_by=blocked,
        impact=impact(deploy),
        flow_run_url=f"{prefect_ui_url}/runs/flow-run/{run}" if run else None,
        duration_ms=duration_ms(deploy),
    )
