"""`backstay sweep`: finds the leftovers of this installation on this host, and removes them on request.

Gather, decide (tasks.containers.leftovers), apply. Leaves alone what a running engine is working on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db import history, workloads
from db.models import Deploy
from flows.home_locks import AlreadyRunning, hold_engine_lock
from flows.upkeep import reconcile
from tasks.compose import files as own_files
from tasks.containers import converge, workload_networks
from tasks.containers.leftovers import Leftover, SeenContainer, SeenNetwork, Standing, UnfinishedRow, decide
from tasks.context import Context
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure
from tasks.images import host_images
from tasks.images.retention import ImageStep, Verb
from tasks.labels import INSTALLATION, WORKLOAD
from tasks.prefect_api import PrefectUnreachable


@dataclass(frozen=True)
class Swept:
    """One leftover, and whether it was removed: None when that was not requested."""

    leftover: Leftover
    done: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the object for --json."""
        one = self.leftover
        return {"kind": one.kind, "name": one.name, "why": str(one.why), "id": one.id, "removed": self.done}


@dataclass(frozen=True)
class _Gathered:
    containers: list[ContainerRecord]
    images: list[ImageStep]
    brought: dict[str, datetime]
    rows: dict[str, Deploy]
    leftovers: list[Leftover]


def sweep(context: Context, apply: bool = False, files: bool = False) -> list[Swept]:
    """Return the leftovers, and with `apply` whether each was removed; files of apps only with `files`.

    Raises Failure when Docker is unreachable.
    """
    with ExitStack() as held:
        engine_runs = False
        try:
            # Held to the end, so that no engine starts to work on a row that is being ended here.
            held.enter_context(hold_engine_lock(context.settings))
        except AlreadyRunning:
            engine_runs = True
        found = _gather(context, engine_runs)
        if not apply:
            return [Swept(one) for one in found.leftovers]
        ended = [Swept(one, _tried(context, one, found)) for one in found.leftovers if one.kind == "row"]
        # Ending a row converges its workload, so the rest is gathered again.
        rest = _gather(context, engine_runs) if ended else found
        kept = {"row"} if files else {"row", "files"}
        done = [Swept(one, _tried(context, one, rest)) for one in rest.leftovers if one.kind not in kept]
        return ended + done + [Swept(one) for one in rest.leftovers if one.kind == "files" and not files]


def _gather(context: Context, engine_runs: bool) -> _Gathered:
    host = context.settings.host_name
    # Docker first: a workload or a version created in between is then in the ledger.
    containers = context.docker.containers.find({INSTALLATION: context.installation})
    seen_images = host_images.look(context)
    images = host_images.steps(context, seen_images)
    ours = context.docker.networks.find({INSTALLATION: context.installation})
    networks = [SeenNetwork(one.id, one.name, one.labels.get(WORKLOAD)) for one in ours]
    directories = own_files.names(context.settings)
    with context.database.reading() as session:
        known = {workload.id: workload.name for workload in workloads.every(session, host)}
        everywhere = {workload.name for workload in workloads.every(session, removing=True)}
        live_rows, _ = history.live_and_latest(session)
        live = {known[key]: row for key, row in live_rows.items() if key in known}
        unfinished = [row for row in history.unfinished(session, host) if row.workload_id in known]
    seen = [
        UnfinishedRow(row.id, known[row.workload_id], row.version, row.status, _is_dead(context, row, engine_runs))
        for row in unfinished
    ]
    at_work = {row.workload: row.version for row in seen if not row.dead}
    standings = {
        name: Standing(live[name].version if name in live else None, at_work.get(name)) for name in known.values()
    }
    strays = [_seen(one, live.get(one.labels.get(WORKLOAD, ""))) for one in containers]
    ownerless = [name for name in directories if name not in everywhere]
    leftovers = decide(strays, standings, images, seen, networks, ownerless)
    return _Gathered(containers, images, seen_images.brought, {str(row.id): row for row in unfinished}, leftovers)


def _seen(one: ContainerRecord, live: Deploy | None) -> SeenContainer:
    """Return a container as `decide` takes it: one of a service that did not change belongs to the live version."""
    version = converge.version_of(one, live)
    return SeenContainer(one.id, one.name, one.labels.get(WORKLOAD, ""), version)


def _is_dead(context: Context, row: Deploy, engine_runs: bool) -> bool:
    """Return whether no process is left to finish a row. A running engine ends its dead rows each minute by itself."""
    if engine_runs:
        return False
    try:
        return reconcile.dead_by(context, row, "", ()) is not None
    except PrefectUnreachable:
        return False  # Prefect may still have its run


def _tried(context: Context, leftover: Leftover, found: _Gathered) -> bool:
    actions: dict[str, Callable[[], bool]] = {
        "row": lambda: _end(context, found.rows[leftover.id]),
        "container": lambda: _remove_container(context, leftover.id),
        "network": lambda: _remove_network(context, leftover.id),
        "image": lambda: _remove_image(context, leftover, found),
        "files": lambda: _remove_files(context, leftover.name),
    }
    try:
        return actions[leftover.kind]()
    except (Failure, PrefectUnreachable) as error:
        context.log.warning("sweep: %s stays", leftover.name, extra={"cause": str(error)})
        return False


def _end(context: Context, row: Deploy) -> bool:
    code = reconcile.dead_by(context, row, "", ())
    if code is None:
        return False
    reconcile.put_in_order(context, [row])
    reconcile.end(context, row, code)
    reconcile.settle(context, context.workload(row.workload_id))
    return True


def _remove_container(context: Context, container_id: str) -> bool:
    record = context.docker.containers.inspect(container_id)
    if record is not None:
        converge.remove(context, record, converge.STOP_TIMEOUT_S)
    return True


def _remove_network(context: Context, network_id: str) -> bool:
    workload_networks.remove(context, network_id)
    return True


def _remove_files(context: Context, name: str) -> bool:
    with context.database.reading() as session:
        if workloads.find(session, name, removing=True) is not None:
            return False  # one of that name has been created meanwhile
    return own_files.remove_leftover(context, name)


def _remove_image(context: Context, leftover: Leftover, found: _Gathered) -> bool:
    wanted = [step for step in found.images if step.image_id == leftover.id and step.verb is Verb.REMOVE]
    return bool(host_images.apply(context, wanted, found.brought))
