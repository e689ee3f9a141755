"""The tables of the tiers: samples summed over containers, in buckets of time. Queries are in db.metrics.tiers."""

from __future__ import annotations

from sqlalchemy import BigInteger, Float
from sqlalchemy.orm import Mapped, mapped_column

from db.models.base import Base


class Bucket(Base):
    """The usage of one owner's containers in the `width` seconds from `ts` on. Sums are over ticks; sizes in bytes.

    `deploy_version`: the version of the containers, 0 when they are of several or of an unknown one.
    `whole`: these are all containers of the owner. A bucket of one version is one row, which is both; a bucket of
    several has a whole row of version 0 and one row per version beside it. Averages are sum / ticks; a tick without a
    CPU reading counts in `ticks` and not in `cpu_ticks`.
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
    """The valid span of a tier of an owner: since <= ts < until; data older than `pruned` was deleted.

    Width 0 stands for the samples themselves, for which only `pruned` has a meaning.
    """

    __tablename__ = "container_stats_tier_marks"

    owner_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    width: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[int] = mapped_column(BigInteger)
    until: Mapped[int] = mapped_column(BigInteger)
    pruned: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012
