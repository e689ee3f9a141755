"""The judgement whether a live version is well, and which of its containers to start again. Pure.

What the ledger's rows say first (a deploy or a removal under way, nothing live) is in db.health.status. Decided here,
by what was seen of the containers and what is known of their ends, in this order:

1. crashing: two ends or more within ten minutes that nobody asked for, and a container of those that ended runs again
   or Docker is about to start it
2. down: of what has to run, nothing runs; degraded: something does not run
3. drifted: all of it runs, and it is not what was pinned
4. unhealthy: a health check fails
5. live
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from db.health.codes import Judgement, StatusReason, WorkloadStatus
from db.releases import ServiceRun
from tasks.docker.records import ContainerRecord

CRASHES = 2
RESTARTING = "restarting"
# States that Docker leaves by itself, or that somebody chose.
NOT_TO_START = frozenset({"paused", RESTARTING, "removing", "dead"})


@dataclass(frozen=True)
class Part:
    """A service of the live version: its containers, how many of them have to run, and whether they may end well.

    `once`: they are jobs; one that is gone was done. `unsaid`: they are jobs if Docker is not told to start them again.
    """

    name: str
    wanted: int
    containers: Sequence[ContainerRecord]
    may_end: bool = False
    once: bool = False
    unsaid: bool = False

    @classmethod
    def of(cls, name: str, run: ServiceRun, containers: Sequence[ContainerRecord]) -> Part:
        """Return a service of a compose release."""
        may_end = bool(run["once"] or run.get("may_end"))
        return cls(name, run["count"], containers, may_end, run["once"], bool(run.get("unsaid")))

    def is_done(self, one: ContainerRecord) -> bool:
        """Return whether a container has ended as it may."""
        may_end = self.may_end or (self.unsaid and one.restart in {"", "no"})
        return may_end and one.state == "exited" and one.exit_code == 0 and not one.oom_killed

    @property
    def running(self) -> int:
        """How many containers serve."""
        return sum(one.serves for one in self.containers)

    @property
    def lacking(self) -> int:
        """How many containers should run and do not."""
        down = [one for one in self.containers if not one.serves and not self.is_done(one)]
        if self.once:
            return len(down)
        return max(0, self.wanted - self.running - sum(self.is_done(one) for one in self.containers))


@dataclass(frozen=True)
class End:
    """The end of a container. `reason` is why, as Docker's events tell it."""

    docker_id: str
    reason: StatusReason
    at: datetime
    exit_code: int | None = None


@dataclass(frozen=True)
class Facts:
    """What a look gathered.

    `recent`: the ends of the last ten minutes that nobody asked for, oldest first. `last`: how each container that does
    not run ended, as far as it is known. `failing`: services whose check fails.
    """

    parts: Sequence[Part]
    recent: Sequence[End]
    last: Mapping[str, End]
    as_pinned: bool
    failing: Collection[str] = ()


def judge(facts: Facts) -> Judgement:
    """Judge a live version."""
    many, recent = len(facts.recent), facts.recent
    again = _come_again(facts) if many >= CRASHES else []
    if again:
        newest = recent[-1]
        return Judgement(
            WorkloadStatus.CRASHING, newest.reason, newest.at, newest.exit_code, _names(facts, again), many
        )
    lacking = [part for part in facts.parts if part.lacking]
    if lacking:
        is_down = not any(part.running for part in facts.parts)
        status = WorkloadStatus.DOWN if is_down else WorkloadStatus.DEGRADED
        reason, end = _why(lacking[0], facts.last)
        since = end.at if end else None
        return Judgement(status, reason, since, _exit_code(lacking[0], end), _names(facts, lacking), many)
    if not facts.as_pinned:
        return Judgement(WorkloadStatus.DRIFTED, StatusReason.NOT_AS_PINNED, restarts_10m=many)
    sick = [part for part in facts.parts if part.name in facts.failing or _is_unhealthy(part)]
    if sick:
        reason = StatusReason.HEALTH_CHECK_FAILED
        return Judgement(WorkloadStatus.UNHEALTHY, reason, services=_names(facts, sick), restarts_10m=many)
    return Judgement(WorkloadStatus.LIVE, restarts_10m=many)


def is_changing(facts: Facts) -> bool:
    """Return whether Docker is about to start a container: what is seen now is over in a moment."""
    return any(one.state == RESTARTING for part in facts.parts for one in part.containers)


def to_start(facts: Facts) -> list[ContainerRecord]:
    """Return the containers that ought to run, that nobody stopped, and that Docker does not start again.

    Docker gives up when an attempt to start one fails, for instance because another one has its port meanwhile. One
    that a person stopped stays down, and so does one whose end nobody saw: that could have been a person too.
    """
    return [
        one
        for part in facts.parts
        if part.lacking
        for one in part.containers
        if not one.running
        and one.state not in NOT_TO_START
        and not part.is_done(one)
        and _ought_to_run(one)
        and _by_nobody(one, facts.last.get(one.id))
    ]


def _ought_to_run(one: ContainerRecord) -> bool:
    if one.restart == "on-failure":
        return one.restart_limit == 0 and (one.exit_code != 0 or one.start_error is not None)
    return one.restart in {"always", "unless-stopped"}


def _by_nobody(one: ContainerRecord, end: End | None) -> bool:
    """Return whether no person wanted it down. Whoever tried to start it, Docker or a person, wanted it up."""
    return one.start_error is not None or (end is not None and end.reason is not StatusReason.STOPPED_BY_HAND)


def _come_again(facts: Facts) -> list[Part]:
    """Return the services with a container that ended lately and runs again, or is about to."""
    ended = {one.docker_id for one in facts.recent}
    return [
        part
        for part in facts.parts
        if any(one.id in ended and (one.running or one.state == RESTARTING) for one in part.containers)
    ]


def _names(facts: Facts, parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the names of services; none where there is only one, which needs no name."""
    return tuple(part.name for part in parts) if len(facts.parts) > 1 else ()


def _why(part: Part, last: Mapping[str, End]) -> tuple[StatusReason, End | None]:
    """Return why a service lacks a container, and the end that it came to, if one is known."""
    down = [one for one in part.containers if not one.serves and not part.is_done(one)]
    if not down:
        return StatusReason.CONTAINER_GONE, None
    one = down[0]
    end = last.get(one.id)
    if one.start_error is not None and one.state != RESTARTING:
        return StatusReason(one.start_error), end
    if one.state == "paused":
        return StatusReason.PAUSED, None
    if end is not None:
        return end.reason, end
    if one.oom_killed:
        return StatusReason.OUT_OF_MEMORY, None
    return StatusReason.NOT_STARTED, None


def _exit_code(part: Part, end: End | None) -> int | None:
    if end is not None:
        return end.exit_code
    ended = [one for one in part.containers if one.state == "exited" and not part.is_done(one)]
    return ended[0].exit_code if ended else None


def _is_unhealthy(part: Part) -> bool:
    return any(one.running and one.health == "unhealthy" for one in part.containers)
