"""Queries of the ledger: rows, the live row, and the target of a rollback. Writes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Deploy
from db.releases import Pin
from db.states import UNFINISHED, ErrorCode, PinFound, Status


def find(session: Session, workload_id: int, version: int) -> Deploy | None:
    """Return the row of one version."""
    return session.scalars(select(Deploy).where(Deploy.workload_id == workload_id, Deploy.version == version)).first()


def by_idempotency_key(session: Session, workload_id: int, key: str) -> Deploy | None:
    """Return the row that an earlier request with this key opened."""
    return session.scalars(
        select(Deploy).where(Deploy.workload_id == workload_id, Deploy.idempotency_key == key)
    ).first()


def by_flow_run(session: Session, flow_run_id: str) -> Deploy | None:
    """Return the row that a flow run carries out."""
    return session.scalars(select(Deploy).where(Deploy.flow_run_id == flow_run_id)).first()


def live(session: Session, workload_id: int) -> Deploy | None:
    """Return the row of the live version."""
    return session.scalars(select(Deploy).where(Deploy.workload_id == workload_id, Deploy.live)).first()


def live_since(session: Session, moment: datetime) -> Sequence[Deploy]:
    """Return the live rows that went live after a moment."""
    return session.scalars(select(Deploy).where(Deploy.live, Deploy.finished_at >= moment)).all()


def latest(session: Session, workload_id: int) -> Deploy | None:
    """Return the newest row, whatever its status."""
    return session.scalars(
        select(Deploy).where(Deploy.workload_id == workload_id).order_by(Deploy.version.desc()).limit(1)
    ).first()


def cancel_requested(session: Session, deploy_id: int) -> bool:
    """Return whether the deploy was asked to stop."""
    return bool(session.scalar(select(Deploy.cancel_requested).where(Deploy.id == deploy_id)))


def unfinished(session: Session, host: str | None = None) -> Sequence[Deploy]:
    """Return queued and running rows, of one host or of all, oldest first."""
    query = select(Deploy).where(Deploy.status.in_([Status.QUEUED, Status.RUNNING])).order_by(Deploy.id)
    return session.scalars(query.where(Deploy.host == host) if host else query).all()


def versions(session: Session, workload_id: int) -> set[int]:
    """Return the versions that a workload has rows of."""
    return set(session.scalars(select(Deploy.version).where(Deploy.workload_id == workload_id)))


def page(
    session: Session,
    workload_id: int,
    *,
    limit: int = 50,
    before: int | None = None,
    status: str | None = None,
    reason: str | None = None,
) -> Sequence[Deploy]:
    """Return at most `limit` rows, newest first; with `before`, only those older than that version."""
    query = select(Deploy).where(Deploy.workload_id == workload_id)
    if before is not None:
        query = query.where(Deploy.version < before)
    if status is not None:
        query = query.where(Deploy.status == status)
    if reason is not None:
        query = query.where(Deploy.reason == reason)
    return session.scalars(query.order_by(Deploy.version.desc()).limit(limit)).all()


def live_and_latest(session: Session) -> tuple[dict[int, Deploy], dict[int, Deploy]]:
    """Return the live and the newest row of every workload, each keyed by workload id."""
    newest = select(func.max(Deploy.id)).group_by(Deploy.workload_id)
    live_rows = session.scalars(select(Deploy).where(Deploy.live)).all()
    last = {row.workload_id: row for row in session.scalars(select(Deploy).where(Deploy.id.in_(newest)))}
    return {row.workload_id: row for row in live_rows}, last


def same_pin(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> bool:
    """Return whether two pins name the same thing to run, however it was requested."""
    return identity(left) == identity(right)


# The inputs of a build: equal inputs are the same release.
BUILT_FROM = {"commit": ("context", "dockerfile", "build", "modules"), "content": ("server", "root", "serving")}


def identity(pin: Mapping[str, Any] | None) -> tuple[tuple[str, str], ...]:
    """Return the part of a pin that two equal ones share: the inputs of its build, its image id or file if known, else
    all but the requested words."""
    pin = pin or {}
    if pin.get("sha256"):
        return (("sha256", str(pin["sha256"])),)
    for key, beside in BUILT_FROM.items():
        if pin.get(key):
            # A rebuild from the same inputs has another image id, but is the same release.
            return tuple((one, _as_text(pin[one])) for one in (key, *beside) if one in pin)
    if pin.get("image_id"):
        return (("image_id", str(pin["image_id"])),)
    return tuple(sorted((key, str(value)) for key, value in pin.items() if key != "image"))


def _as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)


def default_rollback_target(session: Session, workload_id: int) -> Deploy | None:
    """Return the newest succeeded version before the live one whose pin differs and was not rolled back from.

    A pin that was rolled back from comes into question again when it is deployed again. None when there is no such
    version, or nothing is live.
    """
    current = live(session, workload_id)
    if current is None:
        return None
    succeeded = session.scalars(
        select(Deploy)
        .where(Deploy.workload_id == workload_id, Deploy.status == Status.SUCCEEDED, Deploy.version <= current.version)
        .order_by(Deploy.version.desc())
    ).all()
    rolled_back_from = {row.replaced for row in succeeded if row.rollback_of is not None}
    seen = {identity(current.pin)}
    for row in succeeded:
        if (pin := identity(row.pin)) not in seen and row.version not in rolled_back_from:
            return row
        seen.add(pin)
    return None


def kept_to_go_back_to(session: Session, workload_id: int, keep_images: int) -> Sequence[Deploy]:
    """Return the releases whose rows and images stay, newest first: the live one, the default rollback target, the
    newest `keep_images` that succeeded, and the newest of each of so many pins: however often one pin is deployed
    again, the others stay."""
    there = succeeded(session, workload_id)
    of_pins: dict[Any, Deploy] = {}
    for row in there:
        if row.pin is not None:
            of_pins.setdefault(identity(row.pin), row)
    kept = [*there[:keep_images], *list(of_pins.values())[:keep_images]]
    kept += [row for row in (live(session, workload_id), default_rollback_target(session, workload_id)) if row]
    return sorted({row.id: row for row in kept}.values(), key=lambda row: -row.version)


def succeeded(session: Session, workload_id: int) -> Sequence[Deploy]:
    """Return the rows of a workload that a rollback may restore, newest first."""
    found = select(Deploy).where(Deploy.workload_id == workload_id, Deploy.status == Status.SUCCEEDED)
    return session.scalars(found.order_by(Deploy.version.desc())).all()


def every_pin(session: Session) -> Sequence[Pin | None]:
    """Return the pins of all rows that succeeded or are unfinished, of all workloads."""
    wanted = [Status.SUCCEEDED, *UNFINISHED]
    return session.scalars(select(Deploy.pin).where(Deploy.status.in_(wanted))).all()


def succeeded_on(session: Session, host: str) -> Sequence[Deploy]:
    """Return the rows of a host that a rollback may restore, newest first."""
    return session.scalars(
        select(Deploy).where(Deploy.host == host, Deploy.status == Status.SUCCEEDED).order_by(Deploy.id.desc())
    ).all()


def refused_by(row: Deploy, live_row: Deploy | None) -> str | None:
    """Return the code with which a rollback to `row` is refused; None when it is accepted, whatever its outcome."""
    if live_row is not None and row.id == live_row.id:
        return "already_live"
    if row.status != Status.SUCCEEDED:
        return "not_a_success"
    if row.pin is None:
        return "not_rollback_capable"
    return None


def rollback_blocked_by(row: Deploy, live_row: Deploy | None) -> str | None:
    """Return the code of why a rollback to `row` would fail, as far as is known beforehand; None when it can succeed.

    Unknown (Docker or the registry did not respond) does not block.
    """
    refused = refused_by(row, live_row)
    if refused is None and row.pin_found == PinFound.NOWHERE:
        return str(ErrorCode.PIN_UNAVAILABLE)
    return refused


def never_began(row: Deploy) -> bool:
    """Return whether a row was lost on its way to an engine, without a cancellation."""
    lost = row.status == Status.INTERRUPTED or row.error_code == ErrorCode.ORCHESTRATOR_UNREACHABLE
    return lost and row.started_at is None
