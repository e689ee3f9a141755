"""A deploy of files that serve already, in the same configuration: it ends well, and nothing is restarted.

Of static sites only. Who deploys an image or a repository again may well want a fresh start; files have none.
"""

from __future__ import annotations

from typing import Any

from db import event_log, history, ledger
from db.messages.events import tell
from tasks.containers import converge
from tasks.context import now
from tasks.job import Work
from tasks.kinds import KINDS

KINDS_WITHOUT_A_START = frozenset({"static"})


def is_unchanged(work: Work) -> bool:
    """Whether what the deploy would bring is what runs. With secrets nobody knows: their values may be others today."""
    if work.deploy.source_kind not in KINDS_WITHOUT_A_START or work.is_rollback or work.live is None:
        return False
    same = history.same_pin(work.live.pin, work.pin) and _image(work.live.pin) == _image(work.pin)
    if not same or work.secrets or _without_place(work.release) != _without_place(work.live_release):
        return False
    running = converge.observe(work.context, work.workload)
    return KINDS[work.deploy.source_kind].rollout.runs_as_pinned(work.live, running)


def leave_as_it_is(work: Work, done: list[dict[str, Any]]) -> str:
    """End the row: succeeded, its pin the one that is live, "no_change" in it the version that goes on serving."""
    assert work.live is not None  # noqa: S101 - is_unchanged
    with work.context.database.writing() as session:
        ledger.record_pin(session, work.deploy.id, (work.pin or {}) | {"no_change": work.live.version})
        ledger.succeed(session, work.deploy.id, done, now(), takes_over=False)
        told = tell("no_change", version=work.deploy.version, live=work.live.version)
        event_log.note(session, work.deploy.workload_id, told, now())
    work.context.log.info("%r changes nothing", work)
    return "succeeded"


def _image(pin: dict[str, Any] | None) -> Any:
    return (pin or {}).get("image_id")


def _without_place(release: dict[str, Any] | None) -> dict[str, Any]:
    """The configuration, without where the files came from: that is in the pin, as what they are."""
    return {key: value for key, value in (release or {}).items() if key != "source"}
