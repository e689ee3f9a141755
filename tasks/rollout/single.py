"""The rollout of a single-container workload: shared by image, git and static.

Each function is one stage of the choke point. The old container is stopped last and removed after the ledger records
the new one as live, so at every moment a crash leaves a version to go back to.
"""

from __future__ import annotations

from collections.abc import Sequence

from db import pins, workloads
from db.messages.events import tell
from db.models import Deploy, Workload
from db.releases import Pin, Release, pairs_of, protocol_of
from db.states import ErrorCode
from tasks.containers import converge, last_log, workload_networks
from tasks.containers.health_status import Part
from tasks.context import Context
from tasks.docker.new_container import NewContainer
from tasks.docker.records import ContainerRecord, PublishedPort
from tasks.failures import Failure, attempt
from tasks.job import Job
from tasks.labels import MAIN_SERVICE
from tasks.rollout import health, taken_ports
from tasks.rollout.mounts import missing
from tasks.rollout.new_container import container_of
from tasks.rollout.plan import Step, plan
from tasks.rollout.ports import Exposure, PublishedPorts
from tasks.rollout.protocol import Watched

EXPOSURE: Exposure = PublishedPorts()


def roll_out(job: Job) -> None:
    """Create the new container and start it, in the order of the plan. Raises Failure."""
    there = _without_strays(job)
    job.replaces = [one.id for one in there]
    for step in _plan(job):
        job.raise_if_cancelled()
        match step:
            case Step.CREATE:
                job.container_id = _create(job, there)
                new = job.context.docker.containers.inspect(job.container_id)
                converge.refresh_index(job.context, job.workload, [*there, *([new] if new else [])])
            case Step.STOP_OLD:
                _stop_old(job)
            case Step.START:
                _start(job)


def _plan(job: Job) -> list[Step]:
    return plan(job.live_release, job.release, EXPOSURE)


def check_health(job: Job) -> None:
    """Wait until the new container works. Raises Failure: exited_early, out_of_memory, health_timeout."""
    check = _check(job.context, job.release, job.pin)
    containers = job.context.docker.containers
    failed = attempt(lambda: health.wait_until_healthy(check, lambda: containers.inspect(_id(job)), job.pause), Failure)
    if failed is not None:
        last_log.log(job, _id(job), job.workload.name)
        raise failed.with_traceback(None)


def verify(job: Job) -> None:
    """Compare what runs with the pin. Raises Failure(pin_mismatch) when it is not the same."""
    new = converge.observe(job.context, job.workload.name, job.deploy.version)
    for one in new:
        health.raise_if_over(one)
    if [one.image_id for one in new] != [pins.image_id(job.pinned)]:
        raise Failure(ErrorCode.PIN_MISMATCH, "running", verified=False)


def settle(job: Job) -> None:
    """Hand over to the new version: Docker keeps it running from now on, others find it in the named networks, the old
    one stops."""
    job.context.docker.containers.keep_running(_id(job), job.release.get("restart", "always"))
    if not _is_found_from_its_start(job):
        workload_networks.be_found(job.context, job.workload.name, _id(job), job.release.get("networks", []))
    _stop_old(job)


def undo(job: Job) -> None:
    """Remove the new container and restart the old one, after a failure."""
    restore(job.context, job.workload, job.live)


def clean_up(job: Job) -> None:
    """Remove the containers of older versions, after success."""
    records = converge.observe(job.context, job.workload.name)
    converge.restore(job.context, job.workload, records, job.deploy.version)


def restore(context: Context, workload: Workload, live: Deploy | None) -> bool:
    """Converge on exactly the container of the live version, running; return whether there was anything to do.

    One that is gone, removed by hand or because a restored backup predates its removal, is created again as long as the
    host has its image. Raises Failure.
    """
    records = converge.observe(context, workload.name)
    for one in records:
        if live is not None and one.version == live.version and not one.running:
            workload_networks.keep_in_ours(context, workload.name, one)
    done = bool(converge.restore(context, workload, records, live.version if live else None))
    if live is None:
        workload_networks.forget_own(context, workload.name)
    gone = live is not None and all(one.version != live.version for one in records)
    return (live is not None and gone and _make_again(context, workload, live)) or done


def _make_again(context: Context, workload: Workload, live: Deploy) -> bool:
    image_id = pins.image_id(live.pin)
    if not image_id or not context.docker.images.inspect(image_id):
        return False
    new = _as_released(context, workload.id, live, image_id)
    if new is None:
        return False
    made = context.docker.containers.create(new)
    release = _release_of(context, live)
    workload_networks.join(context, made, release.get("networks", []), workload.name)
    context.docker.containers.start(made)
    context.docker.containers.keep_running(made, release.get("restart", "always"))
    if _as_released(context, workload.id, live, image_id) is None:  # a removal under way may have missed it
        context.docker.containers.remove(made)
        return False
    converge.refresh_index(context, workload, converge.observe(context, workload.name))
    return True


def _release_of(context: Context, live: Deploy) -> Release:
    with context.database.reading() as session:
        return workloads.release(session, live)


def _as_released(context: Context, workload_id: int, live: Deploy, image_id: str) -> NewContainer | None:
    """Return the container of a version, with current secrets; None when the workload is being removed, or gone."""
    with context.database.reading() as session:
        workload = session.get(Workload, workload_id)
        if workload is None or workload.removing_at is not None:
            return None
        release = workloads.release(session, live)
    secrets = context.secrets_of_release(workload, release)
    network = workload_networks.own_network(context, workload.name)
    return container_of(context, workload.name, live.version, image_id, release, secrets, network)


def runs_as_pinned(live: Deploy, records: Sequence[ContainerRecord]) -> bool:
    """Return whether one container of the live version runs, and its image is the pinned one. Pure."""
    running = [one.image_id for one in records if one.version == live.version and one.serves]
    return running == [pins.image_id(live.pin)]


def parts(live: Deploy, records: Sequence[ContainerRecord]) -> list[Part]:
    """Return the one service of the live version. Pure."""
    return [Part(MAIN_SERVICE, 1, [one for one in records if one.version == live.version])]


def own_check(release: Release) -> health.Check | None:
    """Return the check that the spec itself asks for, by HTTP or TCP. Pure."""
    asked = release.get("health") or {}
    return health.choose(release.get("health"), release["ports"], None) if {"http", "tcp"} & asked.keys() else None


def start_again(context: Context, workload: Workload, record: ContainerRecord) -> None:
    """Start the container of the live version, in the network of its workload. Raises Failure."""
    workload_networks.keep_in_ours(context, workload.name, record)
    context.docker.containers.start(record.id)


def brought_by(live: Deploy, records: Sequence[ContainerRecord]) -> Watched:
    """Return the one container of the live version. Pure."""
    return Watched([one for one in records if one.version == live.version], 1)


def still_works(context: Context, live: Deploy, release: Release, records: Sequence[ContainerRecord]) -> bool:
    """Return whether a version's running container currently passes its release's check. Raises Failure."""
    running = [one for one in records if one.version == live.version and one.running]
    check = _check(context, release, live.pin)
    return all(health.passes(check, one) for one in running)


def _check(context: Context, release: Release, pin: Pin | None) -> health.Check:
    image_id = pins.image_id(pin)
    image = context.docker.images.inspect(image_id) if image_id else None
    return health.choose(release.get("health"), release["ports"], image.check_s if image else None)


def _create(job: Job, there: Sequence[ContainerRecord]) -> str:
    """Create the new container, in the network of its workload."""
    context, image_id = job.context, pins.image_id(job.pinned)
    assert image_id is not None  # noqa: S101 - prepare comes first
    network = workload_networks.own_network(context, job.workload.name)
    if any(network.name not in one.addresses for one in there):
        job.notes.append(tell("own_network", version=job.deploy.version))
    new = container_of(context, job.workload.name, job.deploy.version, image_id, job.release, job.secrets, network)
    made = _created(job, new)
    name = job.workload.name if _is_found_from_its_start(job) else None
    workload_networks.join(context, made, job.release.get("networks", []), name)
    return made


def _created(job: Job, new: NewContainer) -> str:
    """Create a container; what it mounts and the host does not have is noted. Raises Failure."""
    made = attempt(lambda: job.context.docker.containers.create(new), Failure)
    if not isinstance(made, Failure):
        return made
    if made.code is ErrorCode.CREATE_FAILED and (gone := missing(job.release)):
        keys, paths = (list(side) for side in zip(*gone, strict=True))
        job.notes.append(tell("mount_source_missing", version=job.deploy.version, keys=keys, paths=paths))
    raise Failure(made.code, made.kind)


def _is_found_from_its_start(job: Job) -> bool:
    """Return whether the new container may have the name of the workload in the named networks at once.

    While the old one serves, whoever asks for the name must not get one that is not healthy yet.
    """
    return not job.replaces or Step.STOP_OLD in _plan(job)


def _start(job: Job) -> None:
    refused = attempt(lambda: job.context.docker.containers.start(_id(job)), Failure)
    if refused is None:
        return
    wanted = [
        PublishedPort(port["address"], host, protocol_of(port))
        for port in job.release["ports"]
        for _, host in pairs_of(port)
        if host is not None
    ]
    if refused.code is ErrorCode.START_FAILED and taken_ports.any_is_taken(job, wanted):
        raise Failure(ErrorCode.PORT_IN_USE, refused.kind)
    raise refused.with_traceback(None)


def _stop_old(job: Job) -> None:
    timeout = job.live_release.get("stop_timeout_s", 10) if job.live_release else 10
    for container_id in job.replaces:
        job.context.docker.containers.stop(container_id, timeout)


def _without_strays(job: Job) -> list[ContainerRecord]:
    """Remove what is neither live nor new; return what is left, the containers of the live version."""
    records = converge.observe(job.context, job.workload.name)
    live = [one for one in records if job.live is not None and one.version == job.live.version]
    for one in records:
        if one not in live:
            converge.remove(job.context, one, job.release.get("stop_timeout_s", 10))
    return live


def _workload(job: Job) -> Workload:
    return job.context.workload(job.deploy.workload_id)


def _id(job: Job) -> str:
    assert job.container_id is not None  # noqa: S101 - roll_out comes first
    return job.container_id
