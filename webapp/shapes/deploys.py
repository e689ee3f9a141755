"""The shapes of answers about deploys: the names that docs/api.md uses, their types, and what may be null."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from db.messages.file_problems import FileProblem
from db.messages.key_problems import KeyProblem
from db.messages.source_problems import SourceProblem
from flows.shapes.base import Moment, Shape, Version
from flows.shapes.deploys import Pin, Row
from tasks.impact.verdict import Reason as VerdictReason
from tasks.impact.verdict import Verdict
from webapp.shapes.checked import SpecReason


class ToldReason(Shape):
    """A line of the event log that says why a deploy did not succeed. `keys`: of the compose file, or variables."""

    code: str
    message: str
    keys: list[str]


class Problem(Shape):
    """A refusal (RFC 9457). `code` is stable; `detail` says what to do and never repeats values from the request."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    version: Version | None = Field(None, description="The deploy that is concerned, if any.")
    deploy: TellingRow | None = Field(None, description="Of `deploy_failed`: the row.")
    key: str | None = Field(None, description="Of `invalid_spec`: the dotted path of the key.")
    problem: KeyProblem | SourceProblem | FileProblem | None = Field(
        None, description="Of `invalid_spec`: what is wrong with the key."
    )
    problems: list[SpecReason] | None = Field(None, description="Of `invalid_spec`: every reason, the first included.")
    allow: list[str] | None = Field(
        None,
        description="Of `invalid_spec`: the whole `allow` (of a compose workload `source.allow`) that permits what may "
        "be permitted.",
    )


class TellingRow(Row):
    """A deploy, and the lines of the event log that say why it did not succeed."""

    reasons: list[ToldReason]
    allow: list[str] = Field(description="The whole `source.allow` that permits what may be permitted of it.")


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
    """The requested images of both sides."""

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
    """One side of a comparison: samples and events within a window."""

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
    """Memory growth since the version warmed up: of the whole, or of the service that leaks fastest."""

    # Absent in rows written before services were distinguished.
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
    """The verdict on a version with the numbers behind it. `settled`: it is stored on the row."""

    version: Version
    settled: bool
    verdict: Verdict
    reasons: list[VerdictReason | Literal["never_live"]]
    before: Side | None
    after: Side | None
    services: list[ServiceSides]
    leak: Leak | None


class TakenIn(Shape):
    """Uploaded files: their hash, their number and their total size."""

    content: str
    files: int
    bytes: int


class BuildLog(Shape):
    """A part of the log of a build, secrets masked; empty and complete for a deploy that built nothing."""

    text: str
    offset: int
    complete: bool
