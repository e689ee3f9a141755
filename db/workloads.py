"""Workloads: their spec, their secret values (already encrypted), and their removal with all they own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, cast

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.metrics import tiers
from db.models import OWNER, Container, Deploy, Document, Sample, Workload
from db.releases import Release

# Made once: nearly every request looks a name up, and building the statement took longer than running it.
_NAMED = (Workload.name == bindparam("name"), Workload.removing_at.is_(None))
_FIND = select(Workload).where(*_NAMED)
_FIND_ANY = select(Workload).where(_NAMED[0])
_ID_OF = select(Workload.id).where(*_NAMED)


class NameTaken(Exception):  # noqa: N818 - it names what happened
    """Another workload has the name."""


def find(session: Session, name: str, *, removing: bool = False) -> Workload | None:
    """Return the workload of that name; one that is being removed only with `removing`."""
    return session.scalars(_FIND_ANY if removing else _FIND, {"name": name}).first()


def id_of(session: Session, name: str) -> int | None:
    """Return only the id of what `find` finds: a quarter of the time."""
    found: int | None = session.connection().execute(_ID_OF, {"name": name}).scalar()
    return found


def every(session: Session, host: str | None = None, *, removing: bool = False) -> Sequence[Workload]:
    """Return all workloads by name; those that are being removed only with `removing`."""
    query = select(Workload).order_by(Workload.name)
    if not removing:
        query = query.where(Workload.removing_at.is_(None))
    return session.scalars(query.where(Workload.host == host) if host else query).all()


def create(session: Session, spec: dict[str, Any], secrets: dict[str, str], now: datetime) -> Workload:
    """Add a workload. `spec` has no secret values, `secrets` are encrypted ones. Raises NameTaken."""
    workload = Workload(
        name=spec["name"],
        host=spec["host"],
        spec=spec,
        secrets=secrets,
        held_pins=[],
        last_version=0,
        needs_reconcile=False,
        created_at=now,
        updated_at=now,
    )
    session.add(workload)
    taken = False
    try:
        session.flush()
    except IntegrityError:
        taken = True
    if taken:
        raise NameTaken
    return workload


def change(session: Session, workload_id: int, spec: dict[str, Any], secrets: dict[str, str], now: datetime) -> None:
    """Replace the spec and the secrets: what the next deploy will run. Touches nothing that runs."""
    workload = session.get_one(Workload, workload_id, with_for_update=True, populate_existing=True)
    workload.spec, workload.secrets, workload.updated_at = spec, secrets, now
    session.flush()


def set_needs_reconcile(session: Session, workload_id: int, needed: bool) -> None:
    """Record whether a rollout has begun whose workload has not converged yet."""
    session.execute(update(Workload).where(Workload.id == workload_id).values(needs_reconcile=needed))


def needing_reconcile(session: Session, host: str) -> Sequence[Workload]:
    """Return workloads of a host that a rollout has touched and that have not converged yet."""
    query = select(Workload).where(Workload.needs_reconcile, Workload.host == host, Workload.removing_at.is_(None))
    return session.scalars(query).all()


def begin_removal(session: Session, workload_id: int, now: datetime) -> None:
    """Mark the workload for removal, so that no deploy can start while its containers are stopped."""
    session.get_one(Workload, workload_id, with_for_update=True).removing_at = now
    session.flush()


def removing(session: Session, host: str) -> Sequence[Workload]:
    """Return workloads of a host whose removal was begun and not finished."""
    return session.scalars(select(Workload).where(Workload.removing_at.is_not(None), Workload.host == host)).all()


def remove(session: Session, workload_id: int) -> None:
    """Delete the workload and everything that belongs to it: ledger, events, containers, samples, documents."""
    session.execute(delete(Container).where(Container.owner_type == OWNER, Container.owner_id == workload_id))
    session.execute(delete(Workload).where(Workload.id == workload_id))  # the ledger and the events go by cascade
    # Last, so that a tick that read the index just before has finished.
    session.execute(delete(Sample).where(Sample.owner_type == OWNER, Sample.owner_id == workload_id))
    tiers.forget(session, workload_id)
    drop_unused_documents(session)


def keep_document(session: Session, content: Mapping[str, Any], now: datetime) -> str:
    """Store a configuration once, under the hash of its canonical JSON; return the hash."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    sha = hashlib.sha256(text.encode()).hexdigest()
    # Held until the transaction ends, so that it is not deleted before the row that names it exists.
    while session.get(Document, sha, with_for_update={"read": True, "key_share": True}) is None:
        # Another request may store the same text first, which is as good.
        with suppress(IntegrityError), session.begin_nested():
            session.add(Document(sha256=sha, content=text, created_at=now))
    return sha


def document(session: Session, sha: str) -> dict[str, Any]:
    """Return a stored configuration."""
    content: dict[str, Any] = json.loads(session.get_one(Document, sha).content)
    return content


def release(session: Session, deploy: Deploy) -> Release:
    """Return the configuration of a deploy."""
    return cast("Release", document(session, deploy.release_sha))


def drop_unused_documents(session: Session) -> None:
    """Delete the configurations that no row of the ledger names and no open request is about to name."""
    of_pins = select(Deploy.pin["sha256"].as_string()).where(Deploy.pin["sha256"].as_string().is_not(None))
    unused = select(Document.sha256).where(
        Document.sha256.not_in(select(Deploy.release_sha)), Document.sha256.not_in(of_pins)
    )
    # One may come into use between the query and the delete: then the next sweep deletes the others.
    with suppress(IntegrityError), session.begin_nested():
        session.execute(delete(Document).where(Document.sha256.in_(unused.with_for_update(skip_locked=True))))


def by_id(session: Session, workload_id: int) -> Workload:
    """Return the workload of that id. Raises sqlalchemy.exc.NoResultFound."""
    return session.get_one(Workload, workload_id)
