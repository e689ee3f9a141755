"""The tables of the tiers: samples summed over containers, in buckets of time. Queries are in db.metrics.tiers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class Bucket(Base):
    """What the containers of one owner used in the `width` seconds from `ts` on. Sums are over ticks; sizes in bytes.

    `deploy_version`: the one whose containers they are, 0 when they are of several or of none that is known.
    `whole`: these are all containers of the owner. A bucket of one version is one row, which is both; a bucket of
    several has a whole row of version 0 and one a version beside it. Averages are sum / ticks; a tick without a CPU
    reading counts in `ticks` and not in `cpu_ticks`.
    """

    __tablename__ = "container_stats_tiers"

    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    width: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ts: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    deploy_version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    whole: Mapped[bool]
    ticks: Mapped[int]
    cpu_ticks: Mapped[int]
    cpu_sum: Mapped[float] = mapped_column(Float)
    cpu_max: Mapped[float | None] = mapped_column(Float)
    memory_sum: Mapped[int] = mapped_column(BigInteger)
    memory_max: Mapped[int] = mapped_column(BigInteger)
    memory_limit: Mapped[int | None] = mapped_column(BigInteger)

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012


class TierMark(Base):
    """How far a tier of an owner is: its buckets are right for since <= ts < until; older than `pruned` was deleted.

    Width 0 stands for the samples themselves, of which only `pruned` means something.
    """

    __tablename__ = "container_stats_tier_marks"

    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    width: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int] = mapped_column(BigInteger)
    pruned: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012
