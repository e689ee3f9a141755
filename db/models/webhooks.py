"""The tables of webhooks: who may call, what came in, and what is still wanted. Shapes only, like db.models."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSE_IDS, Base, Id


class Hook(Base):
    """An address that a program may call to have a workload deployed.

    Of the token in the address only the hash is kept; the secret is encrypted. branch and tag are patterns, at most one
    of them given: without both it is the ref or the tag of the workload's own source.
    """

    __tablename__ = "hooks"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"), index=True)
    provider: Mapped[str] = mapped_column(String(20))  # tasks.webhooks.PROVIDERS
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    secret: Mapped[str] = mapped_column(Text)
    branch: Mapped[str | None] = mapped_column(String(200))
    tag: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(100))
    # The last call that was genuine, and what came of it: db.messages.errors.HOOKS.
    last_at: Mapped[datetime | None]
    last_outcome: Mapped[str | None] = mapped_column(String(40))

    __table_args__ = NEVER_REUSE_IDS


class HookDelivery(Base):
    """A delivery that was acted on, and the answer that it got, so that the same one gets the same answer again."""

    __tablename__ = "hook_deliveries"

    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)  # hash of what the sender calls it
    received_at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(40))
    version: Mapped[int | None]

    __table_args__ = (Index("ix_hook_delivery_received", "received_at"),)


class PendingDeploy(Base):
    """A deploy that a webhook asked for and that no engine has begun yet: one a workload, the newest.

    deploy_id is the row that was opened for it. It is forgotten when Prefect has taken the run; whatever happens
    before, reconcile comes back to it.
    """

    __tablename__ = "wanted_deploys"

    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"), primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"))
    image: Mapped[str | None] = mapped_column(Text)  # None: the one of the spec
    ref: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(80))  # what the sender said it is, to compare with what is held
    commit: Mapped[str | None] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(100))
    asked_at: Mapped[datetime]
    deploy_id: Mapped[int | None] = mapped_column(Id)
    tries: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("ix_wanted_hook", "hook_id"),)
