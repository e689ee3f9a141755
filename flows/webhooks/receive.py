"""Receiving a webhook: from an authenticated delivery to its outcome.

A delivery that is acted on, its answer, and the deploy or pending deploy it leads to are written in one transaction:
sent twice, even concurrently, it gives one deploy and the same answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db import event_log, history, webhooks
from db.messages.events import Told, tell
from db.messages.refusals import RefusalCode
from db.models import Deploy, Hook, PendingDeploy, Workload
from db.states import UNFINISHED
from flows.new_deploy import redirected_source
from flows.refusals import Refusal
from flows.webhooks.pending import begin, is_held, is_ready, open_pending
from tasks.context import Context, now
from tasks.sources.invalid_spec import InvalidSpec
from tasks.webhooks import Delivery
from tasks.webhooks.matching import Target, decide, own_ref

Clean = Callable[[str], str]
ACTED_ON = ("deploying", "waiting", "held")


@dataclass(frozen=True)
class Answer:
    """The outcome of a call: a code of db.messages.errors.HOOKS, and the version that was opened, if any."""

    outcome: str
    version: int | None = None


@dataclass(frozen=True)
class Said:
    """A delivery in words: who pushed, by the sender's name for them (the sender itself, when that is unknown or
    contains a secret), and what, with secrets blanked out."""

    actor: str
    what: str


def receive(context: Context, hook: Hook, workload: Workload, deliveries: Sequence[Delivery]) -> Answer:
    """Handle an authenticated call; with several events, return the outcome of the last one acted on.

    Raises Refusal(no_such_workload) when workload or hook was removed in between.
    """
    context.secrets_of(workload)  # lets the redactor know the short ones too, should the payload contain one
    clean = context.cleaner()
    answers = [_one(context, hook, workload, delivery, clean) for delivery in deliveries] or [Answer("other_event")]
    mattered = [answer for answer in answers if answer.outcome in ACTED_ON]
    return (mattered or answers)[-1]


def _one(context: Context, hook: Hook, workload: Workload, delivery: Delivery, clean: Clean) -> Answer:
    said = _said(hook, delivery, clean)
    target = decide(workload.spec["source"], hook.branch, hook.tag, delivery, hook.paths or ())
    if not isinstance(target, str) and not _is_clean(workload, hook, delivery, clean):
        # A name that contains a secret is no branch or tag, and would be stored in every row.
        target = "other_tag" if delivery.branch is None else "other_branch"
    if isinstance(target, str):
        return _leave_alone(context, hook, said, target)
    ready = is_ready(context)
    with context.database.writing() as session:
        answer, row = _act(session, hook, delivery, said, target, ready, now())
    if row is not None:
        begin(context, workload.name, row)
    return answer


def _act(
    session: Session, hook: Hook, delivery: Delivery, said: Said, target: Target, ready: bool, moment: datetime
) -> tuple[Answer, Deploy | None]:
    workload, key = webhooks.hold(session, hook.workload_id), _key(delivery)
    if workload is None or session.get(Hook, hook.id) is None:
        raise Refusal(RefusalCode.NO_SUCH_WORKLOAD)
    if key is not None and (known := webhooks.known(session, hook.id, key)):
        return Answer(known.outcome, known.version), None
    wish = PendingDeploy(
        workload_id=workload.id,
        hook_id=hook.id,
        image=target.image,
        ref=target.ref,
        digest=delivery.digest,
        commit=delivery.commit,
        actor=said.actor,
        asked_at=moment,
        tries=0,
    )
    outcome = _outcome(session, workload, wish, ready)
    level = "warning" if outcome == "held" else "info"
    event_log.note(session, workload.id, _told(outcome, said.what), moment, actor=wish.actor, level=level)
    row = open_pending(session, workload, wish, moment) if outcome == "deploying" else None
    if outcome in {"deploying", "waiting"}:
        webhooks.want(session, wish)
    answer = Answer(outcome, row.version if row else None)
    if key is not None:
        webhooks.record(session, hook.id, key, answer.outcome, answer.version, moment)
    webhooks.mark(session, hook.id, outcome, moment)
    return answer, row


def _outcome(session: Session, workload: Workload, wish: PendingDeploy, ready: bool) -> str:
    try:
        redirected_source(workload, wish.image, wish.ref)
    except InvalidSpec:
        return "wrong_kind"
    if is_held(workload, wish):
        return "held"
    newest = history.latest(session, workload.id)
    is_busy = newest is not None and newest.status in UNFINISHED
    return "deploying" if ready and not is_busy else "waiting"


def _told(outcome: str, what: str) -> Told:
    match outcome:
        case "held":
            return tell("hook_held", what=what)
        case "waiting":
            return tell("hook_waiting", what=what)
        case _:
            return tell("hook_push", what=what)


def _leave_alone(context: Context, hook: Hook, said: Said, why: str) -> Answer:
    """Do nothing; record that at the hook, and in the event log where a person might wonder."""
    if why not in {"other_event", "other_repository"}:
        with context.database.writing() as session:
            moment = now()
            webhooks.mark(session, hook.id, why, moment)
            told = None
            if why == "skipped":
                told = tell("hook_skipped", what=said.what)
            elif why == "other_paths":
                told = tell("hook_other_paths", what=said.what)
            elif why in {"other_branch", "other_tag"}:
                told = tell("hook_left_alone", what=said.what)
            if told is not None:
                event_log.note(session, hook.workload_id, told, moment, actor=said.actor)
    return Answer(why)


def _key(delivery: Delivery) -> str | None:
    return None if delivery.id is None else hashlib.sha256(delivery.id.encode()).hexdigest()


def _is_clean(workload: Workload, hook: Hook, delivery: Delivery, clean: Clean) -> bool:
    """Return whether no text of the deploy contains a secret. A name from the hook or the source itself does not count,
    even when it equals a secret."""
    words = {delivery.branch, delivery.tag, delivery.commit, delivery.digest}
    words -= {None, hook.branch, hook.tag, own_ref(workload.spec["source"])}
    return all(clean(one) == one for one in words if one)


def _said(hook: Hook, delivery: Delivery, clean: Clean) -> Said:
    who, ref = delivery.actor, clean(delivery.branch or delivery.tag or "")
    return Said(
        actor=who if who is not None and clean(who) == who else hook.provider,
        what=" ".join(part for part in (ref, clean(delivery.commit or "")[:12]) if part) or "something",
    )
