"""Values of the ledger in their external form: moments, durations, short pins. Whole rows: flows.shapes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, overload

from db.models import Deploy


def impact(deploy: Deploy) -> dict[str, Any] | None:
    """Return the verdict on a deploy and its reasons; None before the first review. The numbers are at /impact."""
    if deploy.impact is None:
        return None
    return {"verdict": deploy.impact["verdict"], "reasons": deploy.impact["reasons"]}


@overload
def iso(moment: datetime) -> str: ...
@overload
def iso(moment: None) -> None: ...
@overload
def iso(moment: datetime | None) -> str | None: ...
def iso(moment: datetime | None) -> str | None:
    """Return a moment as 2026-11-23T20:15:00.123Z."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def duration_ms(deploy: Deploy) -> int | None:
    """Return the time from the claim to the end; None until then, and for a deploy that never began."""
    if deploy.started_at is None or deploy.finished_at is None:
        return None
    return round((deploy.finished_at - deploy.started_at).total_seconds() * 1000)


def pin_short(pin: Mapping[str, Any] | None) -> str | None:
    """Return the first twelve hex digits of the pin: of its file, its digest, else its image id."""
    for key in ("sha256", "digest", "commit", "content", "image_id"):
        if pin and pin.get(key):
            return str(pin[key]).removeprefix("sha256:")[:12]
    return None
