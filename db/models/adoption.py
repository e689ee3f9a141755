"""The containers that others started and that Backstay adopted: Docker cannot label them afterwards."""

from __future__ import annotations

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class AdoptedContainer(Base):
    """A container, and the version that it belongs to once its adoption has succeeded. `name`: as it was found."""

    __tablename__ = "adopted_containers"

    docker_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    workload_id: Mapped[int] = mapped_column(ForeignKey("workloads.id", ondelete="CASCADE"))
    version: Mapped[int]
    service: Mapped[str] = mapped_column(String(100))
    name: Mapped[str] = mapped_column(String(200))

    __table_args__ = (Index("ix_adopted_workload", "workload_id"),)
