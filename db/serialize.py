"""A deploy as the outside sees it: one shape for JSON, the CLI and the pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from db.history import rollback_blocked_by
from db.messages.errors import HOOKS
from db.models import Deploy, Hook


def row(deploy: Deploy, workload: str, live: Deploy | None, prefect_ui_url: str) -> dict[str, Any]:
    """The row of docs/api.md. `live` is the workload's live row: it decides what can be rolled back to.

    Times are UTC ISO-8601 with Z, durations whole milliseconds.
    """
    blocked = rollback_blocked_by(deploy, live)
    run = deploy.flow_run_id
    return {
        "id": deploy.id,
        "workload": workload,
        "version": deploy.version,
        "reason": deploy.reason,
        "trigger": deploy.trigger,
        "actor": deploy.actor,
        "source_kind": deploy.source_kind,
        "requested": deploy.requested,
        "pin": deploy.pin,
        "pin_short": pin_short(deploy.pin),
        "status": deploy.status,
        "stage": deploy.stage,
        "error_code": deploy.error_code,
        "error_fingerprint": deploy.error_fingerprint,
        "live": deploy.live,
        "rollback_of": deploy.rollback_of,
        "can_rollback": blocked is None,
        "rollback_blocked_by": blocked,
        "verified": deploy.verified,
        "verified_since": iso(deploy.verified_since),
        "impact": impact(deploy),
        "host": deploy.host,
        "flow_run_id": run,
        "flow_run_url": f"{prefect_ui_url}/runs/flow-run/{run}" if run else None,
        "queued_at": iso(deploy.queued_at),
        "started_at": iso(deploy.started_at),
        "finished_at": iso(deploy.finished_at),
        "duration_ms": duration_ms(deploy),
        "stages": deploy.stages,
    }


def hook(one: Hook) -> dict[str, Any]:
    """A webhook as the outside sees it: neither its token nor its secret."""
    last = {"at": iso(one.last_at), "outcome": one.last_outcome, "detail": HOOKS.get(one.last_outcome or "")}
    return {
        "id": one.id,
        "provider": one.provider,
        "branch": one.branch,
        "tag": one.tag,
        "created_at": iso(one.created_at),
        "created_by": one.created_by,
        "last": last if one.last_at else None,
    }


def impact(deploy: Deploy) -> dict[str, Any] | None:
    """The verdict on a deploy and its reasons; None while nobody has looked. The numbers are at /impact."""
    if deploy.impact is None:
        return None
    return {"verdict": deploy.impact["verdict"], "reasons": deploy.impact["reasons"]}


def iso(moment: datetime | None) -> str | None:
    """2026-11-23T20:15:00.123Z"""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration_ms(deploy: Deploy) -> int | None:
    """From the claim to the end; None until then, and for a deploy that never began."""
    if deploy.started_at is None or deploy.finished_at is None:
        return None
    return round((deploy.finished_at - deploy.started_at).total_seconds() * 1000)


def pin_short(pin: Mapping[str, Any] | None) -> str | None:
    """The first twelve hex digits of what was pinned: the file, the digest, else the image id."""
    for key in ("sha256", "digest", "commit", "content", "image_id"):
        if pin and pin.get(key):
            return str(pin[key]).removeprefix("sha256:")[:12]
    return None
