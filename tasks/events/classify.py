"""The meaning of a container's Docker events: a crash, out of memory, a deploy, or a manual action. Pure.

An exit is classified by the events before it. Docker emits `kill` before it stops a container on request, and `oom`
when the kernel killed a process for its memory; an exit without either is the container's own. Whether a stop was
Backstay's is known from the ledger: the workload was being deployed, or the version was no longer live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from tasks.labels import DEPLOY, SERVICE, WORKLOAD


class Kind(StrEnum):
    """What happened."""

    START = "start"
    RESTART = "restart"  # a start of a container that had run before
    EXIT = "exit"
    OOM = "oom"  # the kernel killed one of its processes for its memory; an exit may follow
    UNHEALTHY = "unhealthy"
    HEALTHY = "healthy"  # after it was unhealthy
    PAUSE = "pause"
    UNPAUSE = "unpause"


class Cause(StrEnum):
    """The actor or reason behind it."""

    DEPLOY = "deploy"  # Backstay: a deploy, a rollback, the cleanup after one, a restore, a start of what stayed down
    BY_HAND = "by_hand"  # a person or program other than Backstay, through Docker
    CRASH = "crash"  # it exited by itself, with a code other than 0
    OOM = "oom"
    FINISHED = "finished"  # it exited by itself with code 0
    HEALTH = "health"  # its health check reported so
    DOCKER = "docker"  # Docker or the host was down in between, and started it again


OF_ITSELF = frozenset({Cause.CRASH, Cause.OOM, Cause.FINISHED})
ACTIONS = ("start", "die", "kill", "oom", "pause", "unpause", "health_status")
SECOND = 10**9
# `docker stop` waits as long as its caller wants; but a container that survives a signal exits for its own reasons.
STOPS_WITHIN_NS = 120 * SECOND
OOM_WITHIN_NS = 10 * SECOND
# Docker waits at most a minute before it restarts a container.
RESTARTS_WITHIN_NS = 90 * SECOND
# The ledger records when a deploy ended; Docker may report its last stop a moment later.
GRACE_NS = 2 * SECOND
NOT_TO_STOP = frozenset({1, 10, 12})  # SIGHUP, SIGUSR1, SIGUSR2: "reload your settings" and the like


@dataclass(frozen=True)
class DockerEvent:
    """One event of Docker about a container of ours. at_ns: nanoseconds since the epoch by Docker's clock."""

    docker_id: str
    container: str
    workload: str
    version: int
    action: str  # one of ACTIONS
    at_ns: int
    signal: int | None = None
    exit_code: int | None = None
    healthy: bool = False
    service: str = ""


@dataclass(frozen=True)
class ContainerState:
    """The state kept of a container between two events. `ended` is why it last exited; None while it runs."""

    has_run: bool = False
    ended: Cause | None = None
    ended_at_ns: int = 0
    killed_at_ns: int | None = None
    oom_at_ns: int | None = None
    unhealthy: bool = False


@dataclass(frozen=True)
class Finding:
    """The classification of an event."""

    said: DockerEvent
    kind: Kind
    cause: Cause


@dataclass(frozen=True)
class DeployWindow:
    """The time span of a deploy of the workload (nanoseconds since the epoch, None: still in progress)."""

    version: int
    began_ns: int
    ended_ns: int | None
    succeeded: bool


def said(raw: Mapping[str, Any]) -> DockerEvent | None:
    """Parse an event from Docker's JSON; None for one of no interest, or of an unknown shape."""
    action, _, detail = str(raw.get("Action", "")).partition(":")
    actor = raw.get("Actor") or {}
    labels = actor.get("Attributes") or {}
    version = str(labels.get(DEPLOY, ""))
    if action not in ACTIONS or not actor.get("ID") or not version.isdigit() or not labels.get(WORKLOAD):
        return None
    return DockerEvent(
        docker_id=str(actor["ID"]),
        container=str(labels.get("name", "")),
        workload=str(labels[WORKLOAD]),
        version=int(version),
        action=action,
        at_ns=int(raw.get("timeNano") or 0),
        signal=_number(labels.get("signal")),
        exit_code=_number(labels.get("exitCode")) if action == "die" else None,
        healthy=detail.strip() == "healthy",
        service=str(labels.get(SERVICE, "")),
    )


def is_ours(event: DockerEvent, spans: Sequence[DeployWindow]) -> bool:
    """Return whether Backstay was changing the container then: during a deploy, or its version was not live.

    Manual actions on the containers during a deploy count as the deploy's: they cannot be told apart.
    """
    at_work = any(
        span.began_ns <= event.at_ns and (span.ended_ns is None or event.at_ns <= span.ended_ns + GRACE_NS)
        for span in spans
    )
    live = [one for one in spans if one.succeeded and one.ended_ns is not None and one.ended_ns <= event.at_ns]
    return at_work or not live or max(live, key=lambda one: one.version).version != event.version


def follow(
    memory: ContainerState, event: DockerEvent, ours: bool, *, ran_out: bool = False, started_again: bool = False
) -> tuple[ContainerState, Finding | None]:
    """Return the state after an event, and its classification; None when there is nothing to record.

    ran_out: Docker reports the container as killed for its memory, for an exit without an `oom` before it.
    started_again: Backstay has just started the container, because it stayed down.
    """
    by = Cause.DEPLOY if ours else Cause.BY_HAND
    match event.action:
        case "kill":
            stops = event.signal not in NOT_TO_STOP
            return (replace(memory, killed_at_ns=event.at_ns) if stops else memory), None
        case "oom":
            return replace(memory, oom_at_ns=event.at_ns), Finding(event, Kind.OOM, Cause.OOM)
        case "die":
            cause = _why_it_ended(memory, event, by, ran_out)
            return ContainerState(has_run=True, ended=cause, ended_at_ns=event.at_ns), Finding(event, Kind.EXIT, cause)
        case "start":
            kind, cause = (Kind.RESTART, Cause.DEPLOY) if started_again else _why_it_started(memory, event, by)
            return ContainerState(has_run=True), Finding(event, kind, cause)
        case "health_status":
            return _health(memory, event)
        case _:
            return memory, Finding(event, Kind(event.action), by)


def _why_it_ended(memory: ContainerState, event: DockerEvent, by: Cause, ran_out: bool) -> Cause:
    if _recently(memory.killed_at_ns, event, STOPS_WITHIN_NS):
        return by
    if ran_out or _recently(memory.oom_at_ns, event, OOM_WITHIN_NS):
        return Cause.OOM
    return Cause.FINISHED if event.exit_code == 0 else Cause.CRASH


def _why_it_started(memory: ContainerState, event: DockerEvent, by: Cause) -> tuple[Kind, Cause]:
    if not memory.has_run:
        # Only Backstay creates containers with its labels, and starts what it created: in a deploy, or when it
        # recreates one that is gone.
        return Kind.START, Cause.DEPLOY
    if memory.ended is None:
        return Kind.RESTART, Cause.DOCKER  # no event reported its exit
    if memory.ended is Cause.DEPLOY:
        return Kind.RESTART, Cause.DEPLOY  # after a failure a deploy restarts what it stopped
    if memory.ended in OF_ITSELF and event.at_ns - memory.ended_at_ns <= RESTARTS_WITHIN_NS:
        return Kind.RESTART, memory.ended
    return Kind.RESTART, by


def _health(memory: ContainerState, event: DockerEvent) -> tuple[ContainerState, Finding | None]:
    if memory.unhealthy is not event.healthy:
        return memory, None
    kind = Kind.HEALTHY if event.healthy else Kind.UNHEALTHY
    return replace(memory, unhealthy=not event.healthy), Finding(event, kind, Cause.HEALTH)


def _recently(moment_ns: int | None, event: DockerEvent, within_ns: int) -> bool:
    return moment_ns is not None and event.at_ns - moment_ns <= within_ns


def _number(text: object) -> int | None:
    words = str(text)
    return int(words) if words.isascii() and words.isdigit() and len(words) < 6 else None
