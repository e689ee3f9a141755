"""Opening a row: the known parts of a requested deploy, assembled and written in the caller's transaction.

flows.requests and flows.webhooks.pending call it; both prevent a second deploy of the same workload.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from db import event_log, ledger, pins, workloads
from db.ledger import NewDeploy
from db.messages.events import asked_for
from db.messages.key_problems import KeyProblem
from db.models import Deploy, Workload
from db.states import Reason, Trigger
from tasks.kinds import kind_of
from tasks.sources.invalid_spec import InvalidSpec
from tasks.specs import redirected, release_of


@dataclass(frozen=True)
class Asked:
    """The requester, and the channel. With an idempotency key a repeated request gets the same row."""

    trigger: Trigger
    actor: str
    idempotency_key: str | None = None


def deploy_of(
    session: Session,
    workload: Workload,
    moment: datetime,
    asked: Asked,
    image: str | None = None,
    ref: str | None = None,
) -> NewDeploy:
    """Return a deploy of the spec, with another image or ref if one is given. Raises InvalidSpec."""
    kind = kind_of(workload)
    spec = workload.spec | {"source": redirected_source(workload, image, ref)}
    release = release_of(spec, list(workload.secrets))
    return NewDeploy(
        reason=Reason.DEPLOY,
        trigger=asked.trigger,
        actor=asked.actor,
        source_kind=kind.name,
        requested=kind.requested(spec["source"]),
        release_sha=workloads.keep_document(session, release, moment),
        host=workload.host,
        idempotency_key=asked.idempotency_key,
    )


def back_to(target: Deploy, reason: Reason, workload: Workload, asked: Asked) -> NewDeploy:
    """Return a new deploy of an earlier row's release."""
    return NewDeploy(
        reason=reason,
        trigger=asked.trigger,
        actor=asked.actor,
        source_kind=target.source_kind,
        requested=target.requested,
        release_sha=target.release_sha,
        host=workload.host,
        rollback_of=target.version,
        pin=pins.as_own(target.pin),
        idempotency_key=asked.idempotency_key,
    )


def write(session: Session, workload: Workload, wanted: NewDeploy, moment: datetime) -> Deploy:
    """Write the queued row, and its line in the event log. Raises db.ledger.DeployInFlight, undoing the transaction."""
    deploy = ledger.open_deploy(session, workload.id, wanted, moment)
    told = asked_for(deploy.reason, deploy.version, deploy.requested, deploy.rollback_of)
    event_log.note(session, workload.id, told, moment, actor=wanted.actor)
    return deploy


def redirected_source(workload: Workload, image: str | None, ref: str | None) -> dict[str, Any]:
    """Return the source of the spec, with another image or ref if one is given. Raises InvalidSpec."""
    kind, source = kind_of(workload), dict(workload.spec["source"])
    for key, value in (("image", image), ("ref", ref)):
        if value is not None:
            if key != kind.takes:
                raise InvalidSpec(key, KeyProblem.WRONG_KIND, kind=kind.name)
            source = redirected(source, key, value)
    return source
