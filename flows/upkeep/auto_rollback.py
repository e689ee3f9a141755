"""Automatic rollback: a new version that fails in its first seconds is rolled back, once.

Only for workloads with `auto_rollback`. A version that itself came from an automatic rollback is not watched, and each
version is rolled back at most once, so that there is no loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from db import event_log, history, workloads
from db.messages.events import tell
from db.models import Deploy, Workload
from db.states import Reason, Status, Trigger
from flows.refusals import Refusal
from flows.requests import Asked, open_auto_rollback, start
from tasks.containers import converge
from tasks.context import Context, now
from tasks.docker.records import ContainerRecord
from tasks.failures import Failure
from tasks.kinds import kind_of

WATCH_EVERY_S = 2.0
# A single failed check may be an outlier.
SICK_AFTER = 3
LONGEST_WATCH = timedelta(hours=1)


@dataclass(frozen=True)
class Verdict:
    """The reason for rolling a version back: a code of the sentences of the event log."""

    code: str


def judge(mine: Sequence[ContainerRecord], wanted: int) -> Verdict | None:
    """Judge a version by its containers, of which `wanted` must run: None while all is well. Pure."""
    if any(record.oom_killed for record in mine):
        return Verdict("taken_back_memory")
    if any(record.restarts > 0 for record in mine):
        return Verdict("taken_back_restarted")
    if sum(record.running for record in mine) < wanted:
        return Verdict("taken_back_ended")
    return None


def is_watched(workload: Workload, live: Deploy, moment: datetime) -> bool:
    """Return whether the live version is in its first seconds and its workload has it watched. Pure."""
    if not workload.spec.get("auto_rollback") or live.reason == Reason.AUTO_ROLLBACK or live.finished_at is None:
        return False
    age = moment - live.finished_at
    return timedelta(0) <= age <= timedelta(seconds=workload.spec["watch_s"])


class Watch:
    """Checks the versions of a host in their first seconds, and counts the consecutive failures of each."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failed: dict[int, int] = {}  # deploy id -> consecutive failures
        self._told: set[int] = set()  # deploys whose event log says that no rollback is possible

    def look(self) -> None:
        """Check every watched version once."""
        watched = _watched(self._context)
        self._failed = {live.id: self._failed.get(live.id, 0) for _, live in watched}
        for workload, live in watched:
            try:
                verdict = self._verdict(workload, live)
            except Failure:
                return  # Docker does not respond: the state is unknown, nothing is done
            if verdict is not None and not take_back(self._context, workload, live, verdict):
                self._tell(workload, live)

    def _tell(self, workload: Workload, live: Deploy) -> None:
        if live.id in self._told:
            return
        self._told.add(live.id)
        with self._context.database.writing() as session:
            told = tell("no_way_back", version=live.version)
            event_log.note(session, workload.id, told, now(), level="error")

    def _verdict(self, workload: Workload, live: Deploy) -> Verdict | None:
        records = converge.observe(self._context, workload.name)
        rollout = kind_of(workload).rollout
        if over := judge(*rollout.brought_by(live, records)):
            return over
        with self._context.database.reading() as session:
            release = workloads.release(session, live)
        works = rollout.still_works(self._context, live, release, records)
        self._failed[live.id] = 0 if works else self._failed[live.id] + 1
        return Verdict("taken_back_health") if self._failed[live.id] >= SICK_AFTER else None


def take_back(context: Context, workload: Workload, live: Deploy, verdict: Verdict) -> bool:
    """Roll back the live version; return False when there is no version to go back to."""
    if not context.prefect.answers():
        return True  # a request now would fail and count as the only try: the next check comes soon
    once = f"auto-rollback-of-{live.id}"
    refused = ""
    try:
        opened = open_auto_rollback(context, workload.name, Asked(Trigger.SCHEDULE, "backstay", once), live)
        if history.never_began(opened[0]):
            opened = open_auto_rollback(
                context, workload.name, Asked(Trigger.SCHEDULE, "backstay", f"{once}-again"), live
            )
        if not opened[2]:
            return True  # it was rolled back already
        with context.database.writing() as session:
            event_log.note(session, workload.id, tell(verdict.code, version=live.version), now(), level="error")
        start(context, *opened)
    except Refusal as refusal:
        refused = refusal.code
    if refused and refused not in {"deploy_in_flight", "live_changed"}:
        context.log.warning("no automatic rollback of %s", workload.name, extra={"code": refused})
    return refused != "nothing_to_roll_back_to"


def _watched(context: Context) -> list[tuple[Workload, Deploy]]:
    moment = now()
    with context.database.reading() as session:
        recent = history.live_since(session, moment - LONGEST_WATCH)
        if not recent:
            return []
        there = {one.id: one for one in workloads.every(session, context.settings.host_name)}
        busy = {row.workload_id for row in history.unfinished(session)}
    return [
        (there[row.workload_id], row)
        for row in recent
        if row.workload_id in there
        and row.workload_id not in busy
        and row.status == Status.SUCCEEDED
        and is_watched(there[row.workload_id], row, moment)
    ]
