"""The rollout of a workload that is a compose project: several containers released as one.

It runs `docker compose up` with the stored file of a release, which touches nothing that already matches: a service
that did not change keeps its containers across a deploy. So the way forward, the way back after a failure and the way
back after a crash are the same call with another file. A container's version label names the version in which its
service last changed; the pin records the same per service.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from db import event_log, pins, workloads
from db.messages.events import tell
from db.models import Deploy, Workload
from db.releases import ComposePin, Release
from db.states import ErrorCode
from tasks.compose import cli, deploy_files, model, secret_files, up_errors
from tasks.compose.reading.render import project_of
from tasks.containers import converge, last_log
from tasks.containers.health_status import Part
from tasks.context import Context, now
from tasks.docker.records import ContainerRecord, PublishedPort
from tasks.failures import Failure
from tasks.job import Job
from tasks.labels import INSTALLATION, SERVICE, WORKLOAD, container_labels
from tasks.rollout import compose_adopted, compose_health, compose_removal, taken_ports
from tasks.rollout.compose_health import Trouble
from tasks.rollout.health import Check
from tasks.rollout.protocol import Watched

LOOK_EVERY_S = 0.5
# For creating containers, and stopping replaced ones, on top of the time that a service has to become healthy.
MORE_FOR_UP_S = 120.0


def roll_out(job: Job) -> None:
    """Start the new release in place of the old one. Raises Failure."""
    before, pin = _observe(job), _pin(job)
    job.restarts = {one.id: one.restarts for one in before}
    names = {one.get("container_name") for one in _stored(job.context, pin)["services"].values()}
    compose_adopted.set_aside(job.context, before, names, job.workload.spec.get("stop_timeout_s", 10))
    began = time.monotonic()
    limit = compose_health.limits(job.release.get("health"))
    seconds = compose_health.time_for_up(_stored(job.context, pin), limit)
    went_well = _up(job.context, job.workload, pin, _values(job.release, job.secrets), seconds, job)
    every = _observe(job)
    converge.refresh_index(job.context, job.workload, every)
    records = compose_adopted.own(every)
    if not went_well:
        timed_out = time.monotonic() - began >= seconds + MORE_FOR_UP_S
        taken = _a_port_is_taken(job, records)
        why = compose_health.why_up_failed(pin["runs"], records, job.restarts, timed_out=timed_out, port_is_taken=taken)
        _give_up(job, why, records)


def check_health(job: Job) -> None:
    """Wait until every service works. Raises Failure: exited_early, out_of_memory, health_timeout."""
    limit = compose_health.limits(job.release.get("health"))
    runs, began = _pin(job)["runs"], time.monotonic()
    while True:
        records, waited = compose_adopted.own(_observe(job)), time.monotonic() - began
        if found := compose_health.trouble(runs, records, job.restarts):
            _give_up(job, found, records)
        late = compose_health.waits_for(runs, records, waited, limit)
        if late is None:
            _give_up_when_all_ended(job, records)
            return
        if waited >= max(limit.for_service(records, late), limit.running_s):
            _give_up(job, Trouble(late, ErrorCode.HEALTH_TIMEOUT), records)
        job.pause(LOOK_EVERY_S)


def verify(job: Job) -> None:
    """Compare the images of all containers with the pin. Raises Failure(pin_mismatch) when they are not the same."""
    pin, every = _pin(job), _observe(job)
    converge.refresh_index(job.context, job.workload, every)
    records = compose_adopted.own(every)
    if found := compose_health.trouble(pin["runs"], records, job.restarts):
        _give_up(job, found, records)
    _give_up_when_all_ended(job, records)
    if not compose_health.is_as_pinned(pin, records):
        raise Failure(ErrorCode.PIN_MISMATCH, "running", verified=False)


def settle(job: Job) -> None:
    """Make Docker keep the new containers running. The old ones are already gone."""
    _keep_running(job.context, _pin(job), compose_adopted.own(_observe(job)))


def undo(job: Job) -> None:
    """Apply the stored file of the live release again, after a failure."""
    # Read anew, for its current secrets.
    restore(job.context, job.context.workload(job.deploy.workload_id), job.live)


def clean_up(job: Job) -> None:
    """Remove containers of services that the release lacks, and those that were adopted, after success."""
    pin, records = _pin(job), _observe(job)
    strays = [one for one in records if one.adopted or one.labels.get(SERVICE) not in pin["runs"]]
    for one in strays:
        converge.remove(job.context, one, converge.STOP_TIMEOUT_S)
    converge.refresh_index(job.context, job.workload, [one for one in records if one not in strays])


def restore(context: Context, workload: Workload, live: Deploy | None) -> bool:
    """Converge on exactly the live release, from its stored file; on nothing, if there is none. Volumes stay.

    Returns whether there was anything to do. Raises Failure when it does not start.
    """
    there = converge.observe(context, workload.name)
    before = _states(there)
    pin = pins.of_compose(live.pin) if live else None
    if live is None or pin is None:
        return compose_removal.remove(context, workload, project_of(context, workload.name))
    old = [one for one in there if one.adopted]
    if any(one.version == live.version for one in old) and compose_adopted.is_whole(old, pin["runs"]):
        compose_adopted.bring_back(context, workload.name, there, pin["runs"], _stored(context, pin))
        records = converge.observe(context, workload.name)
        converge.refresh_index(context, workload, records)
        return _states(records) != before
    for one in old:  # of an earlier version, or what is left of this one: it is made anew
        converge.remove(context, one, converge.STOP_TIMEOUT_S)
    with context.database.reading() as session:
        release = workloads.release(session, live)
    secrets = context.secrets_of_release(workload, release)
    seconds = compose_health.time_for_up(_stored(context, pin), compose_health.limits(release.get("health")))
    went_well = _up(context, workload, pin, _values(release, secrets), seconds, None)
    records = converge.observe(context, workload.name)
    converge.refresh_index(context, workload, records)
    if not went_well:
        raise Failure(ErrorCode.START_FAILED, "restore")
    _keep_running(context, pin, records)
    return _states(records) != before


def runs_as_pinned(live: Deploy, records: Sequence[ContainerRecord]) -> bool:
    """Return whether the containers of every service exist, run, and have the pinned images. Pure."""
    pin = pins.of_compose(live.pin)
    return pin is not None and compose_health.is_as_pinned(pin, records)


def parts(live: Deploy, records: Sequence[ContainerRecord]) -> list[Part]:
    """Return the services of the live version. Pure."""
    return [
        Part.of(name, run, compose_health.of_service(records, name))
        for name, run in sorted(pins.runs(live.pin).items())
    ]


def own_check(release: Release) -> Check | None:
    """Return None: Docker runs the checks of a compose file. Pure."""
    return None


def start_again(context: Context, workload: Workload, record: ContainerRecord) -> None:
    """Start a container of the live version. Raises Failure."""
    context.docker.containers.start(record.id)


def brought_by(live: Deploy, records: Sequence[ContainerRecord]) -> Watched:
    """Return the containers of the services that the live version changed: no jobs, nor what may end and did. Pure."""
    runs = pins.runs(live.pin)
    new = {name: one for name, one in runs.items() if one["since"] == live.version and not one["once"]}
    mine = [one for one in records if one.labels.get(SERVICE) in new and one.version == live.version]
    ended = [one for one in mine if compose_health.is_done(new[one.labels[SERVICE]], one)]
    return Watched([one for one in mine if one not in ended], sum(one["count"] for one in new.values()) - len(ended))


def still_works(context: Context, live: Deploy, release: Release, records: Sequence[ContainerRecord]) -> bool:
    """Return whether no container with a health check currently fails it."""
    return all(one.health in {None, "healthy"} for one in records if one.running)


def _keep_running(context: Context, pin: ComposePin, records: Sequence[ContainerRecord]) -> None:
    """Make containers that do not run once restart after the host or Docker was down, whatever the file says. One that
    is done stays as it is: Docker would run it again and again."""
    for one in records:
        run = pin["runs"].get(one.labels.get(SERVICE, ""))
        if run is not None and not run["once"] and not compose_health.is_done(run, one):
            context.docker.containers.keep_running(one.id)


def _up(
    context: Context,
    workload: Workload,
    pin: ComposePin,
    values: Mapping[str, str],
    timeout_s: float,
    job: Job | None,
) -> bool:
    stored = _stored(context, pin)
    values = {**values, **secret_files.opened(context, stored)}
    stored = secret_files.without(stored)
    shared = {WORKLOAD: workload.name, INSTALLATION: context.installation}
    file = model.effective(
        deploy_files.make_ready(context, workload.id, workload.name, stored),
        pin["services"],
        lambda service: container_labels(context.installation, workload.name, pin["runs"][service]["since"], service),
        shared,
        values,
    )
    project = project_of(context, workload.name)
    raise_if_cancelled: Callable[[], None] = _Meanwhile(job) if job else (lambda: None)

    def heard(lines: Sequence[str]) -> None:
        if job is not None:
            _note_missing_sources(job, up_errors.missing_sources(lines, json.loads(file)))

    return cli.up(context, project, file, values, timeout_s + MORE_FOR_UP_S, raise_if_cancelled, heard)


def _note_missing_sources(job: Job, missing: Sequence[tuple[str, str]]) -> None:
    if missing:
        keys, paths = (list(dict.fromkeys(side)) for side in zip(*missing, strict=True))
        told = tell("mount_source_missing", version=job.deploy.version, keys=keys, paths=paths)
        with job.context.database.writing() as session:
            event_log.note(session, job.deploy.workload_id, told, now(), level="error")


class _Meanwhile:
    """Checks the new containers while Docker Compose waits for those that others depend on: it has no time limit for
    them, and keeps waiting for one that exits again and again."""

    def __init__(self, job: Job) -> None:
        self._job, self._limit = job, compose_health.limits(job.release.get("health"))
        self._looked_at = 0.0
        self._waiting_since: dict[str, float] = {}  # container id -> when it was first seen not yet healthy

    def __call__(self) -> None:
        """Check. Raises Failure when further waiting is pointless."""
        self._job.check_cancelled()
        moment = time.monotonic()
        if moment - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = moment
        new = [one for one in compose_adopted.own(_observe(self._job)) if one.id not in self._job.restarts]
        runs = _pin(self._job)["runs"]
        if found := compose_health.trouble(runs, new, {}):
            _give_up(self._job, found, new)
        for one in new:
            since = self._waiting_since.setdefault(one.id, moment)
            if one.running and one.health == "starting" and moment - since > self._limit.for_check(one.check_s):
                _give_up(self._job, Trouble(one.labels[SERVICE], ErrorCode.HEALTH_TIMEOUT), new)


def _values(release: Release, secrets: Mapping[str, str]) -> dict[str, str]:
    return {**release.get("env", {}), **secrets}


def _give_up_when_all_ended(job: Job, records: Sequence[ContainerRecord]) -> None:
    if found := compose_health.all_ended(_pin(job)["runs"], records):
        job.notes.append(tell("compose_all_ended", version=job.deploy.version))
        _give_up(job, found, records)


def _give_up(job: Job, why: Trouble, records: Sequence[ContainerRecord]) -> None:
    """Raise Failure; the service goes to the event log, its output to the redacted log."""
    with job.context.database.writing() as session:
        told = tell("service_failed", version=job.deploy.version, service=why.service, code=why.code)
        event_log.note(session, job.deploy.workload_id, told, now(), level="error")
    for one in compose_health.of_service(records, why.service):
        last_log.log(job, one.id, one.name)
    raise Failure(why.code, "service")


def _stored(context: Context, pin: ComposePin) -> dict[str, Any]:
    with context.database.reading() as session:
        return workloads.document(session, pin["sha256"])


def _a_port_is_taken(job: Job, records: Sequence[ContainerRecord]) -> bool:
    stored = _stored(job.context, _pin(job))
    bound = {(port["address"], port["host"]) for one in records for port in one.ports}
    return taken_ports.any_is_taken(job, [PublishedPort(*one) for one in model.published(stored) if one not in bound])


def _states(records: Sequence[ContainerRecord]) -> set[tuple[str, bool]]:
    return {(one.id, one.running) for one in records}


def _pin(job: Job) -> ComposePin:
    return cast("ComposePin", job.pinned)


def _observe(job: Job) -> list[ContainerRecord]:
    return converge.observe(job.context, job.workload.name)


def _workload(job: Job) -> Workload:
    return job.context.workload(job.deploy.workload_id)
