"""Lines of the event log about container events; what happens again and again is one line with a count."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from db import event_log
from db.messages.events import Told, tell
from tasks.events.classify import Cause, DockerEvent, Finding, Kind

TOLD_AGAIN_AFTER_S = 600  # a container in a crash loop must not fill the log
# What is counted in one line while it goes on: the code of a line -> that of the line with a count.
COUNTED = {
    one: f"{one}_often"
    for one in ("crashed", "ran_out_of_memory", "ended_by_itself", "process_killed", "started_by_docker")
}
SENTENCES: dict[tuple[Kind, Cause | None], tuple[str, str]] = {
    (Kind.EXIT, Cause.CRASH): ("error", "crashed"),
    (Kind.EXIT, Cause.OOM): ("error", "ran_out_of_memory"),
    (Kind.EXIT, Cause.FINISHED): ("warning", "ended_by_itself"),
    (Kind.EXIT, None): ("warning", "stopped_by_hand"),
    (Kind.OOM, None): ("warning", "process_killed"),
    (Kind.RESTART, Cause.BY_HAND): ("info", "started_by_hand"),
    (Kind.RESTART, None): ("info", "started_by_docker"),
    (Kind.UNHEALTHY, None): ("warning", "unhealthy"),
    (Kind.HEALTHY, None): ("info", "healthy_again"),
    (Kind.PAUSE, None): ("warning", "paused_by_hand"),
    (Kind.UNPAUSE, None): ("info", "goes_on"),
}


def moment(event: DockerEvent) -> datetime:
    """Return the time of an event."""
    return datetime.fromtimestamp(event.at_ns / 1e9, UTC)


def sentence(happening: Finding) -> tuple[str, Told] | None:
    """Return level and sentence for the event log; None for a deploy's actions, which have their own. Pure."""
    if happening.cause is Cause.DEPLOY:
        return None
    level, code = SENTENCES.get((happening.kind, happening.cause)) or SENTENCES[happening.kind, None]
    return level, Told(code, {"version": happening.said.version, "exit_code": happening.said.exit_code})


def count(session: Session, workload_id: int, level: str, told: Told, at: datetime) -> None:
    """Write a line, or count one more in the line of the same that happened within ten minutes before."""
    code, often = told.code, COUNTED[told.code]
    since = at - timedelta(seconds=TOLD_AGAIN_AFTER_S)
    line = event_log.newest_of(session, workload_id, (code, often), told.params["version"], since)
    if line is None:
        event_log.note(session, workload_id, told, at, level=level)
        return
    before = line.params or {}
    first = datetime.fromisoformat(before["first"]) if "first" in before else line.ts
    minutes = max(1, math.ceil((at - first).total_seconds() / 60))
    many = {"count": before.get("count", 1) + 1, "minutes": minutes, "first": first.isoformat()}
    event_log.replace(session, line, tell(often, **told.params, **many), at)
