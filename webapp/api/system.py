"""The installation as a whole: its services, the collector, current usage per workload, and the top consumers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from flask import Blueprint, Response, current_app

from db import history, models, workloads
from db.connection import LedgerUnavailable, size_bytes
from db.metrics import collectors, samples
from db.serialize import iso
from db.settings import Settings
from flows.doctor import LITTLE_SPACE
from flows.home_locks import is_engine_running
from flows.shapes.base import filled
from flows.shapes.deploys import row
from webapp.checks.readiness import EngineFacts, Readiness
from webapp.http.answers import json_answer
from webapp.http.current import context
from webapp.presenters.top_consumers import NOW_S, consumers, top, totals
from webapp.shapes.installation import Collector, CollectorOfHost, CollectorTotals, Disk, Foundation, Machine, System

blueprint = Blueprint("installation", __name__, url_prefix="/api/system")
LATE_AFTER_TICKS = 3


@blueprint.get("")
def show() -> Response:
    """Answer everything on the page /system as JSON."""
    return json_answer(overview())


def overview() -> dict[str, Any]:
    """Return what docs/api.md describes. A service that does not answer is reported as down, its part empty."""
    here = context()
    readiness: Readiness = current_app.extensions["backstay.readiness"]
    found, moment = readiness.found(), int(time.time())
    docker = readiness.engine_facts()
    return filled(
        System,
        here.settings,
        version=version("backstay"),
        host=here.settings.host_name,
        services=services(),
        machine=_machine(docker),
        disks=disks(here.settings, docker),
        **(_of_the_ledger(here.settings, moment, docker) if found["database"] else _of_no_ledger(here.settings)),
    )


def services() -> list[Foundation]:
    """Return this host's engine and Backstay's services; probed at most once a second."""
    readiness: Readiness = current_app.extensions["backstay.readiness"]
    found = readiness.found()
    docker = readiness.engine_facts()
    return [
        Foundation(name="engine", up=is_engine_running(context().settings), version=None),
        Foundation(name="database", up=bool(found["database"]), version=None),
        Foundation(name="prefect", up=bool(found["prefect"]), version=None),
        Foundation(name="docker", up=docker is not None, version=docker.version if docker else None),
    ]


def _of_the_ledger(settings: Settings, moment: int, docker: EngineFacts | None) -> dict[str, Any]:
    try:
        with context().database.reading() as session:
            every = workloads.every(session)
            rows = samples.last_of_each(session, moment - NOW_S)
            reports = collectors.every(session)
            ledger_bytes = size_bytes(session)
            unfinished, live = history.unfinished(session), history.live_and_latest(session)[0]
    except LedgerUnavailable:  # it went down after the probe
        return _of_no_ledger(settings)
    names = {workload.id: workload.name for workload in every}
    used = consumers(every, rows)
    return {
        "ledger_bytes": ledger_bytes,
        "collector": collector(settings, reports, moment, bool(live)),
        "totals": totals(used),
        "workloads": used,
        "top": top(used, docker),
        "under_way": [
            row(deploy, names[deploy.workload_id], None, settings.prefect_ui_url)
            for deploy in unfinished
            if deploy.workload_id in names
        ],
    }


def _of_no_ledger(settings: Settings) -> dict[str, Any]:
    nothing: dict[str, Any] = {"totals": totals([]), "workloads": [], "top": top([], None), "under_way": []}
    return {"ledger_bytes": None, "collector": collector(settings, [], 0, False), **nothing}


def collector(settings: Settings, reports: Sequence[models.Collector], moment: int, has_live: bool) -> Collector:
    """Return the state of collecting: off, idle (nothing ever ran), collecting or late; and a report per host. Pure."""
    last = max((report.ts for report in reports), default=None)
    late_after = LATE_AFTER_TICKS * max(settings.stats_interval, 15) + 60  # being a minute late is no alarm
    state: Literal["off", "idle", "collecting", "late"]
    if settings.stats_interval == 0:
        state = "off"
    elif last is None:
        state = "late" if has_live else "idle"
    else:
        state = "collecting" if moment - last <= late_after else "late"
    return Collector(
        state=state,
        interval_s=settings.stats_interval,
        last=None if last is None else _moment(last),
        hosts=[_report(report) for report in reports],
    )


def _report(report: models.Collector) -> CollectorOfHost:
    return CollectorOfHost(
        host=report.host,
        last=_moment(report.ts),
        path=report.path,
        interval_s=report.interval_s,
        containers=report.containers,
        gaps=report.gaps,
        sweep_ms=round(report.sweep_ms, 1),
        sweep_ms_average=round(report.sweep_ms_total / report.ticks_total, 1),
        cpu_percent=round(report.cpu_s_total / report.ticks_total / report.interval_s * 100, 3),
        totals=CollectorTotals(
            ticks=report.ticks_total,
            missed=report.missed_total,
            samples=report.samples_total,
            gaps=report.gaps_total,
            cpu_seconds=round(report.cpu_s_total, 3),
        ),
    )


def _machine(docker: EngineFacts | None) -> Machine | None:
    if docker is None:
        return None
    return Machine(cpus=docker.cpus, memory_bytes=docker.memory_bytes, containers_running=docker.running)


def disks(settings: Settings, docker: EngineFacts | None) -> list[Disk]:
    """Return the space on the disk of HOME and, with a local Engine, of its images; `low`: free some space."""
    places: dict[Literal["home", "docker"], Path] = {"home": settings.home}
    if docker is not None and docker.root and settings.engine_address.startswith("unix://"):
        places["docker"] = Path(docker.root)
    return [disk for what, path in places.items() if (disk := _disk(what, path)) is not None]


def _disk(what: Literal["home", "docker"], path: Path) -> Disk | None:
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None  # missing, or not readable by us
    return Disk(what=what, total_bytes=usage.total, free_bytes=usage.free, low=usage.free < LITTLE_SPACE)


def _moment(ts: int) -> str:
    return iso(datetime.fromtimestamp(ts, UTC))
