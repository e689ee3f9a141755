"""A webhook in its external form, without its token and its secret."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from db import models
from db.messages.errors import HOOKS
from flows.shapes.base import Moment, Shape, filled
from tasks.webhooks import PROVIDERS

Sender = Annotated[str, Field(json_schema_extra={"enum": [*PROVIDERS]})]
Outcome = Annotated[str, Field(json_schema_extra={"enum": [*HOOKS]})]


class LastCall(Shape):
    """The outcome of the newest authenticated call."""

    at: Moment
    outcome: Outcome
    detail: str


class Hook(Shape):
    """A webhook, without its token and its secret."""

    id: int
    provider: Sender
    branch: str | None
    tag: str | None
    paths: list[str] | None
    created_at: Moment
    created_by: str
    last: LastCall | None


def hook(one: models.Hook) -> dict[str, Any]:
    """Return a webhook without its secrets."""
    outcome = one.last_outcome
    last = filled(LastCall, one, at=one.last_at, outcome=outcome, detail=HOOKS.get(outcome or ""))
    return filled(Hook, one, last=last if one.last_at else None)
