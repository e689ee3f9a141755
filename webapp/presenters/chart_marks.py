"""Marks on the time line of a chart, from rows of deploys and of container events; renders nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from db.models import ContainerEvent, Deploy
from db.serialize import impact
from flows.shapes.base import filled
from tasks.events.classify import Cause, Kind
from webapp.shapes.observed import DeployMark, EndMark, HappeningMark


def marks(deploys: Iterable[Deploy], happened: Sequence[ContainerEvent]) -> list[dict[str, Any]]:
    """Return both in one list, oldest first.

    What a deploy did to the containers is no mark of its own, nor is a start that follows an end: the mark of the end
    says whether the container was started again (`restarted`).
    """
    found = [_of_deploy(one) for one in deploys] + _of_events(happened)
    return sorted(found, key=lambda mark: (mark["ts"], mark["version"]))


def _of_deploy(deploy: Deploy) -> dict[str, Any]:
    kind = "rollback" if deploy.rollback_of is not None else "deploy"
    return filled(DeployMark, deploy, ts=deploy.finished_at, kind=kind, impact=impact(deploy))


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
    if event.kind == Kind.EXIT:  # named after its cause: crash, oom, finished or by_hand
        return filled(EndMark, event, kind=str(event.cause), version=event.deploy_version, restarted=False)
    kind = "oom_kill" if event.kind == Kind.OOM else str(event.kind)
    return filled(HappeningMark, event, kind=kind, version=event.deploy_version)
