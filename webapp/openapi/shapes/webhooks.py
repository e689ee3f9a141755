"""The shapes of webhooks: what is stored, what is shown once, what a call is answered with."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from db.messages.errors import HOOKS
from flows.webhooks.lifecycle import SECRET
from tasks.sources.base import alone
from tasks.webhooks import PROVIDERS
from webapp.openapi.shapes.deploys import Moment, Shape, Version

Sender = Annotated[str, Field(json_schema_extra={"enum": [*PROVIDERS]})]
Outcome = Annotated[str, Field(json_schema_extra={"enum": [*HOOKS]})]
Pattern = Annotated[str, Field(min_length=1, max_length=200)]
Secret = Annotated[str, Field(min_length=6, max_length=255, json_schema_extra={"pattern": SECRET.pattern})]


class LastCall(Shape):
    """What the newest genuine call came to."""

    at: Moment
    outcome: Outcome
    detail: str


class Hook(Shape):
    """A webhook, without its token and its secret."""

    id: int
    provider: Sender
    branch: str | None
    tag: str | None
    created_at: Moment
    created_by: str
    last: LastCall | None


class Hooks(Shape):
    """The webhooks of a workload."""

    hooks: list[Hook]


class NewHook(Shape):
    """Who sends it, and which branch or tag it waits for (* is anything); none: the one of the spec."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [alone(None, "branch"), alone(None, "tag")]})

    provider: Sender
    branch: Pattern | None = None
    tag: Pattern | None = None
    secret: (
        Annotated[str, Field(min_length=6, max_length=255, json_schema_extra={"pattern": SECRET.pattern})] | None
    ) = None


class MadeHook(Hook):
    """A new webhook: its address and its secret are shown this once."""

    url: str
    path: str
    token: str
    secret: str


class Delivered(Shape):
    """What came of a delivery, and the version that was opened, if one was."""

    outcome: Outcome
    detail: str
    workload: str
    version: Version | None
