"""The status of a workload in its external form: the same keys for JSON and the CLI."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from db.health.codes import StatusReason, WorkloadStatus
from db.health.status import Standing
from db.serialize import iso
from db.states import ErrorCode
from flows.shapes.base import Moment, Shape


class StatusKeys(Shape):
    """How a workload is now, and why. See docs/api.md."""

    status: WorkloadStatus
    status_since: Moment | None
    status_reason: StatusReason | ErrorCode | None
    status_exit_code: int | None = Field(description="Of the container that the reason is about.")
    status_services: list[str] = Field(description="The services of a compose file that the reason is about.")
    restarts_10m: int = Field(description="Ends within ten minutes that nobody asked for.")


def status_keys(found: Standing) -> dict[str, Any]:
    """Return the keys of StatusKeys."""
    return {
        "status": str(found.status),
        "status_since": iso(found.since),
        "status_reason": None if found.reason is None else str(found.reason),
        "status_exit_code": found.exit_code,
        "status_services": [*found.services],
        "restarts_10m": found.restarts_10m,
    }
