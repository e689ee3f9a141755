"""The shapes of webhooks: what is stored, what is shown once, and the answer to a delivery."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from flows.shapes.base import Shape, Version
from flows.shapes.webhooks import Hook, Outcome, Sender
from flows.webhooks.lifecycle import SECRET
from tasks.sources.base import alone
from tasks.webhooks.changed_files import LONGEST_PATTERN, MOST_PATTERNS

Pattern = Annotated[str, Field(min_length=1, max_length=200)]
Secret = Annotated[str, Field(min_length=6, max_length=255, json_schema_extra={"pattern": SECRET.pattern})]


PathFilter = Annotated[str, Field(min_length=1, max_length=LONGEST_PATTERN)]
_ABOUT_PATHS = (
    "Patterns of the files that a push of a branch has to change, for git servers: ** matches any directories, * any "
    "characters but /, ! excludes; the last that matches decides."
)


class Hooks(Shape):
    """The webhooks of a workload."""

    hooks: list[Hook]


class NewHook(Shape):
    """The sender, and the branch or tag it waits for (* matches any); none: the one of the spec."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [alone(None, "branch"), alone(None, "tag")]})

    provider: Sender
    branch: Pattern | None = None
    tag: Pattern | None = None
    paths: (
        Annotated[list[PathFilter], Field(min_length=1, max_length=MOST_PATTERNS, description=_ABOUT_PATHS)] | None
    ) = None
    secret: (
        Annotated[str, Field(min_length=6, max_length=255, json_schema_extra={"pattern": SECRET.pattern})] | None
    ) = Field(None, repr=False)


class MadeHook(Hook):
    """A new webhook: its address and its secret are shown only once."""

    url: str
    path: str
    token: str
    secret: str


class Delivered(Shape):
    """The outcome of a delivery, and the version that was opened, if any."""

    outcome: Outcome
    detail: str
    workload: str
    version: Version | None
