"""The shapes of what comes back, as models: the names that docs/api.md uses, their types, and whether they may be null.

They describe and are never filled in: answers are made where they are made. A test compares them with real answers.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from db.messages.key_problems import KeyProblem
from db.states import ErrorCode, Reason, Status, Trigger
from tasks.impact.verdict import Reason as VerdictReason
from tasks.impact.verdict import Verdict
from webapp.http.params import LARGEST

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, ISO 8601 with Z.")]
Version = Annotated[int, Field(ge=1, le=LARGEST, description="1, 2, 3 … per workload.")]


class Shape(BaseModel):
    """What every shape has in common: it has no other keys than these."""

    model_config = ConfigDict(extra="forbid")


class Problem(Shape):
    """A refusal (RFC 9457). `code` is stable; `detail` says what to do and never repeats what was sent."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    version: Version | None = Field(None, description="The deploy that is concerned, if any.")
    key: str | None = Field(None, description="Of `invalid_spec`: the dotted path of the key.")
    problem: KeyProblem | None = Field(None, description="Of `invalid_spec`: what is wrong with the key.")


class StageTime(Shape):
    """How long a stage of a deploy took."""

    name: str
    ms: int


class Pin(BaseModel):
    """What makes a deploy repeatable. Which other keys there are depends on the kind."""

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


class Rows(Shape):
    """A page of the history, newest first; `Link: rel=next` leads to older ones."""

    deploys: list[Row]


class Change(Shape):
    """A key of the configuration that differs; null is absent, a secret is masked."""

    key: str
    before: Any = Field(alias="from")
    to: Any


class TwoPins(Shape):
    """The pins of both sides."""

    before: Pin | None = Field(alias="from")
    to: Pin | None


class TwoImages(Shape):
    """What was asked for on both sides."""

    before: str | None = Field(alias="from")
    to: str


class Diff(Shape):
    """What going from one version to another changes."""

    before: Version | None = Field(alias="from")
    to: Version
    pin: TwoPins
    same_pin: bool
    image: TwoImages
    config: list[Change]


class Side(Shape):
    """One side of a comparison: what was sampled and what happened within a window."""

    version: Version
    since: Moment
    until: Moment
    samples: int
    cpu_median: float | None
    cpu_p95: float | None
    memory_median: int | None
    memory_p95: int | None
    restarts: int
    crashes: int
    oom_kills: int


class ServiceSides(Shape):
    """The medians of one service of a version that has several."""

    service: str
    cpu_before: float | None
    memory_before: int | None
    cpu_after: float | None
    memory_after: int | None


class Leak(Shape):
    """How memory grew since the version warmed up: of the whole, or of the service that leaks fastest."""

    # Absent in what was written on a row before services were told apart.
    service: str | None = None
    since: Moment
    until: Moment
    samples: int
    slope_bytes_per_hour: int
    grown_bytes: int | None
    leaking: bool
    memory_limit: int | None
    seconds_to_limit: int | None


class WholeImpact(Shape):
    """The verdict on a version with the numbers that made it. `settled`: it is written on the row."""

    version: Version
    settled: bool
    verdict: Verdict
    reasons: list[VerdictReason | Literal["never_live"]]
    before: Side | None
    after: Side | None
    services: list[ServiceSides]
    leak: Leak | None


class TakenIn(Shape):
    """Files that were uploaded: their hash, how many they are, how large together."""

    content: str
    files: int
    bytes: int


class BuildLog(Shape):
    """A part of the log of a build, secrets blanked out; empty and complete for a deploy that built nothing."""

    text: str
    offset: int
    complete: bool
