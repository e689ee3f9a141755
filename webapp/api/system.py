"""The installation as a whole: its services, the collector, current usage per workload, and the top consumers."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app

from db import history, workloads
from db.connection import LedgerUnavailable, size_bytes
from db.metrics import collectors, samples
from db.models import Collector
from db.serialize import iso
from db.settings import Settings
from flows.doctor import LITTLE_SPACE
from flows.home_locks import is_engine_running
from flows.shapes.deploys import row
from webapp.checks.readiness import EngineFacts, Readiness
from webapp.http.answers import json_answer
from webapp.http.current import context
from webapp.presenters.top_consumers import NOW_S, consumers, top, totals

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
    return {
        "version": version("backstay"),
        "host": here.settings.host_name,
        "prefect_ui_url": here.settings.prefect_ui_url,
        "services": services(),
        "machine": _machine(docker),
        "disks": disks(here.settings, docker),
        **(_of_the_ledger(here.settings, moment, docker) if found["database"] else _of_no_ledger(here.settings)),
    }


def services() -> list[dict[str, Any]]:
    """Return this host's engine and Backstay's services: {"name", "up", "version"}; probed at most once a second."""
    readiness: Readiness = current_app.extensions["backstay.readiness"]
    found = readiness.found()
    docker = readiness.engine_facts()
    return [
        {"name": "engine", "up": is_engine_running(context().settings), "version": None},
        {"name": "database", "up": bool(found["database"]), "version": None},
        {"name": "prefect", "up": bool(found["prefect"]), "version": None},
        {"name": "docker", "up": docker is not None, "version": docker.version if docker else None},
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


def collector(settings: Settings, reports: Sequence[Collector], moment: int, has_live: bool) -> dict[str, Any]:
    """Return the state of collecting: off, idle (nothing ever ran), collecting or late; and a report per host. Pure."""
    last = max((report.ts for report in reports), default=None)
    late_after = LATE_AFTER_TICKS * max(settings.stats_interval, 15) + 60  # being a minute late is no alarm
    if settings.stats_interval == 0:
        state = "off"
    elif last is None:
        state = "late" if has_live else "idle"
    else:
        state = "collecting" if moment - last <= late_after else "late"
    return {
        "state": state,
        "interval_s": settings.stats_interval,
        "last": None if last is None else _moment(last),
        "hosts": [_report(report) for report in reports],
    }


def _report(report: Collector) -> dict[str, Any]:
    return {
        "host": report.host,
        "last": _moment(report.ts),
        "path": report.path,
        "interval_s": report.interval_s,
        "containers": report.containers,
        "gaps": report.gaps,
        "sweep_ms": round(report.sweep_ms, 1),
        "sweep_ms_average": round(report.sweep_ms_total / report.ticks_total, 1),
        "cpu_percent": round(report.cpu_s_total / report.ticks_total / report.interval_s * 100, 3),
        "totals": {
            "ticks": report.ticks_total,
            "missed": report.missed_total,
            "samples": report.samples_total,
            "gaps": report.gaps_total,
            "cpu_seconds": round(report.cpu_s_total, 3),
        },
    }


def _machine(docker: EngineFacts | None) -> dict[str, Any] | None:
    if docker is None:
        return None
    return {"cpus": docker.cpus, "memory_bytes": docker.memory_bytes, "containers_running": docker.running}


def disks(settings: Settings, docker: EngineFacts | None) -> list[dict[str, Any]]:
    """Return the space on the disk of HOME and, with a local Engine, of its images; `low`: free some space."""
    places = {"home": settings.home}
    if docker is not None and docker.root and settings.engine_address.startswith("unix://"):
        places["docker"] = Path(docker.root)
    return [disk for what, path in places.items() if (disk := _disk(what, path)) is not None]


def _disk(what: str, path: Path) -> dict[str, Any] | None:
    try:
        usage = shutil.disk_usage(path)
    except OSError:
        return None  # missing, or not readable by us
    return {"what": what, "total_bytes": usage.total, "free_bytes": usage.free, "low": usage.free < LITTLE_SPACE}


def _moment(ts: int) -> str | None:
    return iso(datetime.fromtimestamp(ts, UTC))
