"""The shapes of observations: points of a chart, marks on it, events, containers, log lines."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from db.states import ErrorCode, Reason, Status
from flows.shapes.base import Moment, Shape, Version
from flows.shapes.deploys import Impact
from tasks.events import classify


class DeployMark(Shape):
    """The end of a deploy on the time line."""

    ts: Moment
    kind: Literal["deploy", "rollback"]
    version: Version
    status: Status
    reason: Reason
    rollback_of: Version | None
    error_code: ErrorCode | None
    impact: Impact | None


class HappeningMark(Shape):
    """An event of a container that is not its end."""

    ts: Moment
    kind: classify.Kind | Literal["oom_kill"]
    version: int
    cause: classify.Cause


class EndMark(Shape):
    """The end of a container, named after its cause."""

    ts: Moment
    kind: classify.Cause
    version: int
    cause: classify.Cause
    exit_code: int | None
    restarted: bool = Field(description="The container was started again.")


class Point(Shape):
    """CPU (percent, 100 is one core) and memory (bytes), summed over containers. Long windows add the maxima."""

    ts: int = Field(description="Epoch seconds.")
    cpu_percent: float | None
    memory_usage: int | None
    memory_limit: int | None = Field(description="null: no limit.")
    cpu_percent_max: float | None = None
    memory_usage_max: int | None = None
    version: int | None = Field(None, description="With by=deploy: whose containers these were.")


class Event(Shape):
    """A line of the event log, in English."""

    ts: Moment
    level: Literal["info", "warning", "error"]
    message: str
    actor: str


class Events(Shape):
    """Lines newest first."""

    events: list[Event]


class ShownPort(Shape):
    """A port of a container as Docker reports it."""

    container: int
    host: int | None = None
    address: str | None = None
    protocol: str | None = None  # absent: tcp


class ContainerState(Shape):
    """A container as Docker reports it now."""

    id: str
    name: str
    service: str
    version: int
    image_id: str
    state: str = Field(description="Docker's word; `done`: a job of the live version that has ended well.")
    health: str | None
    started_at: str | None
    restarts: int
    exit_code: int | None
    oom_killed: bool
    ports: list[ShownPort]


class RuntimeState(Shape):
    """The containers now; not available while Docker does not answer."""

    available: bool
    containers: list[ContainerState]


class LogLines(Shape):
    """The last lines of a container's log, secrets masked."""

    lines: list[str]
