"""Containers, their samples, and the images that Backstay brought to a host."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Float, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import NEVER_REUSE_IDS, Base, Id


class Container(Base):
    """The index of containers: whose each is or was. A removed one stays as long as its samples."""

    __tablename__ = "containers"

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    docker_id: Mapped[str] = mapped_column(String(64), unique=True)
    owner_type: Mapped[str] = mapped_column(String(20))
    owner_id: Mapped[int]
    deploy_version: Mapped[int]
    service: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))
    image_id: Mapped[str] = mapped_column(String(80))
    host: Mapped[str] = mapped_column(String(40))
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_container_owner", "owner_type", "owner_id"), NEVER_REUSE_IDS)


class Sample(Base):
    """One reading of one container. ts: epoch seconds, the same for all containers of a tick. Sizes in bytes.

    cpu_percent: 100 is one core. memory_limit: NULL when there is none. Counters (network, block) since start.
    """

    __tablename__ = "container_stats_samples"

    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    ts: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    container_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    owner_type: Mapped[str] = mapped_column(String(20))
    cpu_percent: Mapped[float | None] = mapped_column(Float)
    memory_usage: Mapped[int] = mapped_column(BigInteger)
    memory_limit: Mapped[int | None] = mapped_column(BigInteger)
    network_rx: Mapped[int | None] = mapped_column(BigInteger)
    network_tx: Mapped[int | None] = mapped_column(BigInteger)
    block_read: Mapped[int | None] = mapped_column(BigInteger)
    block_write: Mapped[int | None] = mapped_column(BigInteger)

    # The primary key is the table: reads of one owner and a span of time touch neighbouring pages only.
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012


class Image(Base):
    """An image that Backstay brought to a Docker host, by pulling or building it. Others have no row."""

    __tablename__ = "images"

    host: Mapped[str] = mapped_column(String(40), primary_key=True)
    image_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    repository: Mapped[str | None] = mapped_column(Text)
    digest: Mapped[str | None] = mapped_column(String(80))
    brought_at: Mapped[datetime]
