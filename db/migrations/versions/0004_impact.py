"""container events, totals, and the impact of a deploy on CPU and memory"""

import sqlalchemy as sa
from alembic import op

revision = "0004_impact"
down_revision = "0003_tiers"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_deploy_unseen": "status = 'succeeded' AND impact_looks IS NULL AND NOT live",
    "ix_deploy_untold": "NOT impact_told",
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "container_events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("workload_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("host", sa.String(length=40), nullable=False),
        sa.Column("docker_id", sa.String(length=64), nullable=False),
        sa.Column("container", sa.String(length=200), nullable=False),
        sa.Column("deploy_version", sa.Integer(), nullable=False),
        sa.Column("at_ns", sa.BigInteger(), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["workload_id"], ["workloads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("docker_id", "at_ns", name="uq_container_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_container_event_workload", "container_events", ["workload_id", "at_ns"])
    op.create_table(
        "tallies",
        sa.Column("workload_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workload_id"], ["workloads.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workload_id", "name", "label"),
    )
    # Added in place: rebuilding the table would have to recreate its partial indexes and AUTOINCREMENT.
    op.add_column("deploy_history", sa.Column("impact", sa.JSON(), nullable=True))
    op.add_column("deploy_history", sa.Column("impact_looks", sa.Integer(), nullable=True))
    op.add_column("deploy_history", sa.Column("impact_told", sa.Boolean(), nullable=True))
    # Deploys that were replaced long ago are no longer reviewed.
    op.execute("UPDATE deploy_history SET impact_looks = 0 WHERE NOT live")
    for name, rows in INDEXES.items():
        where = sa.text(rows)
        op.create_index(name, "deploy_history", ["id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Revert."""
    for name in INDEXES:
        op.drop_index(name, "deploy_history")
    for column in ("impact_told", "impact_looks", "impact"):
        op.drop_column("deploy_history", column)
    op.drop_table("tallies")
    op.drop_index("ix_container_event_workload", "container_events")
    op.drop_table("container_events")
