"""Workloads, their deploys (the ledger itself), the documents that these name, and the event log.

Two rules are here because only the database can enforce them under concurrency: one unfinished deploy per workload
and one live deploy per workload, each a partial unique index.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSE_IDS, Base, Id
from db.releases import Pin

# Samples and containers belong to an owner; today every owner is a workload.
OWNER = "workload"

# Deploys that were replaced before a review of their impact.
UNSEEN = "status = 'succeeded' AND impact_looks IS NULL AND NOT live"


class Workload(Base):
    """A named thing to run. `spec` is what the next deploy without arguments will run; secret values are apart."""

    __tablename__ = "workloads"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    host: Mapped[str] = mapped_column(String(40))
    spec: Mapped[dict[str, Any]]
    secrets: Mapped[dict[str, str]]  # name -> encrypted value
    held_pins: Mapped[list[Any]]
    last_version: Mapped[int] = mapped_column(default=0)
    # A rollout began and its containers have not converged yet: after a crash now, reconcile must converge them.
    # The column keeps its first name, so that older code can still read the table.
    needs_reconcile: Mapped[bool] = mapped_column("unsettled", default=False)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    removing_at: Mapped[datetime | None]  # set while a removal is under way, so that it can be finished after a crash

    __table_args__ = NEVER_REUSE_IDS


class Document(Base):
    """A text stored once, under its hash: the configuration of a release."""

    __tablename__ = "documents"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    content: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Deploy(Base):
    """One dispatch: deploy or rollback, success or failure. Written by db.ledger alone."""

    __tablename__ = "deploy_history"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"))
    version: Mapped[int]
    reason: Mapped[str] = mapped_column(String(20))
    trigger: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(100))
    source_kind: Mapped[str] = mapped_column(String(20))
    requested: Mapped[str] = mapped_column(Text)
    release_sha: Mapped[str] = mapped_column(ForeignKey("documents.sha256"))
    pin: Mapped[Pin | None] = mapped_column(JSON(none_as_null=True))
    status: Mapped[str] = mapped_column(String(20))
    stage: Mapped[str | None] = mapped_column(String(20))
    stages: Mapped[list[Any]]  # [{"name", "ms"}]
    error_code: Mapped[str | None] = mapped_column(String(40))
    error_fingerprint: Mapped[str | None] = mapped_column(String(16))
    live: Mapped[bool] = mapped_column(default=False)
    verified: Mapped[bool | None]
    verified_since: Mapped[datetime | None]  # since when `verified` has its value
    rollback_of: Mapped[int | None]  # the version that a rollback restores
    replaced: Mapped[int | None]  # the version that was live before this one
    host: Mapped[str] = mapped_column(String(40))
    engine_id: Mapped[str | None] = mapped_column(String(64))
    flow_run_id: Mapped[str | None] = mapped_column(String(36))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    pin_found: Mapped[str | None] = mapped_column(String(10))  # db.states.PinFound; NULL: not known
    pin_asked_at: Mapped[datetime | None]  # when a registry was last queried for the pin
    impact: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # by tasks.impact.verdict
    impact_looks: Mapped[int | None]  # how many reviews have been made; NULL: none yet
    impact_told: Mapped[bool | None]  # whether Prefect has received the newest verdict
    queued_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("workload_id", "version", name="uq_deploy_version"),
        UniqueConstraint("workload_id", "idempotency_key", name="uq_deploy_idempotency_key"),
        Index(
            "uq_deploy_unfinished",
            "workload_id",
            unique=True,
            sqlite_where=text("status IN ('queued', 'running')"),
            postgresql_where=text("status IN ('queued', 'running')"),
        ),
        Index("uq_deploy_live", "workload_id", unique=True, sqlite_where=text("live"), postgresql_where=text("live")),
        Index("ix_deploy_unseen", "id", sqlite_where=text(UNSEEN), postgresql_where=text(UNSEEN)),
        Index("ix_deploy_untold", "id", sqlite_where=text("NOT impact_told"), postgresql_where=text("NOT impact_told")),
        NEVER_REUSE_IDS,
    )


class Event(Base):
    """The log of a workload, for people: an English text, its code and parameters. The ledger never depends on it."""

    __tablename__ = "event_log"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"))
    ts: Mapped[datetime]
    level: Mapped[str] = mapped_column(String(10))
    message: Mapped[str] = mapped_column(Text)
    code: Mapped[str | None] = mapped_column(String(40))  # of db.messages.events; NULL: older than the codes
    params: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the sentence's values
    actor: Mapped[str] = mapped_column(String(100))

    __table_args__ = (Index("ix_event_workload_ts", "workload_id", "id"),)


class Installation(Base):
    """One row: the identity of this installation among others on the same Docker host."""

    __tablename__ = "installation"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    created_at: Mapped[datetime]
