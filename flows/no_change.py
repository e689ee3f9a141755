"""A deploy of files that serve already, in the same configuration: it ends well, and nothing is restarted.

Of static sites only. Who deploys an image or a repository again may well want a fresh start; files have none.
"""

from __future__ import annotations

from typing import Any

from db import event_log, history, ledger
from db.messages.events import tell
from tasks.containers import converge
from tasks.context import now
from tasks.job import Job
from tasks.kinds import KINDS

KINDS_WITHOUT_A_START = frozenset({"static"})


def is_unchanged(job: Job) -> bool:
    """Whether what the deploy would bring is what runs. With secrets nobody knows: their values may be others today."""
    if job.deploy.source_kind not in KINDS_WITHOUT_A_START or job.is_rollback or job.live is None:
        return False
    same = history.same_pin(job.live.pin, job.pin) and _image(job.live.pin) == _image(job.pin)
    if not same or job.secrets or _without_place(job.release) != _without_place(job.live_release):
        return False
    running = converge.observe(job.context, job.workload)
    return KINDS[job.deploy.source_kind].rollout.runs_as_pinned(job.live, running)


def leave_as_it_is(job: Job, done: list[dict[str, Any]]) -> str:
    """End the row: succeeded, its pin the one that is live, "no_change" in it the version that goes on serving."""
    assert job.live is not None  # noqa: S101 - is_unchanged
    with job.context.database.writing() as session:
        ledger.record_pin(session, job.deploy.id, (job.pin or {}) | {"no_change": job.live.version})
        ledger.succeed(session, job.deploy.id, done, now(), takes_over=False)
        told = tell("no_change", version=job.deploy.version, live=job.live.version)
        event_log.note(session, job.deploy.workload_id, told, now())
    job.context.log.info("%r changes nothing", job)
    return "succeeded"


def _image(pin: dict[str, Any] | None) -> Any:
    return (pin or {}).get("image_id")


def _without_place(release: dict[str, Any] | None) -> dict[str, Any]:
    """The configuration, without where the files came from: that is in the pin, as what they are."""
    return {key: value for key, value in (release or {}).items() if key != "source"}
