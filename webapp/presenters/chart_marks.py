"""Marks on the time line of a chart, from rows of deploys and of container events; renders nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from db.models import ContainerEvent, Deploy
from db.serialize import impact, iso
from tasks.events.classify import Cause, Kind


def marks(deploys: Iterable[Deploy], happened: Sequence[ContainerEvent]) -> list[dict[str, Any]]:
    """Return both in one list, oldest first. A mark: {"ts", "kind", "version", …}, see docs/api.md.

    What a deploy did to the containers is no mark of its own, nor is a start that follows an end: the mark of the end
    says whether the container was started again (`restarted`).
    """
    found = [_of_deploy(one) for one in deploys] + _of_events(happened)
    return sorted(found, key=lambda mark: (mark["ts"], mark["version"]))


def _of_deploy(deploy: Deploy) -> dict[str, Any]:
    return {
        "ts": iso(deploy.finished_at),
        "kind": "rollback" if deploy.rollback_of is not None else "deploy",
        "version": deploy.version,
        "status": deploy.status,
        "reason": deploy.reason,
        "rollback_of": deploy.rollback_of,
        "error_code": deploy.error_code,
        "impact": impact(deploy),
    }


def _of_events(happened: Sequence[ContainerEvent]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    ends: dict[str, dict[str, Any]] = {}  # the latest end of each container
    for event in happened:
        if event.kind in {Kind.START, Kind.RESTART} and event.docker_id in ends:
            ends.pop(event.docker_id)["restarted"] = True
            continue
        if event.cause == Cause.DEPLOY or event.kind == Kind.HEALTHY:
            continue
        mark = _of_event(event)
        found.append(mark)
        if event.kind == Kind.EXIT:
            ends[event.docker_id] = mark
    return found


def _of_event(event: ContainerEvent) -> dict[str, Any]:
    # An end is named after its cause: crash, oom, finished or by_hand.
    kind = event.cause if event.kind == Kind.EXIT else "oom_kill" if event.kind == Kind.OOM else event.kind
    mark = {"ts": iso(event.ts), "kind": str(kind), "version": event.deploy_version, "cause": event.cause}
    more = {"exit_code": event.exit_code, "restarted": False} if event.kind == Kind.EXIT else {}
    return mark | more
