"""The containers of an adopted project beside those of Backstay's own: set aside for a new release, and brought back.

The two are different compose projects, so that Docker Compose touches the adopted ones never.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from graphlib import CycleError, TopologicalSorter
from typing import Any

from db import adopted
from db.releases import ServiceRun
from tasks.containers import converge
from tasks.context import Context
from tasks.docker.records import ContainerRecord
from tasks.labels import SERVICE
from tasks.rollout.compose_health import has_ended_well, of_service


def own(records: Sequence[ContainerRecord]) -> list[ContainerRecord]:
    """Return the containers that Backstay made. Pure."""
    return [one for one in records if not one.adopted]


def set_aside(context: Context, records: Sequence[ContainerRecord], names: Collection[str], timeout_s: int) -> None:
    """Stop the adopted containers, all at once, and free the names that the new ones are to have. Raises Failure."""
    there = [one for one in records if one.adopted]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda one: context.docker.containers.stop(one.id, timeout_s), there))
    for one in there:
        if one.name in names:
            context.docker.containers.rename(one.id, f"{one.name}-until-v{one.version + 1}-{one.id[:6]}")


def is_whole(records: Sequence[ContainerRecord], runs: Mapping[str, ServiceRun]) -> bool:
    """Return whether no container of an adopted version is missing. Pure."""
    there = [one for one in records if one.adopted]
    return all(len(of_service(there, name)) >= wanted["count"] for name, wanted in runs.items())


def bring_back(
    context: Context,
    workload: str,
    records: Sequence[ContainerRecord],
    runs: Mapping[str, ServiceRun],
    file: Mapping[str, Any],
) -> None:
    """Remove the containers of a release that failed, and start the adopted ones under their names, those first that
    others wait for. Raises Failure."""
    for one in own(records):
        converge.remove(context, one, converge.STOP_TIMEOUT_S)
    with context.database.reading() as session:
        names = {one.docker_id: one.name for one in adopted.of_workload(session, workload)}
    place = {name: at for at, name in enumerate(start_order(file))}
    there = [one for one in records if one.adopted]
    for one in sorted(there, key=lambda one: (place.get(one.labels[SERVICE], 0), one.name)):
        if one.name != names.get(one.id, one.name):
            context.docker.containers.rename(one.id, names[one.id])
        is_done = runs[one.labels[SERVICE]]["once"] and has_ended_well(one)
        if not one.running and not is_done:
            context.docker.containers.start(one.id)


def start_order(file: Mapping[str, Any]) -> list[str]:
    """Return the services of a stored file, those first that others wait for. Pure."""
    waits = {name: list(one.get("depends_on") or {}) for name, one in sorted(file["services"].items())}
    try:
        return list(TopologicalSorter(waits).static_order())
    except CycleError:
        return list(waits)
