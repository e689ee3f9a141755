"""What each deploy did to CPU and memory: gathers samples and events for tasks.impact, which decides.

Asked for by a page at any time (`assess`); the engine looks at each live version when it has settled and now and then
later for leaks, writes the verdict on its row and tells Prefect (`judge_due`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db import container_events, history, ledger, samples, workloads
from db.models import Deploy
from db.states import Status
from tasks import impact
from tasks.context import Context
from tasks.impact import LEAK_WINDOW_S, SETTLED_AFTER_S, WARM_UP_S, WINDOW_S, Counts, Window
from tasks.orchestrator import OrchestratorUnreachable
from tasks.series import summed

EVENT = "backstay.deploy.judged"


def assess(session: Session, deploy: Deploy, now: datetime) -> dict[str, Any]:
    """The impact of docs/metrics.md. `settled` is False while the window after the deploy is not over."""
    if deploy.status != Status.SUCCEEDED or deploy.finished_at is None or deploy.started_at is None:
        nothing = impact.never_ran()
        return nothing | {"settled": True}
    live_at = _epoch(deploy.finished_at)
    until = _end(session, deploy, _epoch(now))
    after = _window(session, deploy, deploy.version, live_at + WARM_UP_S, min(until, live_at + SETTLED_AFTER_S))
    before = None
    if deploy.replaced is not None:
        began = _epoch(deploy.started_at)
        before = _window(session, deploy, deploy.replaced, began - WINDOW_S, began)
    return impact.assess(before, after, _since_warm(session, deploy, live_at, until)) | {
        "settled": until >= live_at + SETTLED_AFTER_S or not deploy.live
    }


def judge_due(context: Context, now: datetime) -> int:
    """Look at the live versions of this host that are due; answers how many were judged."""
    with context.database.reading() as session:
        rows = history.live_on(session, context.settings.host_name)
        due = [row for row in rows if is_due(row, now)]
        found = [(row, assess(session, row, now), workloads.by_id(session, row.workload_id).name) for row in due]
    for row, judged, name in found:
        news = row.impact is None or row.impact["verdict"] != judged["verdict"] or not row.impact_told
        told = _tell(context, row, name, judged) if news else True
        with context.database.writing() as session:
            ledger.judge(session, row.id, judged, (row.impact_looks or 0) + 1, told)
    return len(found)


def is_due(row: Deploy, now: datetime) -> bool:
    """Whether a live version is of the age for its next look. Pure."""
    age = (now - row.finished_at).total_seconds() if row.finished_at else 0
    return age >= impact.next_look_s(row.impact_looks or 0)


def _tell(context: Context, row: Deploy, name: str, judged: dict[str, Any]) -> bool:
    payload = {key: judged[key] for key in ("verdict", "reasons")} | {"workload": name, "version": row.version}
    try:
        context.orchestrator.tell(EVENT, f"backstay.workload.{name}", payload)
    except OrchestratorUnreachable as unreachable:
        context.log.info("Prefect was not told of a verdict", extra={"deploy": row.id, "cause": str(unreachable)})
        return False
    return True


def _window(session: Session, deploy: Deploy, version: int, since: int, until: int) -> Window:
    rows = samples.of_version(session, deploy.workload_id, version, since, until)
    moments = (datetime.fromtimestamp(one, tz=deploy.queued_at.tzinfo) for one in (since, until))
    counts = container_events.count(session, deploy.workload_id, version, *moments)
    return Window(
        version,
        since,
        until,
        summed(rows),
        Counts(
            restarts=sum(number for key, number in counts.items() if key.startswith("restart:")),
            crashes=counts.get("exit:crash", 0),
            oom_kills=sum(number for key, number in counts.items() if key.startswith("oom:")),
        ),
    )


def _since_warm(session: Session, deploy: Deploy, live_at: int, until: int) -> Any:
    start = container_events.newest_start(session, deploy.workload_id, deploy.version)
    warm = max(live_at, _epoch(start) if start else 0) + WARM_UP_S
    since = max(warm, until - LEAK_WINDOW_S)
    return summed(samples.of_version(session, deploy.workload_id, deploy.version, since, until))


def _end(session: Session, deploy: Deploy, now: int) -> int:
    later = None if deploy.live else history.replaced_by(session, deploy.workload_id, deploy.version)
    return _epoch(later.started_at) if later and later.started_at else now


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
