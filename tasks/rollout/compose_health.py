"""Whether the services of a release work, decided from one observation of their containers. Pure.

One with a health check has to be healthy, one without has to stay running for some seconds; one that runs once may exit
with code 0, and so may one without a restart policy, as long as another service keeps running.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from db.releases import ComposePin, HealthCheck, ServiceRun
from db.states import ErrorCode
from tasks.docker.health_checks import LONGEST_S, patience_of_file
from tasks.docker.records import ContainerRecord
from tasks.labels import SERVICE

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_RUNNING_S = 3.0


@dataclass(frozen=True)
class Limits:
    """Seconds: how long a service may take to become healthy (None: as long as its own check may need), and how long
    one without a health check has to run."""

    timeout_s: float | None
    running_s: float

    def for_check(self, check_s: float | None) -> float:
        """Return the time for a container whose own check may need `check_s`."""
        return max(check_s or 0.0, DEFAULT_TIMEOUT_S) if self.timeout_s is None else self.timeout_s

    def for_service(self, records: Sequence[ContainerRecord], name: str) -> float:
        """Return the time for a service, of whose containers some may be there."""
        return max([self.for_check(one.check_s) for one in of_service(records, name)], default=self.for_check(None))


@dataclass(frozen=True)
class Trouble:
    """The failing service, and the error code for the deploy."""

    service: str
    code: ErrorCode


def limits(health: HealthCheck | None) -> Limits:
    """Read the limits from the spec's `health`."""
    given: HealthCheck = health or {}
    return Limits(given.get("timeout_s"), given.get("running_s", DEFAULT_RUNNING_S))


def time_for_up(model: Mapping[str, Any], limit: Limits) -> float:
    """Return the seconds that services may take which others wait for, one after the other, by the stored file.

    A check that only the image has is not in the file: it counts as one without options.
    """
    if limit.timeout_s is not None:
        return limit.timeout_s
    services = model["services"]
    waits = [wait for one in services.values() for wait in (one.get("depends_on") or {}).items()]
    awaited = {name for name, how in waits if (how or {}).get("condition") == "service_healthy" and name in services}
    checks = [patience_of_file(services[name].get("healthcheck") or {"test": ["image"]}) for name in awaited]
    return min(LONGEST_S, max(DEFAULT_TIMEOUT_S, sum(seconds or 0.0 for seconds in checks)))


def trouble(
    runs: Mapping[str, ServiceRun], records: Sequence[ContainerRecord], restarts: Mapping[str, int]
) -> Trouble | None:
    """Return the first service with a container that exited, or is unhealthy; None when there is none.

    `restarts`: container id -> its restart count before the rollout; others count from 0.
    """
    for name, wanted in sorted(runs.items()):
        for one in of_service(records, name):
            code = _trouble(one, may_end(wanted) or _may_be_done(wanted, one), restarts.get(one.id, 0))
            if code is not None:
                return Trouble(name, code)
    return None


def all_ended(runs: Mapping[str, ServiceRun], records: Sequence[ContainerRecord]) -> Trouble | None:
    """Return the first service that ended without being a job by the file, when nothing runs any more; else None.

    To be asked when every container was started.
    """
    if any(one.state != "exited" for one in records):
        return None
    ended = [name for name, run in sorted(runs.items()) if run.get("unsaid") and of_service(records, name)]
    return Trouble(ended[0], ErrorCode.EXITED_EARLY) if ended else None


def waits_for(
    runs: Mapping[str, ServiceRun], records: Sequence[ContainerRecord], waited_s: float, limit: Limits
) -> str | None:
    """Return the first service that is not ready yet; None when all are."""
    for name, wanted in sorted(runs.items()):
        there = of_service(records, name)
        if len(there) < wanted["count"] and not wanted["once"]:
            return name
        if not all(_works(one, waited_s, limit) for one in there):
            return name
    return None


def why_up_failed(
    runs: Mapping[str, ServiceRun],
    records: Sequence[ContainerRecord],
    restarts: Mapping[str, int],
    *,
    timed_out: bool,
    port_is_taken: bool,
) -> Trouble:
    """Return the reason why Docker Compose gave up: from the containers, not from its output."""
    seen = trouble(runs, records, restarts)
    if seen is not None:
        return seen
    # Docker has no exit code for containers that wait for one that could not be started.
    created = [one for one in records if one.state == "created" and one.labels.get(SERVICE) in runs]
    created.sort(key=lambda one: (one.exit_code == 0, one.labels[SERVICE]))
    never_started = [one.labels[SERVICE] for one in created]
    first = never_started[0] if never_started else min(runs, default="")
    if lacking := [one.labels[SERVICE] for one in created if one.host_not_ready]:
        return Trouble(lacking[0], ErrorCode.HOST_NOT_READY)
    if timed_out:
        return Trouble(waits_for(runs, records, 0, Limits(0, 0)) or first, ErrorCode.HEALTH_TIMEOUT)
    if port_is_taken:
        return Trouble(first, ErrorCode.PORT_IN_USE)
    if never_started:
        return Trouble(first, ErrorCode.START_FAILED)
    # Of the services without a container, it is unknown which was refused and which was never reached.
    missing = [name for name in sorted(runs) if not of_service(records, name)]
    return Trouble(", ".join(missing) or first, ErrorCode.CREATE_FAILED)


def is_as_pinned(pin: ComposePin, records: Sequence[ContainerRecord]) -> bool:
    """Return whether the containers are those of a pin: per service the right number, of its image, and running."""
    runs, services = pin["runs"], pin["services"]
    if any(one.labels.get(SERVICE) not in runs for one in records):
        return False
    for name, wanted in runs.items():
        there = of_service(records, name)
        right = [one for one in there if one.image_id == services[name]["image_id"] and one.version == wanted["since"]]
        if len(right) != len(there):
            return False
        running = [one for one in right if one.serves]
        ended_well = [one for one in right if has_ended_well(one)]
        done = [one for one in ended_well if _may_be_done(wanted, one)]
        if done and len(done) + len(running) == wanted["count"]:
            continue
        if may_end(wanted):
            is_whole = wanted["once"] or len(right) == wanted["count"]
            if not is_whole or len(running) + len(ended_well) != len(right):
                return False
        elif len(running) != wanted["count"] or ended_well:
            return False
    return all_ended(runs, records) is None


def may_end(run: ServiceRun) -> bool:
    """Return whether the containers of a service may exit with code 0."""
    return bool(run["once"] or run.get("may_end"))


def _may_be_done(run: ServiceRun, one: ContainerRecord) -> bool:
    """Return whether a container may have ended because the file says nothing. One that ran when its release went live
    is kept running by Docker since then, so it was stopped by somebody."""
    return bool(run.get("unsaid")) and one.restart in {"", "no"}


def is_done(run: ServiceRun, one: ContainerRecord) -> bool:
    """Return whether a container has ended as it may."""
    return has_ended_well(one) and (may_end(run) or _may_be_done(run, one))


def has_ended_well(one: ContainerRecord) -> bool:
    """Return whether a container has exited with code 0, and Docker does not start it again."""
    return not one.running and one.state == "exited" and one.exit_code == 0


def of_service(records: Sequence[ContainerRecord], name: str) -> list[ContainerRecord]:
    """Return the containers of one service."""
    return [one for one in records if one.labels.get(SERVICE) == name]


def _trouble(one: ContainerRecord, may_end: bool, before: int) -> ErrorCode | None:
    if one.running and one.restarts <= before:
        return ErrorCode.HEALTH_TIMEOUT if one.health == "unhealthy" else None
    if one.state == "created":
        return None  # its turn has not come
    if may_end and one.state == "exited" and one.exit_code == 0 and not one.oom_killed:
        return None
    return ErrorCode.OUT_OF_MEMORY if one.oom_killed else ErrorCode.EXITED_EARLY


def _works(one: ContainerRecord, waited_s: float, limit: Limits) -> bool:
    if not one.running:
        return one.state == "exited"  # trouble() finds one that may not exit
    if one.health is not None:
        return one.health == "healthy"
    return waited_s >= limit.running_s
