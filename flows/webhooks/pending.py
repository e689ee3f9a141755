"""Deploys requested by webhooks that Prefect has not accepted yet: at most one per workload, the latest wins.

Started by the call that opens it, by the engine when a deploy ends, and by reconcile, which also finds what a crash of
the others left behind.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from sqlalchemy.orm import Session

from db import event_log, held_pins, history, webhooks
from db.connection import LedgerUnavailable
from db.messages.events import tell
from db.models import Deploy, PendingDeploy, Workload
from db.states import UNFINISHED, Trigger
from flows.new_deploy import Asked, deploy_of, write
from flows.refusals import Refusal
from flows.requests import start
from tasks.context import Context, now
from tasks.sources.invalid_spec import InvalidSpec

# Each try is a row that failed because Prefect refused its run although it had just responded.
MOST_TRIES = 3


class Next(Enum):
    """The next step for a pending deploy."""

    WAIT = "wait"
    OPEN = "open"
    FORGET = "forget"  # it was carried out, or a person cancelled it
    GIVE_UP = "give up"


def decide(wish: PendingDeploy, opened: Deploy | None, newest: Deploy | None) -> Next:
    """Decide from the row `opened` for the pending deploy and the workload's `newest` row. Pure."""
    if newest is not None and newest.status in UNFINISHED:
        return Next.WAIT
    if wish.deploy_id is not None and (opened is None or not history.never_began(opened)):
        return Next.FORGET
    return Next.GIVE_UP if wish.tries >= MOST_TRIES else Next.OPEN


def is_ready(context: Context) -> bool:
    """Return whether Prefect would accept a run now."""
    return context.prefect.answers() and context.prefect.knows_us()


def open_pending(session: Session, workload: Workload, wish: PendingDeploy, moment: datetime) -> Deploy:
    """Open the row of a pending deploy and note it there. No other may be under way. Raises InvalidSpec."""
    asked = Asked(Trigger.WEBHOOK, wish.actor)
    row = write(session, workload, deploy_of(session, workload, moment, asked, wish.image, wish.ref), moment)
    wish.deploy_id, wish.tries = row.id, (wish.tries or 0) + 1
    return row


def is_held(workload: Workload, wish: PendingDeploy) -> bool:
    """Return whether the pin that the sender reports is held. The choke point checks again, with the resolved pin."""
    return held_pins.is_held(list(workload.held_pins), {"digest": wish.digest, "commit": wish.commit})


def begin(context: Context, name: str, row: Deploy) -> None:
    """Have the row of a pending deploy run: no longer pending when Prefect accepts it, else reconcile retries it."""
    try:
        start(context, row, name, True)
    except Refusal as refusal:
        context.log.warning("a wish has to wait", extra={"workload": name, "code": refusal.code})
        return
    with context.database.writing() as session:
        webhooks.forget_wanted(session, row.workload_id, row.id)


def start_pending(context: Context, workload_id: int) -> None:
    """Start the pending deploy of a workload, unless another is under way."""
    with context.database.reading() as session:
        if webhooks.wanted(session, workload_id) is None:
            return
    if not is_ready(context):
        return
    with context.database.writing() as session:
        workload, wish = webhooks.hold(session, workload_id), webhooks.wanted(session, workload_id)
        if workload is None or wish is None:
            return
        row = _settle(session, workload, wish, now())
    if row is not None:
        begin(context, workload.name, row)


def _settle(session: Session, workload: Workload, wish: PendingDeploy, moment: datetime) -> Deploy | None:
    opened = session.get(Deploy, wish.deploy_id) if wish.deploy_id is not None else None
    todo = decide(wish, opened, history.latest(session, workload.id))
    if todo is Next.WAIT:
        return None
    told = tell("hook_given_up") if todo is Next.GIVE_UP else None
    if todo is Next.OPEN and is_held(workload, wish):
        told = tell("hook_held", what=wish.image or wish.ref or wish.commit or wish.digest)
    elif todo is Next.OPEN:
        try:
            return open_pending(session, workload, wish, moment)
        except InvalidSpec:
            told = tell("hook_outdated")
    webhooks.forget_wanted(session, workload.id)
    if told is not None:
        event_log.note(session, workload.id, told, moment, level="warning")
    return None


def start_pending_quietly(context: Context, workload_id: int) -> None:
    """Do as start_pending after another action, without changing the outcome of that."""
    try:
        start_pending(context, workload_id)
    except Exception as error:
        context.log.warning("a wish has to wait", extra={"kind": type(error).__name__})


def start_all_pending(context: Context) -> None:
    """Start the pending deploys of every workload of this host."""
    try:
        with context.database.reading() as session:
            ids = webhooks.wanting(session, context.settings.host_name)
    except LedgerUnavailable:
        return
    for workload_id in ids:
        start_pending_quietly(context, workload_id)
