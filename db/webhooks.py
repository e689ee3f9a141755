"""Webhooks in the ledger: the hooks, the deliveries that were acted on, and the pending deploys.

None of the functions commits. A caller that decides about a workload takes `hold` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from db.access.vault import token_hash
from db.models import Hook, HookDelivery, PendingDeploy, Workload

# Longer than any sender allows a delivery to be sent again.
KEEP_DELIVERIES = timedelta(days=30)


def add(
    session: Session,
    workload_id: int,
    provider: str,
    token: str,
    locked_secret: str,
    now: datetime,
    *,
    branch: str | None = None,
    tag: str | None = None,
    paths: Sequence[str] = (),
    actor: str = "",
) -> Hook:
    """Add a hook. Hashes the token; the secret is already encrypted."""
    hook = Hook(
        workload_id=workload_id,
        provider=provider,
        token_hash=token_hash(token),
        secret=locked_secret,
        branch=branch,
        tag=tag,
        paths=list(paths) or None,
        created_at=now,
        created_by=actor,
    )
    session.add(hook)
    session.flush()
    return hook


def of_workload(session: Session, workload_id: int) -> Sequence[Hook]:
    """Return the hooks of a workload, oldest first."""
    return session.scalars(select(Hook).where(Hook.workload_id == workload_id).order_by(Hook.id)).all()


def by_token(session: Session, token: str) -> tuple[Hook, Workload] | None:
    """Return the hook whose address has this token, and its workload, unless that is being removed."""
    found = session.execute(
        select(Hook, Workload)
        .join(Workload, Workload.id == Hook.workload_id)
        .where(Hook.token_hash == token_hash(token), Workload.removing_at.is_(None))
    ).first()
    return (found[0], found[1]) if found else None


def remove(session: Session, workload_id: int, hook_id: int) -> bool:
    """Remove a hook, its deliveries, and its pending deploy. False when the workload has no such hook."""
    gone = delete(Hook).where(Hook.id == hook_id, Hook.workload_id == workload_id).returning(Hook.id)
    return session.execute(gone).first() is not None


def hold(session: Session, workload_id: int) -> Workload | None:
    """Lock a workload until the transaction ends and return it: concurrent deliveries are serialized, and no deploy is
    opened in between. None when it is being removed."""
    locked = select(Workload).where(Workload.id == workload_id, Workload.removing_at.is_(None))
    return session.scalars(locked.with_for_update(key_share=True).execution_options(populate_existing=True)).first()


def known(session: Session, hook_id: int, key: str) -> HookDelivery | None:
    """Return the delivery with that key, if it was acted on before."""
    return session.get(HookDelivery, (hook_id, key))


def record(session: Session, hook_id: int, key: str, outcome: str, version: int | None, now: datetime) -> None:
    """Store a delivery and its answer. The key must be new: check `known` under `hold`."""
    session.add(HookDelivery(hook_id=hook_id, key=key, received_at=now, outcome=outcome, version=version))
    session.flush()


def mark(session: Session, hook_id: int, outcome: str, now: datetime) -> None:
    """Record the outcome of the last authenticated call."""
    session.execute(update(Hook).where(Hook.id == hook_id).values(last_at=now, last_outcome=outcome))


def want(session: Session, wanted: PendingDeploy) -> None:
    """Store the pending deploy of a workload, replacing the previous one."""
    session.execute(delete(PendingDeploy).where(PendingDeploy.workload_id == wanted.workload_id))
    session.add(wanted)
    session.flush()


def wanted(session: Session, workload_id: int) -> PendingDeploy | None:
    """Return the pending deploy of a workload."""
    query = select(PendingDeploy).where(PendingDeploy.workload_id == workload_id)
    return session.scalars(query.execution_options(populate_existing=True)).first()


def wanting(session: Session, host: str) -> Sequence[int]:
    """Return ids of the workloads of a host that have a pending deploy."""
    query = select(PendingDeploy.workload_id).join(Workload, Workload.id == PendingDeploy.workload_id)
    return session.scalars(query.where(Workload.host == host, Workload.removing_at.is_(None))).all()


def forget_wanted(session: Session, workload_id: int, deploy_id: int | None = None) -> None:
    """Remove a pending deploy that is under way or abandoned. With `deploy_id`, only if that row was opened for it."""
    gone = delete(PendingDeploy).where(PendingDeploy.workload_id == workload_id)
    session.execute(gone if deploy_id is None else gone.where(PendingDeploy.deploy_id == deploy_id))


def prune(session: Session, workload_id: int, now: datetime) -> None:
    """Remove the deliveries of a workload that no sender will repeat."""
    of_it = select(Hook.id).where(Hook.workload_id == workload_id)
    session.execute(
        delete(HookDelivery).where(HookDelivery.hook_id.in_(of_it), HookDelivery.received_at < now - KEEP_DELIVERIES)
    )
