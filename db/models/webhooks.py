"""The tables of webhooks: hooks, deliveries, and pending deploys. Shapes only, like db.models."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSE_IDS, Base, Id


class Hook(Base):
    """An address that a program may call to have a workload deployed.

    The token in the address is stored as a hash; the secret is encrypted. branch and tag are patterns, at most one of
    them given: without both it is the ref or the tag of the workload's own source.
    """

    __tablename__ = "hooks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str] = mapped_column(String(20))  # tasks.webhooks.PROVIDERS
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    secret: Mapped[str] = mapped_column(Text)
    branch: Mapped[str | None] = mapped_column(String(200))
    tag: Mapped[str | None] = mapped_column(String(200))
    # Patterns of the files that a push has to change; None: any.
    paths: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    # The last authenticated call, and its outcome: db.messages.errors.HOOKS.
    last_at: Mapped[datetime | None]
    last_outcome: Mapped[str | None] = mapped_column(String(40))

    __table_args__ = NEVER_REUSE_IDS


class HookDelivery(Base):
    """A delivery that was acted on, and its answer, so that a repetition gets the same answer."""

    __tablename__ = "hook_deliveries"

    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # hash of the sender's id of it
    received_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(40))
    version: Mapped[int | None]

    __table_args__ = (Index("ix_hook_delivery_received", "received_at"),)


class PendingDeploy(Base):
    """A deploy that a webhook requested and that no engine has begun yet: one per workload, the latest.

    deploy_id is the row that was opened for it. It is deleted when Prefect has accepted the run; whatever happens
    before, reconcile retries it.
    """

    __tablename__ = "wanted_deploys"

    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"), primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"))
    image: Mapped[str | None] = mapped_column(Text)  # None: that of the spec
    ref: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(80))  # the digest the sender reports, to compare with held pins
    commit: Mapped[str | None] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    deploy_id: Mapped[int | None] = mapped_column(Id)
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("ix_wanted_hook", "hook_id"),)
